"""Take down what a captured script runs, and decide when the kernel is read: before something goes, and at the end.

The programs that the script calls are stand-ins, :mod:`nsgen.proof.lab.shim`, which tell of themselves by a socket and
wait for an answer: while the kernel is read nothing changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nsgen.proof.lab.commands import effect, ip_words, is_exec
from nsgen.proof.lab.nodes import SCRIPT_NAMESPACES, node_of

READINGS = 40  # of the kernel, at most: a script that makes and removes in a loop is not waited for
CALLS = 20000
HOST = "host"
IDLE = 2.0  # seconds without another command, where it is known that none follows
OFTEN = 5  # times that a script sleeps
NAPS = (0.5, 0.05)  # seconds of a longer sleep; and of one of many


@dataclass
class Call:
    """A command of the script: in which node, from which line, as whom, and how it ended (None: not waited for)."""

    kind: str
    argv: list[str]
    node: str
    at: str
    user: str
    effect: str
    status: int | None = None
    said: str = ""


@dataclass
class Reading:
    """What the kernel said at one time: `before` is the command that was about to run, or `the end`."""

    number: int
    before: str
    at: str
    calls: int  # that had run
    weight: int
    state: dict[str, Any] = field(repr=False)


class StoppedError(Exception):
    """The script has come to where it was to be stopped; `hidden` are the processes that are the script itself."""

    def __init__(self, hidden: set[int]) -> None:
        """Take them over."""
        super().__init__()
        self.hidden = hidden


class Recorder:
    """Who is told of every command."""

    def __init__(
        self,
        folder: Path,
        read: Callable[[set[int]], dict[str, Any]],
        *,
        stop: int | None = None,
        upto: int | None = None,
    ) -> None:
        """Listen. `read` reads the kernel, but for some processes.

        The script ends at the reading `stop`, or after `upto` commands.
        """
        self.read, self.stop, self.upto = read, stop, upto
        self.heard = time.monotonic()
        self.calls: list[Call] = []
        self.best: Reading | None = None
        self.readings = 0
        self.built = 0  # commands since the last reading
        self.marked = False
        self.slept = 0  # times, on the host
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(folder / "recorder"))
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.open: dict[socket.socket, Call | None] = {}
        self.home = Path("/proc/self/ns/net").stat().st_ino

    def serve(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Answer until the script ends, or its time is over: whether it has ended by itself."""
        while process.poll() is None:
            idle = time.monotonic() - self.heard > IDLE
            if time.monotonic() > deadline or (self.upto == len(self.calls) and idle):
                return False
            self._turn()
        for _ in range(20):  # what is still under way
            if not self._turn():
                break
        return True

    def linger(self, seconds: float) -> None:
        """Go on answering those who were left behind."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._turn()

    def _turn(self) -> bool:
        ready = self.selector.select(0.05)
        for key, _ in ready:
            if key.data is None:
                connection, _ = self.listener.accept()
                self.open[connection] = None
                self.selector.register(connection, selectors.EVENT_READ, bytearray())
            else:
                self._hear(key.fileobj, key.data)  # type: ignore[arg-type]
        return bool(ready)

    def _hear(self, connection: socket.socket, heard: bytearray) -> None:
        try:
            data = connection.recv(1 << 16)
        except OSError:
            data = b""
        heard += data
        while b"\n" in heard:
            line, _, rest = bytes(heard).partition(b"\n")
            heard[:] = rest
            self._take(connection, json.loads(line))
        if not data:
            self.selector.unregister(connection)
            self.open.pop(connection, None)
            connection.close()

    def _take(self, connection: socket.socket, message: Mapping[str, Any]) -> None:
        call = self.open.get(connection)
        if call is not None:
            call.status, call.said = message["status"], message["said"]
            if call.effect == "builds" and not call.status:
                self.built += 1
            self._answer(connection, "done")
            return
        call = self._begun(message)
        self.open[connection] = call
        answer = "go"
        if call.kind == "sleep" and call.node == HOST:
            self.slept += 1
            answer = f"cut {NAPS[self.slept > OFTEN]}"
        elif call.kind == "mark":
            self.marked = True
            hidden = lineage(message["pid"])
            self.best = None
            self.take("the mark", call.at, hidden)
            raise StoppedError(hidden)
        elif call.kind in ("kill", "note"):
            if call.kind == "kill" or call.effect == "removes":
                self._look(call, message["pid"])
            if call.kind == "kill":
                answer = str(self._kill(call.argv))
            else:
                self.built += 1
        elif call.effect == "removes":
            self._look(call, message["pid"])
        elif is_exec(call.argv) or call.kind in ("lasting", "missing"):
            self.built += 1  # it may be a server
        self._answer(connection, answer)

    @staticmethod
    def _answer(connection: socket.socket, text: str) -> None:
        with contextlib.suppress(OSError):  # the script has ended it
            connection.sendall(f"{text}\n".encode())

    def _begun(self, message: Mapping[str, Any]) -> Call:
        node = self._node(message["net"])
        words = message["argv"]
        what = effect(words)
        if message["kind"] == "note":
            first = words[-1].split()[:1]
            what = "removes" if first == ["kill"] else "builds"
        if words[0] == "ip" and ip_words(words)[0]:
            node = node_of(ip_words(words)[0])
        if self.upto == len(self.calls):
            hidden = lineage(message["pid"])
            self.take("the time was over", message["at"], hidden)
            raise StoppedError(hidden)
        self.heard = time.monotonic()
        call = Call(message["kind"], words, node, message["at"], message["user"], what)
        if len(self.calls) < CALLS:
            self.calls.append(call)
        return call

    def _node(self, inode: int) -> str:
        if inode == self.home:
            return HOST
        for path in SCRIPT_NAMESPACES.iterdir() if SCRIPT_NAMESPACES.is_dir() else ():
            if path.stat().st_ino == inode:
                return node_of(path.name)
        return "?"

    def _look(self, call: Call, pid: int) -> None:
        """Read the kernel before something goes, if anything has come since it was read."""
        if self.built and self.readings < READINGS:
            words = call.argv[1:] if call.kind == "note" else call.argv
            self.take(" ".join(words), call.at, lineage(pid))

    def take(self, before: str, at: str, hidden: set[int]) -> None:
        """Read the kernel, but for some processes, and keep what was read if it is not less than the most."""
        state = self.read(hidden)
        reading = Reading(self.readings, before, at, len(self.calls), weight(state), state)
        self.readings += 1
        self.built = 0
        if self.best is None or reading.weight >= self.best.weight:
            self.best = reading
        if self.stop is not None and reading.number >= self.stop:
            self.best = reading
            raise StoppedError(hidden)

    def _kill(self, argv: list[str]) -> int:
        """End processes of the script's by their names, as killall(1) and pkill(1) do, and nobody else's."""
        whole = any(word.startswith("-") and "f" in word for word in argv[1:])
        names = [word for word in argv[1:] if not word.startswith("-")]
        ended = 0
        for pid, words in theirs().items():
            shown = " ".join(words) if whole else words[0].rpartition("/")[2]
            if any(name in shown for name in names):
                os.kill(pid, signal.SIGTERM)
                ended += 1
        return 0 if ended else 1

    def as_written(self, words: list[str]) -> list[str]:
        """The words of a process as the script has them: a program may be found by another name."""
        for call in self.calls:
            own = call.argv[-len(words) :]
            same = own[1:] == words[1:] and len(own) < len(call.argv)
            if same and words[0].rpartition("/")[2].startswith(own[0].rpartition("/")[2]):
                return own
        return words

    def told(self) -> list[dict[str, Any]]:
        """All that was taken down, as JSON has it."""
        return [asdict(call) for call in self.calls]


def theirs() -> dict[int, list[str]]:
    """The processes that the script has started, with their words."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = b"NSGEN_CAPTURED=" in (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_text(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        if marked and words and int(entry.name) != os.getpid():
            found[int(entry.name)] = words
    return found


def lineage(pid: int) -> set[int]:
    """A process, and those that have started it."""
    found = set()
    while pid > 1:
        found.add(pid)
        pid = parent_of(pid)
    return found


def parent_of(pid: int) -> int:
    """Who has started a process; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def weight(state: Mapping[str, Any]) -> int:
    """How much there is: namespaces, devices, addresses, routes, rules, processes and files."""
    found = len(state["files"]) + len(state["processes"])
    for node in state["nodes"].values():
        found += 1 + len(node["links"]) + sum(1 for link in node["links"] if link.get("master"))
        found += sum(len(link.get("addr_info", ())) for link in node["addresses"])
        found += sum(len(routes) for routes in node["routes"].values())
        found += sum(len(rules) for rules in node["rules"].values())
        found += len(node["neighbours"]) + len(node["proxies"])
        for text in ("iptables", "ip6tables", "legacy", "nft"):
            found += sum(1 for line in node[text].splitlines() if line.startswith(("-A", "\t\t")))
    return found
