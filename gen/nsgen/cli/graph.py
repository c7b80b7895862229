"""`nsgen graph`: a topology as a picture."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Literal

import click

from nsgen.cli.console import fail, put
from nsgen.cli.load import SET, TOPOLOGY, load, show
from nsgen.cli.rehearsals import AGAINST

if TYPE_CHECKING:
    from nsgen.picture.graphs import GraphFormat
    from nsgen.picture.sketch import Sketch
    from nsgen.proof.rehearse import Result
    from nsgen.topology.model import Topology

Style = Literal["svg", "text"]


@click.command(
    epilog="""\b
Examples:
  nsgen graph > topology.svg
  nsgen graph lab.yaml --format text
  nsgen graph lab.yaml --reach > lab.svg        with who reaches whom
  nsgen graph lab.yaml --verified > lab.svg     the same, tried in a rehearsal
  nsgen graph lab.yaml --format dot | dot -Tpdf > lab.pdf
"""
)
@TOPOLOGY
@SET
@click.option(
    "--reach",
    is_flag=True,
    help="Also say in each box whom it reaches and whom not, by what `nsgen verify` tries.",
)
@click.option(
    "--verified",
    is_flag=True,
    help="Rehearse the script, as `nsgen verify` does, and say what came of it: what failed is struck out.",
)
@AGAINST
@click.option(
    "--format",
    "style",
    type=click.Choice(["svg", "text", "mermaid", "d2", "dot"]),
    default="svg",
    show_default=True,
    help="An image in one file, a drawing for a terminal within its width ($COLUMNS, or 80), or the text of a"
    " graph for Mermaid, D2 or Graphviz.",
)
def graph(
    topology: str | None,
    values: dict[str, str],
    reach: bool,  # noqa: FBT001 - click passes names
    verified: bool,  # noqa: FBT001 - click passes names
    against: str | None,
    style: Style | GraphFormat,
) -> None:
    """Draw who is wired to whom, what is published, and the way out.

    The host is drawn with its uplink and its published ports, each network as a rail, and the namespaces
    hang from the rails, with their devices, addresses and services. Without --verified nothing is run.
    """
    if against is not None and not verified:
        raise click.UsageError("--against is for --verified: it names the script that is tried.")
    loaded = load(topology, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen.picture.drawing import sketch

    drawn = sketch(loaded.topology)
    result = _rehearsed(loaded.topology, against) if verified else None
    if reach or verified:
        drawn = _reaching(drawn, loaded.topology, result)
    put(_printed(drawn, style))
    if result is not None and result.failed:
        sys.exit(1)


def _rehearsed(topology: Topology, against: str | None) -> Result:
    """What comes of a rehearsal."""
    from nsgen.cli.rehearsals import script_of
    from nsgen.plan.make import make_plan
    from nsgen.proof.rehearse import VerifyError, rehearse

    try:
        return rehearse(topology, script_of(make_plan(topology), against))
    except VerifyError as error:
        fail(str(error))


def _reaching(drawn: Sketch, topology: Topology, result: Result | None) -> Sketch:
    """A sketch with who reaches whom."""
    from nsgen.picture.reaching import claimed, reached

    if result is None:
        return reached(drawn, topology, claimed(topology))
    return reached(drawn, topology, result.claims, result.wrong)


def _printed(drawn: Sketch, style: Style | GraphFormat) -> str:
    if style == "svg":
        from nsgen.script.drawn import image

        return image(drawn)
    if style == "text":
        from nsgen.picture.text import text

        return text(drawn, shutil.get_terminal_size((80, 24)).columns)
    from nsgen.picture.graphs import graph as as_graph

    return as_graph(drawn, style)
