"""Who reaches whom, told from a topology without a kernel; and the routes that `routing: auto` works out."""

from __future__ import annotations

import json
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from compiling import ALL_EXAMPLES, compile_text
from nsgen.claims_wires import questions
from nsgen.cli import main
from nsgen.compiler import compile_topology
from nsgen.reach import Reach
from nsgen.topology import Topology

HERE = Path(__file__).resolve().parent
LINE = """\
name: line
{routing}
namespaces:
  node[1-{last}]: {{forwarding: true}}
links:
  - endpoints: ["node[1-{before}]:right", "node[2-{last}]:left"]
    subnet: ["10.0.[1-{before}].0/24", "fd00:[1-{before}]::/64"]
"""


def line(last: int, routing: str = "routing: auto") -> str:
    """Give a line of nodes."""
    return LINE.format(last=last, before=last - 1, routing=routing)


def topology(text: str) -> Topology:
    """Compile a topology that is right."""
    return compile_text(text).topology


def cases() -> list[Any]:
    """Read every case under tests/ways."""
    return [
        pytest.param(case, id=f"{path.stem}: {case['it']}")
        for path in sorted((HERE / "ways").glob("*.yaml"))
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("case", cases())
def test_verdicts(case: dict[str, Any]) -> None:
    """Of each question it is told whether there is an answer, or why there is none, or that it is not known."""
    reach = Reach(topology(case["topology"]))
    for question, expected in case["verdicts"].items():
        asker, to = question.split(" ")
        verdict = reach.verdict(asker, ip_address(to))
        assert (verdict.text or verdict.status) == expected, question


@pytest.mark.parametrize("case", [case for case in cases() if "findings" in case.values[0]])
def test_findings(case: dict[str, Any]) -> None:
    """`nsgen check --reach` tells what is listed, and nothing else."""
    given = case["topology"]
    done = CliRunner().invoke(main, ["check", "--reach", "-"], input=given)
    lines = [x for x in done.stderr.splitlines() if x.startswith("<stdin>:")]
    found = [x.partition(" warning: ")[2] for x in lines]
    assert (done.exit_code, found) == (0, case["findings"])


def test_findings_as_json() -> None:
    """A program reads the same, with the place to mend; and --strict fails on it."""
    broken = line(3, "").replace("node[1-3]: {forwarding: true}", "node[1-3]:")
    done = CliRunner().invoke(main, ["check", "--reach", "--format", "json", "-"], input=broken)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (
        found["findings"][0].items()
        >= {
            "severity": "warning",
            "line": 4,
            "column": 3,
            "path": ["namespaces", "node[1-3]"],
            "message": "node1 has no route to node3 (10.0.2.2)",
        }.items()
    )
    assert CliRunner().invoke(main, ["check", "--strict", "-"], input=broken).exit_code == 0
    done = CliRunner().invoke(main, ["check", "--reach", "--strict", "-"], input=broken)
    assert done.exit_code == 1


@pytest.mark.parametrize("path", ALL_EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_whole(path: Path) -> None:
    """In no example is there a node that cannot be reached."""
    done = CliRunner().invoke(main, ["check", "--reach", "--strict", str(path)])
    assert (done.exit_code, done.stderr) == (0, "")


MESH = """\
name: mesh
routing: auto
namespaces: {"r[1-30]": {forwarding: true}}
links: [{mesh: "r[1-30]", subnet: 10.0.0.0/16}]
"""
STAR = """\
name: star
routing: auto
namespaces: {hub: {forwarding: true}, "leaf[1-900]": {}}
links: [{endpoints: ["hub:to-[1-900]", "leaf[1-900]:eth0"], subnet: 10.[1-900].0.0/24}]
"""
SWITCH = """\
name: switch
routing: auto
networks: {bridge0: {subnet: 10.0.0.0/16}}
namespaces: {"node[1-1000]": {networks: [bridge0]}}
"""
STAR = STAR.replace("10.[1-900].0.0/24", '"fd00:[1000-1899]::/64"')


@pytest.mark.parametrize(
    "text", [line(64), MESH, STAR, SWITCH], ids=["line", "mesh", "star", "switch"]
)
def test_many(text: str) -> None:
    """Many nodes take no longer than a few seconds of this machine's time, with claims, of which there are few."""
    before = time.process_time()
    found = compile_topology("t.yaml", text.encode()).topology
    assert found is not None
    asked = len(list(questions(found, every=False)))
    assert time.process_time() - before < 6
    assert asked <= 4 * (len(found.links) + len(found.nodes))


def test_everybody_in_a_long_line() -> None:
    """In a line of 40 each node reaches each other one, and the last of 66 is too far away for the first."""
    reach = Reach(topology(line(40)))
    owners = [(device.node, a.ip) for device in reach.segments.devices for a in device.addresses]
    assert {
        reach.verdict(n.name, ip).status for n in reach.topology.namespaces for _, ip in owners
    } == {"ok"}
    far = Reach(topology(line(66))).verdict("node1", ip_address("10.0.65.2"))
    assert far.text == "10.0.65.2 is 65 hops away"
