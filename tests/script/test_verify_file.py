"""`verify.bats`: what of the claims it asks, in which words, and who has to listen for it; what it does is in bats."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import hostile
from compiling import ALL_EXAMPLES, compile_text
from nsgen.plan.make import make_plan
from nsgen.plan.steps import Plan
from nsgen.script import targets

CHECKOUT = Path(__file__).resolve().parents[2]
PREPROCESS = CHECKOUT / "node_modules/bats/libexec/bats-core/bats-preprocess"
TEST = re.compile(r'^@test "([A-Za-z0-9 .,:\'/_-]+)" \{\n((?:  .*\n)+)\}$', re.MULTILINE)
# Two networks with both IP versions, one behind a gateway only; red publishes in every way that matters here.
TOPOLOGY = """\
name: demo
networks:
  front: {subnet: [10.0.0.0/24, "fd00::/64"], internet: true}
  back: {subnet: 10.1.0.0/24}
namespaces:
  red:
    networks: [front]
    publish: PUBLISH
  blue: {networks: [front]}
  ada: {networks: [back]}
expect: EXPECT
"""


def text_of(plan: Plan) -> str:
    """What is written, or nothing."""
    file = targets.tree(plan).get("verify.bats")
    return file.text if file else ""


def topology(publish: str = "[]", expect: str = "[]") -> Plan:
    """The topology of these tests, with what is published and expected."""
    return compile_text(TOPOLOGY.replace("PUBLISH", publish).replace("EXPECT", expect))


def asked(publish: str = "[]", expect: str = "[]") -> dict[str, list[str]]:
    """The tests of the topology: title and commands."""
    found = TEST.findall(text_of(topology(publish, expect)))
    return {title: [line.strip() for line in body.splitlines()] for title, body in found}


PLAIN = asked()


def more(publish: str = "[]", expect: str = "[]") -> dict[str, list[str]]:
    """The tests that are there for one port, or for one expectation."""
    return {title: lines for title, lines in asked(publish, expect).items() if title not in PLAIN}


def test_pings() -> None:
    """Members, gateways, the host and networks that are apart are asked by pings, by each IP version that both have."""
    assert PLAIN["red reaches blue by a ping to 10.0.0.3"] == ["pings red 10.0.0.3"]
    assert PLAIN["red reaches blue by a ping to fd00::3"] == ["pings red fd00::3"]
    assert PLAIN["ada reaches the host by a ping to 10.1.0.1"] == ["pings ada 10.1.0.1"]
    assert PLAIN["the host reaches ada by a ping to 10.1.0.2"] == ["pings host 10.1.0.2"]
    assert PLAIN["ada does not reach red by a ping to 10.0.0.2"] == ["run ! pings ada 10.0.0.2"]
    assert all(len(lines) == 1 and "pings" in lines[0] for lines in PLAIN.values())


def test_a_published_port() -> None:
    """It is asked for by everybody and every address of this machine, if somebody listens; nobody else is asked."""
    listens = ["listens red 10.0.0.2 80", "listens red fd00::2 80"]
    front, back = ["10.0.0.1", "fd00::1"], "10.1.0.1"
    own = "published port 8080 by"
    expected = {
        **{
            f"{name} reaches {whose} {own} {to}": [first, f"connects {node} {to} 8080"]
            for name, node, whose in (
                ("the host", "host", "red's"),
                ("red", "red", "its own"),
                ("blue", "blue", "red's"),
            )
            for to, first in zip(front, listens, strict=True)
        },
        f"the host reaches red's {own} 127.0.0.1": [listens[0], "connects host 127.0.0.1 8080"],
        f"the host does not reach {own} ::1": ["run ! connects host ::1 8080"],
        f"ada reaches red's {own} {back}": [listens[0], f"connects ada {back} 8080"],
    }
    assert more('["8080:80"]') == expected


def test_a_range_has_its_target() -> None:
    """Who listens on the port that a range's last one leads to is what is looked for."""
    found = more('["8000-8010:9000-9010"]')
    lines = found["blue reaches red's published port 8010 by 10.0.0.1"]
    assert lines == ["listens red 10.0.0.2 9010", "connects blue 10.0.0.1 8010"]


