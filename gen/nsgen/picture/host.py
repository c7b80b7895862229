"""The host's box: its way out and its published ports at the upper edge, its bridges as rails, and what is outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from nsgen.picture.measure import Measures
from nsgen.picture.panels import panel_boxes, ports_drawn, rows_in
from nsgen.picture.shapes import Box, Dot, Drawn, Look, Point, Shape, Stroke, Words, edge
from nsgen.picture.sketch import Drop, Rail, Sketch, Station
from nsgen.picture.station import clipped
from nsgen.values import HOST, INTERNET, OUTSIDE

COLOURS = 6  # of networks, in templates/picture/topology.svg.j2
PLACES = {INTERNET: "the internet", OUTSIDE: "outside: other machines"}


class HostBox:
    """The host, placed from its left upper above on."""

    def __init__(self, station: Station, sketch: Sketch, m: Measures) -> None:
        """Measure what is in it."""
        self.station, self.sketch, self.m = station, sketch, m
        self.x = m.margin
        self.colours = {rail.name: 1 + i % COLOURS for i, rail in enumerate(sketch.rails)}
        rows = [clipped(row, m.aside) for rail in sketch.rails for row in rail.rows]
        rows += [row for row, _ in self._own_rows]
        texts = [m.width(HOST, "title"), *(m.width(row, "strong") for row in rows)]
        self.label = max(texts)  # how wide the column of texts is
        self.bars: dict[str, int] = {}  # where the rails are
        self._reached: dict[str, int] = {}  # how far down each goes already
        self._lines: list[Drawn] = []
        self._boxes: list[Drawn] = []

    @property
    def _own_rows(self) -> list[tuple[str, Look]]:
        plain: list[tuple[str, Look]] = [(row, "plain") for row in self.station.rows]
        rows = (*plain, *self.station.notes)
        return [(clipped(row, self.m.aside), look) for row, look in rows]

    @property
    def _content(self) -> int:
        return self.x + self.m.pad + self.label + 2 * self.m.pad

    def start(self, trunks: Sequence[object]) -> int:
        """Where what hangs from it begins, right of what goes further down."""
        return self._content + (len(trunks) + 1 if trunks else 0) * self.m.track

    def trunk(self, index: int) -> int:
        """Where what goes further down is."""
        return self._content + index * self.m.track

    def place(
        self,
        y: int,
        outlets: Sequence[tuple[int, Drop]],
        right: int,
        joints: Sequence[tuple[str, int]],
    ) -> None:
        """Put it at `y`, around what hangs from it; `joints` are where something is plugged into each rail."""
        m = self.m
        self._taken = [x for x, _ in outlets] + [x for _, x in joints]
        self._joints: dict[str, list[int]] = {rail.name: [] for rail in self.sketch.rails}
        for name, x in joints:
            self._joints[name].append(x)
        outside = bool(self.sketch.uplink) or self.sketch.outside
        self._sky = y
        self.y = y + (m.head + m.row + m.foot + m.edge + m.arrow if outside else 0)
        top = self._upper(max((x for _, x in joints), default=0), right)
        self.right = max(right, self._wide, self._content + 4 * m.track) + m.pad
        y = top
        for rail in reversed(self.sketch.rails):
            self.bars[rail.name] = y + m.row // 2
            y += m.row * len(rail.rows) + m.rail
        self.bottom = y + (0 if self.sketch.rails else m.foot)
        self._ways_down()
        self._ties()

    # -- the upper part -------------------------------------------------------------------------

    def _upper(self, _joint: int, right: int) -> int:
        """Its name, its way out and its published ports; the lower end of them."""
        m = self.m
        left = self._content + m.pad
        below = self.y + m.edge + m.head
        lowest = self.y + m.head + m.title + m.row * len(self._own_rows)
        x = left
        self._ways: list[tuple[list[tuple[Rail, str]], Box]] = []
        if self.sketch.uplink:
            x, bottom = self._way_out(left, below)
            lowest = max(lowest, bottom)
        self._panels = list(panel_boxes(self.sketch, m, (x, below), max(right, m.most)))
        lowest = max([lowest, *(box.bottom + m.edge for _, box in self._panels)])
        self._wide = max([x, *(box.right for _, box in self._panels)])
        return lowest + m.head

    def _way_out(self, left: int, y: int) -> tuple[int, int]:
        """The uplink, and under it how each network leaves; where they end, right and below."""
        m = self.m
        plug_height = m.edge + m.socket_head + m.row + m.socket_foot
        at = y + plug_height + (m.track if m.slanted else 1)
        x, bottom = left, y + plug_height
        for rows in self._way_texts():
            width = max(m.width(row, "strong") for _, row in rows) + 2 * m.pad
            box = Box("way", x, at, width, m.head + m.row * len(rows) + m.foot)
            self._ways.append((rows, box))
            x, bottom = box.right + m.socket_gap, max(bottom, box.bottom)
        width = max(m.width(self.sketch.uplink, "strong") + 2 * m.pad, x - m.socket_gap - left)
        self._plug = Box("uplink", left, y, width, plug_height)
        return left + width + m.gap, bottom + m.edge

    def _way_texts(self) -> list[list[tuple[Rail, str]]]:
        """The rows of the boxes that say how networks leave: a box for each; one for all, where that is too wide."""
        m = self.m
        ways = [(rail, rail.way) for rail in self.sketch.rails if rail.way is not None]
        apart = [[(rail, row) for row in (rail.name, *way.rows)] for rail, way in ways]
        widths = [max(m.width(row, "strong") for _, row in rows) + 2 * m.pad for rows in apart]
        if sum(widths) <= m.most * 2 // 5:
            return apart
        short = [f"{rail.name}: {', '.join((way.rows[0], *way.rows[2:]))}" for rail, way in ways]
        texts = (clipped(text, m.aside) for text in short)
        return [[(rail, text) for (rail, _), text in zip(ways, texts, strict=True)]]

    # -- lines ----------------------------------------------------------------------------------

    def _free(self, least: int, most: int) -> int:
        """A place between two for a line that goes up or down, beside the others; as near to the middle as can be."""
        middle = (least + most) // 2
        room = self.m.track + self.m.track // 4
        for distance in range(max(1, most - least)):
            for x in (middle - distance, middle + distance):
                if least <= x <= most and all(abs(x - other) > room for other in self._taken):
                    self._taken.append(x)
                    return x
        return middle

    def _ways_down(self) -> None:
        """From each rail to the box that says how it leaves, and on to the uplink."""
        self._ups: list[int] = []
        for rows, box in self._ways:
            rails = list(dict.fromkeys(rail for rail, _ in rows))
            words = list(rows_in(self.m, box, [row for _, row in rows], strong=len(rails) == 1))
            for rail in rails:
                inset = self.m.track // 2
                x = self._free(box.x + inset, box.right - inset)
                self._joints[rail.name].append(x)
                at = self.bars[rail.name]
                shapes: list[Shape] = [Stroke("way", ((x, at), (x, box.bottom))), Dot(x, at)]
                if rail is rails[0]:
                    up = (box.x + box.right) // 2 if len(rails) > 1 else x
                    self._ups.append(up)
                    shapes += [Stroke("way", ((up, box.y), (up, self._plug.bottom))), box]
                shapes += [one for one, (of, _) in zip(words, rows, strict=True) if of is rail]
                ends, colour = f"{rail.name} {INTERNET}", self.colours[rail.name]
                self._boxes.append(
                    edge(
                        "way",
                        ends,
                        "- -",
                        rail.way.title if rail.way else "",
                        tuple(shapes),
                        colour,
                    )
                )

    def _ties(self) -> None:
        """Between two rails that a cable joins."""
        for one, other, title in self.sketch.ties:
            ends = [self.bars[one], self.bars[other]]
            x = self._free(self._content, self.right - self.m.pad)
            for rail in (one, other):
                self._joints[rail].append(x)
            path: tuple[Point, ...] = ((x, min(ends)), (x, max(ends)))
            shapes: tuple[Shape, ...] = (Stroke("link", path), *(Dot(x, y) for y in ends))
            self._lines.append(edge("tie", f"{one} {other}", "- -", title, shapes))

    # -- everything -----------------------------------------------------------------------------

    def bar(self, rail: str, x: int, y: int, xs: Sequence[int]) -> Drawn:
        """A rail that goes on from where it ends down to `y`, and there to the right, past some joints."""
        start = (x, self._reached.get(rail, self.bars[rail]))
        self._reached[rail] = y
        path = (start, (x, y))
        shapes: list[Shape] = [Stroke("rail", path)]
        cut = any(one.cut for one in self.sketch.rails if one.name == rail)
        shapes += self._along(x, max(xs) + self.m.track, y, sorted(xs), cut=cut)
        data = (("network", rail),)
        return Drawn("", f"{rail}, continued", tuple(shapes), data, self.colours[rail])

    def _along(
        self, start: int, end: int, y: int, xs: Sequence[int], *, cut: bool
    ) -> Iterator[Shape]:
        """A rail; cut between its joints if its members are kept apart, where a thin line goes on to the host."""
        yield Stroke("cut" if cut else "rail", ((start, y), (end, y)))
        if cut:
            ends = [start, *((a + b) // 2 for a, b in pairwise(xs)), end]
            gap = max(1, self.m.track // 3)
            for a, b in pairwise(ends):
                yield Stroke("rail", ((a + gap, y), (b - gap, y)))

    def drawn(self) -> Iterator[Drawn]:
        """Everything of it, and what is outside."""
        m = self.m
        box = Box(HOST, self.x, self.y, self.right - self.x, self.bottom - self.y)
        at = self.y + m.head
        shapes: list[Shape] = [box, Words(self.x + m.pad, at + m.base, HOST, "title")]
        for index, (row, look) in enumerate(self._own_rows):
            y = at + m.title + index * m.row + m.base
            shapes.append(Words(self.x + m.pad, y, row, look))
        yield Drawn(f"node-{HOST}", self.station.title, tuple(shapes), (("node", HOST),))
        yield from map(self._rail, self.sketch.rails)
        yield from self._lines
        yield from self._outside()
        yield from self._boxes

    def _rail(self, rail: Rail) -> Drawn:
        m, y = self.m, self.bars[rail.name]
        xs = sorted(self._joints[rail.name])
        start, end = self._content - m.pad, max([*xs, self._content + 3 * m.track]) + m.track
        shapes: list[Shape] = list(self._along(start, end, y, xs, cut=rail.cut))
        top = y - m.row // 2
        for index, row in enumerate(rail.rows):
            look: Look = "plain" if index else "strong"
            at = top + index * m.row + m.base
            shapes.append(Words(self.x + m.pad, at, clipped(row, m.aside), look))
        kind = (("network", rail.name),)
        return Drawn(
            f"network-{rail.name}", rail.title, tuple(shapes), kind, self.colours[rail.name]
        )

    def _outside(self) -> Iterator[Drawn]:
        """The internet and other machines, with arrows to and from them."""
        m = self.m
        height = m.head + m.row + m.foot
        at = self._sky + height
        self._sky_right = self._content
        if self.sketch.uplink:
            plug = self._plug
            text = PLACES[INTERNET]
            sky = Box("outside", plug.x, self._sky, m.width(text, "plain") + 2 * m.pad, height)
            self._sky_right = sky.right + m.gap
            yield Drawn(
                f"node-{INTERNET}",
                text,
                (sky, *rows_in(self.m, sky, (text,))),
                (("node", INTERNET),),
            )
            above = min(self._ups, default=0)  # over the first way out, if it is under the internet
            inside = sky.x + m.pad <= above <= sky.right - m.pad
            x = above if inside else plug.x + min(plug.width, sky.width) // 2
            arrow = Stroke("way", ((x, plug.y), (x, at)), arrow=True)
            base = plug.y + m.edge + m.socket_head + m.base
            words = Words(plug.x + m.pad, base, self.sketch.uplink, "strong")
            shapes = (arrow, plug, words)
            yield edge("uplink", f"{HOST} {INTERNET}", "- -", "the host's way out", shapes)
        if self.sketch.outside:
            yield from self._asking(height, at)
        for group, box in self._panels:
            parts = tuple(ports_drawn(m, group, box))
            yield Drawn("", "published ports", (box,), (), 0, parts)

    def _asking(self, height: int, at: int) -> Iterator[Drawn]:
        """Other machines, and an arrow to each box of ports that they reach."""
        m = self.m
        reached = [(g, box) for g, box in self._panels if any(port.outside for _, port in g)]
        left = reached[0][1].x
        text = PLACES[OUTSIDE]
        least = m.width(text, "plain") + 2 * m.pad
        left = max(self._sky_right, min(left, self.right - least))
        width = max(least, reached[-1][1].right - left)
        sky = Box("outside", left, self._sky, width, height)
        yield Drawn(
            f"node-{OUTSIDE}", text, (sky, *rows_in(self.m, sky, (text,))), (("node", OUTSIDE),)
        )
        for group, box in reached:
            nodes = dict.fromkeys(node for node, port in group if port.outside)
            x = box.x + min(box.width, sky.right - box.x) // 2
            arrow = Stroke("port", ((x, at), (x, box.y)), arrow=True)
            for node in nodes:
                title = f"other machines ask for ports of {node}"
                yield edge("port", f"{OUTSIDE} {node}", "- -", title, (arrow,))
