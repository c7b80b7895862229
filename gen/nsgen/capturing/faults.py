"""What goes wrong while a script is captured, and what is done otherwise than it asks for, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nsgen.capturing.traced import ScriptTrace
from nsgen.language.yaml.excerpt import printable
from nsgen.proof.captured import SECONDS, Command, Run, place_of
from nsgen.values import HOST
from nsgen.words import count

# What `set -x` shows of what is done before each command, nsgen.proof.lab.capture.
TRACED = re.compile(r"\++ (case \$\{?BASH_|export NSGEN_AT|printf '%s\\n' \d+:|nsgen-note )")
LAST = 6  # lines of what a script said
SHOWN = 100  # characters of a command
# What ip(8), tc(8) and iptables say of what the kernel, or a program, does not have.
UNABLE = re.compile(
    r"Unknown device type|[Nn]ot supported|kind is unknown|Unknown qdisc|No chain/target/match|missing kernel module"
    r"|can't initialize|Protocol not supported|is not installed, and this form|Failed to load|No such device or address"
)
NOT_FOUND = re.compile(
    r"^(?P<file>.*?): (?:line )?(?P<line>\d+): (?P<name>[\w.+-]+): (?:command )?not found$",
    re.MULTILINE,
)
SHELLS = ("sh", "dash", "bash")  # as whom a shell speaks that was given its commands by -c
# Programs by which networks are made, that are neither run nor stood in for where they are missing.
MAKERS = re.compile(
    r"ovs-|ovn-|wg$|wg-quick|openvpn|vtysh|tunctl|ipset$|nft$|ebtables|arptables|teamd|ifenslave|dhclient|pptp|strongswan|ipsec|mnexec"
)


@dataclass(frozen=True)
class CaptureRequest:
    """What is captured, and how."""

    text: str
    name: str  # of the script, for messages
    path: str
    cwd: str
    arguments: Sequence[str] = ()
    at: int | None = None
    timeout: float = SECONDS
    topology: str = ""  # its name
    answers: bytes = b""  # what it reads from its standard input, before empty lines


def short(command: Command) -> str:
    """A command as it is told."""
    words = command.argv[1:] if command.kind == "note" else command.argv
    text = " ".join(words)
    return f"{text[:SHOWN]}…" if len(text) > SHOWN else text


def failures(asking: CaptureRequest, run: Run, line: int) -> Iterator[str]:
    """Why what was built is not what the script is to build; `line`: of the mark, or 0."""
    origins = ScriptTrace(run, asking.name, asking.path, asking.text)
    if line and not run.marked:
        yield f"{asking.name}:{line}: the script did not come to this line"
    unable = [
        c for c in run.commands if c.effect == "builds" and c.status and UNABLE.search(c.said)
    ]
    for one in unable:
        yield f"{origins.place(one)}: {printable(short(one))}: this machine cannot build it: {printable(one.said)}"
    for place, name in _missing(run, origins):
        if MAKERS.match(name):
            yield f"{place}: {name} is not installed, and what it would have made is not known"
    if run.status and not _to_the_end(asking, run):
        yield _failed(asking, run, origins)


def _to_the_end(asking: CaptureRequest, run: Run) -> bool:
    """Whether the last line of the script has run, and nothing that builds has failed: its status is that of a test."""
    code = [
        number
        for number, line in enumerate(asking.text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    failed = any(one.status for one in run.commands if one.effect == "builds")
    line, file = place_of(run.last)
    own = Path(file).name == Path(asking.path).name
    return not failed and bool(code) and own and line == code[-1]


def _failed(asking: CaptureRequest, run: Run, origins: ScriptTrace) -> str:
    failed = [c for c in run.commands if c.status and c.effect == "builds"]
    line, file = place_of(run.last)
    place = origins.at(line, file) if line else asking.name
    if failed and line and (failed[-1].line, failed[-1].file) == (line, file):
        place = origins.place(failed[-1])
    return f"{place}: the script ended with status {run.status}; its last lines:{_last_lines(run)}"


def _last_lines(run: Run) -> str:
    said = run.said.rstrip().splitlines()
    lines = [line for line in said if line.strip() and not TRACED.match(line)][-LAST:]
    return "".join(f"\n  {printable(line)}" for line in lines) or " none"


def nothing(asking: CaptureRequest, run: Run) -> str:
    """That nothing was built."""
    ended = f"ended with status {run.status}" if run.ended else f"ran for {asking.timeout:.0f} s"
    given = "" if asking.arguments else "; what it needs as arguments goes behind --"
    return (
        f"{asking.name}: it {ended} and has built nothing{given}; its last lines:{_last_lines(run)}"
    )


def notes(asking: CaptureRequest, run: Run) -> Iterator[str]:
    """What is to be known of the run."""
    origins = ScriptTrace(run, asking.name, asking.path, asking.text)
    if run.before == "the time was over":
        yield f"{asking.name} was still running after {asking.timeout:.0f} s; what it had built then is taken"
    elif run.before not in ("the end", "the mark"):
        place = f"{origins.at(*place_of(run.at))}: " if run.at else ""
        yield f"{place}taken before `{printable(run.before[:SHOWN])}`, when the most was built"
    if run.status and _to_the_end(asking, run):
        yield f"its last command ended with status {run.status}"
    given = run.read[: len(asking.answers)].count(b"\n")
    if given:
        yield f"it read {count(given, 'line')} of the answers that it was given"
    empty = run.read[len(asking.answers) :].count(b"\n")
    if empty:
        yield f"it read {count(empty, 'line')} from its standard input, each of which was empty"
    for one in run.commands:
        if (
            one.effect == "builds"
            and one.status
            and not UNABLE.search(one.said)
            and one.kind == "command"
        ):
            yield f"{origins.place(one)}: failed here: {short(one)}: {one.said or f'status {one.status}'}"
    told = dict.fromkeys(
        (origins.place(one), one.kind, short(one)) for one in run.commands if _is_told(one)
    )
    yield from (f"{place}: {TOLD[kind]}: {text}" for place, kind, text in told)
    for place, name in _missing(run, origins):
        if not MAKERS.match(name):
            yield f"{place}: {name} is not installed here"


def _missing(run: Run, origins: ScriptTrace) -> dict[tuple[str, str], None]:
    """Where a shell has looked for programs in vain, and their names."""
    return dict.fromkeys(
        (origins.name if file in SHELLS else origins.at(int(line), file), name)
        for file, line, name in (one.groups() for one in NOT_FOUND.finditer(run.said))
    )


def _is_told(one: Command) -> bool:
    """Whether something else was done than was asked for. In a namespace a process may sleep as long as it likes."""
    return one.kind in TOLD and (one.kind != "sleep" or one.node == HOST)


TOLD = {
    "asked": "not done, but asked for",
    "missing": "not installed here, and stood in for",
    "sleep": "cut short",
    "pinged": "asked once",
}
