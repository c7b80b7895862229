"""The lines of a wired group: from box to box, and those that leave it for the host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.picture.block import Block, Wire, comb
from nsgen.picture.shapes import Point, Words
from nsgen.picture.sketch import Cable, Drop


@dataclass(frozen=True)
class Outlet:
    """Where a line to the host leaves a block at its upper border; `path` goes on from there to its box."""

    drop: Drop
    x: int
    path: tuple[Point, ...]


class Lines:
    """The lines of a block: `cables` with their ways, `outlets` to the host, and `labels`, what stands beside those."""

    def __init__(self, block: Block) -> None:
        """Lead them through the channels of the block, each on a track of its own."""
        self._block = block
        self._m = block.m
        self._under: Counter[int] = Counter()  # tracks that are taken, by row
        self._over: Counter[int] = Counter()
        self._bends: Counter[int] = Counter()
        self._around = 0
        self.cables: list[tuple[Cable, tuple[Point, ...]]] = [
            (wire.cable, self._path(wire)) for wire in block.wires
        ]
        self.outlets = list(self._outlets())
        self.labels = list(self._labels())

    def _path(self, wire: Wire) -> tuple[Point, ...]:
        block = self._block
        start, end = (block.end(plug) for plug in wire.plugs)
        if wire.way == "side":
            return start, end
        row = block.row(wire.plugs[0])
        if wire.way == "next":
            return self._fan(start, end, row)
        self._under[row] += 1
        y = block.bases[row] + self._under[row] * self._m.track
        if wire.way == "under":
            return start, (start[0], y), (end[0], y), end
        x, over = self._next_around(), self._next_over(block.row(wire.plugs[1]))
        return start, (start[0], y), (x, y), (x, over), (end[0], over), end

    def _fan(self, start: Point, end: Point, row: int) -> tuple[Point, ...]:
        """From a row to the next: straight through the channel, and upright beside all else that is in it."""
        block = self._block
        if self._m.slanted:
            last = block.tops[row + 1] - block.label(row + 1) - block.sideways[row + 1]
            return tuple(dict.fromkeys((start, (start[0], block.fans[row]), (end[0], last), end)))
        if start[0] == end[0]:
            return start, end
        self._bends[row] += 1
        y = block.fans[row] + self._bends[row]
        return start, (start[0], y), (end[0], y), end

    def _next_around(self) -> int:
        self._around += 1
        return self._around * self._m.track

    def _next_over(self, row: int) -> int:
        """The next track above a row, from below."""
        self._over[row] += 1
        block = self._block
        return block.tops[row] - block.label(row) - self._over[row] * self._m.track

    def _outlets(self) -> Iterator[Outlet]:
        tracks: dict[tuple[int, object], Point] = {}
        for drop, plug in self._block.drops:
            x, y = self._block.end(plug)
            row = self._block.row(plug)
            if row == 0:
                yield Outlet(drop, x, ((x, y),))
                continue
            shared = row, comb(drop)
            if shared not in tracks:
                tracks[shared] = self._next_around(), self._next_over(row)
            around, over = tracks[shared]
            yield Outlet(drop, around, ((around, over), (x, over), (x, y)))

    def _labels(self) -> Iterator[tuple[Drop, Words]]:
        """The host's ends, above the boxes and below the lines that go sideways."""
        m = self._m
        for plug, drop in {id(plug): (plug, drop) for drop, plug in self._block.drops}.values():
            if "top" in self._block.boxes[plug.socket.node].crowded:
                continue
            x, y = self._block.end(plug)
            top = y - m.row * len(plug.label) - m.beside
            for index, row in enumerate(plug.label):
                yield drop, Words(x + m.label, top + index * m.row + m.base, row, "faint")
