"""Segments that are carried in packets: tunnels whose ends name each other, VXLAN and WireGuard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nsgen.joining import Joined, Spot, Vertex
from nsgen.links.tunnel import Tunnel
from nsgen.links.vxlan import Vxlan
from nsgen.links.wireguard import Peer, Wireguard
from nsgen.topology import Interface
from nsgen.values import IPAddress


@dataclass(frozen=True)
class Carrier:
    """What a tunnel depends on: that its node reaches the other machine's address outside."""

    node: str
    device: str
    remote: IPAddress


class Overlays:
    """Joins what tunnels join; `carried` is what each depends on, `unsure` where it is not told who reaches whom."""

    def __init__(
        self,
        joined: Joined,
        interfaces: Mapping[Spot, Interface],
        owners: Mapping[IPAddress, list[str]],
    ) -> None:
        """Take over what is joined already, the interfaces that are up, and the nodes that have an address."""
        self._joined = joined
        self._interfaces = interfaces
        self._owners = owners
        self.carried: list[tuple[Vertex, Carrier]] = []
        self.unsure: set[Vertex] = set()
        self._all()

    def _all(self) -> None:
        tunnels: dict[object, list[Interface]] = {}
        networks: dict[object, list[Interface]] = {}
        for spot, interface in self._interfaces.items():
            written = interface.written
            if isinstance(written, Tunnel):
                ends = frozenset((written.local, written.remote))
                number = getattr(written, "number", None)
                tunnels.setdefault((written.KIND, number, ends), []).append(interface)
            elif isinstance(written, Vxlan):
                networks.setdefault((written.id, written.port), []).append(interface)
            elif isinstance(written, Wireguard):
                for peer in written.peers:
                    if place(peer) in self._interfaces:
                        self._joined.join((*spot, 0), (*place(peer), 0))
        for pair in tunnels.values():
            self._tunnel(pair)
        for several in networks.values():
            self._vxlan(several)

    def _tunnel(self, ends: list[Interface]) -> None:
        spots = [(end.node, end.name, 0) for end in ends]
        written = [end.written for end in ends if isinstance(end.written, Tunnel)]
        if len(ends) == 1:
            return
        if len(ends) > 2 or written[0].local == written[1].local:
            self.unsure |= set(spots)
            return
        self._joined.join(*spots)
        for end, tunnel in zip(ends, written, strict=True):
            self.carried.append((spots[0], Carrier(end.node, end.name, tunnel.remote)))

    def _vxlan(self, several: list[Interface]) -> None:
        """Those that name each other; where not everybody names everybody, who reaches whom is not told."""
        by_node: dict[str, Interface] = {}
        for one in several:
            by_node.setdefault(one.node, one)
        named = {(one.node, one.name): self._named(one) for one in several}
        self._grouped(several)
        for one in several:
            spot = one.node, one.name
            for node, remote in named[spot].items():
                other = by_node.get(node)
                if other is not None and one.node in named[other.node, other.name]:
                    self._joined.wire(spot, (other.node, other.name))
                    self.carried.append(((*spot, 0), Carrier(*spot, remote)))
        for one in several:
            if named[one.node, one.name] and not self._everybody(one, several, named):
                self.unsure |= {(one.node, one.name, vlan) for vlan in self._joined.vlans}

    def _named(self, one: Interface) -> dict[str, IPAddress]:
        """The nodes that a VXLAN device sends to, and the address of each."""
        written = one.written
        if not isinstance(written, Vxlan):
            return {}
        remotes = (*written.peers, *([written.remote] if written.remote else ()))
        return {node: remote for remote in remotes for node in self._owners.get(remote, ())}

    def _grouped(self, several: list[Interface]) -> None:
        """Those that find each other in a multicast group, on the segment that it is sent by."""
        first: dict[object, Interface] = {}
        for one in several:
            written = one.written
            if (
                isinstance(written, Vxlan)
                and written.group is not None
                and written.link is not None
            ):
                below = self._joined.root((one.node, written.link.device, 0))
                head = first.setdefault((written.group, below), one)
                self._joined.wire((head.node, head.name), (one.node, one.name))

    def _everybody(
        self, one: Interface, several: list[Interface], named: dict[Spot, dict[str, IPAddress]]
    ) -> bool:
        own = self._joined.root((one.node, one.name, 0))
        same = [o.node for o in several if self._joined.root((o.node, o.name, 0)) == own]
        return set(same) - {one.node} <= set(named[one.node, one.name])


def place(peer: Peer) -> Spot:
    """Where a WireGuard peer is, if it is an interface of the topology."""
    where = peer.interface
    return (where.node, where.device) if where is not None else ("", "")
