"""The iptables rules of a topology, one IP version at a time.

Every rule is in a chain of ours, and a built-in chain gets one jump to it. The words of a rule are in the order in
which iptables-save prints them, so that a script can compare what it wants with what is there, line by line.

What a rule is for stands with it, as the comment that the script prints (:mod:`nsgen.why`). Where the field learned
that it is needed: addrtype, CVE-2025-67499; the loopback guard, CVE-2020-8558; the direct-access guard, moby 49325;
ways in before ways out, moby's order of chains; INVALID only on the way out, moby 18630.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nsgen import needs, why
from nsgen.dispatch import Line, dispatch
from nsgen.ops import HOST, Argv, Chain, Jump, Rule, Table
from nsgen.spec import AUDIENCES, Audience
from nsgen.topology import Bridge, Member, Publication, Topology
from nsgen.values import Ports

LOOPBACK = "127.0.0.0/8"
MULTICAST = {4: "224.0.0.0/4", 6: "ff00::/8"}
ICMP = {4: "icmp", 6: "ipv6-icmp"}
LOCAL = ("-m", "addrtype", "--dst-type", "LOCAL")
NOT_LOCAL = ("-m", "addrtype", "!", "--dst-type", "LOCAL")
REPLY = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
INVALID = ("-m", "conntrack", "--ctstate", "INVALID")
BRIDGED = ("-m", "physdev", "--physdev-is-bridged")
DNATED = ("-m", "conntrack", "--ctstate", "DNAT")

# Whoever the first is, the second is too: a line for the first is idle before one for the second that says the same.
_PART_OF: dict[Audience, Audience] = {"loopback": "host", "self": "network", "network": "outside"}


@dataclass(frozen=True)
class Scope:
    """What the rules of one IP version are made from."""

    topology: Topology
    version: int

    @cached_property
    def bridges(self) -> list[Bridge]:
        """The networks that speak this version."""
        return [bridge for bridge in self.topology.bridges if self.version in bridge.versions()]

    @cached_property
    def gateways(self) -> list[Bridge]:
        """The networks on which the host has an address of this version."""
        return [bridge for bridge in self.bridges if bridge.gateway(self.version) is not None]

    @cached_property
    def published(self) -> list[Publication]:
        """The ports published by this version."""
        return [p for p in self.topology.publications if p.version == self.version]

    def published_on(self, bridge: Bridge) -> list[Publication]:
        """Those of them that are published on one network."""
        return [p for p in self.topology.published_on(bridge) if p.version == self.version]

    @cached_property
    def members(self) -> dict[str, tuple[Member, ...]]:
        """By namespace, all its places."""
        return {namespace.name: namespace.members for namespace in self.topology.namespaces}

    @cached_property
    def from_bridges(self) -> list[dict[str, str]]:
        """How packets of namespaces are told."""
        return [{"into": bridge.name} for bridge in self.bridges]

    def subnets(self, bridge: Bridge) -> list[str]:
        """The subnets of this version on a network."""
        return [str(s.network) for s in bridge.subnets if s.version == self.version]


def words(
    *verdict: str,
    src: str = "",
    dst: str = "",
    into: str = "",
    out: str = "",
    proto: str = "",
    dport: Ports | None = None,
    match: Argv = (),
) -> Argv:
    """The words of a rule in iptables-save's order; a leading ``!`` negates a value."""
    found: list[str] = []
    for flag, value in (("-s", src), ("-d", dst), ("-i", into), ("-o", out), ("-p", proto)):
        if value:
            found += ["!", flag, value[1:]] if value.startswith("!") else [flag, value]
    if dport is not None:
        found += ["-m", proto, "--dport", str(dport).replace("-", ":")]
    return (*found, *match, "-j", *verdict)


def chains(
    topology: Topology, version: int, said: frozenset[str] = frozenset()
) -> tuple[Chain, ...]:
    """Every chain of ours for one IP version, by table; reasons that were `said` already are left out."""
    scope = Scope(topology, version)
    tables: tuple[tuple[Table, str, Iterator[Line]], ...] = (
        ("raw", "RAW", _raw(scope)),
        ("nat", "PRE", _prerouting(scope)),
        ("nat", "OUTPUT", _output(scope)),
        ("nat", "POST", _postrouting(scope)),
        ("filter", "INPUT", _input(scope)),
        ("filter", "INTO", _into(scope)),
        ("filter", "FROM", _from(scope)),
        ("filter", "OTHERS", _others(scope)),
        ("filter", "GUARD", _guard(scope)),
    )
    found = []
    for table, suffix, lines in tables:
        name = f"NSGEN-{topology.name}-{suffix}"
        kept, parts = dispatch(list(lines), f"NSGEN-{topology.name}-{suffix[:3]}{{:03}}".format)
        for chain, members in (*parts.items(), (name, kept)):
            rules = tuple(
                Rule(HOST, version, table, chain, line, "" if reason in said else reason)
                for reason, line in members
            )
            if rules:
                found.append(Chain(HOST, version, table, chain, rules))
    return tuple(found)


