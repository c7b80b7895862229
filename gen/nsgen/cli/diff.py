"""`nsgen diff`: what `up` of a changed topology does over the one that is up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from nsgen.cli.console import fail, put, say
from nsgen.cli.files import STDIN
from nsgen.cli.load import SET, load_all, show

if TYPE_CHECKING:
    from nsgen.change.show import Format

CHANGES = 2  # the exit status of --exit-code where something changes


class ToldApart(click.Command):
    """A command of which status 2 is a result: a wrong command line is then 1."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the command line."""
        with _as_error(any(word.startswith("--exit") for word in args)):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with _as_error(ctx.params["exit_code"]):
            return super().invoke(ctx)


@contextmanager
def _as_error(told_apart: bool) -> Iterator[None]:  # noqa: FBT001 - it is what it is about
    """What is wrong with a command line, as status 1 where 2 means something else."""
    try:
        yield
    except click.UsageError as error:
        if not told_apart:
            raise
        error.show()
        raise click.exceptions.Exit(1) from error


@click.command(
    cls=ToldApart,
    epilog="""\b
Examples:
  nsgen diff old.yaml new.yaml
  git show HEAD:lab.yaml | nsgen diff - lab.yaml
  git show HEAD:lab.yaml | nsgen diff - lab.yaml --format markdown      for a pull request
  nsgen diff old.yaml new.yaml --exit-code                              2 if something changes
  nsgen diff old.yaml new.yaml --verify                                 and rehearse it
""",
)
@click.argument("old", type=click.Path(allow_dash=True))
@click.argument("new", type=click.Path(allow_dash=True))
@SET
@click.option(
    "--exit-code",
    "exit_code",
    is_flag=True,
    help="Exit with 2 if something changes; every error is then 1.",
)
@click.option(
    "--verify",
    "tried",
    is_flag=True,
    help="Rehearse it, with packets through all that both have.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How it is printed: for people, for programs, or as a comment.",
)
def diff(
    old: str,
    new: str,
    values: dict[str, str],
    exit_code: bool,  # noqa: FBT001 - click passes names
    tried: bool,  # noqa: FBT001 - click passes names
    style: Format,
) -> None:
    """Tell what `setup.sh up` of NEW does where OLD is up.

    What is added, changed in place, rebuilt or removed, node by node, whose connections are
    interrupted by it, and who reaches what from now on, and no longer. One of the two can be - for
    standard input. Nothing is run, unless it is to be rehearsed with --verify.
    """
    if (old, new) == (STDIN, STDIN):
        raise click.UsageError("only one of the two can be standard input")
    loaded = load_all((old, new), values)
    for one in loaded:
        show(one)
    before, after = (one.topology for one in loaded)
    if before is None or after is None:
        sys.exit(1)
    if before.name != after.name:
        fail(
            f"these are two topologies, {before.name} and {after.name}: `up` of one leaves the other as it is."
            " To compare them, give both the same name"
        )
    from nsgen.change.compare import Change
    from nsgen.change.show import Told
    from nsgen.plan.make import make_plan

    plans = make_plan(before), make_plan(after)
    told = Told(Change(*plans))
    if tried:
        from nsgen.change.rehearsed import rehearse_change
        from nsgen.proof.rehearse import VerifyError

        try:
            told.rehearsed = rehearse_change(
                *plans, told.interrupted, progress=lambda text: say(f"nsgen: {text}")
            )
        except VerifyError as error:
            fail(str(error))
    put(told.show(style))
    if told.rehearsed is not None and told.rehearsed.failed:
        sys.exit(1)
    if exit_code and told.changes:
        sys.exit(CHANGES)
