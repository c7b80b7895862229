"""What must not be: who reaches nobody, and what no honest kernel sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from nsgen.proof.claims.claim import (
    LOCALNET,
    LOOPBACK,
    NEIGHBOURS,
    NOBODY,
    STRANGER,
    Claim,
    ClaimProtocol,
    Stray,
    unanswered,
)
from nsgen.proof.claims.view import SceneView, addresses
from nsgen.topology.model import Namespace
from nsgen.topology.needs import asked_to_forward
from nsgen.topology.networks import Member
from nsgen.values import HOST, INTERNET, OUTSIDE


def claims(view: SceneView) -> Iterator[Claim]:
    """Claims of who must not be answered."""
    yield from _apart(view)
    yield from _from_outside(view)
    yield from _loopback(view)
    yield from _strays(view)
    yield from _silent(view)
    yield from _detours(view)


def _apart(view: SceneView) -> Iterator[Claim]:
    """Networks are apart, unless somebody forwards between them."""
    if any(ns.forwarding for ns in view.topology.namespaces) or view.topology.host.forwarding:
        return
    namespaces = [ns for ns in view.topology.namespaces if ns.members and not ns.routes]
    for asker, to in _couples(view, namespaces):
        shared = {m.bridge.name for m in asker.members} & {m.bridge.name for m in to.members}
        if shared or view.joined(asker, to):
            continue
        for member in to.members:
            for version, address in addresses(member, member.bridge):
                if any(m.address(version) for m in asker.members):
                    why = f"{asker.name} and {to.name} are on no network together"
                    column = f"{to.name} itself"
                    yield unanswered(asker.name, column, address, 0, "ping", why)
                    yield unanswered(asker.name, column, address, view.closed, "tcp", why)


def _couples(view: SceneView, namespaces: list[Namespace]) -> Iterator[tuple[Namespace, Namespace]]:
    if view.every:
        yield from ((a, b) for a in namespaces for b in namespaces if a != b)
        return
    first = {
        m.bridge.name: ns for ns in reversed(namespaces) for m in ns.members[:1] if m.addresses
    }
    yield from ((a, b) for a in first.values() for b in first.values() if a != b)


def _from_outside(view: SceneView) -> Iterator[Claim]:
    """Another machine that has a route to the namespaces reaches none of them; nor the internet by this host."""
    for member in view.one_of_each():
        for version, address in addresses(member, member.bridge):
            if member.bridge.gateway(version) is None:
                continue
            why = f"nobody outside reaches {member.bridge.name}, whatever route he has"
            if (
                not member.bridge.routed
            ):  # its pings, and its published ports, are among what is published
                yield unanswered(OUTSIDE, f"{member.namespace} itself", address, 0, "ping", why)
            yield unanswered(
                OUTSIDE, f"{member.namespace} itself", address, view.closed, "tcp", why
            )
    for version, side in view.scene.sides.items():
        if not view.is_router(version):
            why = "this host is no router for its neighbours"
            to = str(side.beyond[11])
            yield unanswered(OUTSIDE, f"{INTERNET} by this host", to, view.known, "tcp", why)


def _loopback(view: SceneView) -> Iterator[Claim]:
    """What listens on the host's 127.0.0.1 is its own, even for forged packets."""
    why = "what listens on the host's 127.0.0.1 is for the host alone"
    outside = Stray("eth0", str(view.scene.sides[4].host), str(view.scene.sides[4].outside))
    ways = [(OUTSIDE, outside)]
    for member in view.one_of_each():
        address, gateway = member.address(4), member.bridge.gateway(4)
        if address is not None and gateway is not None:
            ways.append((member.namespace, Stray(member.device, str(gateway), str(address))))
    for asker, stray in ways:
        claim = unanswered(asker, "host's 127.0.0.1", LOOPBACK[4], view.closed, "forged", why)
        yield replace(claim, stray=stray)


