"""Where things are written: a path of the topology to the line that the page shows, and its anchor there."""

from __future__ import annotations

from typing import NamedTuple

from nsgen.language.yaml.source import Source
from nsgen.report import Path


class SourcePlace(NamedTuple):
    """A line of one of the topology's files; `anchor` is its id in the page, `words` what a link to it says."""

    anchor: str
    words: str


class SourceLine(NamedTuple):
    """A line as it is shown."""

    anchor: str
    number: int
    text: str


class Places:
    """The lines of a topology."""

    def __init__(self, source: Source) -> None:
        """Take over what was read."""
        self._source = source
        self._texts = source.texts

    def of(self, path: Path) -> SourcePlace | None:
        """The line of a path's key; None where it leads to nothing that is written."""
        if not path:
            return None
        file, (line, _) = self._texts.find(self._source.offset(path, on_key=True))
        return self._place(file, line)

    def anchor(self, path: Path) -> str:
        """The anchor of a path's line, or nothing."""
        found = self.of(path)
        return "" if found is None else found.anchor

    def at(self, anchor: str) -> SourcePlace | None:
        """The place that an anchor stands for, if any."""
        if not anchor:
            return None
        file, _, line = anchor.removeprefix("y").partition("-")
        return self._place(int(file), int(line))

    def _place(self, file: int, line: int) -> SourcePlace:
        """A line: of the only file there is, its number is enough."""
        words = f"{self._texts[file].filename}:{line}" if len(self._texts) > 1 else f"line {line}"
        return SourcePlace(_anchor(file, line), words)

    @property
    def files(self) -> list[tuple[str, list[SourceLine]]]:
        """Every file, with its lines."""
        found = []
        for file in range(len(self._texts)):
            text = self._texts[file]
            last = text.position(len(text.text.rstrip()))[0]
            lines = [SourceLine(_anchor(file, n), n, text.line(n)) for n in range(1, last + 1)]
            found.append((text.filename, lines))
        return found


def _anchor(file: int, line: int) -> str:
    return f"y{file}-{line}"
