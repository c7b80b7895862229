"""Who reaches whom, on a sketch: from the claims that `nsgen verify` tries, and what came of them if it did."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nsgen.picture.shapes import Look
from nsgen.picture.sketch import Note, Sketch, State, Station
from nsgen.proof.claims.all import Claim, Claims
from nsgen.proof.claims.scene import choose
from nsgen.topology.model import Topology
from nsgen.values import HOST, INTERNET, OUTSIDE

ASKED = ("ping", "tcp", "udp", "sctp")  # other claims are of packets that no honest kernel sends
PORT = re.compile(r"([0-9]+(?:/\w+)?) at ")  # the column of a published port
WIDE = 34  # characters of a row
LISTED = 12  # names; the others are counted
# What is told where several are true: of a question, and of a line, which works for one if it works for another.
WORST: tuple[State, ...] = ("failed", "open", "shut")
BEST: tuple[State, ...] = ("open", "failed", "shut")
LOOKS: dict[State, Look] = {"open": "open", "shut": "shut", "failed": "failed"}
WORDS: dict[State, str] = {"open": "reaches", "shut": "does not reach", "failed": "FAILED:"}


def claimed(topology: Topology) -> list[Claim]:
    """What a topology claims, as far as a picture tells of it."""
    return Claims(topology, choose(topology)).all()


def reached(
    sketch: Sketch,
    topology: Topology,
    claims: Sequence[Claim],
    wrong: Callable[[int], str] = lambda _: "",
) -> Sketch:
    """A sketch on which each box says whom it reaches; `wrong` is why a claim does not hold, or nothing."""
    told = _Told(topology)
    for index, claim in enumerate(claims):
        if claim.protocol in ASKED:
            told.take(claim, failed=bool(wrong(index)))
    return replace(
        sketch,
        host=None if sketch.host is None else told.noted(sketch.host),
        stations=tuple(map(told.noted, sketch.stations)),
        states=told.edges,
    )


class _Told:
    """What claims come to, by who asks and whom; `edges` by the ends of each line."""

    def __init__(self, topology: Topology) -> None:
        self._owners = {
            str(s.gateway): HOST for b in topology.bridges for s in b.subnets if s.gateway
        }
        self._networks: dict[str, list[str]] = {}
        for node in topology.nodes:
            self._networks[node.name] = [m.bridge.name for m in node.members]
            own = [*(m.addresses for m in node.members), *(i.addresses for i in node.wired)]
            self._owners |= {str(a.ip): node.name for found in own for a in found}
        self._leading = {b.name for b in topology.bridges if b.internet}
        self._names = [node.name for node in topology.nodes]
        self._asked: dict[str, dict[str, State]] = {}
        self.edges: dict[frozenset[str], State] = {}

    def take(self, claim: Claim, *, failed: bool) -> None:
        """Take over what one claim says."""
        state: State = "failed" if failed else "open" if claim.answered else "shut"
        target = self._target(claim)
        if target and claim.asker != target:
            own = self._asked.setdefault(claim.asker, {})
            own[target] = min(state, own.get(target, state), key=WORST.index)
        for edge in self._edges(claim, target):
            order = WORST if edge & {OUTSIDE, INTERNET} else BEST
            self.edges[edge] = min(state, self.edges.get(edge, state), key=order.index)

    def _target(self, claim: Claim) -> str:
        """Who is asked, or for which port; nothing for what a picture has no place for."""
        port = PORT.match(claim.column)
        if port is not None:
            return f"port {port[1]}"
        if claim.column.endswith(" of others") or claim.asker not in (*self._names, OUTSIDE):
            return ""
        if claim.column == INTERNET:
            return INTERNET
        named = claim.column.partition(" ")[0]  # two may have one address
        return named if named in self._networks else self._owners.get(claim.to, "")

    def _edges(self, claim: Claim, target: str) -> Iterator[frozenset[str]]:
        """The lines that a question is about, as far as they are known."""
        asker = claim.asker
        networks = self._networks.get(asker, [])
        if claim.asker == OUTSIDE and PORT.match(claim.column) and claim.by:
            yield frozenset((OUTSIDE, claim.by))
        elif target == INTERNET:
            for network in networks:
                if network in self._leading:
                    yield frozenset((asker, network))
                    yield frozenset((network, INTERNET))
        elif target in self._networks and asker in self._networks:
            yield frozenset((asker, target))
            shared = set(networks) & set(self._networks[target])
            hosts = networks if target == HOST else self._networks[target] if asker == HOST else []
            for network in (*shared, *hosts):
                yield from (frozenset((node, network)) for node in (asker, target))

    def noted(self, station: Station) -> Station:
        """A box with what its node reaches, and what it does not."""
        own = self._asked.get(station.name, {})
        order = {name: index for index, name in enumerate((*self._names, INTERNET))}
        targets = sorted(own, key=lambda target: order.get(target, len(order)))
        notes: list[Note] = []
        for state in ("open", "shut", "failed"):
            named = [target for target in targets if own[target] == state]
            rows = _rows(WORDS[state], named) if named else ()
            notes += [Note(row, LOOKS[state]) for row in rows]
        return replace(station, notes=tuple(notes))


def _rows(word: str, names: Sequence[str]) -> Iterator[str]:
    """A word and a list, in rows that are not too wide."""
    more = len(names) - LISTED
    words = [*names[:LISTED], f"{more} more"] if more > 1 else list(names)
    row = word
    for index, name in enumerate(words):
        text = f"{name}{',' if index < len(words) - 1 else ''}"
        if len(row) + len(text) >= WIDE:
            yield row
            row = "  "
        row = f"{row}{'' if row == '  ' else ' '}{text}"
    yield row
