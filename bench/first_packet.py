"""Connections per second to the last of 1, 1,000 and 10,000 published ports, from outside and from a sibling."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORTS = (1, 1000, 10000)


def text(ports: int) -> str:
    """Describe a namespace that publishes so many ports, each as another one of its own, and a sibling."""
    published = ", ".join(f'"{10000 + port}:{20000 + port}"' for port in range(1, ports + 1))
    return (
        "name: ports\nnetworks: {lan0: {subnet: 10.77.0.0/24, internet: true}}\nnamespaces:\n"
        f"  red: {{networks: [lan0], publish: [{published}]}}\n  blue: {{networks: [lan0]}}\n"
    )


def rates(ports: int, seconds: float) -> dict[str, float]:
    """Ask once: connections per second by who asks."""
    with tempfile.TemporaryDirectory(prefix="nsgen-bench-") as name:
        folder = Path(name)
        render = [sys.executable, "-m", "nsgen", "render", "-"]
        script = subprocess.run(
            render, input=text(ports), capture_output=True, text=True, check=True
        )
        (folder / "setup.sh").write_text(script.stdout)
        (folder / "ask").write_text(f"{10000 + ports} {20000 + ports}\n")
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        command += ["bash", str(HERE / "first_packet.sh"), str(folder), str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
        return {who: float(rate) for who, rate in map(str.split, done.stdout.splitlines())}


def main() -> None:
    """Ask of all of them in turn, several times, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs="*", default=PORTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--output", type=Path, default=HERE / "first_packet.json")
    arguments = parser.parse_args()
    found = []
    for turn in range(arguments.rounds):
        for ports in arguments.ports:
            found.append({"ports": ports, "round": turn, "rates": rates(ports, arguments.seconds)})
            sys.stderr.write(f"{ports:6} {turn} {found[-1]['rates']}\n")
            arguments.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
