"""Feed a script to bash, cut off at thousands of places, and print what any of them got done.

    cuts.py SCRIPT FOLDER [ARGUMENT...]...

FOLDER is the whole PATH: programs that leave a line in FOLDER/../started, whoever starts them. Each ARGUMENT is one way
to run the script, as the words behind `bash`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile

SPREAD, LAST = 3000, 300
BASH = "/bin/bash"


def cuts(text: bytes) -> list[int]:
    """How much is left of a script: from its opening brace on, and every one of its last bytes.

    What lacks nothing but the newline at its end is the whole program.
    """
    begin, end = text.index(b"\n{") + 2, len(text) - 1
    spread = {begin + (end - begin) * at // SPREAD for at in range(SPREAD)}
    return sorted(spread | set(range(end - LAST, end)))


def complaints(text: bytes, folder: Path, ways: list[str]) -> Iterator[str]:
    """Name each cut that runs to its end, or starts a program."""
    started = folder.parent / "started"

    def run(job: tuple[int, str]) -> str:
        length, way = job
        with TemporaryFile() as cut:  # of a pipe, bash reads letter by letter
            cut.write(text[:length])
            cut.seek(0)
            done = subprocess.run(
                [BASH, *way.split()],
                stdin=cut,
                capture_output=True,
                env={"PATH": str(folder)},
                check=False,
            )
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return "" if done.returncode else f"bash {way}: {length} bytes: exit status 0: {said[-1:]}"

    started.write_bytes(b"")
    jobs = [(length, way) for length in cuts(text) for way in ways]
    with ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(run, jobs))
    for line in started.read_text().splitlines():
        yield f"it was started: {line}"
    sys.stdout.write(f"{len(jobs)} starts of bash\n")


def main(arguments: list[str]) -> int:
    """Say which cuts do anything; 1 if one does."""
    text, folder = Path(arguments[0]).read_bytes(), Path(arguments[1])
    found = list(complaints(text, folder, arguments[2:]))
    sys.stdout.writelines(f"{line}\n" for line in found[:20])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
