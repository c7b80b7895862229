"""What transparent proxies claim: a connection that passes a node is answered there; and which claims they overrule."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from nsgen.language.routing import Nat
from nsgen.proof.claims.claim import Claim, Listener
from nsgen.proof.claims.view import SceneView
from nsgen.reach.verdict import hops
from nsgen.reach.ways import Reach
from nsgen.topology.model import Interface, Node
from nsgen.topology.networks import Member
from nsgen.topology.proxied import families
from nsgen.values import HOST, INTERNET, OUTSIDE, IPAddress

COLUMN = "by a proxy"
AnyDevice = Member | Interface


class Proxies:
    """The proxies of a topology in a scene."""

    def __init__(self, view: SceneView) -> None:
        """Take it over."""
        self.view = view
        self.reach = Reach(view.topology)
        self.nodes = {node.name: node for node in view.topology.nodes}

    def claims(self) -> Iterator[Claim]:
        """Of each entry for TCP that is for packets of others: who asks somebody else is answered by its node."""
        for node in self.view.topology.nodes:
            for nat in node.nats:
                if not nat.proxied or nat.l4 != "tcp" or nat.of_own:
                    continue
                for version in families(self.view.topology, node, nat):
                    found = self._asked(node, nat, version)
                    if found is not None:
                        yield found
                        yield from self._asked_on(node, nat, found)

    def listeners(self) -> Iterator[Listener]:
        """The proxies themselves."""
        for node in self.view.topology.nodes:
            for nat in node.nats:
                if nat.tproxy is not None and nat.l4 == "tcp":
                    yield Listener(
                        node.name, str(nat.tproxy.address or "*"), nat.tproxy.port, "tcp"
                    )
                elif nat.redirect is not None and nat.l4 == "tcp" and not nat.of_own:
                    yield Listener(node.name, "*", nat.redirect, "tcp")

    def takes(self, claim: Claim) -> bool:
        """Whether what a claim asks may be taken by a proxy, of its asker's or on its way."""
        if claim.protocol not in ("tcp", "udp", "sctp") or claim.stray or "%" in claim.to:
            return False
        to = ip_address(claim.to)
        ways = [(claim.asker, "lo"), *self._ways(claim.asker, to)]
        return any(
            self._first(node, came, to, claim.port, claim.protocol) is not None
            for node, came in ways
        )

    # -- one question -------------------------------------------------------------------------------

    def _asked(self, node: Node, nat: Nat, version: int) -> Claim | None:
        """The first who asks by way of the node, and whom, so that this entry takes it."""
        port = nat.port.first if nat.port is not None else self.view.known
        for asker in self.nodes.values():
            for to in self._others(node, asker, nat, version) if asker is not node else ():
                ways = self._ways(asker.name, to)
                source = self._source(asker, node, nat, version)
                wanted = (node.name, nat.in_) in ways and (
                    nat.from_ is None or (source is not None and source in nat.from_)
                )
                if wanted and self._first(node.name, nat.in_ or "", to, port, "tcp") is nat:
                    why = f"a proxy of {node.name} gets what comes in by {nat.in_}"
                    peers = (str(source),) if source is not None else ()
                    return Claim(
                        *(asker.name, COLUMN, str(to), port, "tcp", True, why),
                        by=node.name,
                        peers=peers,
                        proxied=True,
                    )
        return None

    def _asked_on(self, node: Node, nat: Nat, claim: Claim) -> Iterator[Claim]:
        """A proxy that asks on as its client gets the answer, which is for the client's address."""
        owners = self.reach.segments.owners.get(ip_address(claim.to), ())
        names = {device.node for device in owners} - {HOST}
        if nat.tproxy is None or not claim.peers or len(names) != 1:
            return
        why = f"a proxy of {node.name} asks on as its client"
        asker, port = f"{node.name}@{claim.peers[0]}", self.view.closed
        yield Claim(
            *(asker, "as its client", claim.to, port, "tcp", True, why),
            by=names.pop(),
            peers=claim.peers,
            proxied=True,
        )

    def _others(self, node: Node, asker: Node, nat: Nat, version: int) -> Iterator[IPAddress]:
        """Whom somebody may ask: somebody on the internet, or somebody else of the topology."""
        if node.name == HOST and asker.name != HOST:
            yield self.view.scene.sides[version].internet
        if nat.to is not None and nat.to.version == version:
            yield nat.to.network_address if nat.to.num_addresses == 1 else nat.to[1]
        for address, devices in self.reach.segments.owners.items():
            owners = {device.node for device in devices}
            if address.version == version and not owners & {node.name, asker.name}:
                yield address

    def _source(self, asker: Node, node: Node, nat: Nat, version: int) -> IPAddress | None:
        """The address of who asks, where it has one alone, and the proxy is next to it."""
        devices: list[AnyDevice] = [*asker.members, *asker.wired]
        found = [a.ip for d in devices for a in d.addresses if a.version == version]
        found = [ip for ip in found if not ip.is_link_local]
        beside: list[AnyDevice] = [*node.members, *node.wired]
        near = [a.network for d in beside for a in d.addresses if _is(d, nat)]
        near += [
            s.network
            for b in self.view.topology.bridges
            if node.name == HOST and b.name == nat.in_
            for s in b.subnets
        ]
        next_door = [ip for ip in found if any(ip in n for n in near if n.version == version)]
        return next_door[0] if len(found) == 1 and next_door else None

    def _ways(self, asker: str, to: IPAddress) -> list[tuple[str, str]]:
        """The nodes that a question passes, each with the device that it comes in by."""
        scene = self.view.scene
        if asker in (OUTSIDE, INTERNET):
            return [(HOST, scene.uplink)]
        found = [(node, came) for node, came, _ in hops(self.reach.way(asker, to)) if came]
        if not found and asker in self.view.names():
            members = self.view.namespace(asker).members
            found = [(HOST, m.bridge.name) for m in members if m.routed(to.version)]
        return found

    # -- what an entry is for -----------------------------------------------------------------------

    def _first(self, name: str, came: str, to: IPAddress, port: int, protocol: str) -> Nat | None:
        """The entry of a node that decides about a packet, if it is one for a proxy."""
        node = self.nodes.get(name)
        for nat in node.nats if node is not None else ():
            if not nat.into or nat.in_ not in (None, came) or nat.l4 not in ("", protocol):
                continue
            ports = nat.port is None or nat.port.first <= port <= nat.port.last
            if ports and node is not None and self._meant(node, nat, to):
                return nat if nat.proxied else None
        return None

    def _meant(self, node: Node, nat: Nat, to: IPAddress) -> bool:
        """Whether a destination is one that an entry is for."""
        if nat.to is not None or not nat.proxied:
            return to in nat.to if nat.to is not None else self._is_own(node, to)
        near = [
            subnet.network
            for bridge in self.view.topology.bridges
            if node.name == HOST and bridge.name == nat.in_
            for subnet in bridge.subnets
        ]
        spared = any(to in one for one in (*nat.except_, *near))
        version = to.version in families(self.view.topology, node, nat)
        return version and not (spared or to.is_loopback or self._is_own(node, to))

    def _is_own(self, node: Node, to: IPAddress) -> bool:
        """Whether an address is a node's own."""
        if any(device.node == node.name for device in self.reach.segments.owners.get(to, ())):
            return True
        scene = self.view.scene
        own = (*(side.host for side in scene.sides.values()), *scene.host_addresses)
        return node.name == HOST and (to in own or str(to) in self._gateways())

    def _gateways(self) -> set[str]:
        return {str(a) for v in (4, 6) for a in self.view.gateways_of(v)}


def _is(device: AnyDevice, nat: Nat) -> bool:
    """Whether a device is the one that an entry is about."""
    return nat.in_ == (device.device if isinstance(device, Member) else device.name)
