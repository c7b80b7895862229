"""What commands have in common: the topology and its variables, from the command line to a `Compiled`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import paint, say, shown
from nsgen.cli.files import STDIN, folder, identity, read, read_file
from nsgen.report import FileError

if TYPE_CHECKING:
    from nsgen.compiler import Compiled

DEFAULT = "topology.yaml"
BUILT_IN = "builtin/article.yaml"
SHOWN = 50  # findings; nobody reads more of them at a time
VALUE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def _values(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    values = {}
    for text in given:
        parts = VALUE.fullmatch(text)
        if parts is None:
            raise click.BadParameter(f"expected NAME=value such as HTTP_PORT=8080, got {text!r}")
        values[parts[1]] = parts[2]
    return values


TOPOLOGY = click.argument("topology", required=False, type=click.Path(allow_dash=True))
TOPOLOGIES = click.argument(
    "topologies", metavar="[TOPOLOGY]...", nargs=-1, type=click.Path(allow_dash=True)
)
SET = click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_values,
    help="What ${NAME} in the topology stands for. Default: the environment variable.",
)


def load(topology: str | None, values: dict[str, str]) -> Compiled:
    """Compile a topology: from a file, from standard input, or the default one."""
    return load_all(() if topology is None else (topology,), values)[0]


def load_all(
    topologies: Sequence[str | None],
    values: dict[str, str],
    known: Mapping[str, bytes] | None = None,
) -> list[Compiled]:
    """Compile some topologies, or the default one; what is set has to be used by one of them.

    `known` has the texts of those that were read already.
    """
    found = [_compile(topology, values, known or {}) for topology in topologies or (None,)]
    unused = [
        text for name, text in found[0].unused.items() if all(name in one.unused for one in found)
    ]
    if unused:
        raise click.BadParameter("; ".join(unused), param_hint="'--set'")
    return found


def _compile(topology: str | None, values: dict[str, str], known: Mapping[str, bytes]) -> Compiled:
    from nsgen.compiler import compile_topology, unreadable
    from nsgen.language.yaml.include import Inputs
    from nsgen.language.yaml.variables import Variables

    variables = Variables(values, os.environ)
    if topology is None and not os.path.lexists(DEFAULT):
        from nsgen.script.templates import template_text

        say(
            f"nsgen: no {DEFAULT} here: taking the built-in one, red and blue of the article;"
            " `nsgen init` writes one to start from"
        )
        text = template_text(BUILT_IN).encode()
        return compile_topology("built-in topology", text, Inputs(variables=variables))
    topology = topology or DEFAULT
    name = "<stdin>" if topology == STDIN else shown(topology)
    file = "" if topology == STDIN else topology
    inputs = Inputs(file, folder(topology), read_file, identity, variables)
    try:
        text = known[topology] if topology in known else read(topology)
        return compile_topology(name, text, inputs)
    except FileError as error:
        return unreadable(name, str(error))


def show(loaded: Compiled) -> None:
    """Print what is wrong with a topology."""
    for text in loaded.show(SHOWN, paint):
        say(text)
