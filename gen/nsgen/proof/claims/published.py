"""What published ports claim: who is answered, by whom, and seen from where; and whose ports stay theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from nsgen.language.networks import Audience
from nsgen.proof.claims.claim import LOOPBACK, Claim, Peers, answered
from nsgen.proof.claims.view import SceneView, addresses, led, samples, suffix
from nsgen.topology.model import Namespace, Publication
from nsgen.topology.needs import asked_beside, filters_all_bridges
from nsgen.topology.networks import Member
from nsgen.values import HOST, INTERNET, OUTSIDE, IPAddress


def claims(view: SceneView) -> Iterator[Claim]:
    """Who is answered at which of the host's addresses, and who is not."""
    for published in view.topology.publications:
        for offset in samples(published):
            for claim in _audiences(view, published):
                number = published.published.first + offset
                yield replace(
                    claim, port=number, column=f"{number}{suffix(published)} {claim.column}"
                )


def _audiences(view: SceneView, published: Publication) -> Iterator[Claim]:
    version, name = published.version, published.member.namespace
    uplinks = [view.scene.sides[version].host, *view.more_addresses(version)]
    gateways = view.gateways_of(version)
    own = view.own_gateways(published.bridge, version)
    for address in uplinks:
        yield _asked(view, published, "outside", OUTSIDE, address)
    for address in (*uplinks, *own):
        yield _asked(view, published, "host", HOST, address)
    yield _asked(view, published, "loopback", HOST, LOOPBACK[version])
    target = view.namespace(name)
    # By a network whose members are answered by its own ports alone, it is not either.
    away = [m for m in target.members if m.bridge.own_ports and m.bridge != published.bridge]
    closed = [a for a in gateways if any(_in_bridge(m, a) for m in away)]
    for address in (*own, *closed, *(a for a in uplinks if view.way_out(target, version, a))):
        if not _blocked(view, published):
            yield _asked(view, published, "self", name, address)
    for asker in _others(view, published):
        siblings = any(m.bridge == published.bridge for m in asker.members)
        if siblings and _blocked(view, published):
            continue
        near = [a for a in gateways if any(_in_bridge(m, a) for m in asker.members)]
        far = [a for a in (*own, *uplinks) if view.way_out(asker, version, a)]
        for address in dict.fromkeys([*near, *far]):
            claim = _asked(view, published, "network", asker.name, address)
            # Its answer would go another way than the question came.
            if not any(led(target, ipaddress.ip_address(peer)) for peer in claim.peers):
                yield claim


def _asked(
    view: SceneView, published: Publication, audience: Audience, asker: str, address: object
) -> Claim:
    """Whether `asker` is answered at one of the host's addresses."""
    text, version, name = str(address), published.version, published.member.namespace
    names = {a: g for g, a in view.named_gateways(version)}
    uplink = {
        str(view.scene.sides[version].host): view.scene.uplink,
        LOOPBACK[version]: "loopback",
    }
    column = f"at {(names | uplink).get(text, text)}{' IPv6' * (version == 6)}"
    allowed = audience in published.reach and _covers(published, text)
    if audience == "loopback" and version == 6 and published.via == "dnat":
        allowed = False
    if audience == "outside" and text in names:
        allowed = False
    reach = ", ".join(published.reach)
    host_ip = f" on {published.host_ip}" if published.host_ip else ""
    why = f"{name} publishes {published.published}{suffix(published)}{host_ip} for {reach}"
    if audience in ("network", "self"):
        way = _way_to(view, asker, version, text)
        if way is not None and way.bridge.own_ports and way.bridge != published.bridge:
            allowed = False
            why = f"members of {way.bridge.name} are answered by the ports of that network alone"
    peers = _peers(view, published, audience, asker, text) if allowed else ()
    return Claim(
        *(asker, column, text, 0, published.protocol, allowed, why),
        by=name if allowed else "",
        peers=peers,
        alone=published.via == "proxy" and published.protocol == "udp" and allowed,
    )


