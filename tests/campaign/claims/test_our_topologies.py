"""Every claim of what is in tests/topologies holds, too, as those of the examples do (tests/proof/test_verify.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from parts import halved

TOPOLOGIES = sorted((Path(__file__).resolve().parents[2] / "topologies").glob("*.yaml"))


@pytest.mark.parametrize("topology", halved(TOPOLOGIES), ids=lambda path: path.stem)
def test_what_we_render_holds(topology: Path) -> None:
    """As users run it: every claim holds, up twice is once, check is silent, and down leaves nothing."""
    command = [sys.executable, "-m", "nsgen", "verify", str(topology)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    assert (
        done.stdout.endswith(" hold; up, up again, check, down: ok\n") or "not tried" in done.stdout
    )
