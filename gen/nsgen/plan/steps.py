"""What a plan consists of: steps under headings; and the parts that several of its modules need."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from nsgen.ops import Argv, Op, SetSysctl
from nsgen.topology.model import Node, Topology
from nsgen.topology.needs import FORWARD, device_key
from nsgen.values import HOST, IPV6_MTU

TABLES = (
    "raw",
    "mangle",
    "nat",
    "filter",
)  # of iptables, in the order in which a packet meets them
OpKind = TypeVar("OpKind", bound=Op)


@dataclass(frozen=True)
class Step:
    """A few operations that one comment explains; a `guard` is about packets that come by, of whomever."""

    why: str
    ops: tuple[Op, ...]
    guard: bool = False


@dataclass(frozen=True)
class Section:
    """Steps under one heading."""

    title: str
    why: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """What is done for a topology: sections of steps, in order."""

    topology: Topology
    sections: tuple[Section, ...]

    @property
    def ops(self) -> Iterator[Op]:
        """Every operation in order."""
        for part in self.sections:
            for step in part.steps:
                yield from step.ops

    def of(self, kind: type[OpKind]) -> list[OpKind]:
        """The operations of one kind."""
        return cast("dict[type[OpKind], list[OpKind]]", self._by_kind).get(kind, [])

    @property
    def kinds(self) -> Collection[type[Op]]:
        """The kinds of operations that there are in it."""
        return self._by_kind.keys()

    @cached_property
    def _by_kind(self) -> dict[type[Op], list[Op]]:
        found: dict[type[Op], list[Op]] = {}
        for op in self.ops:
            found.setdefault(type(op), []).append(op)
        return found


def section(title: str, steps: Iterable[Step], preface: str = "") -> Section:
    """A section of the steps that have anything to do."""
    return Section(title, preface, tuple(step for step in steps if step.ops))


def no_link_local(mtu: int) -> Argv:
    """What keeps a device from making itself an IPv6 address; too small for IPv6, it knows no such setting."""
    return () if 0 < mtu < IPV6_MTU else ("addrgenmode", "none")


def alias(mark: str, device: str, name: str) -> str:
    """A device's mark; and what the device is called, where that is too long for a device's name."""
    return mark if device == name else f"{mark}:{name}"


def device_sysctl(version: int, device: str, key: str, value: str, node: str = HOST) -> SetSysctl:
    """A parameter of one device."""
    return SetSysctl(node, device_key(version, device, key), value)


def asked(node: Node) -> list[SetSysctl]:
    """What the author sets: what switches all devices comes ahead of what is for one of them."""
    ops = [SetSysctl(node.name, key, value) for key, value in node.sysctls.items()]
    return sorted(ops, key=lambda op: _width(op.key))


def _width(key: str) -> int:
    if key in FORWARD.values():
        return 0
    found = re.match(r"net[./]ipv[46][./](?:conf|neigh)[./](all|default)[./]", key)
    return 3 if found is None else ("all", "default").index(found[1]) + 1


def unless_asked(node: Node, ops: Iterable[SetSysctl]) -> tuple[SetSysctl, ...]:
    """The parameters, out of those that we would set, of which the author says nothing."""
    return tuple(op for op in ops if op.key not in node.sysctls)
