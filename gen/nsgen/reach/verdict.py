"""What is told of a question and its answer, and of their way: a packet at each node that it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nsgen.values import IPAddress
from nsgen.words import named

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


class AtNode(NamedTuple):
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
Back = Mapping[
    tuple[str, IPAddress], IPAddress
]  # of an answer, where and what was put in place of another address, and that


class Trail(NamedTuple):
    """The hops of a way from here on."""

    hop: Hop
    rest: Trail | None


class Outcome(NamedTuple):
    """How a way ends: a verdict, or, with its status "ok", the state in which it arrived."""

    verdict: Verdict
    state: AtNode
    trail: Trail | None
    changes: tuple[Change, ...]
    hops: int


class Move(NamedTuple):
    """One hop further."""

    state: AtNode
    hop: Hop
    changes: tuple[Change, ...]


OK = Verdict("ok")
UNKNOWN = Verdict("unknown")
APART = Verdict("apart")


def does_not_forward(node: str) -> Verdict:
    """A node that is no router."""
    return Verdict("broken", node, f"{named(node)} does not forward", "forwarding")


def _ins(outcome: Outcome) -> list[tuple[str, str]]:
    """By which devices a packet comes in on its way, and at its end."""
    found = [(node, came) for node, came, _ in hops(outcome.trail)]
    return [*found[1:], (outcome.state.node, outcome.state.came)]


def _outs(outcome: Outcome) -> list[tuple[str, str]]:
    return [(node, out) for node, _, out in hops(outcome.trail)]


def hops(trail: Trail | None) -> Iterator[Hop]:
    """The hops of a way, in order."""
    while trail is not None:
        yield trail.hop
        trail = trail.rest


def came_by(outcome: Outcome) -> dict[str, str]:
    """By each node on its way, the device by which a packet came there first; empty where it is the node's own."""
    found: dict[str, str] = {}
    for node, came, _ in hops(outcome.trail):
        found.setdefault(node, came)
    found.setdefault(outcome.state.node, outcome.state.came)
    return found


def alike(there: Outcome, back: Outcome) -> bool:
    """Whether an answer goes the way that the question came, as rp_filter wants it, ip-sysctl."""
    return _ins(there)[::-1] == _outs(back) and _ins(back)[::-1] == _outs(there)
