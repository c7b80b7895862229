"""What is done inside each node: its interfaces, addresses, routes, files and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nsgen import needs, why
from nsgen.links.impair import Impair
from nsgen.links.kind import Loopback, Port
from nsgen.links.physical import Physical
from nsgen.links.wireguard import Wireguard
from nsgen.ops import (
    HOST,
    MARK,
    AddAddress,
    AddLink,
    AddPolicy,
    AddRoute,
    AddVeth,
    Argv,
    Impede,
    Op,
    SetLink,
    SetPeer,
    SetSysctl,
    SetWireguard,
    TakeDevice,
    WriteFile,
)
from nsgen.routing import Policy, Route, policy_versions
from nsgen.steps import Step, alias, device_sysctl, no_link_local, sysctl_key
from nsgen.topology import Interface, Member, Namespace, Node, Topology

Device = Member | Interface


@dataclass
class Author:
    """Writes the steps of one node after the other; a reason is said once."""

    topology: Topology
    mark: str = field(init=False)
    order: dict[str, int] = field(init=False)  # of the nodes, as they come
    given: dict[str, list[Interface]] = field(init=False)  # by node, what it makes for others
    key_files: dict[tuple[str, str], str] = field(init=False)  # of WireGuard, by node and device
    said: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Take over whose it all is."""
        self.mark = MARK.format(self.topology.name)
        nodes = (self.topology.host, *_parents_first(self.topology.namespaces))
        self.order = {node.name: index for index, node in enumerate(nodes)}
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
        if cables and self.why(why.LINKS):
            yield Step(title, tuple(ops))
            title, ops = why.LINKS, []
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
            ops += self._setting(node.name, device)
        ops += [
            AddRoute(node.name, ("default", "via", str(gateway), "dev", member.device))
            for member in _members(node)
            for gateway in member.default_routes
        ]
        if node.name != HOST:
            ops += [
                AddRoute(node.name, route_words(route)) for route in node.routes[: node.written]
            ]
        yield Step(title, tuple(ops))
        if node.name != HOST:
            yield self.worked_out(node)
        yield from self._more(node)

    def worked_out(self, node: Node) -> Step:
        """Its routes that `routing: auto` has worked out."""
        ops = tuple(
            AddRoute(node.name, route_words(route)) for route in node.routes[node.written :]
        )
        return Step(self.why(why.AUTO_ROUTES) if ops else "", ops)

    def host(self, node: Node) -> Iterator[Step]:
        """The host's own devices: IPv6 is settled before any of them is up."""
        yield Step(why.LINKS, tuple(self._cables(node)))
        yield Step(why.HOST_IPV6, tuple(_quiet(node.ends)), guard=True)
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
                )

    def _made(self, interface: Interface) -> list[Op]:
        """Making it, if it is made in its own node."""
        written, node = interface.written, interface.node
        parent = written.parent
        if isinstance(written, Physical):
            return [TakeDevice(node, interface.name)]
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
            parent="" if written.KIND == "vxlan" else parent,  # says it with `dev`
            into="" if node == interface.node else interface.node,
            mac=interface.mac,
            mtu=interface.mtu,
        )

    def _setting(self, node: str, device: Device) -> Iterator[Op]:
        name = device.device if isinstance(device, Member) else device.name
        long_name = device.device_name if isinstance(device, Member) else device.long_name
        written = None if isinstance(device, Member) else device.written
        settings: Argv = ()
        if (node == HOST and name != "lo") or name != long_name:
            settings += ("alias", alias(self.mark, name, long_name))
        plain = device.bridge.plain_ipv4 if isinstance(device, Member) else device.plain_ipv4
        if name != "lo" and (plain or not device.addresses):
            settings += no_link_local(device.mtu)
        if settings:
            yield SetLink(node, name, settings)
        if device.master:
            yield SetLink(node, name, ("master", device.master))
        yield from port_flags(node, name, device.port)
        yield from (AddAddress(node, str(address), name) for address in device.addresses)
        if name != "lo" and (written is None or written.up):
            yield SetLink(node, name, ("up",))

    def _more(self, node: Node) -> Iterator[Step]:
        """What takes other programs than ip(8), and what goes from here into other nodes."""
        extra = [op for i in node.interfaces for op in i.written.settings(node.name, i.name)]
        yield Step(self.why(why.BRIDGE_SETTINGS) if extra else "", tuple(extra))
        yield from self._secrets(node)
        impeded = list(_impeded(node))
        yield Step(self.why(why.IMPAIR) if impeded else "", tuple(impeded))
        rules = [
            AddPolicy(node.name, version, policy_words(rule))
            for rule in node.policies
            for version in policy_versions(rule)
        ]
        yield Step(self.why(why.POLICIES) if rules else "", tuple(rules))
        for interface in self.given.get(node.name, ()):
            yield Step(self.why(interface.written.WHY), (self._add(interface, node.name),))

    def _secrets(self, node: Node) -> Iterator[Step]:
        ops: list[Op] = []
        for interface in node.interfaces:
            if not isinstance(interface.written, Wireguard):
                continue
            written, name = interface.written, interface.name
            port = written.listen_port or 0
            ops.append(SetWireguard(node.name, name, written.private_key_file, port))
            for peer in written.peers:
                place = peer.interface
                key_file = self.key_files[place.node, place.device] if place is not None else ""
                allowed = ",".join(map(str, peer.allowed_ips))
                keepalive = peer.persistent_keepalive or 0
                ops.append(
                    SetPeer(
                        *(node.name, name, peer.public_key or "", key_file, allowed),
                        *(peer.endpoint or "", keepalive),
                    )
                )
        yield Step(self.why(why.WIREGUARD) if ops else "", tuple(ops))


