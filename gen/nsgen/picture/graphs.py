"""A sketch as the text of a graph, for Mermaid, D2 and Graphviz: the same boxes and lines, placed by those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from nsgen.picture.sketch import EdgeKind, Sketch
from nsgen.values import HOST, INTERNET, OUTSIDE

DASHED = ("tunnel", "macvlan")
GraphFormat = Literal["mermaid", "d2", "dot"]


class Vertex(NamedTuple):
    """A box: its name in the graph, its rows, and what it is."""

    key: str
    rows: tuple[str, ...]
    kind: Literal["outside", "host", "rail", "node"]


class Arc(NamedTuple):
    """A line between two boxes; `arrow` if it has a direction."""

    first: str
    second: str
    label: str
    kind: EdgeKind
    arrow: bool = False


def _key(kind: str, name: str) -> str:
    """A name that every one of the languages takes as it is: a letter first, then letters, digits and '_'."""
    return f"{kind}_" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", name)


def vertices(sketch: Sketch) -> Iterator[Vertex]:
    """The boxes, from above."""
    if sketch.uplink:
        yield Vertex(_key("out", INTERNET), ("the internet",), "outside")
    if sketch.outside:
        yield Vertex(_key("out", OUTSIDE), ("other machines",), "outside")
    if sketch.host is not None:
        yield Vertex(_key("node", HOST), (HOST, *sketch.host.rows), "host")
    for rail in sketch.rails:
        yield Vertex(_key("net", rail.name), rail.rows, "rail")
    for station in sketch.stations:
        count = f" ×{station.count}" if station.count > 1 else ""
        yield Vertex(_key("node", station.name), (station.name + count, *station.rows), "node")


def arcs(sketch: Sketch) -> Iterator[Arc]:
    """The lines: published ports, ways out, what hangs from the host, cables."""
    for panel in sketch.panels:
        first = _key("out", OUTSIDE) if panel.outside else _key("node", HOST)
        for port in panel.ports:
            start = first if port.outside else _key("node", HOST)
            yield Arc(start, _key("node", panel.node), port.text, "port", arrow=True)
    for rail in sketch.rails:
        if rail.way is not None:
            label = ", ".join(rail.way.rows)
            yield Arc(_key("net", rail.name), _key("out", INTERNET), label, "way", arrow=True)
    for one, other, _ in sketch.ties:
        yield Arc(_key("net", one), _key("net", other), "", "tie")
    for drop in sketch.drops:
        above = _key("net", drop.rail) if drop.rail else _key("node", HOST)
        label = " ".join(drop.socket.rows)
        yield Arc(above, _key("node", drop.socket.node), label, drop.kind)
    for cable in sketch.cables:
        near, far = cable.near, cable.far
        label = f"{' '.join(near.rows)} to {' '.join(far.rows)}"
        yield Arc(_key("node", near.node), _key("node", far.node), label, cable.kind)


def graph(sketch: Sketch, form: GraphFormat) -> str:
    """The text of the graph, in one of the languages."""
    lines = {"mermaid": _mermaid, "d2": _d2, "dot": _dot}[form](sketch)
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _entities(text: str) -> str:
    """A text in Mermaid's quotes, in which it reads HTML."""
    return re.sub(r'[&<>"#;]', lambda found: f"#{ord(found[0])};", text)


def _parts(sketch: Sketch) -> tuple[list[Vertex], list[Vertex], list[Vertex]]:
    """What stands above, in and under the host."""
    found = list(vertices(sketch))
    kinds = (("outside",), ("host", "rail"), ("node",))
    above, host, below = ([one for one in found if one.kind in kind] for kind in kinds)
    return above, host, below


def _mermaid(sketch: Sketch) -> Iterator[str]:
    shapes = {"outside": '(["{}"])', "rail": '[/"{}"/]', "node": '("{}")'}
    above, host, below = _parts(sketch)

    def box(one: Vertex) -> str:
        return f"{one.key}{shapes[one.kind].format('<br>'.join(map(_entities, one.rows)))}"

    yield "flowchart TB"
    yield f"  %% Made by nsgen: the topology {sketch.name}."
    yield from (f"  {box(one)}" for one in above)
    if len(host) > 1:
        yield f'  subgraph {host[0].key}["{"<br>".join(map(_entities, host[0].rows))}"]'
        yield from (f"    {box(one)}" for one in host[1:])
        yield "  end"
    elif host:
        yield f'  {host[0].key}["{"<br>".join(map(_entities, host[0].rows))}"]'
    yield from (f"  {box(one)}" for one in below)
    for arc in arcs(sketch):
        line = "-.-" if arc.kind in DASHED else "-->" if arc.arrow else "---"
        label = f'|"{_entities(arc.label)}"|' if arc.label else ""
        yield f"  {arc.first} {line}{label} {arc.second}"


def _d2_escaped(text: str) -> str:
    """A text in D2's quotes, in which ${name} is a variable."""
    return _escaped(text).replace("$", "\\$")


def _d2(sketch: Sketch) -> Iterator[str]:
    shapes = {"outside": "cloud", "host": "rectangle", "rail": "parallelogram", "node": "rectangle"}
    above, host, below = _parts(sketch)
    inside = {one.key: f"{host[0].key}.{one.key}" for one in host[1:]}
    yield f"# Made by nsgen: the topology {sketch.name}."
    for one in (*above, *host, *below):
        text = "\\n".join(map(_d2_escaped, one.rows))
        key = inside.get(one.key, one.key)
        yield f'{key}: "{text}" {{shape: {shapes[one.kind]}}}'
    for arc in arcs(sketch):
        dashed = " {style.stroke-dash: 4}" if arc.kind in DASHED else ""
        label = f': "{_d2_escaped(arc.label)}"' if arc.label or dashed else ""
        first, second = (inside.get(key, key) for key in (arc.first, arc.second))
        yield f"{first} {'->' if arc.arrow else '--'} {second}{label}{dashed}"


def _dot(sketch: Sketch) -> Iterator[str]:
    shapes = {"outside": "ellipse", "host": "plaintext", "rail": "parallelogram", "node": "box"}
    above, host, below = _parts(sketch)

    def box(one: Vertex) -> str:
        text = "\\n".join(map(_escaped, one.rows))
        return f'{one.key} [shape={shapes[one.kind]} label="{text}"];'

    yield f"// Made by nsgen: the topology {sketch.name}."
    yield f'digraph "{_escaped(sketch.name)}" {{'
    yield "  node [fontname=sans fontsize=10]; edge [fontname=sans fontsize=9 dir=none];"
    yield from (f"  {box(one)}" for one in above)
    if host:
        yield "  subgraph cluster_host {"
        yield from (f"    {box(one)}" for one in host)
        yield "  }"
    yield from (f"  {box(one)}" for one in below)
    for arc in arcs(sketch):
        style = " style=dashed" if arc.kind in DASHED else ""
        label = _escaped(arc.label)
        if arc.kind == "way":  # Graphviz puts above what it is told first
            yield f'  {arc.second} -> {arc.first} [label="{label}" dir=back];'
            continue
        way = " dir=forward" if arc.arrow else ""
        yield f'  {arc.first} -> {arc.second} [label="{label}"{style}{way}];'
    yield "}"
