"""`nsgen run`: a command, or a shell, inside a topology that is there for it alone."""

from __future__ import annotations

import sys

import click

from nsgen.cli.console import fail, say
from nsgen.cli.load import SET, TOPOLOGY, load, show
from nsgen.values import HOST

COMMAND = "nsgen.command"  # what stands behind `--`


class WithCommand(click.Command):
    """A command whose last words, behind `--`, are somebody else's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep those words apart."""
        own = args.index("--") if "--" in args else len(args)
        ctx.meta[COMMAND] = args[own + 1 :]
        return super().parse_args(ctx, args[:own])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name them in the help."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command(
    cls=WithCommand,
    epilog="""\b
Examples:
  nsgen run                                  a shell on the host of topology.yaml
  nsgen run lab.yaml --in red                a shell in red
  nsgen run lab.yaml -- pytest
  nsgen run --in blue -- curl 192.168.15.2
  nsgen run --internet --in red -- ping -c 1 8.8.8.8
""",
)
@TOPOLOGY
@SET
@click.option("--in", "node", metavar="NODE", default=HOST, help="Where: a namespace, or host.")
@click.option(
    "--internet",
    is_flag=True,
    help="Put another machine (outside), a router and the internet around the host.",
)
@click.pass_context
def run(
    ctx: click.Context,
    topology: str | None,
    values: dict[str, str],
    node: str,
    internet: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Run a command in a topology of its own.

    The script builds the topology in private namespaces, without root, and all of it is gone when
    the command ends. As many as you like can run at a time. Without a command: a shell. The exit
    status is the command's.
    """
    loaded = load(topology, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen.plan.make import make_plan
    from nsgen.proof.private import SURROUNDINGS, run_in
    from nsgen.proof.rehearse import VerifyError
    from nsgen.script import targets

    nodes = [HOST, *(namespace.name for namespace in loaded.topology.namespaces)]
    nodes += SURROUNDINGS if internet else ()
    if node not in nodes:
        raise click.BadParameter(
            f"no node {node!r}: there are {', '.join(nodes)}", param_hint="'--in'"
        )
    command = ctx.meta[COMMAND]
    if not command and sys.stdin.isatty():
        here = "" if node == HOST else f", here {node}"
        say(
            f"nsgen: in {loaded.topology.name}{here}: {', '.join(nodes)}; `ip netns exec NODE COMMAND` runs"
            " something in another; exit or Ctrl-D leaves, and all of it is gone"
        )
    script = targets.script(make_plan(loaded.topology))
    try:
        status = run_in(loaded.topology, script, node, command, internet=internet)
    except VerifyError as error:
        fail(str(error))
    sys.exit(status)
