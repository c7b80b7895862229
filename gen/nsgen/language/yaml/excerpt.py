"""A text with its name, to point into: the line of an offset, a finding with its caret."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from nsgen.report import Finding, Path, Position

WIDTH = 100  # columns of a source line that are printed
BREAK = re.compile(
    "\r\n|[\n\r\x85\u2028\u2029]"
)  # the line breaks of YAML 1.1; str.splitlines knows more
PLAIN_STEP = re.compile(r"[A-Za-z0-9_-]+")

Paint = Callable[
    [str, str], str
]  # a part of the message, and how severe it is, to that part in colour


def unpainted(part: str, severity: str) -> str:  # noqa: ARG001 - a Paint
    """Leave a part of a message as it is."""
    return part


@dataclass(frozen=True)
class Text:
    """A text and the name of its file."""

    filename: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in BREAK.finditer(self.text))]

    def position(self, offset: int) -> Position:
        """The line and the column of an offset, both from 1; a column is a character."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """A line without its break; a tab is one space, and what cannot be printed is U+FFFD."""
        starts = self._starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        line = BREAK.sub("", self.text[starts[number - 1] : end])
        return "".join(map(_printable, line))

    def show(self, finding: Finding, paint: Paint = unpainted) -> str:
        """Print a finding: ``file:line:column: error: path: text``, the line, and a caret."""
        at = finding.at
        place = f"{self.filename}:{at[0]}:{at[1]}" if at else self.filename
        where = f"{path_text(finding.path)}: " if finding.path else ""
        said = (
            f"{place}: {paint(finding.severity, finding.severity)}:"
            f" {where}{printable(finding.text)}"
        )
        if at is None:
            return said
        line, before = _clip(self.line(at[0]), at[1] - 1)
        return (
            f"{said}\n{line}\n{' ' * width(before)}{paint('^', finding.severity)}"
            if line.strip()
            else said
        )


class Texts:
    """The texts of a topology's files, one after another: an offset is a place in one of them."""

    def __init__(self) -> None:
        self._all: list[Text] = []
        self._starts: list[int] = []

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, file: int) -> Text:
        return self._all[file]

    def add(self, text: Text) -> int:
        """Add a file's text, and give the offset at which it starts."""
        start = self._starts[-1] + len(self._all[-1].text) + 1 if self._all else 0
        self._all.append(text)
        self._starts.append(start)
        return start

    def find(self, offset: int) -> tuple[int, Position]:
        """The number of the file that has this offset, and the line and column there."""
        file = bisect_right(self._starts, offset) - 1
        return file, self._all[file].position(offset - self._starts[file])

    def place(self, offset: int) -> str:
        """An offset as ``file:line``."""
        file, at = self.find(offset)
        return f"{self._all[file].filename}:{at[0]}"

    def show(self, finding: Finding, paint: Paint = unpainted) -> str:
        """Print a finding, from the file that it is in."""
        return self._all[finding.file].show(finding, paint)


def _clip(line: str, offset: int) -> tuple[str, str]:
    """The part of a line around an offset, and the part of that which comes before the offset."""
    start = 0 if len(line) <= WIDTH else max(0, min(offset - WIDTH // 2, len(line) - WIDTH))
    left = "..." if start else ""
    right = "..." if start + WIDTH < len(line) else ""
    return f"{left}{line[start : start + WIDTH]}{right}", left + line[start:offset]


def path_text(path: Path) -> str:
    """A path as it is written in a message: ``namespaces.red.publish[0]``."""
    text = ""
    for step in path:
        if isinstance(step, str) and PLAIN_STEP.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def printable(text: str) -> str:
    """A text for a terminal: what cannot be printed, or would reorder the rest, becomes U+FFFD."""
    return "".join("\ufffd" if not char.isprintable() else char for char in text)


def _printable(char: str) -> str:
    return char if char.isprintable() else " " if char == "\t" else "\ufffd"


def width(text: str) -> int:
    """How many columns a text takes: East Asian characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
