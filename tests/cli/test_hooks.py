"""The hooks for pre-commit do what docs/ci.md says, and so do the commands that it has for CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_packaging import copy_source

TOPOLOGY = (
    "name: lab\nnetworks: {br0: {subnet: 10.0.0.0/24}}\nnamespaces: {red: {networks: [br0]}}\n"
)
CONFIG = """\
repos:
  - repo: {source}
    rev: {revision}
    hooks:
      - id: nsgen-check
      - id: {hook}
        files: ^labs/
"""


def run(folder: Path, *command: str, status: int = 0) -> str:
    """Run a command in a folder: what it prints."""
    own = {"GIT_CONFIG_GLOBAL": "/dev/null", "PRE_COMMIT_HOME": str(folder.parent / "cache")}
    who = {
        f"GIT_{what}_{key}": "nobody"
        for what in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | own | who
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path) -> str:
    """Commit all of a folder, which becomes a repository: the revision."""
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "all")
    return run(folder, "git", "rev-parse", "HEAD").strip()


def hook(folder: Path, status: int) -> str:
    """Run the hooks over all files."""
    run(folder, "git", "add", "-A")
    return run(folder, sys.executable, "-m", "pre_commit", "run", "--all-files", status=status)


@pytest.mark.xdist_group("packaging")
def test_hooks(checkout: Path, tmp_path: Path) -> None:
    """They render, then have nothing to do, tell a stale script, and a topology that is wrong."""
    source, mine = tmp_path / "source", tmp_path / "mine"
    source.mkdir()
    copy_source(checkout, source)
    (source / ".pre-commit-hooks.yaml").write_bytes(
        (checkout / ".pre-commit-hooks.yaml").read_bytes()
    )
    revision = commit(source)
    (mine / "labs").mkdir(parents=True)
    (mine / "labs/lab.yaml").write_text(TOPOLOGY)
    config = mine / ".pre-commit-config.yaml"
    config.write_text(CONFIG.format(source=source, revision=revision, hook="nsgen-render"))
    commit(mine)
    hook(mine, 0)
    assert (mine / "out/lab/setup.sh").exists()
    (mine / "labs/lab.yaml").write_text(TOPOLOGY.replace("10.0.0", "10.0.2"))
    assert "files were modified by this hook" in hook(mine, 1)
    hook(mine, 0)
    config.write_text(CONFIG.format(source=source, revision=revision, hook="nsgen-stale"))
    hook(mine, 0)
    (mine / "labs/lab.yaml").write_text(TOPOLOGY.replace("10.0.0", "10.0.1"))
    assert "out/lab/setup.sh: stale" in hook(mine, 1)
    (mine / "topology.yaml").write_text("name: Wrong\n")
    assert "topology.yaml:1:7: error: name" in hook(mine, 1)


def test_commands_for_ci(checkout: Path, tmp_path: Path) -> None:
    """Each command of nsgen that the page has for CI runs, as it stands there."""
    (tmp_path / "lab.yaml").write_text(TOPOLOGY)
    run(tmp_path, sys.executable, "-m", "nsgen", "render", "-o", "out", "lab.yaml")
    page = (checkout / "docs/ci.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    steps = blocks[1]["jobs"]["topologies"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    commands += blocks[2]["topologies"]["script"]
    found = {re.sub(r"^sudo env \S+ ", "", text) for text in commands if "nsgen " in text}
    found = {text for text in found if text.startswith("nsgen ") and " verify " not in text}
    assert len(found) == 2
    for command in found:
        run(tmp_path, "bash", "-c", f'nsgen() {{ "{sys.executable}" -m nsgen "$@"; }}; {command}')
