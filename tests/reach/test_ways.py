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
from nsgen.cli.commands import main
from nsgen.compiler import compile_topology
from nsgen.proof.claims.wires import questions
from nsgen.reach.ways import Reach
from nsgen.topology.model import Topology

TESTS = Path(__file__).resolve().parents[1]
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
        for path in sorted((TESTS / "ways").glob("*.yaml"))
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


def worked_out(text: str) -> dict[str, list[str]]:
    """Give, by node, the routes that nobody wrote: where each leads, and by which device."""
    return {
        node.name: [f"{route.to or 'default'} {route.dev}" for route in node.auto_routes]
        for node in topology(text).nodes
    }


def test_a_network_that_is_left_out() -> None:
    """No route leads to a network that is left out, or goes by whoever is on it, be it by a bridge."""
    text = (TESTS / "topologies/left-out.yaml").read_text(encoding="utf-8")
    found = worked_out(text)
    assert not [r for own in found.values() for r in own if "192.168.9." in r or "fd00:99:" in r]
    assert found["r2"] == ["10.3.0.0/24 right", "10.0.9.0/30 left", "fd00:3::/64 right"]
    assert found["pc"] == ["default veth-pc-lan", "default veth-pc-lan"]
    assert (found["jump"], found["host"]) == ([], [])
    bridged = text.replace(
        "  far: {}",
        "  far: {}\n  bridged: {networks: {mgmt: {}}, forwarding: true, interfaces:"
        " {br0: {type: bridge, ports: [veth-bridged], address: 192.168.9.200/24}}}",
    )
    assert worked_out(bridged) == {**found, "bridged": []}
    # And where it is not left out, that is the shortest way.
    assert worked_out(text.replace(", routing: off", ""))["r1"][0] == "10.3.0.0/24 veth-r1"


MESH = """\
name: mesh
routing: auto
namespaces: {"r[1-30]": {forwarding: true}}
links: [{mesh: "r[1-30]", subnet: 10.0.0.0/16}]
"""
STAR = """\
name: star
routing: auto
namespaces: {switch: {forwarding: true}, "leaf[1-900]": {}}
links: [{endpoints: ["switch:to-[1-900]", "leaf[1-900]:eth0"], subnet: 10.[1-900].0.0/24}]
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
