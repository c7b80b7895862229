"""The `batch` style: blocks of ip commands, sysctls and rules, each run by one process.

Inside a block the shell's quoting does not apply: ip(8) and iptables-restore(8) split at blanks.
Nothing that needs quotes gets there, because :mod:`nsgen.values` admits no such name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, cast

from nsgen.ops import (
    HOST,
    IPTABLES,
    AddPolicy,
    AddRoute,
    Argv,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    IpOp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetNetem,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
)
from nsgen.plan.steps import TABLES, Plan, Step
from nsgen.script import describe, runtime, trial
from nsgen.script.lines import block_line, jump_line, rule_line, udp_words
from nsgen.script.programs import programs
from nsgen.script.shell import Shell, comment, heredoc, join
from nsgen.topology.model import Topology
from nsgen.values import Ports, assert_never
from nsgen.words import bracketed


def values(plan: Plan) -> dict[str, Any]:
    """What the template prints."""
    parts = runtime.parts_of(plan)
    return {
        "name": Shell(plan.topology.name),  # in quotes already, and without any
        "header": describe.header(plan, "setup.sh"),
        "what": describe.counts(plan.topology),
        "parts": " ".join(parts),
        "programs": " ".join(programs(plan)),
        "ports": " ".join(_ports(plan.topology)),
        "trial": "\n".join(trial.lines(plan)),
        "modules": " ".join(trial.modules(plan)),
        "resolving": _resolving(plan),
        "reached": " ".join(_reached(plan.topology)),
        "sections": [
            {
                "title": section.title,
                "why": section.why,
                "steps": [_step(steps) for steps in joined(section.steps)],
            }
            for section in plan.sections
        ],
        "runtime": Shell("\n".join(runtime.text(part) for part in ("core", *parts))),
    }


def _ports(topology: Topology) -> Iterator[str]:
    """The published ports of the host, which have to be free: PROTOCOL/PORTS[/ADDRESS], neighbours as one range."""
    ranges: dict[tuple[str, str], list[Ports]] = {}
    for one in topology.publications:
        address = bracketed(one.host_ip or "")
        ranges.setdefault((one.protocol, address), []).append(one.published)
    for (protocol, address), all_ports in ranges.items():
        merged: list[Ports] = []
        for ports in sorted(all_ports):
            if merged and ports.first <= merged[-1].last + 1:
                merged[-1] = Ports(merged[-1].first, max(merged[-1].last, ports.last))
            else:
                merged.append(ports)
        yield from (f"{protocol}/{ports}" + (f"/{address}" if address else "") for ports in merged)


def joined(steps: Iterable[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps that share a block: chains with the jumps to them, and parameters of one node."""
    for _, group in groupby(steps, _shared):
        yield tuple(group)


def _shared(step: Step) -> tuple[object, ...]:
    keys = {_block_key(op)[-3:] for op in step.ops}
    key = keys.pop()
    if not keys and key and (key[0] == "rules" or (key[0] == "parameters" and step.why)):
        return key
    return (id(step),)


def _step(steps: tuple[Step, ...]) -> dict[str, Any]:
    return {"why": reason(steps), "blocks": [block.text for block in blocks(steps)]}


def reason(steps: tuple[Step, ...]) -> str:
    """What stands above the blocks of such steps; of parameters and modules the reasons stand inside."""
    if any(isinstance(op, (SetSysctl, LoadModule)) for step in steps for op in step.ops):
        return ""
    # A node's name alone is what the command below says, too.
    return "\n\n".join(step.why for step in steps if step.why not in ("", step.ops[0].node))


def _resolving(plan: Plan) -> str:
    """The namespaces with a way out that ask for names whom the host asks: three, and how many more."""
    out = {op.node for op in plan.of(AddRoute) if op.route[0] == "default"}
    names = [n.name for n in plan.topology.namespaces if n.name in out and not n.resolv_conf]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _reached(topology: Topology) -> Iterator[str]:
    """The addresses of namespaces that the host has a route to: on its networks, and at the ends of its own links."""
    for bridge in topology.bridges:
        for member in topology.members(bridge):
            yield from (
                str(a.ip) for a in member.addresses if bridge.gateway(a.version) is not None
            )
    for link in topology.links_of(HOST):
        near = [a.network for a in link.first.addresses if not a.is_link_local]
        yield from (str(a.ip) for a in link.second.addresses if any(a.ip in n for n in near))


# -- blocks -------------------------------------------------------------------------------------


class ScriptBlock(NamedTuple):
    """A command with what it reads, and the operations that it does."""

    text: Shell
    ops: tuple[Op, ...]


def _call(*words: str) -> Shell:
    return Shell("  " + join(words))


def _heredoc(words: Argv, lines: Iterable[str], end: str) -> Shell:
    return heredoc(f"  {join(words)}", lines, end)


