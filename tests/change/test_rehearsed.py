"""`nsgen diff --verify`: a change is rehearsed, and what was told of it is held against what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiling import compile_text
from nsgen.change.compare import Change
from nsgen.change.interrupted import Interruption, interrupted
from nsgen.change.rehearsed import Measured, Rehearsed
from nsgen.proof.claims.all import Claim
from nsgen.proof.rehearse import Result
from nsgen.topology.model import Topology

SMALL = """\
name: small
networks:
  bridge0: {subnet: 10.1.0.0/24, internet: true}
  bridge1: {subnet: 10.2.0.0/24}
namespaces:
  red:
    networks: {bridge0: 10.1.0.2}
    publish: ["8080:80"]
    services: {web: {command: [python3, -m, http.server, "80"], directory: /usr/share/doc}}
  blue: {networks: {bridge0: 10.1.0.3}}
  green: {networks: {bridge1: 10.2.0.2}}
"""


def verify(folder: Path, new: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Rehearse a change of the small topology, as users do."""
    (folder / "old.yaml").write_text(SMALL)
    command = [
        sys.executable,
        "-m",
        "nsgen",
        "diff",
        str(folder / "old.yaml"),
        "-",
        "--verify",
        *words,
    ]
    return subprocess.run(command, input=new, capture_output=True, text=True, check=False)


