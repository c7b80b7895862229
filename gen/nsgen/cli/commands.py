"""The command line: the commands, and what they print, read and write.

Each command imports what it needs: `nsgen --help` does not wait for YAML and templates.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from nsgen import __version__
from nsgen.cli.console import Program, put
from nsgen.cli.load import SET, TOPOLOGIES, load_all, show

# The modules of the commands that are not here: each is loaded when it is asked for.
ELSEWHERE = {
    "render": "render",
    "run": "run",
    "diff": "diff",
    "compare": "compare",
    "inspect": "inspect",
    "page": "page",
    "graph": "graph",
    "import": "imports",
    "capture": "capture",
    **dict.fromkeys(("verify", "trace"), "rehearsals"),
    **dict.fromkeys(("init", "language", "schema", "runtime"), "start"),
}


class Commands(Program):
    """The commands, here and in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give their names, as the help lists them."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find one by its name."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        attribute = "import_" if cmd_name == "import" else cmd_name  # a keyword of Python
        module = import_module(f"nsgen.cli.{ELSEWHERE[cmd_name]}")
        found: click.Command = getattr(module, attribute)
        return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  nsgen init                     write topology.yaml, to start from
  nsgen check                    is it right?
  nsgen render > setup.sh        compile it; then read it, and: sudo bash setup.sh
\b
Shell completion, for bash (zsh and fish work alike):
  eval "$(_NSGEN_COMPLETE=bash_source nsgen)"
""",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Compile a topology of Linux network namespaces to a shell script.

    TOPOLOGY is a YAML file, or - for standard input. Without it, topology.yaml in this folder is
    taken, or the built-in one if there is none.

    The exit status is 0, 1 for a topology or a file with errors, or 2 for a wrong command line.
    """


@main.command(
    epilog="""\b
Examples:
  nsgen check
  nsgen check lab.yaml --strict
  nsgen check *.yaml
  nsgen check lab.yaml --reach
  nsgen check lab.yaml --format json | jq '.findings[].message'
"""
)
@TOPOLOGIES
@SET
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--reach",
    is_flag=True,
    help="Also tell which nodes cannot reach each other, and why: a route, forwarding, NAT or a"
    " link.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How findings are printed: for people, or for programs (to standard output).",
)
def check(
    topologies: tuple[str, ...],
    values: dict[str, str],
    strict: bool,  # noqa: FBT001 - click passes names
    reach: bool,  # noqa: FBT001 - click passes names
    style: str,
) -> None:
    """Say what is wrong with a topology, and write nothing."""
    found = load_all(topologies, values)
    from nsgen.cli.findings import as_json, summary
    from nsgen.cli.start import tell_stale_schemas

    tell_stale_schemas(topologies)
    if reach:
        from nsgen.reach.findings import report_unreached

        for loaded in found:
            if loaded.topology is not None and loaded.written is not None:
                report_unreached(loaded.topology, loaded.written, loaded.report)
    right = [loaded.topology is not None and not (strict and loaded.findings()) for loaded in found]
    if style == "json":
        put(as_json(found, right))
    for loaded, ok in zip(found, right, strict=True):
        if style == "text":
            show(loaded)
        if style == "text" and ok and loaded.topology is not None:
            put(f"{summary(loaded.topology, len(loaded.findings()))}\n")
    if not all(right):
        sys.exit(1)