def devices(node: Node) -> Iterator[Device]:
    """Its devices: on networks, ends of links, and others, each behind the one that it is made on."""
    yield from _members(node)
    yield from node.ends
    yield from node.interfaces


def _members(node: Node) -> tuple[Member, ...]:
    return node.members if isinstance(node, Namespace) else ()


def port_flag(node: str, port: str, flag: str) -> SetLink:
    """A setting of a bridge's port."""
    return SetLink(node, port, ("type", "bridge_slave", flag, "on"))


def port_flags(node: str, name: str, port: Port) -> Iterator[Op]:
    """The settings of a bridge's port."""
    if port.hairpin:
        yield port_flag(node, name, "hairpin")
    if port.isolated:
        yield port_flag(node, name, "isolated")


def _impeded(node: Node) -> Iterator[Impede]:
    """Both ways: what a cable delays is delayed at both of its ends."""
    for device in devices(node):
        name = device.device if isinstance(device, Member) else device.name
        if device.impair is not None:
            yield Impede(node.name, name, device.impair.words())


def impede(device: str, impair: Impair | None) -> tuple[Impede, ...]:
    """The end on the host of an impaired place on a network."""
    return () if impair is None else (Impede(HOST, device, impair.words()),)


# -- links, the host, the namespaces ------------------------------------------------------------


def host(topology: Topology) -> Iterator[Step]:
    """The ends of links and other interfaces that the host has."""
    node, author = topology.host, Author(topology)
    if node.ends or node.interfaces or node.policies or author.given.get(HOST):
        yield from author.host(node)
    yield Step(why.IMPAIR, tuple(_impeded_cables(topology)))


def _quiet(ends: Iterable[Interface]) -> Iterator[SetSysctl]:
    """Nobody beyond a cable is a router for this host, and IPv6 is on where it is asked for."""
    for end in ends:
        if end.plain_ipv4:
            yield device_sysctl(6, end.name, "disable_ipv6", "1")
        else:
            yield device_sysctl(6, end.name, "accept_ra", "0")


def _impeded_cables(topology: Topology) -> Iterator[Impede]:
    for namespace in topology.namespaces:
        for member in namespace.members:
            yield from impede(member.peer, member.impair)


def host_routes(topology: Topology) -> Iterator[Step]:
    """Routes of the host; last, because the kernel forgets those of a device that goes down."""
    host = topology.host
    ops = tuple(AddRoute(HOST, route_words(route)) for route in host.routes[: host.written])
    yield Step(why.ROUTES, ops)
    yield Author(topology).worked_out(host)


def reason(topology: Topology) -> str:
    """What the prefixes and default routes inside namespaces are for, where there are any."""
    members = [member for namespace in topology.namespaces for member in namespace.members]
    if not any(member.addresses for member in members):
        return ""
    return why.INSIDE_ROUTED if any(member.default_routes for member in members) else why.INSIDE


