"""`nsgen page`: it tells what the topology, the claims and the script say, and nothing else gets there."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from parsed import Element, parse

from compiling import ALL_EXAMPLES, EXAMPLES, compile_text
from hostile import TEXTS
from nsgen.cli.commands import main
from nsgen.compiler import compile_topology
from nsgen.page.review import claimed, review
from nsgen.plan.make import make_plan
from nsgen.proof.result import shown
from nsgen.script import targets
from nsgen.script.drawn import svg
from nsgen.script.html import review as printed

CHECKOUT = Path(__file__).resolve().parents[2]
ARTICLE = EXAMPLES / "article.yaml"
SIGNS = {"yes": "✓", "no": "\N{EN DASH}", "failed": "✗", "untried": "?"}
pytestmark = pytest.mark.xdist_group("page")  # each is made once
each_example = pytest.mark.parametrize("example", ALL_EXAMPLES, ids=lambda path: path.stem)


def nsgen(*words: object, said: str | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["page", *map(str, words)], input=said)


@cache
def page_of(example: Path) -> str:
    """The page of a topology."""
    done = nsgen(example)
    assert done.exit_code == 0, done.output
    return done.stdout


@cache
def read(example: Path) -> Element:
    """The page of a topology, read."""
    return parse(page_of(example))


def cells(page: Element) -> dict[tuple[str, str], Element]:
    """The cells of the table that are asked something, by who asks and what is asked."""
    found = {}
    for table in page.find("table", class_="reach"):
        columns = [one.said for one in table.find("th", scope="col")][1:]
        for row in table.find("tbody")[0].find("tr"):
            (name,) = (one.said for one in row.find("th", scope="row"))
            for column, cell in zip(columns, row.find("td"), strict=True):
                if cell.find("a"):
                    assert (name, column) not in found
                    found[name, column] = cell
    return found


def told(page: Element, cell: Element) -> Element:
    """What is told of a cell."""
    return page.by_id(cell.find("a")[0].attributes["href"].removeprefix("#"))


def script_lines(page: Element) -> list[Element]:
    """The lines of the script."""
    return [
        line for part in page.by_id("script").find("ol", class_="lines") for line in part.find("li")
    ]


def commands(lines: Iterable[str]) -> list[str]:
    """Lines of a script, without those that explain."""
    return [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]


# -- the file -----------------------------------------------------------------------------------


@each_example
def test_the_page_is_whole_and_asks_for_nothing(example: Path) -> None:
    """It is well-formed, its ids are unique, links lead to what is in it, and it refers to nothing else."""
    text, page = page_of(example), read(example)
    ids = [one.id for one in page.all() if one.id]
    assert sorted(ids) == sorted(set(ids))
    for one in page.all():
        for name, value in one.attributes.items():
            assert not name.startswith("on"), (one.tag, name)
            assert name not in ("src", "srcset", "action", "data", "poster", "background"), one.tag
            if name in ("href", "xlink:href", "aria-labelledby"):
                assert value.removeprefix("#") in ids, value
        assert one.tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), one.tag
        assert one.tag != "style" or not re.search(r"url\(|@import", one.text)
    assert [
        one for one in re.findall(r"https?://[^\s\"'<>]+", text) if "w3.org/2000/svg" not in one
    ] == []


@each_example
def test_the_table_is_what_is_claimed(example: Path) -> None:
    """There is a cell for what each asks, marked as the claims say, and no other; each tells every claim of it."""
    page = read(example)
    result = claimed(compile_text(example.read_text(), str(example)))
    expected: dict[tuple[str, str], list[bool]] = {}
    for claim in result.claims:
        expected.setdefault((shown(claim.asker), claim.column), []).append(claim.answered)
    found = cells(page)
    assert found.keys() == expected.keys()
    for key, answers in expected.items():
        assert found[key].said == SIGNS["yes" if any(answers) else "no"], key
        assert len(told(page, found[key]).find("ul", class_="claims")[0].find("li")) == len(answers)


@each_example
def test_rules_and_lines_are_there(example: Path) -> None:
    """Each rule that is named is a line of the script, and each line that is named one of the topology."""
    page = read(example)
    plan = compile_text(example.read_text(), str(example))
    script = targets.script(plan).splitlines()
    lines = {line.strip() for line in script}
    for rule in page.by_id("ways").find("ul", class_="rules"):
        for code in rule.find("code"):
            assert code.text in lines
    for link in page.find("a", class_="place"):
        line = page.by_id(link.attributes["href"].removeprefix("#"))
        assert line.find("span", class_="number")[0].said == re.sub(r".*\D", "", link.said)
    begin, end = script.index("topology() {"), script.index("}")
    told_lines = (one.find("code")[0].text for one in script_lines(page))
    assert commands(told_lines) == commands(script[begin + 1 : end])


@each_example
def test_what_lights_up_is_drawn(example: Path) -> None:
    """Each id that a cell lights is one of the picture; and whoever is drawn lights up when he asks."""
    page = read(example)
    drawn = {one.id for one in page.find("svg")[0].all() if one.id}
    nodes = {one.attributes["data-node"] for one in page.all() if "data-node" in one.attributes}
    for (row, _), cell in cells(page).items():
        ids = told(page, cell).attributes["data-lights"].split()
        assert set(ids) <= drawn
        assert ids or row not in nodes, row


@pytest.mark.parametrize(
    ("line", "asking"),
    [
        ("netns add red", "red:"),
        ("link add name bridge0 address 02:cc:75:e1:10:7b type bridge stp_state 0", "bridge0:"),
        ("address replace 192.168.15.1/24 dev bridge0", "subnet: 192.168.15.0/24"),
        ("route replace default via 192.168.15.1 dev veth-blue", "internet: true"),
        ("address replace 192.168.15.3/24 dev veth-blue", "networks: {bridge0: 192.168.15.3}"),
        ("link set dev veth-red-br type bridge_slave hairpin on", 'publish: ["8080:80"]'),
        ("net.ipv4.ip_forward = 1", "internet: true"),
        ("br_netfilter", 'publish: ["8080:80"]'),
        ("service red web env", "web:"),
        ("-A NSGEN-article-PRE -p tcp", 'publish: ["8080:80"]'),
        ("-A NSGEN-article-POST -s 192.168.15.0/24", "internet: true"),
        ("file /run/systemd/network", ""),
        ("-I PREROUTING", ""),
    ],
)
def test_a_line_is_beside_the_key_that_asks_for_it(line: str, asking: str) -> None:
    """Of the article: each sort of line, with what the topology says on the line beside; or nothing."""
    page = read(ARTICLE)
    found = next(one for one in script_lines(page) if one.find("code")[0].text.startswith(line))
    (words,) = [
        *(one.said for one in found.find("a", class_="place")),
        *(one.attributes["title"] for one in found.find("span", class_="place")),
    ] or [""]
    assert bool(words) == bool(asking)
    if words:
        written = page.by_id(f"y0-{words.removeprefix('line ')}").find("code")[0].text
        assert written.strip().startswith(asking)


OUT = (
    "FROM -s 192.168.15.0/24 -i bridge0 ! -o bridge0 -j ACCEPT",
    "POST -s 192.168.15.0/24 ! -d 224.0.0.0/4 ! -o bridge0 -j MASQUERADE",
)
TO_RED = (
    "PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80",
    "INTO -d 192.168.15.2/32 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT",
)


@pytest.mark.parametrize(
    ("asker", "column", "rules"),
    [
        ("blue", "internet", OUT),
        ("outside", "8080 at eth0", TO_RED),
        ("blue", "red", ("INTO -i bridge0 -o bridge0 -j ACCEPT",)),
        ("red", "gateway", ()),
        (
            *("outside", "red itself"),
            ("RAW -d 192.168.15.0/24 ! -i bridge0 -m addrtype ! --dst-type LOCAL -j DROP",),
        ),
        ("outside", "internet by this host", ("GUARD -j DROP",)),
        ("outside", "host's 127.0.0.1", ("RAW -d 127.0.0.0/8 ! -i lo -j DROP",)),
        ("red", "host's 127.0.0.1", ("RAW -d 127.0.0.0/8 ! -i lo -j DROP",)),
        ("red", "host as 127.0.0.2", ("RAW -s 127.0.0.0/8 ! -i lo -j DROP",)),
        ("red", "internet spoofed", ("FROM -i bridge0 ! -o bridge0 -j DROP",)),
        (
            *("red", "internet untranslated"),
            ("INTO -i bridge0 ! -o bridge0 -m conntrack --ctstate INVALID -j DROP",),
        ),
        ("red", "any IPv6", ()),
    ],
)
def test_the_rules_of_a_cell(asker: str, column: str, rules: tuple[str, ...]) -> None:
    """Of the article: what lets each question through, or stops it."""
    page = read(ARTICLE)
    found = told(page, cells(page)[asker, column])
    expected = [f"-A NSGEN-article-{rule}" for rule in rules]
    assert [
        one.text for part in found.find("ul", class_="rules") for one in part.find("code")
    ] == expected


# Lines that come of there being a namespace, and of nothing more particular.
OF_A_NAMESPACE = re.compile(r"netns add |link set dev lo |join_namespace ")


@each_example
def test_no_line_is_beside_a_namespace_that_asks_for_less(example: Path) -> None:
    """Where the line of a key names nothing but a namespace, that is what asks for it."""
    page = read(example)
    for line in script_lines(page):
        for place in line.find("a", class_="place"):
            written = page.by_id(place.attributes["href"].removeprefix("#")).find("code")[0].text
            if re.fullmatch(r"  [\w-]+:( *#.*)?", written):
                text = line.find("code")[0].text
                network = written.strip().rstrip(":") in text
                assert OF_A_NAMESPACE.match(text) or network, (text, written)


def test_a_reason_is_beside_its_lines() -> None:
    """The reason of a rule stands in the row of that rule."""
    page = read(ARTICLE)
    rows = {
        row.find("div", class_="why")[0].said: row.find("ol", class_="lines")[0].said
        for row in page.by_id("script").find("div", class_="row")
    }
    (reason,) = (why for why in rows if why.startswith("To a published port of this host"))
    assert "-A NSGEN-article-PRE -p tcp" in rows[reason]
    assert "-A NSGEN-article-OUTPUT" not in rows[reason]


def test_the_files_of_the_boot_are_on_it() -> None:
    """Each file under /etc that `render -o` writes, whole."""
    page = read(ARTICLE)
    tree = targets.tree(compile_text(ARTICLE.read_text()))
    expected = {f"/{path}": file.text for path, file in tree.items() if path.startswith("etc/")}
    section = page.by_id("files")
    names, texts = section.find("h3"), section.find("pre")
    assert {n.said: t.text for n, t in zip(names, texts, strict=True)} == expected
    assert len(expected) >= 3


def test_the_same_bytes_each_time() -> None:
    """Two processes, in which sets and maps come in another order, print the same."""
    command = [sys.executable, "-m", "nsgen", "page", "examples/compose-like.yaml"]
    texts = {
        subprocess.run(
            command,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_only_its_own_script_may_run() -> None:
    """There is one script, and its hash is the one that the policy names; it may ask for nothing."""
    page = read(ARTICLE)
    (script,) = page.find("script")
    digest = b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(one.strip().split(" ", 1) for one in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"


# -- hostile texts ------------------------------------------------------------------------------

HTML = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</code></style><style>*{display:none}",
    "]]>",
    "<!--",
    "&lt;b&gt; &amp; &",
    "{{ 7 * 7 }}{% raw %}",
)


def test_hostile_texts_are_texts() -> None:
    """Whatever is written where text is free is shown as it is, and becomes no element."""
    texts = [text for text in (*TEXTS, *HTML) if "\0" not in text]
    plain = [text for text in texts if text.isprintable() and text]
    names = [text for text in plain if "=" not in text]
    data = {
        "name": "demo",
        "networks": {"bridge0": {"subnet": "192.168.15.0/24", "internet": True}},
        "namespaces": {
            "red": {
                "networks": {"bridge0": "192.168.15.2"},
                "services": {"web": {"command": ["prog", *texts]}},
                "dns": {"options": plain},
            }
        },
        "host": {
            "exec": [{"up": ["prog", text], "down": ["prog", text]} for text in texts],
            "sysctls": {
                f"kernel.x{n}": text for n, text in enumerate(names) if text.strip() == text
            },
        },
    }
    done = nsgen("-", said=yaml.safe_dump(data, allow_unicode=True))
    assert done.exit_code == 0, done.output
    page = parse(done.stdout)
    plain_page = read(ARTICLE)
    assert {one.tag for one in page.all()} <= {one.tag for one in plain_page.all()} | {"br"}
    assert len(page.find("script")) == len(page.find("svg")) == 1
    known = {name for one in plain_page.all() for name in one.attributes}
    assert {name for one in page.all() for name in one.attributes} <= known
    shown_text = page.by_id("script").text + page.by_id("files").text
    for text in HTML:
        assert text.replace("'", "") in shown_text.replace("\\'", "").replace(
            "'\"'\"'", ""
        ).replace("'", ""), text
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


def test_a_hostile_file_name_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a file is shown as it is."""
    monkeypatch.chdir(tmp_path)
    name = "<script>alert(1)<x>.yaml"
    Path(name).write_text("namespaces: {green: {networks: {bridge0: 192.168.15.9}}}\n")
    text = ARTICLE.read_text().replace("name: article", f"name: article\ninclude: {name!r}")
    done = nsgen("-", said=text)
    assert done.exit_code == 0, done.output
    page = parse(done.stdout)
    assert len(page.find("script")) == 1
    assert [one.said for one in page.by_id("topology").find("h3")] == ["<stdin>", name]


