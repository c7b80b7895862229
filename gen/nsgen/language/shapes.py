"""Values that are written in several ways: told apart by their shape, and a short form for a long one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from nsgen.language.described import Json
from nsgen.language.schema import INVALID, Invalid, Kind, S, T, shape
from nsgen.report import Path, Report
from nsgen.words import either


@dataclass(frozen=True, eq=False)
class ByShape(Kind[T]):
    """A value whose kind is told by its shape: a text, a list or a map."""

    text: Kind[T] | None = None
    items: Kind[T] | None = None
    record: Kind[T] | None = None

    def take(self, value: object, path: Path, report: Report) -> T | Invalid:
        """Choose the kind, and let it read."""
        kinds: dict[object, Kind[T] | None]
        kinds = {str: self.text, list: self.items, dict: self.record, type(None): self.record}
        kind = kinds.get(type(value))
        if kind is not None:
            return kind.read(value, path, report)
        shapes = {"a single value": self.text, "a list": self.items, "a map": self.record}
        allowed = [name for name, kind in shapes.items() if kind is not None]
        report.error(path, f"expected {either(allowed)}, got {shape(value)}")
        return INVALID

    def json(self) -> Json:
        """Any of them."""
        return {"anyOf": [kind.json() for kind in (self.text, self.items, self.record) if kind]}


@dataclass(frozen=True, eq=False)
class Mapped(Kind[T], Generic[S, T]):
    """A value of another kind, and what is made of it: a short form."""

    kind: Kind[S]
    make: Callable[[S], T]

    def take(self, value: object, path: Path, report: Report) -> T | Invalid:
        """Read the short form, make the long one."""
        found = self.kind.read(value, path, report)
        return found if found is INVALID else self.make(found)

    def json(self) -> Json:
        """What the short form takes."""
        return self.kind.json()


class Late(Kind[T]):
    """A kind that is loaded where a topology has such a value, because most have none."""

    def __init__(self, load: Callable[[], Kind[T]]) -> None:
        """Note how it is loaded."""
        self._load = load

    @property
    def kind(self) -> Kind[T]:
        """The kind that reads."""
        return self._load()

    def take(self, value: object, path: Path, report: Report) -> T | Invalid:
        """Let it read."""
        return self.kind.read(value, path, report)

    def json(self) -> Json:
        """What the kind takes."""
        return self.kind.json()
