"""The box of one namespace: its sockets on four sides, its name, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from nsgen.picture.measure import Measures
from nsgen.picture.shapes import Box, Drawn, Look, Point, Shape, Stroke, Words
from nsgen.picture.sketch import Socket, Station

Edge = Literal["top", "bottom", "left", "right"]
LISTED = 2  # tracks between lines whose sockets are listed


@dataclass
class Plug:
    """A socket on one side of a box, from which lines go.

    `label` is what is said of the other end, beside a line that goes up to the host; `height` is that of the socket at
    the other end, too, where the two are side by side.
    """

    socket: Socket
    edge: Edge
    label: tuple[str, ...] = ()
    order: float = 0.0
    height: int = 0
    x: int = 0  # from the left border of its box
    moved: int = 0  # by how much its line is beside the middle, to be straight


@dataclass
class StationBox:
    """A box that is not yet in its place."""

    station: Station
    m: Measures
    plugs: list[Plug] = field(default_factory=list)
    x: int = 0
    y: int = 0
    top: int = 0  # the height of the sockets at the upper edge
    lowered: int = (
        0  # how much lower it stands than the row, to be level with boxes that have more there
    )
    width: int = 0
    crowded: set[Edge] = field(default_factory=set)
    _beside: int = 0
    _plugged: dict[tuple[str, Edge], Plug] = field(default_factory=dict)

    def plug(self, socket: Socket, edge: Edge) -> Plug:
        """The socket of a device on one side, which several lines may share."""
        key = socket.device, edge
        if key not in self._plugged:
            self._plugged[key] = Plug(socket, edge)
            self.plugs.append(self._plugged[key])
        return self._plugged[key]

    def on(self, edge: Edge) -> list[Plug]:
        """The plugs of one side, in order; those on the left and the right stay in the order of the topology."""
        found = [plug for plug in self.plugs if plug.edge == edge]
        return sorted(found, key=lambda plug: plug.order) if edge in ("top", "bottom") else found

    # -- sizes ----------------------------------------------------------------------------------

    def measure(self) -> None:
        """Find out how wide it is, and where on its edges the sockets are."""
        for plug in self.plugs:
            plug.height = max(plug.height, self._socket_height(plug))
        for edge in ("top", "bottom"):
            if self._along(edge) > self.m.crowd:
                self.crowded.add(edge)
        m = self.m
        sides = [
            max((self._socket_width(p) for p in self.on(e)), default=0) for e in ("left", "right")
        ]
        across = sum(sides) + m.socket_gap * 2 + 2 * m.edge
        texts = [m.width(self._name, "title"), *(m.width(*row) for row in self.rows)]
        along = max(self._along("top"), self._along("bottom"))
        inside = max(*texts, along)
        self.width = max(inside + 2 * m.pad, across if any(sides) else 0)
        self._beside = self._beside_sockets(*sides)
        self._spread("top")
        self._spread("bottom")
        self.top = max((m.edge + plug.height for plug in self._shown("top")), default=0)

    def _beside_sockets(self, left: int, right: int) -> int:
        """Where the rows begin if there is room for them beside the sockets of one side; else 0."""
        m = self.m
        widest = max((m.width(*row) for row in self.rows), default=0)
        if (left and right) or widest > self.width - m.pad - m.edge - left - right - m.socket_gap:
            return 0
        return m.edge + left + m.socket_gap if left else m.pad

    def _spread(self, edge: Edge) -> None:
        """Sockets from the left, if something is said beside their lines, else in the middle."""
        plugs, m = self.on(edge), self.m
        free = self.width - 2 * m.pad - self._along(edge)
        at = m.pad + (0 if any(plug.label for plug in plugs) else free // 2)
        for plug in plugs:
            plug.x = at
            at += self._socket_width(plug) + m.socket_gap
            if edge in self.crowded:
                at = plug.x + LISTED * m.track

    def _along(self, edge: Edge) -> int:
        plugs, m = self.on(edge), self.m
        if edge in self.crowded:
            return (len(plugs) - 1) * LISTED * m.track
        return sum(map(self._socket_width, plugs)) + m.socket_gap * max(0, len(plugs) - 1)

    def _socket_width(self, plug: Plug) -> int:
        m = self.m
        own = 2 * m.socket_pad + max(m.width(*row) for row in self._socket_rows(plug))
        said = max((m.width(row, "faint") for row in plug.label), default=0)
        return max(own, m.pin + m.label + said if plug.label else 0)

    def _socket_rows(self, plug: Plug) -> list[tuple[str, Look]]:
        rows = [clipped(row, self.m.clip) for row in plug.socket.rows]
        return [(row, "plain" if index else "strong") for index, row in enumerate(rows)]

    def _socket_height(self, plug: Plug) -> int:
        m = self.m
        return m.socket_head + m.row * len(plug.socket.rows) + m.socket_foot

    def _shown(self, edge: Edge) -> list[Plug]:
        return [] if edge in self.crowded else self.on(edge)

    @property
    def _name(self) -> str:
        count = f" ×{self.station.count}" if self.station.count > 1 else ""
        return shortened(self.station.name, 30) + count

    @property
    def rows(self) -> list[tuple[str, Look]]:
        """What stands in it."""
        listed = ("  ".join(p.socket.rows) for p in self.plugs if p.edge in self.crowded)
        plain: list[tuple[str, Look]] = [(row, "plain") for row in (*listed, *self.station.rows)]
        return [(clipped(row, self.m.clip), look) for row, look in (*plain, *self.station.notes)]

    @property
    def _sides(self) -> int:
        m = self.m
        heights = [sum(p.height + m.socket_gap // 2 for p in self.on(e)) for e in ("left", "right")]
        return max(heights)

    @property
    def _middle(self) -> int:
        """How high the sockets on the left and the right and the rows are together."""
        rows = self.m.row * len(self.rows)
        return max(self._sides, rows) if self._beside else self._sides + rows

    @property
    def below(self) -> int:
        """From its upper border to its name."""
        m = self.m
        return self.top + (m.rule or m.head // 2) if self.top else m.head

    @property
    def side(self) -> int:
        """From its upper border to the sockets on its left and right."""
        return self.below + self.m.title

    @property
    def height(self) -> int:
        """How high it is."""
        heights = [plug.height for plug in self._shown("bottom")]
        bottom = max(heights) + self.m.rule if heights else 0
        return self.side + self._middle + self.m.foot + bottom

    @property
    def right(self) -> int:
        """Where its right border is."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Where its lower border is."""
        return self.y + self.height

    # -- places ---------------------------------------------------------------------------------

    def pin(self, plug: Plug) -> int:
        """How far from its left border a line leaves it."""
        if plug.edge in self.crowded or plug.label:
            return plug.x + self.m.pin * (plug.edge not in self.crowded)
        return plug.x + self._socket_width(plug) // 2 + plug.moved

    def room(self, plug: Plug) -> int:
        """How far a line may be beside the middle of its socket."""
        listed = plug.edge in self.crowded or bool(plug.label)
        return 0 if listed else self._socket_width(plug) // 2 - self.m.socket_pad

    def end(self, plug: Plug) -> Point:
        """Where a line ends at it."""
        if plug.edge == "top":
            return self.x + self.pin(plug), self.y
        if plug.edge == "bottom":
            return self.x + self.pin(plug), self.bottom
        x = self.x if plug.edge == "left" else self.right
        return x, self._at_side(plug) + plug.height // 2

    def _at_side(self, plug: Plug) -> int:
        plugs = self.on(plug.edge)
        before = plugs[: plugs.index(plug)]
        step = self.m.socket_gap // 2
        return self.y + self.side + sum(other.height + step for other in before)

    def drawn(self, x: int, y: int) -> Drawn:
        """Everything of it, with its group at (x, y)."""
        self.x, self.y = self.x + x, self.y + y
        m, name = self.m, self.station.name
        shapes: list[Shape] = [Box("node", self.x, self.y, self.width, self.height)]
        if self.station.count > 1:
            shapes.insert(0, Box("more", self.x + 6, self.y + 6, self.width, self.height))
        left, at = self.x + m.pad, self.y + self.below
        shapes.append(Words(left, at + m.base, self._name, "title"))
        at += m.title
        first = at if self._beside else at + self._sides
        for index, (row, look) in enumerate(self.rows):
            x = self.x + (self._beside or m.pad)
            shapes.append(Words(x, first + index * m.row + m.base, row, look))
        for edge in ("top", "bottom", "left", "right"):
            for plug in self._shown(edge):
                shapes += self._socket(plug)
        if m.rule:
            shapes += self._rules(at + self._middle)
        title = self.station.title
        return Drawn(f"node-{name}", title, tuple(shapes), (("node", name),))

    def _rules(self, at: int) -> Iterator[Shape]:
        """Lines between sockets and the rest; `at` is where the rest ends."""
        for edge, y in (("top", self.y + self.top), ("bottom", at)):
            if any(plug.edge == edge for plug in self.plugs) and edge not in self.crowded:
                yield Stroke("rule", ((self.x, y), (self.right, y)))

    def _socket(self, plug: Plug) -> Iterator[Shape]:
        m, width = self.m, self._socket_width(plug)
        if plug.edge in ("top", "bottom"):
            x = self.x + plug.x
            y = self.y + m.edge if plug.edge == "top" else self.bottom - plug.height
        else:
            x = self.x + m.edge if plug.edge == "left" else self.right - width - m.edge
            y = self._at_side(plug)
        yield Box("socket", x, y, width, plug.height)
        for index, (row, look) in enumerate(self._socket_rows(plug)):
            yield Words(x + m.socket_pad, y + m.socket_head + index * m.row + m.base, row, look)


def clipped(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shortened(name: str, most: int) -> str:
    """A name of at most so many characters: its middle is left out, since names of one stem differ at their ends."""
    half = most // 2
    return name if len(name) <= most else f"{name[: most - half - 1]}…{name[-half:]}"


def even(boxes: Iterable[StationBox]) -> None:
    """Have the names of boxes that stand in one row on one line, and so what is side by side."""
    own = list(boxes)
    most = max(box.below for box in own)
    for box in own:
        box.lowered = most - box.below
