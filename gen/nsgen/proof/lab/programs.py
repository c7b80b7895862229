"""Programs of a rehearsal: run, and asked for what they print."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence


class RehearsalError(Exception):
    """What a rehearsal needs, this machine does not allow; the message says what, and what to do."""


def run(*command: str, text: str = "") -> str:
    """Run a command that has to succeed; give what it printed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RehearsalError(
            f"`{' '.join(command)}` failed: {done.stderr.strip().splitlines()[-1:]}"
        )
    return done.stdout


def missing(programs: Iterable[str]) -> list[str]:
    """The programs of these that are not on PATH."""
    return [program for program in programs if shutil.which(program) is None]


def output(command: Sequence[str]) -> str:
    """What a command prints, whatever its exit status."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
