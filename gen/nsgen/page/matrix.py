"""Who reaches whom, as a table: who asks, what is asked, and in each cell the claims about it.

Of many who ask, the published ports are one column, and those of whom the same is to be said are one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nsgen.proof.claims.claim import Claim
from nsgen.proof.rehearse import Result
from nsgen.proof.result import ROWS, shown

Mark = Literal["yes", "no", "failed", "untried"]
WIDTH = 64  # characters of a block: so many fit beside a picture, and on paper
WORSE: tuple[Mark, ...] = ("no", "yes", "untried", "failed")
PORT = re.compile(r"[0-9]+(?P<protocol>/[a-z]+)? (?P<rest>at|of) ")


@dataclass
class Cell:
    """What one asks of another: the claims, by their number, the worst first, and the worst of what came of them."""

    row: str
    column: str
    mark: Mark
    number: int = 0
    claims: list[int] = field(default_factory=list)

    def add(self, mark: Mark, claims: list[int]) -> None:
        """Put claims in, of which this came."""
        worse = WORSE.index(mark) > WORSE.index(self.mark)
        self.claims = [*claims, *self.claims] if worse else [*self.claims, *claims]
        self.mark = mark if worse else self.mark


class TableBlock(NamedTuple):
    """Some columns, with the rows that have anything in them; a cell that is asked nothing is None."""

    columns: list[str]
    rows: list[tuple[str, list[Cell | None]]]


class Matrix:
    """The cells of a result, in the order of its claims; without `tried`, they say what is claimed."""

    def __init__(self, result: Result, *, tried: bool) -> None:
        """Sort the claims into cells."""
        many = len({claim.asker for claim in result.claims}) > ROWS
        self.rows: dict[str, dict[str, Cell]] = {}
        self.columns: dict[str, None] = {}
        for index, claim in enumerate(result.claims):
            column = _column(claim) if many else claim.column
            mark = _mark(result, index, tried=tried)
            row = shown(claim.asker)
            cell = self.rows.setdefault(row, {}).setdefault(column, Cell(row, column, mark))
            cell.add(mark, [index])
            self.columns[column] = None
        self.rows = _alike(self.rows) if many else self.rows
        self.cells = [cell for row in self.rows.values() for cell in row.values()]
        for number, cell in enumerate(self.cells, 1):
            cell.number = number

    def blocks(self) -> Iterator[TableBlock]:
        """The table, in blocks that are not too wide."""
        for part in self._parts():
            rows = [(name, [cells.get(c) for c in part]) for name, cells in self.rows.items()]
            yield TableBlock(part, [row for row in rows if any(row[1])])

    def _parts(self) -> Iterator[list[str]]:
        left = WIDTH - max((len(row) for row in self.rows), default=0)
        part: list[str] = []
        width = 0
        for column in self.columns:
            needed = max(map(len, column.split(" "))) + 2
            if part and width + needed > left:
                yield part
                part, width = [], 0
            part.append(column)
            width += needed
        if part:
            yield part


def _column(claim: Claim) -> str:
    """What is asked, whichever port it is."""
    found = PORT.match(claim.column)
    if found is None:
        return claim.column
    ports = "ports" if claim.answered else "closed ports"
    return f"{ports}{found[1] or ''} {claim.column[found.start('rest') :]}"


def _alike(rows: dict[str, dict[str, Cell]]) -> dict[str, dict[str, Cell]]:
    """Rows of which the same is to be said as one, in the place of the first."""
    groups: dict[object, list[str]] = {}
    for name, cells in rows.items():
        groups.setdefault(frozenset((c.column, c.mark) for c in cells.values()), []).append(name)
    found: dict[str, dict[str, Cell]] = {}
    for names in groups.values():
        first, *others = names
        label = f"{first} and {len(others)} alike" if others else first
        found[label] = rows[first]
        for cell in found[label].values():
            cell.row = label
        for other in others:
            for column, cell in rows[other].items():
                found[label][column].add(cell.mark, cell.claims)
    return found


def _mark(result: Result, index: int, *, tried: bool) -> Mark:
    if tried and result.verdicts.get(index) == "skipped":
        return "untried"
    if tried and result.wrong(index):
        return "failed"
    return "yes" if result.claims[index].answered else "no"
