"""Which namespaces are drawn together, and in what order the groups hang from the host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nsgen.picture.block import Block
from nsgen.picture.figure import components, graph_of, rows_of
from nsgen.picture.measure import Measures
from nsgen.picture.sketch import Cable, Sketch, Station
from nsgen.picture.station import clipped


def blocks_of(sketch: Sketch, m: Measures, room: int) -> list[Block]:
    """The groups, each in its rows: those that hang from the host first, in the order of its rails.

    `room` is how wide what hangs from the host may be.
    """
    stations = {station.name: station for station in sketch.stations}
    rails = {rail.name: index for index, rail in enumerate(sketch.rails)}
    graph = graph_of(list(stations), _wired(sketch, list(stations)))
    drops: dict[str, list[int]] = {name: [] for name in stations}
    for drop in sketch.drops:
        drops[drop.socket.node].append(rails.get(drop.rail, len(rails)))

    def place(group: Sequence[str]) -> float:
        found = [rail for name in group for rail in drops[name]]
        return sum(found) / len(found) if found else len(rails) + 1

    found = []
    for group in sorted(components(graph), key=place):
        inside = set(group)
        own = {name: graph[name] for name in group}
        hung = [name for name in group if drops[name]]
        cables = [cable for cable in sketch.cables if cable.near.node in inside]
        hanging = [drop for drop in sketch.drops if drop.socket.node in inside]
        most = (room if hung else m.most) * m.slack
        blocks = (
            Block(rows_of(own, hung, number), stations, cables, hanging, rails, m)
            for number in range(_wide(group, sketch, stations, m), 0, -1)
        )
        first = next(blocks)
        fitting = first.width <= most
        found.append(first if fitting else next((b for b in blocks if b.width <= most), first))
    return found


def _wired(sketch: Sketch, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Who belongs together by cables; a tunnel joins those that nothing else does."""
    plain = [_ends(cable) for cable in sketch.cables if cable.kind != "tunnel"]
    yield from plain
    group = {
        name: index
        for index, group in enumerate(components(graph_of(names, plain)))
        for name in group
    }
    for cable in sketch.cables:
        one, other = _ends(cable)
        if group[one] != group[other]:
            yield one, other


def _ends(cable: Cable) -> tuple[str, str]:
    return cable.near.node, cable.far.node


def _wide(group: Sequence[str], sketch: Sketch, stations: dict[str, Station], m: Measures) -> int:
    """How many boxes of a group stand side by side."""
    texts = {name: [name, *stations[name].rows] for name in group}
    for cable in sketch.cables:
        for socket in (cable.near, cable.far):
            if socket.node in texts:
                texts[socket.node] += socket.rows
    widths = [max(m.width(clipped(t, m.clip), "plain") for t in own) for own in texts.values()]
    own = sum(widths) // len(widths) + 2 * m.pad + m.gap + m.link // 2
    return max(2, m.most // own)
