"""Which boxes of a wired group stand in which row: a chain in a line, a ring around, a star and a tree in layers.

Cables between neighbours of a row, and from one row to the next, are drawn straight; so a figure is one of rows in
which most cables are such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

Graph = Mapping[str, Sequence[str]]  # by node, those that it is joined with
Rows = list[list[str]]


def graph_of(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Who is joined with whom, each once, in the order of the nodes."""
    found: dict[str, set[str]] = {node: set() for node in nodes}
    for one, other in edges:
        if one != other:
            found[one].add(other)
            found[other].add(one)
    return {node: [n for n in nodes if n in found[node]] for node in nodes}


def components(graph: Graph) -> list[list[str]]:
    """The nodes that are joined, group by group, in the order of the graph."""
    seen: set[str] = set()
    found = []
    for start in graph:
        if start not in seen:
            group = _around(graph, [start])
            seen |= group.keys()
            found.append([node for node in graph if node in group])
    return found


def _around(graph: Graph, starts: Iterable[str]) -> dict[str, int]:
    """How far all nodes are from the nearest of some, in cables."""
    distance = dict.fromkeys(starts, 0)
    queue = list(distance)
    for node in queue:
        for other in graph[node]:
            if other not in distance:
                distance[other] = distance[node] + 1
                queue.append(other)
    return distance


def rows_of(graph: Graph, hung: Collection[str], wide: int) -> Rows:
    """The rows of a group, at most `wide` boxes in each; `hung` are the nodes that hang from the host."""
    nodes = list(graph)
    if len(nodes) == 1:
        return [nodes]
    if max(map(len, graph.values())) <= 2:
        ends = [node for node in nodes if len(graph[node]) == 1]
        return _chain(_walk(graph, ends[0]), wide) if ends else _ring(_walk(graph, nodes[0]), wide)
    core = [node for node in nodes if len(graph[node]) > 1]
    if not hung or len(core) == len(nodes):
        upper, lower = _halves(graph, core)
        if upper and len(upper) <= wide:
            leaves = [
                [leaf for node in half for leaf in _leaves(graph, node)] for half in (upper, lower)
            ]
            if all(len(own) <= wide for own in leaves):
                return [row for row in (leaves[0], upper, lower, leaves[1]) if row]
    return _layers(graph, hung, wide)


def _walk(graph: Graph, start: str) -> list[str]:
    """The nodes of a chain or a ring, one after the other."""
    found = [start]
    while True:
        nearby = [node for node in graph[found[-1]] if node not in found[-2:] and node != start]
        if not nearby:
            return found
        found.append(nearby[0])


def _chain(nodes: list[str], wide: int) -> Rows:
    """Rows to and fro."""
    rows = [nodes[i : i + wide] for i in range(0, len(nodes), wide)]
    return [row[::-1] if index % 2 else row for index, row in enumerate(rows)]


def _ring(nodes: list[str], wide: int) -> Rows:
    """Around a rectangle: along the upper row, down one side, back along the lower row, up the other side."""
    top = min(wide, (len(nodes) + 1) // 2)
    sides = max(0, -(-(len(nodes) - 2 * top) // 2))
    upper, right = nodes[:top], nodes[top : top + sides]
    rest = nodes[top + sides :]
    left = rest[len(rest) - sides :] if sides else []
    lower = rest[: len(rest) - len(left)]
    middle = [[*left[len(left) - 1 - i : len(left) - i], *right[i : i + 1]] for i in range(sides)]
    return [row for row in (upper, *middle, lower[::-1]) if row]


def _halves(graph: Graph, core: list[str]) -> tuple[list[str], list[str]]:
    """The upper and the lower half of a ring or a full mesh, if that is what the core is; else nothing."""
    inside = {node: [other for other in graph[node] if other in set(core)] for node in core}
    half = (len(core) + 1) // 2
    if len(core) > 3 and all(len(own) == len(core) - 1 for own in inside.values()):
        return core[:half], core[half:][::-1]
    if len(core) > 2 and all(len(own) == 2 for own in inside.values()):
        around = _walk(inside, core[0])
        if len(around) == len(core):
            return around[:half], around[half:][::-1]
    return [], []


def _leaves(graph: Graph, node: str) -> list[str]:
    return [other for other in graph[node] if len(graph[other]) == 1]


def _layers(graph: Graph, hung: Collection[str], wide: int) -> Rows:
    """By the distance from those that hang from the host, or from the one with the most cables."""
    most = max(graph, key=lambda node: len(graph[node]))
    starts = [node for node in graph if node in hung] or [most]
    distance = _around(graph, starts)
    layers: Rows = [[] for _ in range(max(distance.values()) + 1)]
    for node in graph:
        layers[distance[node]].append(node)
    if len(starts) == 1 and len(layers) > 1 and not hung and len(layers[1]) > wide:
        alone = [node for node in layers[1] if len(graph[node]) == 1]
        if len(alone) > wide // 2:  # a star with many leaves has them above it, too
            above = alone[: min(len(alone) // 2, wide)]
            layers[1] = [node for node in layers[1] if node not in above]
            layers.insert(0, above)
    place: dict[str, float] = {}
    found: Rows = []
    for layer in layers:
        own = sorted(layer, key=lambda node: _mean(graph[node], place))
        for first in range(0, len(own), wide):
            found.append(own[first : first + wide])
        place |= {node: (index + 0.5) / len(own) for index, node in enumerate(own)}
    return found


def _mean(nodes: Iterable[str], place: Mapping[str, float]) -> float:
    known = [place[node] for node in nodes if node in place]
    return sum(known) / len(known) if known else 0.5
