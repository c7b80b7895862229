"""The `batch` style: blocks of ip commands, sysctls and rules, each run by one process.

Inside a block the shell's quoting does not apply: ip(8) and iptables-restore(8) split at blanks.
Nothing that needs quotes gets there, because :mod:`nsgen.values` admits no such name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, cast

from nsgen import describe
from nsgen.needs import FORWARD
from nsgen.ops import (
    BRIDGE_OPS,
    HOST,
    IP_OPS,
    AddLink,
    AddPeer,
    AddPolicy,
    Argv,
    Chain,
    ForgetUdp,
    Impede,
    Jump,
    LoadModule,
    Op,
    RunCommand,
    SetPeer,
    SetSysctl,
    SetVlan,
    SetWireguard,
    StartService,
    TakeDevice,
    WriteFile,
)
from nsgen.plan import Plan
from nsgen.shell import Shell, comment, heredoc, join
from nsgen.steps import Step
from nsgen.topology import Topology
from nsgen.values import Ports

TOOL = {4: "iptables", 6: "ip6tables"}

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


# The steps of the script, and the end of the functions that take them.
VERBS = {
    "load_module": "module",
    "ip_in": "ip",
    "bridge_in": "bridge",
    "tc_in": "tc",
    "policies_in": "policies",
    "take_device": "taken",
    "wireguard": "wireguard",
    "wireguard_peer": "peer",
    "sysctls": "sysctls",
    "rules": "rules",
    "rules_in": "rules_in",
    "jump": "jump",
    "jump_in": "jump_in",
    "forget_udp": "udp",
    "etc_file": "file",
    "service": "service",
    "run_once": "once",
    "undo_by": "undo",
}


def values(plan: Plan, boot_files: Mapping[str, str]) -> dict[str, Any]:
    """What the template prints; `boot_files` are those that `install` writes, by path."""
    sections: list[dict[str, Any]] = [
        {
            "title": section.title,
            "why": section.why,
            "steps": [_step(step) for step in section.steps],
        }
        for section in plan.sections
    ]
    blocks = [
        block for section in sections for step in section["steps"] for block in step["blocks"]
    ]
    used = {block.split(None, 1)[0] for block in blocks}
    return {
        "name": plan.topology.name,
        "header": describe.header(plan, "setup.sh"),
        "programs": " ".join(f"{name}:{PACKAGES.get(name, 'service')}" for name in _programs(plan)),
        "ports": " ".join(_ports(plan.topology)),
        "verbs": [_verb(name) for name in VERBS if name in used],
        "sections": sections,
        "teardown": list(_teardown(plan)),
        "needs": _needs(plan),
        "boot_files": [
            _heredoc(("boot_file", f"/{path}"), (text,), "FILE")
            for path, text in boot_files.items()
        ],
    }


def _verb(name: str) -> dict[str, Any]:
    """A step: what waits to be done in namespaces is done before any step of another kind."""
    settle = name not in ("ip_in", "undo_by")
    return {"name": name, "function": VERBS[name], "settle": settle}


def _ports(topology: Topology) -> Iterator[str]:
    """The ports of the host that have to be free: PROTOCOL/PORTS[/ADDRESS], neighbours as one range."""
    ranges: dict[tuple[str, str], list[Ports]] = {}
    for one in topology.publications:
        address = f"[{one.host_ip}]" if ":" in str(one.host_ip) else str(one.host_ip or "")
        if one.protocol != "sctp":  # ss(8) of older releases does not list SCTP
            ranges.setdefault((one.protocol, address), []).append(one.published)
    for (protocol, address), all_ports in ranges.items():
        merged: list[Ports] = []
        for ports in sorted(all_ports):
            if merged and ports.first <= merged[-1].last + 1:
                merged[-1] = Ports(merged[-1].first, max(merged[-1].last, ports.last))
            else:
                merged.append(ports)
        yield from (f"{protocol}/{ports}" + (f"/{address}" if address else "") for ports in merged)


def _step(step: Step) -> dict[str, Any]:
    return {"why": step.why, "blocks": list(_blocks(step.ops))}


def _programs(plan: Plan) -> list[str]:
    found = ["ip", "ss"] if plan.topology.publications else ["ip"]
    found += ["nsenter", "unshare", "mount", "flock", "xargs"]
    found += ["bridge"] if bool(plan.of(SetVlan)) or bool(plan.of(AddPeer)) else []
    found += ["tc"] if plan.of(Impede) else []
    found += ["wg"] if plan.of(SetWireguard) else []
    found += [TOOL[version] for version in sorted({op.version for op in plan.of(Chain)})]
    found += ["sysctl"] if any(op.node != HOST for op in plan.of(SetSysctl)) else []
    found += ["conntrack"] if plan.of(ForgetUdp) else []
    services = plan.of(StartService)
    found += ["setsid"] if services else []
    found += ["runuser"] if any(op.user for op in services) else []
    found += [op.command[0] for op in services if PROGRAM.fullmatch(op.command[0])]
    return list(dict.fromkeys(found))


def _needs(plan: Plan) -> dict[str, bool]:
    """The parts of the script that are not in every one."""
    extras = {
        "bridges": bool(plan.of(SetVlan) or plan.of(AddPeer)),
        "impeded": bool(plan.of(Impede)),
        "policies": bool(plan.of(AddPolicy)),
        "devices": bool(plan.of(TakeDevice)),
        "wireguard": bool(plan.of(SetWireguard)),
        "translation": any(op.node != HOST for op in plan.of(Chain)),
    }
    return {
        **extras,
        "bonds": any(op.kind == "bond" for op in plan.of(AddLink)),
        "modules": bool(plan.of(LoadModule)),
        "rules": bool(plan.of(Chain)),
        "udp": bool(plan.of(ForgetUdp)),
        "files": bool(plan.of(WriteFile)),
        "services": bool(plan.of(StartService)),
        "commands": bool(plan.of(RunCommand)),
        "forwarding6": any(op.node == HOST and op.key == FORWARD[6] for op in plan.of(SetSysctl)),
    }


# -- blocks -------------------------------------------------------------------------------------


def _call(*words: str) -> Shell:
    return Shell("  " + join(words))


def _heredoc(words: Argv, lines: Iterable[str], end: str) -> Shell:
    return heredoc(f"  {join(words)}", lines, end)


def _block_key(op: Op) -> tuple[type[Op] | str, str, int]:
    """Neighbours with the same key share a block."""
    if isinstance(op, IP_OPS):
        return ("ip", op.node, 0)
    if isinstance(op, BRIDGE_OPS):
        return ("bridge", op.node, 0)
    if isinstance(op, AddPolicy):
        return ("policies", op.node, op.version)
    if isinstance(op, Chain):
        return ("rules", op.node, op.version)
    if isinstance(op, SetSysctl):
        return ("sysctl", op.node, 0)
    return (type(op), op.node, 0)


def _blocks(ops: Iterable[Op]) -> Iterator[Shell]:
    for (kind, node, version), group in groupby(ops, _block_key):
        if kind == "ip":
            yield _heredoc(("ip_in", node), (" ".join(op.argv()[1:]) for op in group), "IP")
        elif kind == "bridge":
            yield _heredoc(("bridge_in", node), (" ".join(op.argv()[1:]) for op in group), "BRIDGE")
        elif kind == "policies":
            lines = (" ".join(op.words) for op in cast("Iterable[AddPolicy]", group))
            yield _heredoc(("policies_in", node, str(version)), lines, "POLICY")
        elif kind is Impede:
            yield _heredoc(("tc_in", node), (" ".join(op.argv()[1:]) for op in group), "TC")
        elif kind == "rules":
            verb = ("rules",) if node == HOST else ("rules_in", node)
            text = _restore_text(cast("Iterable[Chain]", group))
            yield _heredoc((*verb, TOOL[version]), text, "RULES")
        elif kind == "sysctl":
            lines = (op.line() for op in group if isinstance(op, SetSysctl))
            yield _heredoc(("sysctls", node), lines, "SYSCTL")
        elif kind is RunCommand:
            yield from _commands(cast("Iterable[RunCommand]", group))
        else:
            yield from (_single(op) for op in group)


def _commands(ops: Iterable[RunCommand]) -> Iterator[Shell]:
    for number, op in enumerate(ops, 1):
        yield _call("run_once", op.node, str(number), *(op.up or ("true",)))
        yield from (_call("undo_by", op.node, str(number), *argv) for argv in op.undo())


def _single(op: Op) -> Shell:
    if isinstance(op, LoadModule):
        return _call("load_module", op.name, op.proof)
    if isinstance(op, Jump):
        where = ("where_off", op.unless) if op.unless else ()
        verb = ("jump",) if op.node == HOST else ("jump_in", op.node)
        where_to = (TOOL[op.version], op.table, op.builtin, op.place)
        return _call(*where, *verb, *where_to, *op.words())
    if isinstance(op, TakeDevice):
        return _call("take_device", op.node, op.device)
    if isinstance(op, SetWireguard):
        port = ("listen-port", str(op.port)) if op.port else ()
        return _call("wireguard", op.node, op.device, op.key_file, *port)
    if isinstance(op, SetPeer):
        known = ("key", op.public_key) if op.public_key else ("key-of", op.key_file)
        return _call("wireguard_peer", op.node, op.device, *known, *op.words())
    if isinstance(op, ForgetUdp):
        return _call("forget_udp", f"ipv{op.version}", str(op.ports.first), str(op.ports.last))
    if isinstance(op, WriteFile):
        return _heredoc(("etc_file", op.path), (op.text,), "FILE")
    if isinstance(op, StartService):
        return _call("service", op.node, op.name, *op.argv())
    raise TypeError(f"no block for {op!r}")


def _restore_text(chains: Iterable[Chain]) -> Iterator[str]:
    """The text of iptables-restore(8): a chain's first line empties it, so each is replaced at once."""
    for table, group in groupby(chains, lambda chain: chain.table):
        members = list(group)
        yield f"*{table}"
        yield from (f":{chain.name} - [0:0]" for chain in members)
        for chain in members:
            for why, rules in groupby(chain.rules, lambda rule: rule.why):
                if why:
                    yield comment(why)
                yield from (" ".join(("-A", rule.chain, *rule.words)) for rule in rules)
        yield "COMMIT"


