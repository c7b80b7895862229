"""A topology and the files that it includes, read one after the other, and put together to one.

An included file is read for itself: it has variables, findings and included files of its own, and
its names of files are relative to its own folder. What it includes comes before it. A file that is
reached by two ways is read once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from nsgen.language.schema import INVALID, shape
from nsgen.language.spec import INCLUDE
from nsgen.language.yaml.compose import MAX_NODES
from nsgen.language.yaml.excerpt import Text, Texts, printable
from nsgen.language.yaml.source import Source, decode, parse
from nsgen.language.yaml.variables import Variables
from nsgen.report import MAX_BYTES, FileError, Path, Report

MAX_DEPTH = 20  # files that include each other
MAX_INCLUDES = 1000


def _nothing(_name: str) -> bytes:
    raise FileError("nothing can be included here")


@dataclass(frozen=True)
class Inputs:
    """What a topology is made from, besides its own text."""

    file: str = ""  # a name of its own file that `identity` knows
    folder: str = ""  # what its names of files are relative to
    read: Callable[[str], bytes] = _nothing
    identity: Callable[[str], str] = str
    variables: Variables = field(default_factory=Variables)


class Gathered(NamedTuple):
    """The texts of all files, and the topology that they are, unless one of them cannot be read."""

    texts: Texts
    source: Source | None = None


class _File(NamedTuple):
    """A file that is being read."""

    name: str  # for messages
    identity: str
    folder: str
    includer: _File | None = None

    def chain(self) -> list[_File]:
        """The file, and those that include it, from the inside."""
        return [self, *(self.includer.chain() if self.includer else ())]


def gather(name: str, data: bytes, inputs: Inputs, report: Report) -> Gathered:
    """Read a topology and what it includes."""
    gathering = _Gathering(inputs, report)
    gathering.take(_File(name, inputs.identity(inputs.file), inputs.folder), data)
    if not gathering.complete:
        return Gathered(gathering.texts)
    *included, own = gathering.parts
    if not included:
        return Gathered(gathering.texts, Source(gathering.texts, own.data, own.marks))
    from nsgen.language.yaml.merge import merge  # most topologies are one file

    return Gathered(gathering.texts, merge(gathering.parts, gathering.texts, report))


class _Gathering:
    def __init__(self, inputs: Inputs, report: Report) -> None:
        self.texts = Texts()
        self.parts: list[Source] = []
        self.complete = True
        self._inputs = inputs
        self._report = report
        self._known = set[str]()
        self._includes = 0
        self._nodes = 0
        self._bytes = 0
        self._full = False  # a limit is reached, and said to be: nothing more is read

    def take(self, file: _File, data: bytes) -> None:
        """Read a file, and before it those that it includes."""
        number, own = len(self.texts), Report()
        self._known.add(file.identity)
        text = decode(data, own)
        shown = data.decode("utf-8", "replace") if text is None else text
        start = self.texts.add(Text(file.name, shown))
        source = None if text is None else parse(text, file.name, own)
        if source is None:
            self.complete = False
        else:
            self.complete &= self._inputs.variables.substitute(source.data, own)
            self._include_all(source, file, own)
            own.findings = [source.placed(finding) for finding in own.findings]
            source.marks.move(start)
            self.parts.append(source)
        self._report.take(finding._replace(file=number) for finding in own.findings)

    def _include_all(self, source: Source, file: _File, own: Report) -> None:
        self._nodes += source.marks.nodes
        if file.includer and not isinstance(source.data, dict):
            own.error((), f"expected a map, got {shape(source.data)}")
            self.complete = False
        if not isinstance(source.data, dict) or "include" not in source.data:
            return
        names = INCLUDE.read(source.data["include"], ("include",), own)
        if names is INVALID:
            self.complete = False
            return
        for index, name in enumerate(names):
            if not self._full:
                path: Path = ("include", index)
                error = self._include(name, file)
                if error:
                    own.error(path, error)
                    self.complete = False

    def _include(self, name: str, includer: _File) -> str:
        """Read an included file, or say why that cannot be done."""
        path = os.path.join(includer.folder, name)  # noqa: PTH118 - "." and ".." stay as written
        shown, identity, chain = printable(path), self._inputs.identity(path), includer.chain()
        for above, file in enumerate(chain):
            if file.identity == identity:
                way = " -> ".join([*(each.name for each in chain[above::-1]), file.name])
                return f"{shown!r} includes itself: {way}"
        self._includes += 1
        if self._includes > MAX_INCLUDES:
            return self._stop(f"more than {MAX_INCLUDES} files are included")
        if identity in self._known:
            return ""
        if len(chain) > MAX_DEPTH:
            return f"files include each other more than {MAX_DEPTH} deep"
        try:
            data = self._inputs.read(path)
        except FileError as error:
            return f"cannot read {shown!r}: {error}"
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            return self._stop(f"the included files have more than {MAX_BYTES // 1024 // 1024} MiB")
        folder = os.path.dirname(path)  # noqa: PTH120 - as above
        self.take(_File(shown, identity, folder, includer), data)
        if self._nodes > MAX_NODES and not self._full:
            return self._stop(f"with {shown!r} there are more than {MAX_NODES} keys and values")
        return ""

    def _stop(self, why: str) -> str:
        self._full = True
        return why
