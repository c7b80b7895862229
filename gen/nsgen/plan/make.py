"""The plan: what a script does, in order, each step with its reason.

The order is that of the article that nsgen comes from, with the rules before what they guard, and forwarding last.
`down` is this plan backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nsgen.ops import (
    MARK,
    AddAddress,
    AddBridge,
    AddLink,
    AddNamespace,
    AddTap,
    AddVeth,
    Chain,
    ForgetUdp,
    KeepAdvertisements,
    LoadModule,
    NewDevice,
    Op,
    SetLink,
    SetSysctl,
    TakeDevice,
    WriteFile,
)
from nsgen.plan import firewall, joined, node_nat, nodes, processes, why
from nsgen.plan.node import port_flag
from nsgen.plan.steps import (
    TABLES,
    Plan,
    Section,
    Step,
    alias,
    asked,
    device_sysctl,
    no_link_local,
    section,
    unless_asked,
)
from nsgen.topology import needs
from nsgen.topology.model import Topology
from nsgen.topology.needs import BRIDGE_NF, FORWARD
from nsgen.topology.networks import Bridge, Member
from nsgen.values import HOST, assert_never

# What the kernel sets along with forwarding, linux/net/ipv4/devinet.c, inet_forward_change.
SWITCHED_ALONG = re.compile(
    r"net[./]ipv4[./]conf[./](all[./]accept_redirects|(?!all[./]).+[./]forwarding)"
    r"|net[./]ipv6[./]conf[./](?!all[./]).+[./]forwarding"
)


def make_plan(topology: Topology) -> Plan:
    """Lower a topology to operations."""
    ipv4 = _chains(topology, 4)
    ipv6 = _chains(topology, 6, frozenset(r.why for chain in ipv4 for r in chain.rules))
    rules = tuple(_rules(topology, 4, ipv4))
    said = frozenset(step.why for step in rules)
    sections = (
        section("Kernel modules", _modules(topology)),
        section("Namespaces", _namespaces(topology)),
        *(section(f"Network {b.name}", _network(topology, b)) for b in topology.bridges),
        section("Interfaces of this host", nodes.host(topology)),
        section("Inside the namespaces", nodes.namespaces(topology), nodes.reason(topology)),
        section(*node_nat.section_of(topology)),
        section("Rules, IPv4", rules),
        section("Rules, IPv6", _rules(topology, 6, ipv6, said), why.AS_IPV4 if ipv4 else ""),
        section("Kernel parameters", _sysctls(topology)),
        section("Routes of this host", nodes.host_routes(topology)),
        section("Transparent proxies", _proxies(topology)),
        section("Services", processes.services(topology)),
        section("Commands of the topology", processes.commands(topology), why.EXEC),
        section("Units of systemd", processes.units(topology), why.UNITS),
    )
    made = tuple(part for part in sections if part.steps)
    before = (
        section("Network managers", _left_alone(topology, made)),
        section("Joined namespaces", joined.steps(topology, made)),
    )
    return Plan(topology, (*(part for part in before if part.steps), *made))


# -- other programs, modules, namespaces and networks -----------------------------------------------------------


def _left_alone(topology: Topology, sections: Iterable[Section]) -> Iterator[Step]:
    """What systemd-networkd and NetworkManager are told of the host's devices, where they are."""
    ops = [op for part in sections for step in part.steps for op in step.ops if op.node == HOST]
    names = [name for op in ops if isinstance(op, NewDevice) for name in _devices_of(op)]
    names += [op.device for op in ops if isinstance(op, TakeDevice)]
    if not names:
        return
    mark, name = f"# {MARK.format(topology.name)}\n", topology.name
    networkd = f"{mark}[Match]\nName={' '.join(names)}\n\n[Link]\nUnmanaged=yes\n"
    matched = ";".join(f"interface-name:{device}" for device in names)
    manager = f"{mark}[device-nsgen-{name}]\nmatch-device={matched}\nmanaged=0\n"
    yield Step(
        why.UNMANAGED,
        (
            WriteFile(
                *(HOST, f"/run/systemd/network/00-nsgen-{name}.network", networkd),
                reader="systemd-networkd",
            ),
            WriteFile(
                *(HOST, f"/run/NetworkManager/conf.d/nsgen-{name}.conf", manager),
                reader="NetworkManager",
            ),
        ),
    )


