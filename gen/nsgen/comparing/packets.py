"""What is not answered alike by two machines, packet by packet, and told in few lines."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nsgen.proof.observed import AROUND, Answer, Observed, Question
from nsgen.proof.survey import FREE
from nsgen.words import count

WAYS = {"tcp": "TCP", "udp": "UDP", "ping": "ping"}


@dataclass(frozen=True)
class UnlikeAnswer:
    """A question, and what came of it in either machine, which is not the same."""

    question: Question
    a: Answer
    b: Answer


def differing(a: Observed, b: Observed) -> Iterator[UnlikeAnswer]:
    """What both were asked and only one answered, or another node did, or it saw another source."""
    for question, first in a.answers.items():
        second = b.answers.get(question)
        if second is not None and not _alike(first, second):
            yield UnlikeAnswer(question, first, second)


def _alike(a: Answer, b: Answer) -> bool:
    if not (a.answered and b.answered):
        return a.answered == b.answered
    if not (a.by and b.by):
        return True
    return a.by == b.by and (a.source == b.source or (_own(a.source) and _own(b.source)))


def _own(address: str) -> bool:
    """Whether it is an address that IPv6 makes itself."""
    return address.startswith("fe80:")


def quieter(a: Observed, b: Observed) -> Iterator[str]:
    """How many questions were refused by one and met with silence by the other, in words."""
    number = sum(
        question in b.answers
        and not (first.answered or b.answers[question].answered)
        and first.outcome != b.answers[question].outcome
        for question, first in a.answers.items()
    )
    if number:
        yield f"{count(number, 'question')} that neither answers: one refuses or knows no way, the other is silent"


def unknown(a: Observed, b: Observed) -> Iterator[str]:
    """How many answers are of services that do not say who they are, in words."""
    number = sum(
        question.protocol != "ping"
        and first.answered
        and b.answers.get(question, first).answered
        and not (first.by and b.answers.get(question, first).by)
        for question, first in a.answers.items()
    )
    if number:
        yield f"{count(number, 'answer')} of services: it cannot be told whose, and they are taken as alike"


def only_one(a: Observed, b: Observed) -> Iterator[str]:
    """How many questions only one was asked, in words."""
    for one, other, side in ((a, b, "A"), (b, a, "B")):
        if number := len(one.answers.keys() - other.answers.keys()):
            yield f"{count(number, 'question')} only {side} was asked"


class AddressOwners:
    """Whose an address is."""

    def __init__(self, a: Observed, b: Observed) -> None:
        """Take over both machines."""
        self._owners: dict[str, str] = {}
        for seen in (a, b):
            for name, node in seen.state.nodes.items():
                for address in node.addresses:
                    self._owners.setdefault(address.local, name)
            for name, addresses in seen.around.items():
                for one in addresses:
                    self._owners.setdefault(one, name)
            self._owners |= dict.fromkeys(seen.transit, "internet~")
        self._names = {*a.state.nodes, *b.state.nodes}
        self._alone = {*a.state.nodes} ^ {*b.state.nodes}
        self.asked: dict[tuple[str, str], list[str]] = defaultdict(list)
        for question in a.answers:
            every = self.asked[question.asker, self.of(question)]
            if question.to not in every:
                every.append(question.to)

    def of(self, question: Question) -> str:
        """The node that is asked."""
        if ipaddress.ip_address(question.to).is_loopback:
            return question.asker
        return self._owners.get(question.to, "")

    def alone(self, question: Question) -> str:
        """The node that a question is from or to and that only one of the two has; or nothing."""
        return next((one for one in (question.asker, self.of(question)) if one in self._alone), "")

    def shown(self, node: str) -> str:
        """The name of a node; that of one around the host, where a namespace has that name too, as it is."""
        plain = node.rstrip("~")
        return node if node in AROUND and plain in self._names else plain

    def owner(self, address: str) -> str:
        """An address and whose it is."""
        owner = self._owners.get(address)
        return f"{address} ({self.shown(owner)})" if owner else address


@dataclass(frozen=True)
class _Said:
    """A line about packets, but for what is put together with others."""

    node: str
    where: str
    port: str
    verdict: str


def told(packets: Sequence[UnlikeAnswer], place: AddressOwners) -> Iterator[str]:
    """Packets that differ alike in one line: the addresses of a node, who asks, and how.

    Of a node that only one machine has, it is told how many there are.
    """
    missing = [one for one in packets if place.alone(one.question)]
    for node in dict.fromkeys(place.alone(one.question) for one in missing):
        number = sum(place.alone(one.question) == node for one in missing)
        yield f"from and to {node}, which only one of them has: {count(number, 'question')} not answered alike"
    addresses: dict[tuple[str, str, str, str, str], list[str]] = defaultdict(list)
    for one in packets:
        q = one.question
        if not place.alone(q):
            port = "" if q.port == 0 or q.port in FREE else str(q.port)
            key = (q.asker, place.of(q), port, q.protocol, _verdict(one, place))
            addresses[key].append(q.to)
    askers: dict[tuple[_Said, str], list[str]] = defaultdict(list)
    for (asker, node, port, protocol, verdict), asked in addresses.items():
        where = _where(asked, place.asked[asker, node], node)
        said = _Said("itself" if asker == node else place.shown(node), where, port, verdict)
        askers[said, protocol].append(place.shown(asker))
    ways: dict[tuple[str, _Said], list[str]] = defaultdict(list)
    for (said, protocol), every in askers.items():
        ways[", ".join(every), said].append(WAYS[protocol])
    for (who, said), every in ways.items():
        yield f"{who} -> {_target(said)} {', '.join(every)}: {said.verdict}"


def _where(addresses: Sequence[str], asked: Sequence[str], node: str) -> str:
    """Which addresses of a node; nothing if it is all that were asked."""
    unique = list(dict.fromkeys(addresses))
    return "" if node and set(unique) == set(asked) else ", ".join(unique)


def _target(said: _Said) -> str:
    port = f":{said.port}" if said.port else ""
    if not said.node:
        return f"{said.where} port {said.port}" if port else said.where
    return f"{said.node}{port} ({said.where})" if said.where else f"{said.node}{port}"


def _verdict(one: UnlikeAnswer, place: AddressOwners) -> str:
    """What came of it in both."""
    a, b = one.a, one.b
    if a.answered and b.answered and a.by == b.by:
        return (
            f"{place.shown(a.by)} answers, and is asked from {place.owner(a.source)} in A,"
            f" from {place.owner(b.source)} in B"
        )
    asked = place.of(one.question)
    return f"A {_said(a, asked, place)}, B {_said(b, asked, place)}"


def _said(answer: Answer, asked: str, place: AddressOwners) -> str:
    """What one did; that somebody answers himself is not said, as a ping does not tell."""
    if not answer.answered:
        return "does not"
    return "answers" if answer.by in ("", asked) else f"answers from {place.shown(answer.by)}"
