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
from enum import Enum
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, overload

from nsgen.language.described import Json, dealt_name, or_open
from nsgen.language.ranges import unquoted
from nsgen.report import Path, Report, nearest
from nsgen.words import either

S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Word = TypeVar("Word", bound=str)


class Invalid(Enum):
    """The type of `INVALID`."""

    INVALID = None


INVALID: Final = Invalid.INVALID


class Unknown(str):
    """A text whose variables have no value: an error is filed already, so that it is passed over."""

    __slots__ = ()


class Kind(Generic[T_co]):
    """One sort of value. What it is read as is the type of a field, and mypy compares the two."""

    def read(self, value: object, path: Path, report: Report) -> T_co | Invalid:
        """Turn plain data into a value, or file an error and return `INVALID`."""
        if isinstance(value, Unknown):
            report.pass_over(path)
            return INVALID
        return self.take(value, path, report)

    def take(self, value: object, path: Path, report: Report) -> T_co | Invalid:
        """Turn plain data into a value, none of whose variables is unknown."""
        raise NotImplementedError

    def json(self) -> Json:
        """The JSON Schema of what `read` takes."""
        raise NotImplementedError


def shape(value: object) -> str:
    """What a value is, in the words of a message."""
    if value is None:
        return "nothing"
    return (
        "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    )


@dataclass(frozen=True, eq=False)
class Scalar(Kind[T]):
    """A single value, typed by one of the functions of :mod:`nsgen.values`."""

    parse: Callable[[str], T]
    schema: Mapping[str, Any]

    def take(self, value: object, path: Path, report: Report) -> T | Invalid:
        """Parse a text."""
        if not isinstance(value, str):
            report.error(path, f"expected a single value, got {shape(value)}{unquoted(value)}")
            return INVALID
        try:
            return self.parse(value)
        except ValueError as error:
            report.error(path, str(error))
            return INVALID

    def json(self) -> Json:
        """What the function takes, as far as JSON Schema can say it."""
        return or_open(self.schema)


@dataclass(frozen=True, eq=False)
class Choice(Kind[Word]):
    """One of a few words."""

    words: tuple[Word, ...]

    def take(self, value: object, path: Path, report: Report) -> Word | Invalid:
        """Find the word."""
        for word in self.words:
            if value == word:
                return word
        hint = nearest(value, self.words) if isinstance(value, str) else ""
        report.error(path, f"expected {either(self.words)}, got {shape(value)}{hint}")
        return INVALID

    def json(self) -> Json:
        """An enumeration."""
        return or_open({"enum": list(self.words)})


@dataclass(frozen=True, eq=False)
class ListOf(Kind[tuple[T, ...]], Generic[T]):
    """A list; with `lone`, a single value stands for a list of one; with `each`, it is good without its bad items."""

    item: Kind[T]
    lone: bool = False
    each: bool = False

    def take(self, value: object, path: Path, report: Report) -> tuple[T, ...] | Invalid:
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
        item = self.item.json()
        array: Json = {"type": "array", "items": item}
        if not self.lone:
            return array
        title = {"title": f"{item['title']}-or-list"} if "title" in item else {}
        return {**title, "anyOf": [item, array]}


@dataclass(frozen=True, eq=False)
class MapOf(Kind[Mapping[str, T]], Generic[T]):
    """A map from names to values; nothing at all is an empty map. `then`: what else is done with what was read."""

    key: Scalar[str]
    item: Kind[T]
    then: Callable[[Mapping[str, T], Path, Report], Mapping[str, T]] | None = None

    def take(self, value: object, path: Path, report: Report) -> Mapping[str, T] | Invalid:
        """Read every key and every item."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            report.error(path, f"expected a map, got {shape(value)}")
            return INVALID
        found: dict[str, T] = {}
        for written, item in value.items():
            if isinstance(item, Unknown):  # and so may be what its key stands for
                report.pass_over((*path, written))
                continue
            try:
                key = self.key.parse(written)
            except ValueError as error:
                report.error((*path, written), str(error), on_key=True)
                continue
            read = self.item.read(item, (*path, written), report)
            if read is not INVALID:
                found[key] = read
        return found if self.then is None else self.then(found, path, report)

    def json(self) -> Json:
        """An object with these values."""
        names = {
            name: value
            for name, value in dealt_name(self.key.schema).items()
            if name in ("pattern", "patternErrorMessage")
        }
        return {
            "type": ["object", "null"],
            "additionalProperties": self.item.json(),
            **({"propertyNames": names} if names else {}),
        }


@dataclass(frozen=True, eq=False)
class Record(Kind[T]):
    """A map with fixed keys, read into a dataclass whose fields were made by `key`.

    `nothing` says whether an empty value
    stands for all defaults. Without `stand_ins`, a record with anything wrong in it is invalid. With them it never is,
    so that the rest of it is still checked: a field takes its default, or what `stand_ins` has for a required one.
    """

    cls: type[T]
    nothing: bool = False
    stand_ins: Mapping[str, Any] | None = None

    def take(self, value: object, path: Path, report: Report) -> T | Invalid:
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
                text = f"unknown key {written!r}{_hint(self.cls, written, kinds)}"
                report.error((*path, written), text, on_key=True)
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
    def _kinds(self) -> dict[str, tuple[str, Kind[Any], bool]]:
        kinds: dict[str, tuple[str, Kind[Any], bool]] = {}
        for field in _fields(self.cls):
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
        for field in _fields(self.cls):
            name = field.metadata["key"] or field.name
            found = field.metadata["kind"].json()
            # What has a title is described elsewhere, and what stands beside a reference to it counts for nothing.
            described = {"allOf": [found]} if "title" in found else found
            properties[name] = {"description": field.metadata["doc"], **described}
            if _required(field):
                required.append(name)
        schema: Json = {
            "title": self.cls.__name__.removeprefix("Written"),
            "type": ["object", "null"] if self.nothing else "object",
            "description": (self.cls.__doc__ or "").strip().splitlines()[0],
            "properties": properties,
            "additionalProperties": False,
        }
        return {**schema, "required": required} if required else schema


def _fields(cls: type[Any]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _hint(record: type[Any], key: str, kinds: Mapping[str, tuple[str, Kind[Any], bool]]) -> str:
    from nsgen.language.foreign import hint  # only an error needs it

    # One that may be a map besides is a switch, too: its text is.
    texts = ((name, getattr(kind, "text", kind)) for name, (_, kind, _) in kinds.items())
    scalars = ((name, kind) for name, kind in texts if isinstance(kind, Scalar))
    switches = [name for name, kind in scalars if kind.schema.get("type") == "boolean"]
    return hint(record, key, kinds, switches)


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


@overload
def key(kind: Kind[T], doc: str, *, name: str = "") -> T: ...
@overload
def key(
    kind: Kind[T],
    doc: str,
    *,
    name: str = "",
    default: S = ...,
    default_factory: Callable[[], S] = ...,
) -> T | S: ...
def key(kind: Kind[Any], doc: str, *, name: str = "", **default: Any) -> Any:
    """Declare a field of a record: its kind, its description, its key where that is not the field's name."""
    return dataclasses.field(metadata={"kind": kind, "doc": doc, "key": name}, **default)