# -- what came of it, and what changes ----------------------------------------------------------


def test_what_failed_is_shown() -> None:
    """A claim that does not hold is marked, with the reason; one that was not tried is no success."""
    loaded = compile_topology("article.yaml", ARTICLE.read_bytes())
    assert loaded.topology is not None
    plan, picture = make_plan(loaded.topology), svg(loaded.topology)
    result = claimed(plan)
    for index, claim in enumerate(result.claims):
        result.verdicts[index] = (
            f"ok {claim.by or 'ping'} {(claim.peers or ('-',))[0]}" if claim.answered else "timeout"
        )
    columns = {(claim.asker, claim.column): index for index, claim in enumerate(result.claims)}
    result.verdicts[columns["blue", "internet"]] = "timeout"
    result.verdicts[columns["outside", "red itself"]] = "ok red 172.16.1.5"
    result.verdicts[columns["red", "8080 of others"]] = "skipped"
    result.phases = [("up", True, ""), ("check", False, "host: <changed>")]
    page = parse(printed(review(loaded, plan, picture, result), picture))
    found = {key: cell.said for key, cell in cells(page).items()}
    assert found.pop(("blue", "internet")) == SIGNS["failed"]
    assert found.pop(("outside", "red itself")) == SIGNS["failed"]
    assert found.pop(("red", "8080 of others")) == SIGNS["untried"]
    assert SIGNS["failed"] not in found.values()
    assert "answered by red" in told(page, cells(page)["outside", "red itself"]).said
    assert "timeout" in told(page, cells(page)["blue", "internet"]).said
    assert "check finds no difference" in page.by_id("reach").said
    assert "host: <changed>" in page.by_id("reach").text


