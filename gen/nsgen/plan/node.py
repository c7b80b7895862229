"""What is done inside one node: its interfaces, addresses, routes, policy rules and WireGuard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.kind import Loopback, Port
from nsgen.language.kinds.physical import Physical
from nsgen.language.kinds.tap import Tap
from nsgen.language.kinds.wireguard import Wireguard
from nsgen.language.opposite import PeerAddress
from nsgen.language.policy import policy_versions
from nsgen.ops import (
    MARK,
    AddAddress,
    AddLink,
    AddNeighbour,
    AddPolicy,
    AddRoute,
    AddVeth,
    Argv,
    MapVlan,
    Op,
    SetLink,
    SetNetem,
    SetSysctl,
    TakeDevice,
)
from nsgen.plan import why
from nsgen.plan.node_nat import counted_marks, ways_out
from nsgen.plan.routes import policy_words, route_words, routes_of
from nsgen.plan.steps import Step, alias, device_sysctl, no_link_local, unless_asked
from nsgen.topology.model import Card, Interface, Namespace, Node, Topology
from nsgen.topology.networks import Member
from nsgen.values import HOST

AnyDevice = Member | Interface


@dataclass
class NodeSteps:
    """Writes the steps of one node after the other; a reason is said once."""

    topology: Topology
    mark: str = field(init=False)
    order: dict[str, int] = field(init=False)  # of the nodes, as they come
    given: dict[str, list[Interface]] = field(init=False)  # by node, what it makes for others
    key_files: dict[tuple[str, str], str] = field(init=False)  # of WireGuard, by node and device
    networks: set[str] = field(init=False)  # of the host, by the names of their bridges
    links_why: str = field(init=False)
    said: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Take over whose it all is."""
        self.mark = MARK.format(self.topology.name)
        nodes = (self.topology.host, *parents_first(self.topology.namespaces))
        self.order = {node.name: index for index, node in enumerate(nodes)}
        self.networks = {bridge.name for bridge in self.topology.bridges}
        unequal = any(link.first.mtu != link.second.mtu for link in self.topology.links)
        self.links_why = why.LINKS + (why.UNEQUAL if unequal else "")
        self.given, self.key_files = {}, {}
        for node in self.topology.nodes:
            for interface in node.interfaces:
                written, parent = interface.written, interface.written.parent
                if parent is not None and parent.node != node.name:
                    self.given.setdefault(parent.node, []).append(interface)
                if isinstance(written, Wireguard):
                    self.key_files[node.name, interface.name] = written.private_key_file

    def why(self, reason: str) -> str:
        """A reason, unless it was said."""
        known = reason in self.said
        self.said.add(reason)
        return "" if known else reason

    # -- devices --------------------------------------------------------------------------------

    def devices(
        self, node: Node, title: str, ops: list[Op], cables: list[AddVeth] | None = None
    ) -> Iterator[Step]:
        """What the node is made of: `ops` come first, under the title; `cables`: none, if they are made already."""
        cables = list(self._cables(node)) if cables is None else cables
        if cables and self.why(self.links_why):
            yield Step(title, tuple(ops))
            title, ops = self.links_why, []
        ops += cables
        for interface in node.interfaces:
            if isinstance(interface.written, Loopback):
                continue
            made = self._made(interface)
            reason = self.why(interface.written.WHY)
            if reason and made:
                yield Step(title, tuple(ops))
                title, ops = reason, []
            ops += made
        for device in devices(node):
            if reason := self._new(node, device):
                yield Step(title, tuple(ops))
                title, ops = reason, []
            ops += self._setting(node.name, device)
        yield Step(title, (*ops, *routes_of(node)))
        plugged = any(card.master in self.networks for card in node.cards)
        reason = f"{why.CARDS}\n{self.why(why.ON_NETWORK)}" if plugged else why.CARDS
        yield Step(reason.rstrip(), tuple(op for card in node.cards for op in _enslaved(card)))
        if node.name != HOST:
            yield self.auto_routes(node)
            if node.uplinks or node.marks:
                yield from self._marked(node)
        yield from self._more(node)

    def _new(self, node: Node, device: AnyDevice) -> str:
        """What has to be said before a device is set up, and was not said yet."""
        if node.name == HOST and device.master in self.networks:
            return self.why(why.ON_NETWORK)
        return self.why(why.PEER) if isinstance(device, Interface) and device.peers else ""

    def _marked(self, node: Node) -> Iterator[Step]:
        """What the marks of a namespace's uplinks lead to, and that they count."""
        for step in (*ways_out(node), *counted_marks(node)):
            yield Step(self.why(step.why) if step.ops else "", step.ops)

    def auto_routes(self, node: Node) -> Step:
        """Routes of a node that `routing: auto` has worked out."""
        ops = tuple(AddRoute(node.name, route_words(route)) for route in node.auto_routes)
        return Step(self.why(why.AUTO_ROUTES) if ops else "", ops)

    def host(self, node: Node) -> Iterator[Step]:
        """The host's own devices: IPv6 is settled before any of them is up."""
        yield Step(self.links_why, tuple(self._cables(node)))
        yield Step(why.HOST_IPV6, unless_asked(node, _quiet(node.ends)), guard=True)
        yield from self.devices(node, why.HOST_DEVICES, [], cables=[])

    def _cables(self, node: Node) -> Iterator[AddVeth]:
        """The links that are made here: those whose other end is in a node further on, or here too.

        Made in the node itself: Linux 6.1 looks for a new device's name where it is made from, not where it is put.
        """
        for link in self.topology.links_of(node.name):
            here, there = link.first, link.second
            if self.order[there.node] < self.order[here.node]:
                here, there = there, here
            if here.node == node.name:
                yield AddVeth(
                    node=node.name,
                    name=here.name,
                    peer=there.name,
                    peer_into="" if there.node == here.node else there.node,
                    mtu=here.mtu,
                    peer_mac=there.mac,
                    mac=here.mac,
                    peer_mtu=there.mtu,
                )

    def _made(self, interface: Interface) -> list[Op]:
        """Making it, if it is made in its own node."""
        written, node = interface.written, interface.node
        parent = written.parent
        if isinstance(written, Physical):
            return [TakeDevice(node, interface.name)]
        if isinstance(written, Tap):
            return list(written.made(node, interface.name, interface.mac, interface.mtu))
        if parent is not None and written.ELSEWHERE and parent.node not in ("", node):
            return []
        return [self._add(interface, node)]

    @staticmethod
    def _add(interface: Interface, node: str) -> AddLink:
        written = interface.written
        parent = written.parent.device if written.parent is not None else ""
        return AddLink(
            node=node,
            name=interface.name,
            kind=written.kind,
            words=written.words(),
            parent="" if written.SAYS_PARENT else parent,
            into="" if node == interface.node else interface.node,
            mac=interface.mac,
            mtu=interface.mtu,
        )

    def _setting(self, node: str, device: AnyDevice) -> Iterator[Op]:
        name = device.device if isinstance(device, Member) else device.name
        written = None if isinstance(device, Member) else device.written
        settings: Argv = ()
        ours = name != "lo" and not isinstance(written, Physical)
        if (node in self.topology.shared and ours) or name != device.long_name:
            settings += ("alias", alias(self.mark, name, device.long_name))
        if name != "lo" and device.plain_ipv4:
            settings += no_link_local(device.mtu)
        if settings:
            yield SetLink(node, name, settings)
        if device.master:
            yield SetLink(node, name, ("master", device.master))
        yield from port_flags(node, name, device.port)
        for address in device.addresses:  # of IPv4, the route to a peer comes with it
            peer = isinstance(address, PeerAddress) and address.version == 4 and str(address.peer)
            yield AddAddress(node, str(address), name, peer or "")
        if name != "lo" and (written is None or written.up):
            yield SetLink(node, name, ("up",))
        yield from (AddNeighbour(node, str(n.address), n.mac, name) for n in device.neighbours)

    def _more(self, node: Node) -> Iterator[Step]:
        """What takes other programs than ip(8), and what goes from here into other nodes."""
        extra = [op for i in node.interfaces for op in i.written.settings(node.name, i.name)]
        extra.sort(key=lambda op: isinstance(op, MapVlan))  # VLANs are there before they are mapped
        yield Step(self.why(why.BRIDGE_SETTINGS) if extra else "", tuple(extra))
        if any(isinstance(interface.written, Wireguard) for interface in node.interfaces):
            from nsgen.plan.wireguard import wireguard  # few nodes have any

            yield Step(self.why(why.WIREGUARD), tuple(wireguard(node, self.key_files)))
        answering = list(_answering(node))
        yield Step(self.why(why.PROXY_NDP) if answering else "", tuple(answering))
        impaired = list(_netem(node))
        yield Step(self.why(why.IMPAIR) if impaired else "", tuple(impaired))
        rules = [
            AddPolicy(node.name, version, policy_words(rule))
            for rule in node.policies
            for version in policy_versions(rule)
        ]
        yield Step(self.why(why.POLICIES) if rules else "", tuple(rules))
        for interface in self.given.get(node.name, ()):
            yield Step(self.why(interface.written.WHY), (self._add(interface, node.name),))


