"""Text that is shell already."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable

WIDTH = 120
EXPANDABLE = re.compile("[$`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f]")


class Shell(str):
    """Shell text: commands whose words are quoted, or comments. A template prints it as it is."""

    __slots__ = ()


def quote(word: str) -> str:
    """Quote a word for bash: as shlex does, but in double quotes where single ones look like a mistake.

    ShellCheck takes `'$HOME'` for a forgotten expansion (SC2016) and a typographic quote for a typing error (SC1112).
    """
    if not EXPANDABLE.search(word):
        return shlex.quote(word)
    escaped = re.sub(r'([\\$`"])', r"\\\1", word)
    return f'"{escaped}"'


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
            lines += textwrap.wrap(" ".join(kept), WIDTH - len(margin), break_on_hyphens=False)
    return Shell("\n".join((margin + line).rstrip() for line in lines))


def heredoc(command: str, lines: Iterable[str], end: str) -> Shell:
    """A command and what it reads; nothing in that is expanded, and no line of it is taken for its end."""
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    while end in text.splitlines():
        end += "_"
    return Shell(f"{command} <<'{end}'\n{text}{end}")
