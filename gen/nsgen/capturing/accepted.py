"""Whether a topology is what a script builds: which differences of the two machines are none for that question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.comparing import Comparison
from nsgen.comparing.compare import StateLine
from nsgen.comparing.packets import AddressOwners, UnlikeAnswer, told
from nsgen.proof.named import named_ports
from nsgen.proof.observed import AROUND
from nsgen.proof.state import KernelNode
from nsgen.topology.names import derived_mac
from nsgen.values import HOST

MAC = re.compile(r"dev (\S+) address (\S+)")
NODAD = " nodad"
OF_IPV6_ALONE = re.compile(
    r"addrgenmode|link-local|disable_ipv6"
)  # of devices, which every other line would be
LO = re.compile(r"dev lo (?:up|down)")


@dataclass(frozen=True)
class Judgement:
    """What differs, line by line; what may be the cause of packets that differ; and what is told and accepted.

    `closed`: the machines around reach something by way of the host in the script's, and not in the topology's: a
    host that forwards for everybody is not what nsgen builds. `passed`: DNAT without an address takes what is for
    others, and a published port what is for the host.
    """

    differences: tuple[str, ...]
    causes: tuple[str, ...]
    closed: tuple[str, ...]
    passed: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the topology is what the script builds."""
        return not self.differences


def judged(found: Comparison, topology: str) -> Judgement:
    """Tell differences from what is closed on purpose; `topology`: the name of the one that is tried."""
    closed = [one for one in found.packets if _closed(one, found)]
    place = AddressOwners(found.a, found.b)
    taken = {
        (protocol, port)
        for named in named_ports(found.a.state.nodes[HOST])
        if named.translated and not named.address
        for protocol in named.protocols
        for port in named.ports
    }
    passed = [one for one in found.packets if _passed(one, taken)]
    dark = {node.name for node in found.a.state.nodes.values() if not _lit(node)}
    other = [
        one for one in found.packets
        if not (
            _closed(one, found) or one in passed or _to_itself(one, found) or _by_lo(one, place, dark)
        )
    ]  # fmt: skip
    asked = {(line.mark, line.node, line.text) for line in found.state}
    named = {n.get("lladdr", "") for node in found.b.state.nodes.values() for n in node.neighbours}
    state = [
        line
        for line in found.state
        if not (line.node in dark and LO.fullmatch(line.text))
        and not _undetected(line, asked)
        and not _given(line, topology, named)
    ]
    causes = (
        [str(line) for line in found.deciding if not OF_IPV6_ALONE.search(line.text)]
        if other
        else []
    )
    return Judgement(
        (*told(other, place), *map(str, state)),
        tuple(causes),
        tuple(told(closed, place)),
        tuple(told(passed, place)),
        tuple(_remarks(found, dark)),
    )


def _undetected(line: StateLine, every: set[tuple[str, str, str]]) -> bool:
    """Whether it is an address that both have, and for which nsgen does not ask whether somebody else has it."""
    if line.mark == "+":
        return ("-", line.node, line.text.removesuffix(NODAD)) in every and NODAD in line.text
    return ("+", line.node, f"{line.text}{NODAD}") in every


def _given(line: StateLine, topology: str, named: set[str]) -> bool:
    """Whether it is a MAC address that a topology has to give: that of a bridge, or one that a neighbour names."""
    found = MAC.fullmatch(line.text)
    if line.mark != "+" or not found:
        return False
    names = (f"{topology}/{found[1]}", f"{topology}/{line.node}/{found[1]}")
    return found[2] in map(derived_mac, names) or found[2] in named


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


def _passed(one: UnlikeAnswer, taken: set[tuple[str, int]]) -> bool:
    """Whether somebody beyond the host answers by a port that the first machine takes for itself."""
    port = (one.question.protocol, one.question.port)
    return one.question.asker not in AROUND and port in taken and one.b.by in AROUND


def _to_itself(one: UnlikeAnswer, found: Comparison) -> bool:
    """Whether the host asks itself, and sees itself by another address of its own."""
    own = {a.local for a in found.b.state.nodes[HOST].addresses}
    both = one.a.answered and one.b.answered and one.a.by == one.b.by == one.question.asker == HOST
    return both and {one.a.source, one.b.source} <= own


def _remarks(found: Comparison, dark: set[str]) -> Iterator[str]:
    if dark:
        yield f"lo is off in the script's {', '.join(sorted(dark))}, and on in the topology's"
    yield from found.notes
