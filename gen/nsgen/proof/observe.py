"""Build some machines, each by a script of its own in the same surroundings, and ask all of them the same."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from nsgen.compiler import compile_topology
from nsgen.proof.claims.scene import Option, Scene, choose
from nsgen.proof.observed import Answer, Observed, Question
from nsgen.proof.rehearse import VerifyError, play
from nsgen.proof.survey import AskedMachine, survey
from nsgen.topology.model import Topology
from nsgen.values import IPAddress, IPNetwork

INNER = "nsgen.proof.lab.compared"
PATIENCE = 60.0  # seconds for a script
DONE: dict[str, Any] = {}
ROUNDS = 4  # of asking again
AGAIN = 400  # questions that are asked once more, because the answers differ
ADDRESS = re.compile(
    r"(?<![\w.:])(\d+\.\d+\.\d+\.\d+(?:/\d+)?|[\da-fA-F]*:[\da-fA-F:]*:[\da-fA-F:]*(?:/\d+)?)"
)
LEAST = {
    4: 16,
    6: 32,
}  # a shorter prefix is of no network of a script's, but says what is private, say
BEGUN = re.compile(r"(?<![\w.])(\d+\.\d+)\.(?:(\d+)\.)?[$`{\"']")  # 10.0.$i.1, 10.0.1.$i
CARD = re.compile(r"\b(?:eth|eno|ens|enp|enx|wlan|wlp|wlo)\d\w*\b")


class UnbuiltError(VerifyError):
    """A script has built nothing; the message says which one, and why."""


@dataclass(frozen=True)
class BuildSource:
    """What a machine is built by: a script, and the topology that it was made of (or an empty one).

    `cards` are those that the host has, the uplink first, where that is known; `asked` somebody on the internet has.
    `host`: what that is besides a new machine's default. `inner` is the module that runs the script, with what is
    `more` in its job.
    """

    name: str
    script: str
    topology: Topology
    cards: tuple[str, ...] = ()
    asked: tuple[IPAddress, ...] = ()
    host: tuple[Option, ...] = ()
    inner: str = INNER
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uplink(self) -> str:
        """The card of the host that a script of somebody's names and does not make."""
        if self.cards:
            return self.cards[0]
        made = r"(?:add|name|dev|peer|addif)\s+(?:dev\s+|name\s+)?{0}\b(?=.*\btype\b|\s+netns\b)|\bname\s+{0}\b"
        for name in CARD.findall(self.script):
            if not re.search(made.format(re.escape(name)), self.script):
                return str(name)
        return ""


@cache
def no_topology() -> Topology:
    """The topology of a script that was made of none: a name alone."""
    found = compile_topology("script", b"name: script\n").topology
    assert found is not None, "a name alone is a topology"  # noqa: S101 - for mypy
    return found


def observe(
    sources: Sequence[BuildSource],
    *,
    every: bool = False,
    patience: float = PATIENCE,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Observed]:
    """Build a machine by each of some sources, at the same time, and see what they are and who is answered by whom.

    `every`: every namespace asks every other one, however many there are. `patience`, in seconds, is for each script.
    Raises UnbuiltError where a script fails or does not end, and VerifyError where there can be no private machines.
    """
    machines = [
        _Building(source, scene, patience)
        for source, scene in zip(sources, surroundings(sources), strict=True)
    ]
    try:
        for machine in machines:
            machine.begin()
        progress("running " + (f"{len(sources)} scripts" if len(sources) > 1 else "the script"))
        for machine in machines:
            machine.until("seen")
        seen = [Observed.load(json.dumps(machine.document)) for machine in machines]
        asked = survey([AskedMachine.of(one) for one in seen], every=every)
        progress(
            f"asking {len(asked.questions)} questions of {'each' if len(sources) > 1 else 'it'}"
        )
        _ask(machines, asked.document())
        _ask_again(machines, progress)
        for machine in machines:
            machine.end()
    finally:
        for machine in machines:
            machine.close()
    return [Observed.load(json.dumps(machine.document)) for machine in machines]


def _ask(machines: Iterable[_Building], job: Mapping[str, Any]) -> None:
    for machine in machines:
        machine.send(job)
    for machine in machines:
        machine.until("answers")


def _ask_again(machines: Sequence[_Building], progress: Callable[[str], None]) -> None:
    """Ask once more what was not answered alike, until it is twice the same: a busy machine loses packets."""
    before = None
    for _ in range(ROUNDS):
        answers = [machine.verdicts for machine in machines]
        differing = _differing(answers)
        now = [[_said(every[question]) for question in differing] for every in answers]
        if not differing or now == before:
            return
        progress(f"asking {len(differing)} again")
        _ask(machines, {"questions": differing})
        before = now


