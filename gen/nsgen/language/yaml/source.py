"""YAML text to plain data, and the line and column of every key and value in it.

Plain data is maps with text for keys, lists, texts, and None for an empty value: nothing is typed
here, so that ``22:22``, ``no`` and ``1_500`` stay what was written. What the YAML itself gets wrong
is found by :mod:`nsgen.language.yaml.compose`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nsgen.language.yaml.compose import Marks, Plain, compose
from nsgen.language.yaml.excerpt import Paint, Text, Texts, unpainted
from nsgen.report import Finding, Path, Position, Report

BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


@dataclass(frozen=True)
class Source:
    """A topology as plain data, and where everything in it was written."""

    texts: Texts
    data: Plain
    marks: Marks

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Where a value or its key is in the texts; where it was not written, its parent.

        A step that does not exist is passed over: a short form has fewer levels than what it stands
        for.
        """
        node, key, value, last = self.data, self.marks.start, self.marks.start, True
        for step in path:
            found = self.marks.child(node, step)
            last = found is not None
            if found is not None:
                node, key, value = found
        missing_key = not last and isinstance(node, dict | list)
        return key if (on_key and last) or missing_key else value

    def mark(self, path: Path, *, on_key: bool = False) -> Position:
        """The line and column of a value, or of its key, in its file."""
        return self.texts.find(self.offset(path, on_key=on_key))[1]

    def place(self, path: Path) -> str:
        """Where something is written, as ``file:line``."""
        return self.texts.place(self.offset(path))

    def written(self, path: Path) -> Path:
        """A path as in its file: without the steps that a short form leaves out."""
        node, steps = self.data, list[str | int]()
        for step in path:
            found = self.marks.child(node, step)
            if found is not None:
                steps.append(self.marks.own_step(node, step))
                node = found[0]
        return tuple(steps)

    def placed(self, finding: Finding) -> Finding:
        """A finding with its file and position, and its path as it was written."""
        if finding.at is not None or finding.file:
            return finding
        file, at = self.texts.find(self.offset(finding.path, on_key=finding.on_key))
        return finding._replace(path=self.written(finding.path), at=at, file=file)

    def show(self, finding: Finding, paint: Paint = unpainted) -> str:
        """Print a finding: ``file:line:column: error: path: text``, the line, and a caret."""
        return self.texts.show(self.placed(finding), paint)


def decode(data: bytes, report: Report) -> str | None:
    """Turn a file's bytes into text; None, and an error filed, where they are not UTF-8 text."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            report.error((), f"this is {encoding} text: save it as UTF-8")
            return None
    if b"\0" in data:
        fewer, more = sorted((data[::2].count(0), data[1::2].count(0)))
        wide = fewer == 0 and more > len(data) // 3
        what = "looks like UTF-16 text" if wide else f"is not text, byte {data.index(0) + 1} is NUL"
        report.error((), f"this {what}: a topology is YAML in UTF-8")
        return None
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        byte = data[error.start]
        at = Text("", before).position(len(before))
        report.error((), f"the byte 0x{byte:02x} is not UTF-8: a topology is YAML in UTF-8", at=at)
        return None


def parse(text: str, filename: str, report: Report) -> Source | None:
    """Read YAML; None, and an error filed, where there is nothing to go on with."""
    texts, lines = Texts(), Text(filename, text)
    texts.add(lines)
    found = compose(lines, report)
    return None if found is None else Source(texts, *found)