# What has a command to itself, and what is a line of a block.
Single = (
    JoinNamespace
    | TakeDevice
    | WireguardOp
    | KeepAdvertisements
    | ForgetUdp
    | WriteFile
    | StartService
    | AwaitService
    | RunCommand
)
BlockOp = IpOp | BridgeOp | SetNetem | AddPolicy | LoadModule | SetSysctl


def _block_key(op: Op) -> tuple[str, ...]:
    """Neighbours with the same key share a block: the words of its command."""
    if isinstance(op, IpOp):
        return ("ip_in", op.node)
    if isinstance(op, BridgeOp):
        return ("bridge_in", op.node)
    if isinstance(op, SetNetem):
        return ("tc_in", op.node)
    if isinstance(op, AddPolicy):
        return ("ip_in", op.node) if op.version == 4 else ("ip_in", op.node, "-6")
    if isinstance(op, LoadModule):
        return ("modules",)
    if isinstance(op, SetSysctl):
        return ("parameters", op.node)
    if isinstance(op, Chain):
        return ("rules", op.node, IPTABLES[op.version])
    if isinstance(op, Jump):
        where = ("where_off", op.unless) if op.unless else ()
        return (*where, "rules", op.node, IPTABLES[op.version])
    if isinstance(op, Single):
        return ()
    return assert_never(op)


ENDS = {"ip_in": "IP", "bridge_in": "BRIDGE", "tc_in": "TC", "modules": "MODULES"}


def blocks(steps: tuple[Step, ...]) -> Iterator[ScriptBlock]:
    """The blocks of steps that share them."""
    said = [(step.why, op) for step in steps for op in step.ops]
    for key, group in groupby(said, lambda one: _block_key(one[1])):
        found = list(group)
        ops = tuple(op for _, op in found)
        if not key:
            for number, op in enumerate(cast("tuple[Single, ...]", ops), 1):
                yield from (ScriptBlock(text, (op,)) for text in _single(op, number))
            continue
        if "rules" in key:
            text = _heredoc(key, _restore_text(cast("Iterable[Chain | Jump]", ops)), "RULES")
        elif key[0] in ("parameters", "modules"):
            end = "PARAMETERS" if key[0] == "parameters" else "MODULES"
            text = _heredoc(key, _under_reasons(found), end)
        else:
            text = _heredoc(key, map(block_line, cast("tuple[BlockOp, ...]", ops)), ENDS[key[0]])
        yield ScriptBlock(text, ops)


def _under_reasons(said: Iterable[tuple[str, Op]]) -> Iterator[str]:
    for why, group in groupby(said, itemgetter(0)):
        if why:
            yield comment(why)
        yield from (block_line(cast("BlockOp", op)) for _, op in group)


def _single(op: Single, number: int) -> Iterator[Shell]:
    if isinstance(op, JoinNamespace):
        yield _heredoc(("join_namespace", op.name, op.path), map(" ".join, op.free), "FREE")
    elif isinstance(op, TakeDevice):
        yield _call("take_device", op.node, op.device)
    elif isinstance(op, WireguardOp):
        yield _call("wireguard", op.node, *op.argv()[2:])
    elif isinstance(op, KeepAdvertisements):
        yield _call("keep_router_advertisements")
    elif isinstance(op, ForgetUdp):
        yield _call("udp_flows", op.node, *udp_words(op))
    elif isinstance(op, WriteFile):
        reader = (op.reader,) if op.reader else ()
        yield _heredoc(("drop_in" if op.boot else "file", op.path, *reader), (op.text,), "FILE")
    elif isinstance(op, StartService):
        how = (
            ("restarted", op.node, op.name, op.restart)
            if op.restart
            else ("service", op.node, op.name)
        )
        yield _call(*how, *op.argv())
    elif isinstance(op, AwaitService):
        by = ("--", *op.argv()) if op.command else (f"{op.port}/{op.protocol}",)
        yield _call("ready", op.node, op.name, str(op.within), *by)
    elif isinstance(op, RunCommand):
        yield from (_call("undo_by", op.node, str(number), *argv) for argv in op.undo())
        yield _call("run_once", op.node, str(number), *(op.up or ("true",)))
    else:
        assert_never(op)


def _restore_text(ops: Iterable[Chain | Jump]) -> Iterator[str]:
    """The text of iptables-restore(8): a chain's first line empties it, so each is replaced at once."""
    by_table = sorted(ops, key=lambda op: TABLES.index(op.table))
    for table, group in groupby(by_table, lambda op: op.table):
        members = list(group)
        yield f"*{table}"
        yield from (f":{op.name} - [0:0]" for op in members if isinstance(op, Chain))
        for op in members:
            if isinstance(op, Jump):
                yield jump_line(op)
                continue
            for why, rules in groupby(op.rules, lambda rule: rule.why):
                if why:
                    yield comment(why)
                yield from map(rule_line, rules)
        yield "COMMIT"
