"""What the page tells of each cell: where its questions go, what decides about them, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nsgen.ops import Rule
from nsgen.page.lit import Lit
from nsgen.page.matrix import Cell
from nsgen.page.origins import Origins
from nsgen.page.places import Places, SourcePlace
from nsgen.page.rows import Script
from nsgen.page.walk import way_of
from nsgen.page.way import Stop
from nsgen.page.ways import Ways
from nsgen.proof.asked import Asked
from nsgen.proof.result import Verified
from nsgen.script.lines import rule_line
from nsgen.values import HOST

FEW = 8  # claims of a cell


class Hop(NamedTuple):
    """A stop on the way, in words, and the place of its device."""

    words: str
    place: SourcePlace | None


class Met(NamedTuple):
    """A rule on the way: the id of its line in the script, its words, why it is there, and what asks for it."""

    id: str
    node: str
    table: str
    text: str
    why: str
    place: SourcePlace | None


class Asking(NamedTuple):
    """A claim in words, and what is wrong with it, if anything."""

    text: str
    wrong: str
    place: SourcePlace | None


@dataclass(frozen=True)
class ToldCell:
    """What is told of one cell; `lights` are the ids of what lights up in the picture, `more` claims are not told."""

    cell: Cell
    lights: str
    ways: list[list[Hop]]
    rules: list[Met]
    claims: list[Asking]
    more: int


class Known(NamedTuple):
    """What is known of a topology: ways, the picture, the script, and what asks for what, and where."""

    ways: Ways
    lit: Lit
    script: Script
    origins: Origins
    asked: Asked
    places: Places


class Teller:
    """Tells of cells."""

    def __init__(self, verified: Verified, known: Known) -> None:
        """Take over the claims, with what came of them, and what is known besides."""
        self._verified = verified
        self._known = known

    def of(self, cell: Cell, *, tried: bool) -> ToldCell:
        """What is told of one cell: of many claims, of the first ones."""
        claims = [self._verified.result.claims[index] for index in cell.claims[:FEW]]
        ways = [way_of(claim, self._known.ways) for claim in claims]
        parts = {part: None for way in ways for part in way.parts}
        rules = {rule: None for way in ways for rule in way.rules}
        stops = dict.fromkeys(tuple(way.stops) for way in ways if len(way.stops) > 1)
        return ToldCell(
            cell,
            " ".join(self._known.lit.ids(parts)),
            [[self._hop(stop) for stop in way] for way in stops],
            [self._met(rule) for rule in rules],
            list(self._asking(cell, tried=tried)),
            len(cell.claims[FEW:]),
        )

    def _hop(self, stop: Stop) -> Hop:
        origins = self._known.origins
        path = origins.device(stop.node, stop.device)
        if not path and stop.node != HOST:
            path = origins.node(stop.node)
        words = f"{stop.node} {stop.device}" if stop.device else stop.node
        return Hop(words, self._known.places.of(path))

    def _met(self, rule: Rule) -> Met:
        text = rule_line(rule)
        reason = self._known.asked.of(rule.node, text)
        why = " ".join(reason.why.split())
        place = self._known.places.at(reason.place)
        return Met(self._known.script.id_of(rule), rule.node, rule.table, text, why, place)

    def _asking(self, cell: Cell, *, tried: bool) -> Iterator[Asking]:
        for index in cell.claims[:FEW]:
            claim = self._verified.result.claims[index]
            path = ("expect", claim.expects) if claim.expects >= 0 else ()
            wrong = self._verified.reason(index) if tried else ""
            yield Asking(self._verified.title(claim), wrong, self._known.places.of(path))
