"""One wired group of namespaces: its boxes in rows, and the lines between them, in a frame of its own.

No line goes through a box: between neighbours of a row it is straight; from a row to the next it stays in the channel
between them; all others go down or up to a channel, and on the left around the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nsgen.picture.figure import Rows
from nsgen.picture.measure import Measures
from nsgen.picture.place import placed
from nsgen.picture.shapes import Point
from nsgen.picture.sketch import Cable, Drop, Station
from nsgen.picture.station import Plug, StationBox, even


@dataclass(frozen=True)
class Wire:
    """A cable with its two plugs, the upper or the left one first."""

    cable: Cable
    plugs: tuple[Plug, Plug]
    way: str  # "side", "next", "under" or "around"


class Block:
    """The boxes of a group in their places, from (0, 0)."""

    def __init__(
        self,
        rows: Rows,
        stations: Mapping[str, Station],
        cables: Sequence[Cable],
        drops: Sequence[Drop],
        rails: Mapping[str, int],
        m: Measures,
    ) -> None:
        """Put the boxes of some rows into their places; `rails` gives the order of rails."""
        self.m = m
        self.rows = rows
        self.at = {name: (r, c) for r, row in enumerate(rows) for c, name in enumerate(row)}
        self.boxes = {name: StationBox(stations[name], m) for name in self.at}
        self.drops = [(drop, self._drop(drop, rails)) for drop in drops]
        self.wires = [self._wire(cable) for cable in cables]
        self._next: dict[str, list[tuple[Plug, Plug]]] = {name: [] for name in self.at}
        for wire in self.wires:
            if wire.way == "next":
                for own, other in (wire.plugs, wire.plugs[::-1]):
                    self._next[own.socket.node].append((own, other))
        self._level()
        for box in self.boxes.values():
            box.measure()
        for row in rows:
            even(self.boxes[name] for name in row)
        self._across()
        self._straighten()
        self._down()

    # -- plugs ----------------------------------------------------------------------------------

    def _drop(self, drop: Drop, rails: Mapping[str, int]) -> Plug:
        plug = self.boxes[drop.socket.node].plug(drop.socket, "top")
        plug.label = tuple(dict.fromkeys((*plug.label, *drop.rows)))
        plug.order = -2 + rails.get(drop.rail, len(rails)) / (len(rails) + 1)
        return plug

    def _wire(self, cable: Cable) -> Wire:
        ends = sorted((cable.near, cable.far), key=lambda socket: self.at[socket.node])
        (r1, c1), (r2, c2) = (self.at[socket.node] for socket in ends)
        first, second = (self.boxes[socket.node] for socket in ends)
        if r1 == r2 and c2 == c1 + 1:
            plugs, way = (first.plug(ends[0], "right"), second.plug(ends[1], "left")), "side"
        elif r1 == r2:
            plugs, way = (first.plug(ends[0], "bottom"), second.plug(ends[1], "bottom")), "under"
        else:
            plugs = first.plug(ends[0], "bottom"), second.plug(ends[1], "top")
            way = "next" if r2 == r1 + 1 else "around"
        for plug, place in zip(
            plugs, (c2 / len(self.rows[r2]), c1 / len(self.rows[r1])), strict=True
        ):
            if plug.edge in ("top", "bottom") and not plug.label:
                plug.order = place if way != "around" else place - 1
        return Wire(cable, plugs, way)

    def _level(self) -> None:
        """Give the two sockets of a straight cable one height."""
        m = self.m
        for wire in self.wires:
            if wire.way == "side":
                most = max(len(plug.socket.rows) for plug in wire.plugs)
                for plug in wire.plugs:
                    plug.height = m.socket_head + m.row * most + m.socket_foot

    # -- places ---------------------------------------------------------------------------------

    def _across(self) -> None:
        """Put each row where its lines to the rows before and behind are straight."""
        joined = {
            frozenset((w.cable.near.node, w.cable.far.node)) for w in self.wires if w.way == "side"
        }
        self._gaps = [
            [
                self.m.link if frozenset(pair) in joined else self.m.gap
                for pair in pairwise((*row, ""))
            ]
            for row in self.rows
        ]
        self._most = max(
            sum(self.boxes[name].width for name in row) + sum(gaps[:-1])
            for row, gaps in zip(self.rows, self._gaps, strict=True)
        )
        order = range(len(self.rows))
        for index in order:
            self._place_row(index, ())
        for index, others in (
            *((r, range(r)) for r in order[1:]),
            *((r, range(r + 1, len(self.rows))) for r in reversed(order[:-1])),
            *((r, range(r)) for r in order[1:]),
        ):
            self._place_row(index, others)
        left = min(box.x for box in self.boxes.values())
        deep = {(self.row(plug), comb(drop)) for drop, plug in self.drops if self.row(plug)}
        self._combs = Counter(row for row, _ in deep)
        lines = sum(w.way == "around" for w in self.wires) + len(deep)
        self.gutter = lines * self.m.track + (self.m.track if lines else 0)
        for box in self.boxes.values():
            box.x += self.gutter - left
        self.width = max(box.right for box in self.boxes.values())

    def _place_row(self, index: int, others: Sequence[int]) -> None:
        row = [self.boxes[name] for name in self.rows[index]]
        wanted: list[float | None] = []
        for box in row:
            found = list(self._wanted(box, set(others)))
            wanted.append(sum(found) / len(found) if found else None)
        if others and not any(place is not None for place in wanted):
            return
        widths = [box.width for box in row]
        places = placed(wanted, widths, self._gaps[index], self._most)
        for box, x in zip(row, places, strict=True):
            box.x = x

    def _straighten(self) -> None:
        """Have lines that are nearly straight leave their sockets beside the middle, where they are."""
        uses = Counter(id(plug) for wire in self.wires for plug in wire.plugs)
        for wire in self.wires:
            if wire.way != "next":
                continue
            for own, other in (wire.plugs, wire.plugs[::-1]):
                slope = self._x(other) - self._x(own)
                room = self.boxes[own.socket.node].room(own) if uses[id(own)] == 1 else 0
                own.moved = max(-room, min(room, slope)) if abs(slope) <= 2 * room else 0
            if not self.m.slanted and self._x(wire.plugs[0]) != self._x(wire.plugs[1]):
                self._set_apart(wire)

    def _set_apart(self, wire: Wire) -> None:
        """Have bent lines begin in even columns and end in odd ones, so that no two are in one column."""
        for plug, odd in zip(wire.plugs, (0, 1), strict=True):
            if self._x(plug) % 2 != odd:
                plug.moved += 1

    def _wanted(self, box: StationBox, others: set[int]) -> Iterator[float]:
        """Where the middle of a box would have to be for each of its lines to be straight."""
        for own, other in self._next[box.station.name]:
            there = self.boxes[other.socket.node]
            if self.at[other.socket.node][0] in others:
                yield there.x + there.pin(other) - box.pin(own) + box.width / 2

    def _down(self) -> None:
        """Put the rows below each other, with room for the lines between them."""
        m = self.m
        under = Counter(self.row(w.plugs[0]) for w in self.wires if w.way in ("under", "around"))
        self._enter()
        self.tops: list[int] = []  # the upper border of each row
        self.bases: list[int] = []  # its lower border
        self.fans: list[
            int
        ] = []  # where lines to the next row begin, below those that go under this one
        y = 0
        for index, row in enumerate(self.rows):
            if index:
                y += self._fan(index) + self.sideways[index] + self.label(index)
            self.tops.append(y)
            for name in row:
                self.boxes[name].y = y + self.boxes[name].lowered
            y = max(self.boxes[name].bottom for name in row)
            self.bases.append(y)
            y += (under[index] + 1) * m.track if under[index] else 0
            self.fans.append(y)
        self.height = y

    def _enter(self) -> None:
        """Find out how much room lines take that come into each row around others, and the texts beside them."""
        entering = Counter(self.row(w.plugs[1]) for w in self.wires if w.way == "around")
        entering += self._combs
        self.sideways = [
            (entering[r] + 1) * self.m.track if entering[r] else 0 for r in range(len(self.rows))
        ]
        self._labels = dict.fromkeys(range(len(self.rows)), 0)
        for _, plug in self.drops:
            row = self.row(plug)
            self._labels[row] = max(self._labels[row], len(plug.label))

    def _fan(self, index: int) -> int:
        """How high the channel above a row is for the lines from the row before."""
        m = self.m
        pairs = (pair for name in self.rows[index] for pair in self._next[name])
        slopes = [abs(self._x(own) - self._x(up)) for own, up in pairs if own.edge == "top"]
        if not slopes:
            return m.apart
        if m.slanted:
            return max(m.fan, min(130, max(slopes) // 5))
        return m.fan + sum(slope > 0 for slope in slopes)

    def label(self, row: int = 0) -> int:
        """How high the texts are that stand above a row, beside lines to the host."""
        rows = self._labels[row]
        return rows * self.m.row + self.m.head if rows else 0

    def row(self, plug: Plug) -> int:
        """The row of the box that a plug is on."""
        return self.at[plug.socket.node][0]

    def end(self, plug: Plug) -> Point:
        """Where lines end at a plug."""
        return self.boxes[plug.socket.node].end(plug)

    def _x(self, plug: Plug) -> int:
        box = self.boxes[plug.socket.node]
        return box.x + box.pin(plug)


def comb(drop: Drop) -> object:
    """What the lines to the host share that come into a row as one: those to one rail do."""
    return drop.rail or (drop.socket.node, drop.socket.device)
