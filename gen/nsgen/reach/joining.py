"""Joins what shares a segment: cables, networks, and what interfaces say of their wiring."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nsgen.language.kinds.kind import Port
from nsgen.language.kinds.wiring import (
    Above,
    Bundle,
    Domain,
    Outside,
    Overlay,
    Peered,
    Plain,
    PointToPoint,
    Switch,
    Tagged,
    Unsure,
    VirtualEthernet,
)
from nsgen.ops import HOST
from nsgen.reach.joined import DeviceKey, Joined, Vertex
from nsgen.reach.overlays import Overlays
from nsgen.topology.model import Interface, Topology
from nsgen.values import IPAddress, assert_never


class Joining:
    """What is joined in a topology; `open`: there may be others, and `unsure`: it is not told who reaches whom."""

    def __init__(
        self,
        topology: Topology,
        devices: Collection[DeviceKey],
        owners: Mapping[IPAddress, list[str]],
    ) -> None:
        """Join what is joined, given the devices that send and get packets, and the nodes that have an address."""
        self._topology = topology
        self._devices = devices
        self._interfaces = {(i.node, i.name): i for n in topology.nodes for i in n.interfaces}
        self._down = {device_key for device_key, i in self._interfaces.items() if not i.written.up}
        self._ends = {end.name for end in topology.host.ends}
        self.joined = Joined(sorted(self._tags()), self._down)
        self.open: set[Vertex] = set()
        self.unsure: set[Vertex] = set()
        self._overlays: dict[DeviceKey, Overlay] = {}
        self._wire_all()
        overlays = Overlays(self.joined, self._overlays, owners)
        self.carried = overlays.carried
        self.unsure |= overlays.unsure
        self.open |= overlays.open

    def _tags(self) -> set[int]:
        found = set()
        for interface in self._interfaces.values():
            wiring = interface.written.wiring
            if isinstance(wiring, Tagged):
                found.add(wiring.vlan)
            for port in interface.written.members.values():
                found |= {port.untagged, *port.tagged}
        return found - {0}

    def _wire_all(self) -> None:
        for link in self._topology.links:
            first, second = (link.first.node, link.first.name), (link.second.node, link.second.name)
            self.joined.wire(first, second)
        for bridge in self._topology.bridges:
            for member in self._topology.members(bridge):
                device_key = member.namespace, member.device
                self.joined.wire((HOST, bridge.name), device_key, isolated=bridge.isolate)
            self._ports((HOST, bridge.name), dict(bridge.ports))
        for device_key, interface in self._interfaces.items():
            self._interface(device_key, interface)

    def _interface(  # noqa: C901 (an arm for each wiring)
        self, device_key: DeviceKey, interface: Interface
    ) -> None:
        written, node = interface.written, interface.node
        match written.wiring:
            case Switch(filtering=True):
                self._filtering(device_key, written.members)
            case Switch():
                self._ports(device_key, written.members)
            case Bundle():
                self._bundle(device_key, written.members)
            case Tagged(lower, vlan):
                self._known(node, lower.device)
                self.joined.join((node, lower.device, vlan), (*device_key, 0))
            case Above(lower, _, sure):
                self._lower(device_key, lower.node or node, lower.device)
                if not sure:
                    self.unsure.add((*device_key, 0))
            case Outside():
                self.open.add((*device_key, 0))
            case Unsure():
                self._anything(device_key, interface)
            case PointToPoint() | VirtualEthernet() | Peered() as overlay:
                if device_key not in self._down:
                    self._overlays[device_key] = overlay
            case Plain() | Domain():
                pass  # they join nothing
            case _ as never:
                assert_never(never)

    def _ports(self, device_key: DeviceKey, ports: Mapping[str, Port]) -> None:
        for name, port in ports.items():
            self._known(device_key[0], name)
            self.joined.wire(device_key, (device_key[0], name), isolated=port.isolated)

    def _bundle(self, device_key: DeviceKey, ports: Mapping[str, Port]) -> None:
        self._ports(device_key, ports)
        if not self._one_switch(device_key[0], ports):
            self.unsure.add((*device_key, 0))

    def _lower(self, device_key: DeviceKey, node: str, device: str) -> None:
        self._known(node, device)
        self.joined.wire((node, device), device_key)

    def _anything(self, device_key: DeviceKey, interface: Interface) -> None:
        """Of whatever it is made on or the master of, it is not told who is reached there."""
        parent = interface.written.parent
        if parent is not None:
            self._lower(device_key, parent.node or interface.node, parent.device)
        for name in interface.written.members:
            self.joined.wire(device_key, (interface.node, name))
        self.unsure |= {(*device_key, vlan) for vlan in self.joined.vlans}

    def _known(self, node: str, device: str) -> None:
        """A device of the host that the topology does not make leads to whatever it leads to."""
        known = (node, device) in self._devices or (node, device) in self._interfaces
        if node == HOST and not known and device not in self._ends:
            self.open |= {(node, device, vlan) for vlan in self.joined.vlans}

    def _filtering(self, device_key: DeviceKey, ports: Mapping[str, Port]) -> None:
        """No VLAN is its own: the bridge's own interface is in none of them."""
        node, bridge = device_key
        inside = f"{bridge}/"  # no device's name has a slash
        for name, port in ports.items():
            self._known(node, name)
            for vlan in {port.untagged, *port.tagged} - {0} if device_key not in self._down else ():
                outside = (node, name, 0 if vlan == port.untagged else vlan)
                if port.isolated:
                    self.joined.switches[outside] = (node, inside, vlan)
                else:
                    self.joined.join((node, inside, vlan), outside)

    def _one_switch(self, node: str, ports: Collection[str]) -> bool:
        """Whether all of a bond's cables lead to the ports of one other bond."""
        ends = next(n.ends for n in self._topology.nodes if n.name == node)
        others = {
            (other.node, other.master)
            for link in self._topology.links
            for end, other in ((link.first, link.second), (link.second, link.first))
            if end.node == node and end.name in ports
        }
        known = {end.name for end in ends}.issuperset(ports)
        return known and len(others) == 1 and all(master for _, master in others)
