"""A change, rehearsed: the new script over the old one, with packets through all that both have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nsgen.change.interrupted import Interruption
from nsgen.change.reaches import OWN, common_scene, owners, said
from nsgen.plan.steps import Plan
from nsgen.proof.claims.all import Claim, Claims
from nsgen.proof.claims.scene import GUESTS
from nsgen.proof.job import answering, questions
from nsgen.proof.rehearse import Result, play, take
from nsgen.proof.result import Verified, shown
from nsgen.script import targets
from nsgen.topology.model import Topology
from nsgen.values import HOST
from nsgen.words import count

MOST = 24  # connections at a time: each says something every 5 ms
PHASES = {
    "change": "the new script runs over the old one",
    "fresh": "the result is what a fresh build of the new one gives",
    "check": "check finds no difference",
    "down": "down leaves the machine as it was",
}

INNER = "nsgen.proof.lab.changing"  # the half of it that runs inside


class Measured(NamedTuple):
    """A connection that both topologies have: who asks whom by which protocol, and who answers on which port there."""

    asker: str
    to: str
    port: int
    protocol: str
    by: str
    listen: int
    text: str


@dataclass
class Rehearsed:
    """What came of it."""

    flows: list[Measured]
    old: Result
    new: Result
    names: tuple[Topology, Topology]
    announced: list[Interruption]
    begun: list[int] = field(default_factory=list)
    came: list[tuple[int, int, float | None]] = field(default_factory=list)

    @property
    def interrupted(self) -> list[tuple[Measured, int, float | None]]:
        """The connections of which packets were lost: how many, and for how long."""
        return [
            (self.flows[number], lost, seconds)
            for number, lost, seconds in self.came
            if seconds != 0.0
        ]

    def is_announced(self, flow: Measured) -> bool:
        """Whether it was told before that a connection is interrupted."""
        return any(one.passes or one.node in (flow.asker, flow.by) for one in self.announced)

    @property
    def surprises(self) -> list[Measured]:
        """The connections that were interrupted, and nobody had said so."""
        return [flow for flow, _, _ in self.interrupted if not self.is_announced(flow)]

    @property
    def failed(self) -> bool:
        """Whether anything is not as it was told."""
        return bool(self.surprises) or any(result.failed for result in (self.old, self.new))

    # -- in words -------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The rehearsal, for people."""
        for flow, lost, seconds in self.interrupted:
            mark = "    " if self.is_announced(flow) else "FAIL"
            much = "for good" if seconds is None else f"for {seconds * 1000:.0f} ms"
            packets = "" if flow.protocol == "tcp" else f", {count(lost, 'packet')} lost"
            yield f"{mark} {flow.text} was interrupted {much}{packets}"
        for which, result, topology in zip(
            ("old", "new"), (self.old, self.new), self.names, strict=True
        ):
            told = Verified(topology, result)
            for index in result.failures:
                yield f"FAIL of the {which} one: {told.title(result.claims[index])}: {told.reason(index)}"
        for name, ok, text in self.new.phases:
            if not ok:
                yield f"FAIL {PHASES[name]}"
                yield from (f"     {line}" for line in text.splitlines())
        yield from dict.fromkeys([*self.old.notes, *self.new.notes])
        yield self.summary()

    def summary(self) -> str:
        """The rehearsal in one line."""
        parts = [f"{len(self.interrupted)} of {count(len(self.begun), 'connection')} interrupted"]
        parts += [f"{len(self.surprises)} of them not announced"] if self.surprises else []
        for which, result in (("old", self.old), ("new", self.new)):
            asked = sum(verdict != "skipped" for verdict in result.verdicts.values())
            parts.append(
                f"{asked - len(result.failures)} of {count(asked, 'claim')} of the {which} one hold"
            )
        for wanted, word in ((True, "ok"), (False, "not ok")):
            names = [name for name, ok, _ in self.new.phases if ok is wanted]
            parts += [f"{', '.join(names)}: {word}"] if names else []
        return f"rehearsed: {'; '.join(parts)}"

    def json(self) -> dict[str, Any]:
        """The rehearsal, for programs."""
        return {
            "ok": not self.failed,
            "connections": len(self.begun),
            "interrupted": [
                {
                    "connection": flow.text,
                    "lost": lost,
                    "seconds": seconds,
                    "announced": self.is_announced(flow),
                }
                for flow, lost, seconds in self.interrupted
            ],
            "phases": [
                {"name": name, "ok": ok, "text": text} for name, ok, text in self.new.phases
            ],
            "old": self._claims(self.old, self.names[0]),
            "new": self._claims(self.new, self.names[1]),
        }

    @staticmethod
    def _claims(result: Result, topology: Topology) -> dict[str, Any]:
        told = Verified(topology, result)
        wrong = [
            {"claim": told.title(result.claims[i]), "wrong": told.reason(i)}
            for i in result.failures
        ]
        return {"claims": len(result.verdicts), "wrong": wrong}


