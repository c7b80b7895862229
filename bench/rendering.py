"""How long nsgen itself takes, and how much memory: to render, to check, to verify.

What each command takes is compared, in the same round, with what it takes to start Python with the libraries that
nsgen stands on. The result goes to bench/rendering.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import shape

HERE = Path(__file__).resolve().parent
ARTICLE = str(HERE.parent / "examples/article.yaml")
Command = list[str]


def commands(folder: Path) -> dict[str, tuple[int, Command]]:
    """By name: how many rounds, and the command."""
    files = {number: folder / f"{number}.yaml" for number in (100, 10_000)}
    for number, file in files.items():
        file.write_text(shape.text(number))
    nsgen = [sys.executable, "-m", "nsgen"]
    return {
        "imports": (15, [sys.executable, "-c", "import click, jinja2, yaml"]),
        "render the article": (15, [*nsgen, "render", ARTICLE]),
        "check the article": (15, [*nsgen, "check", ARTICLE]),
        "render 10,000 namespaces": (5, [*nsgen, "render", str(files[10_000])]),
        "check 10,000 namespaces": (5, [*nsgen, "check", str(files[10_000])]),
        "verify the article": (5, [*nsgen, "verify", ARTICLE]),
        "verify 100 namespaces": (3, [*nsgen, "verify", str(files[100])]),
    }


def take(command: Command) -> dict[str, float]:
    """Run it: seconds, those of the processor, bytes of memory at most, and bytes printed."""
    # Python keeps what it has compiled, as it does for whoever installs it.
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=output, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"bench: {' '.join(command)} ends with {process.returncode}")
        return {
            "seconds": time.monotonic() - begin,
            "processor": used.ru_utime + used.ru_stime,
            "memory": used.ru_maxrss * 1024,
            "printed": output.tell() or output.seek(0, os.SEEK_END),
        }


def main() -> None:
    """Run all of them in turn, several times, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=HERE / "rendering.json")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory(prefix="nsgen-bench-") as folder:
        wanted = commands(Path(folder))
        take(wanted["render the article"][1])  # compiles nsgen's modules
        for turn in range(max(rounds for rounds, _ in wanted.values())):
            for name, (rounds, command) in wanted.items():
                if turn < rounds:
                    runs.append({"name": name, "round": turn} | take(command))
                    sys.stderr.write(f"{turn:3} {name:26} {runs[-1]['seconds']:.3f} s\n")
    arguments.output.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
