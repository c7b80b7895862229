"""Namespaces of one range, drawn once with their count, where there are too many for a picture."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from nsgen.picture.said import few
from nsgen.picture.sketch import Cable, Drop, PortPanel, PublishedPort, Sketch, Socket, Station
from nsgen.words import count

MOST = 60  # boxes of a picture in which everything is drawn
UNLIKE, CABLES = (
    200,
    1000,
)  # boxes and cables that are drawn all the same, where names do not say that they are alike
FEWEST = 3  # namespaces that are drawn as one
NUMBERED = re.compile(r"(.*?)([0-9]+)")


def gathered(sketch: Sketch) -> Sketch:
    """A sketch as it is, or with each range as one box if it has more boxes than a picture has room for.

    Where that is not enough, all that are alike are one box, whatever they are called.
    """
    if len(sketch.stations) <= MOST:
        return sketch
    found = _gathered(sketch, ranges=True)
    if len(found.stations) > UNLIKE or len(found.cables) > CABLES:
        found = _gathered(sketch, ranges=False)
    return found


def _gathered(sketch: Sketch, *, ranges: bool) -> Sketch:
    hung: dict[str, list[str]] = {}
    for drop in sketch.drops:
        hung.setdefault(drop.socket.node, []).append(drop.rail)
    asked = {panel.node for panel in sketch.panels}
    stands: dict[str, str] = {}  # by namespace, what it is drawn as
    stations: list[Station] = []
    for run in _runs(sketch.stations, hung, asked, ranges=ranges):
        if len(run) < FEWEST:
            stations += run
            continue
        name = _range(run)
        stands |= dict.fromkeys((station.name for station in run), name)
        inside = {station.name for station in run}
        cables = sum({c.near.node, c.far.node} <= inside for c in sketch.cables)
        others = [set(station.rows) for station in run]
        rows = tuple(row for row in run[0].rows if all(row in own for own in others))
        among = (f"{count(cables, 'cable')} among them",) if cables else ()
        title = f"{len(run)} namespaces, {run[0].name} to {run[-1].name}"
        stations.append(Station(name, (*among, *rows), title, len(run), run[0].notes))
    return replace(
        sketch,
        stations=tuple(stations),
        drops=tuple(_drops(sketch.drops, stands)),
        cables=tuple(_cables(sketch.cables, stands)),
        panels=tuple(_panels(sketch.panels, stands)),
    )


def _runs(
    stations: Sequence[Station], hung: dict[str, list[str]], asked: set[str], *, ranges: bool
) -> Iterator[list[Station]]:
    """Namespaces one after the other that hang from the same rails; of `ranges`, numbered one after the other."""

    def alike(pair: tuple[int, Station]) -> Hashable:
        index, station = pair
        rails = tuple(hung.get(station.name, ()))
        if not ranges:
            return rails, station.name in asked
        found = NUMBERED.fullmatch(station.name)
        if found is None:
            return station.name
        return found[1], int(found[2]) - index, rails, station.name in asked

    for _, run in groupby(enumerate(stations), alike):
        yield [station for _, station in run]


def _range(run: Sequence[Station]) -> str:
    if not all(NUMBERED.fullmatch(station.name) for station in (run[0], run[-1])):
        return f"{run[0].name}..{run[-1].name}"
    (stem, first), (_, last) = (NUMBERED.findall(station.name)[0] for station in (run[0], run[-1]))
    alike = run[-1].name.startswith(stem)
    return f"{stem}[{first}-{last}]" if alike else f"{run[0].name}..{run[-1].name}"


def _socket(sockets: Sequence[Socket], name: str) -> Socket:
    """Devices of many namespaces as one: the first, with the addresses from the first to the last."""
    first, last = sockets[0], sockets[-1]
    if first is last:
        return replace(first, node=name)
    pairs = list(zip(first.rows[1:], last.rows[1:], strict=False))
    rows = [
        row for one, other in pairs for row in ((one,) if one == other else (f"{one} to", other))
    ]
    return Socket(name, first.device, (f"{first.device} …", *rows))


def _drops(drops: Sequence[Drop], stands: dict[str, str]) -> Iterator[Drop]:
    grouped: dict[Hashable, list[Drop]] = {}
    for drop in drops:
        node = drop.socket.node
        alone = "" if node in stands else drop.socket.device
        grouped.setdefault((stands.get(node, node), alone, drop.rail, drop.kind), []).append(drop)
    for own in grouped.values():
        first = own[0]
        name = stands.get(first.socket.node, first.socket.node)
        if len(own) == 1:
            yield replace(first, socket=replace(first.socket, node=name))
            continue
        title = f"{first.title}, and {len(own) - 1} more"
        socket = _socket([drop.socket for drop in own], name)
        yield replace(first, socket=socket, rows=(f"{first.device} …",), title=title)


def _cables(cables: Sequence[Cable], stands: dict[str, str]) -> Iterator[Cable]:
    grouped: dict[Hashable, list[Cable]] = {}
    for cable in cables:
        ends = (cable.near, cable.far)
        names = tuple(stands.get(end.node, end.node) for end in ends)
        alone = tuple("" if end.node in stands else end.device for end in ends)
        if names[0] != names[1]:
            key = (names, () if any(end.node in stands for end in ends) else alone, cable.kind)
            grouped.setdefault(key, []).append(cable)
    for own in grouped.values():
        first = own[0]
        near = _socket([c.near for c in own], stands.get(first.near.node, first.near.node))
        far = _socket([c.far for c in own], stands.get(first.far.node, first.far.node))
        more = f", and {len(own) - 1} more" if len(own) > 1 else ""
        yield replace(first, near=near, far=far, title=first.title + more)


def _panels(panels: Sequence[PortPanel], stands: dict[str, str]) -> Iterator[PortPanel]:
    grouped: dict[str, list[PublishedPort]] = {}
    for panel in panels:
        grouped.setdefault(stands.get(panel.node, panel.node), []).extend(panel.ports)
    for name, ports in grouped.items():
        yield PortPanel(name, short(ports, 4 if name in stands.values() else 0))


def short(ports: Sequence[PublishedPort], most: int = 0) -> tuple[PublishedPort, ...]:
    """The first ports, and how many more there are; without `most`, as many as a picture has room for."""
    most = most or 30
    if len(ports) <= most + 1:
        return tuple(ports)
    rest = ports[most:]
    more = few((port.text for port in ports), most)[-1]
    text = f"{len(rest)} more published ports"
    return (*ports[:most], PublishedPort("more", more, text, any(port.outside for port in rest)))
