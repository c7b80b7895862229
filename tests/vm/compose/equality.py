"""Compare what two worlds answered: every difference is listed, and every one that is listed is there.

    equality.py ANSWERS differences.json

A line of what differs is "QUESTION | what Docker answers | what ours does", "-" being nothing. Each fits the pattern of
one entry of the list, which has how many lines of each case do.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(answers: Path, listed: Path) -> None:
    """Compare all cases that were asked, and say what is not as the list has it."""
    entries = json.loads(listed.read_text(encoding="utf-8"))
    cases = {path.stem for path in (answers / "docker").glob("*.json")}
    wrong = [line for case in sorted(cases) for line in wrong_in(case, answers, entries)]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    if wrong or not cases:
        sys.exit(1)


def wrong_in(case: str, answers: Path, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of a case that fit no entry or several, and the entries that have another number of them."""
    docker, ours = (
        json.loads((answers / world / f"{case}.json").read_text(encoding="utf-8"))
        for world in ("docker", "ours")
    )
    counts: Counter[int] = Counter()
    for key in sorted({*docker, *ours}):
        line = f"{key} | {docker.get(key, '-')} | {ours.get(key, '-')}"
        if docker.get(key) != ours.get(key):
            fitting = [
                number
                for number, entry in enumerate(entries)
                if re.fullmatch(entry["pattern"], line)
            ]
            counts.update(fitting)
            if len(fitting) != 1:
                yield f"{case}: fits {len(fitting)} entries: {line}"
    for number, entry in enumerate(entries):
        wanted = entry["cases"].get(case, 0)
        if counts[number] != wanted:
            yield f"{case}: {counts[number]}, and not {wanted}: {entry['what']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
