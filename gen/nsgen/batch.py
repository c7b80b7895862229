"""The `batch` style: blocks of ip commands, sysctls and rules, each run by one process.

Inside a block the shell's quoting does not apply: ip(8) and iptables-restore(8) split at blanks. Nothing that needs quotes
gets there, because :mod:`nsgen.values` admits no such name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, cast, get_args

from nsgen import describe
from nsgen.ops import (
    HOST,
    Argv,
    Chain,
    ForgetUdp,
    IpOp,
    Jump,
    LoadModule,
    Op,
    RunCommand,
    SetSysctl,
    StartService,
    WriteFile,
)
from nsgen.plan import FORWARD, Plan, Step
from nsgen.shell import Shell, comment, heredoc, join

TOOL = {4: "iptables", 6: "ip6tables"}

# What runs which program, and the Debian package it is in.
PACKAGES = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "flock": "util-linux",
    "setsid": "util-linux",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "sysctl": "procps",
    "modprobe": "kmod",
    "conntrack": "conntrack",
    "socat": "socat",
    "runuser": "util-linux",
}


def values(plan: Plan) -> dict[str, Any]:
    """What the template prints."""
    return {
        "name": plan.topology.name,
        "header": describe.header(plan, "setup.sh"),
        "programs": " ".join(f"{program}:{PACKAGES[program]}" for program in _programs(plan)),
        "sections": [
            {
                "title": section.title,
                "why": section.why,
                "steps": [_step(step) for step in section.steps],
            }
            for section in plan.sections
        ],
        "teardown": list(_teardown(plan)),
        "needs": _needs(plan),
    }


def _step(step: Step) -> dict[str, Any]:
    return {"why": step.why, "blocks": list(_blocks(step.ops))}


def _programs(plan: Plan) -> list[str]:
    kinds = {type(op) for op in plan.ops}
    found = ["ip", "nsenter", "flock"]
    found += [TOOL[version] for version in (4, 6) if any(
        isinstance(op, Chain) and op.version == version for op in plan.ops)]
    found += ["sysctl"] if any(isinstance(op, SetSysctl) and op.node != HOST for op in plan.ops) else []
    found += ["conntrack"] if ForgetUdp in kinds else []
    found += ["setsid"] if StartService in kinds else []
    return found


def _needs(plan: Plan) -> dict[str, bool]:
    """The parts of the script that are not in every one."""
    ops = list(plan.ops)
    return {
        "modules": any(isinstance(op, LoadModule) for op in ops),
        "rules": any(isinstance(op, Chain) for op in ops),
        "udp": any(isinstance(op, ForgetUdp) for op in ops),
        "files": any(isinstance(op, WriteFile) for op in ops),
        "services": any(isinstance(op, StartService) for op in ops),
        "commands": any(isinstance(op, RunCommand) for op in ops),
        "forwarding6": any(
            isinstance(op, SetSysctl) and op.node == HOST and op.key == FORWARD[6] for op in ops
        ),
    }


# -- blocks -------------------------------------------------------------------------------------


def _call(*words: str) -> Shell:
    return Shell("  " + join(words))


def _heredoc(words: Argv, lines: Iterable[str], end: str) -> Shell:
    return heredoc(f"  {join(words)}", lines, end)


def _block_key(op: Op) -> tuple[type[Op] | str, str, int]:
    """Neighbours with the same key share a block."""
    if isinstance(op, get_args(IpOp)):
        return ("ip", op.node, 0)
    if isinstance(op, Chain):
        return ("rules", HOST, op.version)
    if isinstance(op, SetSysctl):
        return ("sysctl", op.node, 0)
    return (type(op), op.node, 0)


def _blocks(ops: Iterable[Op]) -> Iterator[Shell]:
    for (kind, node, version), group in groupby(ops, _block_key):
        if kind == "ip":
            yield _heredoc(("ip_in", node), (" ".join(op.argv()[1:]) for op in group), "IP")
        elif kind == "rules":
            yield _heredoc(
                ("rules", TOOL[version]), _restore_text(cast(Iterable[Chain], group)), "RULES"
            )
        elif kind == "sysctl":
            lines = (op.line() for op in group if isinstance(op, SetSysctl))
            yield _heredoc(("sysctls", node), lines, "SYSCTL")
        else:
            yield from (_single(op, number) for number, op in enumerate(group, 1))


def _single(op: Op, number: int) -> Shell:
    if isinstance(op, LoadModule):
        return _call("load_module", op.name, op.proof)
    if isinstance(op, Jump):
        return _call("jump", TOOL[op.version], op.table, op.builtin, op.place, *op.words())
    if isinstance(op, ForgetUdp):
        return _call("forget_udp", f"ipv{op.version}", str(op.ports.first), str(op.ports.last))
    if isinstance(op, WriteFile):
        return _heredoc(("etc_file", op.path), (op.text,), "FILE")
    if isinstance(op, StartService):
        return _call("service", op.node, op.name, *op.argv())
    if isinstance(op, RunCommand):
        return _call("run_once", op.node, str(number), *(op.up or ("true",)))
    raise TypeError(f"no block for {op!r}")


def _restore_text(chains: Iterable[Chain]) -> Iterator[str]:
    """The text of iptables-restore(8): a chain's first line empties it, so each is replaced at once."""
    for table, group in groupby(chains, lambda chain: chain.table):
        members = list(group)
        yield f"*{table}"
        yield from (f":{chain.name} - [0:0]" for chain in members)
        for chain in members:
            for why, rules in groupby(chain.rules, lambda rule: rule.why):
                yield comment(why)
                yield from (" ".join(("-A", rule.chain, *rule.words)) for rule in rules)
        yield "COMMIT"


# -- down ---------------------------------------------------------------------------------------


def _teardown(plan: Plan) -> Iterator[Shell]:
    ops = list(plan.ops)
    yield from _undo_commands(ops)
    if any(isinstance(op, StartService) for op in ops):
        yield _call("stop_services")
    sysctls = [op.line() for op in ops if isinstance(op, SetSysctl) and op.node == HOST]
    if sysctls:
        yield _heredoc(("restore_sysctls",), reversed(sysctls), "SYSCTL")
    if _needs(plan)["forwarding6"]:
        yield _call("forget_router_advertisements")
    for version in sorted({op.version for op in ops if isinstance(op, Chain)}):
        yield _call("drop_chains", TOOL[version])
    files = [op.path for op in ops if isinstance(op, WriteFile)]
    if files:
        yield _call("remove_files", *reversed(files))
    undo = [
        " ".join(argv[1:])
        for op in reversed(ops)
        if isinstance(op, get_args(IpOp)) and op.node == HOST
        for argv in op.undo()
        if argv[1] != "address"  # goes with its device
    ]
    if undo:
        yield _heredoc(("ip_undo",), undo, "IP")


def _undo_commands(ops: list[Op]) -> Iterator[Shell]:
    calls = []
    commands = [op for op in ops if isinstance(op, RunCommand)]
    for node, group in groupby(commands, lambda op: op.node):
        for number, op in enumerate(group, 1):
            calls += [_call("undo_once", node, str(number), *argv) for argv in op.undo()]
    yield from reversed(calls)
