"""Groups of namespaces side by side, in rows below each other: under the host, or alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nsgen.picture.block import Block
from nsgen.picture.host import HostBox
from nsgen.picture.lines import Lines, Outlet
from nsgen.picture.measure import Measures
from nsgen.picture.shapes import Dot, Drawn, Point, Shape, Stroke, edge
from nsgen.picture.sketch import Drop

Trunk = tuple[str, str]  # what goes down beside the rows: a rail, or the line of one device


@dataclass(frozen=True)
class _Placed:
    """A block in its place."""

    block: Block
    lines: Lines
    x: int
    y: int

    def moved(self, path: Sequence[Point]) -> tuple[Point, ...]:
        """A line of the block, in the picture."""
        return tuple((self.x + x, self.y + y) for x, y in path)


class Shelves:
    """Blocks in rows that are not too wide."""

    def __init__(self, blocks: Sequence[Block], m: Measures, room: int) -> None:
        """Deal the blocks to rows."""
        self.m = m
        self.rows: list[list[Block]] = []
        for block in blocks:
            if self.rows and self.width([*self.rows[-1], block]) <= room:
                self.rows[-1].append(block)
            else:
                self.rows.append([block])
        self.placed: list[_Placed] = []

    def width(self, row: Sequence[Block]) -> int:
        """How wide a row is."""
        return sum(block.width for block in row) + self.m.gap * (len(row) - 1)

    def place(self, x: int, y: int) -> int:
        """Put the rows below each other; the lower end of them."""
        for index, row in enumerate(self.rows):
            y = self.put(row, x, y + (self.m.apart if index else 0))
        return y

    def put(self, row: Sequence[Block], x: int, y: int) -> int:
        """Put a row in its place; the lower end of it."""
        for block in row:
            self.placed.append(_Placed(block, Lines(block), x, y))
            x += block.width + self.m.gap
        return y + max(block.height for block in row)

    def drawn(self) -> Iterator[Drawn]:
        """The lines, and over them the boxes, and what is said beside lines."""
        for one in self.placed:
            for cable, path in one.lines.cables:
                near, far = cable.near, cable.far
                ends, devices = f"{near.node} {far.node}", f"{near.device} {far.device}"
                shapes = (Stroke(cable.kind, one.moved(path)),)
                yield edge(cable.kind, ends, devices, cable.title, shapes)
        for one in self.placed:
            for box in one.block.boxes.values():
                yield box.drawn(one.x, one.y)
            for drop, words in one.lines.labels:
                yield Drawn("", drop.title, (words.moved(one.x, one.y),))


class Shelf(Shelves):
    """Blocks that hang from the host: the first row directly, the others by what goes down on the left."""

    def __init__(self, blocks: Sequence[Block], host: HostBox, m: Measures, room: int) -> None:
        """Deal the blocks to rows."""
        super().__init__(blocks, m, room)
        self.host = host
        later = (drop for row in self.rows[1:] for block in row for drop, _ in block.drops)
        self.trunks: list[Trunk] = list(dict.fromkeys(map(_trunk, later)))
        self.bars: list[Drawn] = []
        self._drops: list[Drawn] = []

    def hang(self, y: int) -> int:
        """Put the host at `y`, and the rows under it; the lower end of them."""
        left = self.host.start(self.trunks)
        first = self.rows[0] if self.rows else []
        if first:
            self.put(first, left, 0)
        outlets = [
            (one.x + outlet.x, outlet.drop) for one in self.placed for outlet in one.lines.outlets
        ]
        self.placed.clear()
        right = left + max(map(self.width, self.rows), default=0)
        self.host.place(y, outlets, right, list(self._joints(outlets)))
        y = self.host.bottom
        for row in self.rows:
            y = self._first(row, left, y) if row is first else self._later(row, left, y)
        return y

    def _joints(self, outlets: Sequence[tuple[int, Drop]]) -> Iterator[tuple[str, int]]:
        """Where something is plugged into each rail."""
        yield from ((drop.rail, x) for x, drop in outlets if drop.rail)
        yield from ((rail, self._down((rail, key))) for rail, key in self.trunks if rail)

    def _down(self, trunk: Trunk) -> int:
        return self.host.trunk(self.trunks.index(trunk))

    def _first(self, row: Sequence[Block], left: int, y: int) -> int:
        """The row that hangs from the host directly; the lower end of it."""
        m, host = self.m, self.host
        y += max(m.fan // 2, max(block.label() for block in row) + m.track // 2)
        bottom = self.put(row, left, y)
        for one, outlet in self._outlets(row):
            start = host.bars.get(outlet.drop.rail, host.bottom)
            self._drop(outlet.drop, ((one.x + outlet.x, start), *one.moved(outlet.path)))
        return bottom

    def _later(self, row: Sequence[Block], left: int, y: int) -> int:
        """A row under others, with the rails that it needs once more above it; the lower end of it."""
        m, host = self.m, self.host
        used = list(dict.fromkeys(_trunk(drop) for block in row for drop, _ in block.drops))
        step = 2 * m.track if m.slanted else m.track
        y += m.apart
        bars = {trunk: y + index * step for index, trunk in enumerate(used)}
        bottom = self.put(row, left, y + len(used) * step + max(block.label() for block in row))
        joints: dict[Trunk, list[int]] = {trunk: [] for trunk in used}
        for one, outlet in self._outlets(row):
            trunk, x = _trunk(outlet.drop), one.x + outlet.x
            joints[trunk].append(x)
            path: tuple[Point, ...] = ((x, bars[trunk]), *one.moved(outlet.path))
            if not outlet.drop.rail:
                down = self._down(trunk)
                path = ((down, host.bottom), (down, bars[trunk]), *path)
            self._drop(outlet.drop, path)
        for trunk, xs in joints.items():
            if trunk[0]:
                self.bars.append(host.bar(trunk[0], self._down(trunk), bars[trunk], xs))
        return bottom

    def _outlets(self, row: Sequence[Block]) -> Iterator[tuple[_Placed, Outlet]]:
        """The lines to the host of the row that was placed last."""
        for one in self.placed[-len(row) :]:
            yield from ((one, outlet) for outlet in one.lines.outlets)

    def _drop(self, drop: Drop, path: tuple[Point, ...]) -> None:
        path = tuple(dict.fromkeys(path))
        ends = f"{drop.socket.node} {drop.rail or self.host.station.name}"
        devices = f"{drop.socket.device} {drop.device}"
        shapes: tuple[Shape, ...] = (Stroke(drop.kind, path), Dot(*path[0]))
        colour = self.host.colours.get(drop.rail, 0)
        self._drops.append(edge(drop.kind, ends, devices, drop.title, shapes, colour))

    def drawn(self) -> Iterator[Drawn]:
        """The lines to the host, and then all else."""
        yield from self._drops
        yield from super().drawn()


def _trunk(drop: Drop) -> Trunk:
    """What a line to the host shares with others on its way down: the rail, or nothing."""
    return (drop.rail, "") if drop.rail else ("", f"{drop.socket.node}:{drop.socket.device}")
