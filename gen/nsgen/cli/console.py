"""How :mod:`nsgen.cli` speaks: results on standard output, all else on standard error, no tracebacks."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from nsgen.cli.files import reason

INTERRUPTED = 128 + signal.SIGINT
COLOURS = {"error": "red", "warning": "yellow"}


def say(text: str) -> None:
    """Tell the user something that is not the result."""
    click.echo(text, err=True)


def fail(text: str) -> NoReturn:
    """Say what is wrong, and exit with status 1."""
    say(f"nsgen: {paint('error', 'error')}: {text}")
    sys.exit(1)


def paint(part: str, severity: str) -> str:
    """Colour a part of a message; `say` takes the colour off where it does not belong."""
    return click.style(part, fg=COLOURS[severity], bold=True)


def shown(path: str | Path) -> str:
    """A file's name for a message: it may hold anything but NUL."""
    from nsgen.language.yaml.excerpt import printable

    return printable(click.format_filename(path))


def put(text: str) -> None:
    """Print a result: the same bytes, whatever the locale."""
    if sys.stdout is None:
        fail("standard output is closed")
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


class Program(click.Group):
    """A group of commands of which no failure shows a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, and exit."""
        if sys.stdout is not None and sys.stdout is sys.__stdout__:
            # As other tools do: `nsgen render | head -1` ends nsgen, and says nothing.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        # What a topology becomes stays until the end: the search for garbage takes a third of the time, and the last
        # one, when Python exits, a tenth.
        gc.disable()
        atexit.register(gc.freeze)
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            _fail_to_print(error)
        except Exception as error:  # a mistake of ours, not of the user's
            if os.environ.get("NSGEN_TRACEBACK"):
                raise
            what = f"{type(error).__name__}: {error}"
            fail(f"{what}; this is a bug in nsgen: please report it, with NSGEN_TRACEBACK=1 set")
        finally:
            gc.enable()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        elif os.environ.get("FORCE_COLOR"):
            ctx.color = True
        elif os.environ.get("TERM") == "dumb":
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _fail_to_print(error: OSError) -> NoReturn:
    if error.filename is not None:
        fail(f"{shown(error.filename)}: {reason(error)}")
    if sys.stdout is sys.__stdout__:
        # What is still in its buffer would fail again, loudly, when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    fail(f"cannot write to standard output: {reason(error)}")
