"""The `batch` style: blocks of ip commands, sysctls and rules, each run by one process.

Inside a block the shell's quoting does not apply: ip(8) and iptables-restore(8) split at blanks.
Nothing that needs quotes gets there, because :mod:`nsgen.values` admits no such name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, cast

from nsgen import describe, runtime
from nsgen.ops import (
    BRIDGE_OPS,
    HOST,
    IP_OPS,
    AddBridge,
    AddLink,
    AddNamespace,
    AddPeer,
    AddPolicy,
    AddVeth,
    Argv,
    Chain,
    ForgetUdp,
    Impede,
    Jump,
    KeepAdvertisements,
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


def values(plan: Plan) -> dict[str, Any]:
    """What the template prints."""
    parts = runtime.parts_of(plan)
    return {
        "name": plan.topology.name,
        "header": describe.header(plan, "setup.sh"),
        "what": describe.counts(plan.topology),
        "parts": " ".join(parts),
        "programs": " ".join(map(_with_package, _programs(plan))),
        "ports": " ".join(_ports(plan.topology)),
        "trial": _trial(plan),
        "sections": [
            {
                "title": section.title,
                "why": section.why,
                "steps": [_step(step) for step in section.steps],
            }
            for section in plan.sections
        ],
        "runtime": Shell("\n".join(runtime.text(part) for part in ("core", *parts))),
    }


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
    inside = any(isinstance(op, (SetSysctl, LoadModule)) for op in step.ops)
    return {"why": "" if inside else step.why, "blocks": list(_blocks(step))}


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


def _with_package(program: str) -> str:
    package = PACKAGES.get(program)
    return f"{program}:{package}" if package else program


def _trial(plan: Plan) -> str:
    """One device of every kind, as lines of ip(8): made in a namespace that is gone at once, before anything is."""
    if not any(isinstance(op, (AddNamespace, AddBridge, AddVeth, AddLink)) for op in plan.ops):
        return ""
    found = {"veth": "link add name t0 type veth peer name t1"}
    if plan.of(AddBridge):
        found["bridge"] = "link add name t2 type bridge"
    for op in plan.of(AddLink):
        below = "link t0 " if op.kind in ("vlan", "macvlan", "ipvlan") else ""
        words = {"bridge": (), "vxlan": ("id", "1", "dstport", "4789")}.get(op.kind, op.words)
        line = " ".join((f"link add name t{len(found) + 2} {below}type", op.kind, *words))
        found.setdefault(op.kind, line)
    return "\n".join(found.values())


# -- blocks -------------------------------------------------------------------------------------


def _call(*words: str) -> Shell:
    return Shell("  " + join(words))


def _heredoc(words: Argv, lines: Iterable[str], end: str) -> Shell:
    return heredoc(f"  {join(words)}", lines, end)


def _block_key(op: Op) -> tuple[str, ...]:
    """Neighbours with the same key share a block: the words of its command."""
    if isinstance(op, IP_OPS):
        return ("ip_in", op.node)
    if isinstance(op, BRIDGE_OPS):
        return ("bridge_in", op.node)
    if isinstance(op, Impede):
        return ("tc_in", op.node)
    if isinstance(op, AddPolicy):
        return ("ip_in", op.node) if op.version == 4 else ("ip_in", op.node, "-6")
    if isinstance(op, LoadModule):
        return ("modules",)
    if isinstance(op, SetSysctl):
        return ("parameters", op.node)
    if isinstance(op, Chain):
        return ("rules", op.node, TOOL[op.version])
    if isinstance(op, Jump):
        where = ("where_off", op.unless) if op.unless else ()
        return (*where, "rules", op.node, TOOL[op.version])
    return ()


ENDS = {"ip_in": "IP", "bridge_in": "BRIDGE", "tc_in": "TC", "modules": "MODULES"}


def _blocks(step: Step) -> Iterator[Shell]:
    for key, group in groupby(step.ops, _block_key):
        ops = tuple(group)
        if "rules" in key:
            yield _heredoc(key, _restore_text(cast("Iterable[Chain | Jump]", ops)), "RULES")
        elif key and key[0] in ("parameters", "modules"):
            reason = [comment(step.why)] if step.why else []
            end = "PARAMETERS" if key[0] == "parameters" else "MODULES"
            yield _heredoc(key, (*reason, *map(_line, ops)), end)
        elif key:
            yield _heredoc(key, map(_line, ops), ENDS[key[0]])
        else:
            for number, op in enumerate(ops, 1):
                yield from _single(op, number)


def _line(op: Op) -> str:
    if isinstance(op, SetSysctl):
        return op.line()
    return op.name if isinstance(op, LoadModule) else " ".join(_words(op))


def _words(op: Op) -> Argv:
    """The command without its program, as a line that its program reads."""
    argv = op.argv()
    return argv[2:] if argv[1] == "-6" else argv[1:]


def _single(op: Op, number: int) -> Iterator[Shell]:
    if isinstance(op, TakeDevice):
        yield _call("take_device", op.node, op.device)
    elif isinstance(op, SetWireguard):
        port = ("listen-port", str(op.port)) if op.port else ()
        yield _call("wireguard", op.node, op.device, "private-key", op.key_file, *port)
    elif isinstance(op, SetPeer):
        known = ("peer", op.public_key) if op.public_key else ("peer-of", op.key_file)
        yield _call("wireguard", op.node, op.device, *known, *op.words())
    elif isinstance(op, KeepAdvertisements):
        yield _call("keep_router_advertisements")
    elif isinstance(op, ForgetUdp):
        first, last = str(op.ports.first), str(op.ports.last)
        yield _call("udp_ports", f"ipv{op.version}", first, last)
    elif isinstance(op, WriteFile):
        reader = (op.reader,) if op.reader else ()
        yield _heredoc(("file", op.path, *reader), (op.text,), "FILE")
    elif isinstance(op, StartService):
        yield _call("service", op.node, op.name, *op.argv())
    elif isinstance(op, RunCommand):
        yield from (_call("undo_by", op.node, str(number), *argv) for argv in op.undo())
        yield _call("run_once", op.node, str(number), *(op.up or ("true",)))
    else:
        raise TypeError(f"no block for {op!r}")


def _restore_text(ops: Iterable[Chain | Jump]) -> Iterator[str]:
    """The text of iptables-restore(8): a chain's first line empties it, so each is replaced at once."""
    for table, group in groupby(ops, lambda op: op.table):
        members = list(group)
        yield f"*{table}"
        yield from (f":{op.name} - [0:0]" for op in members if isinstance(op, Chain))
        for op in members:
            if isinstance(op, Jump):
                yield " ".join((op.FLAG[op.place], op.builtin, *op.words()))
                continue
            for why, rules in groupby(op.rules, lambda rule: rule.why):
                if why:
                    yield comment(why)
                yield from (" ".join(("-A", rule.chain, *rule.words)) for rule in rules)
        yield "COMMIT"
