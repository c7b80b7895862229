"""A plan as the lines that its script keeps: NODE KIND WORDS…, one for each thing that is to be there.

What `up` does over another version of its topology follows from these alone: a line that is gone is undone, one that is
new is done (templates/batch/runtime/core.bash).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsgen.ops import (
    HOST,
    IPTABLES,
    AddPolicy,
    Argv,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    IpOp,
    Iproute,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    Rule,
    RunCommand,
    SetNetem,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
    batch_words,
)
from nsgen.plan.steps import Plan
from nsgen.values import Ports, assert_never


class Line(NamedTuple):
    """One line, and the operation that it stands for."""

    node: str
    kind: str
    text: str
    op: Op | Rule

    def __str__(self) -> str:
        return f"{self.node} {self.kind} {self.text}"


def block_line(op: Iproute | LoadModule | SetSysctl) -> str:
    """An operation as a line of a block."""
    if isinstance(op, SetSysctl):
        return op.line()
    return op.name if isinstance(op, LoadModule) else " ".join(batch_words(op.argv()))


def rule_line(rule: Rule) -> str:
    """A rule as iptables-restore(8) reads it."""
    return " ".join(("-A", rule.chain, *rule.words()))


def jump_line(op: Jump) -> str:
    """A jump to a chain of ours as iptables-restore(8) reads it; where it goes is then looked for."""
    return " ".join((op.FLAG[op.place], op.builtin, *op.words()))


def udp_words(op: ForgetUdp) -> Argv:
    """The ports, the first and the last, and whose flows to them are forgotten."""
    ports = op.ports or Ports(1, 65535)
    return (str(ports.first), str(ports.last), *op.filter())


def lines(plan: Plan) -> list[Line]:
    """The lines of a plan, in order, on a machine that has all it depends on: systemd-networkd, and so on.

    The frame of iptables' text (`*nat`, `COMMIT`) is left out, and the folders of files.
    """
    found: list[Line] = []
    for section in plan.sections:
        for step in section.steps:
            numbers = 0
            for op in step.ops:
                numbers += isinstance(op, RunCommand)
                found += lines_of(op, numbers)
    return found


def lines_of(op: Op, number: int = 1) -> Iterator[Line]:
    """The lines of one operation; `number`: of its step's commands, which one it is."""
    yield from (Line(node, kind, text, of) for node, kind, text, of in _lines(op, number))


def _lines(  # noqa: C901, PLR0912 (an arm for each kind of operation)
    op: Op, number: int
) -> Iterator[tuple[str, str, str, Op | Rule]]:
    if isinstance(op, IpOp | BridgeOp | SetNetem | AddPolicy | LoadModule | SetSysctl):
        yield op.node, _kind(op), block_line(op), op
    elif isinstance(op, Chain):
        yield op.node, IPTABLES[op.version], f":{op.name} - [0:0]", op
        yield from ((op.node, IPTABLES[op.version], rule_line(rule), rule) for rule in op.rules)
    elif isinstance(op, Jump):
        yield op.node, IPTABLES[op.version], jump_line(op), op
    elif isinstance(op, ForgetUdp):
        yield op.node, "udp", " ".join(udp_words(op)), op
    elif isinstance(op, JoinNamespace):
        for words in op.free:
            yield HOST, "free", " ".join((op.name, op.path, *words)), op
        yield HOST, "join", f"{op.name} {op.path}", op
    elif isinstance(op, TakeDevice):
        yield op.node, "device", op.device, op
    elif isinstance(op, WireguardOp):
        yield op.node, "wg", " ".join(op.argv()[2:]), op
    elif isinstance(op, WriteFile):
        if op.boot:
            return  # `up` does not write it
        text = op.text if op.text.endswith("\n") else f"{op.text}\n"
        one_line = text.replace("\\", "\\\\").replace("\n", "\\n")
        yield HOST, "file", f"{op.path} {op.reader or '-'} {one_line}", op
    elif isinstance(op, StartService):
        again = f"{op.restart} " if op.restart else ""
        yield op.node, "service", f"{op.name} {again}{_quoted(op.argv())}", op
    elif isinstance(op, AwaitService):
        by = f"-- {_quoted(op.argv())}" if op.command else f"{op.port}/{op.protocol}"
        yield op.node, "ready", f"{op.name} {op.within} {by}", op
    elif isinstance(op, RunCommand):
        for argv in op.undo():
            yield op.node, "once", f"{number}.undo {_quoted(argv)}", op
        yield op.node, "once", f"{number} {_quoted(op.up or ('true',))}", op
    elif isinstance(op, KeepAdvertisements):
        return  # what that takes is seen on the machine
    else:
        assert_never(op)


def _kind(op: IpOp | BridgeOp | SetNetem | AddPolicy | LoadModule | SetSysctl) -> str:
    if isinstance(op, SetSysctl):
        return "sysctl"
    if isinstance(op, LoadModule):
        return "module"
    if isinstance(op, AddPolicy):
        return "ip" if op.version == 4 else "ip6"
    return op.argv()[0]


def _quoted(argv: Argv) -> str:
    """The words in quotes, as bash's ${words[*]@Q} has them."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in argv)
