"""What is joined with what, by device and VLAN; a VLAN of 0 is what has no tag."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

DeviceKey = tuple[str, str]  # a device: node and name
Vertex = tuple[str, str, int]
T = TypeVar("T")


class DisjointSets(Generic[T]):
    """Sets of which each has one member that stands for all, and any two can be made one."""

    def __init__(self) -> None:
        """Begin with every member in a set of its own."""
        self._above: dict[T, T] = {}

    def root(self, one: T) -> T:
        """The member that stands for all in its set."""
        path = []
        while (above := self._above.get(one, one)) != one:
            path.append(one)
            one = above
        self._above.update(dict.fromkeys(path, one))
        return one

    def join(self, one: T, other: T) -> None:
        """Make one set of two; who stands for the first stands for both."""
        self._above[self.root(other)] = self.root(one)


class Joined:
    """Sets of places that exchange frames; and, of those isolated on a bridge, that bridge as their switch."""

    def __init__(self, vlans: Iterable[int], down: Iterable[DeviceKey]) -> None:
        """Note which VLANs there are, and which devices are switched off."""
        self.vlans = (0, *vlans)
        self.switches: dict[Vertex, Vertex] = {}
        self._down = set(down)
        self._sets = DisjointSets[Vertex]()
        self.root = self._sets.root

    def join(self, one: Vertex, other: Vertex) -> None:
        """Two places exchange frames, unless one of the devices is switched off."""
        if one[:2] not in self._down and other[:2] not in self._down:
            self._sets.join(one, other)

    def wire(self, one: DeviceKey, other: DeviceKey, *, isolated: bool = False) -> None:
        """Two devices exchange frames, whatever tag those have."""
        for vlan in self.vlans:
            upper, lower = (*one, vlan), (*other, vlan)
            if isolated:
                self.switches[lower] = upper
            else:
                self.join(upper, lower)