def lost_of(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Whose connections lost something."""
    lost = json.loads(done.stdout)["rehearsed"]["interrupted"]
    return {"green" if "green" in one["connection"] else one["connection"] for one in lost}


def test_what_is_rebuilt_is_interrupted(tmp_path: Path) -> None:
    """For a while; what has nothing to do with it goes on, and all claims of both hold."""
    new = SMALL.replace("{subnet: 10.2.0.0/24}", "{subnet: 10.2.0.0/24, mtu: 1400}")
    done = verify(tmp_path, new, "--format", "json")
    if lost_of(done) - {"green"}:  # what a busy machine loses is not lost each time
        done = verify(tmp_path, new, "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)["rehearsed"]
    lost = {one["connection"] for one in found["interrupted"]}
    assert found["ok"]
    assert found["connections"] > 8
    assert lost >= {"green -> host (ping)", "host -> green (ping)"}
    assert all("green" in connection for connection in lost)
    assert all(
        one["announced"] and one["lost"] and one["seconds"] > 0 for one in found["interrupted"]
    )
    assert [(phase["name"], phase["ok"]) for phase in found["phases"]] == [
        *(("change", True), ("fresh", True), ("check", True), ("down", True))
    ]
    assert all(
        found[which]["claims"] > 20 and found[which]["wrong"] == [] for which in ("old", "new")
    )


def test_what_is_added_interrupts_nothing(tmp_path: Path) -> None:
    """And the exit status of --exit-code says that something changes."""
    new = (
        SMALL.replace("publish: [", 'publish: ["8081:81", ')
        + "  black: {networks: {bridge1: 10.2.0.9}}\n"
    )
    done = verify(tmp_path, new, "--exit-code")
    if "rehearsed: 0 of " not in done.stdout:  # what a busy machine loses is not lost each time
        done = verify(tmp_path, new, "--exit-code")
    assert done.returncode == 2, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("rehearsed: 0 of ")
    assert last.endswith("change, fresh, check, down: ok")
    assert "nsgen: changing it\n" in done.stderr


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (
            SMALL + "  bad: {exec: [{up: ['false']}]}\n",
            "the new one cannot be built: exit status 1",
        ),
        (SMALL + "  bad: {services: {x: {command: ['false']}}}\n", "bad.x ended at once"),
    ],
)
def test_what_cannot_be_built(tmp_path: Path, new: str, said: str) -> None:
    """Is told before anything is changed."""
    done = verify(tmp_path, new, "--exit-code")
    assert done.returncode == 1
    assert said in done.stderr


# -- what is not as it was told --------------------------------------------------------------------


def rehearsed(**more: Any) -> Rehearsed:
    """Give what came of a rehearsal in which one connection of two was interrupted."""
    topology = compile_text(SMALL).topology
    assert isinstance(topology, Topology)
    flows = [
        Measured("red", "10.1.0.3", 0, "ping", "blue", 0, "red -> blue (ping)"),
        Measured("red", "203.0.113.10", 7001, "tcp", "internet", 7001, "red -> internet (tcp)"),
    ]
    given: dict[str, Any] = {"old": Result([]), "new": Result([]), "announced": []} | more
    came: list[tuple[int, int, float | None]] = [(0, 12, 0.0625), (1, 0, 0.0)]
    return Rehearsed(flows, names=(topology, topology), begun=[0, 1], came=came, **given)


def test_an_interruption_that_nobody_told_of() -> None:
    """Fails; one that was told, of either end, or of somebody who passes it on, does not."""
    found = rehearsed()
    assert found.failed
    lines = list(found.lines())
    assert lines[0] == "FAIL red -> blue (ping) was interrupted for 62 ms, 12 packets lost"
    assert lines[1].startswith(
        "rehearsed: 1 of 2 connections interrupted; 1 of them not announced;"
    )
    for told in (Interruption("blue"), Interruption("red"), Interruption("host", passes=True)):
        assert not rehearsed(announced=[told]).failed
    assert rehearsed(announced=[Interruption("host")]).failed


def test_what_else_can_fail() -> None:
    """The result, and what either claims."""
    told = [Interruption("red")]
    new = Result([], phases=[("change", True, ""), ("fresh", False, "gone: x")])
    found = rehearsed(announced=told, new=new)
    assert found.failed
    lines = list(found.lines())
    assert lines[1:3] == [
        "FAIL the result is what a fresh build of the new one gives",
        "     gone: x",
    ]
    claim = Claim("red", "blue", "10.1.0.3", 0, "ping", answered=True, why="they do")
    found = rehearsed(announced=told, old=Result([claim], {0: "refused"}))
    assert found.failed
    assert "FAIL of the old one: red -> 10.1.0.3 must be answered (they do): refused" in "\n".join(
        found.lines()
    )
    assert found.json()["old"]["wrong"]


# -- what this kernel cannot make ------------------------------------------------------------------

KINDS = """\
name: kinds
links: [{endpoints: {"a:eth0": 10.1.0.1/24, "b:eth0": 10.1.0.2/24}}]
namespaces:
  a: {interfaces: {V}}
  b: {forwarding: true}
"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "v0: {type: vlan, id: 7, link: eth0}",
            "v0: {type: vlan, id: 8, link: eth0}",
            {"v0": "its `id` is fixed when it is made"},
        ),
        (
            "v0: {type: dummy}",
            "v0: {type: bridge}",
            {"v0": "it was of the kind dummy, and is to be a bridge"},
        ),
        (
            "v0: {type: dummy}",
            "v0: {type: dummy, mtu: 1400}",
            {"v0": "its MTU is fixed when it is made"},
        ),
        (
            "v0: {type: dummy}, v1: {type: vlan, id: 7, link: v0}",
            "v0: {type: dummy, mtu: 1400}, v1: {type: vlan, id: 7, link: v0}",
            {
                "v0": "its MTU is fixed when it is made",
                "v1": "it is made on v0, and goes with that",
            },
        ),
    ],
)
def test_why_devices_of_every_kind_are_rebuilt(
    before: str, after: str, told: dict[str, str]
) -> None:
    """The reason is what differs in the line that makes it; what is made on it goes, too."""
    old, new = (compile_text(KINDS.replace("{V}", f"{{{text}}}")) for text in (before, after))
    change = Change(old, new)
    assert {one.key.name: one.why for one in change.differences if one.action == "rebuild"} == told
    assert [(one.node, one.passes) for one in interrupted(change)] == [("a", False)]


def test_who_passes_something_on_is_told() -> None:
    """A cable to a router interrupts the connections of others, too."""
    old = compile_text(KINDS.replace("{V}", "{}"))
    new = compile_text(KINDS.replace("{V}", "{}").replace("24}}]", "24}, mtu: 1400}]"))
    assert [(one.node, one.passes) for one in interrupted(Change(old, new))] == [
        ("a", False),
        ("b", True),
    ]