def test_who_is_left_out() -> None:
    """Whom `reach` leaves out must not be answered, whoever listens."""
    found = more("[{published: 8080, target: 80, reach: [host]}]")
    for who in ("blue", "red"):
        lines = found[f"{who} does not reach published port 8080 by 10.0.0.1"]
        assert lines == [f"run ! connects {who} 10.0.0.1 8080"]
    assert "the host reaches red's published port 8080 by 10.0.0.1" in found


def test_one_address() -> None:
    """What is published on one address is asked for on the others, too, but on none that only this host may have."""
    found = more('["127.0.0.1:8080:80", "192.0.2.1:8080:81"]')
    answered = {title: lines for title, lines in found.items() if "not" not in title.split()}
    title = "the host reaches red's published port 8080 by 127.0.0.1"
    assert answered == {title: ["listens red 10.0.0.2 80", "connects host 127.0.0.1 8080"]}
    assert "blue does not reach published port 8080 by 10.0.0.1" in found
    assert "192.0.2.1" not in str(found)


@pytest.mark.parametrize("publish", ['["53:53/udp"]', '["99:99/sctp"]'])
def test_other_protocols_are_not_asked_for(publish: str) -> None:
    """UDP and SCTP are for a rehearsal."""
    assert more(publish) == {}


EXPECTATIONS = {
    "{from: red, to: blue}": {},  # claimed anyway
    "{from: red, to: 'blue:22'}": {
        "red reaches port 22 of blue by 10.0.0.3": [
            "listens blue 10.0.0.3 22",
            "connects red 10.0.0.3 22",
        ]
    },
    "{from: red, to: 'blue:22', reach: false}": {
        "red does not reach port 22 of blue by 10.0.0.3": ["run ! connects red 10.0.0.3 22"]
    },
    "{from: red, to: 'host:22'}": {
        "red reaches port 22 of the host by 10.0.0.1": [
            "listens host 10.0.0.1 22",
            "connects red 10.0.0.1 22",
        ]
    },
    "{from: red, to: '[::1]:22'}": {
        "red reaches port 22 of itself by ::1": ["listens red ::1 22", "connects red ::1 22"]
    },
    "{from: red, to: 10.0.0.77}": {"red reaches by a ping 10.0.0.77": ["pings red 10.0.0.77"]},
    "{from: red, to: '10.0.0.77:22'}": {
        "red reaches port 22 of 10.0.0.77": ["connects red 10.0.0.77 22"]
    },
    **{
        f"{{from: {who}, to: {to}}}": {}
        for who, to in (
            ("outside", "host"),
            ("red", "internet"),
            ("red", "203.0.113.10"),
            ("ada", "'10.0.0.1:53/udp'"),
            ("host", "outside"),
        )
    },
}


@pytest.mark.parametrize("written", EXPECTATIONS)
def test_expectations(written: str) -> None:
    """What the author expects is asked, if it can be asked here."""
    assert more(expect=f"[{written}]") == EXPECTATIONS[written]


@pytest.mark.parametrize("example", ALL_EXAMPLES, ids=lambda path: path.stem)
def test_every_test_is_one(example: Path) -> None:
    """No two have one title, each belongs to a claim, and a topology without any has no file."""
    text = text_of(compile_text(example.read_text()))
    titles = [title for title, _ in TEST.findall(text)]
    assert len(titles) == text.count("@test") == len(set(titles))
    assert bool(titles) == bool(text)


def test_of_many_some_are_asked() -> None:
    """Of many namespaces not every pair is asked, and the file says so."""
    many = "name: demo\nnetworks: {br0: {subnet: 10.0.0.0/16}}\nnamespaces:\n  n[1-200]: {networks: [br0]}\n"
    text = text_of(compile_text(many))
    assert len(TEST.findall(text)) == 800
    assert "# Of so many namespaces each asks the next one on its network" in text
    assert "Of so many" not in text_of(compile_text(ALL_EXAMPLES[0].read_text()))
    assert max(map(len, text.splitlines())) <= 120


