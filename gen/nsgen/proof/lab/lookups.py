"""Ask a node's kernel for the route of a packet as it was: ip-route(8) `get`, with whatever the kernel looks at."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from dataclasses import dataclass, replace
from typing import Any

from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import output

NO_ANSWER = ("FAILED", "INCOMPLETE")
KERNELS = (0, 32766, 32767)  # the rules that every node has: local, main, default
FILTERED = "does not take {source} by {device}: rp_filter wants its own way there to be the same"
# What RTNETLINK answers, and the kernel does with a packet then: linux/net/ipv4/route.c.
REFUSALS = {
    "Network is unreachable": "has no route to {to}",
    "No route to host": "has an unreachable route to {to}",
    "Permission denied": "has a prohibit route to {to}",
    "Invalid argument": "has a blackhole route to {to}",
    "Invalid cross-device link": FILTERED,
}


@dataclass(frozen=True)
class Packet:
    """A packet, as a routing decision sees it; `device`: that it came in by, or empty."""

    source: str
    to: str
    device: str
    protocol: str
    sport: int
    dport: int
    mark: int

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.to else 4


class Lookup:
    """What a node's kernel says of a packet."""

    def __init__(self, node: str, packet: Packet) -> None:
        """Ask it."""
        self.node = node
        self.name = node.rstrip("~")  # of the lab's own
        self.packet = packet
        self.refusal = ""
        done = self._get()
        if done.returncode and packet.source and not packet.device and self._foreign():
            self.packet = replace(
                packet, source=""
            )  # sent by a transparent proxy, as somebody else
            done = self._get()
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]") if not done.returncode else []
        self.found = found[0] if found else {}
        said = done.stderr.strip().rpartition("RTNETLINK answers: ")[2]
        refused = self.found.get("type", "unicast") not in ("unicast", "local", "broadcast")
        if refused:
            self.refusal = f"has {_a(self.found['type'])} route to {packet.to}"
        elif not self.found:
            self.refusal = self._refused(said)

    def _get(self) -> subprocess.CompletedProcess[str]:
        command = [*self._ip(), "-d", "-j", "route", "get", self.packet.to, *self._how()]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _foreign(self) -> bool:
        """Whether it is sent from an address that is not the node's."""
        return not self._own(self.packet.source).local

    def _ip(self) -> list[str]:
        return ["nsenter", f"--net={file_of(self.node)}", "ip", f"-{self.packet.version}"]

    def _how(self) -> list[str]:
        one = self.packet
        words = ["from", one.source] if one.source else []
        words += ["iif", one.device] if one.device else []
        words += ["mark", str(one.mark)] if one.mark else []
        if one.protocol in ("tcp", "udp"):
            words += ["ipproto", one.protocol, "sport", str(one.sport), "dport", str(one.dport)]
        return words

    def _refused(self, said: str) -> str:
        one = self.packet
        if said == "No route to host" and one.device and not self._forwards():
            return "does not forward"
        if said == "Invalid argument" and one.device and self._own(one.to).device:
            if self._filters():
                return FILTERED.format(source=one.source, device=one.device)
            return f"takes no packet from {one.source} to {one.to}: a martian, ip-sysctl"
        told = REFUSALS.get(said, f"cannot route to {{to}}: {said}")
        return told.format(to=one.to, source=one.source, device=one.device)

    def _own(self, to: str) -> Lookup:
        """What becomes of a packet of its own."""
        return Lookup(self.node, replace(self.packet, source="", to=to, device=""))

    def _filters(self) -> bool:
        """Whether the device is not the one that leads back, and rp_filter minds, ip-sysctl."""
        asked = (self._sysctl(scope, "rp_filter") for scope in ("all", self.packet.device))
        strictness = max(asked) if self.packet.version == 4 else "0"
        back = self._own(self.packet.source).device
        return {"1": back != self.packet.device, "2": not back}.get(strictness, False)

    def _sysctl(self, scope: str, name: str) -> str:
        key = f"net/ipv{self.packet.version}/conf/{scope}/{name}"
        return output(["nsenter", f"--net={file_of(self.node)}", "sysctl", "-n", key]).strip()

    def _forwards(self) -> bool:
        """Whether it passes on what comes in by the device; of IPv6, the whole node decides."""
        scope = self.packet.device if self.packet.version == 4 else "all"
        return self._sysctl(scope, "forwarding") != "0"

    @property
    def local(self) -> bool:
        """Whether the packet is for the node itself."""
        return self.found.get("type") in ("local", "broadcast")

    @property
    def device(self) -> str:
        """The device that it leaves by."""
        return str(self.found.get("dev", ""))

    def lost(self) -> str:
        """Why the packet goes no further from here, as far as the kernel shows it; or nothing."""
        if self.refusal:
            return f"{self.name} {self.refusal}"
        if self.local:
            return ""
        if self.packet.device and not self._forwards():
            return f"{self.name} does not forward"
        via = str(self.found.get("gateway") or self.packet.to)
        shown = output([*self._ip(), "-j", "neighbour", "show", "to", via, "dev", self.device])
        states = [state for one in json.loads(shown or "[]") for state in one.get("state", ())]
        if any(state in NO_ANSWER for state in states):
            return f"nobody answers for {via} on {self.device} of {self.name}"
        return ""

    def text(self) -> str:
        """The route in words, with the table that it is in, and the rule that led there."""
        if self.refusal:
            return f"none: {self.name} {self.refusal}"
        words = [self.packet.to]
        for name, key in (("via", "gateway"), ("dev", "dev"), ("src", "prefsrc")):
            if key in self.found and not (self.local and name == "dev"):
                words += [name, str(self.found[key])]
        if self.local:
            words.append("is its own")
        # As long as there are no rules but the kernel's, it keeps both in one, and calls it main.
        table = str(self.found.get("table", "main"))
        table = "local" if self.local and table == "main" else table
        rule = self._rule(table)
        return f"{' '.join(words)} ({f'table {table}, rule {rule}' if rule else f'table {table}'})"

    def _rule(self, table: str) -> str:
        """The first rule that fits the packet and leads to the table."""
        shown = output([*self._ip(), "-j", "rule", "show"])
        for rule in json.loads(shown or "[]"):
            if str(rule.get("table", "")) == table and self._fits(rule):
                own = rule["priority"] in KERNELS
                return f"{rule['priority']}" + ("" if own else f": {_words(rule)}")
        return ""

    def _fits(self, rule: dict[str, Any]) -> bool:
        one = self.packet
        ends = (("src", one.source), ("dst", one.to))
        if any(not _within(address, rule, key) for key, address in ends):
            return False
        mark = int(str(rule.get("fwmark", "0")), 0)
        mask = int(str(rule.get("fwmask", "0xffffffff")), 0)
        if "fwmark" in rule and one.mark & mask != mark:
            return False
        return "oif" not in rule and rule.get("iif", one.device or "lo") == (one.device or "lo")


def _within(address: str, rule: dict[str, Any], key: str) -> bool:
    given = rule.get(key, "all")
    if given == "all":
        return True
    network = f"{given}/{rule[f'{key}len']}" if f"{key}len" in rule else given
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _words(rule: dict[str, Any]) -> str:
    """A rule as ip-rule(8) prints it."""
    words = []
    for name, key in (("from", "src"), ("to", "dst"), ("fwmark", "fwmark"), ("iif", "iif")):
        if key in rule:
            length = f"/{rule[f'{key}len']}" if f"{key}len" in rule else ""
            length = f"/{rule['fwmask']}" if key == "fwmark" and "fwmask" in rule else length
            words += [name, f"{rule[key]}{length}"]
    return " ".join([*words, "lookup", str(rule["table"])])


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