def parents_first(namespaces: tuple[Namespace, ...]) -> list[Namespace]:
    """The namespaces, each behind those that it has devices from."""
    if not any(namespace.interfaces for namespace in namespaces):
        return list(namespaces)
    from nsgen.topology.order import in_order  # few need it

    by_name = {namespace.name: namespace for namespace in namespaces}
    below = {
        name: {p.node for i in namespace.interfaces for p in [i.written.parent] if p} - {name}
        for name, namespace in by_name.items()
    }
    return [by_name[name] for name in in_order(below)]


def _quiet(ends: Iterable[Interface]) -> Iterator[SetSysctl]:
    """Nobody beyond a cable is a router for this host, and IPv6 is on where it is asked for."""
    for end in ends:
        if end.plain_ipv4:
            yield device_sysctl(6, end.name, "disable_ipv6", "1")
        else:
            yield device_sysctl(6, end.name, "accept_ra", "0")


def devices(node: Node) -> Iterator[AnyDevice]:
    """The devices of a node: on networks, ends of links, and others, each behind the one that it is made on."""
    yield from node.members
    yield from node.ends
    yield from node.interfaces


def _enslaved(card: Card) -> Iterator[Op]:
    """A device of the host's own as a port: it has no alias of ours, by which it would go on `down`."""
    yield TakeDevice(HOST, card.name)
    yield SetLink(HOST, card.name, ("master", card.master))
    yield from port_flags(HOST, card.name, card.port)
    yield SetLink(HOST, card.name, ("up",))


