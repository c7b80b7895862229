"""What the lines of a script are about: devices, addresses and routes, parameters, rules, services and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nsgen.ops import (
    AddAddress,
    AddLink,
    AddNamespace,
    AddNeighbour,
    AddPolicy,
    AddRoute,
    AddVeth,
    Argv,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    MapVlan,
    NewDevice,
    Rule,
    RunCommand,
    SetLink,
    SetNetem,
    SetSysctl,
    SetVlan,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
    ip_family,
    word_after,
)
from nsgen.plan.steps import Plan
from nsgen.script.lines import Line, lines
from nsgen.values import assert_never

Noun = Literal[
    "namespace", "device", "route", "policy rule", "rules", "parameter", "module", "file", "service", "command",
]  # fmt: skip
End = tuple[str, str]  # a device: its node and its name


class Key(NamedTuple):
    """What is one thing, in one topology and in another: its node, what it is, and its name."""

    node: str
    noun: Noun
    name: str


@dataclass
class Thing:
    """One thing: the line that makes it, if one does, and those that say how it is to be."""

    maker: Line | None = None
    lines: list[Line] = field(default_factory=list)

    @property
    def all(self) -> list[Line]:
        """Every line of it."""
        return [*([self.maker] if self.maker else []), *self.lines]


class Things:
    """The things of a plan, and how its devices hang together."""

    def __init__(self, plan: Plan) -> None:
        """Take them from the lines of its script."""
        self.topology = plan.topology
        self.lines = lines(plan)
        self.found: dict[Key, Thing] = {}
        self.other: dict[End, End] = {}  # the other end of a cable
        self.master: dict[End, str] = {}  # of a port
        self.ports: dict[End, list[End]] = {}
        self.below: dict[End, End] = {}  # the device that one is made on
        for line in self.lines:
            self._take(line)

    def _take(self, line: Line) -> None:
        op = line.op
        if isinstance(op, NewDevice | TakeDevice | AddNamespace | JoinNamespace):
            for key in _made(op):
                self.found.setdefault(key, Thing()).maker = line
        else:
            self.found.setdefault(_about(line), Thing()).lines.append(line)
        if isinstance(op, AddVeth):
            here, there = (op.node, op.name), (op.peer_into or op.node, op.peer)
            self.other |= {here: there, there: here}
        elif isinstance(op, AddLink):
            if op.below:
                self.below[op.into or op.node, op.name] = (op.node, op.below)
        elif isinstance(op, SetLink) and op.master:
            self.master[op.node, op.device] = op.master
            self.ports.setdefault((op.node, op.master), []).append((op.node, op.device))


def _made(op: NewDevice | TakeDevice | AddNamespace | JoinNamespace) -> Iterator[Key]:
    if isinstance(op, AddNamespace | JoinNamespace):
        yield Key(op.name, "namespace", op.name)
    elif isinstance(op, TakeDevice):
        yield Key(op.node, "device", op.device)
    elif isinstance(op, AddLink):
        yield Key(op.into or op.node, "device", op.name)
    else:
        yield Key(op.node, "device", op.name)
        if isinstance(op, AddVeth):
            yield Key(op.peer_into or op.node, "device", op.peer)


def _about(line: Line) -> Key:  # noqa: C901 (an arm for each kind of operation)
    """The thing that a line says something of, other than that it is to be there."""
    op, node = line.op, line.node
    if isinstance(op, SetVlan | MapVlan):
        return Key(node, "device", op.port)
    if isinstance(op, BridgeOp | SetLink | AddAddress | AddNeighbour | SetNetem | WireguardOp):
        return Key(node, "device", op.device)
    if isinstance(op, AddRoute):
        return Key(node, "route", _destination(op.route))
    if isinstance(op, AddPolicy):
        return Key(node, "policy rule", " ".join((*ip_family(op.version), *op.words)))
    if isinstance(op, SetSysctl):
        return Key(node, "parameter", op.key)
    if isinstance(op, LoadModule):
        return Key(node, "module", op.name)
    if isinstance(op, Chain | Rule | Jump | ForgetUdp):
        return Key(node, "rules", f"IPv{op.version}")
    if isinstance(op, WriteFile):
        return Key(node, "file", op.path)
    if isinstance(op, StartService | AwaitService):
        return Key(node, "service", op.name)
    if isinstance(op, RunCommand):
        return Key(node, "command", line.text.partition(" ")[0].removesuffix(".undo"))
    if isinstance(op, AddNamespace | JoinNamespace | NewDevice | TakeDevice | KeepAdvertisements):
        raise TypeError(op)  # what makes something is asked before, and advertisements have no line
    return assert_never(op)


def _destination(route: Argv) -> str:
    """What tells a route from others of its node."""
    ends = [route.index(word) for word in ("via", "dev", "src", "nexthop") if word in route]
    words = list(route[: min(ends, default=len(route))])
    for word in ("table", "metric"):
        if word in route and word not in words:
            words += [word, word_after(word, route)]
    if words[0] == "default" and ":" in word_after("via", route):
        words.insert(1, "(IPv6)")
    return " ".join(words)
