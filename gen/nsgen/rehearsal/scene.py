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

from nsgen.topology import Node, Topology
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
# What the host can be besides a new machine's default; docs/verify.md says what each is. The last two are for tests of
# nsgen: another program's rule accepts everything before ours, or drops all connections behind our first chain.
Option = Literal["drop", "router", "netfilter", "strict", "open", "between"]


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
    host_addresses: tuple[
        IPAddress, ...
    ]  # further ones of the host's, on which a port is published
    routers: tuple[IPAddress, ...]  # that the host's own routes lead to
    remote: tuple[IPAddress, ...]  # that somebody on the internet has besides
    host: tuple[Option, ...] = ()


def choose(topology: Topology, *asked: IPAddress, host: tuple[Option, ...] = ()) -> Scene:
    """The surroundings in which a topology is tried, with somebody on the internet who has the `asked` addresses."""
    taken = list(_subnets(topology))
    remote = [*_claimed(topology), *(a for a in asked if not (own(topology, a) or a.is_loopback))]
    named = [*_host_ips(topology), *_vias(topology), *_claimed(topology)]
    taken += [ipaddress.ip_network(address) for address in named]
    taken += [
        route.to for node in _nodes(topology) for route in node.routes if route.to is not None
    ]
    sides = {
        version: Side(_free(LANS[version], taken), _free(BEYOND[version], taken))
        for version in (4, 6)
    }
    return Scene(
        sides,
        _uplink(topology),
        tuple(dict.fromkeys(_host_ips(topology))),
        tuple(dict.fromkeys(_vias(topology))),
        tuple(a for a in dict.fromkeys(remote) if not _in_scene(a, sides[a.version])),
        host,
    )


def _uplink(topology: Topology) -> str:
    """The host's device on the LAN: one that the topology speaks of and does not make, if there is any."""
    host = topology.host
    made = {bridge.name for bridge in topology.bridges} | {"lo"}
    made |= {interface.name for interface in (*host.ends, *host.interfaces)}
    asked = [route.dev for route in host.routes]
    asked += [name for nat in host.nats for name in (nat.masquerade, nat.out, nat.in_)]
    for node in _nodes(topology):
        parents = (interface.written.parent for interface in node.interfaces)
        asked += [p.device for p in parents if p is not None and (p.node or node.name) == host.name]
    wanted = [*asked, "eth0", "uplink0"]
    return next(name for name in wanted if name and name not in made)


def _in_scene(address: IPAddress, side: Side) -> bool:
    return address in side.lan or address in side.beyond


def _nodes(topology: Topology) -> Iterator[Node]:
    yield topology.host
    yield from topology.namespaces


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
    for node in _nodes(topology):
        for interface in (*node.ends, *node.interfaces):
            yield from (address.network for address in interface.addresses)


def _host_ips(topology: Topology) -> Iterator[IPAddress]:
    for published in topology.publications:
        address = published.host_ip
        if address and not (
            address.is_loopback or address.is_unspecified or own(topology, address)
        ):
            yield address


def _vias(topology: Topology) -> Iterator[IPAddress]:
    for route in topology.host.routes:
        for via in (route.via, *(hop.via for hop in route.nexthops)):
            if via is not None and not own(topology, via):
                yield via


def _claimed(topology: Topology) -> Iterator[IPAddress]:
    for claim in topology.expects:
        if claim.address and not (own(topology, claim.address) or claim.address.is_loopback):
            yield claim.address
