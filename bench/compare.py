"""Build the same topology in many ways, side by side, and time each: `make bench`.

Every run is on a host of its own (new network, mount and PID namespaces). In each round every way has its turn, so that
a machine that is slower for a while is so for all; what is told are medians, and ratios to the limit's of the same
round. The result goes to bench/result.json; `python bench/report.py` makes docs/performance.md of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ways import WAYS, Way, proof

HERE = Path(__file__).resolve().parent
SIZES = (2, 100, 300, 1000)
ROUNDS = {2: 7, 100: 7, 300: 7, 1000: 3}
Times = dict[str, float]


def measure(way: Way, number: int, seconds: float) -> Times | str:
    """Take the steps of a way once: seconds by step, or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="nsgen-bench-") as name:
        folder = Path(name)
        steps = way.steps(number, folder)
        for step, text in steps.items():
            (folder / _file(step)).write_text(text)
        (folder / "steps").write_text("".join(f"{_file(step)} {_file(step)}\n" for step in steps))
        (folder / "proof").write_text(proof(number, publishes=way.publishes))
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        command += ["bash", str(HERE / "host.sh"), str(folder)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"more than {seconds:.0f} s"
        found: Times = {}
        for line in done.stdout.splitlines():
            step, microseconds, status = line.split()
            if status != "0":
                log = (folder / f"{step}.log").read_text(errors="replace").strip().splitlines()
                return f"{step} failed: {log[-1] if log else 'no message'}"
            found[step.replace("-", " ")] = int(microseconds) / 1e6
        if done.returncode != 0:
            return f"the host does not start: {done.stderr.strip()}"
        return found


def _file(step: str) -> str:
    return step.replace(" ", "-")


def machine() -> dict[str, str]:
    """What this was measured on, without its name."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())

    def version(*command: str) -> str:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            return "not installed"
        return (done.stdout or done.stderr).strip().splitlines()[0]

    return {
        "processor": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory[1]) // 2**20 if memory else 0} GiB",
        "kernel": platform.release().split("-")[0],
        "bash": version("bash", "--version"),
        "iproute2": version("ip", "-V"),
        "iptables": version("iptables", "-V"),
        "python": platform.python_version(),
    }


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--ways", nargs="*", default=[way.name for way in WAYS])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=400.0, help="what one run may take")
    parser.add_argument("--output", type=Path, default=HERE / "result.json")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: run this as root: it makes network namespaces")
    missing = {way.name: way.missing() for way in WAYS if way.name in arguments.ways}
    chosen = [way for way in WAYS if way.name in arguments.ways and not missing[way.name]]
    runs: list[dict[str, Any]] = []
    given_up: set[str] = set()
    for number in sorted(arguments.sizes):
        for turn in range(arguments.rounds or ROUNDS.get(number, 3)):
            for way in chosen:
                if way.name in given_up:
                    continue
                found = measure(way, number, arguments.seconds)
                failed = isinstance(found, str)
                if failed:
                    given_up.add(way.name)
                entry = {
                    "way": way.name,
                    "namespaces": number,
                    "round": turn,
                    "load": os.getloadavg()[0],
                }
                runs.append(entry | ({"failed": found} if failed else {"seconds": found}))
                sys.stderr.write(f"{number:5} {turn} {way.name:10} {found}\n")
                result = {
                    "date": datetime.now(tz=timezone.utc).date().isoformat(),
                    "machine": machine(),
                    "not installed": {name: what for name, what in missing.items() if what},
                    "runs": runs,
                }
                arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
