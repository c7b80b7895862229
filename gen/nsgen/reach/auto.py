"""`routing: auto`: the static routes by which every node reaches every subnet, by the fewest hops.

Only a router passes packets on: a namespace with `forwarding: true`, or the host with it, and the host not between
networks, which are apart. Of ways with as many hops, that by the router which is first in the file is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from nsgen.language.kinds.wiring import Overlay, Peered
from nsgen.language.opposite import networks
from nsgen.language.routing import MAIN, Route, route_table, route_version
from nsgen.reach.device import Device
from nsgen.reach.joined import Vertex
from nsgen.reach.neighbours import allowed
from nsgen.reach.overlays import device_of
from nsgen.reach.segments import Segments
from nsgen.reach.tables import EVERYWHERE
from nsgen.topology.model import Namespace, Node, Topology
from nsgen.values import HOST, IPAddress, IPNetwork

Router = tuple[str, int]  # a node, and the table of a VRF in it, or 0


@dataclass(frozen=True)
class Way:
    """A neighbour that routes, and how a node sends to it."""

    router: Router
    device: Device
    other: Device
    via: IPAddress | None

    def leads(self, subnet: IPNetwork) -> bool:
        """Whether WireGuard sends what goes there to this neighbour, and takes its answer."""
        wiring = self.device.wiring
        if not isinstance(wiring, Peered):
            return True
        peer = allowed(wiring, subnet.network_address)
        return peer is not None and device_of(peer) == self.other.device_key


def routed(topology: Topology) -> Topology:
    """The topology with the routes that are missing in it."""
    auto = Auto(topology)
    found = {v: auto.routes(v) for v in (4, 6)}

    def more(node: Node) -> tuple[Route, ...]:
        return tuple(route for version in (4, 6) for route in found[version].get(node.name, ()))

    namespaces = tuple(
        replace(ns, routes=(*ns.routes, *more(ns)), auto=len(more(ns)))
        for ns in topology.namespaces
    )
    own = more(topology.host)
    host = replace(topology.host, routes=(*topology.host.routes, *own), auto=len(own))
    return replace(topology, namespaces=namespaces, host=host)


class Auto:
    """Works the routes out, one IP version after the other."""

    def __init__(self, topology: Topology) -> None:
        """Find who is beside whom."""
        self.topology = topology
        self.segments = Segments(topology)
        self.forwarding = {node.name for node in topology.nodes if node.forwarding}
        self.networks = {(HOST, bridge.name) for bridge in topology.bridges}
        interfaces = (i for node in topology.nodes for i in node.interfaces)
        self.outer = {address for i in interfaces for address in i.written.wiring.outer}
        self.devices: dict[Router, list[Device]] = {}
        for device in self.segments.devices:
            self.devices.setdefault((device.node, device.domain), []).append(device)
        routers = (d for d in self.segments.devices if d.node in self.forwarding)
        self.routers = self.segments.by_segment(routers)

    def routes(self, version: int) -> dict[str, list[Route]]:
        """By node, the routes of one IP version."""
        ways = self._ways(version)
        nodes = {node.name: node for node in self.topology.nodes}
        connected = {
            vertex: {n for d in self.devices[vertex] for a in d.addresses for n in networks(a)}
            for vertex in ways
        }
        edges = {vertex: own for vertex, own in ways.items() if vertex[0] not in self.forwarding}
        lone = {
            v: own[0] for v, own in edges.items() if len(own) == 1 and _plain(nodes[v[0]], own[0])
        }
        several = {v: own for v, own in edges.items() if own and v not in lone}
        steps = self._steps(version, ways, several, connected)
        found: dict[str, list[Route]] = {}
        apart = self.segments.left_out
        for vertex, way in lone.items():  # of whom there may be many
            reached = chain(connected[way.router], steps[way.router])
            if any(
                s.version == version and s not in connected[vertex] and s not in apart
                for s in reached
            ):
                found[vertex[0]] = [_route(None, way, vertex[1], version)]
        needs = {
            vertex: _Need(
                *(nodes[vertex[0]], vertex[1], version),
                {s: way for s, way in towards.items() if s not in connected[vertex]},
            )
            for vertex, towards in steps.items()
        }
        circles = {
            vertex for vertex, need in needs.items() if need.alone and _circle(vertex, needs)
        }
        for vertex, need in needs.items():
            need.alone = need.alone and vertex not in circles
            found.setdefault(vertex[0], []).extend(need.routes())
        return found

    def _steps(
        self,
        version: int,
        ways: dict[Router, list[Way]],
        edges: dict[Router, list[Way]],
        connected: dict[Router, set[IPNetwork]],
    ) -> dict[Router, dict[IPNetwork, Way]]:
        """By which neighbour each router, and each of the `edges`, gets to the subnets that it is not on."""
        steps: dict[Router, dict[IPNetwork, Way]] = {vertex: {} for vertex in ways}
        order = {vertex: index for index, vertex in enumerate(ways)}
        reverse: dict[Router, list[tuple[Router, Way]]] = {}
        for vertex, own in ways.items():
            for way in own if vertex[0] in self.forwarding else ():
                reverse.setdefault(way.router, []).append((vertex, way))
        for subnet, places in self._subnets(version).items():
            outer = any(address in subnet for address in self.outer if address.version == version)
            far = _distances(subnet, places, reverse, order, outer, steps)
            for vertex, own in edges.items():
                fit = [w for w in own if w.router in far and _usable(w, subnet, outer)]
                if fit and subnet not in connected[vertex]:
                    steps[vertex][subnet] = min(fit, key=lambda w: far[w.router])
        return steps

    # -- what there is --------------------------------------------------------------------------

    def _subnets(self, version: int) -> dict[IPNetwork, list[Router]]:
        """Every subnet, with those who are on it; one that is at several places is no destination."""
        found: dict[IPNetwork, dict[Router, None]] = {}
        segments: dict[IPNetwork, set[Vertex]] = {}
        for device in self.segments.devices:
            for address in device.addresses if not self.segments.is_left_out(device) else ():
                if address.version != version or address.is_loopback or address.is_link_local:
                    continue
                for network in networks(address):
                    segments.setdefault(network, set()).add(self.segments.switch(device))
                    places = found.setdefault(network, {})
                    if device.device_key not in self.networks:
                        places[device.node, device.domain] = None
        alone = self.segments.is_of_one_node
        return {s: list(own) for s, own in found.items() if len(segments[s]) == 1 or alone(s)}

    def _ways(self, version: int) -> dict[Router, list[Way]]:
        """By node, its neighbours that route, in the order of the file."""
        order = {node.name: index for index, node in enumerate(self.topology.nodes)}
        found: dict[Router, list[Way]] = {}
        for vertex, devices in self.devices.items():
            own = [way for device in devices for way in self._beside(device, version)]
            own.sort(key=lambda way: order[way.router[0]])
            found[vertex] = own
        return found

    def _beside(self, device: Device, version: int) -> Iterator[Way]:
        if self._is_apart(device) or not device.wiring.carries(version):
            return
        for other in self.segments.near(device, self.routers):
            if other.node == device.node or self._is_apart(other):
                continue
            via = _via(device, other, version)
            if via is not None or (device.pointed and other.pointed):
                yield Way((other.node, other.domain), device, other, via)

    def _is_apart(self, device: Device) -> bool:
        """The host passes nothing on from network to network, nor to a network; and some networks are left out."""
        unsure = self.segments.is_unsure(device)
        return device.device_key in self.networks or unsure or self.segments.is_left_out(device)


def _distances(
    subnet: IPNetwork,
    places: Iterable[Router],
    reverse: dict[Router, list[tuple[Router, Way]]],
    order: dict[Router, int],
    outer: bool,  # noqa: FBT001 - whether a tunnel's own packets go there
    steps: dict[Router, dict[IPNetwork, Way]],
) -> dict[Router, int]:
    """How far each router is from a subnet; and, in `steps`, by which neighbour it gets there."""
    far = dict.fromkeys(places, 0)
    ring, distance = list(far), 0
    while ring:
        distance += 1
        ring.sort(key=lambda vertex: order[vertex])
        further: list[Router] = []
        for router in ring:
            for vertex, way in reverse.get(router, ()):
                if vertex not in far and _usable(way, subnet, outer):
                    far[vertex] = distance
                    steps[vertex][subnet] = way
                    further.append(vertex)
        ring = further
    return far


def _usable(way: Way, subnet: IPNetwork, outer: bool) -> bool:  # noqa: FBT001 - see above
    """A tunnel does not carry its own packets; and WireGuard sends to each peer what is allowed to it."""
    return not (outer and isinstance(way.device.wiring, Overlay)) and way.leads(subnet)


def _via(device: Device, other: Device, version: int) -> IPAddress | None:
    """The neighbour's address on a subnet that both are on."""
    near = [a.network for a in device.addresses if a.version == version]
    found = (a.ip for a in other.addresses if any(a.ip in n for n in near if n.version == version))
    return next((ip for ip in found if ip.version == version), None)


