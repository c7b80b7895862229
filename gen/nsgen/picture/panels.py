"""Published ports at the edge of the host: a box for each namespace that has any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nsgen.picture.measure import Measures
from nsgen.picture.shapes import Box, Drawn, Look, Point, Words
from nsgen.picture.sketch import PublishedPort, Sketch
from nsgen.picture.station import clipped

SHORTEST = 16  # characters of a published port, where there is no room
Published = tuple[str, PublishedPort]  # by whom


def panel_boxes(
    sketch: Sketch, m: Measures, at: Point, most: int
) -> Iterator[tuple[list[Published], Box]]:
    """Ports by namespace, side by side; if that is too wide, in one box, and what is too long is cut."""
    x, y = at
    groups = [[(panel.node, port) for port in panel.ports] for panel in sketch.panels]
    if x + sum(_width(group, m) + m.socket_gap for group in groups) > most:
        every = [pair for group in groups for pair in group]
        groups = [sorted(every, key=lambda pair: not pair[1].outside)]
        if not m.slanted:
            room = max(SHORTEST, most - x - 3 * m.pad)
            groups = [[(n, replace(p, text=clipped(p.text, room))) for n, p in groups[0]]]
    for group in groups:
        width = _width(group, m)
        yield group, Box("ports", x, y, width, m.head + m.row * len(group) + m.foot)
        x += width + m.socket_gap


def _width(group: Sequence[Published], m: Measures) -> int:
    return max(m.width(port.text, "plain") for _, port in group) + 2 * m.pad


def ports_drawn(m: Measures, group: Sequence[Published], box: Box) -> Iterator[Drawn]:
    """The ports of a box, each an element of its own."""
    texts = [port.text for _, port in group]
    for (node, port), words in zip(group, rows_in(m, box, texts), strict=True):
        data = (("port", port.key), ("node", node))
        yield Drawn(f"port-{node}-{port.key.replace('/', '-')}", port.title, (words,), data)


def rows_in(m: Measures, box: Box, rows: Sequence[str], *, strong: bool = False) -> Iterator[Words]:
    """Rows of text in a box, the first one `strong` or not."""
    for index, row in enumerate(rows):
        look: Look = "strong" if strong and index == 0 else "plain"
        yield Words(box.x + m.pad, box.y + m.head + index * m.row + m.base, row, look)
