"""Networks whose members are answered by their own published ports alone: whom that keeps from what."""

from __future__ import annotations

from nsgen.ops import Match
from nsgen.plan.nat import Scope
from nsgen.topology.model import Publication
from nsgen.topology.networks import Bridge
from nsgen.values import IPAddress


def kept_away(scope: Scope, published: Publication) -> list[Match]:
    """How packets are told of networks whose members are answered by their own published ports alone."""
    away = (b for b in scope.gateways if b.own_ports and _asks(scope, b, published))
    return [Match(into=bridge.name) for bridge in away]


def asks_elsewhere(scope: Scope, bridge: Bridge) -> bool:
    """Whether something that members of a network may send to the host is translated to somebody who is not on it."""
    dnats = (p for p in scope.published if p.via == "dnat")
    return any(_asks(scope, bridge, p) for p in dnats) or any(
        nat.dnat.address.version == scope.version and not _on(scope, bridge, nat.dnat.address)
        for nat in scope.topology.host.nats
        if nat.dnat is not None and nat.in_ in (None, bridge.name)
    )


def _on(scope: Scope, bridge: Bridge, address: IPAddress) -> bool:
    return any(member.bridge == bridge for member in scope.topology.having(address))


def _asks(scope: Scope, bridge: Bridge, published: Publication) -> bool:
    """Whether a port of another network is, by its `reach`, for members of this one."""
    if published.bridge == bridge:
        return False
    places = scope.members[published.member.namespace]
    itself = "self" in published.reach and any(place.bridge == bridge for place in places)
    return "network" in published.reach or itself
