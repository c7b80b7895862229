"""What came of a rehearsal, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import count as count_from
from typing import Literal
from xml.sax.saxutils import quoteattr

from nsgen.proof.claims.all import Claim
from nsgen.proof.hints import hint
from nsgen.proof.rehearse import Result
from nsgen.reach.ways import Reach
from nsgen.report import Path
from nsgen.topology.model import Topology
from nsgen.words import count

Format = Literal["text", "tap", "junit", "json", "markdown"]
WIDTH = 100  # columns of a terminal
ROWS = 16  # of the matrix
TEST = re.compile(r"^(ok|not ok) \d+ ")  # of TAP
KEY = "ok: answered, as it should be.  -: not answered, as it should be.  ?: not tried.  Blank: not asked."


class Verified:
    """A topology, and what came of its rehearsal."""

    def __init__(
        self, topology: Topology, result: Result, place: Callable[[Path], str] = lambda _: ""
    ) -> None:
        """Take both over; `place` tells where something is written."""
        self.topology = topology
        self.result = result
        self.place = place

    def show(self, form: Format) -> str:
        """The result in one of the formats."""
        makers: dict[Format, Callable[[], Iterator[str]]] = {
            "text": self._text,
            "tap": self._tap,
            "junit": self._junit,
            "json": self._json,
            "markdown": self._markdown,
        }
        return "\n".join(makers[form]()) + "\n"

    @cached_property
    def _reach(self) -> Reach:
        return Reach(self.topology)

    # -- one claim ------------------------------------------------------------------------------

    def reason(self, index: int) -> str:
        """What is wrong with a claim, and why, as far as the machine shows it."""
        claim, wrong = self.result.claims[index], self.result.wrong(index)
        if not wrong:
            return ""
        timed_out = self.result.verdicts.get(index) == "timeout"
        why = hint(self.topology, self.result.facts, index, claim, self._reach, timed_out=timed_out)
        return f"{wrong}: {why}" if why else wrong

    def title(self, claim: Claim) -> str:
        """A claim in one line."""
        why = (
            claim.why
            if claim.expects < 0
            else f"expected in {self.place(('expect', claim.expects))}"
        )
        to = f"[{claim.to}]" if ":" in claim.to and claim.port else claim.to
        port = f":{claim.port}" if claim.port else ""
        suffix = "" if claim.protocol in ("tcp", "ping") else f"/{claim.protocol}"
        answers = "must be answered" if claim.answered else "must not be answered"
        by = f" by {claim.by}" if claim.by else ""
        return f"{shown(claim.asker)} -> {to}{port}{suffix} {answers}{by} ({why})"

    # -- formats --------------------------------------------------------------------------------

    def _text(self) -> Iterator[str]:
        for index in self.result.failures:
            claim = self.result.claims[index]
            yield f"FAIL {self.title(claim)}"
            yield f"     {self.reason(index)}"
        for name, ok, text in self.result.phases:
            if not ok:
                yield f"FAIL {PHASES[name]}"
                yield from (f"     {line}" for line in text.splitlines())
        if self.result.failed:
            yield ""
        for block in self._tables():
            yield from _aligned(block)
            yield ""
        if not self.result.unbuilt:
            yield KEY
        yield from self.result.notes
        yield self.summary()

    def summary(self) -> str:
        """The result in one line."""
        if self.result.unbuilt:
            return f"{self.topology.name}: up: not ok; nothing was asked"
        wrong, asked = len(self.result.failures), len(self.result.claims)
        phases = [name for name, ok, _ in self.result.phases if ok]
        bad = [name for name, ok, _ in self.result.phases if not ok]
        untried = sum(verdict == "skipped" for verdict in self.result.verdicts.values())
        asked -= untried
        parts = [f"{asked - wrong} of {count(asked, 'claim')} hold"]
        parts += [f"{untried} not tried"] if untried else []
        parts += [f"{', '.join(phases)}: ok"] if phases else []
        parts += [f"{', '.join(bad)}: not ok"] if bad else []
        return f"{self.topology.name}: {'; '.join(parts)}"

    def _cells(self) -> dict[str, dict[str, str]]:
        """By who asks and what is asked: the worst of what came of it."""
        cells: dict[str, dict[str, str]] = {}
        for index, claim in enumerate(self.result.claims):
            cell = "ok" if claim.answered else "-"
            row = cells.setdefault(shown(claim.asker), {})
            if self.result.verdicts.get(index) == "skipped":
                cell = "?"
            if self.result.wrong(index):
                cell = "FAIL"
            if row.get(claim.column) != "FAIL":
                row[claim.column] = cell
        return cells

    def _tables(self) -> Iterator[list[list[str]]]:
        """The matrix: who asks, what is asked; in blocks that are not too wide."""
        cells = self._cells()
        rows = list(cells)
        hidden = 0
        if len(rows) > ROWS:
            loud = [row for row in rows if "FAIL" in cells[row].values()]
            full = sorted(rows, key=lambda row: -len(cells[row]))
            kept = set(list(dict.fromkeys(loud + full))[:ROWS])
            hidden = len(rows) - len(kept)
            rows = [row for row in rows if row in kept]
        asked = [c.column for c in self.result.claims if shown(c.asker) in rows]
        columns = list(dict.fromkeys(asked))
        label = max((len(row) for row in rows), default=0)
        while columns:
            width, taken = label, 0
            while taken < len(columns) and (
                not taken or width + _width(columns[taken]) + 2 <= WIDTH
            ):
                width += _width(columns[taken]) + 2
                taken += 1
            block, columns = columns[:taken], columns[taken:]
            head = [list(line) for line in zip(*(["", "who"], *map(_header, block)), strict=True)]
            body = [[row, *(cells[row].get(c, "") for c in block)] for row in rows]
            yield [*head, *(line for line in body if any(line[1:]))]
        if hidden:
            yield [[f"and {hidden} more rows without a failure"]]

    def _tap(self) -> Iterator[str]:
        claims, phases = self.result.claims, self.result.phases
        yield f"1..{len(claims) + len(phases)}"
        for index, claim in enumerate(claims):
            wrong = self.reason(index)
            yield f"{'not ok' if wrong else 'ok'} {index + 1} {self.title(claim)}"
            if wrong:
                yield f"# {wrong}"
        for number, (name, ok, text) in enumerate(phases, len(claims) + 1):
            yield f"{'ok' if ok else 'not ok'} {number} {PHASES[name]}"
            yield from (f"# {line}" for line in ([] if ok else text.splitlines()))

    def _junit(self) -> Iterator[str]:
        claims, phases, name = self.result.claims, self.result.phases, self.topology.name
        failures = len(self.result.failures) + sum(not ok for _, ok, _ in phases)
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        tests = len(claims) + len(phases)
        yield f'<testsuite name={quoteattr(name)} tests="{tests}" failures="{failures}">'
        cases = [(self.title(claim), self.reason(index)) for index, claim in enumerate(claims)]
        cases += [(PHASES[phase], "" if ok else text or "failed") for phase, ok, text in phases]
        for title, wrong in cases:
            case = f"  <testcase classname={quoteattr(name)} name={quoteattr(title)}"
            yield (
                f"{case}><failure message={quoteattr(wrong)}/></testcase>" if wrong else f"{case}/>"
            )
        yield "</testsuite>"

    def _json(self) -> Iterator[str]:
        claims = [
            {
                "from": shown(c.asker),
                "to": c.to,
                "port": c.port or None,
                "protocol": c.protocol,
                "answered": c.answered,
                "by": c.by or None,
                "peers": list(c.peers),
                "why": c.why,
                "verdict": self.result.verdicts.get(index, ""),
                "wrong": self.reason(index) or None,
            }
            for index, c in enumerate(self.result.claims)
        ]
        phases = [{"name": n, "ok": ok, "text": text} for n, ok, text in self.result.phases]
        found = {"topology": self.topology.name, "ok": not self.result.failed}
        yield json.dumps(
            {**found, "notes": self.result.notes, "phases": phases, "claims": claims}, indent=2
        )

    def _markdown(self) -> Iterator[str]:
        yield f"# {self.topology.name}"
        yield ""
        yield self.summary()
        for index in self.result.failures:
            yield f"- **{self.title(self.result.claims[index])}**: {self.reason(index)}"
        for name, ok, text in self.result.phases:
            if not ok:
                yield f"- **{PHASES[name]}**: {text}"
        if self.result.unbuilt:
            return
        cells = self._cells()
        columns = list(dict.fromkeys(c.column for c in self.result.claims))
        yield ""
        yield f"| who | {' | '.join(columns)} |"
        yield "|---" * (len(columns) + 1) + "|"
        for row, found in cells.items():
            yield f"| {row} | {' | '.join(found.get(c, '') for c in columns)} |"
        yield ""
        yield KEY


PHASES = {
    "up": "up builds it",
    "up again": "up again changes nothing",
    "check": "check finds no difference",
    "down": "down leaves the machine as it was",
}


def show_all(every: Sequence[Verified], form: Format) -> str:
    """The results of some topologies as one: of several, JSON is a list, and the others have one after the other."""
    texts = [one.show(form) for one in every]
    if len(texts) == 1:
        return texts[0]
    if form == "json":
        return json.dumps([json.loads(text) for text in texts], indent=2) + "\n"
    if form == "junit":
        head = texts[0].splitlines()[0]
        suites = [text.partition("\n")[2] for text in texts]
        return f"{head}\n<testsuites>\n{''.join(suites)}</testsuites>\n"
    return _numbered(texts) if form == "tap" else "\n".join(texts)


def _numbered(texts: Iterable[str]) -> str:
    """Texts in TAP as one: the numbers go on."""
    lines = [line for text in texts for line in text.splitlines()[1:]]
    numbers = count_from(1)
    found = [TEST.sub(lambda test: f"{test[1]} {next(numbers)} ", line) for line in lines]
    return "\n".join([f"1..{next(numbers) - 1}", *found]) + "\n"


def shown(node: str) -> str:
    """A node's name, without what tells it from a namespace of that name."""
    return node.rstrip("~")


def _header(column: str) -> list[str]:
    """A column's heading, on two lines."""
    first, _, second = column.partition(" ")
    return [first, second] if second else ["", first]


def _width(column: str) -> int:
    return max(len(part) for part in _header(column))


def _aligned(table: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in table if i < len(row)) for i in range(len(table[0]))]
    for row in table:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=False)
        ).rstrip()
