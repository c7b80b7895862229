"""Whether the kernel is done with what it does a moment later than it is told.

IPv6 looks first whether somebody else has an address; a device that has got a carrier is put to use by and by, and
makes itself an address then; and a bridge that speaks the spanning tree protocol listens before it forwards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nsgen.proof.lab.nodes import SCRIPT_NAMESPACES, file_of
from nsgen.proof.lab.programs import output

# Seconds: the spanning tree protocol takes 30, IEEE 802.1D; of all others, a busy machine is the slowest.
SETTLING = 60.0
IDLE = ("DOWN", "LOWERLAYERDOWN")
NOT_YET = ("disabled", "listening", "learning")


def settle() -> list[str]:
    """Wait until all nodes are still; what is not, after a long time, is given in words."""
    deadline = time.monotonic() + SETTLING
    while True:
        names = sorted(path.name for path in Path(SCRIPT_NAMESPACES).glob("*"))
        nodes = ["host", *(f"../netns/{name}" for name in names)]
        restless = next((found for node in nodes if (found := list(_restless(node)))), [])
        if not restless or time.monotonic() > deadline:
            return restless
        time.sleep(0.1)


def _restless(node: str) -> Iterator[str]:
    command = ["nsenter", f"--net={file_of(node)}", "ip", "-j", "-d", "address", "show"]
    links = [link for link in json.loads(output(command) or "[]") if link]
    up = {link["ifname"] for link in links if "UP" in link["flags"]}
    for link in links:
        yield from (f"{Path(node).name}: {link['ifname']} {what}" for what in _pending(link, up))


def _pending(link: dict[str, Any], up: set[str]) -> Iterator[str]:
    for address in link["addr_info"]:
        if address.get("tentative") and not address.get("dadfailed"):
            yield f"has {address['local']} only tentatively"
    if {"UP", "LOWER_UP"} <= {*link["flags"]}:
        if link["operstate"] in IDLE:
            yield "has a carrier and is not in use"
        port = link.get("linkinfo", {})
        state = port.get("info_slave_data", {}).get("state")
        # The ports of a bridge that is down stay as they are.
        if port.get("info_slave_kind") == "bridge" and state in NOT_YET and link["master"] in up:
            yield f"is a port of a bridge that is {state}"
