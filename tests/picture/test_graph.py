"""`nsgen graph`: every picture is whole and legible, of every example and of invented topologies, told from the SVG."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

import invented
import pytest
from click.testing import CliRunner
from fonts import advances
from seen import SVG, Area, Seen, faults, seen
from seen import Path as Drawn

from compiling import ALL_EXAMPLES, EXAMPLES, compile_data, compile_text
from nsgen.cli.commands import main
from nsgen.cli.load import load
from nsgen.picture.drawing import sketch
from nsgen.picture.graphs import GraphFormat, graph
from nsgen.picture.layout import picture as layout
from nsgen.picture.measure import BOLD, PIXELS, PLAIN
from nsgen.picture.reaching import claimed, reached
from nsgen.picture.tags import LIGHT
from nsgen.picture.text import text
from nsgen.picture.traced import traced
from nsgen.proof.story import Leg
from nsgen.script.drawn import image, printed, svg
from nsgen.topology.model import Topology

TESTS = Path(__file__).resolve().parent.parent
EVERY = [
    *ALL_EXAMPLES,
    *sorted((TESTS / "topologies").glob("*.yaml")),
    *sorted((TESTS / "vm/kinds").glob("*.yaml")),
    *sorted((TESTS / "good").glob("*.yaml")),
]
GEN = TESTS.parent / "gen"
INVENTED = 300
FORMS: tuple[GraphFormat, ...] = ("mermaid", "d2", "dot")
ARTICLE = EXAMPLES / "article.yaml"


def topology(file: Path) -> Topology:
    """The topology of a file."""
    found = load(str(file), {}).topology
    assert found is not None
    return found


def drawn(*words: object) -> str:
    """What the command prints."""
    done = CliRunner().invoke(main, ["graph", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.stdout


def ends(one: Topology) -> list[frozenset[str]]:
    """Who is joined with whom by places on networks and cables, the host's bridges by their names."""
    rails = {i.name for i in one.host.interfaces if i.written.KIND == "bridge"}
    rails |= {bridge.name for bridge in one.bridges}
    found = [frozenset((m.namespace, m.bridge.name)) for n in one.namespaces for m in n.members]
    for link in one.links:
        first = link.first.master if link.first.master in rails else link.first.node
        if link.first.node == link.second.node:
            continue
        found.append(
            frozenset((first if link.first.node == "host" else link.first.node, link.second.node))
        )
    return found


def check(one: Topology) -> Seen:
    """Look at the picture of a topology: nothing is wrong with it, and nobody is missing."""
    picture = seen(svg(one))
    assert not faults(picture)
    nodes = picture.named("data-node")
    assert len(set(picture.named("id"))) == len(picture.named("id"))
    assert {n.name for n in one.namespaces} <= set(nodes)
    assert [b.name for b in one.bridges if b.name not in picture.named("data-network")] == []
    edges = sorted(picture.named("data-edge"))
    for pair in ends(one):
        match = next(edge for edge in edges if frozenset(edge.split()) == pair)
        edges.remove(match)
    return picture


@pytest.mark.parametrize("file", EVERY, ids=lambda path: path.stem)
def test_every_topology(file: Path) -> None:
    """Nothing is over anything else, nothing is outside, and every namespace, network and cable is there."""
    check(topology(file))


def test_invented_topologies() -> None:
    """The same of networks and wires of every form, with up to sixty namespaces."""
    for seed in range(INVENTED):
        report, plan = compile_data(invented.topology(seed))
        assert plan is not None, (seed, [finding.text for finding in report.findings])
        check(plan.topology)


