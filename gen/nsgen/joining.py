"""What is joined with what, by device and VLAN; a VLAN of 0 is what has no tag."""

from __future__ import annotations

from collections.abc import Iterable

Spot = tuple[str, str]  # a device: node and name
Vertex = tuple[str, str, int]


class Joined:
    """Sets of places that exchange frames; and, of those isolated on a bridge, that bridge as their hub."""

    def __init__(self, vlans: Iterable[int], down: Iterable[Spot]) -> None:
        """Note which VLANs there are, and which devices are switched off."""
        self.vlans = (0, *vlans)
        self.hubs: dict[Vertex, Vertex] = {}
        self._down = set(down)
        self._above: dict[Vertex, Vertex] = {}

    def root(self, vertex: Vertex) -> Vertex:
        """The one that stands for all that are joined."""
        path = []
        while (above := self._above.get(vertex, vertex)) != vertex:
            path.append(vertex)
            vertex = above
        self._above.update(dict.fromkeys(path, vertex))
        return vertex

    def join(self, one: Vertex, other: Vertex) -> None:
        """Two places exchange frames, unless one of the devices is switched off."""
        if one[:2] not in self._down and other[:2] not in self._down:
            self._above[self.root(other)] = self.root(one)

    def wire(self, one: Spot, other: Spot, *, isolated: bool = False) -> None:
        """Two devices exchange frames, whatever tag those have."""
        for vlan in self.vlans:
            upper, lower = (*one, vlan), (*other, vlan)
            if isolated:
                self.hubs[lower] = upper
            else:
                self.join(upper, lower)
