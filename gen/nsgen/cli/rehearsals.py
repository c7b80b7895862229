"""`nsgen verify` and `nsgen trace`: a script is tried in a rehearsal, by all that it claims or by one question."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsgen.cli.console import fail, put, say, shown
from nsgen.cli.files import STDIN, read
from nsgen.cli.load import SET, TOPOLOGIES, load, load_all, show
from nsgen.report import FileError

if TYPE_CHECKING:
    from nsgen.plan.steps import Plan
    from nsgen.proof.claims.scene import Option
    from nsgen.proof.result import Format

TOPOLOGY_FILES = (".yaml", ".yml")
AGAINST = click.option(
    "--against",
    metavar="SCRIPT",
    type=click.Path(),
    help="Try this script, in place of the one that the topology becomes.",
)
HOST = click.option(
    "--host",
    type=click.Choice(["drop", "router", "netfilter", "strict"]),
    multiple=True,
    help="What the host is: FORWARD's policy is DROP; it forwards already; iptables sees what crosses"
    " bridges already; rp_filter is strict.",
)


def _tell(name: str, text: str) -> None:
    """Say how far it is."""
    say(f"nsgen: {name}{text}")


def script_of(plan: Plan, against: str | None) -> str:
    """The script that is tried."""
    from nsgen.script import targets

    if against is None:
        return targets.script(plan)
    try:
        return read(against).decode("utf-8", "surrogateescape")
    except FileError as error:
        fail(f"{shown(against)}: {error}")


@click.command(
    epilog="""\b
Examples:
  nsgen verify
  nsgen verify *.yaml --format markdown
  nsgen verify lab.yaml --against setup.sh     a script that you edited, or wrote by hand
  nsgen verify lab.yaml --host drop            beside Docker, or behind ufw
"""
)
@TOPOLOGIES
@SET
@click.option("--all", "every", is_flag=True, help="Ask of every pair of namespaces.")
@AGAINST
@HOST
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "tap", "junit", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How the result is printed.",
)
def verify(
    topologies: tuple[str, ...],
    values: dict[str, str],
    every: bool,  # noqa: FBT001 - click passes names
    against: str | None,
    host: tuple[Option, ...],
    style: Format,
) -> None:
    """Rehearse the script in a private copy of a host, and ask.

    The script runs in namespaces of its own, with a LAN, a router and the internet around it, and
    everything that the topology claims is tried: who reaches whom, who answers, and who must not
    reach anybody. Then it runs again, checks, and is taken down. It needs no root, and touches
    nothing outside.
    """
    if len(topologies) > 1 and against is not None:
        raise click.UsageError(f"--against is for one topology, and {len(topologies)} are given")
    found = load_all(topologies, values)
    for loaded in found:
        show(loaded)
    if any(loaded.topology is None for loaded in found):
        sys.exit(1)
    from nsgen.plan.make import make_plan
    from nsgen.proof.rehearse import VerifyError, rehearse
    from nsgen.proof.result import Verified, show_all

    results = []
    for loaded in found:
        if loaded.topology is None:
            continue
        name = f"{loaded.topology.name}: " if len(found) > 1 else ""
        try:
            result = rehearse(
                loaded.topology,
                script_of(make_plan(loaded.topology), against),
                every=every,
                host=host,
                progress=partial(_tell, name),
            )
        except VerifyError as error:
            fail(f"{name}{error}")
        results.append(Verified(loaded.topology, result, loaded.place))
    put(show_all(results, style))
    if any(one.result.failed for one in results):
        sys.exit(1)


@click.command(
    epilog="""\b
Examples:
  nsgen trace blue host:8080
  nsgen trace lab.yaml red 192.168.15.1:8080
  nsgen trace lab.yaml outside 192.168.15.2:80
  nsgen trace lab.yaml red '[fd00:15::1]:8080'
  nsgen trace lab.yaml red 8.8.8.8                 a ping
  nsgen trace lab.yaml red 8.8.8.8 --host drop     beside Docker, or behind ufw
  nsgen trace lab.yaml red 8.8.8.8 --format svg > way.svg
"""
)
@click.argument("words", metavar="[TOPOLOGY] FROM TO[:PORT[/PROTO]]", nargs=-1)
@SET
@AGAINST
@HOST
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "svg"]),
    default="text",
    show_default=True,
    help="How it is printed: for people, for programs, or on a picture of the topology.",
)
def trace(
    words: tuple[str, ...],
    values: dict[str, str],
    against: str | None,
    host: tuple[Option, ...],
    style: str,
) -> None:
    """Send one packet in a rehearsal, and tell its way.

    FROM is a namespace, `host`, `outside` (another machine on the host's network) or `internet`;
    TO is one of these or an address. The kernel tells which devices the packet passes, which rules
    it meets, which route it takes, what is rewritten and where it is dropped; nsgen adds why each
    rule is there. The exit status is 1 if there is no answer.
    """
    if len(words) not in (2, 3) or (len(words) == 2 and _is_topology(words[0])):
        given = "FROM and TO are" if len(words) == 1 and _is_topology(words[0]) else "TO is"
        missing = f"{given} missing" if words and len(words) < 3 else "wrong arguments"
        raise click.UsageError(
            f"{missing}: expected [TOPOLOGY] FROM TO, such as: nsgen trace blue host:8080"
        )
    loaded = load(words[0] if len(words) == 3 else None, values)
    show(loaded)
    if loaded.topology is None or loaded.written is None:
        sys.exit(1)
    from nsgen.language.endpoint import endpoint
    from nsgen.plan.make import make_plan
    from nsgen.proof.asked import Asked
    from nsgen.proof.rehearse import VerifyError
    from nsgen.proof.story import Story
    from nsgen.proof.story import trace as send

    try:
        to = endpoint(words[-1])
        script = script_of(make_plan(loaded.topology), against)
        found = send(loaded.topology, script, words[-2], to, host)
    except (VerifyError, ValueError) as error:
        fail(str(error))
    story = Story(found, Asked(loaded.topology, loaded.written, loaded.place))
    if style == "svg":
        from nsgen.script.drawn import way

        put(way(loaded.topology, story))
    else:
        put(story.json() if style == "json" else story.text())
    if not story.answered:
        sys.exit(1)


def _is_topology(word: str) -> bool:
    """Whether it is a file, and no node."""
    return word == STDIN or word.endswith(TOPOLOGY_FILES) or Path(word).is_file()