# -- the routes that a node gets --------------------------------------------------------------------


def _plain(node: Node, way: Way) -> bool:
    """Whether a namespace that has this one way out is told with a default route, whatever there is."""
    own = node.routes or not isinstance(node, Namespace)
    defaults = any(m.default_routes for m in node.members)
    return not (own or defaults or isinstance(way.device.wiring, Overlay))


class _Need:
    """What a node, or a VRF in it, has to be told: the subnets that it does not route yet."""

    def __init__(self, node: Node, domain: int, version: int, needed: dict[IPNetwork, Way]) -> None:
        """Leave out what is written."""
        self.domain, self.version = domain, version
        own = [r for r in node.routes if route_table(r) == (domain or MAIN)]
        written = [r for r in own if route_version(r) == version]
        defaults = [(r.via, r.dev) for r in written if r.to in (None, EVERYWHERE[version])]
        for member in node.members if not domain else ():
            vias = [via for via in member.default_routes if via.version == version]
            defaults += [(via, member.device) for via in vias]
        known = [r.to for r in written if r.to is not None and r.to.prefixlen]
        self.left = {
            subnet: way
            for subnet, way in needed.items()
            if not any(within(subnet, network) for network in known)
            and not any(_same(way, via, device) for via, device in defaults)
        }
        hops = {(way.via, way.device.name) for way in self.left.values()}
        self.alone = len(hops) == 1 and not defaults and isinstance(node, Namespace)

    @property
    def router(self) -> Router:
        """Where the first of them leads."""
        return next(iter(self.left.values())).router

    def routes(self) -> Iterator[Route]:
        """One for each; or a default route, where there is a single way out."""
        for subnet, way in self.left.items():
            yield _route(None if self.alone else subnet, way, self.domain, self.version)
            if self.alone:
                return


def within(subnet: IPNetwork, network: IPNetwork) -> bool:
    """Whether a subnet is a part of a network."""
    return subnet.network_address in network and subnet.prefixlen >= network.prefixlen


def _circle(start: Router, needs: Mapping[Router, _Need]) -> bool:
    """Whether default routes would lead back: what nobody has would go round until its TTL ends.

    By hand, here and in the checks: graphlib names one circle, and every node that is in any is asked for.
    """
    at, seen = needs[start].router, {start}
    while at not in seen and at in needs and needs[at].alone:
        seen.add(at)
        at = needs[at].router
    return at == start


def _same(way: Way, via: IPAddress | None, device: str | None) -> bool:
    """Whether a default route leads the same way."""
    if via is None:
        return way.via is None and device == way.device.name
    return via == way.via and device in (None, way.device.name)


def _route(subnet: IPNetwork | None, way: Way, domain: int, version: int) -> Route:
    everywhere = EVERYWHERE[6] if subnet is None and version == 6 and way.via is None else None
    return Route(
        to=subnet if subnet is not None else everywhere,
        via=way.via,
        dev=way.device.name,
        table=domain or None,
    )
