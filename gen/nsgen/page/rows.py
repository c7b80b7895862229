"""The script as a reviewer reads it: each block beside its reason, and each line with the key that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nsgen.ops import Chain, Jump, LoadModule, Op, Rule, SetSysctl
from nsgen.page.origins import Origins
from nsgen.page.places import Places, SourcePlace
from nsgen.plan.steps import Plan, Step
from nsgen.proof.asked import Asked
from nsgen.script import batch
from nsgen.script.lines import lines_of, rule_line

# What has its reasons inside of its block, as comments.
COMMENTED = Chain | Jump | SetSysctl | LoadModule


@dataclass
class ScriptLine:
    """A line of the script: its id, where others refer to it, and the place of the key that asks for it, if known.

    `again`: the place is that of the line before.
    """

    text: str
    id: str = ""
    place: SourcePlace | None = None
    again: bool = False


@dataclass
class Row:
    """Some lines, and why they are there, in paragraphs; without a reason it is that of the row before."""

    why: list[str]
    lines: list[ScriptLine] = field(default_factory=list)

    def add(self, line: ScriptLine) -> None:
        """Append a line, and note whether its place is that of the line before."""
        line.again = bool(self.lines) and line.place == self.lines[-1].place
        self.lines.append(line)


@dataclass
class ScriptPart:
    """A part of the script under one heading."""

    title: str
    why: list[str]
    rows: list[Row]


class Script:
    """The function topology() of a plan's script."""

    def __init__(self, plan: Plan, origins: Origins, asked: Asked, places: Places) -> None:
        """Lay it out; `asked` has the rules, with `places.anchor` to tell where, and `origins` what else there is."""
        self._origins = origins
        self._asked = asked
        self._places = places
        self._ids: dict[tuple[str, int, str], str] = {}
        self._said: set[str] = set()  # ids that lines have: of two that are the same, the first
        self.parts = [
            ScriptPart(
                section.title,
                paragraphs(section.why),
                [row for steps in batch.joined(section.steps) for row in self._rows(steps)],
            )
            for section in plan.sections
        ]

    def id_of(self, rule: Rule) -> str:
        """The id of a rule's line."""
        return self._ids[rule.node, rule.version, rule_line(rule)]

    def _rows(self, steps: tuple[Step, ...]) -> Iterator[Row]:
        row = Row(paragraphs(batch.reason(steps)))
        for block in batch.blocks(steps):
            said: list[str] = []
            for line in self._lines(block):
                if isinstance(block.ops[0], COMMENTED) and line.text.startswith("#"):
                    said.append(line.text[1:].strip())
                    continue
                if said:
                    if row.why:
                        yield row
                        row = Row([])
                    row.why, said = paragraphs("\n".join(said)), []
                row.add(line)
        yield row

    def _lines(self, block: batch.ScriptBlock) -> Iterator[ScriptLine]:
        """The lines of a block, each with its place."""
        known = dict(self._known(block.ops))
        texts = block.text.removeprefix("  ").split("\n")
        if len(known) == 1 and not set(known) & set(texts):  # a command of its own
            known = dict(zip(texts[:1], known.values(), strict=True))
        version = getattr(block.ops[0], "version", 0)
        for text in texts:
            id_ = self._ids.get((block.ops[0].node, version, text), "")
            yield ScriptLine(text, "" if id_ in self._said else id_, known.get(text))
            self._said.add(id_)

    def _known(self, ops: tuple[Op, ...]) -> Iterator[tuple[str, SourcePlace | None]]:
        """By a line's text, the place of the key that asks for it."""
        for op in ops:
            if not isinstance(op, Chain):
                place = self._places.of(self._origins.of(op))
                yield from ((line.text, place) for line in lines_of(op))
                continue
            for rule in op.rules:
                text = rule_line(rule)
                self._ids.setdefault((op.node, op.version, text), f"r{len(self._ids) + 1}")
                yield text, self._places.at(self._asked.of(op.node, text).place)


def paragraphs(text: str) -> list[str]:
    """A reason, each of its paragraphs on one line."""
    return [" ".join(one.split()) for one in text.split("\n\n") if one.strip()]
