"""Which devices share a segment: a frame that leaves by one of them arrives at the others.

A segment is told by (node, device, VLAN), where VLAN 0 is what has no tag. It is joined from cables, bridges, bonds and
VLANs, and from tunnels whose ends name each other. What is isolated is not joined with its bridge, and knows it as its
hub instead: it exchanges frames with the hub, and with no other that is isolated there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nsgen.joining import Joined, Spot, Vertex
from nsgen.links.bond import Bond
from nsgen.links.bridge import Bridge
from nsgen.links.kind import Interface as Written
from nsgen.links.kind import Loopback
from nsgen.links.macvlan import Ipvlan, Macvlan
from nsgen.links.physical import Physical
from nsgen.links.tunnel import Tunnel
from nsgen.links.vlan import Vlan
from nsgen.links.vrf import Vrf
from nsgen.links.wireguard import Wireguard
from nsgen.overlays import Carrier, Overlays, place
from nsgen.topology import Address, Interface, Namespace, Node, Topology
from nsgen.values import IPAddress

HOST = "host"
BySegment = dict[Vertex, list["Device"]]
PLAIN = Loopback()  # what is written of a device that is no interface of its own


@dataclass(frozen=True, eq=False)
class Device:
    """A device with which its node sends and gets packets. `domain`: the table of the VRF that it is in, or 0."""

    node: str
    name: str
    addresses: tuple[Address, ...]
    domain: int
    written: Written

    @property
    def spot(self) -> Spot:
        """Where it is."""
        return self.node, self.name

    @property
    def pointed(self) -> bool:
        """Whether whatever enters it comes out at its other end, without asking who has the address."""
        return isinstance(self.written, Tunnel | Wireguard)


class Segments:
    """The segments of a topology."""

    def __init__(self, topology: Topology) -> None:
        """Join what is joined."""
        self.topology = topology
        self._open: set[Vertex] = set()
        self._unsure: set[Vertex] = set()
        self._carried: list[tuple[Vertex, Carrier]] = []
        self._interfaces = {(i.node, i.name): i for n in topology.nodes for i in n.interfaces}
        self._down = {spot for spot, i in self._interfaces.items() if not i.written.up}
        self.devices = tuple(d for node in topology.nodes for d in self._devices(node))
        self.at = {device.spot: device for device in self.devices}
        self.owners: dict[IPAddress, list[Device]] = {}
        for device in self.devices:
            for address in device.addresses:
                self.owners.setdefault(address.ip, []).append(device)
        self._joined = Joined(sorted(self._tags()), self._down)
        self._roots: dict[Spot, Vertex] = {}
        self._join_all()
        self._roots = {device.spot: self.segment(*device.spot) for device in self.devices}

    def _devices(self, node: Node) -> Iterator[Device]:
        """Those of a node, in order; a port of a bridge or a bond is none: its master has the addresses."""
        if node.name == HOST:
            for bridge in self.topology.bridges:
                own = tuple(s.gateway_interface for s in bridge.subnets if s.gateway is not None)
                yield Device(HOST, bridge.name, own, 0, PLAIN)
        tables = {i.name: i.written.table for i in node.interfaces if isinstance(i.written, Vrf)}
        for member in node.members if isinstance(node, Namespace) else ():
            if member.master in ("", *tables):
                domain = tables.get(member.master, 0)
                yield Device(node.name, member.device, member.addresses, domain, PLAIN)
        for one in (*node.ends, *node.interfaces):
            if one.master in ("", *tables) and (node.name, one.name) not in self._down:
                domain = tables.get(one.master, tables.get(one.name, 0))
                yield Device(node.name, one.name, one.addresses, domain, one.written)

    # -- what is asked --------------------------------------------------------------------------

    def segment(self, node: str, device: str) -> Vertex:
        """The segment that a device is on."""
        found = self._roots.get((node, device))
        return self._joined.root((node, device, 0)) if found is None else found

    def is_open(self, node: str, device: str) -> bool:
        """Whether there may be others on its segment, of whom the topology does not speak."""
        made = (node, device) in self.at
        return not made or self.segment(node, device) in self._open_roots

    def is_unsure(self, device: Device) -> bool:
        """Whether it cannot be told who is reached on its segment."""
        return self.segment(*device.spot) in self._unsure_roots

    def carriers(self, device: Device) -> tuple[Carrier, ...]:
        """What its segment depends on, if it is a tunnel or has one in it."""
        return self._carriers.get(self.segment(*device.spot), ())

    def hub(self, device: Device) -> Vertex:
        """The segment of a device, or that of the bridge from whose other ports it is isolated."""
        own = self.segment(*device.spot)
        return self._hub_roots.get(own, own)

    def by_segment(self, devices: Iterable[Device]) -> BySegment:
        """Devices by the segment that they are on."""
        found: BySegment = {}
        for device in devices:
            found.setdefault(self.segment(*device.spot), []).append(device)
        return found

    def near(self, device: Device, among: BySegment | None = None) -> Iterator[Device]:
        """Whom of some, or of all, a device exchanges packets with, in the order of the topology."""
        among = self._on if among is None else among
        own = self.segment(*device.spot)
        if device.spot in self._peers:
            on = among.get(own, ())
            yield from (d for d in self._peers[device.spot] if d in on)
            return
        for segment in self._within(own):
            yield from (d for d in among.get(segment, ()) if self._exchange(device, d))

    def having(self, device: Device, address: IPAddress) -> list[Device]:
        """Of those near a device, whoever has an address."""
        if device.pointed:
            return [d for d in self.near(device) if any(a.ip == address for a in d.addresses)]
        own = self.segment(*device.spot)
        found = [
            d
            for d in self.owners.get(address, ())
            if self._touching(own, self.segment(*d.spot)) and self._exchange(device, d)
        ]
        if found or address.version == 6:
            return found
        # IPv4 answers by any device for an address of the node's, ip-sysctl: arp_ignore.
        nodes = {(d.node, d.domain) for d in self.owners.get(address, ())}
        return [d for d in self.near(device) if (d.node, d.domain) in nodes] if nodes else []

    def kept_apart(self, device: Device, address: IPAddress) -> Device | None:
        """Who has an address on the segment, and yet exchanges nothing: isolated ports, a macvlan and its parent."""
        same = (d for d in self.owners.get(address, ()) if self.hub(d) == self.hub(device))
        return next((d for d in same if d.node != device.node), None)

    def _touching(self, one: Vertex, other: Vertex) -> bool:
        hubs = self._hub_roots
        return one == other or hubs.get(one) == other or hubs.get(other) == one

    def _within(self, own: Vertex) -> Iterator[Vertex]:
        yield own
        if own in self._hub_roots:
            yield self._hub_roots[own]
        yield from self._below.get(own, ())

    def _exchange(self, one: Device, other: Device) -> bool:
        """With the node that has the device below it, a macvlan exchanges nothing."""
        if one is other:
            return False
        first, second = self._lower(one), self._lower(other)
        if second == one.spot or first == other.spot:
            return False
        modes = {getattr(device.written, "mode", "") for device in (one, other)}
        return first is None or first != second or modes in ({"bridge"}, {"l2"})

    def _lower(self, device: Device) -> Spot | None:
        if not isinstance(device.written, Macvlan | Ipvlan):
            return None
        return device.written.link.node or device.node, device.written.link.device

    # -- roots ----------------------------------------------------------------------------------

    @cached_property
    def _hub_roots(self) -> dict[Vertex, Vertex]:
        return {
            self._joined.root(leaf): self._joined.root(hub)
            for leaf, hub in self._joined.hubs.items()
        }

    @cached_property
    def _below(self) -> dict[Vertex, list[Vertex]]:
        found: dict[Vertex, list[Vertex]] = {}
        for leaf, hub in self._hub_roots.items():
            found.setdefault(hub, []).append(leaf)
        return found

    @cached_property
    def _open_roots(self) -> set[Vertex]:
        return {self._joined.root(vertex) for vertex in self._open}

    @cached_property
    def _unsure_roots(self) -> set[Vertex]:
        return {self._joined.root(vertex) for vertex in self._unsure}

    @cached_property
    def _carriers(self) -> dict[Vertex, tuple[Carrier, ...]]:
        found: dict[Vertex, tuple[Carrier, ...]] = {}
        for vertex, carrier in self._carried:
            root = self._joined.root(vertex)
            found[root] = (*found.get(root, ()), carrier)
        return found

    @cached_property
    def _on(self) -> BySegment:
        return self.by_segment(self.devices)

    @cached_property
    def _peers(self) -> dict[Spot, list[Device]]:
        """Of a WireGuard interface, the others: each of its peers is reached by itself alone."""
        return {
            device.spot: [self.at[s] for p in device.written.peers if (s := place(p)) in self.at]
            for device in self.devices
            if isinstance(device.written, Wireguard)
        }

    # -- joining --------------------------------------------------------------------------------

    def _tags(self) -> set[int]:
        found = {i.written.id for i in self._interfaces.values() if isinstance(i.written, Vlan)}
        for interface in self._interfaces.values():
            for port in interface.written.members.values():
                found |= {port.untagged, *port.tagged}
        return found - {0}

    def _join_all(self) -> None:
        for link in self.topology.links:
            first, second = (link.first.node, link.first.name), (link.second.node, link.second.name)
            self._joined.wire(first, second)
        for bridge in self.topology.bridges:
            for member in self.topology.members(bridge):
                spot = member.namespace, member.device
                self._joined.wire((HOST, bridge.name), spot, isolated=bridge.isolate)
        for spot, interface in self._interfaces.items():
            self._interface(spot, interface)
        up = {spot: i for spot, i in self._interfaces.items() if spot not in self._down}
        nodes = {address: [d.node for d in own] for address, own in self.owners.items()}
        overlays = Overlays(self._joined, up, nodes)
        self._carried, self._unsure = overlays.carried, self._unsure | overlays.unsure

    def _interface(self, spot: Spot, interface: Interface) -> None:
        written, node = interface.written, interface.node
        if isinstance(written, Bridge) and written.vlan_filtering:
            self._filtering(spot, written)
        elif isinstance(written, Bridge | Bond):
            for name, port in written.members.items():
                self._known(node, name)
                self._joined.wire(spot, (node, name), isolated=port.isolated)
            if isinstance(written, Bond) and not self._one_switch(node, written):
                self._unsure.add((*spot, 0))
        elif isinstance(written, Vlan):
            self._known(node, written.link.device)
            self._joined.join((node, written.link.device, written.id), (*spot, 0))
        elif isinstance(written, Macvlan | Ipvlan):
            lower = written.link.node or node, written.link.device
            self._known(*lower)
            self._joined.wire(lower, spot)
            if written.mode in ("l3", "l3s", "vepa"):
                self._unsure.add((*spot, 0))
        elif isinstance(written, Physical):
            self._open.add((*spot, 0))

    def _known(self, node: str, device: str) -> None:
        """A device of the host that the topology does not make leads to whatever it leads to."""
        ends = (end.name for end in self.topology.host.ends)
        known = (node, device) in self.at or (node, device) in self._interfaces
        if node == HOST and not known and device not in ends:
            self._open |= {(node, device, vlan) for vlan in self._joined.vlans}

    def _filtering(self, spot: Spot, written: Bridge) -> None:
        """No VLAN is its own: the bridge's own interface is in none of them."""
        node, bridge = spot
        inside = f"{bridge}/"  # no device's name has a slash
        for name, port in written.members.items():
            self._known(node, name)
            for vlan in {port.untagged, *port.tagged} - {0} if spot not in self._down else ():
                outside = (node, name, 0 if vlan == port.untagged else vlan)
                if port.isolated:
                    self._joined.hubs[outside] = (node, inside, vlan)
                else:
                    self._joined.join((node, inside, vlan), outside)

    def _one_switch(self, node: str, bond: Bond) -> bool:
        """Whether all of its cables lead to the ports of one other bond."""
        ends = {}
        for end in next(n.ends for n in self.topology.nodes if n.name == node):
            ends[end.name] = end
        others = {
            (other.node, other.master)
            for link in self.topology.links
            for end, other in ((link.first, link.second), (link.second, link.first))
            if end.node == node and end.name in bond.ports
        }
        known = all(port in ends for port in bond.ports)
        return known and len(others) == 1 and all(master for _, master in others)
