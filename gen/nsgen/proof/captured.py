"""The outer half of a capture: a script is run in a private machine, and what the kernel said at its most is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nsgen.proof.observe import BuildSource, surroundings
from nsgen.proof.private import FOLDER
from nsgen.proof.rehearse import VerifyError, play

INNER = "nsgen.proof.lab.capture"
SECONDS = 60.0
EMPTY_LINES = 64  # for whoever asks the user
OVER = "the time was over"  # before what the kernel was read


@dataclass(frozen=True)
class Command:
    """A command that the script ran, in which node and from which line (0: not known), as whom, and how it ended.

    `kind`: it is a `command` that ran, `asked` for what is not done here, a `note` of what a shell does by itself, …:
    see :mod:`nsgen.proof.lab.recorder`. `effect`: it builds, removes, asks, or is another one.
    """

    kind: str
    argv: tuple[str, ...]
    node: str
    line: int
    file: str
    user: str
    effect: str
    status: int | None
    said: str

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Command:
        """Take one from an event."""
        line, file = place_of(raw["at"])
        return cls(
            kind=raw["kind"], argv=tuple(raw["argv"]), node=raw["node"], line=line, file=file, user=raw["user"],
            effect=raw["effect"], status=raw["status"], said=raw["said"],
        )  # fmt: skip


def place_of(at: str) -> tuple[int, str]:
    """The line and the file of `LINE:FILE`; 0 and nothing where it is not known."""
    line, _, file = at.partition(":")
    return (int(line), file) if line.isdigit() else (0, "")


@dataclass(frozen=True)
class Run:
    """What came of a script. `state` and `baseline` are documents for :class:`nsgen.proof.state.State`."""

    baseline: str = field(repr=False)
    state: str = field(repr=False)
    reading: int  # which of the readings has the most
    before: (
        str  # the command that was about to run then; `the end`, `the mark` or `the time was over`
    )
    at: str
    commands: tuple[Command, ...] = field(repr=False)
    upto: int  # how many of them had begun then
    said: str = field(repr=False)  # by the script
    status: int | None  # of the script; None where it did not end
    ended: bool
    marked: bool
    last: str  # the line that ran last
    read: bytes = field(repr=False)  # by the script, of its standard input
    started: Mapping[int, str] = field(repr=False)  # the line that each process is from


def capturing(
    source: BuildSource,
    path: str,
    arguments: Sequence[str],
    *,
    cwd: str,
    timeout: float = SECONDS,
    names: Sequence[str] = (),
    answers: bytes = b"",
) -> BuildSource:
    """The source as it is to be captured: the script is run under its own name, with arguments, in some folder.

    It reads `answers`, and empty lines behind them.
    """
    more = {
        "folder": str(FOLDER), "path": path, "arguments": list(arguments), "cwd": cwd, "timeout": timeout,
        "names": list(names), "stop": None, "upto": None, "ask": False,
        "input": (answers + b"\n" * EMPTY_LINES).decode("latin-1"),
    }  # fmt: skip
    return replace(source, inner=INNER, more=more)


def asked(source: BuildSource, run: Run) -> BuildSource:
    """The same once more, for :func:`nsgen.proof.observe.observe`: it stops at the reading that was taken."""
    upto = run.upto if run.before == OVER else None  # it may be faster or slower now
    return replace(source, more={**source.more, "stop": run.reading, "upto": upto, "ask": True})


def run_script(source: BuildSource, progress: Callable[[str], None] = lambda _: None) -> Run:
    """Run a script in a private machine. Raises VerifyError where it cannot be run."""
    job = {"name": source.name, "script": source.script, **source.more}
    for event in play(source.topology, surroundings([source])[0], [], job, source.inner):
        if event["event"] == "failed":
            raise VerifyError(event["text"])
        if event["event"] == "step":
            progress(event["text"])
        if event["event"] == "captured":
            return _run(source, event)
    raise VerifyError("the capture ended without a result")


def _run(source: BuildSource, event: Mapping[str, Any]) -> Run:
    return Run(
        baseline=json.dumps(event["baseline"]), state=json.dumps(event["state"]), reading=event["reading"],
        before=event["before"], at=event["at"], commands=tuple(map(Command.of, event["calls"])), upto=event["upto"],
        said=event["said"], status=event["status"], ended=event["ended"], marked=event["marked"], last=event["last"],
        read=source.more["input"].encode("latin-1")[: event["read"]],
        started={one["pid"]: one["at"] for one in event["state"]["processes"]},
    )  # fmt: skip
