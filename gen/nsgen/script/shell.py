"""Text that is shell already."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable

WIDTH = 120
MISREAD = re.compile("[$`\\\\\u2018-\u201f]")  # the range is that of typographic quotes
RESERVED = frozenset(
    {"case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function"}
    | {"if", "in", "select", "then", "time", "until", "while"}
)


class Shell(str):
    """Shell text: commands whose words are quoted, or comments. A template prints it as it is."""

    __slots__ = ()


def quote(word: str) -> str:
    """Quote a word for bash: as shlex does, but for what reads like a mistake that way.

    ShellCheck takes a quoted dollar for a forgotten expansion (SC2016), a typographic quote for a typing error
    (SC1111), a quoted backslash for a failed escape (SC1003) and an unquoted `done` for the end of a loop (SC1010).
    """
    if MISREAD.search(word):
        return "$'" + re.sub(r"([\\'])", r"\\\1", word) + "'"
    return f"'{word}'" if word in RESERVED else shlex.quote(word)


def join(words: Iterable[str]) -> Shell:
    """A command line: every word quoted, but for a lone `!`, which only looks like one that needs it."""
    return Shell(" ".join(word if word == "!" else quote(word) for word in words))


def comment(text: str, indent: int = 0) -> Shell:
    """Make a comment of a text: a `#` before every line of it, so that no line break ends it.

    Paragraphs are filled to `WIDTH` columns; one with an indented line keeps its lines.
    """
    margin = " " * indent + "# "
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [""] if lines else []
        kept = [line for line in paragraph.splitlines() if line.strip()]
        if any(line.startswith("  ") for line in kept):
            lines += kept
        else:
            lines += _filled(" ".join(kept), WIDTH - len(margin))
    return Shell("\n".join((margin + line).rstrip() for line in lines))


def _filled(text: str, columns: int) -> list[str]:
    # One that fits is a line already; most are, and textwrap takes each of them apart.
    if 0 < len(text) <= columns and text.isprintable():
        return [text]
    return textwrap.wrap(text, columns, break_on_hyphens=False)


def heredoc(command: str, lines: Iterable[str], end: str) -> Shell:
    """A command and what it reads; nothing in that is expanded, and no line of it is taken for its end."""
    text = "".join([line if line.endswith("\n") else f"{line}\n" for line in lines])
    while end in text.splitlines():
        end += "_"
    return Shell(f"{command} <<'{end}'\n{text}{end}")
