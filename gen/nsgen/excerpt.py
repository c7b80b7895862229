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
