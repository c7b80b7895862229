"""Findings: what is wrong with a topology, filed by path.

A stage files a finding under the path of the key or value it is about (``("namespaces", "red",
"publish", 0)``). Only :mod:`nsgen.language.yaml.source` knows which line and column that is, and only
:mod:`nsgen.cli` prints.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Path = tuple["str | int", ...]
Position = tuple[int, int]
Severity = Literal["error", "warning"]

TEXT_LENGTH = 400  # characters of a finding's text: a value may be megabytes long
MAX_BYTES = (
    32 * 1024 * 1024
)  # of a topology, with all that it includes; 100,000 namespaces have 12 MiB
WORD_LENGTH = 64  # longer words have no nearest one: looking for it would take seconds


class FileError(Exception):
    """A file cannot be read or written; the message says which and why."""


class Finding(NamedTuple):
    """One thing that is wrong: where (`path`; with `on_key`, its key), and what (`text`).

    What is wrong with the text itself (its syntax, a key given twice) has no path that leads to it:
    `at` is its line and column, both counted from 1. `file` counts the topology's files, as they
    were included.
    """

    severity: Severity
    path: Path
    text: str
    on_key: bool = False
    at: Position | None = None
    file: int = 0


@dataclass
class Report:
    """Every finding about one topology, in the order in which they were found."""

    findings: list[Finding] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    _seen: set[Finding] = field(default_factory=set, init=False, repr=False, compare=False)

    def error(
        self,
        path: Path,
        text: str,
        *,
        on_key: bool = False,
        at: Position | None = None,
        file: int = 0,
    ) -> None:
        """File an error: nothing may be written from this topology."""
        self._file(Finding("error", path, clip(text, TEXT_LENGTH), on_key, at, file))

    def warning(self, path: Path, text: str, *, on_key: bool = False) -> None:
        """File a warning: it can be built, but may not do what its author expects."""
        self._file(Finding("warning", path, clip(text, TEXT_LENGTH), on_key))

    def pass_over(self, path: Path) -> None:
        """Note what cannot be read because of an error that was filed before, in its own file."""
        self.passed_over.append(path)

    def take(self, findings: Iterable[Finding]) -> None:
        """File what was found in one of the topology's files."""
        for finding in findings:
            self._file(finding)

    def _file(self, finding: Finding) -> None:
        if finding not in self._seen:
            self._seen.add(finding)
            self.findings.append(finding)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity == "error" for finding in self.findings)


def clip(text: str, length: int) -> str:
    """Shorten a text to `length` characters, if it is longer, by leaving out its middle."""
    if len(text) <= length:
        return text
    end = length // 4
    return f"{text[: length - end - 5]} ... {text[-end:]}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word `word` may have meant: ``; did you mean 'subnet'?``, or nothing."""
    from difflib import get_close_matches  # only an error needs it, and it is slow to import

    near = get_close_matches(word, list(known), n=1, cutoff=0.6) if len(word) <= WORD_LENGTH else []
    return f"; did you mean {near[0]!r}?" if near else ""
