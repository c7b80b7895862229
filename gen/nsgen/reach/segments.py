"""Which devices share a segment: a frame that leaves by one of them arrives at the others.

A segment is told by (node, device, VLAN), where VLAN 0 is what has no tag. It is joined from cables, bridges, bonds and
VLANs, and from tunnels whose ends name each other. What is isolated is not joined with its bridge, and knows it as its
switch instead: it exchanges frames with the switch, and with no other that is isolated there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from nsgen.language.kinds.wiring import Above, Domain, Peered, Unsure
from nsgen.reach.device import NEIGHBOURLY, PLAIN, Device
from nsgen.reach.joined import DeviceKey, Vertex
from nsgen.reach.joining import Joining
from nsgen.reach.overlays import Carrier, device_of
from nsgen.topology.model import Node, Topology
from nsgen.topology.needs import sysctl_path
from nsgen.values import HOST, IPAddress, IPNetwork

BySegment = dict[Vertex, list["Device"]]


class Segments:
    """The segments of a topology."""

    def __init__(self, topology: Topology) -> None:
        """Join what is joined."""
        self.topology = topology
        self._down = {
            (i.node, i.name) for n in topology.nodes for i in n.interfaces if not i.written.up
        }
        self.devices = tuple(d for node in topology.nodes for d in self._devices(node))
        self.at = {device.device_key: device for device in self.devices}
        self.owners: dict[IPAddress, list[Device]] = {}
        self._proxies: dict[IPAddress, list[Device]] = {}
        for device in self.devices:
            for address in device.addresses:
                self.owners.setdefault(address.ip, []).append(device)
            for neighbour in device.neighbours:
                if not neighbour.mac:
                    self._proxies.setdefault(neighbour.address, []).append(device)
        nodes = {address: [d.node for d in own] for address, own in self.owners.items()}
        self._joining = Joining(topology, self.at, nodes)
        self._joined = self._joining.joined
        self._roots: dict[DeviceKey, Vertex] = {}
        self._roots = {
            device.device_key: self.segment(*device.device_key) for device in self.devices
        }

    def _devices(self, node: Node) -> Iterator[Device]:
        """Those of a node, in order; a port of a bridge or a bond is none: its master has the addresses."""
        if node.name == HOST:
            for bridge in self.topology.bridges:
                gateways = tuple(
                    s.gateway_interface for s in bridge.subnets if s.gateway is not None
                )
                yield Device(HOST, bridge.name, gateways, 0, PLAIN, bridge.mac)
        tables = _tables(node)
        for member in node.members:
            if member.master in ("", *tables):
                domain = tables.get(member.master, 0)
                own = (member.addresses, domain, PLAIN, member.mac, member.neighbours)
                yield Device(node.name, member.device, *own)
        for one in node.wired:
            if one.master in ("", *tables) and (node.name, one.name) not in self._down:
                domain = tables.get(one.master, tables.get(one.name, 0))
                wired = (one.addresses, domain, one.written.wiring, one.mac, one.neighbours)
                yield Device(node.name, one.name, *wired)

    # -- what is asked --------------------------------------------------------------------------

    def segment(self, node: str, device: str) -> Vertex:
        """The segment that a device is on."""
        found = self._roots.get((node, device))
        return self._joined.root((node, device, 0)) if found is None else found

    def is_open(self, node: str, device: str) -> bool:
        """Whether there may be others on its segment, of whom the topology does not speak."""
        made = (node, device) in self.at
        around = self._within(self.segment(node, device))  # an isolated port speaks with its switch
        return not made or any(segment in self._open_roots for segment in around)

    def is_unsure(self, device: Device) -> bool:
        """Whether it cannot be told who is reached on its segment."""
        around = self._within(self.segment(*device.device_key))
        return any(segment in self._unsure_roots for segment in around)

    def carriers(self, device: Device) -> tuple[Carrier, ...]:
        """What its segment depends on, if it is a tunnel or has one in it."""
        return self._carriers.get(self.segment(*device.device_key), ())

    def switch(self, device: Device) -> Vertex:
        """The segment of a device, or that of the bridge from whose other ports it is isolated."""
        own = self.segment(*device.device_key)
        return self._switch_roots.get(own, own)

    def is_left_out(self, device: Device) -> bool:
        """Whether it is on a network that `routing: auto` leaves out."""
        return bool(self._left_out_roots) and self.switch(device) in self._left_out_roots

    @property
    def left_out(self) -> set[IPNetwork]:
        """The subnets of the networks that are left out."""
        return {a.network for d in self.devices if self.is_left_out(d) for a in d.addresses}

    def is_of_one_node(self, network: IPNetwork) -> bool:
        """Whether it is a single address, which one node has, on however many of its devices."""
        owners = self.owners.get(network.network_address, ())
        return network.num_addresses == 1 and len({device.node for device in owners}) == 1

    def by_segment(self, devices: Iterable[Device]) -> BySegment:
        """Devices by the segment that they are on."""
        found: BySegment = {}
        for device in devices:
            found.setdefault(self.segment(*device.device_key), []).append(device)
        return found

    def near(self, device: Device, among: BySegment | None = None) -> Iterator[Device]:
        """Whom of some, or of all, a device exchanges packets with, in the order of the topology."""
        among = self._on if among is None else among
        own = self.segment(*device.device_key)
        if device.device_key in self._peers:
            on = among.get(own, ())
            yield from (d for d in self._peers[device.device_key] if d in on)
            return
        for segment in self._within(own):
            yield from (d for d in among.get(segment, ()) if self._exchange(device, d))

    def having(self, device: Device, address: IPAddress) -> list[Device]:
        """Of those near a device, whoever has an address."""
        if device.pointed:
            return [d for d in self.near(device) if any(a.ip == address for a in d.addresses)]
        own = self.segment(*device.device_key)
        found = [
            d
            for d in self.owners.get(address, ())
            if self._touching(own, self.segment(*d.device_key)) and self._exchange(device, d)
        ]
        if found or address.version == 6:
            return found
        # IPv4 answers by any device for an address of the node's, ip-sysctl: arp_ignore.
        nodes = {(d.node, d.domain) for d in self.owners.get(address, ())}
        return [d for d in self.near(device) if (d.node, d.domain) in nodes] if nodes else []

    def answering_for(self, device: Device, address: IPAddress) -> list[Device]:
        """Of those near a device, routers that answer for an address elsewhere."""
        found = self._proxies.get(address)
        return (
            [d for d in self.near(device) if d in found and d.node != device.node] if found else []
        )

    def leaves_domain(self, node: str, device: str, domain: int) -> bool:
        """Whether what is routed in one VRF, or in none, leaves by a device of another, or goes into a VRF again."""
        out = self.at.get((node, device))
        return out is not None and (out.domain != domain or isinstance(out.wiring, Domain))

    def answers_oddly(self, device: Device, version: int) -> bool:
        """Whether its node may answer on a link for other addresses than its own, or not for those."""
        return version in self._odd.get(device.node, ())

    def kept_apart(self, device: Device, address: IPAddress) -> Device | None:
        """Who has an address on the segment, and yet exchanges nothing: isolated ports, a macvlan and its parent."""
        same = (d for d in self.owners.get(address, ()) if self.switch(d) == self.switch(device))
        return next((d for d in same if d.node != device.node), None)

    def _touching(self, one: Vertex, other: Vertex) -> bool:
        switches = self._switch_roots
        return one == other or switches.get(one) == other or switches.get(other) == one

    def _within(self, own: Vertex) -> Iterator[Vertex]:
        yield own
        if own in self._switch_roots:
            yield self._switch_roots[own]
        yield from self._below.get(own, ())

    def _exchange(self, one: Device, other: Device) -> bool:
        """With the node that has the device below it, a macvlan exchanges nothing."""
        if one is other:
            return False
        first, second = self._lower(one), self._lower(other)
        if second == one.device_key or first == other.device_key:
            return False
        if first is None or first != second:
            return True
        groups = {d.wiring.group for d in (one, other) if isinstance(d.wiring, Above)}
        return len(groups) == 1 and groups != {""}

    def _lower(self, device: Device) -> DeviceKey | None:
        if not isinstance(device.wiring, Above):
            return None
        return device.wiring.lower.node or device.node, device.wiring.lower.device

    @cached_property
    def _odd(self) -> dict[str, set[int]]:
        """By node, the IP versions by which it answers as its parameters or its commands have it."""
        return {
            node.name: {v for v in (4, 6) if node.execs or _is_set(node, NEIGHBOURLY, v)}
            for node in self.topology.nodes
        }

    # -- roots ----------------------------------------------------------------------------------

    @cached_property
    def _switch_roots(self) -> dict[Vertex, Vertex]:
        return {
            self._joined.root(leaf): self._joined.root(switch)
            for leaf, switch in self._joined.switches.items()
        }

    @cached_property
    def _left_out_roots(self) -> set[Vertex]:
        bridges = self.topology.bridges
        return {self.segment(HOST, b.name) for b in bridges if not b.auto_routed}

    @cached_property
    def _below(self) -> dict[Vertex, list[Vertex]]:
        found: dict[Vertex, list[Vertex]] = {}
        for leaf, switch in self._switch_roots.items():
            found.setdefault(switch, []).append(leaf)
        return found

    @cached_property
    def _open_roots(self) -> set[Vertex]:
        return {self._joined.root(vertex) for vertex in self._joining.open}

    @cached_property
    def _unsure_roots(self) -> set[Vertex]:
        return {self._joined.root(vertex) for vertex in self._joining.unsure}

    @cached_property
    def _carriers(self) -> dict[Vertex, tuple[Carrier, ...]]:
        found: dict[Vertex, tuple[Carrier, ...]] = {}
        for vertex, carrier in self._joining.carried:
            root = self._joined.root(vertex)
            found[root] = (*found.get(root, ()), carrier)
        return found

    @cached_property
    def _on(self) -> BySegment:
        return self.by_segment(self.devices)

    @cached_property
    def _peers(self) -> dict[DeviceKey, list[Device]]:
        """Of a WireGuard interface, the others: each of its peers is reached by itself alone."""
        return {
            device.device_key: [
                self.at[s] for p in device.wiring.peers if (s := device_of(p)) in self.at
            ]
            for device in self.devices
            if isinstance(device.wiring, Peered)
        }


def _is_set(node: Node, names: Collection[str], version: int) -> bool:
    """Whether one of some parameters of an IP version is on, for any device."""
    return any(
        sysctl_path(key).startswith(f"net/ipv{version}/")
        and sysctl_path(key).rpartition("/")[2] in names
        and value.strip() != "0"
        for key, value in node.sysctls.items()
    )


def _tables(node: Node) -> dict[str, int]:
    """By master whose ports are devices of their own, their table; whether they are is not told where it is unsure."""
    found = {}
    for interface in node.interfaces:
        wiring = interface.written.wiring
        if isinstance(wiring, Domain):
            found[interface.name] = wiring.table
        elif isinstance(wiring, Unsure):
            found[interface.name] = 0
    return found
