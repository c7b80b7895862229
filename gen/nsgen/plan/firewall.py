"""The chains of the host, one IP version at a time, and the jumps there; of their rules, those of raw and filter.

Those of nat are in :mod:`nsgen.plan.nat`. Every rule is in a chain of ours, and a built-in chain gets one jump to it.
Rules are printed as iptables-save prints them, so that a script can compare what it wants with what is there, line by
line.

What a rule is for stands with it, as the comment that the script prints (:mod:`nsgen.plan.why`). Where the field
learned that it is needed: addrtype, CVE-2025-67499; the loopback guard, CVE-2020-8558; the direct-access guard, moby
49325; ways in before ways out, moby's order of chains; INVALID only on the way out, moby 18630.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

from nsgen.language.networks import AUDIENCES
from nsgen.ops import ACCEPT, DROP, RETURN, Chain, Jump, Match, Rule, RuleTarget, Table
from nsgen.plan import nat, own_ports, why
from nsgen.plan.dispatch import Line, dispatch
from nsgen.plan.nat import LOCAL, LOOPBACK, Asking, Scope, decide, to_host, to_namespace, who_asks
from nsgen.topology import needs
from nsgen.topology.model import Publication, Topology
from nsgen.topology.needs import BRIDGE_NF, FORWARD
from nsgen.topology.networks import Bridge
from nsgen.values import HOST

LOOPBACK_6 = IPv6Address("::1")
ICMP = {4: "icmp", 6: "ipv6-icmp"}
NOT_LOCAL = ("-m", "addrtype", "!", "--dst-type", "LOCAL")
REPLY = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
INVALID = ("-m", "conntrack", "--ctstate", "INVALID")
BRIDGED = ("-m", "physdev", "--physdev-is-bridged")


def chains(
    topology: Topology, version: int, said: frozenset[str] = frozenset()
) -> tuple[Chain, ...]:
    """Every chain of ours for one IP version, by table; reasons that were `said` already are left out."""
    scope = Scope(topology, version)
    tables: tuple[tuple[Table, str, Iterator[Line]], ...] = (
        ("raw", "RAW", _raw(scope)),
        ("nat", "PRE", nat.prerouting(scope)),
        ("nat", "OUTPUT", nat.output(scope)),
        ("nat", "POST", nat.postrouting(scope)),
        ("filter", "INPUT", _input(scope)),
        ("filter", "INTO", _into(scope)),
        ("filter", "FROM", _from(scope)),
        ("filter", "OTHERS", _others(scope)),
        ("filter", "GUARD", _guard(scope)),
    )
    found = []
    for table, role, lines in tables:
        prefix = f"NSGEN-{topology.name}-"
        kept, parts = dispatch(list(lines), f"{prefix}{role[:3]}{{:03}}".format)
        names = [(name, "", members) for name, members in parts.items()]
        for name, its_role, members in (*names, (prefix + role, role, kept)):
            rules = tuple(
                Rule(HOST, version, table, name, match, verdict, "" if reason in said else reason)
                for reason, match, verdict in members
            )
            if rules:
                found.append(Chain(HOST, version, table, name, rules, its_role))
    return tuple(found)


def jumps(topology: Topology, made: Iterable[Chain]) -> Iterator[Jump]:
    """How the built-in chains lead to ours."""
    for chain in made:
        role = chain.role
        if role not in _BUILTIN:
            continue
        # IPv6: see `_reach` in nsgen.topology.resolve.
        not_dst = LOOPBACK_6 if chain.version == 6 and role == "OUTPUT" else None
        yield Jump(
            node=HOST,
            version=chain.version,
            table=chain.table,
            builtin=_BUILTIN[role],
            place="last" if role in _LAST else "first",
            match=Match(not_dst=not_dst, more=LOCAL if role in ("PRE", "OUTPUT") else ()),
            topology=topology.name,
            chain=chain.name,
            unless=_UNLESS.get(role, {}).get(chain.version, ""),
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
_UNLESS = {"OTHERS": BRIDGE_NF, "GUARD": FORWARD}


# -- raw: before connection tracking ------------------------------------------------------------


def _raw(scope: Scope) -> Iterator[Line]:
    if any(needs.uses_route_localnet(published) for published in scope.published):
        yield why.FORGED_LOOPBACK, Match(dst=LOOPBACK, not_into="lo"), DROP
        yield why.FORGED_LOOPBACK, Match(src=LOOPBACK, not_into="lo"), DROP
    direct = [bridge for bridge in scope.gateways if not bridge.keeps_sources(scope.version)]
    for bridge in scope.bridges if direct else ():
        if scope.has_router(bridge):
            yield why.BY_A_MEMBER, Match(into=bridge.name), RETURN
    for bridge in direct:
        for network in scope.topology.kept_from(bridge, scope.version):
            for subnet in scope.subnets(bridge):
                yield why.KEPT_ANSWERS, Match(src=network, dst=subnet, not_into=bridge.name), RETURN
        # Where nothing is masqueraded, this would drop the replies to members: there, connection tracking decides.
        for subnet in scope.subnets(bridge):
            yield why.DIRECT, Match(dst=subnet, not_into=bridge.name, more=NOT_LOCAL), DROP


# -- filter -------------------------------------------------------------------------------------


def _input(scope: Scope) -> Iterator[Line]:
    """A proxy listens for everybody: whom `reach` leaves out is refused."""
    for published in scope.published:
        if not needs.proxied(published):
            continue
        asking: Asking = [("host", [Match(into="lo")]), *who_asks(scope, published)]
        if published.host_ip is None:
            everywhere = LOOPBACK_6 if scope.version == 6 else LOOPBACK
            asking = [("loopback", [Match(dst=everywhere, into="lo")]), *asking]
        elif published.host_ip.is_loopback:
            asking = [("loopback", [Match(into="lo")])]
        for asker in own_ports.kept_away(scope, published):
            yield why.OWN_PORTS_PROXY, to_host(published, asker), _reject(published)
        refused = set(AUDIENCES) - set(published.reach)
        for asker, refuse in decide(asking, refused):
            verdict = _reject(published) if refuse else RETURN
            yield why.PROXY_REACH, to_host(published, asker), verdict


def _into(scope: Scope) -> Iterator[Line]:
    """Replies, siblings and published ports, then the end of the way for the rest.

    The ways in of every network stand before any drop, but for those whose members are not to use them: members of
    one network may use what another publishes.
    """
    for bridge in scope.gateways:
        if not bridge.keeps_sources(scope.version):
            yield why.INVALID, Match(into=bridge.name, not_out=bridge.name, more=INVALID), DROP
    for bridge in scope.gateways:
        yield from _replies(scope, bridge)
    for bridge in scope.gateways:
        if bridge.own_ports and own_ports.asks_elsewhere(scope, bridge):
            match = Match(into=bridge.name, not_out=bridge.name, more=nat.DNATED)
            yield why.OWN_PORTS, match, DROP
    yield from _translated(scope)
    for bridge in scope.gateways:
        yield from _routed(scope, bridge)
    for bridge in scope.bridges:
        yield from _among_members(bridge)
    for bridge in scope.bridges:
        yield why.CLOSED, Match(not_into=bridge.name, out=bridge.name), DROP
        if not bridge.internet:
            yield why.NO_INTERNET, Match(into=bridge.name, not_out=bridge.name), DROP
    yield from _passed_on(scope)


def _translated(scope: Scope) -> Iterator[Line]:
    """What was sent to the host, and is on its way to a member."""
    for published in scope.published:
        if {"outside", "network", "self"} & set(published.reach):
            yield why.PUBLISHED, to_namespace(published), ACCEPT
    for _, match in nat.to_members(scope):
        yield why.NAT_MEMBER, match, ACCEPT


def _replies(scope: Scope, bridge: Bridge) -> Iterator[Line]:
    """Where something is let through at all."""
    if bridge.internet or scope.published_on(bridge):
        yield why.REPLIES, Match(out=bridge.name, more=REPLY), ACCEPT
        yield why.REPLIES, Match(into=bridge.name, more=REPLY), ACCEPT


def _passed_on(scope: Scope) -> Iterator[Line]:
    """A host that is a router by the topology's own word passes on what its cables bring; networks stay closed."""
    host = scope.topology.host
    for device in host.wired if host.forwarding else ():
        if any(address.version == scope.version for address in device.addresses):
            yield why.ROUTER, Match(into=device.name), ACCEPT
            yield why.ROUTER, Match(out=device.name), ACCEPT


