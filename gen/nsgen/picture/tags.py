"""The elements of SVG that a picture consists of: tags with attributes, for the template that prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nsgen.picture.host import COLOURS
from nsgen.picture.shapes import Box, Cross, Dot, Drawn, Picture, Point, Shape, Stroke, Words
from nsgen.values import assert_never

Attributes = tuple[tuple[str, str], ...]
ROUND = {"node": 5, "host": 7, "socket": 2, "outside": 14, "badge": 8}
ARROW = 5  # half the width of the head of an arrow, in pixels
RADIUS = 5
# The colours of networks, as in the template: for programs that know no variables in CSS.
LIGHT = ("#0072b2", "#c04f00", "#00805d", "#a8508a", "#8a6100", "#2b6f96")


@dataclass(frozen=True)
class Tag:
    """An element without others in it."""

    tag: str
    attributes: Attributes
    text: str = ""


@dataclass(frozen=True)
class TagGroup:
    """Elements with a title."""

    attributes: Attributes
    title: str
    shapes: tuple[Tag, ...]
    parts: tuple[TagGroup, ...]


def values(picture: Picture) -> dict[str, object]:
    """What the template is given."""
    return {
        "name": picture.name,
        "width": picture.width,
        "height": picture.height,
        "colours": range(1, COLOURS + 1),
        "elements": [_group(element) for element in picture.elements],
    }


def _group(element: Drawn) -> TagGroup:
    key = re.sub(r"[^A-Za-z0-9_.-]", "-", element.key)
    attributes = [("id", key)] if key else []
    classes = [f"n{element.colour}"] if element.colour else []
    classes += [value for name, value in element.data if name == "state"]
    attributes += [("class", " ".join(classes))] if classes else []
    attributes += [("stroke", LIGHT[element.colour - 1])] if element.colour else []
    attributes += [(f"data-{name}", value) for name, value in element.data]
    shapes = tuple(tag for shape in element.shapes for tag in _tags(shape, element.colour))
    return TagGroup(tuple(attributes), element.title, shapes, tuple(map(_group, element.parts)))


def _tags(shape: Shape, colour: int) -> list[Tag]:
    if isinstance(shape, Box):
        place = (("x", shape.x), ("y", shape.y), ("width", shape.width), ("height", shape.height))
        corner = ROUND.get(shape.kind, 3)
        return [_tag("rect", shape.kind, *place, ("rx", corner))]
    if isinstance(shape, Words):
        look = "" if shape.look == "plain" else shape.look
        tag = _tag("text", look, ("x", shape.x), ("y", shape.y))
        return [Tag(tag.tag, tag.attributes, shape.text)]
    if isinstance(shape, Stroke):
        lines = [_tag("path", shape.kind, ("d", _path(shape.points)))]
        return [*lines, _head(*shape.points[-2:])] if shape.arrow else lines
    if isinstance(shape, Dot):
        return [_tag("path", "dot", ("d", _dot(shape, colour)))]
    if isinstance(shape, Cross):
        x, y, r = shape.x, shape.y, RADIUS + 2
        ends = f"M{x - r} {y - r}L{x + r} {y + r}M{x + r} {y - r}L{x - r} {y + r}"
        return [_tag("path", "cross", ("d", ends))]
    return assert_never(shape)


def _tag(tag: str, kind: str, *attributes: tuple[str, object]) -> Tag:
    classes = (("class", kind),) if kind else ()
    return Tag(tag, (*classes, *((name, str(value)) for name, value in attributes)))


def _path(points: tuple[Point, ...]) -> str:
    (x, y), *others = points
    return f"M{x} {y}" + "".join(f"L{px} {py}" for px, py in others)


def _head(before: Point, end: Point) -> Tag:
    """The head of an arrow that goes straight up or down."""
    x, y = end
    back = y - 2 * ARROW if end[1] > before[1] else y + 2 * ARROW
    return _tag("path", "arrow", ("d", f"M{x} {y}L{x - ARROW} {back}L{x + ARROW} {back}Z"))


def _dot(dot: Dot, colour: int) -> str:
    """A shape of its own for each network: a square, a circle, a diamond and a triangle, for what has none a square."""
    x, y, r = dot.x, dot.y, RADIUS
    shapes = (
        f"M{x - 4} {y - 4}h8v8h-8Z",
        f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z",
        f"M{x} {y - r - 1}L{x + r + 1} {y}L{x} {y + r + 1}L{x - r - 1} {y}Z",
        f"M{x} {y - r - 1}L{x + r} {y + r - 1}L{x - r} {y + r - 1}Z",
    )
    return shapes[(colour - 1) % 3 + 1] if colour else shapes[0]
