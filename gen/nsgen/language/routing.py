"""Routes and NAT of a node, as its author wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from nsgen import values
from nsgen.language import described
from nsgen.language.policy import Uids, uids
from nsgen.language.scalars import (
    ADDRESS,
    BOOLEAN,
    DESTINATION,
    MTU,
    ONE_PORT,
    PORTS,
    ROUTE_DEVICE,
    SOURCE,
    TEXT_OR_NUMBER,
    UINT32,
    number,
)
from nsgen.language.schema import Choice, ListOf, Record, Scalar, key
from nsgen.values import IPAddress, IPNetwork, Ports
from nsgen.words import bracketed

Protocol = Literal["tcp", "udp", "sctp"]
RouteType = Literal["unicast", "local", "blackhole", "unreachable", "prohibit"]


@dataclass(frozen=True)
class NextHop:
    """One of several ways of a multipath route."""

    via: IPAddress | None = key(ADDRESS, "The router's address.", default=None)
    dev: str | None = key(ROUTE_DEVICE, "The device it leaves by.", default=None)
    weight: int | None = key(number(1, 256), "Its share of the flows.", default=None)
    onlink: bool = key(
        BOOLEAN, "Take the router for a neighbour whatever the subnets say.", default=False
    )


@dataclass(frozen=True)
class Route:
    """A route, ip-route(8)."""

    to: IPNetwork | None = key(DESTINATION, "default, or a subnet in CIDR notation.")
    via: IPAddress | None = key(
        ADDRESS, "The next router's address; of an IPv4 route, it may be IPv6.", default=None
    )
    dev: str | None = key(ROUTE_DEVICE, "The device it leaves by.", default=None)
    src: IPAddress | None = key(ADDRESS, "The source address to prefer.", default=None)
    metric: int | None = key(UINT32, "Lower is preferred.", default=None)
    mtu: int | None = key(MTU, "The MTU of the way, in bytes.", default=None)
    table: int | None = key(
        UINT32, "The routing table. Default: main; of type local: local.", default=None
    )
    onlink: bool = key(
        BOOLEAN, "Take the router for a neighbour whatever the subnets say.", default=False
    )
    type: RouteType = key(
        Choice[RouteType](get_args(RouteType)), "What it does with a packet.", default="unicast"
    )
    nexthops: tuple[NextHop, ...] = key(
        ListOf(Record(NextHop)), "Several ways, shared among flows by weight.", default=()
    )


class Target(NamedTuple):
    """What NAT puts in place of an address: an address, with ports or without."""

    address: IPAddress
    ports: Ports | None

    def __str__(self) -> str:
        return f"{bracketed(self.address)}:{self.ports}" if self.ports else str(self.address)


def target(text: str) -> Target:
    """Read ``ADDRESS[:PORT[-PORT]]``."""
    where, colon, ports = text.rpartition(":")
    if text.startswith("[") and colon and where.endswith("]"):
        return Target(values.address(where[1:-1]), values.ports(ports))
    if colon and ":" not in where:
        return Target(values.address(where), values.ports(ports))
    return Target(values.address(text), None)


TARGET: Scalar[Target] = Scalar(
    target,
    described.text(
        "target",
        f"({described.IP}|{described.WITH_PORT}:{described.PORTS})",
        "ADDRESS, or ADDRESS:PORT such as 192.168.15.2:80",
    ),
)


class Listening(NamedTuple):
    """Where a transparent proxy listens in its node: a port, on an address or on all."""

    address: IPAddress | None
    port: int

    def __str__(self) -> str:
        return str(self.port) if self.address is None else f"{bracketed(self.address)}:{self.port}"


def listening(text: str) -> Listening:
    """Read ``PORT`` or ``ADDRESS:PORT``."""
    if ":" not in text:
        return Listening(None, values.integer(text, 1, 65535))
    place = target(text)
    if place.ports is None or len(place.ports) > 1:
        raise ValueError(f"expected PORT or ADDRESS:PORT, such as 15001, got {text!r}")
    return Listening(place.address, place.ports.first)


LISTENING: Scalar[Listening] = Scalar(
    listening,
    {
        **described.text(
            "listening",
            f"({described.WITH_PORT}:)?[0-9]+",
            "a port, or ADDRESS:PORT such as 127.0.0.1:15001",
        ),
        "type": ["integer", "string"],
    },
)


@dataclass(frozen=True)
class Nat:
    """What the node does to packets: it rewrites their addresses, or gives them to a program of its own."""

    masquerade: str | None = key(
        ROUTE_DEVICE, "What leaves by this device gets its address as the source.", default=None
    )
    snat: Target | None = key(
        TARGET, "The source that packets get, ADDRESS[:PORT-PORT].", default=None
    )
    dnat: Target | None = key(
        TARGET, "The destination that packets get, ADDRESS[:PORT].", default=None
    )
    redirect: int | None = key(
        ONE_PORT, "The port here that gets connections to others.", default=None
    )
    tproxy: Listening | None = key(
        LISTENING,
        "[ADDRESS:]PORT here that gets connections to others as they are, TPROXY.",
        default=None,
    )
    from_: IPNetwork | None = key(SOURCE, "Only what comes from here.", name="from", default=None)
    out: str | None = key(ROUTE_DEVICE, "Of snat: only what leaves by this device.", default=None)
    in_: str | None = key(
        ROUTE_DEVICE,
        "Only what comes in by this device; lo: what the node sends itself.",
        name="in",
        default=None,
    )
    to: IPNetwork | None = key(
        SOURCE,
        "Only what is for these addresses. Default: the node's own; of proxies, all others.",
        default=None,
    )
    except_: tuple[IPNetwork, ...] = key(
        ListOf(SOURCE, lone=True),
        "Of masquerade, snat: what goes here keeps its source. Of redirect, tproxy: it is left alone.",
        name="except",
        default=(),
    )
    port: Ports | None = key(PORTS, "Only what is for this port, or range.", default=None)
    protocol: Protocol | None = key(
        Choice[Protocol](get_args(Protocol)),
        "Only this protocol. Default with a port or a proxy: tcp.",
        default=None,
    )
    proxy_uid: Uids | None = key(
        Scalar(uids, TEXT_OR_NUMBER),
        "The user that the proxy of what the node sends itself runs as, by number.",
        default=None,
    )

    @property
    def l4(self) -> str:
        """The protocol that it is for, or nothing: tcp where there is a port."""
        target = self.snat or self.dnat
        ported = self.port or (target and target.ports) or self.proxied
        return self.protocol or ("tcp" if ported else "")

    @property
    def proxied(self) -> bool:
        """Whether packets are given to a program of the node's own, whomever they are for."""
        return self.redirect is not None or self.tproxy is not None

    @property
    def into(self) -> bool:
        """Whether it is about where packets go, not about where they come from."""
        return self.dnat is not None or self.proxied

    @property
    def of_own(self) -> bool:
        """Whether it is for what the node sends itself alone."""
        return self.in_ == "lo"

    @property
    def targets(self) -> tuple[IPAddress, ...]:
        """The addresses that it puts in place of others, or gives packets to."""
        found = (self.snat or self.dnat or self.tproxy,)
        return tuple(one.address for one in found if one is not None and one.address is not None)


MAIN, LOCAL = 254, 255  # the tables main and local, rt_tables
DEFAULT_METRIC = {4: 0, 6: 1024}  # linux/net/ipv6/route.c, ip6_route_info_create


def route_table(route: Route) -> int:
    """The table that a route is in."""
    if route.table is not None:
        return route.table
    return LOCAL if route.type == "local" else MAIN


def route_metric(route: Route) -> int:
    """The metric that the kernel gives a route, if its author gives none."""
    return route.metric or DEFAULT_METRIC[route_version(route)]


def route_version(route: Route) -> int:
    """The IP version of a route, told by any address in it; of none, 4."""
    written = (route.to, route.via, *(hop.via for hop in route.nexthops), route.src)
    return next((address.version for address in written if address is not None), 4)