def _devices_of(op: NewDevice) -> tuple[str, ...]:
    """The devices that an operation makes on the host."""
    if isinstance(op, AddBridge | AddTap):
        return (op.name,)
    if isinstance(op, AddVeth):
        return (op.name,) if op.peer_into else (op.name, op.peer)
    if isinstance(op, AddLink):
        return () if op.into else (op.name,)
    return assert_never(op)


def _modules(topology: Topology) -> Iterator[Step]:
    if needs.br_netfilter(topology):
        yield Step(why.MODULE_BRIDGE, (LoadModule(HOST, "br_netfilter"),))
    asked = [
        name
        for name in topology.modules
        if name != "br_netfilter" or not needs.br_netfilter(topology)
    ]
    yield Step(why.MODULE_ASKED, tuple(LoadModule(HOST, name) for name in asked))


def _namespaces(topology: Topology) -> Iterator[Step]:
    made = (AddNamespace(HOST, n.name) for n in topology.namespaces if not n.join)
    yield Step(why.NAMESPACES, tuple(made))


def _network(topology: Topology, bridge: Bridge) -> Iterator[Step]:
    mark = MARK.format(topology.name)
    name = bridge.name
    again = bridge != topology.bridges[0]
    yield Step(
        why.AGAIN["bridge"] if again else why.BRIDGE.format(bridge=name) + why.BRIDGE_MAC,
        (
            AddBridge(HOST, name, bridge.mac, bridge.stp, bridge.mtu),
            SetLink(HOST, name, ("alias", mark)),
        ),
    )
    if bridge.netfilter == "bridge":
        versions = sorted({p.version for p in topology.published_on(bridge) if needs.crosses(p)})
        switches = {4: ("nf_call_iptables", "1"), 6: ("nf_call_ip6tables", "1")}
        settings = tuple(word for version in versions for word in switches[version])
        ops = (SetLink(HOST, name, ("type", "bridge", *settings)),) if settings else ()
        yield Step(why.BRIDGE_NF.format(bridge=name), ops)
    members = tuple(topology.members(bridge))
    own_mtu = bridge.mtu and any(member.peer_mtu != bridge.mtu for member in members)
    if not own_mtu:
        yield _ipv6(topology, bridge)
    cables = why.AGAIN["cables"] if again else why.CABLES.format(bridge=name)
    cables += why.UNEQUAL if any(member.mtu != member.peer_mtu for member in members) else ""
    yield Step(cables, tuple(_cables(members, mark)))
    yield from _port_flags(topology, bridge, members, again=again)
    if own_mtu:
        yield Step(why.MTU, (SetLink(HOST, name, ("mtu", str(bridge.mtu))),))
        # A device that was too small for IPv6 begins with the kernel's settings.
        yield _ipv6(topology, bridge)
    gateways = [str(s.gateway_interface) for s in bridge.subnets if s.gateway is not None]
    subnets = " and ".join(str(s.network) for s in bridge.subnets if s.gateway is not None)
    addresses = tuple(AddAddress(HOST, address, name) for address in gateways)
    up = SetLink(HOST, name, ("up",))
    if addresses:
        gateway = why.GATEWAY.format(bridge=name, subnets=subnets)
        yield Step(why.AGAIN["gateway"] if again else gateway, (*addresses, up))
    else:
        yield Step("", (up,))


def _ipv6(topology: Topology, bridge: Bridge) -> Step:
    name = bridge.name
    if not bridge.plain_ipv4:
        no_ra = unless_asked(topology.host, [device_sysctl(6, name, "accept_ra", "0")])
        return Step(why.NO_RA.format(bridge=name), no_ra, guard=True)
    no_ipv6 = device_sysctl(6, name, "disable_ipv6", "1")
    return Step(why.NO_IPV6.format(bridge=name), (no_ipv6,), guard=True)


