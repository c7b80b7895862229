"""A Compose file as a tree of which every value knows its file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Union

from nsgen.importing.notes import Notes
from nsgen.language.yaml.compose import Marks, Plain
from nsgen.language.yaml.excerpt import Text
from nsgen.language.yaml.fragments import read_fragments
from nsgen.language.yaml.source import decode
from nsgen.report import Position, Report

Value = Union["dict[str, SourceNode]", "list[SourceNode]", str, None]


@dataclass
class SourceNode:
    """A value, where it and its key were written, and its tag."""

    value: Value
    file: str
    at: Position
    key_at: Position
    tag: str = field(default="")

    @property
    def map(self) -> dict[str, SourceNode]:
        """The entries of a map; none of what is no map."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def list(self) -> list[SourceNode]:
        """The items of a list: of a lone text, that one; of nothing, none."""
        if isinstance(self.value, list):
            return self.value
        return [self] if isinstance(self.value, str) else []

    @property
    def text(self) -> str:
        """What is written; of anything but a text, nothing."""
        return self.value if isinstance(self.value, str) else ""

    def get(self, *steps: str) -> SourceNode | None:
        """What is below it, or None."""
        found: SourceNode | None = self
        for step in steps:
            found = found.map.get(step) if found else None
        return found

    def text_of(self, *steps: str) -> str:
        """The text below it, or nothing."""
        found = self.get(*steps)
        return found.text if found else ""

    def true(self, *steps: str, default: bool = False) -> bool:
        """Whether the switch below it is on."""
        text = self.text_of(*steps).lower()
        return text in ("true", "yes", "on", "y", "1") if text else default

    def with_value(self, value: Value) -> SourceNode:
        """Another value in the same place."""
        return replace(self, value=value)

    def pairs(self) -> Iterator[tuple[str, SourceNode]]:
        """A map, or a list of ``KEY=VALUE``, as pairs."""
        for item in self.list if not isinstance(self.value, dict) else ():
            name, _, value = item.text.partition("=")
            yield name, item.with_value(value)
        yield from self.map.items()


def read_tree(name: str, data: bytes, notes: Notes) -> SourceNode | None:
    """Read a file; None, and errors noted, where it is not YAML."""
    report = Report()
    written = decode(data, report)
    text = Text(name, written or "")
    notes.texts[name] = text
    found = None if written is None else read_fragments(text, report)
    for finding in report.findings:
        notes.take(name, finding)
    if found is None or report.failed:
        return None
    data_, marks, tags = found
    return _node(data_, marks, tags, text, (marks.start, marks.start))


def _node(
    data: Plain, marks: Marks, tags: dict[int, str], text: Text, where: tuple[int, int]
) -> SourceNode:
    value: Value = None
    if isinstance(data, dict):
        at = marks.maps[id(data)]
        value = {key: _node(item, marks, tags, text, at[key]) for key, item in data.items()}
    elif isinstance(data, list):
        starts = marks.lists[id(data)]
        pairs = zip(data, starts, strict=True)
        value = [_node(item, marks, tags, text, (start, start)) for item, start in pairs]
    elif isinstance(data, str):
        value = str(data)
    key, start = where
    return SourceNode(
        value, text.filename, text.position(start), text.position(key), tags.get(start, "")
    )
