"""`nsgen compare`: what two scripts or topologies build, held against each other."""

from __future__ import annotations

import re
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, NoReturn

import click

from nsgen.cli.console import paint, put, say, shown
from nsgen.cli.files import STDIN, read
from nsgen.cli.load import SET, load_all, show
from nsgen.report import FileError

if TYPE_CHECKING:
    from nsgen.comparing.show import ComparisonFormat
    from nsgen.proof.observe import BuildSource

DIFFERENT, UNTOLD = 1, 2  # exit statuses, as diff(1) has them
SCRIPTS, TOPOLOGIES = (".sh", ".bash"), (".yaml", ".yml")
KEY = re.compile(rb"[\w$.-]+\s*:(\s|$)")  # how a topology begins


@click.command(
    epilog="""\b
Examples:
  nsgen compare by-hand.sh lab.yaml
  nsgen compare old.yaml new.yaml
  nsgen compare by-hand.sh out/lab/setup.sh --format json

The exit status is 0 if they are the same, 1 if they are different, and 2 if that cannot be told,
or for a wrong command line.
"""
)
@click.argument("a", type=click.Path(allow_dash=True))
@click.argument("b", type=click.Path(allow_dash=True))
@SET
@click.option("--all", "every", is_flag=True, help="Ask of every pair of namespaces.")
@click.option(
    "--timeout",
    "patience",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="Seconds that each script may take.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the result is printed: for people, or for programs.",
)
def compare(
    a: str,
    b: str,
    values: dict[str, str],
    every: bool,  # noqa: FBT001 - click passes names
    patience: float,
    style: ComparisonFormat,
) -> None:
    """Tell whether A and B build the same.

    Each is a script, made by nsgen or written by hand, or a topology, and is built in a private
    machine of its own. Is what the kernel says of both the same, and is everybody answered by the
    same ones? One of the two can be - for standard input. It needs no root, and touches nothing
    outside.
    """
    if (a, b) == (STDIN, STDIN):
        raise click.UsageError("only one of the two can be standard input")
    sources = _sources((a, b), values)
    from nsgen.comparing import compare as compared
    from nsgen.comparing.show import show as shown_as
    from nsgen.proof.observe import observe
    from nsgen.proof.rehearse import VerifyError

    try:
        seen = observe(
            sources, every=every, patience=patience, progress=lambda text: say(f"nsgen: {text}")
        )
    except VerifyError as error:
        _give_up(str(error))
    found = compared(*seen)
    put(shown_as(found, style))
    if not found.same:
        sys.exit(DIFFERENT)


def _give_up(text: str) -> NoReturn:
    """Say why it cannot be told."""
    say(f"nsgen: {paint('error', 'error')}: {text}")
    sys.exit(UNTOLD)


def _sources(names: tuple[str, str], values: dict[str, str]) -> list[BuildSource]:
    """Both, read; the topologies among them compiled."""
    texts = {name: _read(name) for name in names if not name.endswith(TOPOLOGIES)}
    topologies = [name for name in names if name not in texts or _is_topology(name, texts[name])]
    from nsgen.plan.make import make_plan
    from nsgen.proof.observe import BuildSource, no_topology
    from nsgen.script import targets

    found: dict[str, BuildSource] = {}
    if topologies:
        loaded = load_all(list(dict.fromkeys(topologies)), values, texts)
        for one in loaded:
            show(one)
        if any(one.topology is None for one in loaded):
            sys.exit(UNTOLD)
        for name, one in zip(dict.fromkeys(topologies), loaded, strict=True):
            if one.topology is not None:
                script = targets.script(make_plan(one.topology))
                found[name] = BuildSource(_label(name), script, one.topology)
    elif values:
        raise click.BadParameter("these are scripts, which it is not for", param_hint="'--set'")
    for name, data in texts.items():
        if name not in found:
            found[name] = BuildSource(_label(name), _script(name, data), no_topology())
    return [found[name] for name in names]


def _label(name: str) -> str:
    return "<stdin>" if name == STDIN else shown(name)


def _read(name: str) -> bytes:
    try:
        return read(name)
    except FileError as error:
        _give_up(f"{_label(name)}: {error}")


def _is_topology(name: str, data: bytes) -> bool:
    """Whether what has no name that says so is a topology: its first line that is no comment begins with a key."""
    if PurePath(name).suffix in SCRIPTS or data.startswith(b"#!"):
        return False
    lines = (line for line in data.splitlines() if line.strip() and not line.startswith(b"#"))
    return bool(KEY.match(next(lines, b"")))


def _script(name: str, data: bytes) -> str:
    if not data.strip():
        _give_up(f"{_label(name)}: this is no script: it is empty")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        _give_up(f"{_label(name)}: this is no script: it is no text")
    return text
