"""Run rendered scripts where they can change nothing, and read what they called."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nsgen.ops import SetSysctl, StartService
from nsgen.plan.steps import Plan
from nsgen.script import targets

HERE = Path(__file__).resolve().parent / "sandbox"
SECONDS = 60
# What a script may call besides the programs of the topology itself.
PROGRAMS = (
    *("ip", "iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore"),
    *("ip6tables-save", "sysctl", "modprobe", "conntrack", "ss", "flock", "nsenter", "setsid"),
    *("env", "runuser", "mkdir", "mv", "rm", "rmdir", "cat", "chmod", "ln", "sleep", "stat"),
    *("tail", "systemctl", "networkctl", "nmcli", "xargs", "bash", "unshare", "mount", "mktemp"),
    *("awk", "sed", "grep", "sort", "diff", "cmp", "cp", "tr", "sh", "nft"),
)
PLAYS = ("up", "check", "again", "kept", "down", "plain", "teardown")
SCRIPTS = ("setup.sh", "plain.sh", "plain-teardown.sh")


@dataclass(frozen=True)
class Call:
    """A program that was run: where, by whom, and how."""

    node: str
    user: str
    folder: str
    stays: bool
    words: tuple[str, ...]
    stdin: str
    environment: tuple[str, ...]


@dataclass(frozen=True)
class Play:
    """What a script did: everything that it called, in order, and what it left in the folders it may write to."""

    calls: tuple[Call, ...]
    output: str
    status: int
    left: Path

    def text(self, path: str) -> str | None:
        """Give what a file holds afterwards."""
        file = self.left / path.lstrip("/")
        return file.read_text(encoding="utf-8") if file.exists() else None


def unshare() -> list[str]:
    """Give the command that leads into namespaces of their own, or skip the test that asks for it."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [
        "unshare",
        *user,
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ]
    probe = "mount -t tmpfs none /run && mount -t tmpfs none /proc/sys && mount -t tmpfs none /sys"
    tried = subprocess.run(
        [*command, "sh", "-c", probe], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"no namespaces for this user here: {tried.stderr.strip()}")
    return command


def write_scripts(plan: Plan, folder: Path) -> None:
    """Write the scripts of a plan to a folder."""
    for name in SCRIPTS:
        style: targets.Style = "batch" if name == "setup.sh" else "plain"
        text = targets.script(plan, style, teardown="teardown" in name)
        (folder / name).write_bytes(text.encode())


def play(
    plan: Plan, work: Path, programs: Iterable[str], folders: Iterable[str]
) -> dict[str, Play]:
    """Run a plan's script: up, check, up again, down; then the plain one and its teardown.

    Before `down` the copy of itself that it keeps is run, too. Besides the programs that a script needs, `programs`
    and `folders` exist where it runs.
    """
    bash = shutil.which("bash") or pytest.skip("bash is not installed")
    command = unshare()
    shutil.rmtree(work, ignore_errors=True)
    (work / "bin").mkdir(parents=True)
    for name in {*PROGRAMS, *programs, "evil"}:
        (work / "bin" / name).symlink_to(HERE / "shim.sh")
    write_scripts(plan, work)
    keys = (op.key for op in plan.ops if isinstance(op, SetSysctl) and op.node == "host")
    paths = (key if "/" in key else key.replace(".", "/") for key in keys)
    made = [path for path in paths if not path.startswith("net/bridge/bridge-nf-call-")]
    (work / "sysctls").write_text("".join(f"{path}\n" for path in made))
    (work / "folders").write_bytes(b"".join(folder.encode() + b"\0" for folder in folders))
    services = sum(isinstance(op, StartService) for op in plan.ops)
    result = subprocess.run(
        [*command, "sh", HERE / "run.sh", work, bash, str(services)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    assert not (work / "canary").exists()
    return {name: read(work / name) for name in PLAYS}


def read(folder: Path) -> Play:
    """Read what one script left."""
    files = sorted(folder.glob("log/argv.*"), key=lambda file: int(file.suffix[1:]))
    return Play(
        calls=tuple(_call(file) for file in files),
        output=(folder / "output").read_text(encoding="utf-8", errors="replace"),
        status=int((folder / "status").read_text()),
        left=folder / "left",
    )


def _texts(file: Path) -> Iterator[str]:
    if file.exists():
        yield from file.read_bytes().decode().split("\0")[:-1]


def _call(file: Path) -> Call:
    node, user, folder, stays, *words = _texts(file)
    stdin = file.with_name(f"stdin{file.suffix}")
    return Call(
        node=node,
        user=user,
        folder=folder,
        stays=stays == "yes",
        words=tuple(words),
        stdin=stdin.read_bytes().decode() if stdin.exists() else "",
        environment=tuple(_texts(file.with_name(f"environ{file.suffix}"))),
    )
