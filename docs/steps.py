"""Write docs/steps.md, the article step by step: from examples/steps/, out/steps/, and what `nsgen verify` says.

What stands above the mark in it is written by hand.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
STEPS = sorted((CHECKOUT / "examples/steps").glob("*.yaml"))
# The comment that a step's topology begins with: its number, the article's heading, and what it is about.
TITLE = re.compile(r'Step (\d), "(.+?)": (.+)')
PAGE = CHECKOUT / "docs/steps.md"
BEGIN = "<!-- made by docs/steps.py: begin -->\n"


def main() -> None:
    """Write the page anew, but for what stands above the mark."""
    above = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(above + made(), encoding="utf-8")


def made() -> str:
    """What stands below the mark, the mark with it."""
    with ThreadPoolExecutor(3) as pool:  # a rehearsal mostly waits for answers
        sections = list(pool.map(section, STEPS, [None, *STEPS]))
    return "\n".join([BEGIN, *sections])


def section(step: Path, before: Path | None) -> str:
    """One step, beside the one before it."""
    number, heading, about = title(step)
    picture = f"![Step {number}: {heading}](../out/steps/{step.stem}/topology.svg)\n"
    head = [f"## {number}. {heading}\n", f"{about[0].upper()}{about[1:]}\n", picture]
    return "\n".join([*head, *changes(step, before), *works(step, before)])


def title(step: Path) -> tuple[str, str, str]:
    """Its number, the article's heading, and what it is about."""
    lines = step.read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.strip("# ") for line in lines if line.startswith("#"))
    found = TITLE.match(comment)
    if found is None:
        raise SystemExit(f"{step}: the comment is not like {TITLE.pattern}")
    return found[1], found[2], found[3]


# -- what there is ------------------------------------------------------------------------------


def changes(step: Path, before: Path | None) -> Iterator[str]:
    """The topology and the plain script: whole, or what is new."""
    for name, read in ((f"examples/steps/{step.name}", topology), (plain(step), commands)):
        yield f"[{name}](../{name})" + (":\n" if before is None else ", beside the step before:\n")
        if before is None:
            yield block("yaml" if read is topology else "sh", read(step))
        else:
            yield block("diff", difference(read(before), read(step)))


def plain(step: Path) -> str:
    """Where the plain script of a step is."""
    return f"out/steps/{step.stem}/plain.sh"


def topology(step: Path) -> list[str]:
    """A topology without the comment that it begins with."""
    lines = step.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def commands(step: Path) -> list[str]:
    """A plain script, from where it does anything."""
    lines = (CHECKOUT / plain(step)).read_text(encoding="utf-8").splitlines()
    return lines[lines.index("set -e") + 2 :]


def difference(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """A diff whose parts are headed by the section of the script that they are in, if it has any."""
    shown: list[str] = []
    for line in list(difflib.unified_diff(before, now, n=1, lineterm=""))[2:]:
        part = re.match(r"@@ .* \+(\d+)", line)
        if part is None:
            shown.append(line.rstrip())  # a line that is empty in both is one here, too
            continue
        above = [at.strip("# -") for at in now[: int(part[1]) - 1] if at.startswith("# ---- ")]
        if above or shown:
            shown.append(" ".join(["@@", *above[-1:], "@@"]))
    return shown


def block(language: str, lines: Sequence[str]) -> str:
    """Lines of code."""
    return "\n".join([f"```{language}", *lines, "```", ""])


# -- what works ---------------------------------------------------------------------------------


def works(step: Path, before: Path | None) -> Iterator[str]:
    """What is answered from now on, why it was not before, and both matrices."""
    shown: list[str] = []
    if before is not None:
        script = f"out/steps/{before.stem}/setup.sh"
        yield "From now on:\n"
        yield "\n".join([*answered(verify(step, "--against", script, "--format", "json")), ""])
        shown += asking(step, "--against", script)
        shown.append("")
    yield block("text", [*shown, *asking(step)])


def answered(found: str) -> Iterator[str]:
    """Who reaches what that failed before, and for which reason it did."""
    reached: dict[tuple[str, str], list[str]] = {}
    claims: list[dict[str, Any]] = json.loads(found)["claims"]
    for claim in claims:
        if claim["wrong"] is not None:
            # How it failed, and after a colon why.
            reason = claim["wrong"].partition(": ")[2]
            ping = f"`{claim['to']}` by a ping"
            to = f"{claim['by']} at `{claim['to']}:{claim['port']}`" if claim["port"] else ping
            reached.setdefault((claim["from"], reason), []).append(to)
    for (asker, reason), targets in reached.items():
        yield f"- {asker} reaches {', '.join(targets)}. Before: {reason}."


def asking(step: Path, *words: str) -> Iterator[str]:
    """The command, the matrix that it prints, and the last line."""
    yield f"$ {' '.join(['nsgen verify', str(step.relative_to(CHECKOUT)), *words])}"
    parts = verify(step, *words).split("\n\n")
    for part in parts:
        if part.startswith(" "):
            yield from [*part.splitlines(), ""]
    yield parts[-1].splitlines()[-1]


def verify(step: Path, *words: str) -> str:
    """What `nsgen verify` says; an exit status of 1 is a claim that does not hold."""
    command = [sys.executable, "-m", "nsgen", "verify", str(step.relative_to(CHECKOUT)), *words]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "gen")}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
