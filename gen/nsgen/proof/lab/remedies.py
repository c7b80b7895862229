"""What may be wrong with a parameter or a port is put right for a moment, and who got no answer asks again.

A reason that was not tried is a guess; see :mod:`nsgen.proof.hints`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from nsgen.proof.lab.programs import output

SYSCTLS = Path("/proc/sys/net")
# By the name that a reason has: the parameter that is on then.
PARAMETERS = {
    "forwarding 4": "ipv4/ip_forward",
    "forwarding 6": "ipv6/conf/all/forwarding",
    "route_localnet": "ipv4/conf/all/route_localnet",
    "bridge-nf 4": "bridge/bridge-nf-call-iptables",
    "bridge-nf 6": "bridge/bridge-nf-call-ip6tables",
}
FOLLOWING = ("forwarding", "accept_redirects")
HAIRPIN = "hairpin"
Ask = Callable[
    [Sequence[int]], Mapping[int, str]
]  # some claims by their numbers, to their verdicts


def tried(lost: Sequence[int], ask: Ask) -> dict[str, list[int]]:
    """By each remedy, which of the lost claims are answered with it."""
    found = {}
    for name, remedy in _remedies() if lost else ():
        with remedy:
            verdicts = ask(lost)
        found[name] = [index for index in lost if verdicts[index].startswith("ok")]
    return found


def _remedies() -> Iterator[tuple[str, AbstractContextManager[None]]]:
    for name, parameter in PARAMETERS.items():
        path = SYSCTLS / parameter
        if path.exists() and path.read_text().strip() == "0":
            yield name, _switched_on(path)
    ports = [
        link["ifname"]
        for link in json.loads(output(["ip", "-j", "-d", "link", "show"]) or "[]")
        if link.get("linkinfo", {}).get("info_slave_data", {}).get("hairpin") is False
    ]
    if ports:
        yield HAIRPIN, _reflecting(ports)


@contextmanager
def _switched_on(path: Path) -> Iterator[None]:
    """A switch for all devices sets that of each one, too; and a router accepts no redirects, ip-sysctl."""
    family = SYSCTLS / path.relative_to(SYSCTLS).parts[0]
    others = (one for name in FOLLOWING for one in family.glob(f"conf/*/{name}"))
    each = {one: one.read_text() for one in others}
    path.write_text("1")
    try:
        yield
    finally:
        path.write_text("0")
        for one, before in each.items():
            one.write_text(before)


@contextmanager
def _reflecting(ports: Sequence[str]) -> Iterator[None]:
    for port in ports:
        output(["ip", "link", "set", port, "type", "bridge_slave", "hairpin", "on"])
    try:
        yield
    finally:
        for port in ports:
            output(["ip", "link", "set", port, "type", "bridge_slave", "hairpin", "off"])
