"""Whatever a topology says, it is refused, or its scripts do what it says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import Phase, example, given, settings

import hostile
from calls import Calls, done, wanted
from compiling import planned
from nsgen.ops import (
    AddBridge,
    AddNamespace,
    AddVeth,
    Chain,
    IpOp,
    Jump,
    RunCommand,
    StartService,
    WriteFile,
)
from nsgen.plan.steps import Plan
from nsgen.script.bare import bare
from sandboxed import Play, play

# Each example takes a second, and shrinking one many of them: what differs is in the message.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that each example writes anew."""
    return tmp_path_factory.mktemp("hostile") / "work"


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
    assert built.differences(done(plays["up"], ops, writes_sysctls=True)) == {}, plays["up"].output
    plain = list(bare(plan).ops)
    assert wanted(plain).differences(done(plays["plain"], plain)) == {}
    assert Calls().differences(done(plays["check"], [])) == {}
    check_idle(plan, plays)
    for name in ("down", "teardown"):
        check_undone(plan, plays[name])
    for name in ("up", "plain"):
        running = [file.stem for file in plays[name].left.glob("run/nsgen/*/*.pid")]
        assert len(running) == len(built.services), running
    for name in plays:
        assert plays[name].status == 0, f"{name}: {plays[name].output}"


def check_idle(plan: Plan, plays: dict[str, Play]) -> None:
    """Where all is as it is to be, nothing is done, by the script or by the copy of it that it keeps."""
    assert plays["check"].output == ""
    for name in ("again", "kept"):
        assert plays[name].output.endswith(f"nsgen: {plan.topology.name}: nothing to do\n")
        assert Calls().differences(done(plays[name], [])) == {}


