"""`nsgen check --reach`: who cannot reach whom, and what is to be mended for it.

Networks are apart by design; what is told here depends on routes, forwarding, address translation and links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nsgen.language.spec import Spec
from nsgen.reach.device import Device
from nsgen.reach.joined import DisjointSets
from nsgen.reach.verdict import Verdict
from nsgen.reach.ways import Reach
from nsgen.report import Path, Report
from nsgen.topology.model import Interface, Namespace, Node, Topology
from nsgen.topology.networks import Bridge
from nsgen.values import HOST, IPAddress, expand
from nsgen.words import listed, named

FEW = 4  # addresses that a finding names


@dataclass
class _Group:
    """Those whom a node does not reach, for one reason."""

    verdict: Verdict
    asker: str
    to: dict[IPAddress, str] = field(default_factory=dict)  # and whose each is


def report_unreached(topology: Topology, spec: Spec, found: Report) -> None:
    """File what is found, where it is to be mended."""
    paths = Paths(spec)
    for group in _groups(topology):
        found.warning(paths.of(group.verdict), _text(group))


def _groups(topology: Topology) -> Iterable[_Group]:
    reach = Reach(topology)
    pairs = Pairs(topology, reach)
    groups: dict[object, _Group] = {}
    for asker in pairs.nodes:
        for to in pairs.nodes:
            for version in (4, 6):
                address, verdict = pairs.worst(asker, to, version)
                if address is None or verdict is None:
                    continue
                reason = (verdict.node, verdict.reason, verdict.back, verdict.asked_from)
                group = groups.setdefault(
                    (asker.name, version, *reason), _Group(verdict, asker.name)
                )
                group.to[address] = to.name
    return groups.values()


class Pairs:
    """The pairs of nodes that should reach each other: both have addresses, and something connects them."""

    def __init__(self, topology: Topology, reach: Reach) -> None:
        """Find what is connected."""
        self.reach = reach
        self.topology = topology
        self._parts = _parts(reach)
        self._at = {
            reach.segments.segment(HOST, bridge.name): bridge
            for bridge in topology.bridges
            if bridge.ports
        }
        self._wired = {
            n.name
            for n in topology.nodes
            if n.interfaces or n.routes or not all(map(self._network, n.ends))
        }
        self._routers = {n.name for n in topology.nodes if n.forwarding}
        self._open = {
            bridge.name
            for namespace in topology.namespaces
            for bridge in self._networks(namespace)
            if namespace.name in self._routers and bridge.auto_routed
        }
        self._addresses = {
            node.name: [
                address.ip
                for device in reach.tables.devices(node.name)
                for address in device.addresses
                if not (address.is_loopback or address.is_link_local)
            ]
            for node in topology.nodes
        }

    @property
    def nodes(self) -> list[Node]:
        """The nodes that have addresses; the host only if it has more than its networks."""
        host = self.topology.host
        wired = host.ends or host.interfaces or host.forwarding
        named = self.topology.nodes if wired else self.topology.namespaces
        return [node for node in named if self._addresses[node.name]]

    def worst(
        self, asker: Node, to: Node, version: int
    ) -> tuple[IPAddress, Verdict] | tuple[None, None]:
        """Where a node is reached by no address of an IP version: the first of them, and why."""
        own, its = (self._of(node, version) for node in (asker, to))
        apart = asker is to or self._parts[asker.name] != self._parts[to.name]
        if apart or not own or not its or self._by_design(asker, to):
            return None, None
        found = [(address, self.reach.verdict(asker.name, address)) for address in its]
        if any(verdict.status != "broken" for _, verdict in found):
            return None, None
        if self.reached(to, asker, version):
            return None, None  # one way only, as address translation wants it
        return found[0]

    def reached(self, asker: Node, to: Node, version: int) -> IPAddress | None:
        """The first address by which a node is reached."""
        return next(self.answering(asker, to, self._of(to, version)), None)

    def answering(
        self, asker: Node, to: Node, addresses: Iterable[IPAddress]
    ) -> Iterator[IPAddress]:
        """The addresses of a node by which it is reached, and answers itself: others may have the same."""
        if asker is to or self._parts[asker.name] != self._parts[to.name]:
            return
        for address in addresses:
            verdict = self.reach.verdict(asker.name, address)
            if verdict.status == "ok" and verdict.answers == to.name:
                yield address

    def _of(self, node: Node, version: int) -> list[IPAddress]:
        return [address for address in self._addresses[node.name] if address.version == version]

    def _by_design(self, asker: Node, to: Node) -> bool:
        """Whether a network is between them that nobody but the host connects with others."""
        return self._kept(asker) or self._kept(to)

    def _kept(self, node: Node) -> bool:
        """Whether a namespace has networks alone, and no router on them."""
        if not isinstance(node, Namespace) or node.name in self._wired:
            return False
        return not any(bridge.name in self._open for bridge in self._networks(node))

    def _networks(self, node: Namespace) -> Iterator[Bridge]:
        """The networks that a namespace is on, as a member or behind a port."""
        yield from (member.bridge for member in node.members)
        yield from (bridge for end in node.ends if (bridge := self._network(end)) is not None)

    def _network(self, end: Interface) -> Bridge | None:
        """The network on which the end of a cable is, if it leads to a port of one."""
        device = self.reach.segments.at.get((end.node, end.name)) if self._at else None
        return None if device is None else self._at.get(self.reach.segments.switch(device))


def _parts(reach: Reach) -> dict[str, str]:
    """By node, the first of all those that are connected with it, by whatever segments."""
    parts = DisjointSets[str]()
    first: dict[object, Device] = {}
    for device in reach.segments.devices:
        parts.join(first.setdefault(reach.segments.switch(device), device).node, device.node)
    return {device.node: parts.root(device.node) for device in reach.segments.devices}


# -- in words -----------------------------------------------------------------------------------


def _text(group: _Group) -> str:
    verdict, asker = group.verdict, named(group.asker)
    listed = _listed([f"{name} ({address})" for address, name in group.to.items()])
    if not verdict.back:
        own = verdict.node == group.asker and "{to}" in verdict.reason
        if own:  # it says whom already
            return verdict.reason.format(to=listed)
        reason = verdict.reason.format(to="it" if len(group.to) == 1 else "them")
        return f"{asker} does not reach {listed}: {reason}"
    reason = verdict.reason.format(to="it")
    return f"{asker} gets no answer from {listed}: no way back to {verdict.asked_from}: {reason}"


def _listed(items: list[str]) -> str:
    if len(items) > FEW:
        return f"{', '.join(items[:FEW])} and {len(items) - FEW} more"
    return listed(items)


class Paths:
    """Where what is to be mended is written."""

    def __init__(self, spec: Spec) -> None:
        """Note which node comes from which key."""
        self._keys = {name: key for key in spec.namespaces for name in expand(key)}
        self._spec = spec

    def of(self, verdict: Verdict) -> Path:
        """The place in the node where a way ends; the node itself, where nothing is written there yet."""
        return next(self._places(verdict))

    def _places(self, verdict: Verdict) -> Iterator[Path]:
        if verdict.node == HOST:
            at: Path = ("host",)
            written = getattr(self._spec.host, verdict.mend)
        else:
            key = self._keys[verdict.node]
            at = ("namespaces", key)
            written = getattr(self._spec.namespaces[key], verdict.mend)
        if written:
            yield (*at, verdict.mend)
        yield at
