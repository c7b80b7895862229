"""A topology as neat YAML: what fits on a line in one line, with quotes where YAML or a reader needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

WIDTH = 100
PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")
LOOKS_TYPED = re.compile(r"(true|false|null|yes|no|on|off|~)", re.IGNORECASE)
BLOCKS = 2  # levels that are always written line by line


def document(topology: dict[str, Any], head: Iterable[str]) -> str:
    """The whole text, with a comment at its head."""
    lines = [f"# {line}".rstrip() for line in head]
    for key, value in topology.items():
        lines += _entry(key, value, 0)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    name = text(key)
    line = f"{indent}{name}: {flow(value)}"
    block = depth < BLOCKS and isinstance(value, dict) and value
    if not block and len(line) <= WIDTH:
        return [line]
    if isinstance(value, dict) and value:
        if depth == 1 and len(line) <= WIDTH and all(_flat(item) for item in value.values()):
            return [line]
        below = [part for sub, item in value.items() for part in _entry(sub, item, depth + 1)]
        return [f"{indent}{name}:", *below]
    if isinstance(value, list) and value:
        return [f"{indent}{name}:", *(f"{indent}  - {flow(item)}" for item in value)]
    return [line]


def _flat(value: Any) -> bool:
    return not isinstance(value, dict) and not (isinstance(value, list) and len(value) > 2)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(str(value))


def text(value: str) -> str:
    """A text, in quotes where it needs them; what a variable would be is none."""
    if PLAIN.fullmatch(value) and not LOOKS_TYPED.fullmatch(value):
        return value
    literal = value.replace("${", "$${").replace("\\", "\\\\").replace('"', '\\"')
    shown = literal.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{shown}"'