def _said(verdict: str) -> Answer | None:
    """An answer, if there is one."""
    answer = Answer.of(verdict)
    return answer if answer.answered else None


def _differing(answers: Sequence[Mapping[Question, str]]) -> list[Question]:
    """The questions that were not answered alike by all; who does not answer may do so in several ways."""
    found = [q for q in answers[0] if len({_said(every[q]) for every in answers}) > 1]
    return found[:AGAIN]


class _Building:
    """A machine that is being built."""

    def __init__(self, source: BuildSource, scene: Scene, patience: float) -> None:
        self.source = source
        self.document: dict[str, Any] = {}
        self.notes: list[str] = []
        self._heard, self._saying = os.pipe()
        job = {"name": source.name, "script": source.script, "timeout": patience, **source.more}
        self._events: Iterator[dict[str, Any]] = play(
            source.topology, scene, [], job, source.inner, self._heard
        )
        self._first: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Start it, and wait for nothing but that."""
        self._first = [next(self._events)]

    def send(self, job: Mapping[str, Any]) -> None:
        """Tell it what to ask."""
        data = (json.dumps(job) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._saying, data) :]
        except BrokenPipeError:
            pass  # what it says last tells why

    def until(self, wanted: str) -> None:
        """Take what it tells, up to an event of some kind."""
        for event in self._told():
            kind = event["event"]
            if kind == "note":
                self.notes.append(event["text"])
            elif kind == "unbuilt":
                raise UnbuiltError(_unbuilt(self.source.name, event["text"], event["said"]))
            elif kind == "failed":
                raise VerifyError(f"{self.source.name}: {event['text']}")
            elif kind == "seen":
                self.document = event["document"]
                self.document["notes"] += self.notes
            elif kind == "answers":
                self.document |= {key: event[key] for key in ("asked", "verdicts", "notes")}
            if kind == wanted:
                return
        raise VerifyError(f"{self.source.name}: the rehearsal ended too early")

    def _told(self) -> Iterator[dict[str, Any]]:
        """The events; whoever stops taking them does not end the rehearsal."""
        while self._first:
            yield self._first.pop()
        while True:
            try:
                event = next(self._events, None)
            except VerifyError as error:
                raise VerifyError(f"{self.source.name}: {error}") from error
            if event is None:
                return
            yield event

    @property
    def verdicts(self) -> dict[Question, str]:
        """The answers so far."""
        asked = (Question(*one) for one in self.document["asked"])
        return dict(zip(asked, self.document["verdicts"], strict=True))

    def end(self) -> None:
        """Tell it that this is all."""
        self.send(DONE)

    def close(self) -> None:
        """Have all of it gone."""
        closing = getattr(self._events, "close", None)
        if closing is not None:
            closing()
        for handle in (self._heard, self._saying):
            os.close(handle)


def _unbuilt(name: str, wrong: str, said: str) -> str:
    last = "".join(f"\n  {line}" for line in said.splitlines())
    return (
        f"{name}: {wrong}; its last lines:{last}" if last else f"{name}: {wrong}, and said nothing"
    )


# -- the surroundings ---------------------------------------------------------------------------


def surroundings(sources: Sequence[BuildSource]) -> list[Scene]:
    """The scene for each source: the same addresses around all of them, and none that any of them names."""
    taken = [network for source in sources for network in _literals(source.script)]
    own = [choose(s.topology, *s.asked, host=s.host, besides=taken) for s in sources]
    first = own[0]

    def union(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(value for scene in own for value in getattr(scene, name)))

    cards: dict[str, bool | None] = {c: True for source in sources for c in source.cards[1:]}
    cards |= {name: on for scene in own for name, on in scene.cards.items()}
    uplinks = [source.uplink or scene.uplink for source, scene in zip(sources, own, strict=True)]
    common = {
        name: union(name) for name in ("host_addresses", "routers", "remote", "kept", "beyond")
    }
    return [
        replace(
            scene,
            sides=first.sides,
            uplink=uplink,
            cards={name: on for name, on in cards.items() if name != uplink},
            **common,
        )
        for scene, uplink in zip(own, uplinks, strict=True)
    ]


def _literals(script: str) -> Iterator[IPNetwork]:
    """The networks that a script names, and those of addresses that it puts together."""
    for text in dict.fromkeys(ADDRESS.findall(script)):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if network.prefixlen >= LEAST[network.version] and not network.is_loopback:
            yield network
    for two, third in dict.fromkeys(BEGUN.findall(script)):
        parts = [*two.split("."), *([third] if third else [])]
        if all(int(part) < 256 for part in parts):
            text = ".".join([*parts, *["0"] * (4 - len(parts))])
            yield ipaddress.ip_network(f"{text}/{8 * len(parts)}")