def namespaces(topology: Topology) -> Iterator[Step]:
    """Each namespace; behind those that it has devices from."""
    author = Author(topology)
    for namespace in _parents_first(topology.namespaces):
        name = namespace.name
        # lo tells whose the namespace is, should /run/nsgen be lost.
        lo: list[Op] = [SetLink(name, "lo", ("alias", author.mark, "up"))]
        yield from author.devices(namespace, name, lo)
        yield _files(topology, namespace)
        yield _forwarding(namespace)
        yield _low_ports(namespace)
        asked = (SetSysctl(name, sysctl_key(k), v) for k, v in namespace.sysctls.items())
        yield Step(why.SYSCTL["asked"], tuple(asked))


def _parents_first(namespaces: tuple[Namespace, ...]) -> Iterator[Namespace]:
    by_name = {namespace.name: namespace for namespace in namespaces}
    seen: set[str] = set()

    def visit(namespace: Namespace) -> Iterator[Namespace]:
        if namespace.name in seen:
            return
        seen.add(namespace.name)
        for interface in namespace.interfaces:
            parent = interface.written.parent
            if parent is not None and parent.node in by_name:
                yield from visit(by_name[parent.node])
        yield namespace

    for namespace in namespaces:
        yield from visit(namespace)


def _files(topology: Topology, namespace: Namespace) -> Step:
    node = namespace.name
    files = (("resolv.conf", namespace.resolv_conf), ("hosts", namespace.hosts))
    return Step(
        why.FILES.format(name=node),
        tuple(
            WriteFile(HOST, f"/etc/netns/{node}/{name}", f"# {MARK.format(topology.name)}\n{text}")
            for name, text in files
            if text
        ),
    )


def _forwarding(namespace: Namespace) -> Step:
    """Said wherever it matters: a new namespace takes the host's value (linux/net/ipv4/devinet.c, devinet_init_net)."""
    value = "1" if namespace.forwarding else "0"
    versions = (4, 6) if namespace.forwarding else (4,)
    ops = (SetSysctl(namespace.name, needs.FORWARD[v], value) for v in versions)
    if namespace.forwarding:
        return Step(why.SYSCTL["forwarding"], tuple(ops))
    return Step(why.NO_FORWARDING, tuple(ops) if len(list(devices(namespace))) > 1 else ())


def _low_ports(namespace: Namespace) -> Step:
    """For a service of somebody who is not root, unless the author says which ports are root's."""
    others = any(service.user not in (None, "root") for service in namespace.services.values())
    said = needs.LOW_PORTS in map(sysctl_key, namespace.sysctls)
    op = SetSysctl(namespace.name, needs.LOW_PORTS, "0")
    return Step(why.LOW_PORTS, (op,) if others and not said else ())


# -- routes -------------------------------------------------------------------------------------


def route_words(route: Route) -> Argv:
    """A route in the words of ip-route(8)."""
    version_six = route.via is not None and route.via.version == 6
    anywhere = "::/0" if version_six and route.type != "unicast" else "default"
    found: list[str] = [route.type] if route.type != "unicast" else []
    found.append(anywhere if route.to is None else str(route.to))
    found += ["via", str(route.via)] if route.via is not None else []
    found += ["dev", route.dev] if route.dev is not None else []
    found += ["src", str(route.src)] if route.src is not None else []
    found += ["metric", str(route.metric)] if route.metric is not None else []
    found += ["table", str(route.table)] if route.table is not None else []
    found += ["onlink"] if route.onlink else []
    for hop in route.nexthops:
        alone = len(route.nexthops) == 1  # which the kernel does not call one of several
        found += ["nexthop"] if not alone else []
        found += ["via", str(hop.via)] if hop.via is not None else []
        found += ["dev", hop.dev] if hop.dev is not None else []
        found += ["weight", str(hop.weight)] if hop.weight is not None and not alone else []
    return tuple(found)


def policy_words(rule: Policy) -> Argv:
    """A rule in the words and the order in which ip-rule(8) prints it."""
    found = [
        "priority",
        str(rule.priority),
        "from",
        "all" if rule.from_ is None else short(rule.from_),
    ]
    found += ["to", short(rule.to)] if rule.to is not None else []
    found += ["fwmark", hex(rule.mark)] if rule.mark is not None else []
    found += ["iif", rule.iif] if rule.iif is not None else []
    found += ["oif", rule.oif] if rule.oif is not None else []
    return (*found, "lookup", str(rule.table))


def short(network: object) -> str:
    """A network as ip(8) prints it: that of one address is the address."""
    text = str(network)
    return text.removesuffix("/128" if ":" in text else "/32")
