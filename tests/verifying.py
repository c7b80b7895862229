"""`nsgen verify` as users run it, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

CARDS = """\
name: cards
networks:
  front: {subnet: 10.1.0.0/24, internet: true, masquerade: {except: [10.9.0.0/16, 10.8.0.0/24]}}
namespaces:
  red: {networks: [front], publish: ["8080:80"]}
  office: {routes: [{to: 10.1.0.0/24, via: 10.8.0.1}]}
links:
  - endpoints: {"host:tunnel": 10.8.0.1/24, "office:tunnel": 10.8.0.2/24}
host:
  uplinks: {ens1: 192.168.178.1, ens2: 192.168.2.1}
"""


def verify(topology: str | Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as users do; a topology that is no file's name comes by standard input."""
    text = topology if isinstance(topology, str) else None
    command = [sys.executable, "-m", "nsgen", "verify", "-" if text else str(topology), *words]
    environment = os.environ | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env=environment
    )


def failures(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Give each claim that does not hold, without the reason for the claim, and what is said of it."""
    lines = done.stdout.splitlines()
    return {
        line.removeprefix("FAIL ").partition(" (")[0]: after.strip()
        for line, after in pairwise(lines)
        if line.startswith("FAIL ")
    }
