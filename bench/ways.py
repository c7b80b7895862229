"""The ways to build a topology that are compared: each writes the shell scripts of its steps into a folder.

What is not installed is said by `missing`. Every way makes the same namespaces with the same addresses and default
routes; all but mininet, which knows none, publish a port of each.
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import shape

HERE = Path(__file__).resolve().parent
PLUGINS = Path("/usr/lib/cni")
NETAVARK = Path("/usr/lib/podman/netavark")
SYSTEM_PYTHON = "/usr/bin/python3"  # which has Debian's Python modules


@dataclass(frozen=True)
class Way:
    """A name, what the way needs, and what writes its steps, by name, for so many namespaces."""

    name: str
    about: str
    missing: Callable[[], str]
    steps: Callable[[int, Path], dict[str, str]]
    publishes: bool = True


def proof(number: int, *, publishes: bool) -> str:
    """What shows that it was built: the last namespace answers, and its port is published."""
    last = list(shape.namespaces(number))[-1]
    lines = ["set -eu"]
    if publishes:
        lines.append(f"ping -q -c 1 -W 5 {last.address}")
        lines.append(f"iptables-save -t nat | grep -Eqw -- '--dport {last.port}'")
    else:
        lines.append(f"test $(ps -e -o args | grep -c '[m]ininet:n') -eq {number}")
    return "\n".join(lines) + "\n"


def _nothing() -> str:
    return ""


def _programs(*names: str) -> Callable[[], str]:
    return lambda: ", ".join(name for name in names if not shutil.which(name))


@cache
def _render(number: int, *options: str) -> str:
    command = [sys.executable, "-m", "nsgen", "render", *options, "-"]
    text = shape.text(number)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


# -- ours ---------------------------------------------------------------------------------------


_STEPS = ("up", "up again", "check", "down")


def _batch(number: int, folder: Path) -> dict[str, str]:
    script = folder / "setup.sh"
    script.write_text(_render(number))
    return {step: f"exec bash {script} {step.split()[0]}\n" for step in _STEPS}


def _yardstick(number: int, folder: Path) -> dict[str, str]:
    """The script as nsgen printed it with the runtime of before: kept for the sizes that are compared."""
    script = folder / "yardstick.sh"
    script.write_bytes(lzma.decompress((HERE / "yardstick" / f"{number}.sh.xz").read_bytes()))
    return {step: f"exec bash {script} {step.split()[0]}\n" for step in _STEPS}


def _plain(number: int, folder: Path) -> dict[str, str]:  # noqa: ARG001 (all ways are called alike)
    return {
        "up": _render(number, "--style", "plain"),
        "down": _render(number, "--style", "plain", "--teardown"),
    }


# -- by hand, as the article does it ------------------------------------------------------------


def _article(number: int, folder: Path) -> dict[str, str]:  # noqa: ARG001
    up, down = ["set -e"], ["set -e"]
    for bridge in shape.bridges(number):
        up += [
            f"ip link add {bridge.name} type bridge",
            f"ip address add {bridge.gateway}/{shape.BRIDGE_BITS} dev {bridge.name}",
            f"ip link set {bridge.name} up",
            f"sysctl -q -w net.ipv4.conf.{bridge.name}.route_localnet=1",
            f"iptables -t nat -A POSTROUTING -s {bridge.subnet} ! -o {bridge.name} -j MASQUERADE",
            f"iptables -t nat -A POSTROUTING -s 127.0.0.0/8 -o {bridge.name} -j MASQUERADE",
        ]
    for one in shape.namespaces(number):
        name, outside, inside = one.name, f"veth-{one.name}-br", f"veth-{one.name}"
        rule = f"-p tcp --dport {one.port} -m addrtype --dst-type LOCAL -j DNAT"
        up += [
            f"ip netns add {name}",
            f"ip link add {inside} type veth peer name {outside}",
            f"ip link set {inside} netns {name}",
            f"ip link set {outside} master {one.bridge.name}",
            f"ip link set {outside} type bridge_slave hairpin on",
            f"ip link set {outside} up",
            f"ip netns exec {name} ip link set lo up",
            f"ip netns exec {name} ip address add {one.address}/{shape.BRIDGE_BITS} dev {inside}",
            f"ip netns exec {name} ip link set {inside} up",
            f"ip netns exec {name} ip route add default via {one.bridge.gateway}",
            f"iptables -t nat -A PREROUTING {rule} --to-destination {one.address}:80",
            f"iptables -t nat -A OUTPUT {rule} --to-destination {one.address}:80",
            f"iptables -t nat -A POSTROUTING -s {one.address} -d {one.address} -p tcp --dport 80 -j MASQUERADE",
        ]
        down += [f"ip link del {outside}", f"ip netns del {name}"]
    up += [
        "sysctl -q -w net.bridge.bridge-nf-call-iptables=1",
        "sysctl -q -w net.ipv4.ip_forward=1",
    ]
    down += [f"ip link del {bridge.name}" for bridge in shape.bridges(number)]
    down += ["iptables -t nat -F"]
    return {"up": "\n".join(up) + "\n", "down": "\n".join(down) + "\n"}


# -- the limit ----------------------------------------------------------------------------------


def _limit(number: int, folder: Path) -> dict[str, str]:
    """It is given the rules of our script, with the jumps."""
    program, rules, undo = folder / "limit", folder / "rules", folder / "rules.down"
    subprocess.run(["cc", "-O2", "-o", program, HERE / "limit.c"], check=True)
    blocks = re.findall(
        r"^  (?:where_off \S+ )?rules host iptables <<'RULES'\n(.*?)^RULES$",
        _render(number),
        re.DOTALL | re.MULTILINE,
    )
    tables: dict[str, dict[str, list[str]]] = {}
    table: dict[str, list[str]] = {}
    for line in "".join(blocks).splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line, {"chains": [], "rules": [], "jumps": []})
        elif line.startswith(":"):
            table["chains"].append(line[1:].split()[0])
        elif line.startswith("-A NSGEN-"):
            table["rules"].append(line)
        elif line.startswith("-"):
            table["jumps"].append(line[3:])
    made: list[str] = []
    gone: list[str] = []
    for name, table in tables.items():
        jumps, chains = table["jumps"], table["chains"]
        made += [name, *(f":{chain} - [0:0]" for chain in chains), *table["rules"]]
        made += [*(f"-A {jump}" for jump in jumps), "COMMIT"]
        gone += [name, *(f"-D {jump}" for jump in jumps)]
        gone += [*(f"{flag} {chain}" for flag in ("-F", "-X") for chain in chains), "COMMIT"]
    rules.write_text("\n".join(made) + "\n")
    undo.write_text("\n".join(gone) + "\n")
    first = shape.bridges(1)[0].subnet[0]
    common = f"{number} {first} {shape.PORTS_OF_A_BRIDGE}"
    return {
        "up": f"exec {program} up {common} {rules}\n",
        "down": f"exec {program} down {common} {undo}\n",
    }


# -- the peers ----------------------------------------------------------------------------------


def _peer(script: str, python: str) -> Callable[[int, Path], dict[str, str]]:
    def steps(number: int, folder: Path) -> dict[str, str]:
        given = folder / "given.json"
        given.write_text(json.dumps(_described(number)))
        return {
            step: f"exec {python} {HERE / 'peers' / script} {step} {given}\n"
            for step in ("up", "down")
        }

    return steps


def _described(number: int) -> dict[str, object]:
    return {
        "bits": shape.BRIDGE_BITS,
        "bridges": [
            {"name": b.name, "subnet": str(b.subnet), "gateway": str(b.gateway)}
            for b in shape.bridges(number)
        ],
        "namespaces": [
            {"name": n.name, "bridge": n.bridge.name, "address": str(n.address), "port": n.port}
            for n in shape.namespaces(number)
        ],
    }


def _no_cni() -> str:
    return "" if (PLUGINS / "portmap").exists() else "containernetworking-plugins"


def _no_netavark() -> str:
    return "" if NETAVARK.exists() else "netavark"


def _no_mininet() -> str:
    found = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import mininet"], capture_output=True, check=False
    )
    lacks = [] if found.returncode == 0 else ["mininet"]
    return ", ".join([*lacks, *([] if shutil.which("brctl") else ["bridge-utils"])])


def _no_pyroute2() -> str:
    found = subprocess.run(
        [sys.executable, "-c", "import pyroute2"], capture_output=True, check=False
    )
    return "" if found.returncode == 0 else "pyroute2 (PyPI)"


WAYS = (
    Way("limit", "a C program: netlink, and one iptables-restore", _programs("cc"), _limit),
    Way("batch", "the script, as `nsgen render` prints it", _nothing, _batch),
    Way("yardstick", "the script as it was with the runtime of before", _nothing, _yardstick),
    Way("plain", "`--style plain`: one process per command", _nothing, _plain),
    Way("by hand", "as in the article: one process per command, `iptables -A`", _nothing, _article),
    Way(
        "pyroute2",
        "a Python library, and one iptables-restore",
        _no_pyroute2,
        _peer("with_pyroute2.py", sys.executable),
    ),
    Way(
        "mininet",
        "hosts on a bridge, nothing published",
        _no_mininet,
        _peer("with_mininet.py", SYSTEM_PYTHON),
        publishes=False,
    ),
    Way(
        "CNI",
        "bridge, host-local and portmap plugins",
        _no_cni,
        _peer("with_cni.py", sys.executable),
    ),
    Way("netavark", "Podman's", _no_netavark, _peer("with_netavark.py", sys.executable)),
)
