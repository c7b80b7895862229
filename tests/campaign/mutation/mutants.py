"""A rendered script, broken on purpose in one place after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEREDOC = re.compile(r"(?:ip_in|sysctls|rules) (\S+) <<'(IP|SYSCTL|RULES)'")
JUMP = re.compile(r"(?:where_off \S+ )?jump (\S+ \S+ \S+) .* NSGEN-\S+-([A-Z]+)")
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
    first, last = lines.index("topology() {\n"), lines.index("teardown() {\n")
    where = end = ""
    for index, written in enumerate(lines[first:last], first):
        line = written.strip()
        if begin := HEREDOC.fullmatch(line):
            where, end = begin.groups()
        elif line == end:
            where = end = ""
        elif name := name_of(line, where, end):
            yield Mutant(name, "".join(lines[:index] + lines[index + 1 :]))


def name_of(line: str, where: str, kind: str) -> str:
    """Name a line that can be left out; any other has no name."""
    if jump := JUMP.fullmatch(line):
        return f"jump {jump[1]} {jump[2]}"
    if kind == "RULES" and line.startswith("-A "):
        return f"{where} {CHAIN.sub('', line)}"
    if kind == "SYSCTL" or (kind == "IP" and line.startswith(BROKEN)):
        return f"{where} {line}"
    return ""
