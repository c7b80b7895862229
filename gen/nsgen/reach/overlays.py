"""Segments that are carried in packets: tunnels whose ends name each other, VXLAN and WireGuard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from nsgen.language.kinds.peer import Peer
from nsgen.language.kinds.wiring import Overlay, Peered, PointToPoint, VirtualEthernet
from nsgen.reach.joined import DeviceKey, Joined, Vertex
from nsgen.values import IPAddress, assert_never


@dataclass(frozen=True)
class Carrier:
    """What a tunnel depends on: that its node reaches the other machine's address outside."""

    node: str
    device: str
    remote: IPAddress


class Overlays:
    """Joins what tunnels join; `carried` is what each depends on, `unsure` where it is not told who reaches whom.

    `open` is what leads out of the topology: a VXLAN to an address that nobody in it has.
    """

    def __init__(
        self,
        joined: Joined,
        wirings: Mapping[DeviceKey, Overlay],
        owners: Mapping[IPAddress, list[str]],
    ) -> None:
        """Take over what is joined already, how what is up is wired, and the nodes that have an address."""
        self._joined = joined
        self._wirings = wirings
        self._owners = owners
        self.carried: list[tuple[Vertex, Carrier]] = []
        self.unsure: set[Vertex] = set()
        self.open: set[Vertex] = set()
        self._all()

    def _all(self) -> None:
        tunnels: dict[object, list[tuple[DeviceKey, PointToPoint]]] = {}
        networks: dict[object, dict[DeviceKey, VirtualEthernet]] = {}
        for device_key, wiring in self._wirings.items():
            if isinstance(wiring, PointToPoint):
                same = wiring.protocol, wiring.number, frozenset((wiring.local, wiring.remote))
                tunnels.setdefault(same, []).append((device_key, wiring))
            elif isinstance(wiring, VirtualEthernet):
                networks.setdefault((wiring.number, wiring.port), {})[device_key] = wiring
            elif isinstance(wiring, Peered):
                for peer in wiring.peers:
                    if device_of(peer) in self._wirings:
                        self._joined.join((*device_key, 0), (*device_of(peer), 0))
            else:
                assert_never(wiring)
        for ends in tunnels.values():
            self._tunnel(ends)
        for several in networks.values():
            self._vxlan(several)

    def _tunnel(self, ends: list[tuple[DeviceKey, PointToPoint]]) -> None:
        vertices = [(*device_key, 0) for device_key, _ in ends]
        if len(ends) == 1:
            return
        if len(ends) > 2 or ends[0][1].local == ends[1][1].local:
            self.unsure |= set(vertices)
            return
        self._joined.join(*vertices)
        for device_key, tunnel in ends:
            self.carried.append((vertices[0], Carrier(*device_key, tunnel.remote)))

    def _vxlan(self, several: Mapping[DeviceKey, VirtualEthernet]) -> None:
        """Those that name each other; where not everybody names everybody, who reaches whom is not told."""
        by_node: dict[str, DeviceKey] = {}
        for device_key in several:
            by_node.setdefault(device_key[0], device_key)
        named = {
            device_key: {
                node: remote for remote in one.remotes for node in self._owners.get(remote, ())
            }
            for device_key, one in several.items()
        }
        for device_key, one in several.items():
            if any(remote not in self._owners for remote in one.remotes):
                self.open |= {(*device_key, vlan) for vlan in self._joined.vlans}
        self._grouped(several)
        for device_key in several:
            for node, remote in named[device_key].items():
                other = by_node.get(node)
                if other is not None and device_key[0] in named[other]:
                    self._joined.wire(device_key, other)
                    self.carried.append(((*device_key, 0), Carrier(*device_key, remote)))
        for device_key in several:
            if named[device_key] and not self._everybody(device_key, several, named[device_key]):
                self.unsure |= {(*device_key, vlan) for vlan in self._joined.vlans}

    def _grouped(self, several: Mapping[DeviceKey, VirtualEthernet]) -> None:
        """Those that find each other in a multicast group, on the segment that it is sent by."""
        first: dict[object, DeviceKey] = {}
        for device_key, one in several.items():
            if one.group is not None and one.lower is not None:
                below = self._joined.root((device_key[0], one.lower.device, 0))
                self._joined.wire(first.setdefault((one.group, below), device_key), device_key)

    def _everybody(
        self, device_key: DeviceKey, several: Iterable[DeviceKey], named: Collection[str]
    ) -> bool:
        own = self._joined.root((*device_key, 0))
        same = {other[0] for other in several if self._joined.root((*other, 0)) == own}
        return same - {device_key[0]} <= set(named)


def device_of(peer: Peer) -> DeviceKey:
    """Where a WireGuard peer is, if it is an interface of the topology."""
    where = peer.interface
    return (where.node, where.device) if where is not None else ("", "")