def jumps(topology: Topology, made: Iterable[Chain]) -> Iterator[Jump]:
    """How the built-in chains lead to ours."""
    for chain in made:
        suffix = chain.name.rpartition("-")[2]
        if suffix not in _BUILTIN:  # it is another chain of ours that leads there
            continue
        match: Argv = LOCAL if suffix in ("PRE", "OUTPUT") else ()
        if chain.version == 6 and suffix == "OUTPUT":
            match = ("!", "-d", "::1/128", *match)  # see `_reach` in nsgen.topology
        yield Jump(
            node=HOST,
            version=chain.version,
            table=chain.table,
            builtin=_BUILTIN[suffix],
            place="last" if suffix in _LAST else "first",
            match=match,
            topology=topology.name,
            chain=chain.name,
            unless=_UNLESS.get(suffix, {}).get(chain.version, ""),
        )


_BUILTIN = {
    "RAW": "PREROUTING",
    "PRE": "PREROUTING",
    "OUTPUT": "OUTPUT",
    "POST": "POSTROUTING",
    "INPUT": "INPUT",
    "INTO": "FORWARD",
    "FROM": "FORWARD",
    "OTHERS": "FORWARD",
    "GUARD": "FORWARD",
}
_LAST = ("FROM", "OTHERS", "GUARD")
_UNLESS = {"OTHERS": needs.BRIDGE_NF, "GUARD": needs.FORWARD}


# -- raw: before connection tracking ------------------------------------------------------------


def _raw(scope: Scope) -> Iterator[Line]:
    if any(needs.uses_route_localnet(published) for published in scope.published):
        yield why.FORGED_LOOPBACK, words("DROP", dst=LOOPBACK, into="!lo")
        yield why.FORGED_LOOPBACK, words("DROP", src=LOOPBACK, into="!lo")
    for bridge in scope.gateways:
        # Where nothing is masqueraded, this would drop the replies to members: there, connection tracking decides.
        for subnet in scope.subnets(bridge) if bridge.masquerade else ():
            yield why.DIRECT, words("DROP", dst=subnet, into=f"!{bridge.name}", match=NOT_LOCAL)


# -- nat ----------------------------------------------------------------------------------------


def _prerouting(scope: Scope) -> Iterator[Line]:
    for published in scope.published:
        reach = set(published.reach)
        asking = _asking(scope, published)
        if published.via == "proxy":  # the proxy itself answers namespaces
            if published.protocol == "udp" and {"network", "self"} & reach:
                for match in scope.from_bridges:
                    yield why.UDP_PROXY, _asked(published, match, ("REDIRECT",))
                asking = asking[1:]
            reach, asking = reach & {"outside"}, asking[1:]
        for match, allowed in _decide(asking, reach):
            yield why.DNAT, _asked(published, match, _dnat(published) if allowed else ("RETURN",))


def _output(scope: Scope) -> Iterator[Line]:
    for published in scope.published:
        reach = set(published.reach)
        if published.via == "proxy":  # the proxy itself answers 127.0.0.1
            reach -= {"loopback"}
        asking: list[tuple[Audience, list[dict[str, str]]]] = [("host", [{}])]
        if published.host_ip is not None and published.host_ip.is_loopback:
            asking = [("loopback", [{}])]
        elif published.host_ip is None and scope.version == 4:
            asking = [("loopback", [{"dst": LOOPBACK}]), *asking]
        for match, allowed in _decide(asking, reach):
            yield (
                why.DNAT_OUTPUT,
                _asked(published, match, _dnat(published) if allowed else ("RETURN",)),
            )


def _postrouting(scope: Scope) -> Iterator[Line]:
    for bridge in scope.gateways:
        for subnet in scope.subnets(bridge) if bridge.masquerade else ():
            not_multicast = "!" + MULTICAST[scope.version]
            rule = words("MASQUERADE", src=subnet, dst=not_multicast, out=f"!{bridge.name}")
            yield why.MASQUERADE.format(bridge=bridge.name), rule
    for bridge in scope.gateways:
        if any(needs.uses_route_localnet(p) for p in scope.published_on(bridge)):
            yield why.LOOPBACK_SOURCE, words("MASQUERADE", src=LOOPBACK, out=bridge.name)
    yield from _asked_from_the_host(scope)