def _among_members(bridge: Bridge) -> Iterator[Line]:
    """The isolated ports of a bridge exchange no frames; this is for the way by the gateway."""
    among = Match(into=bridge.name, out=bridge.name)
    if not bridge.isolate:
        yield why.SIBLINGS, among, ACCEPT
        return
    if not all(port.isolated for _, port in bridge.ports):
        yield why.BRIDGED, among._replace(more=BRIDGED), ACCEPT
    yield why.ISOLATED, among, DROP


def _routed(scope: Scope, bridge: Bridge) -> Iterator[Line]:
    """A network without masquerading: its members are known outside by their own addresses."""
    if not bridge.routed:
        return
    direct = scope.published_on(bridge)
    others = [other for other in scope.bridges if other != bridge]
    for published in direct:
        for other in others if "network" in published.reach else ():
            if not other.own_ports:
                yield why.ROUTED, to_namespace(published, into=other.name, more=()), ACCEPT
    for other in others:
        yield why.APART, Match(into=other.name, out=bridge.name), DROP
    yield why.ROUTED_OUTSIDE, Match(out=bridge.name, proto=ICMP[scope.version]), ACCEPT
    for published in direct:
        if "outside" in published.reach:
            yield why.ROUTED_OUTSIDE, to_namespace(published, more=()), ACCEPT


def _from(scope: Scope) -> Iterator[Line]:
    for bridge in scope.gateways:
        if bridge.internet:
            for subnet in scope.subnets(bridge):
                yield why.OUT, Match(src=subnet, into=bridge.name, not_out=bridge.name), ACCEPT
            yield why.SPOOFED, Match(into=bridge.name, not_out=bridge.name), DROP


def _others(scope: Scope) -> Iterator[Line]:
    if needs.filters_all_bridges(scope.topology, scope.version):
        yield why.OTHERS, Match(more=BRIDGED), ACCEPT


def _guard(scope: Scope) -> Iterator[Line]:
    if needs.forwards(scope.topology, scope.version) and not scope.topology.host.forwarding:
        yield why.GUARD, Match(more=BRIDGED), RETURN
        yield why.GUARD, Match(), DROP


def _reject(published: Publication) -> RuleTarget:
    if published.protocol == "tcp":
        return RuleTarget("REJECT", ("--reject-with", "tcp-reset"))
    kind = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}[published.version]
    return RuleTarget("REJECT", ("--reject-with", kind))