def test_faults_are_seen() -> None:
    """What the tests above look for is found where it is."""
    picture = seen(svg(topology(ARTICLE)))
    box = next(area for area in picture.boxes if area.kind == "node")
    words = next(area for area in picture.texts if area.text == "veth-blue")
    middle = (words.left + words.right) / 2
    wrong: dict[str, Area | Drawn] = {
        "outside the frame": Area("faint", -5, 5, 5, 10, "gone"),
        "a text over a text": words,
        "a text over the border of a box": Area(
            "", box.right - 5, box.top + 50, box.right + 5, box.top + 60, "out"
        ),
        "a box over a box": Area("node", box.left - 9, box.top - 9, box.left + 9, box.top + 9),
        "a line over a text": Drawn("link", ((middle, 0.0), (middle, words.bottom)), "a b"),
        "a line through a box": Drawn(
            "link", ((0.0, box.bottom - 9), (picture.frame.right, box.bottom - 9)), "a b"
        ),
        "a line on a line": next(p for p in picture.paths if p.kind == "member"),
    }
    for fault, shape in wrong.items():
        worse = seen(svg(topology(ARTICLE)))
        if isinstance(shape, Drawn):
            (left, top), (right, bottom) = shape.points[0], shape.points[-1]
            moved = (
                ((left, top + 1), (right, bottom - 1))
                if fault == "a line on a line"
                else shape.points
            )
            worse.paths.append(Drawn(shape.kind, moved, "a b"))
        else:
            (worse.boxes if shape.kind == "node" else worse.texts).append(shape)
        assert any(found.startswith(fault) for found in faults(worse)), fault


def test_the_article() -> None:
    """The article's picture says what the topology does: who is where, what is published, and how it leaves."""
    picture = check(topology(ARTICLE))
    texts = [area.text for area in picture.texts]
    assert {
        "red",
        "blue",
        "host",
        "bridge0",
        "192.168.15.0/24",
        "host 192.168.15.1",
        "uplink",
    } <= set(texts)
    assert {"veth-red", "192.168.15.2/24", "veth-red-br", "masquerade", "8080 → red:80"} <= set(
        texts
    )
    edges = picture.named("data-edge")
    assert set(edges) == {
        "red bridge0",
        "blue bridge0",
        "bridge0 internet",
        "host internet",
        "outside red",
    }
    assert picture.named("data-port") == ["8080/tcp"]


def test_no_way_is_drawn_where_there_is_none() -> None:
    """A network without a way out has none, one that is isolated is cut, and a port not for outside has no arrow."""
    text = """
name: none
networks: {inner: {subnet: 10.1.0.0/24, isolate: true}, open: {subnet: 10.2.0.0/24}}
namespaces:
  red: {networks: [inner], publish: [{published: 8080, target: 80, reach: [host]}]}
  blue: {networks: [inner, open]}
"""
    picture = seen(svg(compile_text(text).topology))
    assert not {"outside", "internet"} & set(picture.named("data-node"))
    assert picture.named("data-port") == ["8080/tcp"]
    cut = [path for path in picture.paths if path.kind == "cut"]
    assert len(cut) == 1
    assert len([path for path in picture.paths if path.kind == "rail"]) == 3


def test_what_a_network_keeps_is_written_beside_it() -> None:
    """Where sources are kept, everywhere or by one IP version; and whose ports its members use."""
    text = """
name: kept
networks:
  four: {subnet: 10.1.0.0/24, internet: true, masquerade: {except: 0.0.0.0/0}, published_ports: own}
  six: {subnet: [10.2.0.0/24, "fd00:2::/64"], internet: true, masquerade: {except: "::/0"}}
namespaces: {red: {networks: [four, six]}}
"""
    texts = {area.text for area in seen(svg(compile_text(text).topology)).texts}
    assert {"sources are kept", "not by IPv6", "its own ports alone"} <= texts
    assert "routed" not in texts


def test_every_element_has_a_title() -> None:
    """Whoever points at something, or cannot see it, is told what it is; texts are texts."""
    root = ET.fromstring(svg(topology(ARTICLE)))  # noqa: S314 (it is our own)
    groups = list(root.iter(f"{SVG}g"))
    assert groups
    assert [group.attrib for group in groups if not (group.findtext(f"{SVG}title") or "")] == []
    assert (root.findtext(f"{SVG}title"), root.get("role")) == ("nsgen topology article", "img")


@pytest.mark.parametrize("file", [ARTICLE, EXAMPLES / "stretched.yaml"], ids=lambda path: path.stem)
def test_a_picture_is_alone(file: Path) -> None:
    """It names no file and no address on the web but that of SVG, and knows light and dark."""
    image = svg(topology(file))
    assert re.findall(r"https?://[^\"]*", image) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|<script|<image|<foreignObject", image)
    assert "@media (prefers-color-scheme: dark)" in image


