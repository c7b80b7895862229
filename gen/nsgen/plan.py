"""The plan: what a script does, in order, each step with its reason.

The order is that of the article that nsgen comes from, with the rules before what they guard, and forwarding last.
`down` is this plan backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from nsgen import needs, rules, why
from nsgen.ops import (
    HOST,
    MARK,
    AddAddress,
    AddBridge,
    AddNamespace,
    AddRoute,
    AddVeth,
    Argv,
    Chain,
    ForgetUdp,
    LoadModule,
    Op,
    RunCommand,
    SetLink,
    SetSysctl,
    StartService,
    WriteFile,
)
from nsgen.spec import Route
from nsgen.topology import Bridge, Member, Namespace, Node, Publication, Topology
from nsgen.values import IPV6_MTU

# What the kernel sets along with forwarding, linux/net/ipv4/devinet.c, inet_forward_change.
SWITCHED_ALONG = re.compile(
    r"net[./]ipv4[./]conf[./](all[./]accept_redirects|(?!all[./]).+[./]forwarding)"
    r"|net[./]ipv6[./]conf[./](?!all[./]).+[./]forwarding"
)
Kind = TypeVar("Kind", bound=Op)
BRIDGE_NF_PROOF = "/proc/sys/net/bridge/bridge-nf-call-iptables"


@dataclass(frozen=True)
class Step:
    """A few operations that one comment explains."""

    why: str
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class Section:
    """Steps under one heading."""

    title: str
    why: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """All of it."""

    topology: Topology
    sections: tuple[Section, ...]

    @property
    def ops(self) -> Iterator[Op]:
        """Every operation in order."""
        for section in self.sections:
            for step in section.steps:
                yield from step.ops

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The operations of one kind."""
        return cast("list[Kind]", self._by_kind.get(kind, []))

    @cached_property
    def _by_kind(self) -> dict[type[Op], list[Op]]:
        found: dict[type[Op], list[Op]] = {}
        for op in self.ops:
            found.setdefault(type(op), []).append(op)
        return found


def make(topology: Topology) -> Plan:
    """Lower a topology to operations."""
    host = topology.host
    ipv4 = rules.chains(topology, 4)
    ipv6 = rules.chains(topology, 6, frozenset(r.why for chain in ipv4 for r in chain.rules))
    sections = (
        _section("Kernel modules", _modules(topology)),
        _section("Namespaces", _namespaces(topology)),
        *(_section(f"Network {b.name}", _network(topology, b)) for b in topology.bridges),
        _section("Inside the namespaces", _insides(topology), _inside_why(topology)),
        _section("Rules, IPv4", _rules(topology, 4, ipv4)),
        _section("Rules, IPv6", _rules(topology, 6, ipv6), why.AS_IPV4 if ipv4 else ""),
        _section("Kernel parameters", _sysctls(topology)),
        _section("Routes of this host", iter((Step(why.ROUTES, _routes(HOST, host)),))),
        _section("Services", _services(topology)),
        _section("Commands of the topology", _commands(topology), why.EXEC),
    )
    return Plan(topology, tuple(section for section in sections if section.steps))


def _section(title: str, steps: Iterator[Step], preface: str = "") -> Section:
    return Section(title, preface, tuple(step for step in steps if step.ops))


# -- modules, namespaces and networks -----------------------------------------------------------


def _modules(topology: Topology) -> Iterator[Step]:
    if needs.bridged(topology):
        yield Step(why.MODULE_BRIDGE, (LoadModule(HOST, "br_netfilter", BRIDGE_NF_PROOF),))
    asked = [
        name for name in topology.modules if name != "br_netfilter" or not needs.bridged(topology)
    ]
    proofs = {"br_netfilter": BRIDGE_NF_PROOF}
    ops = (LoadModule(HOST, name, proofs.get(name, f"/sys/module/{name}")) for name in asked)
    yield Step(why.MODULE_ASKED, tuple(ops))


def _namespaces(topology: Topology) -> Iterator[Step]:
    ops = (AddNamespace(HOST, namespace.name) for namespace in topology.namespaces)
    yield Step(why.NAMESPACES, tuple(ops))


