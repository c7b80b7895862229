"""`nsgen capture`: a topology of what a script builds, or of what the kernel says that there is."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import fail, paint, put, say, shown
from nsgen.cli.files import read
from nsgen.cli.run import COMMAND, WithCommand
from nsgen.report import FileError

if TYPE_CHECKING:
    from nsgen.capturing.script import ScriptCapture
    from nsgen.capturing.topology import Captured


MOST = 32 * 1024  # bytes of answers


class WithArguments(WithCommand):
    """A command whose last words, behind `--`, are those of a script."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name them in the help."""
        return [*click.Command.collect_usage_pieces(self, ctx), "[-- ARGS...]"]


@click.command(
    cls=WithArguments,
    epilog="""\b
Examples:
  nsgen capture lab.sh > topology.yaml
  nsgen capture lab.sh -- start 3              with arguments
  nsgen capture lab.sh --at 42                 as it is before line 42 runs
  nsgen capture lab.sh < answers               with what it is to read
  nsgen capture --live > topology.yaml         as root
""",
)
@click.argument("script", metavar="[SCRIPT]", required=False, type=click.Path())
@click.option(
    "--at",
    metavar="LINE",
    type=click.IntRange(1),
    help="Take what is there before this line runs; or mark it by a comment '# nsgen: capture'. Default: when the"
    " most is built.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="Seconds that the script may take.",
)
@click.option("--live", is_flag=True, help="What is on this machine now; read only. Needs root.")
@click.option("--name", metavar="NAME", help="What the topology is called.")
@click.option("--force", is_flag=True, help="Write it all the same, errors or not.")
@click.pass_context
def capture(
    ctx: click.Context,
    script: str | None,
    at: int | None,
    timeout: float,
    live: bool,  # noqa: FBT001 - click passes names
    name: str | None,
    force: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Make a topology of what a script builds, or of what is there.

    SCRIPT is run as root of a private machine, as `verify` has it: nothing of it is real. What the
    kernel says when the most is built becomes a topology, and that is accepted if what it builds is
    the same, and the same is answered to everybody.

    The topology goes to standard output; what it says by commands under 'exec', and what it does
    not say, goes to standard error, each with the reason. With an error nothing is written, unless
    with --force.
    """
    if live and (script is not None or ctx.meta[COMMAND] or at is not None):
        raise click.UsageError("--live reads this machine: it takes no SCRIPT, and nothing of one")
    if script is not None:
        deliver_script(_script(script, ctx.meta[COMMAND], at, timeout, name or ""), force=force)
        return
    if not live:
        raise click.UsageError("say what is to be captured: SCRIPT or --live")
    from nsgen.proof.present import PresentError

    if os.geteuid() != 0:
        fail("the namespaces of this machine are entered as root: run it with sudo")
    try:
        found = _live(name or "")
    except PresentError as error:
        fail(str(error))
    if not found.topology.keys() & {"networks", "namespaces", "links", "host"}:
        for line in found.notes.shown():
            say(line)
        fail("there is no namespace with a name here, and no bridge: nothing to write")
    deliver(found, force=force)


def _script(
    script: str, arguments: list[str], at: int | None, timeout: float, name: str
) -> ScriptCapture:
    from nsgen.capturing.faults import CaptureRequest
    from nsgen.capturing.marks import MarkError
    from nsgen.capturing.script import capture_script
    from nsgen.proof.rehearse import VerifyError

    try:
        text = read(script).decode("utf-8", "surrogateescape")
    except FileError as error:
        fail(f"{shown(script)}: {error}")
    here = str(Path.cwd())
    called = shown(script)
    asked = CaptureRequest(
        text, called, str(Path(here, script)), here, arguments, at, timeout, name, answers(0)
    )
    try:
        return capture_script(asked, lambda step: say(f"nsgen: {step}"))
    except (MarkError, VerifyError) as error:
        fail(f"{called}: {error}")


def answers(handle: int) -> bytes:
    """What a script is to read: all that a file or a pipe has at once, 32 KiB at most; nothing of a terminal."""
    found = b""
    with contextlib.suppress(OSError):
        while (
            not os.isatty(handle) and len(found) < MOST and select.select([handle], [], [], 0.1)[0]
        ):
            more = os.read(handle, MOST - len(found))
            if not more:
                break
            found += more
    return found if not found or found.endswith(b"\n") else found + b"\n"


def deliver_script(found: ScriptCapture, *, force: bool) -> None:
    """Say what became of each element and command, and print the topology, if it is right or is forced."""
    for line in found.lines():
        say(line)
    for error in found.errors:
        say(f"{paint('error', 'error')}: {error}")
    if found.captured is None:
        fail("nothing is written")
    if found.verdict is not None:
        for line in found.verdict.differences:
            say(f"{paint('error', 'error')}: A is the script, B the topology: {line}")
        for line in found.verdict.causes:
            say(f"  may be why: {line}")
    say(f"nsgen: {found.summary()}")
    if not found.accepted and not force:
        fail("nothing is written: it is not what the script builds; --force writes it all the same")
    put(found.captured.text)
    if not found.accepted:
        sys.exit(1)


def _live(name: str) -> Captured:
    from nsgen.capturing.living import earlier
    from nsgen.capturing.topology import capture as captured
    from nsgen.proof.present import present_state

    state = present_state()
    before, left = earlier(state)
    found = captured(state, before, name, head=("What was on a machine, by nsgen capture --live.",))
    for line in left:
        found.notes.tell(line)
    return found


def deliver(found: Captured, *, force: bool) -> None:
    """Say what became of each element, and print the topology, if it is right or is asked for all the same."""
    for line in found.notes.shown():
        say(line)
    for line in found.compiled.show(100, paint):
        say(line)
    say(f"nsgen: {found.notes.summary()}")
    failed = found.compiled.topology is None
    if failed and not force:
        fail("nothing is written: correct these errors, or --force")
    put(found.text)
    if failed:
        sys.exit(1)