def test_what_changes_is_on_it(tmp_path: Path) -> None:
    """With another topology, the page says what `nsgen diff` says; without, it says nothing of changes."""
    new = tmp_path / "new.yaml"
    new.write_text(
        ARTICLE.read_text().replace("8080:80", "8081:80").replace("192.168.15.3", "192.168.15.9")
    )
    done = nsgen(new, "--against", ARTICLE)
    assert done.exit_code == 0, done.output
    change = parse(done.stdout).by_id("change")
    text = CliRunner().invoke(main, ["diff", str(ARTICLE), str(new)]).stdout
    told_lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    flat = re.sub(r"\s+", " ", change.said)
    for line in told_lines:
        assert " ".join(line.rstrip(":").split()) in flat, line
    assert "blue: device veth-blue is changed" in flat
    assert not [one for one in read(ARTICLE).all() if one.id == "change"]


def test_wrong_usage() -> None:
    """Standard input is one of the two; two topologies are no change; a wrong one has no page."""
    assert nsgen("-", "--against", "-", said="name: a").exit_code == 2
    done = nsgen(ARTICLE, "--against", EXAMPLES / "chain.yaml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "these are two topologies, chain and article" in done.stderr
    done = nsgen("-", said="name: 7 7")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "<stdin>:1:7: error" in done.stderr


# -- how it looks -------------------------------------------------------------------------------

# Text on what is behind it, for which WCAG 2.2 asks 4.5 to 1 (1.4.3); and what shows the focus, 3 to 1 (1.4.11).
TEXT_ON = [
    *((text, page) for text in ("text", "quiet", "link", "bad") for page in ("page", "panel")),
    *(("text", "mark"), ("link", "mark"), ("text", "open-page"), ("quiet", "mark")),
    *(("yes", "yes-page"), ("no", "no-page"), ("bad", "bad-page"), ("open", "open-page")),
]
SEEN_ON = [
    ("focus", page) for page in ("page", "panel", "yes-page", "no-page", "bad-page", "open-page")
]


def colours(part: str) -> dict[str, str]:
    """The colours of a part of the style sheet."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """What is to be read can be read, in light and dark."""
    style = (CHECKOUT / "templates/page/review.css").read_text()
    light, _, rest = style.partition("@media (prefers-color-scheme: dark)")
    found = colours(light) | (colours(rest[: rest.index("* {")]) if scheme == "dark" else {})
    low = {
        (one, other): round(contrast(found[one], found[other]), 2)
        for least, pairs in ((4.5, TEXT_ON), (3.0, SEEN_ON))
        for one, other in pairs
        if contrast(found[one], found[other]) < least
    }
    assert low == {}


def test_many_are_told_as_few() -> None:
    """Of 200 namespaces, those of whom the same is to be said are one row, and their ports one column."""
    lines = [f'  ns{n}: {{networks: [lan], publish: ["{8000 + n}:80"]}}\n' for n in range(200)]
    text = "name: big\nnetworks: {lan: {subnet: 10.1.0.0/16, internet: true}}\nnamespaces:\n"
    done = nsgen("-", said=text + "".join(lines))
    assert done.exit_code == 0, done.output
    page = parse(done.stdout)
    found = cells(page)
    assert ("ns1 and 198 alike", "internet") in found
    assert ("outside", "ports at eth0") in found
    lit = told(page, found["ns1 and 198 alike", "internet"]).attributes["data-lights"].split()
    assert page.by_id("node-internet").id in lit
    assert any(one.startswith("node-ns") for one in lit)
    assert len(found) < 100
    assert len(done.stdout) < 2_000_000


def test_any_name_of_a_topology() -> None:
    """A name with what ends a comment in XML is a name."""
    done = nsgen(
        "-", said="name: a----b---\nnetworks: {lan: {}}\nnamespaces: {red: {networks: [lan]}}\n"
    )
    assert done.exit_code == 0, done.output
    assert parse(done.stdout).find("h1")[0].said == "a----b---"
