"""The inner half of a capture: makes the machine, runs a script of somebody's, and tells what the kernel said.

    python -m nsgen.proof.lab.capture JOB EVENTS

It is as :mod:`nsgen.proof.lab.main`, whose machine it is. With `ask` in its job it is asked by standard input while the
machine is as at one of the readings, as :mod:`nsgen.proof.lab.compared` is.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsgen.proof.lab import state, uplinks
from nsgen.proof.lab.compared import ComparedRehearsal
from nsgen.proof.lab.copied import Programs, cover, words_of
from nsgen.proof.lab.main import main
from nsgen.proof.lab.observing import Document, devices_of, observe
from nsgen.proof.lab.programs import RehearsalError
from nsgen.proof.lab.recorder import Recorder, StoppedError, theirs
from nsgen.proof.lab.shim import OWN

LINGERING = 1.2  # seconds for what the script has left behind to start
NOBODY = 65534
SAID = 20000  # bytes of what the script printed, the last ones
STOOD_IN = ["sleep", "100000"]  # as nsgen.proof.lab.main has a service whose program is missing
# Before every command of a shell: where it stands, for what it calls. What it does without a program is told. It is in
# one line, because the number of a line counts those of this, too.
BEFORE_EACH = (
    r"""trap 'case ${BASH_SOURCE[0]-} in "") ;; """
    r""""$NSGEN_SCRIPT"/*|[!/]*) export NSGEN_AT="$LINENO:${BASH_SOURCE[0]}"; """
    r"""printf "%s\n" "$NSGEN_AT" >|"$NSGEN_CAPTURED/last" ;; esac; """
    r"""case $BASH_COMMAND in "kill "*|*">"*/proc/sys/*|*/etc/netns/*|"tee "*/proc/sys/*|*/ns/net*) """
    r"""nsgen-note "$BASH_COMMAND" ;; esac' DEBUG; set -o functrace"""
)


