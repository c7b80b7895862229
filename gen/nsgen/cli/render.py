"""`nsgen render`: a script to standard output, all files of some topologies into a folder, or what is stale there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import fail, put, say, shown
from nsgen.cli.files import compare_tree, read, reason, refuse_foreign, write_tree
from nsgen.cli.load import SET, TOPOLOGIES, load_all, show
from nsgen.report import FileError

if TYPE_CHECKING:
    from nsgen.plan.steps import Plan
    from nsgen.script.targets import Style


@click.command(
    epilog="""\b
Examples:
  nsgen render > setup.sh
  nsgen render lab.yaml | sudo bash
  nsgen render lab.yaml --style plain --teardown
  nsgen render lab.yaml -o out         all of its files, to out/lab
  nsgen render lab.yaml --set HTTP_PORT=8081
  nsgen render --check -o out *.yaml   is what was committed what they become?
  nsgen render --check setup.sh lab.yaml --diff
"""
)
@TOPOLOGIES
@SET
@click.option(
    *("-o", "--output"),
    metavar="DIR",
    type=click.Path(),
    help="Write all files of each topology to DIR/NAME, whole or not at all. Those that an earlier"
    " render left there and that are no longer needed are removed; files of your own stay, and"
    " where one is in the way, nothing is written.",
)
@click.option(
    "--style",
    type=click.Choice(["batch", "plain"]),
    help="batch: safe to repeat, with checks, fast (the default)."
    " plain: one command a line, to learn from.",
)
@click.option("--teardown", is_flag=True, help="Print what undoes the plain script.")
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing: exit 1 and name the files that differ from what would be written. Without"
    " '--output' the first argument is the script to look at.",
)
@click.option("--diff", is_flag=True, help="With '--check', also print how they differ.")
def render(
    topologies: tuple[str, ...],
    values: dict[str, str],
    output: str | None,
    style: Style | None,
    teardown: bool,  # noqa: FBT001 - click passes names
    check: bool,  # noqa: FBT001 - click passes names
    diff: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Print the script that builds a topology."""
    _refuse_wrong_usage(topologies, output, style, teardown=teardown, check=check, diff=diff)
    alone, rest = topologies[:1] if check and output is None else (), topologies
    plans = _plans(rest[len(alone) :], values)
    if output is None:
        from nsgen.script import targets

        script = targets.script(plans[0], style or "batch", teardown=teardown)
        if alone:
            _check_script(alone[0], script, diff=diff)
        else:
            put(script)
        return
    folder = Path(output)
    if check:
        _check_trees(folder, plans, diff=diff)
    else:
        _write_trees(folder, plans)


def _refuse_wrong_usage(
    topologies: tuple[str, ...],
    output: str | None,
    style: str | None,
    *,
    teardown: bool,
    check: bool,
    diff: bool,
) -> None:
    if output == "":
        raise click.BadParameter("expected a folder, got nothing", param_hint="'--output'")
    if output is not None and (style or teardown):
        raise click.UsageError(
            "'--output' writes every style: leave out '--style' and '--teardown'."
        )
    if teardown and style != "plain":
        raise click.UsageError(
            "'--teardown' needs '--style plain': the batch script has 'down' inside."
        )
    if diff and not check:
        raise click.UsageError("'--diff' needs '--check'.")
    if output is None and check and len(topologies) not in (1, 2):
        raise click.UsageError(
            "expected SCRIPT [TOPOLOGY], such as: nsgen render --check setup.sh lab.yaml;"
            " or a folder: --output DIR"
        )
    if output is None and not check and len(topologies) > 1:
        raise click.UsageError("several topologies need '--output': a script is of one.")


def _plans(topologies: tuple[str, ...], values: dict[str, str]) -> list[Plan]:
    """Compile all of them, or exit with what is wrong with any."""
    loaded = load_all(topologies, values)
    for one in loaded:
        show(one)
    found = [one.topology for one in loaded if one.topology is not None]
    if len(found) < len(loaded):
        sys.exit(1)
    files: dict[str, str] = {}
    for one, topology in zip(loaded, found, strict=True):
        if (other := files.setdefault(topology.name, one.name)) != one.name:
            fail(f"{other} and {one.name} are both named {topology.name!r}: give one another name")
    from nsgen.plan.make import make_plan

    return [make_plan(topology) for topology in found]


def _write_trees(folder: Path, plans: list[Plan]) -> None:
    from nsgen.script import targets

    trees = {folder / plan.topology.name: targets.tree(plan) for plan in plans}
    place = folder
    try:
        refuse_foreign(
            place / path
            for place, files in trees.items()
            for path in compare_tree(place, files, targets.owner(place.name)).foreign
        )
        for place, files in trees.items():
            before = write_tree(place, files, targets.owner(place.name))
            written = len(before.missing) + len(before.stale)
            same = f", {len(files) - written} were up to date" if written < len(files) else ""
            gone = f", and removed {', '.join(before.extra)}" if before.extra else ""
            say(f"{shown(place)}: wrote {written} files{same}{gone}")
    except FileError as error:
        fail(f"nothing was written: {shown(str(error))}")
    except OSError as error:
        fail(f"nothing was written to {shown(place)}: {reason(error)}")


def _check_trees(folder: Path, plans: list[Plan], *, diff: bool) -> None:
    from nsgen.script import targets

    differs = False
    for plan in plans:
        name, files = plan.topology.name, targets.tree(plan)
        place = folder / name
        try:
            standing = compare_tree(place, files, targets.owner(name))
        except OSError as error:
            fail(f"cannot read {shown(place)}: {reason(error)}")
        for paths, what in (
            (standing.missing, "missing"),
            (standing.stale, "stale"),
            (standing.foreign, "not written by nsgen, and in the way"),
            (standing.extra, "not needed any more"),
        ):
            for path in paths:
                differs = True
                put(f"{shown(place / path)}: {what}\n")
                if diff and path in standing.stale:
                    put("".join(_difference(str(place / path), files[path].text)))
    if differs:
        fail("render again: nsgen render -o")


def _check_script(name: str, script: str, *, diff: bool) -> None:
    """Compare one script with what its topology becomes."""
    from nsgen.script.runtime import digest, digest_in

    try:
        written = read(name).decode("utf-8", "surrogateescape")
    except FileError as error:
        fail(f"{shown(name)}: {error}")
    if written == script:
        return
    put(f"{shown(name)}: stale\n")
    if diff:
        put("".join(_difference(name, script)))
    theirs = digest_in(written)
    if theirs and theirs != digest():
        fail(f"its runtime is {theirs}, that of this nsgen is {digest()}: render it again")
    fail("it is not what the topology becomes: render it again")


def _difference(name: str, wanted: str) -> Iterator[str]:
    """How a file differs from what it should be, as `diff -u` tells it."""
    import difflib

    written = Path(name).read_bytes().decode("utf-8", "replace")
    for line in difflib.unified_diff(
        written.splitlines(keepends=True),
        wanted.splitlines(keepends=True),
        name,
        f"{name} (rendered)",
    ):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
