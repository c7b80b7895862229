"""A script that lacks any part of what a proxy, an uplink or an exception takes is noticed by `nsgen verify`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from parts import halved
from verifying import CARDS, failures, verify

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


@pytest.mark.parametrize(
    ("gone", "claims"),
    halved(
        [
            (
                "-d 10.9.0.0/16 ! -o front -j RETURN",
                {"red -> 10.9.0.1:7001 must be answered by internet"},
            ),
            (
                "-s 10.9.0.0/16 -d 10.1.0.0/24",
                {"red -> 10.9.0.1:7001 must be answered by internet"},
            ),
            (
                "-d 10.8.0.0/24 ! -o front -j RETURN",
                {"red -> 10.8.0.2:7002 must be answered by office"},
            ),
            ("-i ens2 ", {"ping", "port"}),
            ("MARK -m connmark", {"ping", "port"}),
            ("OWN -m connmark", {"ping"}),
            ("rule add priority 902", {"port"}),
            ("rule add priority 903", {"ping", "port"}),
            ("dev ens2 table 1002", {"ping", "port"}),
            ("ens2.src_valid_mark", {"ping", "port"}),
        ]
    ),
)
def test_what_uplinks_and_exceptions_take(tmp_path: Path, gone: str, claims: set[str]) -> None:
    """Without one of their lines a claim fails."""
    file, edited = tmp_path / "cards.yaml", tmp_path / "edited.sh"
    file.write_text(CARDS)
    words = [sys.executable, "-m", "nsgen", "render", str(file)]
    script = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    kept = [line for line in script.splitlines() if gone not in line]
    assert len(kept) < len(script.splitlines())
    edited.write_text("\n".join(kept) + "\n")
    beyond = "beyond-ens2 -> 192.168.2.4"
    named = {
        "ping": f"{beyond} must be answered",
        "port": f"{beyond}:8080 must be answered by red",
    }
    found = failures(verify(file, "--against", str(edited), "--host", "strict"))
    assert set(found) == {named.get(claim, claim) for claim in claims}