class Capture(ComparedRehearsal):
    """One run of a script."""

    def __init__(self, job: Mapping[str, Any], events: int) -> None:
        """Take the job over; the script has its own place."""
        super().__init__(job, events)
        self.script = Path(job["path"])
        self.hidden: set[int] = set()  # processes that are the script itself

    def run(self) -> None:
        """Make the machine, run the script, and tell."""
        self.tell("step", text="making a host")
        self.machine.make()
        uplinks.connect(self.machine, self.job["scene"]["beyond"])
        self._own_sys()
        programs = Programs(self.folder)
        cover(self.folder)
        programs.put()
        os.environ["PATH"], path = programs.paths()
        self._names()
        self._put(self.job["script"].encode("utf-8", "surrogateescape"))
        devices = devices_of()
        baseline = state.read(empty=True)
        self.recorder = recorder = Recorder(
            self.folder, self.read, stop=self.job["stop"], upto=self.job["upto"]
        )
        self.tell("step", text="running the script")
        started = time.monotonic()
        process = self._started(path)
        ended = stopped = False
        try:
            ended = recorder.serve(process, started + self.job["timeout"])
            if ended and theirs():
                recorder.linger(LINGERING)
            recorder.take("the end" if ended else "the time was over", self._last(), set())
        except StoppedError as stop:
            stopped = True
            self.hidden = stop.hidden
        if self.job["ask"]:
            observe(self.machine, self.job["name"], self.following, devices)
            return
        best = recorder.best
        if best is None:
            raise RehearsalError("the kernel was never read")
        said = (self.folder / "said").read_bytes()[-SAID:].decode(errors="replace")
        self.tell(
            "captured", baseline=baseline, state=best.state, reading=best.number, readings=recorder.readings,
            before=best.before, at=best.at, calls=recorder.told(), upto=best.calls, said=said,
            status=process.returncode if ended else None, ended=ended, stopped=stopped, marked=recorder.marked,
            last=self._last(), read=self._read(), uplink=self.job["scene"]["uplink"],
        )  # fmt: skip

    def shown(self, document: Document) -> Document:
        """Without the script itself, and what stands in for others as these."""
        found = document["state"]["processes"]
        shown = [self._shown(p, asked=True) for p in found if p["pid"] not in self.hidden]
        document["state"]["processes"] = [process for process in shown if not process["own"]]
        return document

    def _started(self, path: str) -> subprocess.Popen[bytes]:
        """Start the script, as root who has just come."""
        before = self.folder / "before.bash"
        before.write_text(BEFORE_EACH)
        environment = os.environ | {
            "PATH": path, "BASH_ENV": str(before), "NSGEN_CAPTURED": str(self.folder), "NSGEN_AT": "",
            "NSGEN_SCRIPT": str(self.script.parent),
            "HOME": os.environ.get("HOME", "/root"), "USER": "root", "LOGNAME": "root", "TERM": "dumb",
        }  # fmt: skip
        for name in ("NSGEN_NODES", "PYTHONPATH", "TMPDIR", "NSGEN_AS"):
            environment.pop(name, None)
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * len(self.job["input"]))
        os.write(writer, self.job["input"].encode("latin-1"))
        os.close(writer)
        self.input = reader
        with (self.folder / "said").open("wb") as said:
            return subprocess.Popen(
                words_of(self.script, self.job["arguments"]), stdin=reader, stdout=said, stderr=subprocess.STDOUT,
                env=environment, cwd=self.job["cwd"], start_new_session=True,
            )  # fmt: skip

    def _read(self) -> int:
        """How many bytes of its standard input the script has read."""
        left = bytearray(4)
        fcntl.ioctl(self.input, termios.FIONREAD, left)
        return len(self.job["input"]) - int.from_bytes(left, sys.byteorder)

    def _last(self) -> str:
        try:
            return (self.folder / "last").read_text().strip()
        except OSError:
            return ""

    def read(self, but: set[int]) -> dict[str, Any]:
        """Read the kernel; without some processes."""
        found = state.read()
        shown = [self._shown(p) for p in found["processes"] if p["pid"] not in but]
        found["processes"] = [process for process in shown if not process["own"]]
        return found

    def _shown(self, process: dict[str, Any], *, asked: bool = False) -> dict[str, Any]:
        """A process as the script has it: its user, where it was started, and without the words of a stand-in."""
        words = process["argv"]
        if words[1:2] == ["-IS"] and words[3:4] == [str(self.folder)]:
            process["argv"] = STOOD_IN if asked else words[4:]
        elif not asked:
            process["argv"] = self.recorder.as_written(words)
        try:
            text = Path(f"/proc/{process['pid']}/environ").read_bytes().decode(errors="replace")
        except OSError:
            text = ""
        known = dict(one.partition("=")[::2] for one in text.split("\0"))
        process["own"] = OWN in known
        process["at"] = known.get("NSGEN_AT", "")
        if not asked and known.get("NSGEN_AS"):
            process |= {"user": known["NSGEN_AS"], "uid": NOBODY}  # there is nobody but root here
        return process

    @staticmethod
    def _own_sys() -> None:
        """Devices can be set by /sys, where all that this root could reach is his own."""
        if Path("/proc/self/uid_map").read_text().split()[2] == "1":
            subprocess.run(["mount", "-o", "remount,rw", "/sys"], capture_output=True, check=False)

    def _names(self) -> None:
        """Somebody on the internet has the names that the script speaks of."""
        hosts = Path("/etc/hosts")
        internet = self.job["scene"]["sides"]["4"]["internet"]
        text = hosts.read_text() if hosts.exists() else ""
        hosts.unlink(missing_ok=True)
        hosts.write_text(text + "".join(f"{internet} {name}\n" for name in self.job["names"]))

    def _put(self, text: bytes) -> None:
        """The script as it is to run, in its place, where it has a mark in it or was not on the disk."""
        if self.script.is_file() and self.script.read_bytes() == text:
            return
        mode = self.script.stat().st_mode if self.script.exists() else 0o755
        self.script.parent.mkdir(parents=True, exist_ok=True)
        self.script.unlink(missing_ok=True)
        self.script.write_bytes(text)
        self.script.chmod(mode)


if __name__ == "__main__":
    main(Capture)
