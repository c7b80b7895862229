"""How things are said."""

from __future__ import annotations

from collections.abc import Iterable

from nsgen.values import HOST


def count(number: int, noun: str) -> str:
    """``1 network``, ``2 networks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(items: Iterable[object], last: str = "and") -> str:
    """A list as a sentence has it: ``a, b and c``."""
    words = [str(item) for item in items]
    return (
        f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
    )


def either(items: Iterable[object]) -> str:
    """One of a list: ``a, b or c``."""
    return listed(items, "or")


def named(node: str) -> str:
    """A node in words."""
    return "the host" if node == HOST else node


def bracketed(address: object) -> str:
    """An address before a port: of IPv6 in brackets."""
    return f"[{address}]" if ":" in str(address) else str(address)
