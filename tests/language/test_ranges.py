"""Ranges: what their brackets hold, to whom it is dealt, and where it is written afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from nsgen.compiler import Compiled, compile_topology
from nsgen.language.ranges import BRACKETS, at_step, steps
from nsgen.language.yaml.deal import deal
from nsgen.language.yaml.excerpt import unpainted
from nsgen.language.yaml.include import Inputs
from nsgen.language.yaml.source import parse
from nsgen.language.yaml.variables import Variables
from nsgen.report import MAX_BYTES, Report


def compiled(text: str, **variables: str) -> Compiled:
    """Compile a topology."""
    return compile_topology("t.yaml", text.encode(), Inputs(variables=Variables(variables)))


def dealt(text: str) -> Any:
    """A topology as plain data, with what its ranges stand for."""
    report = Report()
    source = parse(text, "t.yaml", report)
    assert source is not None
    deal(source, report)
    assert report.findings == []
    return source.data


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("1-3", ["1", "2", "3"]),
        ("7-7", ["7"]),
        ("08-10", ["08", "09", "10"]),
        ("2-4,1", ["2", "3", "4", "1"]),
        ("red,blue", ["red", "blue"]),
        ("fd00::1,fd00::2", ["fd00::1", "fd00::2"]),
        ("a-c,1-2", ["a-c", "1", "2"]),
        ("10.0.0.1/8,eth0.5", ["10.0.0.1/8", "eth0.5"]),
    ],
)
def test_what_is_a_range(inside: str, found: list[str]) -> None:
    """Two numbers, or a list of words without blanks."""
    text = f"x[{inside}]y"
    match = BRACKETS.search(text)
    assert match is not None
    assert list(steps(match["dealt"])) == found
    assert [at_step(text, step) for step in range(len(found))] == [f"x{one}y" for one in found]


@pytest.mark.parametrize(
    "text",
    [
        *("[::]:80", "[fd00::1]:80", "[2001:db8::10]", "[]", "[1]", "[a-z]", "[a-zA-Z0-9]", "[^1-3]"),
        *("[1, 2]", "[a,]", "[,a]", '["a","b"]', "[[:digit:]]", "[ -f x ]", "[[ a ]]", "[1-3", "1-3]", "[1-1234567]"),
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    """An address, a class of a regular expression, a test of a shell, JSON: text."""
    assert not BRACKETS.search(text)
    topology = {"r[1-2]": {"hosts": {"x[1-2]": text}}}
    assert dealt(f"namespaces: {topology}") == {
        "namespaces": {"r1": {"hosts": {"x1": text}}, "r2": {"hosts": {"x2": text}}}
    }


def test_literal_brackets_are_doubled() -> None:
    """Two brackets around what would be a range are one, in entries that deal."""
    entry = "{exec: [{up: [grep, '[[0-9]][[a,b]][1-2]']}]}"
    data = dealt(f"namespaces: {{'r[1-2]': {entry}, 'alone[1-2]': {{exec: [[['[[0-9]]']]]}}}}")
    words = [data["namespaces"][name]["exec"][0]["up"][1] for name in ("r1", "r2")]
    assert words == ["[0-9][a,b]1", "[0-9][a,b]2"]
    assert data["namespaces"]["alone2"] == {"exec": [[["[0-9]"]]]}


def test_other_entries_keep_their_brackets() -> None:
    """Where no name has a range, none is looked for; and where nothing is dealt, namespaces stay one entry."""
    data = {"red": {"exec": [["[1-3]", "[[1-3]]"]]}, "r[1-3]": {"exec": [["[a-z]"]]}}
    assert dealt(f"namespaces: {data}") == {"namespaces": data}


def test_keys_and_values_of_all_sections() -> None:
    """Networks and namespaces by their names, links and expectations by any range in them."""
    data = dealt(
        "networks: {'br[1-2]': {subnet: '10.[1-2].0.0/16'}, 'lone[1-2]': }\n"
        "namespaces: {'[red,blue]': {networks: {'br[1-2]': '10.[1-2].0.5'}}}\n"
        "links: [{endpoints: {'r[1-2]:a': '10.9.0.[1,3]/31', 'r[2,1]:b': }}, {mesh: 'm[1-3]'}]\n"
        "expect: [{from: red, to: 'host:8[1-2]'}]\n"
    )
    assert data == {
        "networks": {
            "br1": {"subnet": "10.1.0.0/16"},
            "br2": {"subnet": "10.2.0.0/16"},
            "lone1": None,
            "lone2": None,
        },
        "namespaces": {
            "red": {"networks": {"br1": "10.1.0.5"}},
            "blue": {"networks": {"br2": "10.2.0.5"}},
        },
        "links": [
            {"endpoints": {"r1:a": "10.9.0.1/31", "r2:b": None}},
            {"endpoints": {"r2:a": "10.9.0.3/31", "r1:b": None}},
            {"mesh": "m[1-3]"},
        ],
        "expect": [{"from": "red", "to": "host:81"}, {"from": "red", "to": "host:82"}],
    }


def test_an_alias_is_dealt_in_each_place() -> None:
    """What an alias stands for is dealt to those who have it, and stays whole for the others."""
    data = dealt(
        "namespaces:\n"
        "  r[1-2]: &alike {hosts: {x: '10.0.0.[1-2]'}}\n"
        "  s[5-6]: *alike\n"
        "  red: *alike\n"
    )
    assert {name: entry["hosts"]["x"] for name, entry in data["namespaces"].items()} == {
        "r1": "10.0.0.1",
        "r2": "10.0.0.2",
        "s5": "10.0.0.1",
        "s6": "10.0.0.2",
        "red": "10.0.0.[1-2]",
    }


def test_variables_come_first() -> None:
    """A variable may be in a range, or bring one; one without a value is the only error."""
    text = (
        "name: demo\nnamespaces:\n  r[1-3]:\n"
        '    interfaces: {lo: {address: ["10.255.0.[1-${LAST:-3}]/32", "${MORE}"]}}\n'
    )
    found = compiled(text, MORE="10.254.0.[5-7]/32")
    assert found.topology is not None
    addresses = [str(one) for one in found.topology.namespaces[2].interfaces[0].addresses]
    assert addresses == ["10.255.0.3/32", "10.254.0.7/32"]
    missing = compiled(text).show(10, unpainted)
    assert len(missing) == 1
    assert "'MORE' is not set" in missing[0]
    # Where the range is not written as it is read, the caret is under its value.
    longer = compiled(text, MORE="10.254.0.[5-7]/32", LAST="2").findings()
    assert [finding.at for finding in longer] == [(4, 33)]


def test_places_after_dealing() -> None:
    """A finding is where the entry is written, its path as in the file, and what is said of several is said once."""
    text = (
        "name: demo\n"
        "links:\n"
        '  - {endpoints: ["r[1-3]:a", "r[2-3,1]:b"]}\n'
        "  - {endpoints: [r1:c, r2:c], mtu: x}\n"
        "namespaces:\n"
        "  r[1-3]:\n"
        '    hosts: {"h[1-3]": 10.0.0.x}\n'
    )
    found = compiled(text)
    assert [(finding.at, finding.path) for finding in found.findings()] == [
        ((4, 36), ("links", 1, "mtu")),
        ((7, 23), ("namespaces", "r[1-3]", "hosts", "h[1-3]")),
    ]
    assert found.place(("namespaces", "r2", "hosts")) == "t.yaml:7"


def test_what_is_dealt_is_bounded() -> None:
    """A few bytes do not become gigabytes."""
    for text in (
        f"name: demo\nnamespaces:\n  r[1-99999]: {{hosts: {{'h[1-99999]': '{'x' * 1000}'}}}}\n",
        f"name: demo\nnamespaces:\n  r[1-2]: {{hosts: {{h: '[{'1-99999,' * 50000}1]'}}}}\n",
    ):
        shown = " ".join(compiled(text).show(10, unpainted))
        assert f"more than {MAX_BYTES // 1024 // 1024} MiB" in shown or "100000 entries" in shown
