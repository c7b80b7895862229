"""The surroundings of a rehearsed host: its LAN, a router, and the internet behind it.

                   lan (a switch)
    host ─────────────┼─────────── router ────────── internet
    outside ──────────┘

On another bridge of the host are two guests, virtual machines say, that have nothing to do with the topology.

Their addresses are chosen so that they are none of the topology's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from nsgen.language.kinds.physical import Physical
from nsgen.language.opposite import networks
from nsgen.language.routing import Route
from nsgen.proof.claims.beyond import Beyond, uplinks
from nsgen.topology.model import Interface, Topology
from nsgen.values import IPAddress, IPNetwork

# Private (RFC 1918, RFC 4193) for the LAN; for documentation and benchmarks (RFC 5737, RFC 2544, RFC 3849) beyond.
LANS = {
    4: ("172.16.1.0/24", "172.31.250.0/24", "10.254.254.0/24", "192.168.254.0/24"),
    6: ("fd00:1::/64", "fdfe:dcba:9876::/64", "fd7e:5a1e::/64"),
}
BEYOND = {
    4: ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/24"),
    6: ("2001:db8::/64", "2001:db8:fffe::/64", "3fff:fff::/64"),
}
ROUTER, HOST, OUTSIDE, INTERNET = 1, 4, 5, 10  # the last part of an address
GUESTS = ("guest1~", "guest2~")  # as no namespace can be called
# What the host can be besides a new machine's default; docs/verify.md says what each is. The last three are for tests
# of nsgen: another program's rule accepts everything before ours, in FORWARD, or in raw, where the packet then meets
# none of ours; or it drops all connections behind our first chain.
Option = Literal["drop", "router", "netfilter", "strict", "open", "raw", "between"]


@dataclass(frozen=True)
class Side:
    """The surroundings by one IP version."""

    lan: IPNetwork
    beyond: IPNetwork

    @property
    def router(self) -> IPAddress:
        """The router's address on the LAN."""
        return self.lan[ROUTER]

    @property
    def host(self) -> IPAddress:
        """The host's address on the LAN."""
        return self.lan[HOST]

    @property
    def outside(self) -> IPAddress:
        """Another machine's address on the LAN."""
        return self.lan[OUTSIDE]

    @property
    def internet(self) -> IPAddress:
        """The address of a machine behind the router."""
        return self.beyond[INTERNET]

    @property
    def guests(self) -> tuple[IPAddress, IPAddress]:
        """The addresses of the two machines on another bridge of the host."""
        return self.lan[7], self.lan[8]


@dataclass(frozen=True)
class Scene:
    """Where a script is tried."""

    sides: dict[int, Side]
    uplink: str
    cards: dict[
        str, bool | None
    ]  # what else the host has by itself, and whether it is on; None: not any more
    host_addresses: tuple[
        IPAddress, ...
    ]  # further ones of the host's, on which a port is published
    routers: tuple[IPAddress, ...]  # that the host's own routes lead to
    remote: tuple[IPAddress, ...]  # that somebody on the internet has besides
    host: tuple[Option, ...] = ()
    kept: tuple[IPAddress, ...] = ()  # of the remote ones, those to which members keep their source
    beyond: tuple[Beyond, ...] = ()  # routers behind other cards that the host has as uplinks


def choose(
    topology: Topology,
    *asked: IPAddress,
    host: tuple[Option, ...] = (),
    besides: Iterable[IPNetwork] = (),
) -> Scene:
    """The surroundings in which a topology is tried, with somebody on the internet who has the `asked` addresses.

    `besides` are taken, too, by what is not in the topology.
    """
    taken = [*_subnets(topology), *besides]
    remote = [*_claimed(topology), *(a for a in asked if not (own(topology, a) or a.is_loopback))]
    lan, cards = _devices(topology)
    ways = [u for u in topology.host.uplinks if not (own(topology, u.via) or u.via.is_link_local)]
    routers = [*_vias(topology), *(u.via for u in ways if u.device == lan)]
    named = [*_host_ips(topology), *routers, *(u.via for u in ways), *_claimed(topology)]
    taken += [ipaddress.ip_network(address) for address in named]
    taken += [route.to for node in topology.nodes for route in node.routes if route.to is not None]
    excepted = list(_excepted(topology))
    taken += excepted
    sides = {
        version: Side(_free(LANS[version], taken), _free(BEYOND[version], taken))
        for version in (4, 6)
    }
    kept = tuple(dict.fromkeys(_within(topology, excepted, sides)))
    remote += kept
    beyond = tuple(uplinks(topology, lan, {v: side.beyond for v, side in sides.items()}))
    return Scene(
        sides,
        lan,
        {name: on for name, on in cards.items() if name not in {b.device for b in beyond}},
        tuple(dict.fromkeys(_host_ips(topology))),
        tuple(dict.fromkeys(routers)),
        tuple(a for a in dict.fromkeys(remote) if not _in_scene(a, sides[a.version])),
        host,
        kept,
        beyond,
    )