def _strays(view: SceneView) -> Iterator[Claim]:
    """Packets that no honest kernel sends, from one member of each network."""
    for member in view.one_of_each():
        bridge = member.bridge
        for version, address in addresses(member, bridge):
            gateway, to = bridge.gateway(version), str(view.scene.sides[version].internet)
            if gateway is None:
                continue
            by = (member, str(gateway))
            why = f"{bridge.name} lets nobody out with a source that is not of its own"
            source = str(view.scene.sides[version].lan[NOBODY])
            yield _stray("spoofed", by, source, "internet spoofed", to, view.known, why)
            if bridge.internet and not bridge.keeps_sources(version):
                why = f"{bridge.name} is masqueraded: nothing leaves untranslated"
                column = "internet untranslated"
                yield _stray("invalid", by, address, column, to, view.known, why)
            if version == 4:
                why = "an address like 127.0.0.1 is this host's own"
                column = f"host as {LOCALNET}"
                to = str(gateway)
                yield _stray("spoofed", by, LOCALNET, column, to, view.closed, why)
            if bridge.plain_ipv4:
                why = f"{bridge.name} is an IPv4 network: this host speaks no IPv6 there"
                yield _stray("neighbour", by, STRANGER, "any IPv6", NEIGHBOURS, 0, why)
            elif version == 6 and not view.asks_routers(bridge):
                why = "a member is no router of this host's"
                yield _stray("advertised", by, STRANGER, "host's router", NEIGHBOURS, 0, why)


def _silent(view: SceneView) -> Iterator[Claim]:
    """On an IPv4 network nobody speaks IPv6, as no rule covers that."""
    for bridge in view.topology.bridges:
        for member in view.topology.members(bridge):
            address = member.address(4)
            if address is None or bridge.gateway(4) is None or not member.plain_ipv4:
                continue
            why = f"{bridge.name} is an IPv4 network: {member.namespace} speaks no IPv6 there"
            claim = unanswered(HOST, "any IPv6", NEIGHBOURS, 0, "neighbour", why)
            yield replace(claim, stray=Stray(bridge.name, str(address), STRANGER, member.namespace))


def _detours(view: SceneView) -> Iterator[Claim]:
    """Who is apart stays so for a packet that is sent by way of the host, or of somebody who is on both networks."""
    for bridge in view.topology.bridges:
        members = view.addressed(bridge)
        gateways = {s.version: str(s.gateway) for s in bridge.subnets if s.gateway is not None}
        if bridge.isolate and len(members) > 1:
            why = f"{bridge.name} isolates its members, by way of this host too"
            yield from _detour(members[0], members[1], (HOST, gateways), why)
    for namespace in view.topology.namespaces:
        if asked_to_forward(namespace, 4) is not False:
            continue
        for here, there in permutations(namespace.members, 2):
            why = (
                f"{namespace.name} is no router between {here.bridge.name} and {there.bridge.name}"
            )
            by = {v: str(here.address(v)) for v in (4, 6) if here.address(v)}
            asker = _alone_on(view, here, there)
            target = _alone_on(view, there, here)
            if asker is not None and target is not None:
                yield from _detour(asker, target, (namespace.name, by), why)


def _alone_on(view: SceneView, here: Member, there: Member) -> Member | None:
    """A member of one network that is not on the other."""
    others = {member.namespace for member in view.topology.members(there.bridge)}
    members = view.topology.members(here.bridge)
    return next((member for member in members if member.namespace not in others), None)


def _detour(
    asker: Member, target: Member, by: tuple[str, dict[int, str]], why: str
) -> Iterator[Claim]:
    router, neighbours = by
    for version, address in addresses(target, target.bridge):
        source = asker.address(version)
        if source is not None and version in neighbours:
            column = f"{target.namespace} by {router}"
            claim = unanswered(asker.namespace, column, str(address), 0, "detour", why)
            way = (asker.device, neighbours[version], str(source), router, target.namespace)
            yield replace(claim, stray=Stray(*way))


def _stray(
    protocol: ClaimProtocol,
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