def test_a_picture_is_the_same_anywhere() -> None:
    """The bytes do not depend on the order of sets, the folder or the width of a terminal."""
    command = [sys.executable, "-m", "nsgen", "graph", str(ARTICLE)]
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "COLUMNS": seed * 2, "PYTHONPATH": str(GEN)}
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
        assert done.stdout == svg(topology(ARTICLE)).encode()


def test_colours_are_told_apart() -> None:
    """Lines and texts stand out from what is behind them, in light and in dark (WCAG 2.2: 3 to 1, and 4.5 to 1)."""
    assert [f"--c{i}: {colour}" in svg(topology(ARTICLE)) for i, colour in enumerate(LIGHT, 1)] == [
        True
    ] * 6
    for palette in re.findall(r"svg \{\n(.*?)\}", svg(topology(ARTICLE)), re.DOTALL):
        colours = dict(re.findall(r"--([a-z0-9]+): #([0-9a-f]{6})", palette))
        for name, least in (
            ("ink", 4.5),
            ("faint", 4.5),
            ("line", 3),
            *((f"c{i}", 3) for i in range(1, 7)),
        ):
            for paper in ("paper", "host", "node"):
                assert _contrast(colours[name], colours[paper]) >= least, (name, paper)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_range_is_drawn_once() -> None:
    """Of more namespaces than a picture has room for, those of one range are one box with their number."""
    text = """
name: many
networks: {br0: {subnet: 10.1.0.0/16, internet: true}}
namespaces: {web: {networks: [br0]}, "r[1-70]": {networks: [br0]}, "gw[01-80]": {networks: [br0]}}
links:
  - {endpoints: ["r[1-70]:e0", "gw[01-70]:e1"]}
  - {endpoints: ["gw[01-79]:right", "gw[02-80]:left"]}
"""
    picture = seen(svg(compile_text(text).topology))
    assert not faults(picture)
    assert {"web", "r[1-70]", "gw[01-80]"} <= set(picture.named("data-node"))
    texts = [area.text for area in picture.texts]
    assert {
        "r[1-70] ×70",
        "gw[01-80] ×80",
        "79 cables among them",
        "10.1.0.3/16 to",
        "10.1.0.72/16",
    } <= set(texts)
    assert "r[1-70] gw[01-80]" in picture.named("data-edge")


# -- who reaches whom ---------------------------------------------------------------------------


@pytest.mark.parametrize("file", ALL_EXAMPLES, ids=lambda path: path.stem)
def test_reach(file: Path) -> None:
    """With who reaches whom, a picture is as legible, and every box says of a namespace what is claimed of it."""
    one = topology(file)
    claims = claimed(one)
    picture = seen(image(reached(sketch(one), one, claims)))
    assert not faults(picture)
    asking = {claim.asker for claim in claims if claim.answered and claim.column != "own loopback"}
    assert [n.name for n in one.namespaces if n.name in asking and not _says(picture, n.name)] == []


def _says(picture: Seen, node: str) -> list[str]:
    """What a box says of whom it reaches."""
    groups = picture.root.iter(f"{SVG}g")
    box = next(group for group in groups if group.get("id") == f"node-{node}")
    return [one.text or "" for one in box if one.get("class") in ("open", "shut", "failed")]


def test_reach_of_the_article() -> None:
    """In the article each reaches all that there is, and no line is closed."""
    one = topology(ARTICLE)
    picture = seen(drawn(ARTICLE, "--reach"))
    assert " ".join(_says(picture, "red")) == "reaches host, blue, internet,   port 8080"
    assert set(picture.named("data-state")) == {"open"}
    assert seen(svg(one)).named("data-state") == []


def test_isolated_members_do_not_reach_each_other() -> None:
    """Whom somebody does not reach is told, too."""
    picture = seen(drawn(EXAMPLES / "isolated.yaml", "--reach"))
    assert _says(picture, "db") == [
        "reaches host, cache, port 8080",
        "does not reach tenant1, tenant2,",
        "  tenant3, web, internet",
    ]


