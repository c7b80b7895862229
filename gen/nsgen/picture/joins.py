"""Who is joined with whom: by cables, places on networks, tunnels whose ends name each other, and macvlans."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from nsgen.language.kinds.wiring import (
    Above,
    Overlay,
    Peered,
    PointToPoint,
    Switch,
    VirtualEthernet,
)
from nsgen.picture.said import device_rows, end_words, overlay
from nsgen.picture.sketch import Cable, Drop, EdgeKind, Socket
from nsgen.topology.model import Interface, Topology
from nsgen.values import HOST, IPAddress

DeviceKey = tuple[str, str]


class Joins:
    """The lines of a topology: `drops` lead to the host, `cables` do not; `drawn` are the interfaces they lead to."""

    def __init__(self, topology: Topology) -> None:
        """Join what is joined."""
        self.topology = topology
        self.rails = {bridge.name for bridge in topology.bridges} | {
            i.name for i in topology.host.interfaces if isinstance(i.written.wiring, Switch)
        }
        self._apart = {bridge.name for bridge in topology.bridges if bridge.isolate}
        self.interfaces = {(i.node, i.name): i for node in topology.nodes for i in node.wired}
        self.drops: list[Drop] = []
        self.cables: list[Cable] = []
        self.drawn: set[DeviceKey] = set()
        self.inner: list[tuple[Interface, Interface]] = []  # cables with both ends in one node
        self._members()
        self._links()
        self._tunnels()
        self._above()

    @cached_property
    def _sockets(self) -> dict[DeviceKey, Socket]:
        found = {}
        for key, i in self.interfaces.items():
            rows = device_rows(i, i.name)
            found[key] = Socket(*key, (rows[0], *end_words(i.written), *rows[1:]))
        for node in self.topology.namespaces:
            for m in node.members:
                rows = device_rows(m, m.device)
                found[node.name, m.device] = Socket(node.name, m.device, rows)
        return found

    def _socket(self, key: DeviceKey) -> Socket:
        """A device at the edge of its node; one that the node has by itself is its name."""
        return self._sockets.get(key, Socket(*key, (key[1],)))

    def _members(self) -> None:
        for node in self.topology.namespaces:
            for m in node.members:
                title = f"{node.name} is on {m.bridge.name}: {m.device} to {m.peer}"
                socket = self._socket((node.name, m.device))
                self.drops.append(Drop("member", socket, m.bridge.name, m.peer, (m.peer,), title))

    def _links(self) -> None:
        for link in self.topology.links:
            first, second = link.first, link.second
            if first.node == second.node:
                self.inner.append((first, second))
                continue
            title = f"cable: {first.node}:{first.name} to {second.node}:{second.name}"
            self._join("link", (first.node, first.name), (second.node, second.name), title)

    def _join(self, kind: EdgeKind, one: DeviceKey, other: DeviceKey, title: str) -> None:
        """A line between two devices, one of which may be the host's."""
        for key in (one, other):
            self.drawn.add(key)
        if other[0] == HOST:
            one, other = other, one
        socket = self._socket(other)
        if one[0] != HOST:
            self.cables.append(Cable(kind, self._socket(one), socket, title))
            return
        end = self._socket(one)
        master = self.interfaces[one].master if one in self.interfaces else ""
        rail = next((name for name in (one[1], master) if name in self.rails), "")
        rows = tuple(row for row in end.rows if not rail or row != f"in {rail}")
        if rail in self._apart and not self.interfaces[one].port.isolated:
            rows = (*rows, "not apart")
        self.drops.append(Drop(kind, socket, rail, one[1], rows, title))

    # -- tunnels --------------------------------------------------------------------------------

    @cached_property
    def _owners(self) -> dict[IPAddress, list[str]]:
        found: dict[IPAddress, list[str]] = {}
        for node in self.topology.nodes:
            every = [*(m.addresses for m in node.members), *(i.addresses for i in node.wired)]
            for address in (address for own in every for address in own):
                found.setdefault(address.ip, []).append(node.name)
        return found

    def _tunnels(self) -> None:
        done: set[frozenset[DeviceKey]] = set()
        overlays = {
            key: wiring
            for key, i in self.interfaces.items()
            if (wiring := overlay(i.written)) is not None
        }
        for one, wiring in overlays.items():
            for other in self._others(one, wiring, overlays):
                pair = frozenset((one, other))
                if len(pair) < 2 or pair in done or one[0] == other[0]:
                    continue
                done.add(pair)
                words = ", ".join(end_words(self.interfaces[one].written))
                title = f"{words} tunnel: {one[0]}:{one[1]} to {other[0]}:{other[1]}"
                self._join("tunnel", one, other, title)

    def _others(
        self, own: DeviceKey, wiring: Overlay, overlays: dict[DeviceKey, Overlay]
    ) -> Iterator[DeviceKey]:
        """The other ends of a tunnel, as far as they are in the topology."""
        if isinstance(wiring, Peered):
            for peer in wiring.peers:
                if peer.interface is not None:
                    yield peer.interface.node, peer.interface.device
            return
        for key, other in overlays.items():
            if key == own:
                continue
            if isinstance(wiring, PointToPoint) and isinstance(other, PointToPoint):
                same = (wiring.protocol, wiring.number, wiring.local, wiring.remote)
                found = same == (other.protocol, other.number, other.remote, other.local)
            elif isinstance(wiring, VirtualEthernet) and isinstance(other, VirtualEthernet):
                alike = (wiring.number, wiring.port) == (other.number, other.port)
                grouped = wiring.group is not None and wiring.group == other.group
                found = alike and (grouped or self._names(wiring, key[0]))
            else:
                found = False
            if found:
                yield key

    def _names(self, wiring: VirtualEthernet, node: str) -> bool:
        """Whether a VXLAN sends to a node."""
        return any(node in self._owners.get(remote, ()) for remote in wiring.remotes)

    # -- macvlan --------------------------------------------------------------------------------

    def _above(self) -> None:
        for key, interface in self.interfaces.items():
            wiring = interface.written.wiring
            if isinstance(wiring, Above) and (wiring.lower.node or key[0]) != key[0]:
                title = f"{interface.written.KIND}: {key[0]}:{key[1]} on {wiring.lower}"
                self._join("macvlan", (wiring.lower.node, wiring.lower.device), key, title)
