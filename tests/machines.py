"""Small machines for tests of comparisons, as the kernel describes them."""

from __future__ import annotations

import json
from typing import Any

from nsgen.proof.observed import Observed

Record = dict[str, Any]


def link(name: str, kind: str = "", **more: Any) -> Record:
    """A device that is up; `master`, `mtu`, `peer` and all that ip(8) says of one may be given."""
    info = {"linkinfo": {"info_kind": kind}} if kind else {}
    return {"ifname": name, "ifindex": 1, "flags": ["UP"], "mtu": 1500, **info, **more}


def address(device: str, text: str, **more: Any) -> Record:
    """What ip(8) says of a device with one address."""
    local, _, length = text.partition("/")
    family = "inet6" if ":" in local else "inet"
    one = {"family": family, "local": local, "prefixlen": int(length), "scope": "global", **more}
    return {"ifname": device, "addr_info": [one]}


def node(*links: Record, **more: Any) -> Record:
    """A node with these devices; each of the other keys of the document may be given."""
    empty: Record = {
        key: []
        for key in (
            "addresses",
            "neighbours",
            "proxies",
            "vlans",
            "fdb",
            "qdiscs",
            "classes",
            "filters",
        )
    }
    empty |= {key: {"4": [], "6": []} for key in ("routes", "rules")}
    empty |= dict.fromkeys(("iptables", "ip6tables", "legacy", "nft", "wireguard"), "")
    return {"links": list(links), "sysctls": {}, **empty, **more}


def machine(
    answers: Any = None,
    files: Any = None,
    processes: Any = (),
    uplink: Any = "eth0",
    **nodes: Any,
) -> Observed:
    """A machine with these nodes, and the verdict on each question."""
    asked = answers or {}
    document = {
        "name": "machine",
        "uplink": uplink,
        "devices": ["lo", uplink],
        "around": {"outside~": ["172.16.1.5"], "router~": [], "internet~": ["203.0.113.10"]},
        "transit": [],
        "state": {"nodes": nodes, "files": files or {}, "processes": list(processes)},
        "asked": list(asked),
        "verdicts": list(asked.values()),
        "notes": [],
    }
    return Observed.load(json.dumps(document))
