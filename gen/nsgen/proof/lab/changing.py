"""Rehearse a change: one script over another that is up, with connections through what both have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from typing_extensions import Self

from nsgen.proof.lab.asking import Questions
from nsgen.proof.lab.main import Rehearsal, main
from nsgen.proof.lab.programs import RehearsalError, output

PATIENCE = 8.0  # seconds: longer than a neighbour's MAC address is believed, and looked for again
Outage = tuple[
    int, int, float | None
]  # the flow, how many packets were lost, for how long; None: for good


class Talking:
    """Connections that talk while something is done; see :mod:`nsgen.proof.lab.flows`."""

    def __init__(self, flows: list[list[Any]], patience: float = PATIENCE) -> None:
        """Take over which, and how long those that do not come back are waited for."""
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "nsgen.proof.lab.flows", str(patience)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.wanted = flows
        self.begun: list[int] = []
        self.came: list[Outage] = []

    def __enter__(self) -> Self:
        """Wait until they talk."""
        into, out = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)
        into.write(json.dumps(self.wanted) + "\n")
        into.flush()
        said, _, numbers = out.readline().partition(" ")
        if said != "ready":
            raise RehearsalError("connections could not be made")
        self.begun = json.loads(numbers)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them, once they are well again; what came of each is known then."""
        if kind is not None:
            self.process.kill()
        said, _ = self.process.communicate()
        if kind is None:
            self.came = [tuple(one) for one in json.loads(said)]


class Changing:
    """The old script is up, and the new one runs over it."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        """Take over the rehearsal, whose script is the new one."""
        self.rehearsal = rehearsal
        self.tell = rehearsal.tell
        self.after = dict(rehearsal.job)
        self.before: dict[str, Any] = {**self.after, **self.after["before"]}
        self.old = rehearsal.folder / "old.sh"

    def run(self) -> None:
        """Build the new one afresh, then the old one; ask; and change it."""
        self.old.write_text(self.rehearsal.runnable(self.before["script"]))
        untouched = self.rehearsal.snapshot()
        self.tell("step", text="building the new one afresh, and removing it")
        self._script("up", "the new one cannot be built")
        fresh = self._stateless()
        self._script("down", "the new one cannot be removed")
        self.tell("step", text="building the old one")
        self._script("up", "the old one cannot be built", self.old)
        self._ask("old", self.before)
        self.tell("step", text="changing it")
        with Talking(self.after["flows"]) as talking:
            status, said = self.rehearsal.run_script("up")
        self.tell("talked", begun=talking.begun, came=talking.came)
        self.tell("phase", name="change", ok=not status, text=said if status else "")
        if status:
            return
        left = self.rehearsal.differs(fresh, self._stateless)
        self.tell("phase", name="fresh", ok=not left, text=left)
        status, said = self.rehearsal.run_script("check")
        self.tell("phase", name="check", ok=not status and not said, text=said)
        self._ask("new", self.after)
        status, said = self.rehearsal.run_script("down")
        left = self.rehearsal.differs(untouched, self.rehearsal.snapshot)
        self.tell("phase", name="down", ok=not status and not left, text=said if status else left)

    def _script(self, command: str, wrong: str, path: Path | None = None) -> None:
        status, said = self.rehearsal.run_script(command, path)
        if status:
            raise RehearsalError(f"{wrong}: exit status {status}: {said}")
        self.rehearsal.settle()

    def _stateless(self) -> str:
        """The machine, without what scripts remember: that is another thing after a change."""
        self.rehearsal.settle()
        return output([sys.executable, "-m", "nsgen.proof.lab.snapshot", "--stateless"])

    def _ask(self, which: str, job: dict[str, Any]) -> None:
        """Ask what one of the two claims."""
        self.rehearsal.job = job
        self.rehearsal.settle()
        self.tell("asking", which=which)
        self.rehearsal.listen()
        self.tell("step", text=f"asking {len(job['questions'])} questions of the {which} one")
        Questions(job, self.tell).ask()
        self.rehearsal.silence()


class ChangeRehearsal(Rehearsal):
    """A rehearsal of a change, in place of one of a script."""

    def run(self) -> None:
        """Make the machine, and change what runs there."""
        self.prepare()
        Changing(self).run()


if __name__ == "__main__":
    main(ChangeRehearsal)
