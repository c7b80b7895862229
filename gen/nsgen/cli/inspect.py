"""`nsgen inspect`: what a topology comes to, once defaults are filled in and addresses dealt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import fail, put
from nsgen.cli.load import SET, TOPOLOGY, load, show

if TYPE_CHECKING:
    from nsgen.inventory.show import Format


@click.command(
    epilog="""\b
Examples:
  nsgen inspect
  nsgen inspect lab.yaml red
  nsgen inspect lab.yaml --format json | jq -r '.nodes[] | .name, .devices[].addresses[]'
  nsgen inspect lab.yaml --format hosts | sudo tee -a /etc/hosts
  eval "$(nsgen inspect lab.yaml --format env)"; ping "$NSGEN_RED"
"""
)
@TOPOLOGY
@click.argument("node", required=False)
@SET
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "hosts", "ssh-config", "env"]),
    default="table",
    show_default=True,
    help="For people, for programs (its schema: `nsgen schema inspect`), for /etc/hosts, for ssh"
    " (which enters a namespace with ip and socat), or for a shell.",
)
def inspect(topology: str | None, node: str | None, values: dict[str, str], style: Format) -> None:
    """Tell what a topology comes to: nothing is run.

    Every node with its devices, addresses, routes, published ports, services, files and kernel
    parameters, as they were resolved and dealt; or one NODE of them. Of what runs, `setup.sh status`
    tells.
    """
    loaded = load(topology, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen.inventory.facts import chosen, facts
    from nsgen.inventory.show import NotToldApartError
    from nsgen.inventory.show import show as shown
    from nsgen.plan.make import make_plan

    found = facts(make_plan(loaded.topology))
    if node is not None:
        if node not in found.nodes:
            raise click.BadParameter(
                f"no node {node!r}: there are {', '.join(found.nodes)}", param_hint="'NODE'"
            )
        found = chosen(found, node)
    try:
        put(shown(found, style))
    except NotToldApartError as error:
        fail(f"{error}: rename one, or take --format json")