def _network(topology: Topology, bridge: Bridge) -> Iterator[Step]:
    mark = MARK.format(topology.name)
    name = bridge.name
    again = bridge != topology.bridges[0]
    yield Step(
        why.AGAIN["bridge"] if again else why.BRIDGE.format(bridge=name),
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
    own_mtu = bridge.mtu and any(member.mtu != bridge.mtu for member in members)
    if not own_mtu:
        yield _ipv6(bridge)
    cables = why.AGAIN["cables"] if again else why.CABLES.format(bridge=name)
    yield Step(cables, tuple(_cables(members, mark)))
    yield from _port_flags(topology, bridge, members, again=again)
    if own_mtu:
        yield Step(why.MTU, (SetLink(HOST, name, ("mtu", str(bridge.mtu))),))
        # A device that was too small for IPv6 begins with the kernel's settings.
        yield _ipv6(bridge)
    gateways = [str(s.gateway_interface) for s in bridge.subnets if s.gateway is not None]
    subnets = " and ".join(str(s.network) for s in bridge.subnets if s.gateway is not None)
    addresses = tuple(AddAddress(HOST, address, name) for address in gateways)
    up = SetLink(HOST, name, ("up",))
    if addresses:
        gateway = why.GATEWAY.format(bridge=name, subnets=subnets)
        yield Step(why.AGAIN["gateway"] if again else gateway, (*addresses, up))
    else:
        yield Step("", (up,))


def _ipv6(bridge: Bridge) -> Step:
    name = bridge.name
    if 6 in bridge.versions():
        return Step(why.NO_RA.format(bridge=name), (_device_sysctl(6, name, "accept_ra", "0"),))
    return Step(why.NO_IPV6.format(bridge=name), (_device_sysctl(6, name, "disable_ipv6", "1"),))


def _cables(members: Iterable[Member], mark: str) -> Iterator[Op]:
    for member in members:
        yield AddVeth(HOST, member.peer, member.device, member.namespace, member.mtu, member.mac)
        # The master comes before up: a port that is up alone could be given an address of its own.
        alias = _alias(mark, member.peer, member.peer_name)
        settings = (*_no_link_local(member), "master", member.bridge.name)
        yield SetLink(HOST, member.peer, ("alias", alias, *settings))
        yield SetLink(HOST, member.peer, ("up",))


def _no_link_local(member: Member) -> Argv:
    """What keeps a device from making itself an IPv6 address; too small for IPv6, it knows no such setting."""
    return () if 0 < member.mtu < IPV6_MTU else ("addrgenmode", "none")


def _alias(mark: str, device: str, name: str) -> str:
    """Whose a device is; and what it is called, where that is too long for a device's name."""
    return mark if device == name else f"{mark}:{name}"


def _port_flags(
    topology: Topology, bridge: Bridge, members: Iterable[Member], *, again: bool
) -> Iterator[Step]:
    looped = {p.member.peer for p in topology.published_on(bridge) if needs.translates_to_itself(p)}
    ports = [member.peer for member in members]
    hairpin = (_flag(port, "hairpin") for port in ports if port in looped)
    yield Step(why.AGAIN["hairpin"] if again else why.HAIRPIN_PORT, tuple(hairpin))
    isolated = (_flag(port, "isolated") for port in ports if bridge.isolate)
    yield Step(why.AGAIN["isolated"] if again else why.ISOLATED_PORT, tuple(isolated))


def _flag(port: str, flag: str) -> SetLink:
    return SetLink(HOST, port, ("type", "bridge_slave", flag, "on"))


# -- inside the namespaces ----------------------------------------------------------------------


def _inside_why(topology: Topology) -> str:
    members = [member for namespace in topology.namespaces for member in namespace.members]
    if not any(member.addresses for member in members):
        return ""
    return why.INSIDE_ROUTED if any(member.default_routes for member in members) else why.INSIDE


def _insides(topology: Topology) -> Iterator[Step]:
    for namespace in topology.namespaces:
        yield from _inside(topology, namespace)


def _inside(topology: Topology, namespace: Namespace) -> Iterator[Step]:
    node = namespace.name
    # lo tells whose the namespace is, should /run/nsgen be lost.
    ops: list[Op] = [SetLink(node, "lo", ("alias", MARK.format(topology.name), "up"))]
    for member in namespace.members:
        if member.device != member.device_name:
            alias = _alias(MARK.format(topology.name), member.device, member.device_name)
            ops.append(SetLink(node, member.device, ("alias", alias)))
        if (member.bridge.plain_ipv4 or not member.addresses) and _no_link_local(member):
            ops.append(SetLink(node, member.device, _no_link_local(member)))
        ops += [AddAddress(node, str(address), member.device) for address in member.addresses]
        ops.append(SetLink(node, member.device, ("up",)))
    ops += [
        AddRoute(node, ("default", "via", str(gateway), "dev", member.device))
        for member in namespace.members
        for gateway in member.default_routes
    ]
    ops += _routes(node, namespace)
    yield Step(node, tuple(ops))
    files = (("resolv.conf", namespace.resolv_conf), ("hosts", namespace.hosts))
    yield Step(
        why.FILES.format(name=node),
        tuple(
            WriteFile(HOST, f"/etc/netns/{node}/{name}", f"# {MARK.format(topology.name)}\n{text}")
            for name, text in files
            if text
        ),
    )
    yield _forwarding(namespace)
    asked = (SetSysctl(node, sysctl_key(k), v, persist=False) for k, v in namespace.sysctls.items())
    yield Step(why.SYSCTL["asked"], tuple(asked))


def _forwarding(namespace: Namespace) -> Step:
    """Said wherever it matters: a new namespace takes the host's value (linux/net/ipv4/devinet.c, devinet_init_net)."""
    value = "1" if namespace.forwarding else "0"
    versions = (4, 6) if namespace.forwarding else (4,)
    ops = (SetSysctl(namespace.name, needs.FORWARD[v], value, persist=False) for v in versions)
    if namespace.forwarding:
        return Step(why.SYSCTL["forwarding"], tuple(ops))
    return Step(why.NO_FORWARDING, tuple(ops) if len(namespace.members) > 1 else ())


def _routes(node: str, what: Node) -> tuple[AddRoute, ...]:
    return tuple(AddRoute(node, _route_words(route)) for route in what.routes)


def _route_words(route: Route) -> Argv:
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


# -- rules and kernel parameters of the host ----------------------------------------------------


def _rules(topology: Topology, version: int, chains: tuple[Chain, ...]) -> Iterator[Step]:
    yield Step("", chains)
    jumps = tuple(rules.jumps(topology, chains))
    conditions = why.WHERE_OFF if any(jump.unless for jump in jumps) else ""
    yield Step(why.JUMPS + conditions, jumps)
    udp = (p for p in topology.publications if p.version == version and p.protocol == "udp")
    yield Step(why.UDP, tuple(ForgetUdp(HOST, version, published.published) for published in udp))


def _sysctls(topology: Topology) -> Iterator[Step]:
    loopback = dict.fromkeys(
        p.bridge.name for p in topology.publications if needs.uses_route_localnet(p)
    )
    ops = (_device_sysctl(4, name, "route_localnet", "1", persist=True) for name in loopback)
    yield Step(why.SYSCTL["route_localnet"], tuple(ops))
    nf_call = (
        SetSysctl(HOST, needs.BRIDGE_NF[version], "1", persist=True)
        for version in (4, 6)
        if needs.filters_all_bridges(topology, version)
    )
    yield Step(why.SYSCTL["bridge-nf-call"], tuple(nf_call))
    asked = [
        SetSysctl(HOST, sysctl_key(key), value, persist=True)
        for key, value in topology.host.sysctls.items()
    ]
    switched = [op for op in asked if SWITCHED_ALONG.fullmatch(op.key)]
    yield Step(why.SYSCTL["asked"], tuple(op for op in asked if op not in switched))
    forward = (
        SetSysctl(HOST, needs.FORWARD[version], "1", persist=True)
        for version in (4, 6)
        if topology.host.forwarding or needs.forwards(topology, version)
    )
    yield Step(why.SYSCTL["ip_forward"], tuple(forward))
    yield Step(why.SYSCTL["asked after ip_forward"], tuple(switched))


def _device_sysctl(
    version: int, device: str, key: str, value: str, *, persist: bool = False
) -> SetSysctl:
    """A parameter of one device; its name may hold a dot, and then the others are written as slashes."""
    parts = ("net", f"ipv{version}", "conf", device, key)
    return SetSysctl(HOST, ("/" if "." in device else ".").join(parts), value, persist)


def sysctl_key(written: str) -> str:
    """A key as sysctl(8) reads it, with dots unless a name in it holds one."""
    slashes = written.replace(".", "/") if "/" not in written else written
    if "/" in written and written.find(".") != -1 and written.find(".") < written.find("/"):
        # sysctl(8): where a dot comes first, dots separate, and a slash stands for a dot in a name.
        slashes = written.translate(str.maketrans("./", "/."))
    if slashes == "net/ipv4/conf/all/forwarding":  # the same switch
        return needs.FORWARD[4]
    return slashes if "." in slashes else slashes.replace("/", ".")


# -- processes ----------------------------------------------------------------------------------


def _services(topology: Topology) -> Iterator[Step]:
    proxies = tuple(
        _proxy(p, offset)
        for p in topology.publications
        if needs.proxied(p)
        for offset in range(len(p.published))
    )
    yield Step(why.PROXY, proxies)
    for node in (topology.host, *topology.namespaces):
        ops = tuple(
            StartService(
                node=node.name,
                name=name,
                command=service.command,
                directory=service.directory or "/",
                environment=tuple(f"{key}={value}" for key, value in service.environment.items()),
                user=service.user or "",
            )
            for name, service in node.services.items()
        )
        yield Step(why.SERVICE.format(node=node.name, topology=topology.name), ops)


def _proxy(published: Publication, offset: int) -> StartService:
    """socat(1): listens on the published port, and for each client connects to the namespace's."""
    listen, target = published.published.first + offset, published.target.first + offset
    kind = f"{published.protocol.upper()}{published.version}"
    bind = "" if published.host_ip is None else f",bind={_bracketed(published.host_ip)}"
    only = ",ipv6only=1" if published.version == 6 else ""
    return StartService(
        node=HOST,
        name=f"proxy-{published.protocol}{published.version}-{listen}",
        command=(
            "socat",
            f"{kind}-LISTEN:{listen},fork,reuseaddr{only}{bind}",
            f"{kind}:{_bracketed(published.address)}:{target}",
        ),
    )


def _bracketed(address: object) -> str:
    return f"[{address}]" if ":" in str(address) else str(address)


def _commands(topology: Topology) -> Iterator[Step]:
    for node in (topology.host, *topology.namespaces):
        yield Step("", tuple(RunCommand(node.name, e.up, e.down) for e in node.execs))
