"""The inner half of a rehearsal: makes the machine, runs the script, tries the claims, and tells what it sees.

    python -m nsgen.rehearsal.inside JOB EVENTS

JOB is a file of JSON, EVENTS the number of an open descriptor to which a line of JSON goes for each event. It runs as
process 1 of namespaces that :mod:`nsgen.rehearsal.outside` has made for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsgen.rehearsal import tracing
from nsgen.rehearsal.asking import PATIENCE, Questions, knows_sctp
from nsgen.rehearsal.facts import facts
from nsgen.rehearsal.machine import NODES, Machine, RehearsalError, missing, output
from nsgen.rehearsal.nodes import file_of

STARTING = 3.0  # seconds for a service to listen
SETTLING = 5.0  # seconds for IPv6 addresses to become usable
# What the script says where all is as it is to be, and where nothing was in the way of removing it.
UNCHANGED = re.compile(r"nsgen: \S+: nothing to do")
REMOVED = re.compile(r"nsgen: \S+: removed .+")


class Rehearsal:
    """One run."""

    def __init__(self, job: Mapping[str, Any], events: int) -> None:
        """Take the job over."""
        self.job = job
        self.events = events
        self.folder = Path(job["folder"])
        self.script = self.folder / "setup.sh"
        self.sctp = knows_sctp()
        self.machine = Machine(self.folder, job["scene"])

    def tell(self, event: str, **values: object) -> None:
        """Tell the outer half."""
        os.write(self.events, (json.dumps({"event": event, **values}) + "\n").encode())

    def run(self) -> None:
        """All of it."""
        self.tell("step", text="making a host")
        self.machine.make()
        self.script.write_text(self.job["script"])
        self._stand_in()
        own = self.job["own"]
        lifecycle = own and self.job.get("lifecycle")
        before = self._snapshot() if lifecycle else ""
        self.tell("step", text="running the script")
        status, said = self._script("up" if own else "")
        if status and own:
            self.tell("phase", name="up", ok=False, text=f"exit status {status}: {said}")
            return
        self.tell("phase", name="up", ok=True, text="" if own else said)
        if "open" in self.job["scene"]["host"]:
            self.machine.invade()
        self._settle()
        self._listen()
        if self.job.get("trace"):
            self.tell("step", text="asking")
            nodes = [*NODES[1:], "host", *(path.name for path in Path("/run/netns").glob("*"))]
            self.tell("trace", **tracing.trace(nodes, tuple(self.job["trace"]), PATIENCE))
            return
        self.tell("step", text=f"asking {len(self.job['questions'])} questions")
        Questions(self.job, self.tell).ask()
        self.tell("facts", **facts())
        if self.job["original"]:
            self.tell("drift", text=self._drift())
        if self.job["keep"]:
            self.tell("keep")
            self._shell()
        if lifecycle:
            self._lifecycle(before)

    def _stand_in(self) -> None:
        """What runs as somebody else runs as root here: there is nobody else. Programs of services may be missing."""
        self.machine.stand_in("runuser", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        self.machine.stand_in("modprobe", "exit 1")
        if self.job.get("trace"):
            self._prefer_nft()
        absent = missing(self.job["programs"])
        for program in absent:
            self.machine.stand_in(program, "exec sleep 100000")
        if absent:
            self.tell(
                "note",
                text=f"not installed here, and a stand-in ran in its place: {', '.join(absent)}",
            )

    def _prefer_nft(self) -> None:
        """Only rules of iptables-nft can be traced; both are installed, whichever is in use."""
        for name in ("iptables", "ip6tables"):
            for command in ("", "-save", "-restore"):
                path = shutil.which(f"{name}-nft{command}")
                if path is not None:
                    (self.machine.programs / f"{name}{command}").symlink_to(path)

    def _script(self, command: str, path: Path | None = None) -> tuple[int, str]:
        words = ["bash", str(path or self.script), *([command] if command else [])]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False, timeout=600,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def _settle(self) -> None:
        """Wait until no address is tentative any more."""
        deadline = time.monotonic() + SETTLING
        nodes = ["host", *(p.name for p in Path("/run/netns").glob("*"))]
        while nodes and time.monotonic() < deadline:
            nodes = [n for n in nodes if self._tentative(n)]
            if nodes:
                time.sleep(0.1)

    @staticmethod
    def _tentative(node: str) -> bool:
        return bool(
            output(
                [
                    "nsenter",
                    f"--net={file_of(node)}",
                    "ip",
                    "-6",
                    "-o",
                    "address",
                    "show",
                    "tentative",
                ]
            )
        )

    def _listen(self) -> None:
        """Start who answers, where nobody of the topology's own does."""
        # A service that starts late may be first in between.
        tries = 5
        while said := self._try_to_listen():
            tries -= 1
            if not tries or "already in use" not in said:
                raise RehearsalError(said)

    def _try_to_listen(self) -> str:
        lines, taken = [], []
        busy = self._busy()
        for node, address, port, protocol in self.job["listeners"]:
            if not file_of(node).exists() or (protocol == "sctp" and not self.sctp):
                continue
            if (protocol, str(port)) in busy[node]:
                taken.append([node, port, protocol])
            else:
                lines.append(f"{node} {address} {port} {protocol}")
        done = subprocess.run(
            [sys.executable, "-m", "nsgen.rehearsal.responder", "--log", str(self.folder / "requests")],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.returncode:
            self.tell("taken", ports=taken)
        return done.stderr.strip()

    def _busy(self) -> dict[str, set[tuple[str, str]]]:
        """Who listens already; a service that has just been started has a while to do so."""
        awaited = {(node, protocol, str(port)) for node, port, protocol in self.job["awaited"]}
        nodes = {node for node, *_ in self.job["listeners"] if file_of(node).exists()}
        deadline = time.monotonic() + STARTING
        while True:
            busy = {node: self._listening(node) for node in nodes}
            missed = [
                (n, p, port) for n, p, port in awaited if n in busy and (p, port) not in busy[n]
            ]
            if not missed or time.monotonic() > deadline:
                return busy
            time.sleep(0.1)

    @staticmethod
    def _listening(node: str) -> set[tuple[str, str]]:
        found = set()
        for line in output(
            ["nsenter", f"--net={file_of(node)}", "ss", "-H", "-l", "-n", "-t", "-u"]
        ).splitlines():
            words = line.split()
            found.add((words[0], words[4].rpartition(":")[2]))
        return found

    def _drift(self) -> str:
        """What another script finds that differs, if its `check` fails as it should then."""
        path = self.folder / "original.sh"
        path.write_text(self.job["original"])
        status, said = self._script("check", path)
        return said if status == 1 else ""

    def _shell(self) -> None:
        environment = os.environ | {"PS1": "rehearsal# "}
        shell = ["bash", "--norc", "-i"]
        subprocess.run(shell, env=environment, check=False)

    # -- up again, check, down ------------------------------------------------------------------

    def _lifecycle(self, before: str) -> None:
        self.tell("step", text="running it again, and removing it")
        subprocess.run(["pkill", "-f", "nsgen.rehearsal.responder"], check=False)
        built = self._snapshot()
        status, said = self._script("up")
        changed = _difference(built, self._snapshot())
        idle = not status and UNCHANGED.fullmatch(said) is not None
        self.tell("phase", name="up again", ok=idle and not changed, text=changed if idle else said)
        status, said = self._script("check")
        self.tell("phase", name="check", ok=not status and not said, text=said)
        status, said = self._script("down")
        left = _difference(before, self._snapshot())
        for _ in range(10):
            if not left:
                break
            time.sleep(0.2)
            left = _difference(before, self._snapshot())
        removed = not status and REMOVED.fullmatch(said) is not None
        self.tell("phase", name="down", ok=removed and not left, text=left if removed else said)

    def _snapshot(self) -> str:
        return output([sys.executable, "-m", "nsgen.rehearsal.snapshot"])


def _difference(before: str, now: str) -> str:
    """What is in one of two snapshots alone, at most a few lines of it."""
    old, new = dict.fromkeys(before.splitlines()), dict.fromkeys(now.splitlines())
    lines = [f"gone: {line}" for line in old if line not in new]
    lines += [f"added: {line}" for line in new if line not in old]
    return "\n".join(lines[:10])


def main() -> None:
    """Do one job."""
    job, events = json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])
    rehearsal = Rehearsal(job, events)
    try:
        rehearsal.run()
    except (RehearsalError, OSError, subprocess.SubprocessError) as error:
        rehearsal.tell("failed", text=str(error))


if __name__ == "__main__":
    main()
