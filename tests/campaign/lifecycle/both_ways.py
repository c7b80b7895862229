"""The inner half of test_pairs.py: one script over another and back, and what that did to the machine.

It tells of each way what was planned and not done or done and not planned, what was run (`-v`), which device and which
process is another one than before, and what came of connections meanwhile; and whether the machine is as a fresh build
leaves it.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nsgen.proof.lab.changing import Talking
from nsgen.proof.lab.main import Rehearsal, main
from nsgen.proof.lab.programs import output

SIGNED = re.compile("[-+~] [^ ]+: ")  # a line of `plan` and of `up`
PATIENCE = 1.0  # seconds: that it was interrupted is enough


class BothWays(Rehearsal):
    """One pair."""

    def run(self) -> None:
        """The new one over the old one, afresh, and the old one over it."""
        self.machine.make()
        self.stand_in()
        old = self.folder / "old.sh"
        self.script.write_text(self.of_root(self.job["script"]))
        old.write_text(self.of_root(self.job["old"]))
        self._build(old)
        first = self._look()
        there = self._change(self.script, first)
        second = self._look()
        self.tell("check", said=self.run_script("check")[1])
        self.run_script("down")
        self._build(self.script)
        fresh = self._look()
        self.tell("way", name="there", wrong=self._differs(fresh, second), **there)
        back = self._change(old, fresh)
        third = self._look()
        self.tell("way", name="back", wrong=self._differs(first, third), **back)

    def _build(self, script: Path) -> None:
        status, said = self.run_script("up", script)
        if status:
            self.tell("failed", text=said)

    def _change(self, script: Path, before: list[str]) -> dict[str, Any]:
        made, processes = dict(devices()), dict(services())
        planned = self.run_script("plan", script)[1]
        with Talking(self.job["flows"], PATIENCE) as talking:
            status, said = self.run_script("-v up", script)
        now = dict(devices())
        return {
            "status": status,
            "said": said.splitlines(),
            "planned": self._differs(
                *([*filter(SIGNED.match, x.splitlines())] for x in (planned, said))
            ),
            "other": [name for name, number in made.items() if now.get(name, number) != number],
            "gone": [name for name in made if name not in now],
            "come": [name for name in now if name not in made],
            "restarted": [n for n, pid in services() if processes.get(n, pid) != pid],
            "touched": sorted({node_of(line) for line in {*before} ^ {*self._look()}}),
            "flows": [
                [*self.job["flows"][number][:5], lost, long] for number, lost, long in talking.came
            ],
            "begun": len(talking.begun),
        }

    def _look(self) -> list[str]:
        self.settle()
        return output(
            [sys.executable, "-m", "nsgen.proof.lab.snapshot", "--stateless"]
        ).splitlines()

    @staticmethod
    def _differs(wanted: list[str], found: list[str]) -> list[str]:
        return (
            [line for line in difflib.ndiff(wanted, found) if line[0] in "+-"]
            if wanted != found
            else []
        )


def node_of(line: str) -> str:
    """Whom a line of a snapshot is about: processes are listed by the host."""
    words = line.split(" ")
    return words[2] if words[1] == "process" else words[0]


def devices() -> Iterator[tuple[str, int]]:
    """Every device, by node, and the number that it has for as long as it is there."""
    for node in ("host", *sorted(path.name for path in Path("/run/netns").iterdir())):
        enter = [] if node == "host" else ["-n", node]
        for link in json.loads(output(["ip", *enter, "-j", "link", "show"]) or "[]"):
            if link:
                yield f"{node}/{link['ifname']}", link["ifindex"]


def services() -> Iterator[tuple[str, str]]:
    """Every service, and the number of its process."""
    for record in sorted(Path("/run/nsgen").glob("*/*.*.pid")):
        yield record.name.removesuffix(".pid").replace(".", "/", 1), record.read_text()


if __name__ == "__main__":
    main(BothWays)
