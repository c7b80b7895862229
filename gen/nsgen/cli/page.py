"""`nsgen page`: a topology on one page, for whoever reviews it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import fail, put, say
from nsgen.cli.files import STDIN
from nsgen.cli.load import SET, TOPOLOGY, load_all, show

if TYPE_CHECKING:
    from nsgen.change.show import Told
    from nsgen.plan.steps import Plan
    from nsgen.proof.rehearse import Result
    from nsgen.topology.model import Topology


@click.command(
    epilog="""\b
Examples:
  nsgen page > review.html
  nsgen page lab.yaml --verified > review.html               and rehearse it
  nsgen page lab.yaml --against old.yaml > review.html       and what changes
  git show HEAD:lab.yaml | nsgen page lab.yaml --against - > review.html
"""
)
@TOPOLOGY
@SET
@click.option(
    "--against",
    "old",
    metavar="OLD",
    type=click.Path(allow_dash=True),
    help="The topology that is up: also tell what changes, and whom it interrupts.",
)
@click.option("--verified", is_flag=True, help="Rehearse the script, and show what held.")
def page(
    topology: str | None,
    values: dict[str, str],
    old: str | None,
    verified: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Print a page for a reviewer, as one HTML file.

    The picture; who reaches whom, with the way of each question, the rules that decide about it and
    the lines that ask for it; the script, each block beside its reason and its line; the files for
    the boot. Nothing is run, unless it is to be rehearsed with --verified; the exit status is then 1
    if anything does not hold.
    """
    if old == STDIN == topology:
        raise click.UsageError("only one of the two can be standard input")
    loaded, *before = load_all([topology, *([] if old is None else [old])], values)
    for one in (loaded, *before):
        show(one)
    former = [one.topology for one in before if one.topology is not None]
    if loaded.topology is None or len(former) < len(before):
        sys.exit(1)
    from nsgen.page.review import review
    from nsgen.plan.make import make_plan
    from nsgen.script.html import review as printed

    plan = make_plan(loaded.topology)
    tried = _tried(plan) if verified else None
    change = _change(make_plan(former[0]), plan) if former else None
    picture = _picture(loaded.topology, tried)
    put(printed(review(loaded, plan, picture, tried, change), picture))
    if tried is not None and tried.failed:
        sys.exit(1)


def _picture(topology: Topology, tried: Result | None) -> str:
    """The picture; with what failed in a rehearsal, if anything did."""
    from nsgen.picture.drawing import sketch
    from nsgen.script.drawn import image

    drawn = sketch(topology)
    if tried is not None and tried.failures:
        from nsgen.picture.reaching import reached

        drawn = reached(drawn, topology, tried.claims, tried.wrong)
    return image(drawn)


def _tried(plan: Plan) -> Result:
    """What comes of a rehearsal."""
    from nsgen.proof.rehearse import VerifyError, rehearse
    from nsgen.script import targets

    try:
        return rehearse(
            plan.topology, targets.script(plan), progress=lambda text: say(f"nsgen: {text}")
        )
    except VerifyError as error:
        fail(str(error))


def _change(old: Plan, new: Plan) -> Told:
    """What `up` does over another topology."""
    from nsgen.change.compare import Change
    from nsgen.change.show import Told

    if old.topology.name != new.topology.name:
        fail(
            f"these are two topologies, {old.topology.name} and {new.topology.name}: `up` of one leaves the other"
            " as it is. To compare them, give both the same name"
        )
    return Told(Change(old, new))
