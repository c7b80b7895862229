"""A whole picture: what is outside, the host with its rails, and under it the groups of namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from nsgen.picture.groups import blocks_of
from nsgen.picture.host import HostBox
from nsgen.picture.measure import Measures
from nsgen.picture.shapes import Box, Cross, Drawn, Picture, Shape, Stroke, Words
from nsgen.picture.shelves import Shelf, Shelves
from nsgen.picture.sketch import Sketch, State

KINDS = {
    "link": "cable (veth)",
    "tunnel": "tunnel",
    "macvlan": "macvlan or ipvlan on a device",
}


def picture(sketch: Sketch, m: Measures) -> Picture:
    """Everything in its place."""
    heading = Words(m.margin, m.margin + m.base, sketch.name, "title")
    y = m.margin + m.title + m.arrow // 3
    host = HostBox(sketch.host, sketch, m) if sketch.host else None
    room = m.most - (host.start(sketch.rails) + m.pad if host else 0)
    blocks = blocks_of(sketch, m, room)
    hanging = [block for block in blocks if block.drops]
    alone = Shelves([block for block in blocks if not block.drops], m, room if host else m.most)
    elements: list[Drawn] = [Drawn("heading", sketch.name, (heading,))]
    if host is not None:
        below = Shelf(hanging, host, m, room)
        y = below.hang(y)
        elements += [*host.drawn(), *below.bars, *below.drawn()]
    if alone.rows:
        y = alone.place(m.margin, y + (m.apart if host else 0))
        elements += alone.drawn()
    legend = _legend(sketch, m, y + m.apart)
    if legend is not None:
        elements.append(legend)
        y += m.apart + m.row
    right = max(_right(one, m) for one in elements)
    return Picture(
        sketch.name, right + m.margin, y + m.margin, tuple(_numbered(elements, sketch.states))
    )


def _legend(sketch: Sketch, m: Measures, y: int) -> Drawn | None:
    """What lines mean, where there are others than cables."""
    used = {cable.kind for cable in sketch.cables} | {drop.kind for drop in sketch.drops}
    if not used & {"tunnel", "macvlan"}:
        return None
    x = m.margin
    shapes: list[Shape] = []
    for kind, text in KINDS.items():
        if kind in used:
            line, middle = 3 * m.track, y + m.row // 2
            shapes.append(Stroke(kind, ((x, middle), (x + line, middle))))
            shapes.append(Words(x + line + m.label, y + m.base, text, "faint"))
            x += line + 3 * m.label + m.width(text, "faint")
    return Drawn("legend", "what the lines are", tuple(shapes))


def _numbered(elements: Iterable[Drawn], states: Mapping[frozenset[str], State]) -> Iterator[Drawn]:
    """Give each edge its id, and what is known of it; one on which something failed is struck out."""
    number = 0
    for one in elements:
        ends = next((value for name, value in one.data if name == "edge"), "")
        if not ends:
            yield one
            continue
        number += 1
        data, shapes = one.data, one.shapes
        state = states.get(frozenset(ends.split()))
        if state is not None:
            data = (*data, ("state", state))
        if state == "failed":
            shapes = (*shapes, _cross(shapes))
        yield replace(one, key=f"edge-{number}", shapes=shapes, data=data)


def _cross(shapes: Iterable[Shape]) -> Cross:
    """In the middle of the longest part of a line."""
    strokes = (shape for shape in shapes if isinstance(shape, Stroke))
    pieces = [piece for stroke in strokes for piece in pairwise(stroke.points)]
    (x1, y1), (x2, y2) = max(pieces, key=lambda p: abs(p[0][0] - p[1][0]) + abs(p[0][1] - p[1][1]))
    return Cross((x1 + x2) // 2, (y1 + y2) // 2)


def _right(one: Drawn, m: Measures) -> int:
    """How far an element goes to the right."""
    found = [0]
    for shape in one.shapes:
        if isinstance(shape, Box):
            found.append(shape.right)
        elif isinstance(shape, Stroke):
            found.append(max(x for x, _ in shape.points))
        elif isinstance(shape, Words):
            found.append(shape.x + m.width(shape.text, shape.look))
    return max((*found, *(_right(part, m) for part in one.parts)))