# -- down ---------------------------------------------------------------------------------------


def _teardown(plan: Plan) -> Iterator[Shell]:
    if plan.of(RunCommand):
        yield _call("undo_commands")
    if plan.of(StartService):
        yield _call("stop_services")
    # Those that are not set at boot are of a device that is deleted below.
    sysctls = [op.line() for op in plan.of(SetSysctl) if op.persist]
    if sysctls:
        yield _heredoc(("restore_sysctls",), reversed(sysctls), "SYSCTL")
    for version in sorted({op.version for op in plan.of(Chain) if op.node == HOST}):
        yield _call("drop_chains", TOOL[version])
    policies = [op for op in plan.of(AddPolicy) if op.node == HOST]
    for version in sorted({op.version for op in policies}):
        lines = (" ".join(op.words) for op in policies if op.version == version)
        yield _heredoc(("drop_policies", str(version)), lines, "POLICY")
    for op in plan.of(TakeDevice):
        yield _call("give_back", op.node, op.device)
    files = [op.path for op in plan.of(WriteFile)]
    if files:
        yield _call("remove_files", *reversed(files))
    undo = [
        " ".join(argv[1:])
        for op in reversed(list(plan.ops))
        if isinstance(op, IP_OPS) and op.node == HOST
        for argv in op.undo()
        if argv[1:2] != ("address",)  # goes with its device
    ]
    if undo:
        # The kernel removes the cables of all namespaces that have gone at once; on its own, each takes as long as all.
        undo.sort(key=lambda line: not line.startswith("netns del "))
        yield _heredoc(("ip_undo",), undo, "IP")
