"""A schema in terms of dataclasses: read plain data into records, report all errors, describe it as JSON Schema.

Why not a library: the messages are the product (each names what is allowed, and the nearest known word), shapes are
told apart by looking (a text, a list or a map), and importing pydantic takes as long as everything else together.

A *kind* reads one sort of value. `read` returns the value, or files an error and returns `INVALID`; what holds an
invalid value is invalid itself, and is left out of the map or list around it, so that the rest is still checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from nsgen.report import Path, Report, nearest


class Invalid:
    """The type of `INVALID`."""


INVALID: Final = Invalid()


class Unknown(str):
    """A text whose variables have no value: an error is filed already, so that it is passed over."""

    __slots__ = ()


Json = dict[str, Any]


class Kind(Protocol):
    """One sort of value."""

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Turn plain data into a value, or file an error and return `INVALID`."""

    def json(self) -> Json:
        """The JSON Schema of what `read` takes."""


def or_variable(schema: Mapping[str, Any]) -> Json:
    """The JSON Schema of a value, or of a text with a variable in it."""
    any_text = "string" in schema.get("type", ()) and not schema.keys() - {"type"}
    return dict(schema) if any_text else {"anyOf": [schema, {"$ref": "#/definitions/variable"}]}


def shape(value: object) -> str:
    """What a value is, in the words of a message."""
    if value is None:
        return "nothing"
    return (
        "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    )


@dataclass(frozen=True, eq=False)
class Scalar:
    """A single value, typed by one of the functions of :mod:`nsgen.values`."""

    parse: Callable[[str], Any]
    schema: Mapping[str, Any]

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Parse a text."""
        if isinstance(value, Unknown):
            report.pass_over(path)
            return INVALID
        if not isinstance(value, str):
            report.error(path, f"expected a single value, got {shape(value)}")
            return INVALID
        try:
            return self.parse(value)
        except ValueError as error:
            report.error(path, str(error))
            return INVALID

    def json(self) -> Json:
        """What the function takes, as far as JSON Schema can say it."""
        return or_variable(self.schema)


@dataclass(frozen=True, eq=False)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Find the word."""
        if isinstance(value, Unknown):
            report.pass_over(path)
            return INVALID
        if isinstance(value, str) and value in self.words:
            return value
        hint = nearest(value, self.words) if isinstance(value, str) else ""
        report.error(path, f"expected {either(self.words)}, got {shape(value)}{hint}")
        return INVALID

    def json(self) -> Json:
        """An enumeration."""
        return or_variable({"enum": list(self.words)})


@dataclass(frozen=True, eq=False)
class ListOf:
    """A list; with `lone`, a single value stands for a list of one; with `each`, it is good without its bad items."""

    item: Kind
    lone: bool = False
    each: bool = False

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Read every item."""
        if self.lone and value is not None and not isinstance(value, list):
            found = self.item.read(value, path, report)
            return found if found is INVALID else (found,)
        if not isinstance(value, list):
            allowed = "a single value or a list" if self.lone else "a list"
            report.error(path, f"expected {allowed}, got {shape(value)}")
            return INVALID
        items = [self.item.read(item, (*path, index), report) for index, item in enumerate(value)]
        good = tuple(item for item in items if item is not INVALID)
        return good if self.each or len(good) == len(items) else INVALID

    def json(self) -> Json:
        """An array, or an item."""
        array: Json = {"type": "array", "items": self.item.json()}
        return {"anyOf": [self.item.json(), array]} if self.lone else array


@dataclass(frozen=True, eq=False)
class MapOf:
    """A map from names to values; nothing at all is an empty map."""

    key: Scalar
    item: Kind

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Read every key and every item."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            report.error(path, f"expected a map, got {shape(value)}")
            return INVALID
        found = {}
        for written, item in value.items():
            try:
                key = self.key.parse(written)
            except ValueError as error:
                report.error((*path, written), str(error), on_key=True)
                continue
            read = self.item.read(item, (*path, written), report)
            if read is not INVALID:
                found[key] = read
        return found

    def json(self) -> Json:
        """An object with these values."""
        names = {key: value for key, value in self.key.schema.items() if key != "type"}
        return {
            "type": ["object", "null"],
            "additionalProperties": self.item.json(),
            **({"propertyNames": names} if names else {}),
        }


@dataclass(frozen=True, eq=False)
class ByShape:
    """A value whose kind is told by its shape: a text, a list or a map."""

    text: Kind | None = None
    items: Kind | None = None
    record: Kind | None = None

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Choose the kind, and let it read."""
        if isinstance(value, Unknown):
            report.pass_over(path)
            return INVALID
        kinds: dict[object, Kind | None]
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
class Mapped:
    """A value of another kind, and what is made of it: a short form."""

    kind: Kind
    make: Callable[[Any], Any]

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Read the short form, make the long one."""
        found = self.kind.read(value, path, report)
        return found if found is INVALID else self.make(found)

    def json(self) -> Json:
        """What the short form takes."""
        return self.kind.json()


@dataclass(frozen=True, eq=False)
class Record:
    """A map with fixed keys, read into a dataclass whose fields were made by `key`.

    `nothing` says whether an empty value
    stands for all defaults. Without `stand_ins`, a record with anything wrong in it is invalid. With them it never is,
    so that the rest of it is still checked: a field takes its default, or what `stand_ins` has for a required one.
    """

    cls: type[Any]
    nothing: bool = False
    stand_ins: Mapping[str, Any] | None = None

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Read every field, whatever is wrong with the others."""
        if value is None and self.nothing:
            value = {}
        if not isinstance(value, dict):
            report.error(path, f"expected a map, got {shape(value)}")
            return INVALID
        kinds = self._kinds
        valid = True
        for written in value:
            if written not in kinds:
                valid = False
                hint = nearest(written, kinds) or f"; known here: {', '.join(kinds)}"
                report.error((*path, written), f"unknown key {written!r}{hint}", on_key=True)
        values: dict[str, Any] = dict(self.stand_ins or {})
        for name, (attribute, kind, required) in kinds.items():
            if name in value:
                found = kind.read(value[name], (*path, name), report)
                if found is INVALID:
                    valid = False
                else:
                    values[attribute] = found
            elif required:
                report.error(path, f"the key {name!r} is missing", on_key=True)
                valid = False
        return self.cls(**values) if valid or self.stand_ins is not None else INVALID

    @cached_property
    def _kinds(self) -> dict[str, tuple[str, Kind, bool]]:
        kinds: dict[str, tuple[str, Kind, bool]] = {}
        for field in dataclasses.fields(self.cls):
            required = _required(field)
            kinds[field.metadata["key"] or field.name] = (
                field.name,
                field.metadata["kind"],
                required,
            )
        return kinds

    def json(self) -> Json:
        """An object with these properties and no others."""
        properties, required = {}, []
        for field in dataclasses.fields(self.cls):
            name = field.metadata["key"] or field.name
            described = {"description": field.metadata["doc"], **field.metadata["kind"].json()}
            properties[name] = described
            if _required(field):
                required.append(name)
        found: Json = {
            "type": ["object", "null"] if self.nothing else "object",
            "description": (self.cls.__doc__ or "").strip().splitlines()[0],
            "properties": properties,
            "additionalProperties": False,
        }
        return {**found, "required": required} if required else found


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def key(kind: Kind, doc: str, *, name: str = "", **default: Any) -> Any:
    """Declare a field of a record: its kind, its description, its key where that is not the field's name."""
    return dataclasses.field(metadata={"kind": kind, "doc": doc, "key": name}, **default)


def either(words: tuple[str, ...] | list[str]) -> str:
    """Join words as a sentence does: ``tcp, udp or sctp``."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
