"""The Vagrantfiles are ones that Vagrant takes; `make test-vagrant` starts them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("vagrant")


def validate(vagrant: str, folder: Path, scratch: Path) -> None:
    """Let Vagrant read the Vagrantfile of a folder; it needs nothing here that could run it."""
    scratched = {"VAGRANT_HOME": scratch / "home", "VAGRANT_DOTFILE_PATH": scratch / "state"}
    env = os.environ | {"VAGRANT_CWD": str(folder)} | {k: str(v) for k, v in scratched.items()}
    result = subprocess.run(
        [vagrant, "validate", "--ignore-provider"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "validated successfully" in result.stdout


def test_two_machines_validate(
    checkout: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    """Vagrant takes the Vagrantfile of the checkout, and finds the script that it provisions."""
    validate(program("vagrant"), checkout, tmp_path)


def test_rendered_provisioners_validate(
    checkout: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    """Vagrant takes a Vagrantfile that loads each rendered one, and finds their scripts."""
    rendered = sorted(checkout.glob("out/**/Vagrantfile"))
    assert rendered
    loads = "".join(f'load "{path}"\n' for path in rendered)
    box = 'Vagrant.configure("2") { |config| config.vm.box = "debian/bookworm64" }\n'
    (tmp_path / "Vagrantfile").write_text(box + loads)
    validate(program("vagrant"), tmp_path, tmp_path)
