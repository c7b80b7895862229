"""What is told of a question and its answer, and of their way: a packet at each node that it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nsgen.segments import HOST
from nsgen.values import IPAddress

Status = Literal["ok", "unknown", "apart", "broken"]
Mend = Literal["routes", "forwarding", "nat", "interfaces"]


@dataclass(frozen=True)
class Verdict:
    """What comes of a question: `reason` says why there is no answer, with ``{to}`` for what is not found.

    `node` is where its way ends, and `mend` what is to be mended there. `back`: it is the answer that is lost, on its
    way from `answers` to `asked_from`.
    """

    status: Status
    node: str = ""
    reason: str = ""
    mend: Mend = "routes"
    to: str = ""
    back: bool = False
    answers: str = ""
    asked_from: str = ""

    @property
    def text(self) -> str:
        """The reason, of one address."""
        if not self.back:
            return self.reason.format(to=self.to)
        inner = self.reason.format(to="it")
        return f"{self.answers} has no way back to {self.asked_from}: {inner}"


class State(NamedTuple):
    """A packet at a node: `came` is the device by which it came, or empty, and `domain` the table of its VRF, or 0."""

    node: str
    came: str
    domain: int
    src: IPAddress | None
    dst: IPAddress
    back: bool


Hop = tuple[
    str, str, str
]  # a node, the device by which it gets a packet, the one by which it sends it
Change = tuple[
    str, IPAddress, IPAddress
]  # where an address was put in place of another: the new, the old


class Trail(NamedTuple):
    """The hops of a way from here on."""

    hop: Hop
    rest: Trail | None


class Outcome(NamedTuple):
    """How a way ends: a verdict, or, with its status "ok", the state in which it arrived."""

    verdict: Verdict
    state: State
    trail: Trail | None
    changes: tuple[Change, ...]
    hops: int


class Step(NamedTuple):
    """One hop further."""

    state: State
    hop: Hop
    changes: tuple[Change, ...]


OK = Verdict("ok")
UNKNOWN = Verdict("unknown")
APART = Verdict("apart")


def named(node: str) -> str:
    """A node in words."""
    return "the host" if node == HOST else node


def does_not_forward(node: str) -> Verdict:
    """A node that is no router."""
    return Verdict("broken", node, f"{named(node)} does not forward", "forwarding")


def _ins(outcome: Outcome) -> list[tuple[str, str]]:
    """By which devices a packet comes in on its way, and at its end."""
    found = [(node, came) for node, came, _ in _hops(outcome.trail)]
    return [*found[1:], (outcome.state.node, outcome.state.came)]


def _outs(outcome: Outcome) -> list[tuple[str, str]]:
    return [(node, out) for node, _, out in _hops(outcome.trail)]


def _hops(trail: Trail | None) -> Iterator[Hop]:
    while trail is not None:
        yield trail.hop
        trail = trail.rest


def alike(there: Outcome, back: Outcome) -> bool:
    """Whether an answer goes the way that the question came, as rp_filter wants it, ip-sysctl."""
    return _ins(there)[::-1] == _outs(back) and _ins(back)[::-1] == _outs(there)
