"""Boxes, lines and texts in their places: what a picture consists of, whatever prints it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Point = tuple[int, int]
Look = Literal["title", "strong", "plain", "faint", "open", "shut", "failed", "badge"]


@dataclass(frozen=True)
class Words:
    """A text from `x` on; `y` is its base line, or in characters its row."""

    x: int
    y: int
    text: str
    look: Look = "plain"

    def moved(self, x: int, y: int) -> Words:
        """The same, elsewhere."""
        return Words(self.x + x, self.y + y, self.text, self.look)


@dataclass(frozen=True)
class Box:
    """A rectangle; `kind` is what it looks like."""

    kind: str
    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Where it ends below."""
        return self.y + self.height


@dataclass(frozen=True)
class Stroke:
    """A line through some points; with an `arrow` at its end."""

    kind: str
    points: tuple[Point, ...]
    arrow: bool = False


@dataclass(frozen=True)
class Dot:
    """Where something is plugged in; its shape is that of its network."""

    x: int
    y: int


@dataclass(frozen=True)
class Cross:
    """What strikes out a line."""

    x: int
    y: int


Shape = Box | Stroke | Words | Dot | Cross


@dataclass(frozen=True)
class Drawn:
    """An element: its shapes, what is said when it is pointed at, and the attributes by which it is found.

    `colour` is the number of its network, from 1; 0 is none.
    """

    key: str
    title: str
    shapes: tuple[Shape, ...]
    data: tuple[tuple[str, str], ...] = ()
    colour: int = 0
    parts: tuple[Drawn, ...] = field(default=())


def edge(
    kind: str, ends: str, devices: str, title: str, shapes: tuple[Shape, ...], colour: int = 0
) -> Drawn:
    """A line between two ends, which gets its number later."""
    data = (("edge", ends), ("kind", kind), ("devices", devices))
    return Drawn("edge", title, shapes, data, colour)


@dataclass(frozen=True)
class Picture:
    """A whole picture, and its size."""

    name: str
    width: int
    height: int
    elements: tuple[Drawn, ...]
