"""A Compose file as a tree of which every value knows its file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Union

from nsgen.report import Position

Value = Union["dict[str, SourceNode]", "list[SourceNode]", str, None]


@dataclass
class SourceNode:
    """A value, where it and its key were written, and its tag."""

    value: Value
    file: str
    at: Position
    key_at: Position
    tag: str = field(default="")

    @property
    def map(self) -> dict[str, SourceNode]:
        """The entries of a map; none of what is no map."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def list(self) -> list[SourceNode]:
        """The items of a list: of a lone text, that one; of nothing, none."""
        if isinstance(self.value, list):
            return self.value
        return [self] if isinstance(self.value, str) else []

    @property
    def text(self) -> str:
        """What is written; of anything but a text, nothing."""
        return self.value if isinstance(self.value, str) else ""

    def get(self, *steps: str) -> SourceNode | None:
        """What is below it, or None."""
        found: SourceNode | None = self
        for step in steps:
            found = found.map.get(step) if found else None
        return found

    def text_of(self, *steps: str) -> str:
        """The text below it, or nothing."""
        found = self.get(*steps)
        return found.text if found else ""

    def true(self, *steps: str, default: bool = False) -> bool:
        """Whether the switch below it is on."""
        text = self.text_of(*steps).lower()
        return text in ("true", "yes", "on", "y", "1") if text else default

    def with_value(self, value: Value) -> SourceNode:
        """Another value in the same place."""
        return replace(self, value=value)

    def pairs(self) -> Iterator[tuple[str, SourceNode]]:
        """A map, or a list of ``KEY=VALUE``, as pairs."""
        for item in self.list if not isinstance(self.value, dict) else ():
            name, _, value = item.text.partition("=")
            yield name, item.with_value(value)
        yield from self.map.items()
