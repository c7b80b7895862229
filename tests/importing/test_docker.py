"""Who reaches whom by the scripts of imported Compose files, compared with what is recorded of Docker.

The same comparison with Docker itself is tests/vm/compose.bats, which holds the record to it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent / "vm/compose"
CASES = sorted(path.parent.name for path in HERE.glob("*/compose.yaml"))
PARTS = 4  # at a time: each of the cases waits for three seconds, for what is not answered


@pytest.mark.parametrize("part", range(PARTS))
def test_as_docker(tmp_path: Path, program: Callable[[str], str], part: int) -> None:
    """Everybody is answered as with Docker, but for what is listed."""
    words = ("--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc")
    unshare = [program("unshare"), *words]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user cannot make namespaces here")
    cases = CASES[part::PARTS]
    done = run([sys.executable, str(HERE / "prepare.py"), str(tmp_path / "cases"), *cases])
    assert done.returncode == 0, done.stderr
    (tmp_path / "etc").mkdir()
    (tmp_path / "answers/docker").mkdir(parents=True)
    private = [*unshare, program("bash"), str(HERE / "private.sh"), str(tmp_path / "etc")]
    reach = [sys.executable, str(HERE / "reach.py"), "ours"]
    done = run([*private, *reach, str(tmp_path / "cases"), str(tmp_path / "answers")])
    assert done.returncode == 0, done.stdout + done.stderr
    for case in cases:
        shutil.copy(HERE / case / "docker.json", tmp_path / f"answers/docker/{case}.json")
    equality = [sys.executable, str(HERE / "equality.py"), str(tmp_path / "answers")]
    done = run([*equality, str(HERE / "differences.json")])
    assert done.returncode == 0, done.stdout


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program, for a minute or two at most."""
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
