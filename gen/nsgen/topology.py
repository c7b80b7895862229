"""The resolved topology: defaults filled in, addresses dealt, devices named, and no reference left as a name.

Everything here is a frozen record, made by :mod:`nsgen.resolve`. What is absent is an empty text, an empty tuple or 0;
None stands only for an address that is not there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nsgen.endpoint import Question
from nsgen.links.impair import Impair
from nsgen.links.kind import NO_PORT, Port
from nsgen.links.kind import Interface as Written
from nsgen.routing import Nat, Policy, Route
from nsgen.spec import Audience, BridgeNetfilter, Exec, Protocol, Service, Via
from nsgen.values import IPAddress, IPInterface, IPNetwork, Ports

Address = IPInterface


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network, and the host's address in it, if the host has one."""

    network: IPNetwork
    gateway: IPAddress | None

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.network.version

    @property
    def gateway_interface(self) -> IPInterface:
        """The gateway with the subnet's prefix."""
        return ipaddress.ip_interface(f"{self.gateway}/{self.network.prefixlen}")


@dataclass(frozen=True)
class Bridge:
    """A network: a bridge on the host."""

    name: str
    subnets: tuple[Subnet, ...]
    internet: bool
    masquerade: bool
    isolate: bool
    netfilter: BridgeNetfilter
    mac: str
    mtu: int
    stp: bool

    def gateway(self, version: int) -> IPAddress | None:
        """The host's first address of this IP version here."""
        return self._gateways.get(version)

    @cached_property
    def _gateways(self) -> dict[int, IPAddress]:
        given = [subnet.gateway for subnet in self.subnets if subnet.gateway is not None]
        return {gateway.version: gateway for gateway in reversed(given)}

    def versions(self) -> tuple[int, ...]:
        """The IP versions that are spoken here; both, on a switch without addressing."""
        spoken = {subnet.version for subnet in self.subnets}
        return tuple(version for version in (4, 6) if not spoken or version in spoken)

    @property
    def routed(self) -> bool:
        """Whether its members are known by their own addresses."""
        return self.internet and not self.masquerade

    @property
    def plain_ipv4(self) -> bool:
        """Whether there is a subnet, and none of IPv6."""
        return bool(self.subnets) and all(subnet.version == 4 for subnet in self.subnets)


@dataclass(frozen=True)
class Member:
    """A namespace's place on a network: `device` in the namespace, `peer` a port of the bridge.

    `device_name` and `peer_name` are what they would be called if a device's name could be that long.
    """

    namespace: str
    bridge: Bridge
    device: str
    peer: str
    device_name: str
    peer_name: str
    addresses: tuple[Address, ...]
    mac: str
    mtu: int
    default_routes: tuple[IPAddress, ...]
    impair: Impair | None = None
    master: str = ""  # a bridge, bond or VRF in the namespace
    port: Port = NO_PORT

    def address(self, version: int) -> IPAddress | None:
        """Its first address of this IP version."""
        return next((a.ip for a in self.addresses if a.version == version), None)

    def routed(self, version: int) -> bool:
        """Whether its default route of this IP version goes this way."""
        return any(gateway.version == version for gateway in self.default_routes)


@dataclass(frozen=True)
class Interface:
    """A network interface of a node, besides those on networks: an end of a link, or of the kind that is `written`.

    `long_name` is what it would be called if a device's name could be that long; `master` the bridge, bond or VRF
    that it is a port of.
    """

    node: str
    name: str
    long_name: str
    addresses: tuple[Address, ...]
    mac: str
    mtu: int
    written: Written
    impair: Impair | None = None
    master: str = ""
    port: Port = NO_PORT

    @property
    def plain_ipv4(self) -> bool:
        """Whether it is to have no IPv6 address: it has none of its own."""
        return not any(address.version == 6 for address in self.addresses)


@dataclass(frozen=True)
class Link:
    """A veth pair between two nodes; the host, if it is one of them, is the first."""

    first: Interface
    second: Interface


@dataclass(frozen=True)
class Publication:
    """A published port of one IP version: who asks the host on `published` is answered by `member`."""

    member: Member
    address: IPAddress
    published: Ports
    target: Ports
    protocol: Protocol
    host_ip: IPAddress | None
    reach: tuple[Audience, ...]
    via: Via

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.address.version

    @property
    def bridge(self) -> Bridge:
        """The network whose address is published."""
        return self.member.bridge


@dataclass(frozen=True)
class Expectation:
    """A claim of the author's: `asker` asks `node` or `address`, and `reach` says whether there is an answer.

    `port` is 0 for a ping; `by` is who answers on it, or empty where anybody may; `index` is the place in `expect`.
    """

    asker: str
    node: str
    address: IPAddress | None
    port: int
    protocol: Question
    by: str
    reach: bool
    index: int


@dataclass(frozen=True)
class Node:
    """The host, or a namespace: what both have."""

    name: str
    ends: tuple[Interface, ...] = ()  # of links
    interfaces: tuple[Interface, ...] = ()  # each behind the one that it is made on
    routes: tuple[Route, ...] = ()
    policies: tuple[Policy, ...] = ()
    nats: tuple[Nat, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    execs: tuple[Exec, ...] = ()
    forwarding: bool = False
    worked_out: int = 0  # how many of the routes, the last ones, nobody wrote: `routing: auto`

    @property
    def written(self) -> int:
        """How many of the routes the author wrote."""
        return len(self.routes) - self.worked_out


@dataclass(frozen=True)
class Namespace(Node):
    """A network namespace."""

    members: tuple[Member, ...] = ()
    resolv_conf: str = ""
    hosts: str = ""


@dataclass(frozen=True)
class Topology:
    """Everything that is to be built."""

    name: str
    bridges: tuple[Bridge, ...]
    namespaces: tuple[Namespace, ...]
    links: tuple[Link, ...]
    publications: tuple[Publication, ...]
    host: Node
    modules: tuple[str, ...]
    expects: tuple[Expectation, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The host, and the namespaces in the order of the file."""
        return (self.host, *self.namespaces)

    def members(self, bridge: Bridge) -> Iterator[Member]:
        """The namespaces on a network, in the order of the file."""
        yield from self._members.get(bridge.name, ())

    def published_on(self, bridge: Bridge) -> Iterator[Publication]:
        """What the namespaces on a network publish there, in the order of the file."""
        yield from self._published.get(bridge.name, ())

    def links_of(self, node: str) -> Iterator[Link]:
        """The links that have an end in a node, in the order of the file."""
        yield from self._links.get(node, ())

    @cached_property
    def _links(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.links:
            for node in dict.fromkeys((link.first.node, link.second.node)):
                found.setdefault(node, []).append(link)
        return found

    # By network, once: a search through all namespaces for each network takes the square of the time.

    @cached_property
    def _members(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for namespace in self.namespaces:
            for member in namespace.members:
                found.setdefault(member.bridge.name, []).append(member)
        return found

    @cached_property
    def _published(self) -> dict[str, list[Publication]]:
        found: dict[str, list[Publication]] = {}
        for publication in self.publications:
            found.setdefault(publication.bridge.name, []).append(publication)
        return found
