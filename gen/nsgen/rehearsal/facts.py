"""What tells why something does not work on the rehearsed machine: see :mod:`nsgen.rehearsal.hints`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from nsgen.rehearsal.machine import output
from nsgen.rehearsal.nodes import file_of

SHOWN_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
)


def facts() -> dict[str, Any]:
    """Kernel parameters, rules, ports of bridges, addresses, and what the script's namespaces have."""
    sysctls = [Path("/proc/sys", key) for key in SHOWN_SYSCTLS]
    sysctls += Path("/proc/sys/net/ipv4/conf").glob("*/route_localnet")
    rules = {
        version: [line for line in output([tool]).splitlines() if line.startswith("-A ")]
        for version, tool in (("4", "iptables-save"), ("6", "ip6tables-save"))
    }
    ports = {
        link["ifname"]: link.get("linkinfo", {}).get("info_slave_data", {})
        for link in json.loads(output(["ip", "-j", "-d", "link", "show"]) or "[]")
        if link
    }
    return {
        "sysctls": {
            str(p)[len("/proc/sys/") :]: p.read_text().strip() for p in sysctls if p.exists()
        },
        "rules": rules,
        "ports": ports,
        "addresses": _addresses(["ip"]),
        "namespaces": {p.name: _facts_of(p.name) for p in Path("/run/netns").glob("*")},
    }


def _facts_of(node: str) -> dict[str, Any]:
    ip = ["nsenter", f"--net={file_of(node)}", "ip"]
    defaults = {f"default{v}": output([*ip, f"-{v}", "route", "show", "default"]) for v in (4, 6)}
    return {"addresses": _addresses(ip), **defaults}


def _addresses(ip: list[str]) -> list[str]:
    words = output([*ip, "-o", "address", "show"]).split()
    return [after for word, after in itertools.pairwise(words) if word in ("inet", "inet6")]
