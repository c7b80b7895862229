"""Where in a script the kernel is to be read: at a line, or at a comment `# nsgen: capture`."""

from __future__ import annotations

import re

COMMENT = re.compile(r"^(\s*)#\s*nsgen:\s*capture\b.*$")
MARK = "nsgen-mark"  # a command that is there while a script is captured
SHELLS = re.compile(r"^#!.*\b(?:ba|da|z|k|a)?sh\b")


class MarkError(ValueError):
    """A file that is no script, or a mark that cannot be set in it; the message says why."""


def marked(text: str, at: int | None) -> tuple[str, int]:
    """A script with a command where the kernel is to be read, without another line; and the line, or 0 without a mark.

    `at` is a line: before what stands there runs. Without it the first comment `# nsgen: capture` counts.
    """
    lines = text.split("\n")
    if at is None:
        found = next((number for number, line in enumerate(lines) if COMMENT.match(line)), None)
        if found is None:
            return text, 0
        at = found + 1
    elif not 1 <= at <= len(lines) or (at == len(lines) and not lines[-1]):
        raise MarkError(f"there is no line {at}: the script has {text.count(chr(10))}")
    if text.startswith("#!") and not SHELLS.match(text):
        raise MarkError(
            f"a mark can be in a script of a shell alone, and this is {lines[0][2:].strip()}"
        )
    line = lines[at - 1]
    if line.strip() and not line.lstrip().startswith("#"):
        indent = line[: len(line) - len(line.lstrip())]
        lines[at - 1] = f"{indent}{MARK}; {line.lstrip()}"
    elif at == 1 and line.startswith("#!"):
        raise MarkError("line 1 says what runs the script; the first command is further down")
    else:
        lines[at - 1] = MARK
    return "\n".join(lines), at
