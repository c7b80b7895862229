"""What a topology says, in a scene, of who is where: what its claims are told from."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.needs import FORWARD
from nsgen.rehearsal.scene import Scene
from nsgen.topology import Bridge, Member, Namespace, Publication, Topology
from nsgen.values import IPAddress, Ports

FEW = 8  # namespaces, up to which every pair is asked


class Ground:
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
        """The first member of each network."""
        firsts = (next(self.topology.members(bridge), None) for bridge in self.topology.bridges)
        return [member for member in firsts if member is not None]

    def more_addresses(self, version: int) -> list[IPAddress]:
        """Those of the host on its LAN, besides the first."""
        return [a for a in self.scene.host_addresses if a.version == version]

    def gateways_of(self, version: int) -> list[IPAddress]:
        """Those of the host on all networks."""
        return [a for bridge in self.topology.bridges for a in self.own_gateways(bridge, version)]

    def named_gateways(self, version: int) -> Iterator[tuple[str, str]]:
        """Those of the host on all networks, each with the network's name."""
        for bridge in self.topology.bridges:
            yield from ((bridge.name, str(a)) for a in self.own_gateways(bridge, version))

    @staticmethod
    def own_gateways(bridge: Bridge, version: int) -> list[IPAddress]:
        """Those of the host on one network."""
        return [s.gateway for s in bridge.subnets if s.version == version and s.gateway is not None]

    @staticmethod
    def way_out(namespace: Namespace, version: int) -> Member | None:
        """By which network it reaches the internet, if any."""
        members = (m for m in namespace.members if m.routed(version) and m.bridge.internet)
        return next(members, None)

    def is_router(self, version: int) -> bool:
        """Whether the author has the host forward for everybody."""
        asked = self.topology.host.sysctls.get(FORWARD[version])
        return self.topology.host.forwarding or asked == "1" or "router" in self.scene.host


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
    """Each of them."""
    return range(ports.first, ports.last + 1)


def samples(published: Publication) -> list[int]:
    """The first and the last port of a range."""
    return list(dict.fromkeys([0, len(published.published) - 1]))


def suffix(published: Publication) -> str:
    """The protocol, where it is not TCP."""
    return "" if published.protocol == "tcp" else f"/{published.protocol}"