def port_flag(node: str, port: str, flag: str) -> SetLink:
    """A setting of a bridge's port."""
    return SetLink(node, port, ("type", "bridge_slave", flag, "on"))


def port_flags(node: str, name: str, port: Port) -> Iterator[Op]:
    """The settings of a bridge's port."""
    if port.hairpin:
        yield port_flag(node, name, "hairpin")
    if port.isolated:
        yield port_flag(node, name, "isolated")


def _answering(node: Node) -> Iterator[SetSysctl]:
    """IPv6 asks for a switch besides the addresses; IPv4 does not."""
    for device in devices(node):
        if any(n.address.version == 6 and not n.mac for n in device.neighbours):
            name = device.device if isinstance(device, Member) else device.name
            yield device_sysctl(6, name, "proxy_ndp", "1", node.name)


def _netem(node: Node) -> Iterator[SetNetem]:
    """Both ways: what a cable delays is delayed at both of its ends."""
    for device in devices(node):
        name = device.device if isinstance(device, Member) else device.name
        if device.impair is not None:
            yield SetNetem(node.name, name, device.impair.words())


def netem(device: str, impair: Impair | None) -> tuple[SetNetem, ...]:
    """The end on the host of an impaired place on a network."""
    return () if impair is None else (SetNetem(HOST, device, impair.words()),)
