"""What of a picture a way is: the ids of its nodes, networks, lines and ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree as ET

from nsgen.page.way import PicturePart
from nsgen.values import expand


class Lit:
    """The parts of a picture, and the id of each in it; :mod:`nsgen.picture` says how they are told apart."""

    def __init__(self, svg: str, namespaces: Sequence[str]) -> None:
        """Read what is drawn, of namespaces in the order of the topology."""
        self._ids: dict[PicturePart, list[str]] = {}
        root = ET.fromstring(svg)  # noqa: S314 - what nsgen itself has printed
        self.width = int(root.get("width", "0"))
        for element in root.iter():
            found, id_ = dict(element.items()), element.get("id", "")
            for part in _parts(found) if id_ else ():
                self._ids.setdefault(part, []).append(id_)
        drawn = {part.one for part in self._ids if part.kind == "node"}
        self._drawn: dict[str, str] = {}  # of a node that is drawn once with others, as what
        for name, boxes in _gathered(drawn, namespaces).items():
            if name not in drawn and len(boxes) == 1:  # else it is not told in which it is
                self._drawn[name] = boxes[0]

    def ids(self, parts: Iterable[PicturePart]) -> list[str]:
        """The ids of some parts; what is not drawn has none."""
        found: dict[str, None] = {}
        for part in parts:
            one, other = (self._drawn.get(name, name) for name in part[1:])
            for way in (PicturePart(part.kind, one, other), PicturePart(part.kind, other, one)):
                found |= dict.fromkeys(self._ids.get(way, ()))
        return list(found)


def _parts(found: dict[str, str]) -> Iterator[PicturePart]:
    if "data-edge" in found:
        one, _, other = found["data-edge"].partition(" ")
        yield PicturePart("edge", one, other)
    elif "data-port" in found:
        yield PicturePart("port", found.get("data-node", ""), found["data-port"])
    elif "data-network" in found:
        yield PicturePart("network", found["data-network"])
    elif "data-node" in found:
        yield PicturePart("node", found["data-node"])


def _gathered(drawn: Iterable[str], namespaces: Sequence[str]) -> dict[str, list[str]]:
    """By namespace, the boxes of several that it may be in: ``r[1-99]``, or ``first..last``."""
    place = {name: index for index, name in enumerate(namespaces)}
    found: dict[str, list[str]] = {}
    for box in drawn:
        first, dots, last = box.partition("..")
        names = expand(box) if "[" in box else []
        if dots and first in place and last in place:
            names = list(namespaces[place[first] : place[last] + 1])
        for name in names:
            found.setdefault(name, []).append(box)
    return found
