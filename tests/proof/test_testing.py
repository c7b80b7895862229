"""docs/testing.md: its files, as they stand there, in a folder of an ordinary user's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_rights import as_somebody_else

PAGE = Path(__file__).resolve().parents[2] / "docs/testing.md"
FILES = re.compile(r"^```(?:yaml|python)\n# (\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def lab(program: Callable[[str], str]) -> Iterator[Path]:
    """A folder with the files of the page."""
    if subprocess.run(
        [program("unshare"), "--user", "--map-root-user", "--mount", "true"],
        check=False, capture_output=True,
    ).returncode:  # fmt: skip
        pytest.skip("this user cannot make namespaces here")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        for name, text in FILES.findall(PAGE.read_text()):
            Path(folder, name).write_text(text)
        bin_ = Path(folder, "bin")
        bin_.mkdir()
        for name, module in (("nsgen", "nsgen"), ("pytest", "pytest -p no:cacheprovider")):
            Path(bin_, name).write_text(f'#!/bin/sh\nexec {sys.executable} -B -m {module} "$@"\n')
            Path(bin_, name).chmod(0o755)
        yield Path(folder)


def run(lab: Path, name: str) -> str:
    """Run the command of the page that begins so: what its tests came to."""
    found = re.search(rf"^nsgen run {name}.*-- pytest.*$", PAGE.read_text(), re.MULTILINE)
    assert found is not None
    somebody = as_somebody_else() if os.geteuid() == 0 else []
    env = {**os.environ, "PATH": f"{lab}/bin:{os.environ['PATH']}", "HOME": str(lab)}
    command = [*somebody, "sh", "-c", found[0]]
    done = subprocess.run(command, cwd=lab, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_files_are_there() -> None:
    """The page has all of them."""
    names = [name for name, _ in FILES.findall(PAGE.read_text())]
    assert names == ["lab.yaml", "conftest.py", "test_lab.py", "ring.yaml", "test_ring.py"]


def test_a_published_port(lab: Path) -> None:
    """The tests of the first topology pass."""
    assert "2 passed" in run(lab, "lab")


def test_a_ring_of_routers(lab: Path) -> None:
    """FRR learns its routes by OSPF, and others when a link is lost."""
    if not Path("/usr/lib/frr/ospfd").exists():
        pytest.skip("FRR is not installed: CI installs it")
    assert "2 passed" in run(lab, "ring")