def test_what_failed_is_struck_out() -> None:
    """What a rehearsal found wrong is told in its box, and the line that nothing gets through is crossed out."""
    one = topology(ARTICLE)
    claims = claimed(one)

    def wrong(index: int) -> str:
        claim = claims[index]
        return "timeout" if claim.column == "internet" or claim.asker == "outside" else ""

    picture = seen(image(reached(sketch(one), one, claims, wrong)))
    assert not [fault for fault in faults(picture) if "cross" not in fault]
    assert _says(picture, "blue")[-1] == "FAILED: internet"
    failed = [
        g.get("data-edge") for g in picture.root.iter(f"{SVG}g") if g.get("data-state") == "failed"
    ]
    assert sorted(map(str, failed)) == ["bridge0 internet", "outside red"]
    assert len([path for path in picture.paths if path.kind == "cross"]) == 2


def test_a_script_is_for_a_rehearsal() -> None:
    """--against alone is wrong usage."""
    done = CliRunner().invoke(main, ["graph", str(ARTICLE), "--against", "setup.sh"])
    assert done.exit_code == 2
    assert "--verified" in done.stderr


# -- one packet ---------------------------------------------------------------------------------

TO_RED = (
    Leg("request", "blue", (), ("veth-blue",), ("192.168.15.3 -> 192.168.15.1:8080",)),
    Leg("request", "host", ("veth-blue-br",), ("bridge0", "veth-red-br"), ("nat PRE: DNAT",)),
    Leg("request", "red", ("veth-red",), (), ()),
)
TO_THE_INTERNET = (
    Leg("request", "red", (), ("veth-red",), ()),
    Leg("request", "host", ("veth-red-br", "bridge0"), ("eth0",), ("nat POST: MASQUERADE",)),
    Leg("request", "router", ("eth0",), ("eth1",), ()),
    Leg("request", "internet", ("eth0",), (), ()),
)
FROM_OUTSIDE = (
    Leg("request", "outside", (), ("eth0",), ()),
    Leg("request", "host", ("eth0",), ("bridge0", "veth-red-br"), ()),
    Leg("request", "red", ("veth-red",), (), ()),
)


@pytest.mark.parametrize(
    ("legs", "lit"),
    [
        (TO_RED, ["blue bridge0", "red bridge0"]),
        (TO_THE_INTERNET, ["bridge0 internet", "host internet", "red bridge0"]),
        (FROM_OUTSIDE, ["outside red", "red bridge0"]),
    ],
)
def test_the_way_of_a_packet(legs: tuple[Leg, ...], lit: list[str]) -> None:
    """The lines that a packet took are lit, its nodes are numbered, and what each did stands below."""
    whole = traced(
        layout(sketch(topology(ARTICLE)), PIXELS), legs, "who asks whom: answered", PIXELS
    )
    picture = seen(printed(whole))
    edges = [g for g in picture.root.iter(f"{SVG}g") if g.get("data-state") == "lit"]
    assert sorted(str(g.get("data-edge")) for g in edges) == lit
    texts = [area.text for area in picture.texts]
    assert "who asks whom: answered" in texts
    numbers = [str(index) for index, leg in enumerate(legs, 1)]
    assert [text for text in texts if text.isdigit()][-len(legs) :] == numbers
    did = " ".join(texts)
    assert all(words.replace("->", "→") in did for leg in legs for words in leg.did)
    # A number stands on the border of its box, and nothing else does.
    numbered = [area for area in picture.boxes if area.kind == "badge"]
    assert len(numbered) == sum(leg.node != "router" for leg in legs)
    picture.boxes = [area for area in picture.boxes if area.kind != "badge"]
    picture.texts = [area for area in picture.texts if area.kind != "badge"]
    assert not faults(picture)


# -- other formats ------------------------------------------------------------------------------


