"""What a topology says, in a scene, of who is where: what its claims are told from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from nsgen.language.routing import MAIN, route_table
from nsgen.plan.steps import device_sysctl
from nsgen.proof.claims.scene import Scene
from nsgen.reach.joined import Vertex
from nsgen.reach.segments import Segments
from nsgen.topology.model import Namespace, Node, Publication, Topology
from nsgen.topology.needs import asked_to_forward
from nsgen.topology.networks import Bridge, Member
from nsgen.values import IPAddress, Ports

FEW = 8  # namespaces, up to which every pair is asked


class SceneView:
    """A topology in a scene."""

    def __init__(self, topology: Topology, scene: Scene, *, every: bool = False) -> None:
        """Take both over; `every`: each pair of namespaces, however many there are."""
        self.topology = topology
        self.scene = scene
        self.every = every or len(topology.namespaces) <= FEW
        self.published = {n for p in topology.publications for n in numbers(p.published)}
        taken = self.published | {n for p in topology.publications for n in numbers(p.target)}
        taken |= {claim.port for claim in topology.expects}
        free = (n for n in range(7001, 65000) if n not in taken)
        self.known, self.closed = (
            next(free),
            next(free),
        )  # where `internet`, and every namespace, listens

    def names(self) -> set[str]:
        """What the namespaces are called."""
        return {namespace.name for namespace in self.topology.namespaces}

    def namespace(self, name: str) -> Namespace:
        """The one of that name."""
        return next(ns for ns in self.topology.namespaces if ns.name == name)

    def one_of_each(self) -> list[Member]:
        """The first member of each network, of those that have an address there if any has."""
        firsts = (
            self.addressed(b) or list(self.topology.members(b)) for b in self.topology.bridges
        )
        return [members[0] for members in firsts if members]

    def addressed(self, bridge: Bridge) -> list[Member]:
        """The members of a network that have an address there."""
        return [member for member in self.topology.members(bridge) if member.addresses]

    def joined(self, one: Namespace, other: Namespace) -> bool:
        """Whether they are on one segment by the ports of networks, whatever networks they are on."""
        return not self._segments[one.name].isdisjoint(self._segments[other.name])

    @cached_property
    def _segments(self) -> Mapping[str, set[Vertex]]:
        """By node, the segments that it is on; nothing, where no network has a port besides its members."""
        found: dict[str, set[Vertex]] = {node.name: set() for node in self.topology.nodes}
        if any(bridge.ports for bridge in self.topology.bridges):
            segments = Segments(self.topology)
            for device in segments.devices:
                found[device.node].add(segments.switch(device))
        return found

    def more_addresses(self, version: int) -> list[IPAddress]:
        """The host's addresses on its LAN, besides the first."""
        return [a for a in self.scene.host_addresses if a.version == version]

    def gateways_of(self, version: int) -> list[IPAddress]:
        """The host's addresses on all networks."""
        return [a for bridge in self.topology.bridges for a in self.own_gateways(bridge, version)]

    def named_gateways(self, version: int) -> Iterator[tuple[str, str]]:
        """The host's addresses on all networks, each with the network's name."""
        for bridge in self.topology.bridges:
            yield from ((bridge.name, str(a)) for a in self.own_gateways(bridge, version))

    @staticmethod
    def own_gateways(bridge: Bridge, version: int) -> list[IPAddress]:
        """The host's addresses on one network."""
        return [s.gateway for s in bridge.subnets if s.version == version and s.gateway is not None]

    @staticmethod
    def way_out(namespace: Namespace, version: int, to: IPAddress | None = None) -> Member | None:
        """By which network it reaches the internet, or an address on no network of its own, if any.

        Where its own routes and rules lead is the author's business.
        """
        if to is not None and (namespace.policies or led(namespace, to)):
            return None
        members = (m for m in namespace.members if m.routed(version) and m.bridge.internet)
        return next(members, None)

    def is_router(self, version: int) -> bool:
        """Whether the author has the host forward for everybody."""
        return bool(asked_to_forward(self.topology.host, version)) or "router" in self.scene.host

    def asks_routers(self, bridge: Bridge) -> bool:
        """Whether the author has the host take router advertisements from a network."""
        key = device_sysctl(6, bridge.name, "accept_ra", "").key
        return self.topology.host.sysctls.get(key, "0") != "0"


def led(node: Node, to: IPAddress | None) -> bool:
    """Whether a route of a node's own leads to an address; of default routes, that of a network comes first."""
    routes = (route.to for route in node.routes if route_table(route) == MAIN)
    return to is not None and any(found and found.prefixlen > 0 and to in found for found in routes)


def addresses(member: Member, bridge: Bridge) -> Iterator[tuple[int, str]]:
    """A member's address of each IP version that the network has a subnet of."""
    for version in (4, 6):
        address = member.address(version)
        if address is not None and any(s.version == version for s in bridge.subnets):
            yield version, str(address)


def belongs(member: Member, network: object) -> bool:
    """Whether it has an address of a subnet."""
    return any(address.network == network for address in member.addresses)


def numbers(ports: Ports) -> range:
    """Each port of a range."""
    return range(ports.first, ports.last + 1)


def samples(published: Publication) -> list[int]:
    """The first and the last port of a range."""
    return list(dict.fromkeys([0, len(published.published) - 1]))


def suffix(published: Publication) -> str:
    """The protocol, where it is not TCP."""
    return "" if published.protocol == "tcp" else f"/{published.protocol}"