def rehearse_change(
    old: Plan,
    new: Plan,
    announced: list[Interruption],
    *,
    most: int = MOST,
    progress: Callable[[str], None] = lambda _: None,
) -> Rehearsed:
    """Try a change in a private copy of a host."""
    topologies = (old.topology, new.topology)
    scene = common_scene(*topologies)
    makers = [Claims(topology, scene) for topology in topologies]
    claims = [maker.all() for maker in makers]
    flows = choose_flows(topologies, claims)[:most]
    result = Rehearsed(flows, Result(claims[0]), Result(claims[1]), topologies, announced)
    before = answering(topologies[0], makers[0].listeners()) | questions(claims[0])
    job = questions(claims[1]) | {
        "script": targets.script(new),
        "before": before | {"script": targets.script(old)},
        "flows": [list(flow[:6]) for flow in flows],
    }
    for key in ("programs", "waits"):
        job[key] = answering(topologies[1], [])[key] + before[key]
    which = result.old
    for event in play(topologies[1], scene, makers[1].listeners(), job, INNER):
        if event["event"] == "asking":
            which = result.old if event["which"] == "old" else result.new
        elif event["event"] == "talked":
            result.begun, result.came = event["begun"], [tuple(one) for one in event["came"]]
        else:
            take(event, result.new if event["event"] == "phase" else which, progress)
    if not all(name != "change" or ok for name, ok, _ in result.new.phases):
        result.new.claims = []  # nothing was asked
    return result


def choose_flows(
    topologies: tuple[Topology, Topology], claims: Sequence[Sequence[Claim]]
) -> list[Measured]:
    """Connections that both topologies claim, between the same two; each asker's in turn."""
    known = [owners(topology) for topology in topologies]
    before = {_question(claim, known[0]) for claim in claims[0] if claim.answered}
    by_asker: dict[str, list[Measured]] = {}
    for claim in claims[1]:
        if not claim.answered or claim.column == OWN or claim.asker in GUESTS:
            continue
        if _question(claim, known[1]) in before:
            by_asker.setdefault(claim.asker, []).extend(_flows(topologies[1], claim, known[1]))
    queues, found = list(by_asker.values()), []
    while any(queues):
        found += [queue.pop(0) for queue in queues if queue]
    return list(dict.fromkeys(found))


def _question(claim: Claim, known: dict[str, str]) -> tuple[str, str, int, str, str]:
    who = claim.by or known.get(claim.to, "")
    return claim.asker, claim.to, claim.port, claim.protocol, who


def _flows(topology: Topology, claim: Claim, owner: dict[str, str]) -> Iterator[Measured]:
    text = f"{shown(claim.asker)} -> {said(claim, owner)}"
    by = claim.by or owner.get(claim.to, HOST)
    if claim.protocol == "ping":
        yield Measured(claim.asker, claim.to, 0, "ping", by, 0, f"{text} (ping)")
        return
    if claim.protocol not in ("tcp", "udp") or not claim.by:
        return
    target = next(
        (
            p.target.first + claim.port - p.published.first
            for p in topology.publications
            if p.protocol == claim.protocol
            and p.member.namespace == claim.by
            and str(p.address) != claim.to
            and p.published.first <= claim.port <= p.published.last
        ),
        0,
    )
    protocols = [claim.protocol] if target else ["tcp", "udp"]
    for protocol in protocols:
        yield Measured(
            claim.asker,
            claim.to,
            claim.port,
            protocol,
            by,
            target or claim.port,
            f"{text} ({protocol})",
        )
