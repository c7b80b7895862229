"""What a script tries before it changes anything, and the kernel modules that this takes: for what kernels may lack."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

from nsgen.ops import (
    HOST,
    AddBridge,
    AddLink,
    AddNamespace,
    AddTap,
    AddVeth,
    Chain,
    JoinNamespace,
    Jump,
    NewDevice,
    SetNetem,
)
from nsgen.plan.steps import Plan

# The modules of kinds of devices, and of matches and targets of iptables(8), that are not called as these are.
DEVICES = {
    "vnifilter": "vxlan",
    "vlan": "8021q",
    "bond": "bonding",
    "gre": "ip_gre",
    "gretap": "ip_gre",
    "ip6gre": "ip6_gre",
    "ip6gretap": "ip6_gre",
    "ip6tnl": "ip6_tunnel",
}
EXTENSIONS = {
    "tcp": "xt_tcpudp",
    "udp": "xt_tcpudp",
    "DNAT": "xt_nat",
    "SNAT": "xt_nat",
    "MARK": "xt_mark",
    "CONNMARK": "xt_connmark",
}
BUILT_IN = ("ACCEPT", "DROP", "RETURN", "icmp", "icmp6")  # with the tables themselves


def lines(plan: Plan) -> Iterator[str]:
    """One device of every kind, and netem: MODULE COMMAND, done in a namespace that is gone at once."""
    if not any(map(plan.of, (AddNamespace, JoinNamespace, *get_args(NewDevice)))):
        return
    found: dict[str, NewDevice] = {"veth": AddVeth(HOST, "t0", "t1", "", 0, "")}
    if plan.of(AddBridge):
        found["bridge"] = AddBridge(HOST, "t2", "", None, 0)
    for op in plan.of(AddLink):
        kind = "vnifilter" if "vnifilter" in op.words else op.kind  # Linux 5.18
        if kind not in found:
            found[kind] = op.trial(f"t{len(found) + 2}", "t0")
    for user in dict.fromkeys(tap.user for tap in plan.of(AddTap)):  # each is to be there
        found[f"tap of {user}"] = AddTap(HOST, f"t{len(found) + 2}", user)
    for kind, device in found.items():
        module = "tun" if isinstance(device, AddTap) else DEVICES.get(kind, kind)
        yield " ".join((module, *device.argv()))
    if plan.of(SetNetem):
        yield " ".join(("sch_netem", *SetNetem(HOST, "t0", ("delay", "1ms")).argv()))


def modules(plan: Plan) -> list[str]:
    """The modules that the rules of iptables(8) take, for their matches and targets."""
    said = [(chain.version, rule.words()) for chain in plan.of(Chain) for rule in chain.rules]
    said += [(jump.version, jump.words()) for jump in plan.of(Jump)]
    chains = {chain.name for chain in plan.of(Chain)}
    found = {
        _module(version, name)
        for version, words in said
        for flag, name in pairwise(words)
        if flag in ("-m", "-j") and name not in BUILT_IN and name not in chains
    }
    return sorted(found)


def _module(version: int, name: str) -> str:
    if name == "REJECT":
        return "ipt_REJECT" if version == 4 else "ip6t_REJECT"
    return EXTENSIONS.get(name, f"xt_{name}")
