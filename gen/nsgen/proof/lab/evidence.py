"""What tells why something does not work on the rehearsed machine: see :mod:`nsgen.proof.hints`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import output


def facts() -> dict[str, Any]:
    """Rules, addresses, and what the script's namespaces have."""
    rules = {
        version: [line for line in output([tool]).splitlines() if line.startswith("-A ")]
        for version, tool in (("4", "iptables-save"), ("6", "ip6tables-save"))
    }
    return {
        "rules": rules,
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