def _peers(
    view: SceneView, published: Publication, audience: Audience, asker: str, address: str
) -> Peers:
    """From which addresses the namespace is asked."""
    version = published.version
    gateways = tuple(str(a) for a in view.own_gateways(published.bridge, version))
    proxied = published.via == "proxy" and audience in ("loopback", "network", "self")
    if audience in ("loopback", "self") or proxied:
        return gateways
    if audience == "host":
        return (address, *gateways)
    if audience == "outside":
        routed = published.member.routed(version)
        return (str(view.scene.sides[version].outside),) if routed else gateways
    way = _way_to(view, asker, version, address)
    if way is None:
        return ()
    if way.bridge == published.bridge:
        return gateways if way.bridge.netfilter == "off" else (str(way.address(version)),)
    own = view.namespace(published.member.namespace).members
    if way.bridge in [member.bridge for member in asked_beside(published, own)]:
        return (str(way.address(version)),)
    # Whoever has no default route could not answer anybody else; and a neighbour it would answer without the host.
    neighbour = way.bridge in [member.bridge for member in own]
    translated = (
        way.bridge.masquerades(published.address)
        or neighbour
        or not published.member.routed(version)
    )
    return gateways if translated else (str(way.address(version)),)


def _way_to(view: SceneView, asker: str, version: int, address: str) -> Member | None:
    """By which of its networks a namespace asks one of the host's addresses."""
    namespace = view.namespace(asker)
    near = (m for m in namespace.members if _in_bridge(m, ipaddress.ip_address(address)))
    return next(near, view.way_out(namespace, version))


def _others(view: SceneView, published: Publication) -> list[Namespace]:
    """Who asks besides the namespace itself: everybody, or one of each network."""
    name, version = published.member.namespace, published.version
    found = [
        ns
        for ns in view.topology.namespaces
        if ns.name != name and any(m.address(version) for m in ns.members)
    ]
    if view.every:
        return found
    by_network = {m.bridge.name: ns for ns in reversed(found) for m in ns.members}
    return list({ns.name: ns for ns in by_network.values()}.values())


def by_own_address(view: SceneView) -> Iterator[Claim]:
    """A routed network's members are known by their own addresses: for pings, and for what they publish."""
    for member in view.one_of_each():
        bridge = member.bridge
        for version, address in addresses(member, bridge) if bridge.routed else ():
            if member.routed(version):
                why = f"{bridge.name} is routed: other machines ping its members"
                yield answered(OUTSIDE, f"{member.namespace} itself", address, 0, "ping", why)
    for published in view.topology.publications:
        version, name = published.version, published.member.namespace
        if not (published.bridge.routed and published.member.routed(version)):
            continue
        askers = [OUTSIDE] if "outside" in published.reach else []
        if "network" in published.reach:
            askers += [
                ns.name
                for ns in _others(view, published)
                if published.bridge not in [m.bridge for m in ns.members]
                and (way := view.way_out(ns, version, published.address))
                and not way.bridge.own_ports
                and not led(view.namespace(name), way.address(version))
            ]
        for asker, offset in product(askers, samples(published)):
            port = published.target.first + offset
            why = f"{published.bridge.name} is routed: {name} is asked by its own address, too"
            column = f"{port}{suffix(published)} of {name}"
            to = str(published.address)
            yield answered(asker, column, to, port, published.protocol, why, name)


def of_others(view: SceneView) -> Iterator[Claim]:
    """Somebody else's port of a published number stays theirs."""
    for published in view.topology.publications:
        side, protocol = view.scene.sides[published.version], published.protocol
        for offset in samples(published):
            port = published.published.first + offset
            why = f"only this host's own port {port} is published"
            column = f"{port}{suffix(published)} of others"
            yield answered(HOST, column, str(side.outside), port, protocol, why, OUTSIDE)
            for asker in view.topology.namespaces:
                if view.way_out(asker, published.version) is not None:
                    to = str(side.internet)
                    yield answered(asker.name, column, to, port, protocol, why, INTERNET)


def _in_bridge(member: Member, gateway: IPAddress) -> bool:
    return any(a.version == gateway.version and gateway in a.network for a in member.addresses)


def _covers(published: Publication, address: str) -> bool:
    host_ip = published.host_ip
    return host_ip is None or host_ip.is_unspecified or str(host_ip) == address


def _blocked(view: SceneView, published: Publication) -> bool:
    """Whether an isolated port is in the way of siblings, and of the namespace itself: docs/language.md, isolate.

    So it is wherever iptables sees what crosses bridges, be it for another network or by the host's own doing.
    """
    if not published.bridge.isolate or published.via != "dnat":
        return False
    seen = "netfilter" in view.scene.host or filters_all_bridges(view.topology, published.version)
    return published.bridge.netfilter != "off" or seen
