"""What `nsgen diff` tells of forty changes is what `up` does, there and back, as the kernel and the clock show it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from compiling import compile_text
from nsgen.change.compare import Change, Difference
from nsgen.change.interrupted import interrupted
from nsgen.change.reaches import common_scene
from nsgen.change.rehearsed import choose_flows
from nsgen.change.things import Key, Things
from nsgen.ops import AddAddress, AddNeighbour, AddPolicy, AddRoute, RunCommand
from nsgen.plan.steps import Plan
from nsgen.proof.claims.all import Claims
from nsgen.proof.rehearse import play
from nsgen.script import targets
from nsgen.script.lines import Line
from nsgen.topology.needs import FORWARD
from nsgen.values import OUTSIDE

HERE = Path(__file__).resolve().parent
PAIRS = yaml.safe_load((HERE / "pairs.yaml").read_text())
CONNECTIONS = 6
BATCHED = ("ip", "ip6", "bridge", "tc")
GROUP = " group 1853056869"  # what goes is put into it, and it is deleted
# An undone line has its verb turned: what that was, and how the line goes on.
TURNED = (
    (" del ", (" replace ", " add ", " append ")),
    (" nomaster", (" master ",)),
    (" down", (" up",)),
    (" off", (" on",)),
    ("tables 0", ("tables 1",)),
)
Way = dict[str, Any]


def changed(pair: dict[str, Any]) -> tuple[str, str]:
    """The two topologies of a pair."""
    old = new = PAIRS["bases"][pair["base"]]
    for before, after in pair["put"].items():
        assert old.count(before) == 1, before
        new = new.replace(before, after)
    return old, new


def tried(old: Plan, new: Plan) -> dict[str, Way]:
    """What became of it on a kernel, there and back."""
    topologies = (old.topology, new.topology)
    scene = common_scene(*topologies)
    claims = [Claims(topology, scene) for topology in topologies]
    flows = choose_flows(topologies, [one.all() for one in claims])
    published = [flow for flow in flows[CONNECTIONS:] if flow.asker == OUTSIDE]
    job = {
        "script": targets.script(new),
        "old": targets.script(old),
        "flows": [list(flow[:6]) for flow in (*flows[:CONNECTIONS], *published)],
    }
    found: dict[str, Way] = {}
    for event in play(new.topology, scene, [], job, "both_ways"):
        assert event["event"] != "failed", event["text"]
        if event["event"] == "way":
            found[event["name"]] = event
        elif event["event"] == "check":
            assert event["said"] == ""
    return found


@pytest.fixture(autouse=True)
def inner_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rehearsal finds its inner half here."""
    path = filter(None, [str(HERE), os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


@pytest.mark.parametrize("pair", PAIRS["pairs"], ids=lambda pair: pair["name"].replace(" ", "-"))
def test_what_is_told_is_done(pair: dict[str, Any]) -> None:
    """There and back: what is made anew, what is run, who is touched, and whose connections are interrupted."""
    old, new = map(compile_text, changed(pair))
    there, back = Change(old, new), Change(new, old)
    assert [one.node for one in interrupted(there)] == pair.get("interrupted", [])
    assert sorted(map(named, rebuilt(there))) == sorted(pair.get("rebuilt", []))
    ways = tried(old, new)
    if unannounced(there, ways["there"]) or unannounced(back, ways["back"]):
        ways = tried(old, new)  # what a busy machine loses is not lost each time
    for change, way in ((there, ways["there"]), (back, ways["back"])):
        assert way["status"] == 0, way["said"]
        assert way["planned"] == []  # `plan` has said what `up` then does
        assert way["wrong"] == []  # it is as a fresh build
        assert sorted([*way["other"], *way["restarted"]]) == sorted(
            named(one) for one in rebuilt(change) if one.key.noun != "command"
        )
        assert way["gone"] == of_devices(change, "remove")
        assert way["come"] == of_devices(change, "add")
        assert set(way["touched"]) <= {one.key.node for one in change.differences}
        assert unannounced(change, way) == []
        assert list(unexplained(change, way["said"])) == []
        assert list(left_out(change, way["said"])) == []


def rebuilt(change: Change) -> list[Difference]:
    """What is told to be made anew."""
    return [one for one in change.differences if one.action == "rebuild"]


def named(one: Difference) -> str:
    """A thing, as the inner half names it."""
    return f"{one.key.node}/{one.key.name}"


def of_devices(change: Change, action: str) -> list[str]:
    """The devices that are told to come, or to go; and each namespace has a lo."""
    found = [
        f"{one.key.node}/{'lo' if one.key.noun == 'namespace' else one.key.name}"
        for one in change.differences
        if one.action == action and one.key.noun in ("device", "namespace")
    ]
    return in_order(found)


def in_order(names: list[str]) -> list[str]:
    """The host's first, as the inner half has them."""
    return sorted(names, key=lambda name: (not name.startswith("host/"), name))


def unannounced(change: Change, way: Way) -> list[list[object]]:
    """The connections that were interrupted, of which nobody had said so."""
    told = interrupted(change)
    nodes = {one.node for one in told}
    assert way["begun"]
    return [
        flow
        for flow in way["flows"]
        if flow[-1] != 0.0
        and not any(one.passes for one in told)
        and not {flow[0], flow[4]} & nodes
    ]


# -- what is printed by -v -------------------------------------------------------------------------


def run(said: list[str]) -> Iterator[tuple[str, str, str]]:
    """What was given to iproute2's programs: node, kind and line."""
    for line in said:
        node, _, rest = line.removeprefix("[#] ").partition(": ")
        kind, _, text = rest.partition(" ")
        if text.startswith("link set ") and text.endswith(GROUP):
            text = f"link del dev {text.split()[3]}"
        if line.startswith("[#] ") and kind in BATCHED and text and text != f"link del{GROUP}":
            yield node, kind, text


def parameters(said: list[str]) -> Iterator[tuple[str, str]]:
    """The parameters that were set: node and key."""
    for line in said:
        node, found, rest = line.removeprefix("[#] ").partition(": sysctl -w ")
        if found:
            yield node, rest.partition("=")[0]


def commands(said: list[str]) -> list[str]:
    """The topology's own commands that were run, without quotes."""
    marks = [line.partition("bash -c exec -- ") for line in said if line.startswith("[#] ")]
    return sorted(rest.replace("'", "") for _, found, rest in marks if found)


def unexplained(change: Change, said: list[str]) -> Iterator[str]:
    """What was run, and follows from nothing that was told."""
    wanted = {str(line) for line in change.new.lines}
    gone = [str(line) for line in change.undone]
    made = {
        (o.key.node, o.key.name)
        for o in change.differences
        if o.key.noun == "device" and o.action != "change"
    }
    spaces = {one.key.name for one in change.differences if one.key.noun == "namespace"}
    for node, kind, text in run(said):
        if f"{node} {kind} {text}" in wanted:
            continue  # done, or said again
        if text.startswith("link del dev ") and (node, text.split()[-1]) in made:
            continue
        if text.startswith("netns del ") and text.split()[-1] in spaces:
            continue
        if not is_turned(f"{node} {kind} {text}", gone):
            yield f"{node} {kind} {text}"
    told = {(o.key.node, o.key.name) for o in change.differences if o.key.noun == "parameter"}
    for node, key in parameters(said):
        device = key.replace("/", ".").split(".")[3:4]
        along = key.endswith(("forwarding", "accept_redirects")) and told & {
            (node, k) for k in FORWARD.values()
        }
        if (node, key) not in told and not along and not (device and (node, device[0]) in made):
            yield f"{node} {key}"


def is_turned(text: str, gone: list[str]) -> bool:
    """Whether it is a line that is gone, with its verb turned."""
    for turned, verbs in TURNED:
        before, found, rest = f"{text} ".partition(turned if turned.endswith(" ") else f"{turned} ")
        if found and any(
            line.startswith((before + verb + rest).strip()) for verb in verbs for line in gone
        ):
            return True
    return False


def left_out(change: Change, said: list[str]) -> Iterator[str]:
    """What was told, and not done."""
    printed = {" ".join(one) for one in run(said)}
    yield from (
        str(line) for line in change.done if line.kind in BATCHED and str(line) not in printed
    )
    whole = {one.key.node for one in change.differences if one.key.noun == "namespace"}
    lost = {
        (o.key.node, o.key.name) for o in change.differences if o.action in ("rebuild", "remove")
    }
    for line in change.undone:
        alone = isinstance(line.op, AddRoute | AddPolicy) or (
            isinstance(line.op, AddAddress | AddNeighbour)
            and (line.node, line.op.device) not in lost
        )
        device = line.text.partition(" dev ")[2].partition(" ")[0]
        if (
            alone
            and line.node not in whole
            and (line.node, device) not in lost
            and not undone(line, printed)
        ):
            yield str(line)
    # (Rules that are not replaced but go, as the last ones of their IP version, are not printed.)
    kept = {(line.node, line.kind) for line in change.new.lines}
    ruled = {(line.node, line.kind) for line in (*change.done, *change.undone)} & kept
    restored = {line.partition("-restore")[0] for line in said}
    for node, kind in ruled:
        if kind.endswith("tables") and f"[#] {node}: {kind}" not in restored:
            yield f"{node} {kind}"
    if commands(said) != sorted(own_commands(change)):
        yield f"commands: {commands(said)}"


def undone(line: Line, printed: set[str]) -> bool:
    """Whether a line was run with its verb turned."""
    return any(is_turned(text, [str(line)]) for text in printed)


def own_commands(change: Change) -> Iterator[str]:
    """The topology's commands that are to be run, and those that undo others."""
    gone = {o.key.node for o in change.differences if o.key.noun == "namespace" and not o.new}
    for one in change.differences:
        if one.key.noun != "command" or one.action == "change":
            continue
        if one.key.node not in gone:
            yield from (" ".join(argv) for argv in command(change.old, one.key).down)
        yield from (" ".join(argv) for argv in command(change.new, one.key).up)


class Commands(NamedTuple):
    """A command of a topology, and what undoes it."""

    up: tuple[tuple[str, ...], ...] = ()
    down: tuple[tuple[str, ...], ...] = ()


def command(side: Things, key: Key) -> Commands:
    """What there is of it."""
    thing = side.found.get(key)
    ops = [line.op for line in (thing.lines if thing else ()) if isinstance(line.op, RunCommand)]
    return Commands((ops[0].up,), ops[0].undo()) if ops else Commands()
