"""The `plain` style: one command a line in the article's order, nothing to read past."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from nsgen import describe
from nsgen.bare import bare
from nsgen.needs import FORWARD
from nsgen.ops import (
    BRIDGE_OPS,
    HOST,
    IP_OPS,
    AddPolicy,
    Argv,
    Chain,
    ForgetUdp,
    Impede,
    Jump,
    LoadModule,
    Op,
    RunCommand,
    SetPeer,
    SetSysctl,
    SetWireguard,
    StartService,
    TakeDevice,
    WriteFile,
)
from nsgen.plan import Plan
from nsgen.shell import Shell, comment, heredoc, join, quote
from nsgen.steps import Step


def values(plan: Plan) -> dict[str, Any]:
    """What the template prints for the script that builds."""
    plan = bare(plan)
    state = _state(plan)
    sections: list[dict[str, Any]] = [
        {
            "title": section.title,
            "why": section.why,
            "steps": [_step(step, state) for step in section.steps],
        }
        for section in plan.sections
    ]
    if _keeps_state(plan):
        make = {"why": _STATE, "commands": [_line("mkdir", "-p", state)]}
        sections.insert(0, {"title": "For plain-teardown.sh", "why": "", "steps": [make]})
    saved = _saved(plan)
    for section in sections:
        if saved and section["title"] == "Kernel parameters":
            save = Shell(f"sysctl {join(saved)} > {state}/before.conf")
            section["steps"].insert(0, {"why": _SAVE, "commands": [save]})
    return {"header": describe.header(plan, "plain.sh"), "sections": sections}


def teardown(plan: Plan) -> dict[str, Any]:
    """What the template prints for the script that undoes it."""
    plan = bare(plan)
    state = _state(plan)
    sections = []
    for section in reversed(plan.sections):
        commands: list[Shell] = []
        if section.title == "Kernel parameters" and _saved(plan):
            commands.append(_line("sysctl", "-q", "-p", f"{state}/before.conf"))
        ops = [op for step in section.steps for op in step.ops]
        commands += [line for op in reversed(ops) for line in _undo(op, state)]
        if commands:
            sections.append(_undone(section.title, commands))
    if _keeps_state(plan):
        left = [
            _line("rm", "-r", state),
            _line("rmdir", "--ignore-fail-on-non-empty", "/run/nsgen"),
        ]
        sections.append(_undone("What it kept", left))
    return {"header": describe.header(plan, "plain-teardown.sh"), "sections": sections}


def _undone(title: str, commands: list[Shell]) -> dict[str, Any]:
    return {"title": title, "why": "", "steps": [{"why": "", "commands": commands}]}


_STATE = "Where it keeps what the parameters were, and the numbers of the processes that it starts."
_SAVE = "What they are now, to be put back."


def _state(plan: Plan) -> str:
    return f"/run/nsgen/{plan.topology.name}"


def _saved(plan: Plan) -> list[str]:
    """The parameters that the host has without us; those of a bridge of ours go with the bridge.

    With forwarding the kernel also sets whether redirects are accepted (linux/net/ipv4/devinet.c).
    """
    bridges = {bridge.name for bridge in plan.topology.bridges}
    keys = [
        op.key
        for op in plan.ops
        if isinstance(op, SetSysctl)
        and op.node == HOST
        and not bridges & set(re.split("[./]", op.key))
    ]
    return [*keys, "net.ipv4.conf.all.accept_redirects"] if FORWARD[4] in keys else keys


def _keeps_state(plan: Plan) -> bool:
    return bool(_saved(plan)) or any(isinstance(op, StartService) for op in plan.ops)


def _line(*words: str) -> Shell:
    return join(words)


def _in_node(op: Op, argv: Argv) -> Shell:
    """The command in its node: ip(8) goes there by itself, others are taken there."""
    if op.node == HOST and isinstance(op, RunCommand):
        return _line("env", *argv)  # the program, whatever built-in command has the same name
    if op.node == HOST:
        return _line(*argv)
    if isinstance(op, (*IP_OPS, *BRIDGE_OPS, AddPolicy, Impede)):
        return _line(argv[0], "-n", op.node, *argv[1:])
    return _line("ip", "netns", "exec", op.node, *argv)


def _step(step: Step, state: str) -> dict[str, Any]:
    return {"why": step.why, "commands": [line for op in step.ops for line in _do(op, state)]}


def _do(op: Op, state: str) -> Iterator[Shell]:  # noqa: C901 (an arm for each kind of operation)
    if isinstance(op, Chain):
        yield _in_node(op, op.argv())
        for why, rules in groupby(op.rules, lambda rule: rule.why):
            if why:
                yield comment(why)
            yield from (_in_node(rule, rule.argv()) for rule in rules)
    elif isinstance(op, TakeDevice):
        yield _line(*op.argv())
    elif isinstance(op, SetWireguard):
        folder, file = (quote(path) for path in (op.key_file.rpartition("/")[0], op.key_file))
        yield Shell(f"[ -s {file} ] || (umask 077; mkdir -p {folder}; wg genkey > {file})")
        yield _in_node(op, op.argv())
    elif isinstance(op, SetPeer):
        yield _peer(op)
    elif isinstance(op, Jump) and op.unless:
        path = "/proc/sys/" + op.unless.replace(".", "/")
        yield Shell(f'[ "$(cat {path})" = 1 ] || {join(op.argv())}')
    elif isinstance(op, LoadModule):
        # Where the feature is built in there may be nothing to load.
        bridges = op.name == "br_netfilter"
        proof = "/proc/sys/net/bridge" if bridges else f"/sys/module/{op.name.replace('-', '_')}"
        yield Shell(f"[ -e {quote(proof)} ] || {_load(op)}")
    elif isinstance(op, ForgetUdp):
        yield from (Shell(f"{join(argv)} || true") for argv in op.each())
    elif isinstance(op, WriteFile):
        yield _line("mkdir", "-p", op.path.rpartition("/")[0])
        yield heredoc(f"cat > {quote(op.path)}", [op.text], "FILE")
    elif isinstance(op, StartService):
        base = quote(f"{state}/{op.node}.{op.name}")
        node = () if op.node == HOST else ("ip", "netns", "exec", op.node)
        command = join(("setsid", *node, *op.argv()))
        yield Shell(f"{command} > {base}.log 2>&1 < /dev/null &")
        yield Shell(f'echo "$!" > {base}.pid')
    elif not isinstance(op, RunCommand) or op.up:
        yield _in_node(op, op.argv())


def _load(op: LoadModule) -> Shell:
    """Load a module; br_netfilter switches itself on for every bridge of the host, and is asked for less."""
    load = join(op.argv())
    if op.name != "br_netfilter":
        return load
    tables = ("arptables", "ip6tables", "iptables")
    off = join(("sysctl", "-q", "-w", *(f"net.bridge.bridge-nf-call-{name}=0" for name in tables)))
    return Shell(f"{{ {load} && {off}; }}")


def _peer(op: SetPeer) -> Shell:
    """A peer, by its public key; that of a file is asked of wg(8), which prints only the public one."""
    before = _in_node(op, ("wg", "set", op.device, "peer"))
    known = quote(op.public_key) if op.public_key else f'"$(wg pubkey < {quote(op.key_file)})"'
    return Shell(f"{before} {known} {join(op.words())}")


def _undo(op: Op, state: str) -> Iterator[Shell]:
    if isinstance(op, WriteFile):
        folder = op.path.rpartition("/")[0]
        yield _line("rm", op.path)
        yield _line("rmdir", "--ignore-fail-on-non-empty", folder)
    elif isinstance(op, StartService):
        pid = quote(f"{state}/{op.node}.{op.name}.pid")
        yield Shell(f'kill -- "-$(cat {pid})"')
    elif isinstance(op, Jump) and op.unless:
        yield from (Shell(f"{join(argv)} 2> /dev/null || true") for argv in op.undo())
    elif isinstance(op, TakeDevice):
        yield _line("ip", "-n", op.node, "link", "set", "dev", op.device, "netns", "1")
    elif op.node == HOST or isinstance(op, RunCommand):  # what is in a namespace goes with it
        yield from (_in_node(op, argv) for argv in op.undo() if argv[1:2] != ("address",))
