"""Variables as Compose has them: ``$NAME`` and the forms of ``${NAME}``, from the environment and ``.env``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.report import Path

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
FORM = re.compile(rf"({NAME})(?:(:?[-?+])(.*))?", re.DOTALL)
BEGINS = re.compile(rf"\$\$|\$\{{|\$({NAME})")
EDGES = re.compile(r"\$\{|\}")
MAX_DEPTH = 10
ENTRY = re.compile(rf"\s*(?:export\s+)?({NAME})\s*[=:]\s*(.*?)\s*$")

Unset = Callable[[str], None]


class VariableError(Exception):
    """A value has no text: what is wrong with its variable."""


def expand(text: str, environment: Mapping[str, str], unset: Unset, depth: int = 0) -> str:
    """Put the values of variables into a text; `unset` is told the names of those without one."""
    if depth > MAX_DEPTH:
        raise VariableError(f"variables are nested more than {MAX_DEPTH} deep")
    parts, at = list[str](), 0
    while begin := BEGINS.search(text, at):
        parts.append(text[at : begin.start()])
        at = begin.end()
        if begin[0] == "$$":
            parts.append("$")
        elif begin[1]:
            parts.append(_form(begin[1], environment, unset, depth))
        else:
            end = _end(text, at)
            parts.append(_form(text[at:end], environment, unset, depth))
            at = end + 1
    return "".join([*parts, text[at:]])


def _end(text: str, start: int) -> int:
    depth = 1
    for found in EDGES.finditer(text, start):
        depth += 1 if found[0] == "${" else -1
        if depth == 0:
            return found.start()
    raise VariableError(f"{text[start - 2 :]!r} has no closing '}}'; for a literal '$' write '$$'")


def _form(inside: str, environment: Mapping[str, str], unset: Unset, depth: int) -> str:
    form = FORM.fullmatch(inside)
    if form is None:
        forms = "${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+instead}"
        raise VariableError(
            f"expected {forms}, got {'${' + inside + '}'!r}; for a literal '$' write '$$'"
        )
    name, does, rest = form[1], form[2] or "", form[3] or ""
    value = environment.get(name)
    usable = bool(value) if does.startswith(":") else value is not None
    if does.endswith("+"):
        return expand(rest, environment, unset, depth + 1) if usable else ""
    if usable:
        return value or ""
    if does.endswith("-"):
        return expand(rest, environment, unset, depth + 1)
    if does.endswith("?"):
        how = expand(rest, environment, unset, depth + 1) or "set it in the environment or in .env"
        raise VariableError(
            f"the variable {name!r} is {'not set' if value is None else 'empty'}: {how}"
        )
    if value is None:
        unset(name)
    return value or ""


def interpolate(
    node: SourceNode, environment: Mapping[str, str], notes: Notes, path: Path = ()
) -> SourceNode:
    """A tree with values in the place of variables, everywhere but in keys."""
    if isinstance(node.value, dict):
        entries = node.value.items()
        return node.with_value(
            {key: interpolate(item, environment, notes, (*path, key)) for key, item in entries}
        )
    if isinstance(node.value, list):
        items = enumerate(node.value)
        return node.with_value(
            [interpolate(item, environment, notes, (*path, step)) for step, item in items]
        )
    if "$" not in node.text:
        return node

    def unset(name: str) -> None:
        notes.warn(node, path, f"the variable {name!r} is not set: an empty text takes its place")

    try:
        return node.with_value(expand(node.text, environment, unset))
    except VariableError as error:
        notes.error(node, path, str(error))
        return node.with_value(None)


def read_environment(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a ``.env`` file; those of the environment are known in it, and go first."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        entry = ENTRY.match(line)
        if entry is None or line.lstrip().startswith("#"):
            continue
        name, value = entry[1], entry[2]
        if value[:1] == "'" and value.rfind("'") > 0:
            found[name] = value[1 : value.rfind("'")]
            continue
        if value[:1] == '"' and value.rfind('"') > 0:
            value = value[1 : value.rfind('"')]
        else:
            value = re.sub(r"(^|\s+)#.*$", "", value)
        try:
            found[name] = expand(value, {**found, **environment}, lambda _name: None)
        except VariableError:
            found[name] = value
    return found
