"""What is to be seen on an SVG picture, told from the file alone: boxes, texts by their fonts' widths, and lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

from nsgen.picture.measure import text_width

SVG = "{http://www.w3.org/2000/svg}"
# How far letters go above and below their line, of the size: those of DejaVu Sans.
UP, DOWN = 0.76, 0.24
WIDE = {"rail": 7}
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A rectangle: of a box, or of a text."""

    kind: str
    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def holds(self, other: Area, by: float = 0) -> bool:
        """Whether another one is within it, at least `by` from its border."""
        return (
            self.left + by <= other.left
            and other.right <= self.right - by
            and self.top + by <= other.top
            and other.bottom <= self.bottom - by
        )

    def meets(self, other: Area, by: float = 0) -> bool:
        """Whether the two have more in common than a margin."""
        return (
            self.left + by < other.right
            and other.left + by < self.right
            and self.top + by < other.bottom
            and other.top + by < self.bottom
        )

    def inside(self, point: Point, by: float = 1) -> bool:
        """Whether a point is within it, and not at its border."""
        x, y = point
        return self.left + by < x < self.right - by and self.top + by < y < self.bottom - by

    def near(self, point: Point, by: float = 2) -> bool:
        """Whether a point is within it, or at its border."""
        return self.inside(point, -by)

    def is_crossed(self, start: Point, end: Point, by: float = 1) -> bool:
        """Whether a straight line goes through what is within it (Liang and Barsky)."""
        (x1, y1), (x2, y2) = start, end
        if (x1 <= self.left + by and x2 <= self.left + by) or (
            x1 >= self.right - by and x2 >= self.right - by
        ):
            return False  # as most are: they are not looked at any further
        if (y1 <= self.top + by and y2 <= self.top + by) or (
            y1 >= self.bottom - by and y2 >= self.bottom - by
        ):
            return False
        first, last = 0.0, 1.0
        within = (self.left + by, self.right - by), (self.top + by, self.bottom - by)
        for axis, (least, most) in enumerate(within):
            step = end[axis] - start[axis]
            if step == 0:
                if not least < start[axis] < most:
                    return False
                continue
            times = sorted(((least - start[axis]) / step, (most - start[axis]) / step))
            first, last = max(first, times[0]), min(last, times[1])
        return first < last


@dataclass(frozen=True)
class Path:
    """A line, and which element it is of."""

    kind: str
    points: tuple[Point, ...]
    edge: str

    @property
    def pieces(self) -> list[tuple[Point, Point]]:
        """The straight parts of it."""
        return list(pairwise(self.points))


@dataclass
class Seen:
    """All that is on a picture."""

    frame: Area
    boxes: list[Area]
    texts: list[Area]
    paths: list[Path]
    root: ET.Element

    def named(self, attribute: str) -> list[str]:
        """The values of an attribute, in order."""
        return [value for one in self.root.iter() if (value := one.get(attribute)) is not None]


def seen(svg: str) -> Seen:
    """Read a picture."""
    root = ET.fromstring(svg)  # noqa: S314 (it is our own)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    found = Seen(Area("frame", 0, 0, width, height), [], [], [], root)
    for group in root.iter(f"{SVG}g"):
        edge = group.get("data-edge", "")
        for one in group:
            kind = one.get("class", "")
            if one.tag == f"{SVG}rect":
                found.boxes.append(_box(kind, one))
            elif one.tag == f"{SVG}text":
                found.texts.append(_text(kind, one))
            elif one.tag == f"{SVG}path" and kind not in ("dot", "arrow"):
                numbers = list(map(float, re.findall(r"-?[0-9.]+", one.attrib["d"])))
                points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
                found.paths.append(Path(kind, points, edge))
    return found


def _box(kind: str, one: ET.Element) -> Area:
    x, y, width, height = (float(one.attrib[name]) for name in ("x", "y", "width", "height"))
    return Area(kind, x, y, x + width, y + height)


def _text(kind: str, one: ET.Element) -> Area:
    size = {"title": 15, "strong": 13}.get(kind, 12)
    x, y, text = float(one.attrib["x"]), float(one.attrib["y"]), one.text or ""
    width = text_width(text, kind or "plain")
    return Area(kind, x, y - UP * size, x + width, y + DOWN * size, text)


# -- what is wrong with it ------------------------------------------------------------------------


def faults(picture: Seen) -> list[str]:
    """All that nobody should see."""
    return [
        *_outside_the_frame(picture),
        *_boxes_over_boxes(picture),
        *_texts(picture),
        *_lines_over_texts(picture),
        *_lines_through_boxes(picture),
        *_lines_over_lines(picture),
    ]


def _outside_the_frame(picture: Seen) -> Iterator[str]:
    for area in (*picture.boxes, *picture.texts):
        if not picture.frame.holds(area):
            yield f"outside the frame: {area}"
    for path in picture.paths:
        if not all(picture.frame.near(point, 0) for point in path.points):
            yield f"outside the frame: {path}"


def _boxes_over_boxes(picture: Seen) -> Iterator[str]:
    for one, other in combinations(picture.boxes, 2):
        behind = "more" in (one.kind, other.kind)  # of a box that stands for several
        if one.meets(other) and not (one.holds(other) or other.holds(one) or behind):
            yield f"a box over a box: {one}, {other}"


def _texts(picture: Seen) -> Iterator[str]:
    for one, other in combinations(picture.texts, 2):
        if one.meets(other):
            yield f"a text over a text: {one}, {other}"
    for text in picture.texts:
        around = [box for box in picture.boxes if box.kind != "more" and box.meets(text)]
        for box in around:
            if not box.holds(text, by=1 if box.kind != "socket" else 0):
                yield f"a text over the border of a box: {text}, {box}"


def _lines_over_texts(picture: Seen) -> Iterator[str]:
    for path in picture.paths:
        half = WIDE.get(path.kind, 2) / 2
        for start, end in path.pieces:
            for text in picture.texts:
                if text.is_crossed(start, end, -half):
                    yield f"a line over a text: {path}, {text}"


def _lines_through_boxes(picture: Seen) -> Iterator[str]:
    for path in picture.paths:
        ends = (path.points[0], path.points[-1])
        for box in picture.boxes:
            if not any(box.is_crossed(start, end) for start, end in path.pieces):
                continue
            if not any(box.inside(end) for end in ends):
                yield f"a line through a box: {path}, {box}"


def _lines_over_lines(picture: Seen) -> Iterator[str]:
    """Lines of two edges on each other, so that nobody can tell which is which."""
    upright: dict[float, list[tuple[float, float, Path]]] = {}
    level: dict[float, list[tuple[float, float, Path]]] = {}
    for path in picture.paths:
        for (x1, y1), (x2, y2) in path.pieces:
            if x1 == x2 and y1 != y2:
                upright.setdefault(x1, []).append((min(y1, y2), max(y1, y2), path))
            elif y1 == y2 and x1 != x2:
                level.setdefault(y1, []).append((min(x1, x2), max(x1, x2), path))
    for lines in (*upright.values(), *level.values()):
        for (a, b, one), (c, d, other) in combinations(lines, 2):
            if (
                one.edge != other.edge
                and min(b, d) - max(a, c) > 2
                and not _begin_alike(one, other)
            ):
                yield f"a line on a line: {one}, {other}"


def _begin_alike(one: Path, other: Path) -> bool:
    """Whether two lines have an end in common: those of one device."""
    return bool({one.points[0], one.points[-1]} & {other.points[0], other.points[-1]})
