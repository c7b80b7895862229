"""What changes of one thing, in words: a mark and a text for each detail."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from nsgen.change.compare import Difference
from nsgen.ops import (
    AddAddress,
    AddNeighbour,
    AddRoute,
    Argv,
    AwaitService,
    ForgetUdp,
    RunCommand,
    SetLink,
    SetNetem,
    SetSysctl,
    StartService,
    WriteFile,
)
from nsgen.script.lines import Line

STAYS = "it stays loaded: others may use it by now"
BACK = "goes back to what it was"
# What goes without saying of a device that comes or goes.
QUIET = "no IPv6 address of its own making"
PLAIN = (("up", ""), (QUIET, ""), ("in", "/"), ("as", "root"))
Detail = tuple[str, str]  # -, + or nothing; and what
Slot = tuple[str, str]  # what there is one of, or several; and its value


def details(one: Difference) -> list[Detail]:
    """What goes and what comes; where a value takes another's place, both in one."""
    noun = one.key.noun
    if noun == "rules":
        return list(_rules(one))
    if noun == "file":
        return list(_file(one))
    if noun == "module":
        return [("", STAYS)] if one.gone else []
    if noun == "parameter" and not one.new:
        return [("", BACK)]
    if noun == "service" and not one.gone and not one.new:
        return [("", "it is after other ones, from its next start on")]
    gone, new = ([slot for line in lines for slot in _slots(line)] for lines in (one.gone, one.new))
    if one.action in ("add", "remove"):
        told = [" ".join(filter(None, slot)) for slot in (*gone, *new) if slot not in PLAIN]
        return [("", ", ".join(told))] if told else []
    return list(_compared(gone, new))


def inside(one: Difference) -> Iterator[Detail]:
    """A thing in a namespace that comes or goes as a whole."""
    if one.key.noun == "namespace" or one.key.name == "lo":
        return
    texts = [text for _, text in details(one) if text != BACK]
    yield "", " ".join([one.key.noun, one.key.name, *([f"({', '.join(texts)})"] if texts else [])])


def _compared(gone: list[Slot], new: list[Slot]) -> Iterator[Detail]:
    left = [slot for slot in dict.fromkeys(gone) if slot not in new]
    come = [slot for slot in dict.fromkeys(new) if slot not in gone]
    for name in dict.fromkeys(slot[0] for slot in [*left, *come]):
        before, after = ([value for slot, value in slots if slot == name] for slots in (left, come))
        if len(before) == len(after) == 1:
            yield "", f"{name} {before[0]} -> {after[0]}".strip()
            continue
        yield from (("-", f"{name} {value}".strip()) for value in before)
        yield from (("+", f"{name} {value}".strip()) for value in after)


def _slots(line: Line) -> Iterator[Slot]:
    op = line.op
    if isinstance(op, SetLink):
        yield from _settings(op)
    elif isinstance(op, AddAddress):
        yield "address", op.address
    elif isinstance(op, AddNeighbour):
        yield f"neighbour {op.address}", op.mac or "answered for"
    elif isinstance(op, AddRoute):
        yield "", " ".join(_ways(op.route))
    elif isinstance(op, SetNetem):
        yield "impaired by", " ".join(op.words)
    elif isinstance(op, SetSysctl):
        yield "", op.value
    elif isinstance(op, StartService | AwaitService):
        yield from _service(op)
    elif isinstance(op, RunCommand):
        undo = line.text.partition(" ")[0].endswith(".undo")
        yield ("undone by" if undo else ""), shlex.join(op.down if undo else op.up)
    elif line.kind in ("wg", "bridge"):
        words = line.text.split(" ")
        yield " ".join(words[:2] if line.kind == "bridge" else words[1:2]), " ".join(words[2:])


def _service(op: StartService | AwaitService) -> Iterator[Slot]:
    if isinstance(op, AwaitService):
        by = f"by {shlex.join(op.command)}" if op.command else f"on {op.port}/{op.protocol}"
        yield "ready", f"{by}, within {op.within} s"
        return
    yield "", shlex.join(op.command)
    yield "in", op.directory
    yield "as", op.user or "root"
    yield from (("with", variable) for variable in op.environment)
    yield from [("restarted", op.restart)] if op.restart else []
    yield from (("after", other) for other in op.after)


def _ways(route: Argv) -> Argv:
    """How a route goes on behind its destination, which is said already."""
    starts = [
        route.index(word) for word in ("via", "dev", "src", "nexthop", "mtu") if word in route
    ]
    return route[min(starts) :] if starts else ()


def _settings(op: SetLink) -> Iterator[Slot]:
    words = list(op.settings)
    if words[:2] in (["type", "bridge_slave"], ["type", "bridge"]):
        words = words[2:]
    while words:
        word = words.pop(0)
        if word == "up":
            yield "up", ""
        elif word == "addrgenmode":
            words.pop(0)
            yield QUIET, ""
        elif word == "alias":
            words.pop(0)
        elif words:
            value = words.pop(0)
            yield word, "" if value == "on" else value


def _rules(one: Difference) -> Iterator[Detail]:
    gone, new = (
        [line.text for line in lines if not isinstance(line.op, ForgetUdp)]
        for lines in (one.gone, one.new)
    )
    if one.action != "change":
        yield "", f"{len([text for text in [*gone, *new] if text[0] == '-'])} rules"
        return
    if not one.gone and not one.new:
        yield "", "in another order"
    yield from (("-", text) for text in gone)
    yield from (("+", text) for text in new)


def _file(one: Difference) -> Iterator[Detail]:
    gone, new = (_written(lines) for lines in (one.gone, one.new))
    if one.action == "change":
        yield from (("-", text) for text in gone if text not in new)
        yield from (("+", text) for text in new if text not in gone)


def _written(lines: Iterable[Line]) -> list[str]:
    return [
        text
        for line in lines
        if isinstance(line.op, WriteFile)
        for text in line.op.text.splitlines()
    ]
