"""NAT: the host's for published ports, and a node's own; and what the filter's rules are made from, too.

That is :class:`Scope`; who asks for a published port, and how the packets are told (`who_asks`, `decide`); and which
packets come to the host's side of it (`to_host`) and leave for the namespace (`to_namespace`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from nsgen.language.networks import Audience
from nsgen.ops import MASQUERADE, RETURN, Argv, Match, RuleTarget, Where
from nsgen.plan import why
from nsgen.plan.dispatch import Line
from nsgen.topology import needs
from nsgen.topology.model import Publication, Topology
from nsgen.topology.networks import Bridge, Member
from nsgen.values import IPAddress, IPNetwork
from nsgen.words import bracketed

LOOPBACK = IPv4Network("127.0.0.0/8")
LOOPBACKS: dict[int, IPAddress | IPNetwork] = {4: LOOPBACK, 6: IPv6Address("::1")}
MULTICAST: dict[int, IPNetwork] = {4: IPv4Network("224.0.0.0/4"), 6: IPv6Network("ff00::/8")}
LOCAL = ("-m", "addrtype", "--dst-type", "LOCAL")
DNATED = ("-m", "conntrack", "--ctstate", "DNAT")

Asking = list[tuple[Audience, list[Match]]]  # who, and how their packets are told

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
        """The published ports of one network."""
        return [p for p in self.topology.published_on(bridge) if p.version == self.version]

    @cached_property
    def members(self) -> dict[str, tuple[Member, ...]]:
        """By namespace, all its places."""
        return {namespace.name: namespace.members for namespace in self.topology.namespaces}

    @cached_property
    def from_bridges(self) -> list[Match]:
        """How packets of namespaces are told."""
        return [Match(into=bridge.name) for bridge in self.bridges]

    def has_router(self, bridge: Bridge) -> bool:
        """Whether a member of a network may pass on what the others send."""
        return any(
            needs.asked_to_forward(namespace, self.version) is not False
            for namespace in self.topology.namespaces
            if any(member.bridge == bridge for member in namespace.members)
        )

    def subnets(self, bridge: Bridge) -> list[IPNetwork]:
        """The subnets of this version on a network."""
        return [s.network for s in bridge.subnets if s.version == self.version]


# -- published ports: who asks ------------------------------------------------------------------


def who_asks(scope: Scope, published: Publication) -> Asking:
    """Who asks from beyond the host, the most particular first, and how its packets are told."""
    own = [
        Match(src=address.ip)
        for member in scope.members[published.member.namespace]
        for address in member.addresses
        if address.version == scope.version
    ]
    return [("self", own), ("network", scope.from_bridges), ("outside", [Match()])]


def decide(asking: Asking, allowed: set[Audience]) -> Iterator[tuple[Match, bool]]:
    """The shortest list of (match, allowed?) that decides for everybody who asks; its end means no."""
    while asking and asking[-1][0] not in allowed:
        asking = asking[:-1]
    for index, (audience, matches) in enumerate(asking):
        after = asking[index + 1][0] if index + 1 < len(asking) else audience
        if after == _PART_OF.get(audience) and (after in allowed) == (audience in allowed):
            continue
        yield from ((match, audience in allowed) for match in matches)


def to_host(published: Publication, asker: Match) -> Match:
    """The packets of somebody who asks, to the host's side of a published port."""
    return asker._replace(
        dst=asker.dst or published.host_ip, proto=published.protocol, dport=published.published
    )


def to_namespace(
    published: Publication, src: Where = None, into: str = "", more: Argv = DNATED
) -> Match:
    """Packets on their way into the namespace, translated already."""
    return Match(
        src=src,
        dst=published.address,
        into=into,
        out=published.bridge.name,
        proto=published.protocol,
        dport=published.target,
        more=more,
    )


# -- published ports: the rules -----------------------------------------------------------------


def prerouting(scope: Scope) -> Iterator[Line]:
    """From beyond the host to a published port."""
    for published in scope.published:
        reach = set(published.reach)
        asking = who_asks(scope, published)
        if published.via == "proxy":  # the proxy itself answers namespaces
            anywhere = published.host_ip is None  # or it answers from the one that it listens on
            if published.protocol == "udp" and anywhere and {"network", "self"} & reach:
                for asker in scope.from_bridges:
                    yield why.UDP_PROXY, to_host(published, asker), RuleTarget("REDIRECT")
                asking = asking[1:]
            reach, asking = reach & {"outside"}, asking[1:]
        beside = needs.asked_beside(published, scope.members[published.member.namespace])
        for member in beside:
            verdict = _dnat(published) if "self" in reach else RETURN
            for address in member.of_version(scope.version):
                yield why.DNAT_BESIDE, to_host(published, Match(src=address)), verdict
            match = to_host(published, Match(into=member.bridge.name))
            yield why.DNAT_BESIDE, match, _dnat(published, member.address(scope.version))
        for asker, allowed in decide(asking, reach):
            yield why.DNAT, to_host(published, asker), _dnat(published) if allowed else RETURN


def output(scope: Scope) -> Iterator[Line]:
    """From the host itself to a published port."""
    for published in scope.published:
        reach = set(published.reach)
        if published.via == "proxy":  # the proxy itself answers 127.0.0.1
            reach -= {"loopback"}
        asking: Asking = [("host", [Match()])]
        if published.host_ip is not None and published.host_ip.is_loopback:
            asking = [("loopback", [Match()])]
        elif published.host_ip is None and scope.version == 4:
            asking = [("loopback", [Match(dst=LOOPBACK)]), *asking]
        for asker, allowed in decide(asking, reach):
            verdict = _dnat(published) if allowed else RETURN
            yield why.DNAT_OUTPUT, to_host(published, asker), verdict


