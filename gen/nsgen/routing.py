"""Routes, policy rules and NAT of a node, as its author wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from nsgen import values
from nsgen.scalars import (
    ADDRESS,
    BOOLEAN,
    DESTINATION,
    PORTS,
    ROUTE_DEVICE,
    STRING,
    UINT32,
    number,
)
from nsgen.schema import Choice, ListOf, Record, Scalar, key
from nsgen.values import IPAddress, IPNetwork, Ports

RouteType = Literal["unicast", "blackhole", "unreachable", "prohibit"]


@dataclass(frozen=True)
class NextHop:
    """One of several ways of a multipath route."""

    via: IPAddress | None = key(ADDRESS, "The router's address.", default=None)
    dev: str | None = key(ROUTE_DEVICE, "The device it leaves by.", default=None)
    weight: int | None = key(number(1, 256), "Its share of the flows.", default=None)


@dataclass(frozen=True)
class Route:
    """A route, ip-route(8)."""

    to: IPNetwork | None = key(DESTINATION, "default, or a subnet in CIDR notation.")
    via: IPAddress | None = key(ADDRESS, "The next router's address.", default=None)
    dev: str | None = key(ROUTE_DEVICE, "The device it leaves by.", default=None)
    src: IPAddress | None = key(ADDRESS, "The source address to prefer.", default=None)
    metric: int | None = key(UINT32, "Lower is preferred.", default=None)
    table: int | None = key(UINT32, "The routing table. Default: main.", default=None)
    onlink: bool = key(
        BOOLEAN, "Take the router for a neighbour whatever the subnets say.", default=False
    )
    type: RouteType = key(
        Choice(get_args(RouteType)), "What it does with a packet.", default="unicast"
    )
    nexthops: tuple[NextHop, ...] = key(
        ListOf(Record(NextHop)), "Several ways, shared among flows by weight.", default=()
    )


@dataclass(frozen=True)
class Policy:
    """A rule of policy routing, ip-rule(8): which packets are routed by which table."""

    table: int = key(UINT32, "The table that is asked.")
    from_: IPNetwork | None = key(
        Scalar(values.source, STRING),
        "The subnet or address that they come from.",
        name="from",
        default=None,
    )
    to: IPNetwork | None = key(
        Scalar(values.source, STRING), "The subnet or address that they go to.", default=None
    )
    iif: str | None = key(
        ROUTE_DEVICE, "The device that they come in by; lo: the node's own.", default=None
    )
    oif: str | None = key(ROUTE_DEVICE, "The device that their sender is bound to.", default=None)
    mark: int | None = key(UINT32, "Their firewall mark.", default=None)
    priority: int | None = key(
        number(1, 32765),
        "Lower is asked first. Default: 1000, 1001, … in the order of the file.",
        default=None,
    )


class Target(NamedTuple):
    """What NAT puts in place of an address: an address, with ports or without."""

    address: IPAddress
    ports: Ports | None

    def __str__(self) -> str:
        shown = (
            f"[{self.address}]" if self.ports and self.address.version == 6 else str(self.address)
        )
        return f"{shown}:{self.ports}" if self.ports else shown


def target(text: str) -> Target:
    """Read ``ADDRESS[:PORT[-PORT]]``."""
    where, colon, ports = text.rpartition(":")
    if text.startswith("[") and colon and where.endswith("]"):
        return Target(values.address(where[1:-1]), values.ports(ports))
    if colon and ":" not in where:
        return Target(values.address(where), values.ports(ports))
    return Target(values.address(text), None)


@dataclass(frozen=True)
class Nat:
    """Addresses that the node rewrites on what it passes on: masquerade, snat or dnat."""

    masquerade: str | None = key(
        ROUTE_DEVICE, "What leaves by this device gets its address as the source.", default=None
    )
    snat: Target | None = key(
        Scalar(target, STRING), "The source that packets get, ADDRESS[:PORT-PORT].", default=None
    )
    dnat: Target | None = key(
        Scalar(target, STRING), "The destination that packets get, ADDRESS[:PORT].", default=None
    )
    from_: IPNetwork | None = key(
        Scalar(values.source, STRING), "Only what comes from here.", name="from", default=None
    )
    out: str | None = key(ROUTE_DEVICE, "Of snat: only what leaves by this device.", default=None)
    in_: str | None = key(
        ROUTE_DEVICE, "Of dnat: only what comes in by this device.", name="in", default=None
    )
    to: IPNetwork | None = key(
        Scalar(values.source, STRING),
        "Of dnat: only what is for this address. Default: the node's own addresses.",
        default=None,
    )
    port: Ports | None = key(PORTS, "Of dnat: only what is for this port, or range.", default=None)
    protocol: Literal["tcp", "udp", "sctp"] | None = key(
        Choice(("tcp", "udp", "sctp")),
        "Only this protocol. Default with a port: tcp.",
        default=None,
    )


def route_version(route: Route) -> int:
    """The IP version of a route, told by any address in it; of none, 4."""
    written = (route.to, route.via, *(hop.via for hop in route.nexthops), route.src)
    return next((address.version for address in written if address is not None), 4)


def policy_versions(rule: Policy) -> tuple[int, ...]:
    """The IP versions that a rule is for."""
    named = [network for network in (rule.from_, rule.to) if network is not None]
    return (named[0].version,) if named else (4, 6)
