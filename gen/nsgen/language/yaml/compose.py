"""A YAML parser's events to plain data and marks; what a topology may not have is refused.

PyYAML's own composer recurses, so that a few thousand brackets end the process; it also keeps the
last of two equal keys. This one has a stack of its own, bounds, and a finding for each of them. A
mark is one number, the offset into the text; lines and columns are looked up only for what is
printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, Union

import yaml

from nsgen.language.ranges import ALIKE
from nsgen.language.yaml.excerpt import Text
from nsgen.report import Report

Plain = Union["dict[str, Plain]", "list[Plain]", str, None]

# c-printable of YAML 1.1. The parsers stop at anything else, each with a message and a position of
# its own.
NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SURROGATE = re.compile("[\ud800-\udfff]")
MAX_DEPTH = 50  # lists and maps in each other; a topology needs 7
MAX_NODES = 1_000_000  # keys and values, an alias counted as all that it stands for
LOADER: type[yaml.CLoader | yaml.SafeLoader]
LOADER = yaml.CLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass
class Marks:
    """The offset of every key and value: by the identity of the map or list that holds it."""

    start: int = 0
    maps: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)
    lists: dict[int, list[int]] = field(default_factory=dict)
    nodes: int = 0  # how many keys and values there are
    # Of a list that was put together from several files, and of what comes from a range: what each one is in its file.
    own_steps: dict[int, list[int] | dict[str, str]] = field(default_factory=dict)

    def child(self, node: Plain, step: str | int) -> tuple[Plain, int, int] | None:
        """What is at a step below a node, and the offsets of its key and its value."""
        if isinstance(node, dict) and isinstance(step, str) and step in node:
            return node[step], *self.maps[id(node)][step]
        if isinstance(node, list) and isinstance(step, int) and 0 <= step < len(node):
            offset = self.lists[id(node)][step]
            return node[step], offset, offset
        return None

    def own_step(self, node: Plain, step: str | int) -> str | int:
        """A step as it was written in its own file."""
        steps = self.own_steps.get(id(node))
        if isinstance(steps, dict) and isinstance(step, str):
            return steps[step]
        return steps[step] if isinstance(steps, list) and isinstance(step, int) else step

    def move(self, by: int) -> None:
        """Let all offsets begin somewhere else than at 0."""
        self.start += by
        for marks in self.maps.values():
            for step, (key, value) in marks.items():
                marks[step] = key + by, value + by
        for offsets in self.lists.values():
            offsets[:] = [offset + by for offset in offsets]


class StopError(Exception):
    """Nothing more can be read; the finding is filed."""


@dataclass
class _Open:
    """A list or map whose end has not been seen."""

    at: int
    anchor: str | None
    before: int  # nodes


@dataclass
class _OpenList(_Open):
    node: list[Plain] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)


@dataclass
class OpenMap(_Open):
    """A map whose end has not been seen."""

    node: dict[str, Plain] = field(default_factory=dict)
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    waiting: bool = False  # for the value of `key`
    key: str | None = None  # None: a key that was refused
    key_at: int = 0
    merged: list[Plain] = field(default_factory=list)


class _Anchored(NamedTuple):
    node: Plain
    nodes: int
    complete: bool = True


def compose(text: Text, report: Report) -> tuple[Plain, Marks] | None:
    """Read YAML; None, and an error filed, where there is nothing to go on with."""
    composer = YamlComposer(text, report)
    try:
        composer.read()
    except StopError:
        return None
    composer.marks.nodes = composer.nodes
    return composer.data, composer.marks


def _offset(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


class YamlComposer:
    """The events of one text, taken one by one."""

    nothing = "there is nothing in it: `nsgen init` writes a topology to start from"

    def __init__(self, text: Text, report: Report) -> None:
        self.data: Plain = None
        self.marks = Marks()
        self._text = text
        self._report = report
        self._stack: list[_OpenList | OpenMap] = []
        self.nodes = 0
        self._documents = 0
        self._anchors: dict[str, _Anchored] = {}

    def read(self) -> None:
        """Take them all; ``StopError`` where nothing more can be read."""
        text = self._text.text
        bad = NOT_IN_YAML.search(text)
        if bad is not None:
            raise self._stop(
                bad.start(), f"the character {bad[0]!a} is not allowed in YAML: remove it"
            )
        try:
            for event in yaml.parse(text, Loader=LOADER):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            from nsgen.language.yaml.advice import advise  # most topologies parse

            raise self._stop(*advise(text, error)) from None
        except (
            yaml.YAMLError,
            ValueError,
            OverflowError,
        ):  # the last two: the pure parser's escapes
            raise self._stop(0, "this is not valid YAML") from None
        self._end()

    def _end(self) -> None:
        if self.data is None:
            raise self._stop(0, self.nothing)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(_offset(event))

    def _document(self, at: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._stop(at, "a second document starts here: a topology is one document")

    def _error(self, offset: int, text: str) -> None:
        self._report.error((), text, at=self._text.position(offset))

    def _stop(self, offset: int, text: str) -> StopError:
        self._error(offset, text)
        return StopError()

    def _count(self, nodes: int, at: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            expanded = ", with everything that its aliases stand for" if self._anchors else ""
            raise self._stop(at, f"this is more than {MAX_NODES} keys and values{expanded}")

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, at: int) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._error(
                at, f"the tag {tag!r} is not supported: remove it, a key says how its value is read"
            )

    def _refuse_merge(self, at: int) -> None:
        self._error(at, f"merge keys ('<<') are not supported: {ALIKE}")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        at, value = _offset(event), event.value
        self._count(1, at)
        self._refuse_tag(event, at)
        if SURROGATE.search(value):
            raise self._stop(
                at, "half of a surrogate pair is no character: write the character itself"
            )
        plain = not event.style
        found = None if plain and not value else value
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(found, 1)
        self._put(found, at, merge=plain and value == "<<")

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        at = _offset(event)
        self._count(1, at)
        self._refuse_tag(event, at)
        if len(self._stack) >= MAX_DEPTH:
            raise self._stop(at, f"lists and maps are nested more than {MAX_DEPTH} deep")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(None, 0, complete=False)
        kind = OpenMap if isinstance(event, yaml.MappingStartEvent) else _OpenList
        self._stack.append(kind(at, event.anchor, self.nodes))

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done, OpenMap):
            self._merge(done)
            self.marks.maps[id(done.node)] = done.marks
        else:
            self.marks.lists[id(done.node)] = done.marks
        if done.anchor is not None:
            self._anchors[done.anchor] = _Anchored(done.node, self.nodes - done.before + 1)
        self._put(done.node, done.at)

    def _alias(self, event: yaml.AliasEvent) -> None:
        at, name = _offset(event), event.anchor or ""
        anchored = self._anchors.get(name)
        if anchored is None:
            raise self._stop(
                at,
                f"there is no anchor '&{name}' before this; a text that starts with '*' needs"
                " quotes",
            )
        if not anchored.complete:
            raise self._stop(at, f"'*{name}' is used inside of what it stands for")
        self._count(anchored.nodes, at)
        self._put(anchored.node, at)

    def _put(self, node: Plain, at: int, *, merge: bool = False) -> None:
        """Put a node where it belongs: at the top, into a list, or into a map as key or value."""
        parent = self._stack[-1] if self._stack else None
        if parent is None:
            self.data, self.marks.start = node, at
        elif isinstance(parent, _OpenList):
            dash = (
                node is None and self._text.text[at - 1 : at] == "-"
            )  # an empty item is at its dash
            parent.node.append(node)
            parent.marks.append(at - dash)
        elif parent.waiting:
            self._entry(parent, node, at)
        else:
            self._key(parent, node, at, merge=merge)

    def _key(self, parent: OpenMap, node: Plain, at: int, *, merge: bool) -> None:
        parent.waiting, parent.key, parent.key_at = True, None, at
        if merge:
            self._refuse_merge(at)
            parent.key = "<<"
        elif node is None:
            self._error(at, "the key before this ':' is missing")
        elif not isinstance(node, str):
            hint = ": a range needs quotes" if isinstance(node, list) else ""
            self._error(at, f"a list or a map cannot be a key{hint}")
        elif node in parent.marks:
            line, _ = self._text.position(parent.marks[node][0])
            self._error(at, f"the key {node!r} is given twice, first on line {line}: remove one")
        else:
            parent.key = node

    def _entry(self, parent: OpenMap, node: Plain, at: int) -> None:
        parent.waiting = False
        if parent.key == "<<":
            parent.merged.extend(node if isinstance(node, list) else [node])
        elif parent.key is not None:
            parent.node[parent.key] = node
            parent.marks[parent.key] = (parent.key_at, parent.key_at if node is None else at)

    def _merge(self, done: OpenMap) -> None:
        """Merge what was refused all the same: the keys it brings are not missing."""
        for part in done.merged:
            for key, value in part.items() if isinstance(part, dict) else ():
                if key not in done.node:
                    done.node[key] = value
                    done.marks[key] = self.marks.maps[id(part)][key]
