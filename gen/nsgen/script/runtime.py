"""The runtime of a script: a core, and parts that are in it where its topology needs them, the same bytes in each."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from nsgen.ops import (
    AwaitService,
    Chain,
    ForgetUdp,
    Iproute,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
)
from nsgen.plan.steps import Plan
from nsgen.script.templates import template_text
from nsgen.values import assert_never

# In the order in which they come in a script, which always has the last three. What is undone all together is undone in
# this order, too: rules before devices.
PARTS = (
    *("rules", "devices", "joined", "modules", "parameters", "advertisements", "files", "hardware"),
    *("wireguard", "services", "restart", "readiness", "commands"),
    *("status", "try", "install"),
)


def part_of(kind: type[Op]) -> str:  # noqa: C901 (an arm for each kind of operation)
    """The part that has the functions for one kind of operation."""
    if issubclass(kind, Iproute):
        return "devices"
    if issubclass(kind, Chain | Jump | ForgetUdp):
        return "rules"
    if issubclass(kind, LoadModule):
        return "modules"
    if issubclass(kind, SetSysctl):
        return "parameters"
    if issubclass(kind, KeepAdvertisements):
        return "advertisements"
    if issubclass(kind, WriteFile):
        return "files"
    if issubclass(kind, TakeDevice):
        return "hardware"
    if issubclass(kind, JoinNamespace):
        return "joined"
    if issubclass(kind, WireguardOp):
        return "wireguard"
    if issubclass(kind, StartService):
        return "services"
    if issubclass(kind, AwaitService):
        return "readiness"
    if issubclass(kind, RunCommand):
        return "commands"
    return assert_never(kind)


def parts_of(plan: Plan) -> list[str]:
    """The parts that a plan needs besides the core."""
    needed = {"status", "try", "install", *map(part_of, plan.kinds)}
    needed |= {"restart"} if any(op.restart for op in plan.of(StartService)) else set()
    return [part for part in PARTS if part in needed]


@cache
def text(part: str) -> str:
    """A part as it stands in every script that has it."""
    return template_text(f"batch/runtime/{part}.bash")


@cache
def whole() -> str:
    """The core and every part."""
    return "\n".join(text(part) for part in ("core", *PARTS))


@cache
def digest() -> str:
    """What names the runtime: the beginning of the SHA-256 of all of it."""
    return hashlib.sha256(whole().encode()).hexdigest()[:12]


def digest_in(script: str) -> str:
    """What a script says of its runtime in its head; nothing where it has none, as one that was written by hand."""
    found = re.search(r"^# .*\bruntime ([0-9a-f]{12})\b", script, re.MULTILINE)
    return found[1] if found else ""
