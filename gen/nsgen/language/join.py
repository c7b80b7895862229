"""A namespace that somebody else made: its file, or a process in it; text in, value out, as in :mod:`nsgen.values`."""

from __future__ import annotations

import re

from nsgen.language import described
from nsgen.language.schema import Scalar
from nsgen.values import WORD

NAMED = "/run/netns/"  # where ip-netns(8) keeps its namespaces
PATH = re.compile(r"(/[A-Za-z0-9_.@+-]+)+")
LAST_PROCESS = 4_194_304  # the largest pid_max, proc(5)
HOSTS_OWN = ("0", "1", "self", "thread-self")  # of /proc: the first process, and the script


def join(text: str) -> str:
    """The file of a namespace: a path, or what /proc has of a process."""
    if text.isascii() and text.isdigit():
        if text.startswith("0") or not 1 < int(text) <= LAST_PROCESS:
            first = ": the first one is in the namespace of the host" if text == "1" else ""
            raise ValueError(
                f"expected the number of a process, from 2 to {LAST_PROCESS}, got {text!r}{first}"
            )
        return f"/proc/{text}/ns/net"
    if WORD.fullmatch(text):
        raise ValueError(
            f"expected an absolute path or the number of a process, got {text!r}: a namespace of"
            f" ip-netns(8) is '{NAMED}{text}'"
        )
    parts = text.split("/")
    if not PATH.fullmatch(text) or "." in parts or ".." in parts:
        raise ValueError(
            f"expected an absolute path or the number of a process, got {text!r}: a path is of"
            " letters, digits, '/', '_', '.', '@', '+' and '-', without '..'"
        )
    if parts[1] == "proc":
        return _of_process(text)
    return text.removeprefix("/var") if text.startswith(f"/var{NAMED}") else text


def _of_process(text: str) -> str:
    process = text.split("/")[2] if text.count("/") > 1 else ""
    if process in HOSTS_OWN:
        raise ValueError(f"{text!r} is the namespace of the host: write what is in it under 'host'")
    if not re.fullmatch(r"/proc/[1-9][0-9]*(/task/[1-9][0-9]*)?/ns/net", text):
        number = process if process.isdigit() else "1234"
        raise ValueError(
            f"{text!r} is no network namespace: that of a process is /proc/{number}/ns/net"
        )
    return text


JOIN = Scalar(
    join,
    described.name(
        "join",
        f"({described.plain(PATH)}|[1-9][0-9]*)",
        "the path of a namespace, such as /run/netns/web, or the number of a process in it",
    ),
)
