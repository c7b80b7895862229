"""A script that lacks any part of what a proxy takes is noticed by `nsgen verify`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from parts import halved

SIDECAR = Path(__file__).resolve().parents[3] / "examples/sidecar.yaml"


def nsgen(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as users do."""
    command = [sys.executable, "-m", "nsgen", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


MUTANTS = {
    "TPROXY": ("-j TPROXY", "client -> 10.2.0.2:80 must be answered by gate"),
    "DIVERT": ("-m socket", "gate@10.1.0.2 -> 10.2.0.2:7002 must be answered by app"),
    "mark": ("-j MARK", "gate@10.1.0.2 -> 10.2.0.2:7002 must be answered by app"),
    "rule": ("^rule add priority 2 ", "client -> 10.2.0.2:80 must be answered by gate"),
    "route": ("^route replace local", "client -> 10.2.0.2:80 must be answered by gate"),
    "REDIRECT": ("--to-ports 8080", "client -> 10.2.0.2:443 must be answered by gate"),
}


@pytest.mark.parametrize("name", halved(list(MUTANTS)))
def test_what_is_left_out_is_noticed(name: str, tmp_path: Path) -> None:
    """Without any part of what a proxy takes, a claim fails."""
    left_out, claim = MUTANTS[name]
    script = nsgen("render", str(SIDECAR)).stdout
    lines = script.splitlines(keepends=True)
    kept = [line for line in lines if not re.search(left_out, line)]
    assert len(kept) < len(lines)
    mutant = tmp_path / "setup.sh"
    mutant.write_text("".join(kept))
    done = nsgen("verify", str(SIDECAR), "--against", str(mutant))
    assert done.returncode == 1
    assert f"FAIL {claim}" in done.stdout
