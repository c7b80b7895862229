"""`nsgen verify` for ordinary users, where user namespaces are forbidden, and without br_netfilter: on a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NOBODY = 65534
SMALL = """\
name: small
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red: {networks: {bridge0: 10.1.0.2}, publish: ["8080:80"]}
"""
VERIFY = [sys.executable, "-m", "nsgen", "verify", "-"]
FORBID = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'  # in the user namespace that this runs in
# Python may be installed where only its owner may look: in a mount namespace, that folder has nothing but Python in it.
SHOW = """\
hidden=$1 base=$2
shift 2
mount --bind "$base" /mnt
mount -t tmpfs -o mode=755 tmpfs "$hidden"
mkdir -p "$base"
mount --move /mnt "$base"
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that reads the small topology."""
    return subprocess.run(command, input=SMALL, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def _namespaces(program: Callable[[str], str]) -> None:
    """Skip what cannot be tried here."""
    if run(program("unshare"), "--user", "--map-root-user", "--mount", "true").returncode:
        pytest.skip("this user cannot make namespaces here")


def as_somebody_else() -> list[str]:
    """Give what a command of root's begins with, to be an ordinary user's."""
    base = Path(sys.base_prefix)
    hidden = [p for p in (base, *base.parents) if not p.stat().st_mode & 0o001]
    if hidden:
        return ["unshare", "--mount", "sh", "-euc", SHOW, "sh", str(hidden[-1]), str(base)]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def test_an_ordinary_user() -> None:
    """Whoever may make namespaces needs no root."""
    done = run(*(as_somebody_else() if os.geteuid() == 0 else []), *VERIFY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" hold; up, up again, check, down: ok\n")


def test_root_without_user_namespaces() -> None:
    """Where there are none, root does without."""
    done = run("unshare", "--user", "--map-root-user", "sh", "-c", FORBID, "sh", *VERIFY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" hold; up, up again, check, down: ok\n")


def test_a_container_without_the_rights() -> None:
    """Where root may make no namespaces either, it is said what is missing."""
    bare = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    done = run("unshare", "--user", "--map-root-user", "sh", "-c", FORBID, "sh", *bare, *VERIFY)
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()[-3:]
    assert said[0].startswith("nsgen: error: namespaces cannot be made here (unshare: ")
    assert said[1:] == [
        "  sudo sysctl user.max_user_namespaces=10000",
        "  in a container, start that with the rights for it (docker run --privileged)",
    ]


def test_an_ordinary_user_without_user_namespaces() -> None:
    """An ordinary user is told of sudo, too."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users in a user namespace")
    read = "dac_read_search"  # Python may be installed where only root may look
    user = ["setpriv", f"--reuid={NOBODY}", f"--inh-caps=+{read}", f"--ambient-caps=+{read}"]
    with subprocess.Popen(["unshare", "--user", "sleep", "60"]) as holder:
        there = Path(f"/proc/{holder.pid}")
        while (there / "ns/user").readlink() == Path("/proc/self/ns/user").readlink():
            assert holder.poll() is None
        for name in ("uid_map", "gid_map"):
            (there / name).write_text(f"0 0 1\n{NOBODY} {NOBODY} 1\n")
        enter = ["nsenter", f"--user={there}/ns/user", "--setuid=0", "--setgid=0"]
        done = run(*enter, "sh", "-c", FORBID, "sh", *user, *VERIFY)
        holder.kill()
    assert (done.returncode, done.stdout) == (1, "")
    assert "  run it with sudo\n  sudo sysctl user.max_user_namespaces=10000\n" in done.stderr


def test_br_netfilter_is_not_loaded() -> None:
    """It is said in one line what to do."""
    hide = 'mount -t tmpfs tmpfs /proc/sys/net/bridge; exec "$@"'
    if not Path("/proc/sys/net/bridge").exists():
        hide = 'exec "$@"'
    done = run("unshare", "--user", "--map-root-user", "--mount", "sh", "-euc", hide, "sh", *VERIFY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "nsgen: error: this topology needs the kernel module br_netfilter, which a rehearsal cannot load:"
        " sudo modprobe br_netfilter, then again\n"
    )
