"""The inner half of a rehearsal: makes the machine, runs the script, tries the claims, and tells what it sees.

    python -m nsgen.proof.lab.main JOB EVENTS

JOB is a file of JSON, EVENTS the number of an open descriptor to which a line of JSON goes for each event. It runs as
process 1 of namespaces that :mod:`nsgen.proof.rehearse` has made for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nsgen.proof.lab import remedies, tracing, uplinks
from nsgen.proof.lab.asking import PATIENCE, Questions, knows_sctp
from nsgen.proof.lab.evidence import facts
from nsgen.proof.lab.joined import joining
from nsgen.proof.lab.machine import NODES, Machine
from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import RehearsalError, missing, output
from nsgen.proof.lab.responder import EVERYWHERE
from nsgen.proof.lab.still import SETTLING, settle

STARTING = 5.0  # seconds for a service to listen
TRIES, APART = (
    10,
    0.2,
)  # how often to look whether the machine is as it was, and after how many seconds again
# What the script says where all is as it is to be, and where nothing was in the way of removing it.
UNCHANGED = re.compile(r"nsgen: \S+: nothing to do")
REMOVED = re.compile(r"nsgen: \S+: removed .+")
# A policy rule that is for others than root, and one of iptables for all but one of them.
FOR_USERS = re.compile(
    r"^(.*\brule add .*\buidrange (?!0-0 )|-A .* -m owner ! --uid-owner ).*\n", re.MULTILINE
)
# A tap device that others than root may open.
TAPS_OF_USERS = re.compile(r"(\btuntap add [^\n]*?) user (?!(?:0|root)\b)[^ \n']+")

Listening = tuple[str, str, int]  # the protocol, the port, and the IP version


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
        self.absent = missing(job["programs"])

    def tell(self, event: str, **values: object) -> None:
        """Tell the outer half."""
        text = (json.dumps({"event": event, **values}) + "\n").encode()
        while text:  # a signal may cut a long one
            text = text[os.write(self.events, text) :]

    def prepare(self) -> None:
        """Make the machine, and put the script there."""
        self.tell("step", text="making a host")
        self.machine.make()
        uplinks.connect(self.machine, self.job["scene"]["beyond"])
        self.script.write_text(self._joining(self.runnable(self.job["script"])))
        self.stand_in()

    def run(self) -> None:
        """Run the script, ask, and run the script again."""
        self.prepare()
        own = self.job["own"]
        lifecycle = own and self.job.get("lifecycle")
        before = self.snapshot() if lifecycle else ""
        self.tell("step", text="running the script")
        status, said = self.run_script("up" if own else "")
        if status and own:
            self.tell("phase", name="up", ok=False, text=f"exit status {status}: {said}")
            return
        self.tell("phase", name="up", ok=True, text="" if own else said)
        self.machine.add_foreign_rules()
        self.settle()
        self.listen()
        if self.job.get("trace"):
            self.tell("step", text="asking")
            ruled = ["host", *(path.name for path in Path("/run/netns").glob("*"))]
            asked = tuple(self.job["trace"])
            self.tell("trace", **tracing.trace([*NODES[1:], *ruled], ruled, asked, PATIENCE))
            return
        self.tell("step", text=f"asking {len(self.job['questions'])} questions")
        questions = Questions(self.job, self.tell)
        questions.ask()
        lost = questions.lost if self.job["lifecycle"] else []
        self.tell("facts", **facts(), remedies=remedies.tried(lost, questions.again))
        if self.job["original"]:
            self.tell("drift", text=self._drift())
        if lifecycle:
            self._lifecycle(before)

    def runnable(self, script: str) -> str:
        """A script as it can run here: services whose programs are missing are never ready."""
        for node, name, *programs in self.job["waits"]:
            if set(programs) & set(self.absent):
                script = script.replace(f"\n  ready {node} {name} ", f"\n  : ready {node} {name} ")
        return self.of_root(script)

    def of_root(self, script: str) -> str:
        """A script without what is for other users: there are none, and the kernel refuses their numbers."""
        found, rules = FOR_USERS.subn("", script)
        found, taps = TAPS_OF_USERS.subn(r"\1", found)
        if rules:
            text = "nobody but root is here: rules for packets of some users (uidrange, proxy_uid) are left out"
            self.tell("note", text=text)
        if taps:
            self.tell("note", text="nobody but root is here: tap devices are root's alone")
        return found

    def _joining(self, script: str) -> str:
        """A script that joins, in place of namespaces that somebody else made, empty ones of the rehearsal's own."""
        for name, path in self.job["joined"].items():
            text = f"{name} is a stand-in for {path}: a namespace with nothing but lo"
            self.tell("note", text=text)
        return joining(self.machine, self.job["joined"], script)

    def stand_in(self) -> None:
        """What runs as somebody else runs as root here: there is nobody else. Programs of services may be missing."""
        self.machine.stand_in("runuser", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        self.machine.stand_in("modprobe", "exit 1")
        if self.job.get("trace"):
            self._prefer_nft()
        for program in self.absent:
            self.machine.stand_in(program, "exec sleep 100000")
        if self.absent:
            self.tell(
                "note",
                text=f"not installed here, and a stand-in ran in its place: {', '.join(self.absent)}",
            )

    def _prefer_nft(self) -> None:
        """Only rules of iptables-nft can be traced; both are installed, whichever is in use."""
        for name in ("iptables", "ip6tables"):
            for command in ("", "-save", "-restore"):
                path = shutil.which(f"{name}-nft{command}")
                if path is not None:
                    (self.machine.programs / f"{name}{command}").symlink_to(path)

    def run_script(self, command: str, path: Path | None = None) -> tuple[int, str]:
        """Run the script, or another one: its exit status, and what it says."""
        words = ["bash", str(path or self.script), *command.split()]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False, timeout=600,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def listen(self) -> None:
        """Start who answers, where nobody of the topology's own does."""
        # A service that starts late may be first in between.
        tries = 5
        while said := self._try_to_listen():
            tries -= 1
            if not tries or "already in use" not in said:
                raise RehearsalError(said)

    @staticmethod
    def silence() -> None:
        """End who answers."""
        subprocess.run(["pkill", "-f", "nsgen.proof.lab.responder"], check=False)

    def _try_to_listen(self) -> str:
        lines, taken = [], []
        busy = self._busy()
        for node, address, port, protocol in self.job["listeners"]:
            if not file_of(node).exists() or (protocol == "sctp" and not self.sctp):
                continue
            for one in EVERYWHERE if address == "*" else (address,):
                if (protocol, str(port), version_of(one)) in busy[node]:
                    taken.append([node, port, protocol])
                else:
                    lines.append(f"{node} {one} {port} {protocol}")
        done = subprocess.run(
            [sys.executable, "-m", "nsgen.proof.lab.responder", "--log", str(self.folder / "requests")],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.returncode:
            self.tell("taken", ports=taken)
        return done.stderr.strip()

    def _busy(self) -> dict[str, set[Listening]]:
        """Who listens already; a service that has just been started has a while to do so."""
        awaited = {(node, protocol, str(port)) for node, port, protocol in self.job["awaited"]}
        nodes = {node for node, *_ in self.job["listeners"] if file_of(node).exists()}
        deadline = time.monotonic() + STARTING
        while True:
            busy = {node: self._listening(node) for node in nodes}
            heard = {(n, p, port) for n, listening in busy.items() for p, port, _ in listening}
            missed = {one for one in awaited if one[0] in busy} - heard
            if not missed or time.monotonic() > deadline:
                return busy
            time.sleep(0.1)

    @staticmethod
    def _listening(node: str) -> set[Listening]:
        found: set[Listening] = set()
        for line in output(
            ["nsenter", f"--net={file_of(node)}", "ss", "-H", "-l", "-n", "-t", "-u"]
        ).splitlines():
            words = line.split()
            address, _, port = words[4].rpartition(":")
            versions = (4, 6) if address == "*" else (version_of(address),)
            found |= {(words[0], port, version) for version in versions}
        return found

    def _drift(self) -> str:
        """What another script finds that differs, if its `check` fails as it should then."""
        path = self.folder / "original.sh"
        path.write_text(self.job["original"])
        status, said = self.run_script("check", path)
        return said if status == 1 else ""

    # -- up again, check, down ------------------------------------------------------------------

    def _lifecycle(self, before: str) -> None:
        self.tell("step", text="running it again, and removing it")
        self.silence()
        built = self.snapshot()
        status, said = self.run_script("up")
        changed = self._changed(built)
        idle = not status and UNCHANGED.fullmatch(said) is not None
        self.tell("phase", name="up again", ok=idle and not changed, text=changed if idle else said)
        status, said = self.run_script("check")
        self.tell("phase", name="check", ok=not status and not said, text=said)
        status, said = self.run_script("down")
        left = self._changed(before)
        removed = not status and REMOVED.fullmatch(said) is not None
        self.tell("phase", name="down", ok=removed and not left, text=left if removed else said)

    def _changed(self, before: str) -> str:
        """How the machine differs from a snapshot, once it is still."""
        return self.differs(before, self.snapshot)

    @staticmethod
    def differs(before: str, look: Callable[[], str]) -> str:
        """How what is seen differs from before, once it is still."""
        changed = ""
        for _ in range(TRIES):
            changed = _difference(before, look())
            if not changed:
                break
            time.sleep(APART)
        return changed

    def snapshot(self) -> str:
        """The machine, once it is still."""
        self.settle()
        return output([sys.executable, "-m", "nsgen.proof.lab.snapshot"])

    def settle(self) -> None:
        """Wait until it is still."""
        for what in settle():
            self.tell("note", text=f"not still after {SETTLING:.0f} s: {what}")


def version_of(address: str) -> int:
    """The IP version of an address as ss(8) or a job has it."""
    return 6 if ":" in address else 4


def _difference(before: str, now: str) -> str:
    """What is in one of two snapshots alone, at most a few lines of it."""
    old, new = dict.fromkeys(before.splitlines()), dict.fromkeys(now.splitlines())
    lines = [f"gone: {line}" for line in old if line not in new]
    lines += [f"added: {line}" for line in new if line not in old]
    if before != now and not lines:
        lines = [f"in another order: {a}" for a, b in zip(old, new, strict=False) if a != b]
    return "\n".join(lines[:10])


def main(kind: type[Rehearsal] = Rehearsal) -> None:
    """Do one job."""
    job, events = json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])
    os.set_inheritable(events, False)  # noqa: FBT003 - of the standard library
    rehearsal = kind(job, events)
    try:
        rehearsal.run()
    except (RehearsalError, OSError, subprocess.SubprocessError) as error:
        rehearsal.tell("failed", text=str(error))


if __name__ == "__main__":
    main()