def _cables(members: Iterable[Member], mark: str) -> Iterator[Op]:
    for member in members:
        yield AddVeth(
            *(HOST, member.peer, member.device, member.namespace, member.peer_mtu, member.mac),
            peer_mtu=member.mtu,
        )
        # The master comes before up: a port that is up alone could be given an address of its own.
        whose = alias(mark, member.peer, member.long_peer)
        settings = (*no_link_local(member.peer_mtu), "master", member.bridge.name)
        yield SetLink(HOST, member.peer, ("alias", whose, *settings))
        yield SetLink(HOST, member.peer, ("up",))


def _port_flags(
    topology: Topology, bridge: Bridge, members: Iterable[Member], *, again: bool
) -> Iterator[Step]:
    looped = {p.member.peer for p in topology.published_on(bridge) if needs.translates_to_itself(p)}
    ports = [member.peer for member in members]
    hairpin = (port_flag(HOST, port, "hairpin") for port in ports if port in looped)
    yield Step(why.AGAIN["hairpin"] if again else why.HAIRPIN_PORT, tuple(hairpin))
    isolated = (port_flag(HOST, port, "isolated") for port in ports if bridge.isolate)
    yield Step(why.AGAIN["isolated"] if again else why.ISOLATED_PORT, tuple(isolated))


def _proxies(topology: Topology) -> Iterator[Step]:
    if any(nat.tproxy is not None for node in topology.nodes for nat in node.nats):
        from nsgen.plan import proxied  # few need it

        yield from proxied.steps(topology)


# -- rules and kernel parameters of the host ----------------------------------------------------


def _chains(
    topology: Topology, version: int, said: frozenset[str] = frozenset()
) -> tuple[Chain, ...]:
    """All chains of the host, by table: they are replaced together."""
    own = node_nat.own_chains(topology, topology.host, version)
    found = (*firewall.chains(topology, version, said), *own)
    return tuple(sorted(found, key=lambda chain: TABLES.index(chain.table)))


def _rules(
    topology: Topology, version: int, chains: tuple[Chain, ...], said: frozenset[str] = frozenset()
) -> Iterator[Step]:
    yield Step("", chains, guard=True)
    jumps = (*firewall.jumps(topology, chains), *node_nat.own_jumps(topology, chains))
    reason = why.JUMPS + (why.WHERE_OFF if any(jump.unless for jump in jumps) else "")
    yield Step("" if reason in said else reason, jumps, guard=True)
    udp = (p for p in topology.publications if p.version == version and p.protocol == "udp")
    forgotten = [ForgetUdp(HOST, version, published.published) for published in udp]
    yield Step(why.UDP, (*forgotten, *node_nat.forgotten(topology, topology.host, version)))


def _sysctls(topology: Topology) -> Iterator[Step]:
    loopback = dict.fromkeys(
        p.bridge.name for p in topology.publications if needs.uses_route_localnet(p)
    )
    ops = (device_sysctl(4, name, "route_localnet", "1") for name in loopback)
    yield Step(why.SYSCTL["route_localnet"], tuple(ops))
    yield from node_nat.counted_marks(topology.host)
    nf_call = (
        SetSysctl(HOST, BRIDGE_NF[version], "1")
        for version in (4, 6)
        if needs.filters_all_bridges(topology, version)
    )
    yield Step(why.SYSCTL["bridge-nf-call"], tuple(nf_call))
    own = asked(topology.host)
    switched = [op for op in own if SWITCHED_ALONG.fullmatch(op.key)]
    yield Step(why.SYSCTL["asked"], tuple(op for op in own if op not in switched))
    forward = tuple(
        SetSysctl(HOST, FORWARD[version], "1")
        for version in (4, 6)
        if topology.host.forwarding or needs.forwards(topology, version)
    )
    if any(op.key == FORWARD[6] for op in (*own, *forward)):
        yield Step(why.ADVERTISEMENTS, (KeepAdvertisements(HOST),))
    yield Step(why.SYSCTL["ip_forward"], forward)
    yield Step(why.SYSCTL["asked after ip_forward"], tuple(switched))
