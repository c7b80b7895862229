"""The command line: the commands, and what they print, read and write.

Each command imports what it needs: `nsgen --help` does not wait for YAML and templates.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsgen import __version__
from nsgen.console import Program, fail, put, say, shown
from nsgen.files import FileError, read, reason, write_new, write_tree
from nsgen.loading import DEFAULT, SET, TOPOLOGY, load, show

if TYPE_CHECKING:
    from nsgen.rehearsal.scene import Option
    from nsgen.verified import Format

SCHEMA = "nsgen.schema.json"


@click.group(
    cls=Program,
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
  nsgen render > setup.sh
  nsgen render lab.yaml | sudo bash
  nsgen render lab.yaml --style plain --teardown
  nsgen render lab.yaml -o out         all of its files, to out/lab
  nsgen render lab.yaml --set HTTP_PORT=8081
"""
)
@TOPOLOGY
@SET
@click.option(
    *("-o", "--output"),
    metavar="DIR",
    type=click.Path(),
    help="Write all files of the topology to DIR/NAME, whole or not at all. Those that an earlier"
    " render left there and that are no longer needed are removed; files of your own stay.",
)
@click.option(
    "--style",
    type=click.Choice(["batch", "plain"]),
    help="batch: safe to repeat, with checks, fast (the default)."
    " plain: one command a line, to learn from.",
)
@click.option("--teardown", is_flag=True, help="Print what undoes the plain script.")
def render(
    topology: str | None,
    values: dict[str, str],
    output: str | None,
    style: str | None,
    teardown: bool,  # noqa: FBT001 - click passes names
) -> None:
    """Print the script that builds a topology."""
    if output is not None and (style or teardown):
        raise click.UsageError(
            "'--output' writes every style: leave out '--style' and '--teardown'."
        )
    if teardown and style != "plain":
        raise click.UsageError(
            "'--teardown' needs '--style plain': the batch script has 'down' inside."
        )
    loaded = load(topology, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen import plan, targets

    made = plan.make(loaded.topology)
    if output is None:
        put(targets.script(made, "plain" if style == "plain" else "batch", teardown=teardown))
        return
    name, files = loaded.topology.name, targets.tree(made)
    folder = Path(output) / name
    try:
        removed = write_tree(folder, files, lambda path: targets.is_ours(name, path))
    except FileError as error:
        fail(f"nothing was written: {shown(str(error))}")
    except OSError as error:
        fail(f"nothing was written to {shown(folder)}: {reason(error)}")
    gone = f", and removed {', '.join(removed)}" if removed else ""
    say(f"{shown(folder)}: wrote {len(files)} files{gone}")


@main.command(
    epilog="""\b
Examples:
  nsgen check
  nsgen check lab.yaml --strict
  nsgen check lab.yaml --reach
  nsgen check lab.yaml --format json | jq '.findings[].message'
"""
)
@TOPOLOGY
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
    topology: str | None,
    values: dict[str, str],
    strict: bool,  # noqa: FBT001 - click passes names
    reach: bool,  # noqa: FBT001 - click passes names
    style: str,
) -> None:
    """Say what is wrong with a topology, and write nothing."""
    loaded = load(topology, values)
    from nsgen.checked import as_json, summary

    if reach and loaded.topology is not None and loaded.written is not None:
        from nsgen import unreached

        unreached.report(loaded.topology, loaded.written, loaded.report)
    findings = loaded.findings()
    failed = loaded.topology is None or (strict and bool(findings))
    if style == "json":
        put(as_json(loaded, ok=not failed))
    else:
        show(loaded)
    if failed:
        sys.exit(1)
    if style == "text" and loaded.topology is not None:
        put(f"{summary(loaded.topology, len(findings))}\n")


