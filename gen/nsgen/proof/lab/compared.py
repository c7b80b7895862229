"""The inner half of a comparison: builds a machine by one script, says what it is, and asks what it is told to.

It is a rehearsal, :mod:`nsgen.proof.lab.main`, but for what it asks: what that is comes line by line by standard
input, as JSON, because it depends on other machines, too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nsgen.proof.lab.main import Rehearsal, main
from nsgen.proof.lab.observing import Document, Job, devices_of, observe

LAST = 8  # lines of what a script has said
# A script that somebody wrote calls sudo; here it is root already.
SUDO = """\
while :; do
  case "$1" in
    -u | -g | -C | -h | -p) shift 2 ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# = 0 ] || exec "$@\""""


class ComparedRehearsal(Rehearsal):
    """A rehearsal of which the outer half asks."""

    def run(self) -> None:
        """Make the machine, run the script, and look."""
        self.prepare()
        own = self.job["own"]
        if not own:
            self.machine.stand_in("sudo", SUDO)
            self.machine.stand_in(
                "modprobe", "exit 0"
            )  # what is missing, the next command will say
        devices = devices_of()
        self.tell("step", text="running the script")
        words = [*_interpreter(self.script), str(self.script), *(["up"] if own else [])]
        wrong, said = run_within(words, self.job["timeout"], self.folder / "said")
        if wrong:
            said = said.replace(str(self.script), self.job["name"])
            self.tell("unbuilt", text=wrong, said=said)
            return
        observe(self.machine, self.job["name"], self.following, devices)

    def shown(self, document: Document) -> Document:
        """What is told of a machine that was looked at."""
        return document

    def following(self, document: Document) -> Job | None:
        """Tell what is known, and take what is to be asked."""
        if document["asked"]:
            known = {key: document[key] for key in ("asked", "verdicts", "notes")}
            self.tell("answers", **known)
        else:
            self.tell("seen", document=self.shown(document))
        line = sys.stdin.readline()
        asked: Job = json.loads(line or "{}")
        return asked or None


def _interpreter(script: Path) -> list[str]:
    """What a script is to be run by: its first line says, or bash."""
    first = script.read_text(errors="surrogateescape").partition("\n")[0]
    return first[2:].split() if first.startswith("#!") else ["bash"]


def run_within(words: Sequence[str], seconds: float, log: Path) -> tuple[str, str]:
    """Run a script with a time limit: what is wrong, if anything is, and its last lines.

    What it leaves in the background may go on, and may keep its output open.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            status = process.wait(seconds)
            wrong = f"it failed with exit status {status}" if status else ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            wrong = f"it did not end within {seconds:.0f} s"
    lines = log.read_text(errors="replace").rstrip().splitlines()
    return wrong, "\n".join(lines[-LAST:])


if __name__ == "__main__":
    main(ComparedRehearsal)