def one_by_one(calls: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """What is deleted as a group, as if it were one by one: each is put into it before."""
    group = ("host", ("ip", "link", "del", "group", "1853056869"))
    if group not in calls:
        return calls
    at = calls.index(group)
    singly = [
        (node, ("ip", "link", "del", "dev", argv[4]))
        if argv[5:] == ("group", group[1][4])
        else (node, argv)
        for node, argv in calls[:at]
    ]
    return singly + calls[at + 1 :]


def check_undone(plan: Plan, undone: Play) -> None:
    """Nothing is removed but what is the topology's own, and what its author says undoes a command is run."""
    found = done(undone, [])
    ops = list(plan.ops)
    own = {word for op in ops if isinstance(op, get_args(IpOp)) for word in op.argv()}
    found = replace(found, ip=one_by_one(found.ip))
    for _, argv in found.ip:
        assert {"del", "off"} & set(argv), argv
        assert set(argv) <= own | {"del", "off"}
    removed = {argv for _, argv in found.ip if argv[1] in ("netns", "link") and argv[2] == "del"}
    assert removed == {
        argv
        for op in ops
        if isinstance(op, AddNamespace | AddBridge | AddVeth)
        for argv in op.undo()
    }
    # A chain that iptables-restore is told of and that is there, is emptied.
    rules = [(*argv[:4], "-F", *argv[5:]) if argv[4] == "-N" else argv for argv in found.rules]
    for rule in rules:
        assert rule[4] in ("-D", "-F", "-X"), rule
        assert f"NSGEN-{plan.topology.name}-" in " ".join(rule)
    down = [(op.node, op.down) for op in reversed(ops) if isinstance(op, RunCommand) and op.down]
    assert found.commands == down
    assert set(found.forgotten) <= set(wanted(ops).forgotten)
    assert set(rules) == {argv for op in ops if isinstance(op, Chain | Jump) for argv in op.undo()}
    files = [op.path for op in ops if isinstance(op, WriteFile)]
    assert [path for path in files if undone.text(path) is not None] == []
    rest = replace(found, ip=[], rules=[], commands=[], forgotten=[])
    assert Calls().differences(rest) == {}


# -- what the scripts do ------------------------------------------------------------------------


@settings(max_examples=25, phases=PHASES)
@given(data=hostile.topologies)
def test_nothing_is_executed_that_the_topology_did_not_ask_for(
    data: dict[str, Any], work: Path
) -> None:
    """With hostile text wherever text is free, the scripts run what the topology says, word for word."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)


@settings(max_examples=10, phases=PHASES)
@example(data=hostile.with_names({"a network": "dev", "an interface": "dev"}))
@example(data=hostile.with_names({"a peer": "dev"}))
@given(data=hostile.odd_names)
def test_odd_names_are_names(data: dict[str, Any], work: Path) -> None:
    """A name that is a word of the shell's, of ip's, of iptables' or of the script's own is a name all the same."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)


def node_with(command: list[str]) -> dict[str, Any]:
    """Give a node that runs a command in every way in which it can."""
    alone = {"command": command}
    return {
        "services": {
            "a": alone,
            "b": alone | {"directory": "/run/elsewhere"},
            "c": alone | {"environment": {"V": "1"}},
        },
        "exec": [{"up": command, "down": command}],
    }


@pytest.mark.parametrize("node", ["host", "namespace"])
@pytest.mark.parametrize(
    "program",
    [
        *("it's $(evil) `evil`", "\n"),  # quoting
        *("eval", "exit", "set", "["),  # builtins
        *("if", "time", "{", "!"),  # words of the grammar
        *("service", "install", "main"),  # functions of the script
        *("A=B", "-Sevil", "--"),  # variables and options
    ],
)
def test_a_program_is_run_whatever_its_name_means(program: str, node: str, work: Path) -> None:
    """A command's first word is the name of a program, which is run, and never anything else; or it is refused."""
    runs = node_with([program, "evil", "]]"])
    data = {"host": runs} if node == "host" else {"namespaces": {"red": runs}}
    plan = planned({"name": "demo", **data})
    if plan is not None:
        check_plays(plan, work)


@pytest.mark.parametrize(
    "data",
    [
        {
            "namespaces": {
                "a": {"services": {"b.c": {"command": ["one"]}}},
                "a.b": {"services": {"c": {"command": ["two"]}}},
            }
        },
        {
            "networks": {"bridge0": {"subnet": "192.168.15.0/24", "internet": "true"}},
            "namespaces": {
                "red": {
                    "networks": ["bridge0"],
                    "publish": [{"published": "80", "target": "80", "via": "proxy"}],
                }
            },
            "host": {"services": {"proxy-tcp4-80": {"command": ["mine"]}}},
        },
        {
            "namespaces": {
                "a": {"exec": [{"up": ["one"]}]},
                "once": {"services": {"a.1": {"command": ["two"]}}},
            }
        },
    ],
    ids=["dots", "a proxy's", "a command's"],
)
def test_services_do_not_take_each_others_place(data: dict[str, Any], work: Path) -> None:
    """Services whose names read alike, once their node stands in front, are two; or they are refused."""
    plan = planned({"name": "demo", **data})
    if plan is not None:
        check_plays(plan, work)


def test_parameters_arrive_whole(work: Path) -> None:
    """A kernel parameter gets the value that is written, whatever it begins or ends with; or it is refused."""
    usual = ("=b", "#1", ";1", "1 # 2", "|/bin/x %e", "1  2", "-1", "a: b")
    for values in (usual, ("70 =",), ("a=",), ("=",)):
        sysctls = {f"net.ipv4.p{number}": value for number, value in enumerate(values)}
        data = {"host": {"sysctls": sysctls}, "namespaces": {"red": {"sysctls": sysctls}}}
        plan = planned({"name": "demo", **data})
        if plan is not None:
            check_plays(plan, work)


def test_commands_are_undone_in_reverse(work: Path) -> None:
    """What undoes the commands is run in the reverse order of the commands, however many and wherever they are."""
    commands = [{"up": ["act", str(n)], "down": ["undo", str(n)]} for n in range(12)]
    plan = planned(
        {
            "name": "demo",
            "namespaces": {"red": {"exec": commands}, "blue": {"exec": commands[:1]}},
            "host": {"exec": commands[:1]},
        }
    )
    assert plan is not None
    check_plays(plan, work)
