"""Ranges: an entry with one stands for as many entries, and what ranges are in it is dealt to them in order.

It is done to plain data, before anything is typed: whoever reads it sees as many entries as if all had been written,
each at the place of the one that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nsgen import words
from nsgen.language.ranges import BRACKETS, at_step, steps
from nsgen.language.schema import Unknown
from nsgen.language.yaml.compose import Plain
from nsgen.language.yaml.source import Source
from nsgen.report import MAX_BYTES, Finding, Path, Position, Report
from nsgen.values import NAMESPACE_RANGE

NAMED = ("networks", "namespaces")  # entries that are there as often as their name says
COUNTED = ("links", "expect")  # entries that are there as often as any range in them says
LEAST = 16  # bytes that a key or a value counts for


class _Range(NamedTuple):
    """A range, or literal brackets, where it is written: `value` is the text around it."""

    path: Path
    on_key: bool
    value: str
    match: re.Match[str]

    def length(self) -> int:
        """How many steps it has."""
        return len(steps(self.match["dealt"]))

    def wrong(self) -> str:
        """What is wrong with it by itself."""
        try:
            self.length()
        except ValueError as error:
            return str(error)
        return ""


def deal(source: Source, report: Report) -> None:
    """Put as many entries into the place of each that has a range."""
    if not isinstance(source.data, dict):
        return
    dealer = _Dealer(source, report)
    try:
        for section in NAMED:
            entries = source.data.get(section)
            if isinstance(entries, dict) and any("[" in name for name in entries):
                dealer.deal_map(section, entries)
        for section in COUNTED:
            items = source.data.get(section)
            if isinstance(items, list):
                dealer.deal_list(section, items)
    except _LimitError:
        size = MAX_BYTES // 1024 // 1024
        report.error((), f"the entries that ranges stand for are more than {size} MiB together")


class _LimitError(Exception):
    """There are too many entries to be read."""


class _Dealer:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._marks = source.marks
        self._report = report
        self._left = MAX_BYTES  # of keys and values, at least LEAST for each

    def deal_map(self, section: str, entries: dict[str, Plain]) -> None:
        """Deal the entries of a map whose names have a range."""
        marks = self._marks.maps[id(entries)]
        found: dict[str, Plain] = {}
        places: dict[str, tuple[int, int]] = {}
        own: dict[str, str] = {}
        for name, value in entries.items():
            path: Path = (section, name)
            for one, item in self._named(path, name, value):
                if one in found:
                    text = f"{one!r} comes from {own[one]!r} already: remove it from one of them"
                    self._error(path, text, on_key=True)
                    break
                found[one], places[one], own[one] = item, marks[name], name
        # In place: marks belong to the identity of a map.
        entries.clear()
        entries.update(found)
        marks.clear()
        marks.update(places)
        self._marks.own_steps[id(entries)] = own

    def _named(self, path: Path, name: str, value: Plain) -> Iterable[tuple[str, Plain]]:
        """What an entry stands for; namespaces that are all alike stay one, which is less to read."""
        own = list(_in_text(name, path, on_key=True))
        inside = list(_ranges(value, path)) if own else []
        if not own or (not inside and path[0] == "namespaces" and NAMESPACE_RANGE.fullmatch(name)):
            return [(name, value)]
        dealt = self._dealt(path, own + inside, value)
        if dealt is None:
            return [(name, Unknown())]
        return ((at_step(name, step), item) for step, item in enumerate(dealt))

    def deal_list(self, section: str, items: list[Plain]) -> None:
        """Deal the items of a list in which there is a range."""
        marks, before = self._marks.lists[id(items)], self._marks.own_steps.get(id(items))
        found, places, own = list[Plain](), list[int](), list[int]()
        for index, (item, mark) in enumerate(zip(items, marks, strict=True)):
            path: Path = (section, index)
            mesh = isinstance(item, dict) and "mesh" in item  # a range is as many of its nodes
            ranges = [] if mesh else list(_ranges(item, path))
            dealt = self._dealt(path, ranges, item) if ranges else [item]
            found += [Unknown()] if dealt is None else dealt
            places += [mark] * (len(found) - len(places))
            step = before[index] if isinstance(before, list) else index
            own += [step] * (len(found) - len(own))
        items[:], marks[:] = found, places
        self._marks.own_steps[id(items)] = own

    def _dealt(self, path: Path, ranges: list[_Range], value: Plain) -> list[Plain] | None:
        """An entry at each step of its ranges; None, and an error filed, where they do not agree."""
        dealt = [one for one in ranges if one.match["dealt"]]
        bad = next((one for one in dealt if one.wrong()), None)
        if bad is not None:
            self._error_at(bad, bad.wrong())
            return None
        shortest = min(dealt, key=_Range.length, default=None)
        longest = max(dealt, key=_Range.length, default=None)
        if shortest is None or longest is None:
            return [self._at(value, 0)]
        if shortest.length() < longest.length():
            there, here = self._position(longest)[1][0], self._position(shortest)[1][0]
            line = f" on line {there}" if there != here else ""
            literal = shortest.match if longest.on_key else longest.match
            text = (
                f"{shortest.match[0]!r} has {words.count(shortest.length(), 'step')}, and"
                f" {longest.match[0]!r}{line} has {longest.length()}: the ranges of an entry count"
                f" together; brackets that are none are doubled, '[{literal[0]}]'"
            )
            self._error_at(shortest, text)
            return None
        try:
            return [self._at(value, step) for step in range(shortest.length())]
        except ValueError as error:
            self._error(path, str(error))
            return None

    def _at(self, value: Plain, step: int) -> Plain:
        """The value at one step of its ranges, and itself where it has none."""
        self._left -= LEAST if value is None else max(LEAST, len(value))
        if self._left < 0:
            raise _LimitError
        if isinstance(value, str):
            return value if isinstance(value, Unknown) else at_step(value, step)
        if value is None:
            return None
        marks = self._marks
        if isinstance(value, list):
            items = [self._at(item, step) for item in value]
            marks.lists[id(items)] = marks.lists[id(value)]
            return items
        names = {name: at_step(name, step) for name in value}
        entries = {names[name]: self._at(item, step) for name, item in value.items()}
        if len(entries) < len(value):
            twice = next(name for name in entries if list(names.values()).count(name) > 1)
            raise ValueError(f"two keys of one map become {twice!r}: remove one")
        where = marks.maps[id(value)]
        marks.maps[id(entries)] = {names[name]: where[name] for name in value}
        marks.own_steps[id(entries)] = {new: name for name, new in names.items()}
        return entries

    def _error(self, path: Path, text: str, *, on_key: bool = False) -> None:
        """File an error with its place: its path may be another one when all is dealt."""
        self._report.take([self._source.placed(Finding("error", path, text, on_key))])

    def _error_at(self, one: _Range, text: str) -> None:
        file, at = self._position(one)
        self._report.error(self._source.written(one.path), text, at=at, file=file)

    def _position(self, one: _Range) -> tuple[int, Position]:
        """The file, line and column of a range, or of its value where that is not written as it is read."""
        texts = self._source.texts
        file, (number, column) = texts.find(self._source.offset(one.path, on_key=one.on_key))
        line = texts[file].line(number)[column - 1 :]
        quoted = line[:1] in ("'", '"')
        if line.startswith(one.value[: one.match.end()], quoted):
            column += quoted + one.match.start()
        return file, (number, column)


def _ranges(value: Plain, path: Path) -> Iterator[_Range]:
    """All ranges in a value, and in the keys in it."""
    if isinstance(value, str):
        yield from _in_text(value, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _in_text(name, (*path, name), on_key=True)
            yield from _ranges(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ranges(item, (*path, index))


def _in_text(text: str, path: Path, *, on_key: bool = False) -> Iterator[_Range]:
    if "[" in text and not isinstance(text, Unknown):
        for match in BRACKETS.finditer(text):
            yield _Range(path, on_key, text, match)
