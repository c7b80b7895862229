"""What a machine has and the language refuses, a route by way of oneself say: it stays a command under `exec`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import Element
from nsgen.compiler import Compiled
from nsgen.report import Finding
from nsgen.values import HOST

KEYS = ("routes", "nat")
PLACE = re.compile(r"\[(\d+)\]$")


def take_back(draft: Draft, compiled: Compiled) -> bool:
    """Take routes out that are refused, and have commands make them; take out refused entries of `nat`.

    The rules that these stood for are open again. Says whether there was anything.
    """
    wrong = {place for finding in compiled.findings() if (place := _place(draft, finding))}
    for node, key, index in sorted(wrong, reverse=True):
        own = draft.at(node)
        del own[key][index]
        if not own[key]:
            del own[key]
        for element, where in list(draft.account.said.items()):
            if element.node == node and where == f"{key}[{index}]":
                del draft.account.said[element]
                if key == "routes":
                    _by_command(draft, element)
        _move_up(draft, node, key, index)
    return bool(wrong)


def _place(draft: Draft, finding: Finding) -> tuple[str, str, int] | None:
    """The node, the key and the number of the entry that a finding is about."""
    path = [str(part) for part in finding.path]
    if finding.severity != "error" or not path:
        return None
    name, rest = (HOST, path[1:]) if path[0] == HOST else ("".join(path[1:2]), path[2:])
    known = name in draft.state.nodes and len(rest) > 1 and rest[0] in KEYS and rest[1].isdigit()
    return (name, rest[0], int(rest[1])) if known else None


def _by_command(draft: Draft, element: Element) -> None:
    words = element.text.split()
    version = ["-6"] if words[0] == "IPv6" or ":" in element.text else []
    words = words[1:] if words[0] == "IPv6" else words
    command = ["ip", *version, "route"]
    draft.execute(element.node, element, [*command, "add", *words], [*command, "del", *words])


def _move_up(draft: Draft, node: str, key: str, gone: int) -> None:
    """Give the entries behind one that is gone the numbers that they have now."""
    said: Iterable[tuple[Element, str]] = list(draft.account.said.items())
    for element, where in said:
        number = PLACE.search(where)
        if (
            element.node == node
            and number
            and where.startswith(f"{key}[")
            and int(number[1]) > gone
        ):
            draft.account.said[element] = f"{key}[{int(number[1]) - 1}]"
