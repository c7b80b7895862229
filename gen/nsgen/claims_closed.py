"""What must not be: who reaches nobody, and what no honest kernel sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nsgen.claim import (
    INTERNET,
    LOCALNET,
    LOOPBACK,
    NEIGHBOURS,
    NOBODY,
    OUTSIDE,
    STRANGER,
    Claim,
    Protocol,
    Stray,
    unanswered,
)
from nsgen.ground import Ground, addresses
from nsgen.topology import Member, Namespace


def claims(ground: Ground) -> Iterator[Claim]:
    """All of them."""
    yield from _apart(ground)
    yield from _from_outside(ground)
    yield from _loopback(ground)
    yield from _strays(ground)


def _apart(ground: Ground) -> Iterator[Claim]:
    """Networks are apart, unless somebody forwards between them."""
    if any(ns.forwarding for ns in ground.topology.namespaces) or ground.topology.host.forwarding:
        return
    namespaces = [ns for ns in ground.topology.namespaces if ns.members and not ns.routes]
    for asker, to in _couples(ground, namespaces):
        if {m.bridge.name for m in asker.members} & {m.bridge.name for m in to.members}:
            continue
        for member in to.members:
            if member.bridge.internet and not member.bridge.masquerade:
                continue  # a routed network: its published ports and pings answer by its own addresses
            for version, address in addresses(member, member.bridge):
                if any(m.address(version) for m in asker.members):
                    why = f"{asker.name} and {to.name} are on no network together"
                    column = f"{to.name} itself"
                    yield unanswered(asker.name, column, address, 0, "ping", why)
                    yield unanswered(asker.name, column, address, ground.closed, "tcp", why)


def _couples(ground: Ground, namespaces: list[Namespace]) -> Iterator[tuple[Namespace, Namespace]]:
    if ground.every:
        yield from ((a, b) for a in namespaces for b in namespaces if a != b)
        return
    first = {ns.members[0].bridge.name: ns for ns in reversed(namespaces)}
    yield from ((a, b) for a in first.values() for b in first.values() if a != b)


def _from_outside(ground: Ground) -> Iterator[Claim]:
    """Another machine that has a route to the namespaces reaches none of them; nor the internet by this host."""
    for member in ground.one_of_each():
        routed = member.bridge.internet and not member.bridge.masquerade
        for version, address in addresses(member, member.bridge):
            if member.bridge.gateway(version) is None:
                continue
            why = f"nobody outside reaches {member.bridge.name}, whatever route he has"
            if not routed:
                yield unanswered(OUTSIDE, f"{member.namespace} itself", address, 0, "ping", why)
            yield unanswered(
                OUTSIDE, f"{member.namespace} itself", address, ground.closed, "tcp", why
            )
    for version, side in ground.scene.sides.items():
        if not ground.is_router(version):
            why = "this host is no router for its neighbours"
            to = str(side.beyond[11])
            yield unanswered(OUTSIDE, f"{INTERNET} by this host", to, ground.known, "tcp", why)


def _loopback(ground: Ground) -> Iterator[Claim]:
    """What listens on the host's 127.0.0.1 is its own, even for forged packets."""
    why = "what listens on the host's 127.0.0.1 is for the host alone"
    outside = Stray("eth0", str(ground.scene.sides[4].host), str(ground.scene.sides[4].outside))
    ways = [(OUTSIDE, outside)]
    for member in ground.one_of_each():
        address, gateway = member.address(4), member.bridge.gateway(4)
        if address is not None and gateway is not None:
            ways.append((member.namespace, Stray(member.device, str(gateway), str(address))))
    for asker, stray in ways:
        claim = unanswered(asker, "host's 127.0.0.1", LOOPBACK[4], ground.closed, "forged", why)
        yield replace(claim, stray=stray)


def _strays(ground: Ground) -> Iterator[Claim]:
    """Packets that no honest kernel sends, from one member of each network."""
    for member in ground.one_of_each():
        bridge = member.bridge
        for version, address in addresses(member, bridge):
            gateway, to = bridge.gateway(version), str(ground.scene.sides[version].internet)
            if gateway is None:
                continue
            by = (member, str(gateway))
            why = f"{bridge.name} lets nobody out with a source that is not of its own"
            source = str(ground.scene.sides[version].lan[NOBODY])
            yield _stray("spoofed", by, source, "internet spoofed", to, ground.known, why)
            if bridge.internet and bridge.masquerade:
                why = f"{bridge.name} is masqueraded: nothing leaves untranslated"
                column = "internet untranslated"
                yield _stray("invalid", by, address, column, to, ground.known, why)
            if version == 4:
                why = "an address like 127.0.0.1 is this host's own"
                column = f"host as {LOCALNET}"
                to = str(gateway)
                yield _stray("spoofed", by, LOCALNET, column, to, ground.closed, why)
            if bridge.plain_ipv4:
                why = f"{bridge.name} is an IPv4 network: this host speaks no IPv6 there"
                yield _stray("neighbour", by, STRANGER, "host by IPv6", NEIGHBOURS, 0, why)


def _stray(
    protocol: Protocol,
    by: tuple[Member, str],
    source: str,
    column: str,
    to: str,
    port: int,
    why: str,
) -> Claim:
    """What may not get through, sent by a member to the host's address on its network."""
    member, gateway = by
    claim = unanswered(member.namespace, column, to, port, protocol, why)
    return replace(claim, stray=Stray(member.device, gateway, source))
