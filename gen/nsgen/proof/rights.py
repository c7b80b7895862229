"""Who is root of a rehearsal: whoever calls, in a user namespace; where there can be none, root itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

USER_NAMESPACE = ["unshare", "--user", "--map-root-user", "--"]
# What reaches beyond the namespaces of a rehearsal, for whoever is root without a user namespace of his own.
BEYOND = ("sys_module", "sys_rawio", "sys_boot", "sys_time", "sys_ptrace", "syslog", "mknod")
# Parameters by which user namespaces are forbidden, the value that forbids them, and one that does not.
SWITCHES = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "10000"),
)


def own_root() -> list[str]:
    """What a command begins with to be root of what it makes.

    The user namespace comes before the others: a network namespace gives its /proc/net to the root that its user
    namespace has when it is made.
    """
    if os.geteuid() != 0 or _allowed():
        return USER_NAMESPACE
    return within_bounds()


def within_bounds() -> list[str]:
    """What a command of root's begins with that is to change its own namespaces alone."""
    dropped = ",".join(f"-{capability}" for capability in BEYOND)
    return ["setpriv", f"--bounding-set={dropped}", "--"]


def _allowed() -> bool:
    return not subprocess.run(
        [*USER_NAMESPACE, "true"], capture_output=True, check=False
    ).returncode


def advice(said: str) -> str:
    """What to do where namespaces are forbidden."""
    ways = ["run it with sudo"] if os.geteuid() != 0 else []
    for key, forbids, allows in SWITCHES:
        path = Path("/proc/sys", key.replace(".", "/"))
        if path.exists() and path.read_text().strip() == forbids:
            ways.append(f"sudo sysctl {key}={allows}")
    ways.append("in a container, start that with the rights for it (docker run --privileged)")
    lines = "".join(f"\n  {way}" for way in ways)
    return f"namespaces cannot be made here ({said}); one of these helps:{lines}"
