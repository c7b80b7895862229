"""Where in a script the elements of a state come from, and what becomes of each of its commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq
from pathlib import Path

from nsgen.capturing.elements import Element
from nsgen.proof.captured import Command, Run, place_of
from nsgen.proof.lab.commands import FLUSHING, POLICY, ip_words
from nsgen.values import HOST

# What a command has to be about to have made an element of a kind: words of which it has one.
ABOUT: Mapping[str, tuple[str, ...]] = {
    "namespace": ("netns", "net"),
    "link": (
        "link",
        "l",
        "li",
        "netns",
        "brctl",
        "ifconfig",
        "bridge",
        "tuntap",
        "tunnel",
        "ethtool",
        "vconfig",
        "batch",
    ),
    "address": ("address", "addr", "a", "add", "ad", "ifconfig", "batch"),
    "route": ("route", "r", "ro", "batch"),
    "rule": ("rule", "ru", "batch"),
    "neighbour": ("neighbour", "neigh", "n", "arp", "batch"),
    "proxy": ("neighbour", "neigh", "n", "batch"),
    "vlan": ("vlan", "batch"),
    "fdb": ("fdb", "batch"),
    "qdisc": ("qdisc", "q"),
    "class": ("class", "c"),
    "filter": ("filter", "f"),
    "iptables": ("iptables", "iptables-nft", "iptables-restore", "iptables-legacy"),
    "ip6tables": ("ip6tables", "ip6tables-restore", "ip6tables-legacy"),
    "legacy": ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy"),
    "nft": ("nft",),
    "sysctl": ("sysctl", "nsgen-note"),
    "file": ("nsgen-note",),
}
QUEUES = ("qdisc", "class", "filter")
PART = re.compile(r"[\s=,;\"'()>]+")
PARAMETER = re.compile(r"/proc/sys/\S*?([a-z0-9_-]+)\W*$")
LEFT_OUT = "it is about all rules of the machine, also those of others, and left out on purpose"
GONE = "nothing of it is there at the time that was taken"
SAID, BY_EXEC, UNSAID = "said", "exec", "unsaid"


@dataclass(frozen=True)
class CommandOutcome:
    """What became of a command of the script."""

    command: Command
    place: str
    list: str  # SAID, BY_EXEC or UNSAID
    reason: str = ""


@dataclass
class ScriptTrace:
    """The commands of a script that change the network, and what they have made."""

    run: Run
    name: str  # of the script, as it was given
    path: str  # of it
    text: str
    renamed: Mapping[str, str] = field(default_factory=dict)  # nodes, as the script calls them
    made: dict[int, list[Element]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the commands that had run when the kernel was read."""
        every = enumerate(self.run.commands[: self.run.upto])
        self.changing = {
            number: command for number, command in every
            if command.effect in ("builds", "removes") and not command.status and command.kind != "kill"
        }  # fmt: skip
        self._words = {number: _words(command) for number, command in self.changing.items()}

    def of(self, element: Element) -> str:
        """`FILE:LINE` of the command that made an element; nothing where it is not known."""
        if element.kind == "process":
            return self._of_process(element)
        number = self._maker(element)
        if number is None:
            return ""
        self.made.setdefault(number, []).append(element)
        return self.place(self.changing[number])

    def _of_process(self, element: Element) -> str:
        for command in self.run.commands:
            if " ".join(command.argv).endswith(element.text) and command.line:
                return self.place(command)
        return ""

    def _maker(self, element: Element) -> int | None:
        kind = element.kind.split(" ")[0]
        spoken = self.renamed.get(element.node, element.node)
        wanted, best, found = _parts(element, spoken), 0.0, None
        about = ABOUT.get(kind, ())
        for number, command in self.changing.items():
            words = self._words[number]
            if command.effect == "removes" or not any(word in words for word in about):
                continue
            score = sum(1.0 for word in wanted if word in words)
            if kind == "file":
                score += any(word.endswith(Path(element.text).name) for word in words)
            if not score or (
                kind in ("link", "address", "namespace") and next(iter(wanted)) not in words
            ):
                continue
            score += 0.5 * (command.node == element.node) + 0.5 * (spoken in words)
            if kind in QUEUES:
                score += sum(map(eq, _first(command.argv), _first(element.text.split())))
            if kind == "link" and ("add" in words or "addbr" in words) and "(" in element.text:
                score += 1.5
            if score > best:
                best, found = score, number
        return found

    def place(self, command: Command) -> str:
        """`FILE:LINE` of a command; the command itself where its line is not known."""
        line, file = command.line, command.file or self.path
        if not line:
            line = self._line_in_text(command)
        return self.at(line, file) if line else f"{self.name}: `{' '.join(command.argv)}`"

    def at(self, line: int, file: str) -> str:
        """`FILE:LINE`, with the name of the script as it was given."""
        own = Path(file).name == Path(self.path).name
        return f"{self.name if own else file}:{line}"

    def _line_in_text(self, command: Command) -> int:
        """The line that has most of a command's words, for scripts of which no shell tells."""
        words = set(_plain(command.argv))
        scored = [
            (len(words & set(PART.split(line))), -number)
            for number, line in enumerate(self.text.splitlines(), 1)
            if not line.lstrip().startswith("#") and command.argv[0].rpartition("/")[2] in line
        ]
        best, number = max(scored, default=(0, 0))
        return -number if best >= min(3, len(words)) else 0

    def process(self, pid: int) -> str:
        """Where a process was started."""
        line, file = place_of(self.run.started.get(pid, ""))
        return self.at(line, file) if line else ""

    def outcomes(
        self, by_exec: Iterable[Element], unsaid: Mapping[Element, str], alive: Iterable[str]
    ) -> Iterator[CommandOutcome]:
        """What became of every command; `alive`: the names of what there is."""
        executed, living = set(by_exec), set(alive)
        elements = [element for every in self.made.values() for element in every]
        for number, command in self.changing.items():
            place, made = self.place(command), self.made.get(number, [])
            name = command.argv[0].rpartition("/")[2]
            if _of_all_rules(command, name):
                yield CommandOutcome(command, place, UNSAID, LEFT_OUT)
            elif reasons := [unsaid[element] for element in made if element in unsaid]:
                yield CommandOutcome(command, place, UNSAID, reasons[0])
            elif any(element in executed for element in made):
                yield CommandOutcome(command, place, BY_EXEC)
            elif (
                made
                or command.effect == "removes"
                or _about(command) & living
                or _told_by_shell(command, elements, unsaid)
            ):
                yield CommandOutcome(command, place, SAID)
            else:
                yield CommandOutcome(command, place, UNSAID, GONE)


