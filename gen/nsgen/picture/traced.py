"""One packet's way on a picture: the nodes that it passed, numbered, the lines between, and what each did to it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from nsgen.picture.measure import Measures
from nsgen.picture.shapes import Box, Drawn, Picture, Shape, Words
from nsgen.proof.story import Leg
from nsgen.values import HOST, INTERNET, OUTSIDE

WRAPPED = textwrap.TextWrapper(92, break_on_hyphens=False)  # characters of a row


def traced(picture: Picture, legs: Sequence[Leg], question: str, m: Measures) -> Picture:
    """A picture with the way of a packet, and under it what became of it, node by node."""
    numbers: dict[str, list[str]] = {}
    for number, leg in enumerate(legs, 1):
        numbers.setdefault(leg.node, []).append(str(number))
    lit = set(_lit(picture.elements, legs))
    marked = (
        replace(one, data=(*one.data, ("state", "lit"))) if one.key in lit else one
        for one in picture.elements
    )
    badges = tuple(_badges(picture.elements, numbers, m))
    told = Drawn("way", question, tuple(_told(legs, question, picture.height, m)))
    rows = [shape for shape in told.shapes if isinstance(shape, Words)]
    width = max(shape.x + m.width(shape.text, shape.look) for shape in rows)
    bottom = rows[-1].y + m.row
    size = (max(picture.width, width + m.margin), bottom + m.margin // 2)
    return Picture(picture.name, *size, (*marked, *badges, told))


def _lit(elements: Sequence[Drawn], legs: Sequence[Leg]) -> Iterator[str]:
    """The keys of the lines that the packet took."""
    lines = _Lines(elements)
    passed = [key for leg in legs for key in lines.of_devices(leg)]
    yield from passed
    for before, after in pairwise(legs):
        beyond = {before.node, after.node} - {HOST}
        if before.direction != after.direction or len(beyond) > 1:
            continue
        if OUTSIDE in beyond:
            yield from lines.between(f"{OUTSIDE} {leg.node}" for leg in legs)
        elif beyond - lines.drawn or INTERNET in beyond:  # by its uplink
            networks = dict.fromkeys(lines.networks[key] for key in passed if key in lines.networks)
            yield from lines.between([f"{HOST} {INTERNET}", *(f"{n} {INTERNET}" for n in networks)])


class _Lines:
    """The lines of a picture by their ends and by their devices."""

    def __init__(self, elements: Sequence[Drawn]) -> None:
        known = {dict(one.data).get("network") for one in elements}
        self.drawn = {dict(one.data).get("node", "") for one in elements}
        self.networks: dict[str, str] = {}  # by line, the network that it is plugged into
        self._by_device: dict[tuple[str, str], str] = {}
        self._by_ends: dict[str, str] = {}
        for one in elements:
            data = dict(one.data)
            if "edge" not in data:
                continue
            (first, second), (near, far) = data["edge"].split(), data["devices"].split()
            self._by_ends[data["edge"]] = one.key
            self._by_device[first, near] = one.key
            self._by_device[HOST if second in known else second, far] = one.key
            if second in known:
                self.networks[one.key] = second

    def of_devices(self, leg: Leg) -> Iterator[str]:
        """The lines at the devices by which a packet came and went."""
        for device in (*leg.ins, *leg.outs):
            if (leg.node, device) in self._by_device:
                yield self._by_device[leg.node, device]

    def between(self, ends: Iterable[str]) -> Iterator[str]:
        """The lines with these ends, of those that there are."""
        yield from (self._by_ends[one] for one in ends if one in self._by_ends)


def _badges(
    elements: Sequence[Drawn], numbers: Mapping[str, Sequence[str]], m: Measures
) -> Iterator[Drawn]:
    """The numbers of a node, at the right upper corner of its box."""
    for one in elements:
        own = numbers.get(dict(one.data).get("node", ""), ())
        box = next((shape for shape in one.shapes if isinstance(shape, Box)), None)
        if not own or box is None:
            continue
        text = ", ".join(own)
        width = m.width(text, "badge") + m.pad
        x, y = box.right - width + m.pad, box.y - m.row + m.row // 4
        badge = Box("badge", x, y, width, m.row)
        words = Words(x + m.pad // 2, y + m.base, text, "badge")
        yield Drawn("", f"{' and '.join(own)} on the way", (badge, words))


def _told(legs: Sequence[Leg], question: str, y: int, m: Measures) -> Iterator[Shape]:
    """What became of the packet, a row for each node and more where there is more to tell."""
    y += m.base
    yield Words(m.margin, y, question, "strong")
    direction = ""
    indent = m.margin + m.width("00  ", "strong")
    for number, leg in enumerate(legs, 1):
        if leg.direction != direction:
            y += m.row + m.row // 2
            direction = leg.direction
            yield Words(m.margin, y, direction, "faint")
        way = [f"in by {' and '.join(leg.ins)}"] if leg.ins else []
        way += [f"out by {' and '.join(leg.outs)}"] if leg.outs else []
        text = "; ".join([f"{leg.node} {', '.join(way)}".strip(), *leg.did]).replace("->", "→")
        for index, row in enumerate(WRAPPED.wrap(text)):
            y += m.row
            if index == 0:
                yield Words(m.margin, y, str(number), "strong")
            yield Words(indent, y, row)
