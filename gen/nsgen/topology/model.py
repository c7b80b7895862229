"""The resolved topology: defaults filled in, addresses dealt, devices named, and no reference left as a name.

Everything here is a frozen record, made by :mod:`nsgen.topology.resolve`. What is absent is an empty text, an empty
tuple or 0; None stands only for an address that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from nsgen.language.endpoint import Question
from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.kind import NO_PORT, Port
from nsgen.language.kinds.kind import WrittenInterface as Written
from nsgen.language.marks import Marking
from nsgen.language.neighbours import Neighbour
from nsgen.language.networks import Audience, Via
from nsgen.language.opposite import PeerAddress
from nsgen.language.policy import Mark, Policy
from nsgen.language.processes import Exec, Service
from nsgen.language.routing import MAIN, Nat, Protocol, Route
from nsgen.topology.networks import Address, Bridge, Member
from nsgen.values import IPAddress, IPNetwork, Ports


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
    neighbours: tuple[Neighbour, ...] = ()
    wants_ipv6: bool = False  # whatever its addresses are

    @property
    def peers(self) -> bool:
        """Whether an address of it has a peer."""
        return any(isinstance(address, PeerAddress) for address in self.addresses)

    @property
    def plain_ipv4(self) -> bool:
        """Whether it is to have no IPv6 address: it has none of its own, and nothing asks for one."""
        return not (self.wants_ipv6 or any(address.version == 6 for address in self.addresses))


class Card(NamedTuple):
    """A device that the host has by itself, and that becomes a port of a bridge, bond or VRF there."""

    name: str
    master: str
    port: Port


class Uplink(NamedTuple):
    """A way out of a node, of one IP version: a table with a default route, asked for what has its mark.

    Two rules at `priority` and behind it: what is more exact than a default route is in the main table alone.
    """

    device: str
    via: IPAddress
    table: int
    mark: Mark
    priority: int

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.via.version

    @property
    def route(self) -> Route:
        """The way out."""
        return Route(to=None, via=self.via, dev=self.device, table=self.table)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The rules for what has its mark, in order."""
        near = Policy(MAIN, mark=self.mark, suppress_prefixlength=0, priority=self.priority)
        return near, Policy(self.table, mark=self.mark, priority=self.priority + 1)

    @property
    def marking(self) -> Marking:
        """What its connections get."""
        return Marking(self.mark, connection=True, in_=self.device)


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
    members: tuple[Member, ...] = ()  # places on networks; of the host none, whose bridges they are
    ends: tuple[Interface, ...] = ()  # of links
    interfaces: tuple[Interface, ...] = ()  # each behind the one that it is made on
    cards: tuple[Card, ...] = ()  # of the host alone
    routes: tuple[Route, ...] = ()
    policies: tuple[Policy, ...] = ()
    nats: tuple[Nat, ...] = ()
    marks: tuple[Marking, ...] = ()
    uplinks: tuple[Uplink, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)  # by `sysctl_key`
    services: Mapping[str, Service] = field(default_factory=dict)
    execs: tuple[Exec, ...] = ()
    forwarding: bool = False
    auto: int = 0  # how many of the routes, the last ones, nobody wrote: `routing: auto`

    @property
    def wired(self) -> tuple[Interface, ...]:
        """All of its network interfaces but those on networks."""
        return (*self.ends, *self.interfaces)

    @property
    def written_routes(self) -> tuple[Route, ...]:
        """The routes that the author wrote."""
        return self.routes[: len(self.routes) - self.auto]

    @property
    def auto_routes(self) -> tuple[Route, ...]:
        """The routes that `routing: auto` has worked out."""
        return self.routes[len(self.routes) - self.auto :]


@dataclass(frozen=True)
class Namespace(Node):
    """A network namespace."""

    resolv_conf: str = ""
    hosts: str = ""
    units: tuple[str, ...] = ()  # of systemd, which run in it
    join: str = ""  # the file of one that somebody else made


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

    @cached_property
    def shared(self) -> frozenset[str]:
        """The nodes in which there are things of others: the host, and the namespaces that somebody else made."""
        return frozenset([self.host.name, *(n.name for n in self.namespaces if n.join)])

    @property
    def published_ports(self) -> int:
        """How many ports, or ranges of them, are published, by whichever IP version."""
        found = {
            (p.member.namespace, p.published, p.protocol, p.host_ip) for p in self.publications
        }
        return len(found)

    def members(self, bridge: Bridge) -> Iterator[Member]:
        """The namespaces on a network, in the order of the file."""
        yield from self._members.get(bridge.name, ())

    def having(self, address: IPAddress) -> list[Member]:
        """The members of networks that have an address."""
        return [
            m
            for ns in self.namespaces
            for m in ns.members
            if address in m.of_version(address.version)
        ]

    def kept_from(self, bridge: Bridge, version: int) -> list[IPNetwork]:
        """Where members of a network keep their own addresses: by its exceptions, and by those of the host's `nat`."""
        found = list(bridge.excepted)
        subnets = [s.network for s in bridge.subnets if s.version == version]
        for nat in self.host.nats:
            source = nat.from_
            meant = (s for s in subnets if source is None or source.version == version)
            if (
                nat.except_
                and not nat.into
                and any(source is None or source.overlaps(s) for s in meant)
            ):
                found += nat.except_
        return [network for network in dict.fromkeys(found) if network.version == version]

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