def _asked_from_the_host(scope: Scope) -> Iterator[Line]:
    """Towards a published namespace, for those whom it would not answer by way of the host."""
    for published in scope.published:
        yield from _no_way_back(published)
    for published in scope.published:
        yield from _other_networks(scope, published)
    for published in scope.published:
        if _siblings_masqueraded(published):
            yield why.SIBLINGS_OFF, _to(published, "MASQUERADE", src=_subnet_of(published))
    for published in scope.published:
        if needs.translates_to_itself(published) and not _siblings_masqueraded(published):
            yield why.SELF, _to(published, "MASQUERADE", src=_host_route(published))


def _no_way_back(published: Publication) -> Iterator[Line]:
    """From elsewhere, where the namespace's default route of this version does not lead back here."""
    elsewhere = {"outside", "host", "network"} & set(published.reach)
    if elsewhere and not published.member.routed(published.version):
        not_neighbours = f"!{_subnet_of(published)}"
        yield why.NO_WAY_BACK, _to(published, "MASQUERADE", src=not_neighbours)


def _other_networks(scope: Scope, published: Publication) -> Iterator[Line]:
    """From networks that the namespace is on too: where they are not masqueraded, it would answer there directly."""
    asking = {"network", "self"} & set(published.reach)
    if not asking or published.via == "proxy" or any(_no_way_back(published)):
        return
    for member in scope.members[published.member.namespace]:
        own = member.bridge == published.bridge
        for subnet in () if own or member.bridge.masquerade else scope.subnets(member.bridge):
            yield why.OTHER_NETWORKS, _to(published, "MASQUERADE", src=subnet)


def _siblings_masqueraded(published: Publication) -> bool:
    off = published.via == "dnat" and published.bridge.netfilter == "off"
    return off and "network" in published.reach


def _subnet_of(published: Publication) -> str:
    subnets = published.bridge.subnets
    return next(str(s.network) for s in subnets if published.address in s.network)


# -- filter -------------------------------------------------------------------------------------


def _input(scope: Scope) -> Iterator[Line]:
    """A proxy listens for everybody: whom `reach` leaves out is refused."""
    for published in scope.published:
        if not needs.proxied(published):
            continue
        asking: list[tuple[Audience, list[dict[str, str]]]]
        asking = [("host", [{"into": "lo"}]), *_asking(scope, published)]
        if published.host_ip is None:
            everywhere = "::1/128" if scope.version == 6 else LOOPBACK
            asking = [("loopback", [{"dst": everywhere, "into": "lo"}]), *asking]
        elif published.host_ip.is_loopback:
            asking = [("loopback", [{"into": "lo"}])]
        refused = set(AUDIENCES) - set(published.reach)
        for match, refuse in _decide(asking, refused):
            verdict = _reject(published) if refuse else ("RETURN",)
            yield why.PROXY_REACH, _asked(published, match, verdict)


def _into(scope: Scope) -> Iterator[Line]:
    """Replies, siblings and published ports, then the end of the way for the rest.

    The ways in of every network stand before any drop: members of one may use what another publishes.
    """
    for bridge in scope.gateways:
        if bridge.masquerade:
            yield why.INVALID, words("DROP", into=bridge.name, out=f"!{bridge.name}", match=INVALID)
    for bridge in scope.gateways:
        yield why.REPLIES, words("ACCEPT", out=bridge.name, match=REPLY)
        yield why.REPLIES, words("ACCEPT", into=bridge.name, match=REPLY)
    for published in scope.published:
        if {"outside", "network", "self"} & set(published.reach):
            yield why.PUBLISHED, _to(published, "ACCEPT")
    for bridge in scope.gateways:
        yield from _routed(scope, bridge)
    for bridge in scope.bridges:
        yield _among_members(bridge)
    for bridge in scope.bridges:
        yield why.CLOSED, words("DROP", into=f"!{bridge.name}", out=bridge.name)
        if not bridge.internet:
            yield why.NO_INTERNET, words("DROP", into=bridge.name, out=f"!{bridge.name}")
    yield from _passed_on(scope)


def _passed_on(scope: Scope) -> Iterator[Line]:
    """A host that is a router by the topology's own word passes on what its cables bring; networks stay closed."""
    host = scope.topology.host
    for device in (*host.ends, *host.interfaces) if host.forwarding else ():
        if any(address.version == scope.version for address in device.addresses):
            yield why.ROUTER, words("ACCEPT", into=device.name)
            yield why.ROUTER, words("ACCEPT", out=device.name)


