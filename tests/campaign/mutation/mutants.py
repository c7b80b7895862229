"""A rendered script, broken on purpose in one place after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEREDOC = re.compile(
    r"(?:where_off \S+ )?(?:ip_in|parameters|rules host) (\S+) <<'(IP|PARAMETERS|RULES)'"
)
JUMP = re.compile(r"-[IA] ([A-Z]+) .*-j NSGEN-\S+-([A-Z]+)")
# Of what is given to ip(8): what makes something fails by itself.
BROKEN = ("address ", "route ", "link set ")
CHAIN = re.compile(r"(?<=-A )NSGEN-.+?-(?=[A-Z]+ )")  # what every chain of a script begins with


@dataclass(frozen=True)
class Mutant:
    """A script that lacks one line; `name` is that line in short, with where it stands."""

    name: str
    script: str


def mutants(script: str) -> Iterator[Mutant]:
    """Leave out every rule, jump, kernel parameter, address and route of topology(), one at a time."""
    lines = script.splitlines(keepends=True)
    first = lines.index("topology() {\n")
    last = lines.index("}\n", first)
    where = end = table = ""
    for index, written in enumerate(lines[first:last], first):
        line = written.strip()
        if begin := HEREDOC.fullmatch(line):
            where, end = begin.groups()
        elif line == end:
            where = end = ""
        elif end == "RULES" and line.startswith("*"):
            table = line[1:]
        elif name := name_of(line, where, end, table):
            yield Mutant(name, "".join(lines[:index] + lines[index + 1 :]))


def name_of(line: str, where: str, kind: str, table: str) -> str:
    """Name a line that can be left out; any other has no name."""
    if kind == "RULES" and (jump := JUMP.fullmatch(line)):
        return f"jump {where} {table} {jump[1]} {jump[2]}"
    if kind == "RULES" and line.startswith("-A "):
        return f"{where} {CHAIN.sub('', line)}"
    if kind == "PARAMETERS" and not line.startswith("#"):
        return f"{where} {line}"
    return f"{where} {line}" if kind == "IP" and line.startswith(BROKEN) else ""
