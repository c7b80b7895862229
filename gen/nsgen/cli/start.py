"""Commands that take no topology: what one starts from, the language, and the runtime of all scripts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import click

from nsgen.cli.console import fail, put, say, shown
from nsgen.cli.files import STDIN, read_file, reason, write_new
from nsgen.cli.load import DEFAULT
from nsgen.report import FileError

SCHEMA = "nsgen.schema.json"
# The line by which an editor finds the schema of a YAML file.
NAMED_SCHEMA = re.compile(rb"^# yaml-language-server: \$schema=(?!\w+://)(\S+)", re.MULTILINE)


@click.command(
    epilog="""\b
Examples:
  nsgen init
  nsgen init lab/topology.yaml
  nsgen init - > lab.yaml
"""
)
@click.argument("file", default=DEFAULT, type=click.Path(allow_dash=True))
def init(file: str) -> None:
    """Write a topology with comments, to start from.

    Beside FILE (topology.yaml, unless named; - for standard output) goes nsgen.schema.json, by
    which an editor completes and checks it. A file that is there already is never overwritten, but
    the schema of another nsgen is.
    """
    from nsgen.script.templates import template_text

    text = template_text("init/topology.yaml")
    if file == STDIN:
        put(text)
        say(f"nsgen: `nsgen schema > {SCHEMA}` writes the schema that its first line names")
        return
    path = Path(file)
    name = shown(path)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        write_new(path, text)
    except FileExistsError:
        fail(f"{name} is there already, and stays as it is: name another file")
    except OSError as error:
        fail(f"cannot write {name}: {reason(error)}")
    say(f"wrote {name}: edit it, then `nsgen check` and `nsgen render`")
    schema_path = path.parent / SCHEMA
    if _is_stale(schema_path):
        schema_path.unlink()
    try:
        write_new(schema_path, _schema())
    except FileExistsError:
        say(f"{shown(schema_path)} is there already, and stays as it is")
    except OSError as error:
        fail(f"cannot write {shown(schema_path)}: {reason(error)}")


def tell_stale_schemas(topologies: Iterable[str]) -> None:
    """Say which schemas that topologies name are of another nsgen, and how to renew them."""
    named = dict.fromkeys(_named_schema(topology) for topology in topologies or (DEFAULT,))
    for path in named:
        if path is not None and _is_stale(path):
            say(
                f"nsgen: {shown(path)} is of another nsgen: `nsgen schema > {shown(path)}` renews it"
            )


def _named_schema(topology: str) -> Path | None:
    """The file that a topology names as its schema, relative to its own folder."""
    try:
        named = NAMED_SCHEMA.search(read_file(topology))
    except FileError:
        return None
    return Path(topology).parent / os.fsdecode(named[1]) if named else None


def _is_stale(path: Path) -> bool:
    """Whether a file is a schema of nsgen's, and not of this one."""
    from nsgen.language.spec import TITLE

    try:
        text = read_file(str(path))
    except FileError:
        return False
    return f'"title": "{TITLE}"'.encode() in text and text != _schema().encode()


@click.command(
    epilog="""\b
Example:
  nsgen schema > nsgen.schema.json       for a first line such as
                                         # yaml-language-server: $schema=nsgen.schema.json
"""
)
@click.argument("of", type=click.Choice(["topology", "inspect"]), default="topology")
def schema(of: str) -> None:
    """Print the JSON Schema of a topology, or of what `inspect` prints.

    That of a topology is for editors; the other one is of `nsgen inspect --format json`.
    """
    put(_schema() if of == "topology" else _inspected())


@click.command(
    epilog="""\b
Example:
  nsgen language | less
"""
)
def language() -> None:
    """Print the reference of the language: every key of a topology."""
    from nsgen.script.templates import reference

    put(reference())


@click.command(
    epilog="""\b
Examples:
  nsgen runtime
  nsgen runtime | sha256sum            begins with what names it in the head of a script
"""
)
def runtime() -> None:
    """Print the runtime of all scripts, with every part.

    A script holds of it the core, and the parts that its topology needs, the same bytes.
    """
    from nsgen.script.runtime import whole

    put(whole())


def _inspected() -> str:
    import json

    from nsgen.inventory.schema import SCHEMA as INSPECTED

    return json.dumps(INSPECTED, indent=1) + "\n"


def _schema() -> str:
    import json

    from nsgen.language.spec import json_schema

    return json.dumps(json_schema(), indent=1) + "\n"