def _among_members(bridge: Bridge) -> Line:
    """The ports of an isolated bridge exchange no frames; this is for the way by the gateway."""
    if bridge.isolate:
        return why.ISOLATED, words("DROP", into=bridge.name, out=bridge.name)
    return why.SIBLINGS, words("ACCEPT", into=bridge.name, out=bridge.name)


def _routed(scope: Scope, bridge: Bridge) -> Iterator[Line]:
    """A network without masquerading: its members are known outside by their own addresses."""
    if not bridge.internet or bridge.masquerade:
        return
    direct = scope.published_on(bridge)
    others = [other.name for other in scope.bridges if other != bridge]
    for published in direct:
        if "network" in published.reach:
            for other in others:
                yield why.ROUTED, _to(published, "ACCEPT", into=other, match=())
    for other in others:
        yield why.APART, words("DROP", into=other, out=bridge.name)
    yield why.ROUTED_OUTSIDE, words("ACCEPT", out=bridge.name, proto=ICMP[scope.version])
    for published in direct:
        if "outside" in published.reach:
            yield why.ROUTED_OUTSIDE, _to(published, "ACCEPT", match=())


def _from(scope: Scope) -> Iterator[Line]:
    for bridge in scope.gateways:
        if bridge.internet:
            for subnet in scope.subnets(bridge):
                yield why.OUT, words("ACCEPT", src=subnet, into=bridge.name, out=f"!{bridge.name}")
            yield why.SPOOFED, words("DROP", into=bridge.name, out=f"!{bridge.name}")


def _others(scope: Scope) -> Iterator[Line]:
    if needs.filters_all_bridges(scope.topology, scope.version):
        yield why.OTHERS, words("ACCEPT", match=BRIDGED)


def _guard(scope: Scope) -> Iterator[Line]:
    if needs.forwards(scope.topology, scope.version) and not scope.topology.host.forwarding:
        yield why.GUARD, words("RETURN", match=BRIDGED)
        yield why.GUARD, words("DROP")


# -- parts of rules -----------------------------------------------------------------------------


def _asking(scope: Scope, published: Publication) -> list[tuple[Audience, list[dict[str, str]]]]:
    """Who asks from beyond the host, the most particular first, and how its packets are told."""
    own = [
        {"src": f"{address.ip}/{address.max_prefixlen}"}
        for member in scope.members[published.member.namespace]
        for address in member.addresses
        if address.version == scope.version
    ]
    return [("self", own), ("network", scope.from_bridges), ("outside", [{}])]


def _decide(
    asking: list[tuple[Audience, list[dict[str, str]]]], allowed: set[Audience]
) -> Iterator[tuple[dict[str, str], bool]]:
    """The shortest list of (match, allowed?) that decides for everybody who asks; its end means no."""
    while asking and asking[-1][0] not in allowed:
        asking = asking[:-1]
    for index, (audience, matches) in enumerate(asking):
        after = asking[index + 1][0] if index + 1 < len(asking) else audience
        if after == _PART_OF.get(audience) and (after in allowed) == (audience in allowed):
            continue
        yield from ((match, audience in allowed) for match in matches)


def _asked(published: Publication, match: dict[str, str], verdict: Argv) -> Argv:
    """A rule about packets to the host's side of a published port."""
    host_ip = published.host_ip
    own = "" if host_ip is None else f"{host_ip}/{host_ip.max_prefixlen}"
    return words(
        *verdict,
        src=match.get("src", ""),
        dst=match.get("dst", own),
        into=match.get("into", ""),
        proto=published.protocol,
        dport=published.published,
    )


def _to(
    published: Publication, verdict: str, src: str = "", into: str = "", match: Argv = DNATED
) -> Argv:
    """A rule about packets on their way into the namespace, translated already."""
    return words(
        verdict,
        src=src,
        dst=_host_route(published),
        into=into,
        out=published.bridge.name,
        proto=published.protocol,
        dport=published.target,
        match=match,
    )


def _host_route(published: Publication) -> str:
    return f"{published.address}/{published.address.max_prefixlen}"


def _dnat(published: Publication) -> Argv:
    address = f"[{published.address}]" if published.version == 6 else str(published.address)
    if published.published == published.target and len(published.target) > 1:
        return ("DNAT", "--to-destination", str(published.address))  # each port to its own
    # Without "/FIRST", iptables sends every port of a range to the first.
    shift = f"/{published.published.first}" if len(published.target) > 1 else ""
    return ("DNAT", "--to-destination", f"{address}:{published.target}{shift}")


def _reject(published: Publication) -> Argv:
    if published.protocol == "tcp":
        return ("REJECT", "--reject-with", "tcp-reset")
    kind = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}[published.version]
    return ("REJECT", "--reject-with", kind)
