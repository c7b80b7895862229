"""The command line: the only module that prints and exits, and that reads and writes files.

Each command imports what it needs: `nsgen --help` does not wait for YAML and templates.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nsgen import __version__
from nsgen.files import STDIN, FileError, read, reason, write_new, write_tree

if TYPE_CHECKING:
    from nsgen.excerpt import Text
    from nsgen.report import Finding, Report
    from nsgen.source import Source
    from nsgen.spec import Spec
    from nsgen.topology import Topology

DEFAULT = "topology.yaml"
BUILT_IN = "builtin/article.yaml"
SCHEMA = "nsgen.schema.json"
SHOWN = 50  # findings; nobody reads more of them at a time
INTERRUPTED = 128 + signal.SIGINT
COLOURS = {"error": "red", "warning": "yellow"}


def _say(text: str) -> None:
    """Tell the user something that is not the result."""
    click.echo(text, err=True)


def _fail(text: str) -> NoReturn:
    _say(f"nsgen: {_paint('error', 'error')}: {text}")
    sys.exit(1)


def _name(path: str | Path) -> str:
    """A file's name for a message; it may hold whatever a file name can."""
    from nsgen.excerpt import printable

    return printable(click.format_filename(path))


def _paint(part: str, severity: str) -> str:
    return click.style(part, fg=COLOURS[severity], bold=True)


def _print(text: str) -> None:
    """Print a result: the same bytes, whatever the locale."""
    if sys.stdout is None:
        _fail("standard output is closed")
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


