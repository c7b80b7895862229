"""The language for editors: JSON Schema, in which what is used in several places is described once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

DEFINITIONS = "#/definitions/"
_ITEM = "[A-Za-z0-9_.:/@%+=-]+"
DEALT = f"[0-9]{{1,6}}-[0-9]{{1,6}}|{_ITEM}(?:,{_ITEM})+"  # what the brackets of a range hold
# What nsgen alone can tell: a variable has its value only there, and a range is dealt there.
RANGE = r"\[[^\]]+[-,]"
OPEN = rf"\$\{{|{RANGE}"
OPEN_TEXT: Json = {
    "title": "open",
    "type": "string",
    "pattern": OPEN,
}
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_IPV6 = "[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*"
IP = f"({_IPV4}|{_IPV6})"
CIDR = f"({_IPV4}/(3[0-2]|[12]?[0-9])|{_IPV6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))"
PORTS = "[0-9]{1,5}(-[0-9]{1,5})?"
DEVICE = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"
NODE = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
WITH_PORT = rf"({_IPV4}|\[{_IPV6}\])"


def text(title: str, pattern: str, expected: str) -> Json:
    """The JSON Schema of a text: what an editor says is `expected` where the pattern does not fit.

    It has no description: an editor would show that in place of what the key is for.
    """
    return {
        "title": title,
        "type": "string",
        "pattern": f"^{pattern}$",
        "patternErrorMessage": f"expected {expected}",
    }


def name(title: str, pattern: str, expected: str) -> Json:
    """The same of a name: `1` is one, and a number to an editor."""
    return {**text(title, pattern, expected), "type": ["string", "integer"]}


def or_open(schema: Mapping[str, Any]) -> Json:
    """The JSON Schema of a value, or of a text of which nsgen alone can tell whether it is one."""
    if "pattern" in schema:
        return {**schema, "pattern": f"{schema['pattern']}|{OPEN}"}
    if "string" in schema.get("type", ()):
        return dict(schema)
    outside = {"title": schema["title"]} if "title" in schema else {}
    inside = {name: value for name, value in schema.items() if name not in outside}
    several = inside["anyOf"] if inside.keys() == {"anyOf"} else [inside]
    return {**outside, "anyOf": [*several, OPEN_TEXT]}


def dealt_name(schema: Mapping[str, Any]) -> Json:
    """The JSON Schema of a key, or of one with a range."""
    return {**schema, "pattern": f"{schema['pattern']}|{RANGE}"} if "pattern" in schema else {}


def shared(root: Json) -> Json:
    """The same schema, with all that has a title described once, under `definitions`."""
    definitions: Json = {}

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        described = {name: walk(item) for name, item in value.items()}
        title = value.get("title")
        if not isinstance(title, str):  # it may be a key of a topology, too
            return described
        if definitions.setdefault(title, described) != described:
            raise AssertionError(f"two sorts of values are called {title!r}")
        return {"$ref": f"{DEFINITIONS}{title}"}

    found = {name: walk(value) for name, value in root.items()}
    return {**found, "definitions": dict(sorted(definitions.items()))}


def plain(pattern: re.Pattern[str]) -> str:
    """A pattern of Python's without the names of its groups, which JavaScript writes otherwise."""
    return re.sub(r"\?P<[a-z]+>", "", pattern.pattern)
