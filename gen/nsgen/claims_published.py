"""What published ports claim: who is answered, by whom, and seen from where; and whose ports stay theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from nsgen.claim import HOST, INTERNET, LOOPBACK, OUTSIDE, Claim, Peers, answered
from nsgen.ground import Ground, addresses, samples, suffix
from nsgen.spec import Audience
from nsgen.topology import Member, Namespace, Publication
from nsgen.values import IPAddress


def claims(ground: Ground) -> Iterator[Claim]:
    """Who is answered at which of the host's addresses, and who is not."""
    for published in ground.topology.publications:
        for offset in samples(published):
            for claim in _audiences(ground, published):
                number = published.published.first + offset
                yield replace(
                    claim, port=number, column=f"{number}{suffix(published)} {claim.column}"
                )


def _audiences(ground: Ground, published: Publication) -> Iterator[Claim]:
    version, name = published.version, published.member.namespace
    uplinks = [ground.scene.sides[version].host, *ground.more_addresses(version)]
    gateways = ground.gateways_of(version)
    own = ground.own_gateways(published.bridge, version)
    for address in uplinks:
        yield _asked(ground, published, "outside", OUTSIDE, address)
    for address in (*uplinks, *own):
        yield _asked(ground, published, "host", HOST, address)
    yield _asked(ground, published, "loopback", HOST, LOOPBACK[version])
    target = ground.namespace(name)
    for address in (*own, *(uplinks if ground.way_out(target, version) else ())):
        if not _blocked(published):
            yield _asked(ground, published, "self", name, address)
    for asker in _others(ground, published):
        siblings = any(m.bridge == published.bridge for m in asker.members)
        if siblings and _blocked(published):
            continue
        near = [a for a in gateways if any(_in_bridge(m, a) for m in asker.members)]
        far = [*own, *uplinks] if ground.way_out(asker, version) else []
        for address in dict.fromkeys([*near, *far]):
            yield _asked(ground, published, "network", asker.name, address)


def _asked(
    ground: Ground, published: Publication, audience: Audience, asker: str, address: object
) -> Claim:
    """Whether `asker` is answered at one of the host's addresses."""
    text, version, name = str(address), published.version, published.member.namespace
    names = {a: g for g, a in ground.named_gateways(version)}
    uplink = {
        str(ground.scene.sides[version].host): ground.scene.uplink,
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
    peers = _peers(ground, published, audience, asker, text) if allowed else ()
    return Claim(
        *(asker, column, text, 0, published.protocol, allowed, why),
        by=name if allowed else "",
        peers=peers,
        alone=published.via == "proxy" and published.protocol == "udp" and allowed,
    )


def _peers(
    ground: Ground, published: Publication, audience: Audience, asker: str, address: str
) -> Peers:
    """From which addresses the namespace is asked."""
    version = published.version
    gateways = tuple(str(a) for a in ground.own_gateways(published.bridge, version))
    proxied = published.via == "proxy" and audience in ("loopback", "network", "self")
    if audience in ("loopback", "self") or proxied:
        return gateways
    if audience == "host":
        return (address, *gateways)
    if audience == "outside":
        routed = published.member.routed(version)
        return (str(ground.scene.sides[version].outside),) if routed else gateways
    way = _way_to(ground, asker, version, address)
    if way is None:
        return ()
    if way.bridge == published.bridge:
        return gateways if way.bridge.netfilter == "off" else (str(way.address(version)),)
    # Whoever has no default route could not answer anybody else.
    translated = way.bridge.masquerade or not published.member.routed(version)
    return gateways if translated else (str(way.address(version)),)


def _way_to(ground: Ground, asker: str, version: int, address: str) -> Member | None:
    """By which of its networks a namespace asks one of the host's addresses."""
    namespace = ground.namespace(asker)
    near = (m for m in namespace.members if _in_bridge(m, ipaddress.ip_address(address)))
    return next(near, ground.way_out(namespace, version))


def _others(ground: Ground, published: Publication) -> list[Namespace]:
    """Who asks besides the namespace itself: everybody, or one of each network."""
    name, version = published.member.namespace, published.version
    found = [
        ns
        for ns in ground.topology.namespaces
        if ns.name != name and any(m.address(version) for m in ns.members)
    ]
    if ground.every:
        return found
    by_network = {m.bridge.name: ns for ns in reversed(found) for m in ns.members}
    return list({ns.name: ns for ns in by_network.values()}.values())


def by_own_address(ground: Ground) -> Iterator[Claim]:
    """A routed network's members are known by their own addresses: for pings, and for what they publish."""
    for member in ground.one_of_each():
        bridge = member.bridge
        for version, address in addresses(member, bridge) if bridge.routed else ():
            if member.routed(version):
                why = f"{bridge.name} is routed: other machines ping its members"
                yield answered(OUTSIDE, f"{member.namespace} itself", address, 0, "ping", why)
    for published in ground.topology.publications:
        version, name = published.version, published.member.namespace
        if not (published.bridge.routed and published.member.routed(version)):
            continue
        askers = [OUTSIDE] if "outside" in published.reach else []
        if "network" in published.reach:
            others = [ns for ns in _others(ground, published) if ground.way_out(ns, version)]
            askers += [
                ns.name for ns in others if published.bridge not in [m.bridge for m in ns.members]
            ]
        for asker, offset in product(askers, samples(published)):
            port = published.target.first + offset
            why = f"{published.bridge.name} is routed: {name} is asked by its own address, too"
            column = f"{port}{suffix(published)} of {name}"
            to = str(published.address)
            yield answered(asker, column, to, port, published.protocol, why, name)


def of_others(ground: Ground) -> Iterator[Claim]:
    """Somebody else's port of a published number stays theirs."""
    for published in ground.topology.publications:
        side, protocol = ground.scene.sides[published.version], published.protocol
        for offset in samples(published):
            port = published.published.first + offset
            why = f"only this host's own port {port} is published"
            column = f"{port}{suffix(published)} of others"
            yield answered(HOST, column, str(side.outside), port, protocol, why, OUTSIDE)
            for asker in ground.topology.namespaces:
                if ground.way_out(asker, published.version) is not None:
                    to = str(side.internet)
                    yield answered(asker.name, column, to, port, protocol, why, INTERNET)


def _in_bridge(member: Member, gateway: IPAddress) -> bool:
    return any(a.version == gateway.version and gateway in a.network for a in member.addresses)


def _covers(published: Publication, address: str) -> bool:
    host_ip = published.host_ip
    return host_ip is None or host_ip.is_unspecified or str(host_ip) == address


def _blocked(published: Publication) -> bool:
    """Whether an isolated port is in the way of siblings, and of the namespace itself: docs/language.md, isolate."""
    bridge = published.bridge
    return bridge.isolate and published.via == "dnat" and bridge.netfilter != "off"