def _devices(topology: Topology) -> tuple[str, dict[str, bool | None]]:
    """The host's device on the LAN, and others that the topology speaks of and does not make.

    A device that the topology takes for itself is not the one on the LAN, which has an address.
    """
    host = topology.host
    made = {bridge.name for bridge in topology.bridges} | {"lo"}
    made |= {interface.name for interface in host.wired}
    taken: dict[str, bool | None] = {card.name: None for card in host.cards}
    taken |= {i.name: False for ns in topology.namespaces for i in ns.interfaces if _moves(i)}
    asked: list[str | None] = [uplink.device for uplink in host.uplinks]
    asked += [route.dev for route in host.routes]
    asked += [name for nat in host.nats for name in (nat.masquerade, nat.out, nat.in_)]
    for node in topology.nodes:
        parents = (interface.written.parent for interface in node.interfaces)
        asked += [p.device for p in parents if p is not None and (p.node or node.name) == host.name]
    own = list(dict.fromkeys(name for name in asked if name and name not in made))
    uplink = next(n for n in [*own, "eth0", "uplink0"] if n not in made and n not in taken)
    return uplink, {name: True for name in own if name != uplink} | taken


def _moves(interface: Interface) -> bool:
    return isinstance(interface.written, Physical)


def _excepted(topology: Topology) -> Iterator[IPNetwork]:
    """Where members of networks keep their source, but for everywhere."""
    for bridge in topology.bridges:
        yield from (network for network in bridge.excepted if network.prefixlen)
    for nat in topology.host.nats:
        yield from nat.except_


def _within(
    topology: Topology, networks: Iterable[IPNetwork], sides: dict[int, Side]
) -> Iterator[IPAddress]:
    """An address in each range that a machine behind the router can have: no route of the host's leads it away."""
    away = [route.to for route in topology.host.routes if _leads_away(topology, route)]
    for network in networks:
        last = network.num_addresses - 1
        for index in dict.fromkeys((min(1, last), last // 2, max(0, last - 1))):
            address = network[index]
            taken = own(topology, address) or _in_scene(address, sides[address.version])
            if not taken and not any(to is None or address in to for to in away):
                yield address
                break


def _leads_away(topology: Topology, route: Route) -> bool:
    vias = [hop.via for hop in route.nexthops] or [route.via]
    return any(via is None or own(topology, via) for via in vias)


def _in_scene(address: IPAddress, side: Side) -> bool:
    return address in side.lan or address in side.beyond


def _free(candidates: Iterable[str], taken: Iterable[IPNetwork]) -> IPNetwork:
    networks = [ipaddress.ip_network(text) for text in candidates]
    for network in networks:
        if not any(
            t.version == network.version and t.prefixlen and network.overlaps(t) for t in taken
        ):
            return network
    return networks[-1]


def own(topology: Topology, address: IPAddress) -> bool:
    """Whether an address is in one of the topology's subnets."""
    return any(
        address in subnet for subnet in _subnets(topology) if subnet.version == address.version
    )


def _subnets(topology: Topology) -> Iterator[IPNetwork]:
    for bridge in topology.bridges:
        yield from (subnet.network for subnet in bridge.subnets)
    for namespace in topology.namespaces:
        for member in namespace.members:
            yield from (address.network for address in member.addresses)
    for node in topology.nodes:
        for interface in node.wired:
            for address in interface.addresses:
                yield from networks(address)


def _host_ips(topology: Topology) -> Iterator[IPAddress]:
    for address in (*(p.host_ip for p in topology.publications), *_translated(topology)):
        if address and not (
            address.is_loopback or address.is_unspecified or own(topology, address)
        ):
            yield address


def _translated(topology: Topology) -> Iterator[IPAddress]:
    """Addresses that the host's `nat` is for, or that it gives: it has them, unless the topology says who does."""
    for nat in topology.host.nats:
        if nat.to is not None and nat.to.num_addresses == 1:
            yield nat.to.network_address
        if nat.snat is not None:
            yield nat.snat.address


def _vias(topology: Topology) -> Iterator[IPAddress]:
    for route in topology.host.routes:
        for via in (route.via, *(hop.via for hop in route.nexthops)):
            if via is not None and not own(topology, via):
                yield via


def _claimed(topology: Topology) -> Iterator[IPAddress]:
    for claim in topology.expects:
        if claim.address and not (own(topology, claim.address) or claim.address.is_loopback):
            yield claim.address
