"""Whatever a topology says, it is refused, or its scripts do what it says and nothing else."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import hostile
import pytest
from compiling import compile_data
from deeds import Deeds, done, wanted
from hypothesis import Phase, given, settings
from sandboxed import Play, play, write_scripts

from nsgen import targets, values
from nsgen.ops import AddBridge, AddNamespace, AddVeth, Chain, IpOp, Jump, LoadModule, RunCommand, SetSysctl, StartService
from nsgen.plan import Plan

# Each example takes a second, and shrinking one many of them: what differs is in the message.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that each example writes anew."""
    return tmp_path_factory.mktemp("hostile") / "work"


def planned(data: dict[str, Any]) -> Plan | None:
    """Compile a topology; whatever is refused is refused with an error that says what and where."""
    report, plan = compile_data(data)
    if plan is None:
        errors = [finding for finding in report.findings if finding.severity == "error"]
        assert errors
        assert all(finding.text for finding in errors)
    return plan


def programs(plan: Plan) -> Iterator[str]:
    """Name the programs of the topology's own."""
    for op in plan.ops:
        if isinstance(op, StartService):
            yield op.command[0]
        elif isinstance(op, RunCommand):
            yield from (argv[0] for argv in (op.up, op.down) if argv)


def folders(plan: Plan) -> list[str]:
    """Name the folders in which services run."""
    return [op.directory for op in plan.ops if isinstance(op, StartService) and op.directory]


def check_plays(plan: Plan, work: Path) -> None:
    """Run the scripts, and compare what they did with what the plan says."""
    plays = play(plan, work, programs(plan), folders(plan))
    ops = list(plan.ops)
    built = wanted(ops)
    assert built.differences(done(plays["up"], ops, writes_sysctls=True)) == {}
    assert built.differences(done(plays["plain"], ops)) == {}
    assert Deeds().differences(done(plays["check"], [])) == {}
    check_undone(plan, plays["down"])
    check_undone(plan, plays["teardown"])
    for name in ("up", "plain", "down", "teardown"):
        assert plays[name].status == 0, f"{name}: {plays[name].output}"


def check_undone(plan: Plan, undone: Play) -> None:
    """Nothing is removed but what is the topology's own, and what its author says undoes a command is run."""
    found = done(undone, [])
    ops = list(plan.ops)
    own = {word for op in ops if isinstance(op, get_args(IpOp)) for word in op.argv()}
    for _, argv in found.ip:
        assert {"del", "off"} & set(argv), argv
        assert set(argv) <= own | {"del", "off"}
    removed = {argv for _, argv in found.ip if argv[1] in ("netns", "link") and argv[2] == "del"}
    assert removed == {argv for op in ops if isinstance(op, AddNamespace | AddBridge | AddVeth) for argv in op.undo()}
    for rule in found.rules:
        assert rule[4] in ("-D", "-F", "-X"), rule
        assert f"NSGEN-{plan.topology.name}-" in " ".join(rule)
    down = [(op.node, op.down) for op in reversed(ops) if isinstance(op, RunCommand) and op.down]
    assert found.commands == down
    rest = replace(found, ip=[], rules=[], commands=[])
    assert Deeds().differences(rest) == {}


# -- scripts ------------------------------------------------------------------------------------


@settings(max_examples=25, phases=PHASES)
@given(data=hostile.topologies)
def test_nothing_is_executed_that_the_topology_did_not_ask_for(
    data: dict[str, Any], work: Path
) -> None:
    """With hostile text wherever text is free, the scripts run what the topology says, word for word."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)


@settings(max_examples=12, phases=PHASES)
@given(data=hostile.odd_names)
def test_odd_names_are_names(data: dict[str, Any], work: Path) -> None:
    """A name that is a word of the shell's, of ip's, of iptables' or of the script's own is a name all the same."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)
