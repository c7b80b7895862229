"""A picture in the characters of a terminal: the same layout, drawn with box-drawing characters (Unicode, U+2500)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nsgen.picture.layout import picture
from nsgen.picture.measure import characters
from nsgen.picture.shapes import Box, Cross, Drawn, Picture, Shape, Stroke, Words
from nsgen.picture.sketch import Sketch

NARROWEST = 40
LIGHT, HEAVY = 1, 2
# By how strong the lines up, right, down and left are, three digits each: none, light, heavy.
CROSSINGS = " ╴╸╷┐┑╻┒┓╶─╾┌┬┭┎┰┱╺╼━┍┮┯┏┲┳╵┘┙│┤┥╽┧┪└┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋"
UP, RIGHT, DOWN, LEFT = 27, 9, 3, 1
DASHED = {"tunnel": "╎╌", "macvlan": "┊┈"}  # upright and level, where nothing crosses


def text(sketch: Sketch, columns: int) -> str:
    """A picture in so many columns; many lines around the rows, and a box that is wider by itself, take more."""
    return "".join(
        f"{line}\n" for line in min(_tried(sketch, columns), key=lambda t: _wide(t, columns))
    )


def _tried(sketch: Sketch, columns: int) -> Iterator[list[str]]:
    """The drawing, and where it is too wide others for which there is less room: what cannot be broken counts less."""
    for less in (0, 4, 12, 24):
        drawn = picture(sketch, characters(max(columns - less, NARROWEST)))
        lines = list(_Canvas(drawn).lines())
        yield lines
        if _wide(lines, columns) == 0:
            return


def _wide(lines: list[str], columns: int) -> int:
    """By how much a drawing is too wide."""
    return max(0, *(len(line) - columns for line in lines))


class _Canvas:
    def __init__(self, drawn: Picture) -> None:
        self.width, self.height = drawn.width + 1, drawn.height + 1
        self._strength = [[[0, 0, 0, 0] for _ in range(self.width)] for _ in range(self.height)]
        self._said: dict[tuple[int, int], str] = {}
        self._dashes: dict[tuple[int, int], str] = {}
        for shape in _shapes(drawn.elements):
            self._draw(shape)

    def lines(self) -> Iterator[str]:
        """The rows, without blanks at their ends; none that is empty at the end."""
        rows = [
            "".join(self._cell(x, y) for x in range(self.width)).rstrip()
            for y in range(self.height)
        ]
        while rows and not rows[-1]:
            rows.pop()
        yield from rows

    def _cell(self, x: int, y: int) -> str:
        up, right, down, left = self._strength[y][x]
        crossing = CROSSINGS[up * UP + right * RIGHT + down * DOWN + left * LEFT]
        dashed = self._dashes.get((x, y), "") if crossing in "│─" else ""
        return self._said.get((x, y)) or dashed or crossing

    def _draw(self, shape: Shape) -> None:
        if isinstance(shape, Words):
            for index, character in enumerate(shape.text):
                self._said[shape.x + index, shape.y] = character
        elif isinstance(shape, Box) and shape.kind not in ("socket", "more"):
            right, bottom = shape.right, shape.bottom
            corners = ((shape.x, shape.y), (right, shape.y), (right, bottom), (shape.x, bottom))
            for start, end in pairwise((*corners, corners[0])):
                self._line(start, end, LIGHT)
        elif isinstance(shape, Cross):
            self._said[shape.x, shape.y] = "✗"
        elif isinstance(shape, Stroke):
            strength = HEAVY if shape.kind == "rail" else LIGHT
            for start, end in pairwise(shape.points):
                self._line(start, end, strength, DASHED.get(shape.kind, ""))
            if shape.arrow:
                (_, before), (x, y) = shape.points[-2:]
                self._said[(x, y - 1) if before < y else (x, y + 1)] = "▼" if before < y else "▲"

    def _line(
        self, start: tuple[int, int], end: tuple[int, int], strength: int, dashes: str = ""
    ) -> None:
        (x1, y1), (x2, y2) = sorted((start, end))
        upright = x1 == x2
        ahead, behind = (2, 0) if upright else (1, 3)
        cells = (
            [(x1, y) for y in range(y1, y2 + 1)]
            if upright
            else [(x, y1) for x in range(x1, x2 + 1)]
        )
        for (ax, ay), (bx, by) in pairwise(cells):
            self._strength[ay][ax][ahead] = max(strength, self._strength[ay][ax][ahead])
            self._strength[by][bx][behind] = max(strength, self._strength[by][bx][behind])
        for cell in cells if dashes else ():
            self._dashes[cell] = dashes[0] if upright else dashes[1]


def _shapes(elements: tuple[Drawn, ...]) -> Iterator[Shape]:
    for element in elements:
        yield from element.shapes
        yield from _shapes(element.parts)