def _dnat(published: Publication, to: IPAddress | None = None) -> RuleTarget:
    address, target = str(to or published.address), published.target
    if len(target) > 1 and published.published == target:
        return to_destination(address)  # each port to its own
    # Without "/FIRST", iptables sends every port of a range to the first.
    shift = f"/{published.published.first}" if len(target) > 1 else ""
    return to_destination(f"{bracketed(address)}:{target}{shift}")


def to_destination(text: str) -> RuleTarget:
    """DNAT to an address, and a port of it."""
    return RuleTarget("DNAT", ("--to-destination", text))


def postrouting(scope: Scope) -> Iterator[Line]:
    """What leaves a network, and what is on its way to a published port."""
    leaving = [(reason, match, MASQUERADE) for reason, match in _leaving(scope)]
    published = [(reason, match, MASQUERADE) for reason, match in _to_published(scope)]
    kept = [(why.KEPT, match, RETURN) for match in _kept(scope)]
    # What has to be masqueraded whoever it is comes before an exception; else the order is all the same.
    yield from (*published, *kept, *leaving) if kept else (*leaving, *published)


def _leaving(scope: Scope) -> Iterator[tuple[str, Match]]:
    multicast = MULTICAST[scope.version]
    for bridge in scope.gateways:
        for subnet in () if bridge.keeps_sources(scope.version) else scope.subnets(bridge):
            match = Match(src=subnet, not_dst=multicast, not_out=bridge.name)
            yield why.MASQUERADE.format(bridge=bridge.name), match


def _kept(scope: Scope) -> Iterator[Match]:
    for bridge in scope.gateways:
        if bridge.keeps_sources(scope.version):
            continue
        for network in bridge.excepted:
            for subnet in scope.subnets(bridge) if network.version == scope.version else ():
                yield Match(src=subnet, dst=network, not_out=bridge.name)


def _to_published(scope: Scope) -> Iterator[tuple[str, Match]]:
    for bridge in scope.gateways:
        if any(needs.uses_route_localnet(p) for p in scope.published_on(bridge)):
            yield why.LOOPBACK_SOURCE, Match(src=LOOPBACK, out=bridge.name)
    yield from _asked_from_the_host(scope)


def _asked_from_the_host(scope: Scope) -> Iterator[tuple[str, Match]]:
    """Towards a published namespace, for those whom it would not answer by way of the host."""
    for published in filter(_no_way_back, scope.published):
        yield why.NO_WAY_BACK, to_namespace(published)._replace(not_src=_subnet_of(published))
    for published in scope.published:
        for subnet in _other_networks(scope, published):
            yield why.OTHER_NETWORKS, to_namespace(published, subnet)
    for published in filter(_siblings_masqueraded, scope.published):
        yield why.SIBLINGS_OFF, to_namespace(published, _subnet_of(published))
    yield from _written(scope)
    for published in scope.published:
        if needs.translates_to_itself(published) and not _siblings_masqueraded(published):
            yield why.SELF, to_namespace(published, published.address)


def to_members(scope: Scope) -> Iterator[tuple[Member, Match]]:
    """What the host's own `nat` sends to members of its networks, translated already."""
    for nat in scope.topology.host.nats:
        if nat.dnat is None or nat.dnat.address.version != scope.version:
            continue
        for member in scope.topology.having(nat.dnat.address):
            yield (
                member,
                Match(
                    dst=nat.dnat.address,
                    out=member.bridge.name,
                    proto=nat.l4,
                    dport=nat.dnat.ports or nat.port,
                    more=DNATED,
                ),
            )


def _written(scope: Scope) -> Iterator[tuple[str, Match]]:
    """Of what the host's own `nat` sends to a member: from whom it would not be answered by way of the host."""
    for member, match in to_members(scope):
        if not member.routed(scope.version):
            yield why.NO_WAY_BACK, match
            continue
        for place in scope.members[member.namespace]:
            if place.bridge != member.bridge and place.bridge.own_ports:
                continue
            for subnet in scope.subnets(place.bridge):
                yield why.NAT_NEIGHBOURS, match._replace(src=subnet)


def _no_way_back(published: Publication) -> bool:
    """Who asks from elsewhere, where the namespace's default route of this version does not lead back here."""
    elsewhere = {"outside", "host", "network"} & set(published.reach)
    return bool(elsewhere) and not published.member.routed(published.version)


def _other_networks(scope: Scope, published: Publication) -> Iterator[IPNetwork | IPAddress]:
    """Who asks by networks that the namespace is on too, is not masqueraded there, and would be answered directly.

    Where members of such a network are sent to the namespace's address there, that is the namespace itself alone.
    """
    asking = {"network", "self"} & set(published.reach)
    if not asking or published.via == "proxy" or _no_way_back(published):
        return
    members = scope.members[published.member.namespace]
    beside = needs.asked_beside(published, members)
    for member in members:
        if member.bridge == published.bridge or member.bridge.masquerades(published.address):
            continue
        if member.bridge.own_ports:
            continue  # they are not answered
        if member not in beside:
            yield from scope.subnets(member.bridge)
        elif "self" in published.reach:
            yield from member.of_version(scope.version)


def _siblings_masqueraded(published: Publication) -> bool:
    off = published.via == "dnat" and published.bridge.netfilter == "off"
    return off and "network" in published.reach


def _subnet_of(published: Publication) -> IPNetwork:
    return next(s.network for s in published.bridge.subnets if published.address in s.network)
