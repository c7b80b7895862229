"""The programs that a script runs, and the packages of Debian that they are in."""

from __future__ import annotations

import re

from nsgen.ops import (
    IPTABLES,
    AddPolicy,
    Argv,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    IpOp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetNetem,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
)
from nsgen.plan.steps import Plan
from nsgen.values import HOST, assert_never

PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")  # one that is looked for on PATH

# The Debian packages of the programs that a script runs.
PACKAGES = {
    "ip": "iproute2",
    "ss": "iproute2",
    "bridge": "iproute2",
    "tc": "iproute2",
    "wg": "wireguard-tools",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "umount": "mount",
    "xargs": "findutils",
    "flock": "util-linux",
    "setsid": "util-linux",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "sysctl": "procps",
    "modprobe": "kmod",
    "conntrack": "conntrack",
    "socat": "socat",
    "runuser": "util-linux",
}


def programs(plan: Plan) -> list[str]:
    """The programs that have to be there, each as PROGRAM or PROGRAM:PACKAGE."""
    found = ["ip", "ss"] if plan.topology.publications else ["ip"]
    if set(plan.kinds) - {LoadModule, SetSysctl}:  # else nothing is in namespaces
        found += ["nsenter", "unshare", "mount", "xargs"]
    found += ["flock"]
    taken = {program for kind in plan.kinds for program in _taken(kind)}
    found += [program for program in ("bridge", "tc", "wg") if program in taken]
    found += [IPTABLES[version] for version in sorted({op.version for op in plan.of(Chain)})]
    found += ["sysctl"] if any(op.node != HOST for op in plan.of(SetSysctl)) else []
    found += [program for program in ("conntrack", "setsid", "umount") if program in taken]
    services = plan.of(StartService)
    found += ["runuser"] if any(op.user for op in services) else []
    run = [op.command for op in services] + [op.command for op in plan.of(AwaitService)]
    found += [command[0] for command in run if command and PROGRAM.fullmatch(command[0])]
    return [_with_package(program) for program in dict.fromkeys(found)]


def _taken(kind: type[Op]) -> Argv:
    """The programs that every operation of a kind takes, besides ip(8)."""
    if issubclass(kind, BridgeOp):
        return ("bridge",)
    if issubclass(kind, SetNetem):
        return ("tc",)
    if issubclass(kind, WireguardOp):
        return ("wg",)
    if issubclass(kind, ForgetUdp):
        return ("conntrack",)
    if issubclass(kind, StartService):
        return ("setsid",)
    if issubclass(
        kind, IpOp | AddPolicy | TakeDevice | LoadModule | SetSysctl | KeepAdvertisements
    ):
        return ()
    if issubclass(kind, Chain | Jump | WriteFile | AwaitService | RunCommand):
        return ()
    if issubclass(kind, JoinNamespace):
        return ("umount",)
    return assert_never(kind)


def _with_package(program: str) -> str:
    package = PACKAGES.get(program)
    return f"{program}:{package}" if package else program