def _words(command: Command) -> set[str]:
    """The words of a command, and what they are without a prefix length, a `=` or a folder."""
    words = set(_plain(command.argv))
    words.add(command.argv[0].rpartition("/")[2])
    if command.argv[0] == "ip":
        words |= set(ip_words(command.argv)[1])
    return words | {command.node}


def _plain(argv: Sequence[str]) -> Iterator[str]:
    for word in argv:
        yield from (part for part in PART.split(word) if part)
        yield from (
            part.partition("/")[0]
            for part in PART.split(word)
            if re.match(r"[\da-f.:]+/\d+$", part)
        )
        if "net" in word and ("/" in word or "." in word):
            for part in PART.split(word):
                yield part.removeprefix("/proc/sys/").replace(".", "/")


def _parts(element: Element, node: str) -> dict[str, None]:
    """The words by which an element is known, the most telling one first; `node`: as the script calls it."""
    if element.kind == "namespace":
        return {node: None}
    words = [word for word in PART.split(element.text) if word and word not in ("dev", "via")]
    if element.kind == "address":
        words = [words[0].partition("/")[0], *words]
    if element.kind == "sysctl":
        words = [element.text.partition("=")[0]]
    return dict.fromkeys(words)


def _first(words: Sequence[str]) -> list[str]:
    """The device and the class that tc(8) is asked about: those of an action, and a parent, count less."""
    return [words[words.index(key) + 1] for key in ("dev", "classid") if key in words[:-1]]


def _of_all_rules(command: Command, name: str) -> bool:
    """Whether it is about all rules of the machine."""
    return (
        "tables" in name
        and command.node == HOST
        and any(word in (*FLUSHING, *POLICY) for word in command.argv)
    )


def _told_by_shell(
    command: Command, elements: Iterable[Element], unsaid: Mapping[Element, str]
) -> bool:
    """Whether what a shell does by itself is there; it tells of it before it has put in the values of names.

    It prepares files, names a container's namespace, or sets a parameter that is nowhere missing.
    """
    text = " ".join(command.argv) if command.kind == "note" else ""
    parameter = PARAMETER.search(text)
    if parameter:
        last = f"/{parameter[1]}="
        return not any(one.kind == "sysctl" and last in one.text for one in unsaid)
    files = any(element.kind == "file" for element in elements)
    return (files and "/etc/netns" in text) or "/ns/net" in text


def _about(command: Command) -> set[str]:
    return {word for word in command.argv[1:] if word != HOST} | ({command.node} - {HOST})
