"""From the text of a Compose file to its tree."""

from __future__ import annotations

from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode, Value
from nsgen.language.yaml.compose import Marks, Plain
from nsgen.language.yaml.excerpt import Text
from nsgen.language.yaml.fragments import read_fragments
from nsgen.language.yaml.source import decode
from nsgen.report import Report


def read_trees(name: str, data: bytes, notes: Notes) -> list[SourceNode]:
    """Read the documents of a file; none, and errors noted, where it is not YAML."""
    report = Report()
    written = decode(data, report)
    text = Text(name, written or "")
    notes.texts[name] = text
    found = None if written is None else read_fragments(text, report)
    for finding in report.findings:
        notes.take(name, finding)
    if found is None or report.failed:
        return []
    documents, marks, tags = found
    return [_node(data_, marks, tags, text, (start, start)) for data_, start in documents]


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