@main.command(
    epilog="""\b
Examples:
  nsgen verify
  nsgen verify lab.yaml --format markdown
  nsgen verify lab.yaml --against setup.sh     a script that you edited, or wrote by hand
  nsgen verify lab.yaml --host drop            beside Docker, or behind ufw
  nsgen verify lab.yaml --keep                 then: ip netns exec red ping 8.8.8.8
"""
)
@TOPOLOGY
@SET
@click.option("--all", "every", is_flag=True, help="Ask of every pair of namespaces.")
@click.option(
    "--against",
    metavar="SCRIPT",
    type=click.Path(),
    help="Try this script, in place of the one that the topology becomes.",
)
@click.option(
    "--host",
    type=click.Choice(["drop", "router", "netfilter", "strict"]),
    multiple=True,
    help="What the host is: FORWARD's policy is DROP; it forwards already; iptables sees what crosses"
    " bridges already; rp_filter is strict.",
)
@click.option("--keep", is_flag=True, help="Open a shell in the rehearsal before it ends.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "tap", "junit", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How the result is printed.",
)
def verify(
    topology: str | None,
    values: dict[str, str],
    every: bool,  # noqa: FBT001 - click passes names
    against: str | None,
    host: tuple[Option, ...],
    keep: bool,  # noqa: FBT001 - click passes names
    style: Format,
) -> None:
    """Rehearse the script in a private copy of a host, and ask.

    The script runs in namespaces of its own, with a LAN, a router and the internet around it, and
    everything that the topology claims is tried: who reaches whom, who answers, and who must not
    reach anybody. Then it runs again, checks, and is taken down. It needs no root, and touches
    nothing outside.
    """
    loaded = load(topology, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen import plan, targets
    from nsgen.rehearsal.outside import VerifyError, rehearse
    from nsgen.verified import Verified

    try:
        if against is None:
            script = targets.script(plan.make(loaded.topology))
        else:
            script = read(against).decode("utf-8", "surrogateescape")
        result = rehearse(
            loaded.topology,
            script,
            every=every,
            host=host,
            keep=keep,
            progress=lambda text: say(f"nsgen: {text}"),
        )
    except FileError as error:
        fail(f"{shown(against or '')}: {error}")
    except VerifyError as error:
        fail(str(error))
    put(Verified(loaded.topology, result, loaded.place).show(style))
    if result.failed:
        sys.exit(1)


@main.command(
    epilog="""\b
Examples:
  nsgen trace blue host:8080
  nsgen trace lab.yaml red 192.168.15.1:8080
  nsgen trace lab.yaml outside 192.168.15.2:80
  nsgen trace lab.yaml red 8.8.8.8                 a ping
"""
)
@click.argument("words", metavar="[TOPOLOGY] FROM TO[:PORT[/PROTO]]", nargs=-1)
@SET
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed: for people, or for programs.",
)
def trace(words: tuple[str, ...], values: dict[str, str], style: str) -> None:
    """Send one packet in a rehearsal, and tell its way.

    FROM is a namespace, `host`, `outside` (another machine on the host's network) or `internet`;
    TO is one of these or an address. The kernel tells which devices the packet passes, which rules
    it meets, what they rewrite and where it is dropped; nsgen adds why each rule is there.
    """
    if len(words) not in (2, 3):
        raise click.UsageError("expected [TOPOLOGY] FROM TO, such as: nsgen trace blue host:8080")
    loaded = load(words[0] if len(words) == 3 else None, values)
    show(loaded)
    if loaded.topology is None:
        sys.exit(1)
    from nsgen import plan, targets
    from nsgen.endpoint import endpoint
    from nsgen.rehearsal.outside import VerifyError
    from nsgen.traced import Story
    from nsgen.traced import trace as send

    try:
        made = plan.make(loaded.topology)
        found = send(made, targets.script(made), words[-2], endpoint(words[-1]))
    except (VerifyError, ValueError) as error:
        fail(str(error))
    story = Story(made, found)
    put(story.json() if style == "json" else story.text())


@main.command(
    epilog="""\b
Examples:
  nsgen init
  nsgen init lab/topology.yaml
"""
)
@click.argument("file", default=DEFAULT, type=click.Path())
def init(file: str) -> None:
    """Write a topology with comments, to start from.

    Beside FILE (topology.yaml, unless named) goes nsgen.schema.json, by which an editor completes
    and checks it. A file that is there already is never overwritten.
    """
    from nsgen.templates import template_text

    path = Path(file)
    name = shown(path)
    try:
        write_new(path, template_text("init/topology.yaml"))
    except FileExistsError:
        fail(f"{name} is there already, and stays as it is: name another file")
    except OSError as error:
        fail(f"cannot write {name}: {reason(error)}")
    say(f"wrote {name}: edit it, then `nsgen check` and `nsgen render`")
    schema_path = path.parent / SCHEMA
    try:
        write_new(schema_path, _schema())
    except FileExistsError:
        say(f"{shown(schema_path)} is there already, and stays as it is")
    except OSError as error:
        fail(f"cannot write {shown(schema_path)}: {reason(error)}")


@main.command(
    epilog="""\b
Example:
  nsgen schema > nsgen.schema.json       for a first line such as
                                         # yaml-language-server: $schema=nsgen.schema.json
"""
)
def schema() -> None:
    """Print the JSON Schema of a topology, for editors."""
    put(_schema())


@main.command(
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
    from nsgen.runtime import whole

    put(whole())


def _schema() -> str:
    import json

    from nsgen.spec import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"
