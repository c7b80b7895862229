"""What is run in place of a program of a captured script: one that waits, installs, has a window or is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nsgen.proof.lab.asuser import ROOT, as_user
from nsgen.proof.lab.catalogue import (
    AS_ANOTHER,
    CLIENTS,
    CONTAINERS,
    DAEMONS,
    EITHER,
    ENDING,
    IN_BACKGROUND,
    MULTIPLEXERS,
    NOT_DONE,
    PINGS,
    SERVER_FLAGS,
    WINDOWS,
)

NAP = 1.0  # seconds that are slept as they are
REAL = "\0"  # stands for the file of the real program
PATIENCE = 3  # seconds of a program that asks somebody something


@dataclass(frozen=True)
class Doing:
    """What is done: a command that is run instead, or what its fields say."""

    run: list[str] = field(default_factory=list)
    told: str = ""  # as what the recorder is told of it
    status: int = 0
    background: bool = False
    forever: bool = False
    container: bool = False
    killed: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def instead(name: str, words: Sequence[str], *, there: bool) -> Doing | None:
    """What is done in place of a program; nothing where the real one is run. `there`: it is installed."""
    doing: Doing | None = None
    if name in AS_ANOTHER:
        found = as_user(name, words)
        as_whom = {"NSGEN_AS": found.user} if found.user != ROOT else {}
        doing = Doing(run=found.words, environment={**found.variables, **as_whom})
    elif name == "sleep":
        doing = napping(words)
    elif name in PINGS:
        doing = pinging(name, words, there=there)
    elif name in (*NOT_DONE, *CONTAINERS):
        doing = Doing(told="asked", container=name in CONTAINERS and "inspect" in words)
    elif name in (*WINDOWS, *MULTIPLEXERS):
        doing = windowed(name, words)
    elif name in ENDING:
        doing = Doing(killed=True)
    elif name in (*CLIENTS, *DAEMONS):
        doing = asking(name, words, there=there)
    return doing


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # sleep(1)
FOREVER = ("infinity", "inf")


def napping(words: Sequence[str]) -> Doing:
    """A short sleep is slept. A long one would keep the script waiting, and on the host is cut; see the recorder."""
    seconds = 0.0
    for word in words:
        number, unit = (word[:-1], word[-1]) if word[-1:] in UNITS else (word, "s")
        try:
            seconds += float("inf") if word in FOREVER else float(number) * UNITS[unit]
        except ValueError:
            seconds = 0.0  # an option, or what sleep(1) will not take either
            break
    return Doing(run=["sleep", *words], told="sleep" if seconds > NAP else "")


def pinging(name: str, words: Sequence[str], *, there: bool) -> Doing:
    """Ask once, and wait for the answer a second."""
    kept, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-c", "-w", "-W", "-i"):
            rest[:1] = []
        elif not word.startswith(("-c", "-w", "-W", "-f", "-A")):
            kept.append(word)
    if not there:
        return Doing(told="asked")
    return Doing(run=[name, "-c", "1", "-W", "1", *kept], told="pinged")


def windowed(name: str, words: Sequence[str]) -> Doing:
    """There is no screen: the command that a window was to show runs by itself."""
    command = {"tmux": _of_tmux, "screen": _of_screen}.get(name, _of_window)(list(words))
    return Doing(run=command, told="asked", background=bool(command))


OPENING = ("new-session", "new", "new-window", "neww", "split-window", "splitw", "splitp")
OF_TMUX = ("-s", "-n", "-t", "-c", "-x", "-y", "-F", "-p", "-l", "-e")  # have a value


def _of_tmux(words: list[str]) -> list[str]:
    if not words or words[0] not in OPENING:
        return []
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        together = len(rest[0]) > 2 and rest[0][-1] in "snt"  # -ds NAME
        rest = rest[2:] if rest[0] in OF_TMUX or together else rest[1:]
    return _by_shell(rest)


def _of_screen(words: list[str]) -> list[str]:
    """`screen -dmS NAME COMMAND`."""
    detached = [i for i, w in enumerate(words) if w.startswith("-") and {"d", "m"} <= set(w)]
    if not detached:
        return []
    rest = words[detached[0] + (2 if words[detached[0]].endswith("S") else 1) :]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-S", "-t", "-c") else rest[1:]
    return rest


def _of_window(words: list[str]) -> list[str]:
    mark = next((word for word in words if word in ("-e", "--", "-x")), None)
    return _by_shell(words[words.index(mark) + 1 :]) if mark else []


def _by_shell(words: list[str]) -> list[str]:
    """A command that is one word is for the shell."""
    return ["sh", "-c", words[0]] if len(words) == 1 else words


def asking(name: str, words: Sequence[str], *, there: bool) -> Doing:
    """Who asks is waited for a while; who serves is run, or stands there and does nothing if it is missing."""
    serves = name in DAEMONS or (name in EITHER and any(word in SERVER_FLAGS for word in words))
    if there and serves:
        return Doing(run=[REAL, *words], told="lasting")
    if there:
        return Doing(run=["timeout", str(PATIENCE), REAL, *words], told="asked")
    background = any(word in IN_BACKGROUND for word in words)
    return Doing(told="missing", forever=serves, background=serves and background)
