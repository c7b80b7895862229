"""Several files to one topology: their maps united, their lists one after the other.

Only what every file may add to is put together: the maps and lists of the top level and of `host`.
What is below, a namespace or a network for instance, is written in one file.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsgen.language.schema import Unknown, shape
from nsgen.language.yaml.compose import Marks, Plain
from nsgen.language.yaml.excerpt import Texts
from nsgen.language.yaml.source import Source
from nsgen.report import Path, Report


def merge(parts: Sequence[Source], texts: Texts, report: Report) -> Source:
    """Put files together whose marks are in the texts of all; the last one is the one that includes the others."""
    last = parts[-1]
    marks = Marks(start=last.marks.start)
    # A mark of a value that was refused may be left over, under an identity that a later file's has.
    for part in sorted(parts, key=lambda part: part.marks.start):
        marks.maps.update(part.marks.maps)
        marks.lists.update(part.marks.lists)
    merger = _Merger(marks, texts, report)
    for part in parts:
        if isinstance(part.data, dict):
            passed = ("include",) if part is last else ("include", "name")
            own = {key: value for key, value in part.data.items() if key not in passed}
            merger.add_map(own, marks.maps[id(part.data)], ())
    return Source(texts, merger.data, marks)


def _open(path: Path) -> bool:
    """Whether several files may add to what is here."""
    return len(path) < 2 or (len(path) == 2 and path[0] == "host")


class _Merger:
    def __init__(self, marks: Marks, texts: Texts, report: Report) -> None:
        self.data: dict[str, Plain] = {}
        self._marks = marks
        self._texts = texts
        self._report = report
        self._maps: dict[Path, dict[str, Plain]] = {(): self.data}  # what is put together already
        self._lists: dict[Path, list[Plain]] = {}
        self._words: dict[Path, set[str]] = {}
        self._steps: dict[Path, list[int]] = {}
        marks.maps[id(self.data)] = {}

    def add_map(
        self, more: dict[str, Plain], where: dict[str, tuple[int, int]], path: Path
    ) -> dict[str, Plain]:
        """Add the entries of a file's map to those of the files before it."""
        into = self._maps.get(path)
        if into is None:
            into = self._maps[path] = {}
            self._marks.maps[id(into)] = {}
        marks = self._marks.maps[id(into)]
        for key, value in more.items():
            here = (*path, key)
            if key not in into:
                into[key], marks[key] = self._first(value, here), where[key]
            elif _open(here) and isinstance(value, dict) and isinstance(into[key], dict | None):
                into[key] = self.add_map(value, self._marks.maps[id(value)], here)
                marks[key] = where[key]
            elif _open(here) and isinstance(value, list) and isinstance(into[key], list):
                self._add_list(value, here)
                marks[key] = where[key]
            elif not self._alike(into[key], value, here):
                self._conflict(into[key], value, here, marks[key], where[key])
        return into

    def _first(self, value: Plain, path: Path) -> Plain:
        """What a file is the first to have: maps and lists that others may add to are copied."""
        if _open(path) and isinstance(value, dict):
            return self.add_map(value, self._marks.maps[id(value)], path)
        if _open(path) and isinstance(value, list):
            return self._add_list(value, path)
        return value

    def _add_list(self, more: list[Plain], path: Path) -> list[Plain]:
        """Add the items of a file's list; a word, such as a module, that is there already is not."""
        if path not in self._lists:
            self._lists[path], self._words[path], self._steps[path] = [], set(), []
            self._marks.lists[id(self._lists[path])] = []
            self._marks.own_steps[id(self._lists[path])] = self._steps[path]
        into, words = self._lists[path], self._words[path]
        marks, steps = self._marks.lists[id(into)], self._steps[path]
        for step, (item, mark) in enumerate(zip(more, self._marks.lists[id(more)], strict=True)):
            if not isinstance(item, str) or item not in words:
                into.append(item)
                marks.append(mark)
                steps.append(step)
        words.update(item for item in more if isinstance(item, str))
        return into

    def _alike(self, first: Plain, second: Plain, path: Path) -> bool:
        """Whether two values say the same, or may: equal texts, and nothing at all beside a map."""
        if _open(path) and second is None and isinstance(first, dict):
            return True
        if isinstance(first, Unknown) or isinstance(second, Unknown):
            return True
        return not isinstance(second, dict | list) and first == second

    def _conflict(
        self, first: Plain, second: Plain, path: Path, there: tuple[int, int], here: tuple[int, int]
    ) -> None:
        file, at = self._texts.find(here[0])
        place = self._texts.place(there[0])
        if isinstance(first, dict) and isinstance(second, dict):
            text = f"{path[-1]!r} is in {place} too: it can be written in one file only"
        else:
            text = f"{shape(second)} here, but {shape(first)} in {place}: leave out one of them"
        self._report.error(path, text, at=at, file=file)
