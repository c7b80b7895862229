"""Whether a topology is what a script builds: which differences of the two machines are none for that question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.comparing import Comparison
from nsgen.comparing.compare import StateLine
from nsgen.comparing.packets import AddressOwners, UnlikeAnswer, told
from nsgen.proof.observed import AROUND
from nsgen.proof.state import KernelNode
from nsgen.topology.names import derived_mac
from nsgen.values import HOST

MAC = re.compile(r"dev (\S+) address (\S+)")
NODAD = " nodad"
LO = re.compile(r"dev lo (?:up|down)")


@dataclass(frozen=True)
class Judgement:
    """What differs, line by line; and what is told and accepted.

    `closed`: the machines around reach something by way of the host in the script's, and not in the topology's: a
    host that forwards for everybody is not what nsgen builds.
    """

    differences: tuple[str, ...]
    closed: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the topology is what the script builds."""
        return not self.differences


def judged(found: Comparison, topology: str) -> Judgement:
    """Tell differences from what is closed on purpose; `topology`: the name of the one that is tried."""
    closed = [one for one in found.packets if _closed(one, found)]
    place = AddressOwners(found.a, found.b)
    dark = {node.name for node in found.a.state.nodes.values() if not _lit(node)}
    other = [
        one for one in found.packets
        if not (_closed(one, found) or _to_itself(one, found) or _by_lo(one, place, dark))
    ]  # fmt: skip
    asked = {(line.mark, line.node, line.text) for line in found.state}
    state = [
        line
        for line in found.state
        if not (line.node in dark and LO.fullmatch(line.text))
        and not _undetected(line, asked)
        and not _derived(line, topology)
    ]
    lines = [*map(str, state), *(map(str, found.deciding) if other else ()), *told(other, place)]
    return Judgement(tuple(lines), tuple(told(closed, place)), tuple(_remarks(found, dark)))


def _undetected(line: StateLine, every: set[tuple[str, str, str]]) -> bool:
    """Whether it is an address that both have, and for which nsgen does not ask whether somebody else has it."""
    if line.mark == "+":
        return ("-", line.node, line.text.removesuffix(NODAD)) in every and NODAD in line.text
    return ("+", line.node, f"{line.text}{NODAD}") in every


def _derived(line: StateLine, topology: str) -> bool:
    """Whether it is the MAC address that nsgen gives a bridge, which has to have one."""
    found = MAC.fullmatch(line.text)
    if line.mark != "+" or not found:
        return False
    names = (f"{topology}/{found[1]}", f"{topology}/{line.node}/{found[1]}")
    return found[2] in map(derived_mac, names)


def _lit(node: KernelNode) -> bool:
    lo = node.link("lo")
    return lo is None or lo.up


def _by_lo(one: UnlikeAnswer, place: AddressOwners, dark: set[str]) -> bool:
    """Whether a namespace asks itself, whose lo is off in the first machine: nsgen switches it on."""
    return one.question.asker in dark and place.of(one.question) == one.question.asker


def _closed(one: UnlikeAnswer, found: Comparison) -> bool:
    """Whether somebody around the host goes through it, and in the first machine alone gets anywhere by that."""
    through = one.question.to not in {a.local for a in found.a.state.nodes[HOST].addresses}
    theirs = one.b.by in (*AROUND, "") and one.b.answered and one.a.by not in AROUND
    return (
        one.question.asker in AROUND
        and through
        and one.a.answered
        and (not one.b.answered or theirs)
    )


def _to_itself(one: UnlikeAnswer, found: Comparison) -> bool:
    """Whether the host asks itself, and sees itself by another address of its own."""
    own = {a.local for a in found.b.state.nodes[HOST].addresses}
    both = one.a.answered and one.b.answered and one.a.by == one.b.by == one.question.asker == HOST
    return both and {one.a.source, one.b.source} <= own


def _remarks(found: Comparison, dark: set[str]) -> Iterator[str]:
    if dark:
        yield f"lo is off in the script's {', '.join(sorted(dark))}, and on in the topology's"
    yield from found.notes