def renamed(name: str) -> Plan:
    """Give a plan in which a namespace has a name that no topology can give it."""
    known = topology('["8080:80"]').topology
    red, *others = known.namespaces
    members = tuple(replace(member, namespace=name) for member in red.members)
    published = tuple(replace(p, member=members[0]) for p in known.publications)
    namespaces = (replace(red, name=name, members=members), *others)
    return make_plan(replace(known, namespaces=namespaces, publications=published))


NAMES = [text for text in hostile.TEXTS if text.isprintable() and text not in ("", "host")]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_title_is_text(name: str) -> None:
    """Whatever a namespace is called, there is nothing to expand in a title, and bash reads the rest to its end."""
    text = text_of(renamed(name))
    titles = re.findall(r"^@test .*$", text, re.MULTILINE)
    assert len(titles) == text.count("@test ") == len(TEST.findall(text)) > 10
    if not PREPROCESS.exists():
        pytest.skip("bats is not installed")
    script = f"BATS_ROOT={PREPROCESS.parents[2]} BATS_LIBDIR=lib {PREPROCESS} <(cat) | bash -n"
    done = subprocess.run(
        ["bash", "-c", script], input=text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_odd_names_pass_shellcheck(program: Callable[[str], str], tmp_path: Path) -> None:
    """ShellCheck has nothing to say where names mean something to a shell, nor where only some questions are asked."""
    names = [*hostile.NAMES, "shellcheck", "bats"]
    lines = [
        f'  "{name}": {{networks: [br0], publish: ["{8000 + n}:80"]}}'
        for n, name in enumerate(names)
    ]
    head = "name: demo\nnetworks: {br0: {subnet: 10.0.0.0/24, internet: true, isolate: ISOLATE}}\nnamespaces:\n"
    odd = head.replace("ISOLATE", "false") + "\n".join(lines)
    lonely = "name: demo\nexpect: [{from: host, to: 'host:22'}, {from: host, to: 127.0.0.1}]\n"
    barred = lonely.replace("22'", "22', reach: false")
    isolated = (
        head.replace("ISOLATE", "true")
        .replace("24,", "24, gateway: false,")
        .replace("internet: true,", "")
    )
    isolated += "  a: {networks: [br0]}\n  b: {networks: [br0]}\n"
    for number, text in enumerate((odd, lonely, barred, isolated)):
        written = text_of(compile_text(text))
        assert "shellcheck disable" not in written
        (tmp_path / f"{number}.bats").write_text(written)
    files = sorted(tmp_path.glob("*.bats"))
    done = subprocess.run(
        [program("shellcheck"), "--norc", "--severity=style", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def test_it_is_ours() -> None:
    """One that a topology needs no longer is removed with its other files."""
    text = text_of(
        compile_text(
            "name: demo\nnamespaces: {a: {}, b: {}}\nlinks: [{endpoints: {a:x: 10.0.0.1/24, b:y: 10.0.0.2/24}}]\n"
        )
    )
    assert targets.owner("demo")("verify.bats", text)
    assert not targets.owner("demo")("verify.bats", "#!/usr/bin/env bats\n")


def test_what_loses_packets_promises_nothing() -> None:
    """Of two cables, one of which loses packets on purpose, the other is asked."""
    written = """
name: lossy
links:
  - {endpoints: {a:one: 10.9.1.1/24, b:one: 10.9.1.2/24}, impair: {loss: 50%}}
  - {endpoints: {a:two: 10.9.2.1/24, b:two: 10.9.2.2/24}, impair: {delay: 10ms}}
namespaces: {a: {}, b: {}}
"""
    topology = compile_text(written).topology
    assert topology is not None
    text = text_of(make_plan(topology))
    assert "pings b 10.9.2.1" in text
    assert "10.9.1." not in text
