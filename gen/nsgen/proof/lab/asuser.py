"""What sudo(8), su(1) and their like are asked to run, and as whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

WITH_VALUE = ("-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "-D", "--user", "--group", "-w", "-G")
COMMAND = ("-c", "--command", "--session-command")
SHELL = ("-i", "-s", "-", "-l")
USER = ("-u", "--user")
ROOT = "root"


class AsUser(NamedTuple):
    """A command, the user who is to run it, and variables that are set for it."""

    words: list[str]
    user: str
    variables: Mapping[str, str]


def as_user(name: str, words: Sequence[str]) -> AsUser:
    """Read the arguments of one of these programs."""
    if name == "su" or (name == "runuser" and not any(word in USER for word in words)):
        return _by_su(words)
    rest, user, shell = list(words), ROOT, False
    variables: dict[str, str] = {}
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-"):
            key, _, variables[key] = word.partition("=")
        elif word.startswith("--user="):
            user = word.partition("=")[2]
        elif word in WITH_VALUE and rest:
            value = rest.pop(0)
            user = value if word in USER else user
        else:
            shell = shell or word in SHELL
    return AsUser(rest or (["sh"] if shell else []), user, variables)


def _by_su(words: Sequence[str]) -> AsUser:
    """`su [OPTION]... [-] [USER [ARGUMENT]...]`, with the command behind `-c`, wherever that is."""
    rest, command, others = list(words), "", []
    while rest:
        word = rest.pop(0)
        if word in COMMAND and rest:
            command = rest.pop(0)
        elif word in ("-s", "-g", "-G", "-w") and rest:
            rest.pop(0)
        elif not word.startswith("-"):
            others.append(word)
    return AsUser(["sh", "-c", command] if command else ["sh"], (others or [ROOT])[0], {})
