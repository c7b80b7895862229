"""`nsgen import compose`: a topology of what somebody describes by a Compose file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from nsgen.cli.console import fail, paint, put, say
from nsgen.cli.files import STDIN, folder, read


@click.group(
    name="import",
    epilog="""\b
Example:
  nsgen import compose compose.yaml > topology.yaml
""",
)
def import_() -> None:
    """Make a topology of what you have: Compose files."""


@import_.command(
    epilog="""\b
Examples:
  nsgen import compose compose.yaml > topology.yaml
  nsgen import compose compose.yaml compose.override.yaml --profile debug
  nsgen import compose compose.yaml --services
"""
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True)
)
@click.option(
    "--profile",
    "profiles",
    metavar="NAME",
    multiple=True,
    help="Also the services of this profile; * for all.",
)
@click.option("--services", is_flag=True, help="Write commands, too, as 'services'.")
@click.option("--force", is_flag=True, help="Write it all the same, errors or not.")
def compose(
    files: tuple[str, ...],
    profiles: tuple[str, ...],
    services: bool,  # noqa: FBT001 - click passes names
    force: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Convert Compose files to a topology.

    Later files go over earlier ones, as `docker compose -f` has it. The topology goes to standard
    output; what it does not say goes to standard error, each with its line and the reason. With an
    error nothing is written, unless with --force.
    """
    from nsgen.compiler import compile_topology
    from nsgen.importing.application import import_compose

    place = folder(files[0])
    name = Path(place or ".").resolve().name
    found = import_compose(
        [("<stdin>" if file == STDIN else file) for file in files],
        lambda file: read(STDIN if file == "<stdin>" else file),
        os.environ,
        profiles,
        folder=place,
        name=name,
        processes=services,
    )
    for line in found.notes.shown(paint):
        say(line)
    failed = bool(found.notes.errors)
    if found.text and not failed:
        loaded = compile_topology("the topology", found.text.encode())
        for finding in loaded.findings():
            say(found.about(finding, paint))
        failed = loaded.topology is None
    if found.text:
        say(f"nsgen: {found.notes.summary()}")
    if failed and not (force and found.text):
        fail(
            f"nothing is written: correct {'these errors, or --force' if found.text else 'these errors'}"
        )
    put(found.text)
    if failed:
        sys.exit(1)