class _Program(click.Group):
    """A group of commands of which no failure shows a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, and exit."""
        if sys.stdout is not None and sys.stdout is sys.__stdout__:
            # As other tools do: `nsgen render | head -1` ends nsgen, and says nothing.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.filename is not None:
                _fail(f"{_name(error.filename)}: {reason(error)}")
            if sys.stdout is sys.__stdout__:
                # What is still in its buffer would fail again, loudly, when Python exits.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _fail(f"cannot write to standard output: {reason(error)}")
        except Exception as error:  # a mistake of ours, not of the user's
            if os.environ.get("NSGEN_TRACEBACK"):
                raise
            what = f"{type(error).__name__}: {error}"
            _fail(
                f"{what}; this is a bug in nsgen: please report it, with what NSGEN_TRACEBACK=1"
                " prints"
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


class _Loaded:
    """A topology, as far as it could be read, and what is wrong with it."""

    def __init__(self, name: str, report: Report) -> None:
        self.name = name
        self.report = report
        self.text: Text | None = None
        self.source: Source | None = None
        self.spec: Spec | None = None
        self.topology: Topology | None = None

    def findings(self) -> list[Finding]:
        """In the order of the file, each with its position and its path as written."""
        source, found = self.source, self.report.findings
        if source is not None:
            found = [source.placed(finding) for finding in found]
        return sorted(found, key=lambda finding: finding.at or (0, 0))

    def show(self) -> None:
        """Print what is wrong."""
        from nsgen.excerpt import Text

        text = self.text or Text(self.name, "")
        findings = self.findings()
        for finding in findings[:SHOWN]:
            _say(text.show(finding, _paint))
        if len(findings) > SHOWN:
            _say(f"{self.name}: and {len(findings) - SHOWN} more errors and warnings")


def _load(topology: str | None) -> _Loaded:
    """Read a topology: from a file, from standard input, or the default one."""
    from nsgen.report import Report

    report = Report()
    if topology is None and not os.path.lexists(DEFAULT):
        from nsgen.targets import template_text

        _say(
            f"nsgen: no {DEFAULT} here: taking the built-in one, red and blue of the article;"
            " `nsgen init` writes one to start from"
        )
        found = _Loaded("built-in topology", report)
        data = template_text(BUILT_IN).encode()
    else:
        topology = topology or DEFAULT
        found = _Loaded("<stdin>" if topology == STDIN else _name(topology), report)
        try:
            data = read(topology)
        except FileError as error:
            report.error((), str(error))
            return found
    _compile(found, data)
    return found


def _compile(found: _Loaded, data: bytes) -> None:
    from nsgen import check, source, spec, topology
    from nsgen.excerpt import Text

    text = source.decode(data, found.report)
    found.text = Text(found.name, data.decode("utf-8", "replace") if text is None else text)
    if text is not None:
        found.source = source.parse(text, found.name, found.report)
    if found.source is not None:
        found.spec = spec.read(found.source.data, found.report)
    if found.spec is not None:
        check.check(found.spec, found.report)
        if not found.report.failed:
            found.topology = topology.resolve(found.spec, found.report)


TOPOLOGY = click.argument("topology", required=False, type=click.Path(allow_dash=True))


@click.group(
    cls=_Program,
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
"""
)
@TOPOLOGY
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
    loaded = _load(topology)
    loaded.show()
    if loaded.topology is None:
        sys.exit(1)
    from nsgen import plan, targets

    made = plan.make(loaded.topology)
    if output is None:
        _print(targets.script(made, "plain" if style == "plain" else "batch", teardown=teardown))
        return
    name, files = loaded.topology.name, targets.tree(made)
    folder = Path(output) / name
    try:
        removed = write_tree(folder, files, lambda path: targets.is_ours(name, path))
    except FileError as error:
        _fail(f"nothing was written: {error}")
    except OSError as error:
        _fail(f"nothing was written to {_name(folder)}: {reason(error)}")
    gone = f", and removed {', '.join(removed)}" if removed else ""
    _say(f"{_name(folder)}: wrote {len(files)} files{gone}")


@main.command(
    epilog="""\b
Examples:
  nsgen check
  nsgen check lab.yaml --strict
  nsgen check lab.yaml --format json | jq '.findings[].message'
"""
)
@TOPOLOGY
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
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
    strict: bool,  # noqa: FBT001 - click passes names
    style: str,
) -> None:
    """Say what is wrong with a topology, and write nothing."""
    loaded = _load(topology)
    findings = loaded.findings()
    failed = loaded.topology is None or (strict and bool(findings))
    if style == "json":
        _print(_json(loaded, ok=not failed))
    else:
        loaded.show()
    if failed:
        sys.exit(1)
    if style == "text" and loaded.topology is not None:
        _print(f"{_summary(loaded.topology, len(findings))}\n")


def _json(loaded: _Loaded, *, ok: bool) -> str:
    import json

    findings = []
    for finding in loaded.findings():
        line, column = finding.at or (None, None)
        place = {"line": line, "column": column, "path": finding.path}
        findings.append({"severity": finding.severity, **place, "message": finding.text})
    return json.dumps({"file": loaded.name, "ok": ok, "findings": findings}, indent=2) + "\n"


def _summary(topology: Topology, warnings: int) -> str:
    from nsgen.describe import count

    parts = [count(len(topology.namespaces), "namespace"), count(len(topology.bridges), "network")]
    published = {
        (p.member.namespace, p.published, p.protocol, p.host_ip) for p in topology.publications
    }
    services = [
        service for node in (topology.host, *topology.namespaces) for service in node.services
    ]
    for number, noun in (
        (len(published), "published port"),
        (len(services), "service"),
        (warnings, "warning"),
    ):
        parts += [count(number, noun)] if number else []
    return f"{topology.name}: ok, {', '.join(parts)}"


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
    from nsgen.targets import template_text

    path = Path(file)
    name = _name(path)
    try:
        write_new(path, template_text("init/topology.yaml"))
    except FileExistsError:
        _fail(f"{name} is there already, and stays as it is: name another file")
    except OSError as error:
        _fail(f"cannot write {name}: {reason(error)}")
    _say(f"wrote {name}: edit it, then `nsgen check` and `nsgen render`")
    schema_path = path.parent / SCHEMA
    try:
        write_new(schema_path, _schema())
    except FileExistsError:
        _say(f"{_name(schema_path)} is there already, and stays as it is")
    except OSError as error:
        _fail(f"cannot write {_name(schema_path)}: {reason(error)}")


@main.command(
    epilog="""\b
Example:
  nsgen schema > nsgen.schema.json       for a first line such as
                                         # yaml-language-server: $schema=nsgen.schema.json
"""
)
def schema() -> None:
    """Print the JSON Schema of a topology, for editors."""
    _print(_schema())


def _schema() -> str:
    import json

    from nsgen.spec import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"
