"""Hold one machine against another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from nsgen.comparing.facts import Fact, derived, facts
from nsgen.comparing.packets import (
    AddressOwners,
    UnlikeAnswer,
    differing,
    only_one,
    quieter,
    told,
    unknown,
)
from nsgen.comparing.places import Names, matched
from nsgen.comparing.rules import ordered
from nsgen.proof.observed import Observed
from nsgen.proof.state import State

MOST = 30  # lines of rules and parameters that are told


@dataclass(frozen=True)
class StateLine:
    """What one of the two has alone: `-` the first, `+` the second."""

    mark: str
    node: str
    text: str

    def __str__(self) -> str:
        """The line, as it is printed."""
        return f"{self.mark} {self.node}: {self.text}"


@dataclass(frozen=True)
class Comparison:
    """Two machines, and how they differ.

    `state`: what one of the two has alone. `deciding`: the same of what is there for packets alone (rules of the
    firewall, parameters of forwarding): where every packet is answered alike, they are no difference. `packets`: what
    is not answered alike.
    """

    a: Observed
    b: Observed
    state: tuple[StateLine, ...]
    deciding: tuple[StateLine, ...]
    packets: tuple[UnlikeAnswer, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.state or self.packets)

    @property
    def states(self) -> tuple[State, State]:
        """What the kernel says of each."""
        return self.a.state, self.b.state

    @cached_property
    def told(self) -> tuple[str, ...]:
        """The packets, those that are alike in one line."""
        return tuple(told(self.packets, AddressOwners(self.a, self.b)))

    def lines(self) -> Iterator[str]:
        """The differences, a line each: of state, and of answers."""
        yield from map(str, self.state)
        yield from self.told

    def remarks(self) -> Iterator[str]:
        """What is to be known, and is no difference."""
        if self.deciding:
            alike = "" if self.packets else ", though all that was asked is answered alike"
            yield f"of what decides about packets, this differs{alike}:"
            yield from (f"  {line}" for line in self.deciding[:MOST])
            if len(self.deciding) > MOST:
                yield f"  and {len(self.deciding) - MOST} more, which --format json has"
        yield from self.notes


def compare(a: Observed, b: Observed) -> Comparison:
    """Hold two machines against each other; both were asked by :mod:`nsgen.proof.survey`, best the same."""
    renamed = matched(a, b)
    macs = derived(a.state) | derived(b.state)
    first, second = list(facts(a, Names(), macs)), list(facts(b, Names(renamed), macs))
    lines = [(fact, line) for fact, line in _differing(first, second)]
    packets = tuple(differing(a, b))
    return Comparison(
        a,
        b,
        tuple(line for fact, line in lines if not fact.decides),
        tuple(line for fact, line in lines if fact.decides),
        packets,
        tuple(_notes(a, b, renamed)),
    )


def _differing(first: list[Fact], second: list[Fact]) -> Iterator[tuple[Fact, StateLine]]:
    """The facts that only one has, in the order of nodes and of what they are about."""
    known = [{(fact.node, fact.text) for fact in every} for every in (first, second)]
    things = [{fact.about for fact in every if not fact.minor} for every in (first, second)]
    nodes = dict.fromkeys(fact.node for fact in (*first, *second))
    found = [
        (fact, mark)
        for fact, mark, other in (
            *((fact, "-", 1) for fact in first),
            *((fact, "+", 0) for fact in second),
        )
        if (fact.node, fact.text) not in known[other]
        # Of what the other one has not at all, that is enough.
        and not (fact.minor and fact.about not in things[other])
    ]
    order = {name: index for index, name in enumerate(nodes)}
    found.sort(key=lambda one: (order[one[0].node], one[0].rank, one[0].about[1]))
    for fact, mark in dict.fromkeys(found):
        whole = fact.about not in things[mark == "-"]
        yield fact, StateLine(mark, fact.node, fact.text + (fact.more if whole else ""))


def _notes(a: Observed, b: Observed, renamed: dict[tuple[str, str], str]) -> Iterator[str]:
    for seen, other, side in ((a, b, "A"), (b, a, "B")):
        if _empty(seen) and not _empty(other):
            yield f"{side}: when {seen.name} has ended, no namespace and no device of its own is there"
        yield from (
            f"{side}: {node} cannot be read: {why}" for node, why in seen.state.unreadable.items()
        )
    for (node, theirs), ours in renamed.items():
        if (node, theirs) != (node, ours) and not (theirs == b.uplink and ours == a.uplink):
            yield f"{node}: {theirs} of B is {ours} of A"
    yield from ordered(a.state, b.state)
    yield from quieter(a, b)
    yield from unknown(a, b)
    yield from only_one(a, b)
    yield from dict.fromkeys((*a.notes, *b.notes))


def _empty(seen: Observed) -> bool:
    links = {link.name for link in seen.state.nodes["host"].links}
    return len(seen.state.nodes) == 1 and links <= {*seen.devices}
