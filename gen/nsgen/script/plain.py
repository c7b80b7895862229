"""The `plain` style: one command a line in the article's order, nothing to read past."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from nsgen.ops import (
    HOST,
    AddAddress,
    Argv,
    AwaitService,
    Chain,
    ForgetUdp,
    InNamespace,
    Iproute,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetPeer,
    SetSysctl,
    SetWireguard,
    StartService,
    TakeDevice,
    WriteFile,
    inside,
    load_sysctls,
    netns_exec,
    show_sysctls,
)
from nsgen.plan.steps import Plan, Step
from nsgen.script import describe
from nsgen.script.bare import bare
from nsgen.script.shell import Shell, comment, heredoc, join, quote
from nsgen.topology.needs import FORWARD
from nsgen.values import assert_never


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
        make = {"why": _STATE, "commands": [join(("mkdir", "-p", state))]}
        sections.insert(0, {"title": "For plain-teardown.sh", "why": "", "steps": [make]})
    saved = _saved(plan)
    for section in sections:
        if saved and section["title"] == "Kernel parameters":
            save = Shell(f"{join(show_sysctls(saved))} > {state}/before.conf")
            section["steps"].insert(0, {"why": _SAVE, "commands": [save]})
        if section["title"] == "Joined namespaces":
            saves = [
                Shell(f"{_parameters(node, show_sysctls(keys))} > {_before(state, node)}")
                for node, keys in _saved_inside(plan).items()
            ]
            section["steps"] += [{"why": _SAVE, "commands": saves}] if saves else []
    return {"header": describe.header(plan, "plain.sh"), "sections": sections}


def teardown(plan: Plan) -> dict[str, Any]:
    """What the template prints for the script that undoes it."""
    plan = bare(plan)
    state = _state(plan)
    sections = []
    for section in reversed(plan.sections):
        commands: list[Shell] = []
        if section.title == "Kernel parameters" and _saved(plan):
            commands.append(join(load_sysctls(f"{state}/before.conf")))
        ops = [op for step in section.steps for op in step.ops]
        if section.title == "Joined namespaces":
            commands += [
                Shell(f"{_parameters(node, load_sysctls('-'))} < {_before(state, node)}")
                for node in _saved_inside(plan)
            ]
        commands += [line for op in reversed(ops) for line in _undo(op, state, plan)]
        if commands:
            sections.append(_undone(section.title, commands))
    if _keeps_state(plan):
        left = [
            join(("rm", "-r", state)),
            join(("rmdir", "--ignore-fail-on-non-empty", "/run/nsgen")),
        ]
        sections.append(_undone("What it kept", left))
    return {"header": describe.header(plan, "plain-teardown.sh"), "sections": sections}


def _undone(title: str, commands: list[Shell]) -> dict[str, Any]:
    return {"title": title, "why": "", "steps": [{"why": "", "commands": commands}]}


# What starts a service again, a second after it has ended, and what waits for one.
AGAIN = {
    "always": 'while :; do "$@"; sleep 1; done',
    "on-failure": 'until "$@"; do sleep 1; done',
}
ANSWERS = 'until "$@" > /dev/null 2>&1; do sleep 0.2; done'
LISTENS = 'until [ "$("$@")" ]; do sleep 0.2; done'

_STATE = "Where it keeps what the parameters were, and the numbers of the processes that it starts."
_SAVE = "What they are now, to be put back."


def _state(plan: Plan) -> str:
    return f"/run/nsgen/{plan.topology.name}"


def _saved(plan: Plan) -> list[str]:
    """The parameters that the host has without us; those of a bridge of ours go with the bridge."""
    bridges = {bridge.name for bridge in plan.topology.bridges}
    keys = [
        op.key
        for op in plan.ops
        if isinstance(op, SetSysctl)
        and op.node == HOST
        and not bridges & set(re.split("[./]", op.key))
    ]
    return _with_redirects(keys)


def _with_redirects(keys: list[str]) -> list[str]:
    """With forwarding the kernel also sets whether redirects are accepted (linux/net/ipv4/devinet.c)."""
    return [*keys, "net.ipv4.conf.all.accept_redirects"] if FORWARD[4] in keys else keys


def _saved_inside(plan: Plan) -> dict[str, list[str]]:
    """The parameters that namespaces have which somebody else made; those of our devices go with them."""
    found: dict[str, list[str]] = {}
    for namespace in plan.topology.namespaces:
        ours = {member.device for member in namespace.members}
        ours |= {device.name for device in (*namespace.ends, *namespace.interfaces)}
        keys = [
            op.key
            for op in plan.of(SetSysctl)
            if op.node == namespace.name and not ours & set(re.split("[./]", op.key))
        ]
        if namespace.join and keys:
            found[namespace.name] = _with_redirects(keys)
    return found


def _parameters(node: str, argv: Argv) -> Shell:
    return join((*netns_exec(node), *argv))


def _before(state: str, node: str) -> Shell:
    return Shell(quote(f"{state}/before.{node}.conf"))


def _keeps_state(plan: Plan) -> bool:
    return bool(_saved(plan) or _saved_inside(plan) or plan.of(StartService))


def _in_node(op: InNamespace | TakeDevice, argv: Argv) -> Shell:
    return join(inside(op.node, argv))


def _step(step: Step, state: str) -> dict[str, Any]:
    return {"why": step.why, "commands": [line for op in step.ops for line in _do(op, state)]}


def _do(op: Op, state: str) -> Iterator[Shell]:  # noqa: C901, PLR0912 (an arm for each kind of operation)
    if isinstance(op, Chain):
        yield _in_node(op, op.argv())
        for why, rules in groupby(op.rules, lambda rule: rule.why):
            if why:
                yield comment(why)
            yield from (_in_node(op, rule.argv()) for rule in rules)
    elif isinstance(op, TakeDevice):
        yield join(op.argv())
    elif isinstance(op, JoinNamespace):
        yield from (join(argv) for argv in [op.argv()] if argv)
    elif isinstance(op, SetWireguard):
        folder, file = (quote(path) for path in (op.key_file.rpartition("/")[0], op.key_file))
        yield Shell(f"[ -s {file} ] || (umask 077; mkdir -p {folder}; wg genkey > {file})")
        yield _in_node(op, op.argv())
    elif isinstance(op, SetPeer):
        yield _peer(op)
    elif isinstance(op, Jump) and op.unless:
        path = "/proc/sys/" + op.unless.replace(".", "/")
        yield Shell(f'[ "$(cat {path})" = 1 ] || {join(op.argv())}')
    elif isinstance(op, Iproute | SetSysctl | Jump):
        yield _in_node(op, op.argv())
    elif isinstance(op, LoadModule):
        # Where the feature is built in there may be nothing to load.
        bridges = op.name == "br_netfilter"
        proof = "/proc/sys/net/bridge" if bridges else f"/sys/module/{op.name.replace('-', '_')}"
        yield Shell(f"[ -e {quote(proof)} ] || {_load(op)}")
    elif isinstance(op, ForgetUdp):
        yield from (Shell(f"{join(inside(op.node, argv))} || true") for argv in op.each())
    elif isinstance(op, WriteFile):
        yield join(op.prepare())
        yield heredoc(f"cat > {quote(op.path)}", [op.text], "FILE")
    elif isinstance(op, StartService):
        base = quote(f"{state}/{op.node}.{op.name}")
        again = ("bash", "-c", AGAIN[op.restart], op.name) if op.restart else ()
        command = join(("setsid", *netns_exec(op.node), *again, *op.argv()))
        yield Shell(f"{command} > {base}.log 2>&1 < /dev/null &")
        yield Shell(f'echo "$!" > {base}.pid')
    elif isinstance(op, AwaitService):
        until = ANSWERS if op.command else LISTENS
        words = ("timeout", str(op.within), "bash", "-c", until, op.name, *op.argv())
        late = f"{op.node}.{op.name} is not ready after {op.within} s"
        yield Shell(
            f"{join((*netns_exec(op.node), *words))} || {{ echo {quote(late)} >&2; exit 1; }}"
        )
    elif isinstance(op, RunCommand):
        if op.up:
            yield _run(op.node, op.argv())
    elif isinstance(op, KeepAdvertisements):
        pass  # `bare` has left it out
    else:
        assert_never(op)


def _load(op: LoadModule) -> Shell:
    """Load a module, which may switch on more than is asked for."""
    load, off = join(op.argv()), join(op.quieten())
    return Shell(f"{{ {load} && {off}; }}") if off else load


def _peer(op: SetPeer) -> Shell:
    """A peer, by its public key; that of a file is asked of wg(8), which prints only the public one."""
    if op.public_key:
        return _in_node(op, op.argv())
    before = _in_node(op, (*op.argv()[:3], "peer"))
    return Shell(f'{before} "$(wg pubkey < {quote(op.key_file)})" {join(op.words())}')


def _run(node: str, argv: Argv) -> Shell:
    """The author's own command; on the host it is the program, whatever built-in command has the same name."""
    return join((*(netns_exec(node) or ("env",)), *argv))


def _undo(op: Op, state: str, plan: Plan) -> Iterator[Shell]:
    if isinstance(op, AddAddress) and op.device == "lo" and op.node in plan.topology.shared:
        yield _in_node(op, ("ip", "address", "del", op.address, "dev", "lo"))
    elif isinstance(op, Jump) and op.unless:
        yield from (Shell(f"{join(argv)} 2> /dev/null || true") for argv in op.undo())
    elif isinstance(op, InNamespace):  # with which it goes
        yield from (_in_node(op, argv) for argv in op.undo() if op.node in plan.topology.shared)
    elif isinstance(op, TakeDevice):
        yield from (_in_node(op, argv) for argv in op.undo())
    elif isinstance(
        op,
        JoinNamespace | WriteFile | LoadModule | ForgetUdp | KeepAdvertisements | AwaitService,
    ):
        yield from map(join, op.undo())
    elif isinstance(op, StartService):
        pid = quote(f"{state}/{op.node}.{op.name}.pid")
        yield Shell(f'kill -- "-$(cat {pid})"')
    elif isinstance(op, RunCommand):
        yield from (_run(op.node, argv) for argv in op.undo())
    else:
        assert_never(op)