@pytest.mark.parametrize("file", EVERY, ids=lambda path: path.stem)
def test_text_is_within_its_width(file: Path) -> None:
    """A drawing for a terminal has every namespace, and is 80 columns wide at most."""
    one = topology(file)
    lines = text(sketch(one), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert [n.name for n in one.namespaces if not any(n.name[-15:] in line for line in lines)] == []


def test_text() -> None:
    """The article in a terminal, as docs/graph.md shows it."""
    shown = (TESTS / "picture/article.txt").read_text()
    assert f"```text\n{shown}```\n" in (TESTS.parent / "docs/graph.md").read_text()
    assert drawn(ARTICLE, "--format", "text") == shown


@pytest.mark.parametrize("file", EVERY, ids=lambda path: path.stem)
def test_graphs(file: Path) -> None:
    """The text of a graph, in each of the languages, has each namespace once, and a line for each cable."""
    one = topology(file)
    drawing = sketch(one)
    for form in FORMS:
        printed = graph(drawing, form)
        boxes = re.findall(r"^ *(node_\w+)(?:\(| \[shape=box|: \")", printed, re.MULTILINE)
        assert len(set(boxes) - {"node_host"}) == len(one.namespaces)
        lines = re.findall(r"^ *[\w.]+ (?:---|-->|-\.-|--|->)", printed, re.MULTILINE)
        assert len(lines) >= len(ends(one))


@pytest.mark.parametrize("form", FORMS)
def test_graphs_are_printed(form: GraphFormat) -> None:
    """The command prints them."""
    assert drawn(ARTICLE, "--format", form) == graph(sketch(topology(ARTICLE)), form)


def test_graphviz_reads_it(program: Callable[[str], str]) -> None:
    """Graphviz takes what is for it, of every example, where it is installed."""
    dot = program("dot")
    for example in ALL_EXAMPLES:
        command = [dot, "-Tplain"]
        subprocess.run(
            command,
            input=drawn(example, "--format", "dot").encode(),
            capture_output=True,
            check=True,
        )


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    """A topology with an error is not drawn; a wrong format is wrong usage."""
    file = tmp_path / "wrong.yaml"
    file.write_text("name: x\nnamespaces: {red: {networks: [none]}}\n")
    done = CliRunner().invoke(main, ["graph", str(file)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "wrong.yaml:2" in done.stderr
    assert CliRunner().invoke(main, ["graph", str(ARTICLE), "--format", "png"]).exit_code == 2


# -- fonts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "name"), [(PLAIN, "DejaVuSans.ttf"), (BOLD, "DejaVuSans-Bold.ttf")]
)
def test_widths_are_those_of_the_font(table: tuple[int, ...], name: str) -> None:
    """No character of DejaVu Sans is wider than the table says, where the font is installed."""
    file = Path("/usr/share/fonts/truetype/dejavu") / name
    if not file.exists():
        pytest.skip(f"{name} is not installed")
    real = advances(file)
    assert [chr(c) for c in range(32, 127) if real[c] > table[c - 32]] == []
    assert [c for c in "→×…" if real[ord(c)] > 1000] == []


def test_hostile_texts_are_texts() -> None:
    """What an author writes stands in the picture as it is written, and opens no element and no label."""
    evil = "$x</text><script>alert(1)</script>&\"'|]"
    text = f"name: evil\nhost: {{sysctls: {{kernel.core_pattern: {json.dumps(evil)}}}}}\n"
    one = compile_text(text).topology
    picture = seen(svg(one))
    assert f"kernel.core_pattern = {evil}"[:43] in "".join(a.text for a in picture.texts)
    assert not list(picture.root.iter(f"{SVG}script"))
    for form, quoted in (("mermaid", "#60;script#62;"), ("d2", r"\$x</text>"), ("dot", r"\"'|]")):
        assert quoted in graph(sketch(one), cast("GraphFormat", form))


# -- a browser ----------------------------------------------------------------------------------


def test_a_browser_shows_it(program: Callable[[str], str], tmp_path: Path) -> None:
    """Chromium shows a picture, where it is installed; dark is another picture than light."""
    chromium = program("chromium")
    image = tmp_path / "topology.svg"
    image.write_text(svg(topology(ARTICLE)))
    shown = []
    for scheme in ("1", "0"):  # light, dark
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=540,470"]
        options += [f"--blink-settings=preferredColorScheme={scheme}"]
        options += [f"--user-data-dir={tmp_path / scheme}", f"--screenshot={tmp_path / scheme}.png"]
        command = [chromium, *options, image.as_uri()]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        shown.append((tmp_path / f"{scheme}.png").read_bytes())
    assert all(png.startswith(b"\x89PNG") and len(png) > 5000 for png in shown)
    assert shown[0] != shown[1]
