"""Variables: ``${NAME}`` in the values of a topology, as Compose has them.

Only what begins with ``${`` is a variable. Compose also takes ``$NAME``, but then a service's
``[sh, -c, "echo $HOME"]`` would silently become something else; here a lone ``$`` stays as it is,
and so does ``$$``. ``$${`` stands for a literal ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nsgen.language.schema import Unknown
from nsgen.language.yaml.compose import SURROGATE, Plain
from nsgen.report import Path, Report, nearest

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
FORM = re.compile(rf"(?P<name>{NAME})(?:(?P<empty>:?)(?P<does>[-?+])(?P<rest>.*))?", re.DOTALL)
NAMED = re.compile(rf"\$\{{({NAME})")
BEGINS = re.compile(r"\$\$\{|\$\{")
BEGINS_OR_ENDS = re.compile(r"\$\{|\}")

LITERAL = "; for a literal '${' write '$${'"
MAX_ERRORS = 10  # in one value
MAX_DEPTH = 10  # variables in the defaults of each other
MAX_LENGTH = 32 * 1024 * 1024  # characters of all values that have variables in them


class _LimitError(Exception):
    """There is more text than a topology can have."""


@dataclass
class Variables:
    """The values of variables: those that were given, then those of the environment."""

    given: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    _named: dict[str, None] = field(default_factory=dict, init=False)
    _left: int = field(default=MAX_LENGTH, init=False)
    _errors: list[str] = field(default_factory=list, init=False)

    def unused(self) -> dict[str, str]:
        """The names that were given and are in none of the texts, each with what is wrong with it."""
        return {
            name: f"there is no variable {name!r} in the topology{nearest(name, self._named)}"
            for name in self.given
            if name not in self._named
        }

    def substitute(self, data: Plain, report: Report) -> bool:
        """Put values in place of variables, everywhere in plain data but in keys.

        What comes of it is not to be read any further where they are too long: False.
        """
        seen, waiting = set[int](), list[tuple[Plain, Path]]([(data, ())])
        try:
            while waiting:
                node, path = waiting.pop()
                if isinstance(node, dict | list) and id(node) not in seen:
                    seen.add(id(node))
                    self._inside(node, path, waiting, report)
        except _LimitError:
            text = f"with the values of variables this is more than {MAX_LENGTH} characters"
            report.error((), text)
            return False
        return True

    def _inside(
        self, node: Any, path: Path, waiting: list[tuple[Plain, Path]], report: Report
    ) -> None:
        entries: list[tuple[str | int, Plain]]
        entries = list(node.items() if isinstance(node, dict) else enumerate(node))
        for step, value in entries:
            if isinstance(value, str):
                if "${" in value:
                    node[step] = self._value(value, (*path, step), report)
            elif value is not None:
                waiting.append((value, (*path, step)))

    def _value(self, text: str, path: Path, report: Report) -> str:
        self._named.update(dict.fromkeys(NAMED.findall(text)))
        self._errors = []
        found = self._expand(text)
        for error in self._errors:
            report.error(path, error)
        return Unknown(text) if self._errors else found

    def _expand(self, text: str) -> str:
        """A text with its variables' values; what is wrong with them is added to the errors."""
        parts, at = list[str](), 0
        while (begin := BEGINS.search(text, at)) and len(self._errors) < MAX_ERRORS:
            parts.append(text[at : begin.start()])
            if begin[0] == "$${":
                parts.append("${")
                at = begin.end()
                continue
            end, unclosed = _end(text, begin.end())
            if unclosed > MAX_DEPTH:
                self._errors.append(f"variables are nested more than {MAX_DEPTH} deep")
                return ""
            if unclosed:
                self._errors.append(f"{text[begin.start() :]!r} has no closing '}}'{LITERAL}")
                return ""
            parts.append(self._variable(text[begin.end() : end]))
            at = end + 1
        parts.append(text[at:])
        found = "".join(parts)
        self._left -= len(found)
        if self._left < 0:
            raise _LimitError
        return found

    def _variable(self, inside: str) -> str:
        form = FORM.fullmatch(inside)
        if form is None:
            written = "${" + inside + "}"
            self._errors.append(
                "expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+instead},"
                f" got {written!r}{LITERAL}"
            )
            return ""
        name, does, rest = form["name"], form["does"], form["rest"] or ""
        value = self.given.get(name, self.environment.get(name))
        if value is not None and SURROGATE.search(value):
            self._errors.append(f"the value of the variable {name!r} is not UTF-8")
            return ""
        usable = bool(value) if form["empty"] else value is not None
        if does == "+":
            return self._expand(rest) if usable else ""
        if value is not None and usable:
            self._left -= len(value)
            if self._left < 0:
                raise _LimitError
            return value
        if does == "-":
            return self._expand(rest)
        how = rest or f"set it with --set {name}=value or in the environment"
        state = "not set" if value is None else "empty"
        self._errors.append(f"the variable {name!r} is {state}: {how}")
        return ""


def _end(text: str, start: int) -> tuple[int, int]:
    """The offset of the brace that closes what was opened before `start`, and how many are missing."""
    depth = 1
    for found in BEGINS_OR_ENDS.finditer(text, start):
        depth += 1 if found[0] == "${" else -1
        if depth == 0 or depth > MAX_DEPTH:
            return found.start(), depth
    return len(text), depth
