"""Rules of iptables, as iptables-save prints them: read, and asked what becomes of a packet."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

BUILTIN = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
SILENT = {"tcp", "udp", "sctp", "comment", "conntrack", "state", "addrtype", "multiport"}
ENDS = {"ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "TPROXY"}
LONG = {
    "--source": "-s", "--destination": "-d", "--in-interface": "-i", "--out-interface": "-o",
    "--protocol": "-p", "--jump": "-j", "--goto": "-g", "--destination-port": "--dport",
    "--source-port": "--sport",
}  # fmt: skip


def lines_of(text: str) -> Iterator[tuple[str, str]]:
    """The table and the text of each rule, each chain of somebody's own, and each policy but ACCEPT."""
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            yield table, line
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            if policy == "-":
                yield table, f"-N {name}"
            elif policy != "ACCEPT":
                yield table, f"-P {name} {policy}"


@dataclass(frozen=True)
class SavedRule:
    """One rule: what it is for, by option (`!` before it where it is for all others), and what becomes of that."""

    version: int
    table: str
    chain: str
    matches: Mapping[str, str]
    target: str
    options: Mapping[str, str]
    text: str = field(compare=False)

    def only(self, *keys: str) -> bool:
        """Whether it asks for nothing besides these options."""
        return set(self.matches) <= set(keys)


def parse(version: int, table: str, text: str) -> SavedRule | None:
    """Read a rule; None where it is none."""
    words = shlex.split(text)
    if len(words) < 2 or words[0] != "-A":
        return None
    matches: dict[str, str] = {}
    options: dict[str, str] = {}
    target, at, into, no = "", 2, matches, ""
    while at < len(words):
        word = LONG.get(words[at], words[at])
        at += 1
        if word == "!":
            no = "!"
            continue
        values = []
        while at < len(words) and not words[at].startswith("-") and words[at] != "!":
            values.append(words[at])
            at += 1
        value = " ".join(values)
        if word in ("-j", "-g"):
            target, into = value, options
        elif word == "-m":
            if value not in SILENT:
                matches[f"-m {value}"] = ""
        elif word == "--state":
            matches[f"{no}--ctstate"] = value
        elif word != "--comment":
            into[f"{no}{word}"] = value
        no = ""
    return SavedRule(version, table, words[1], matches, target, options, text)


@dataclass(frozen=True)
class Sent:
    """A packet, as a rule sees it; `fate` is that of its connection, and `local` whether it is for the machine."""

    src: str
    dst: str
    came: str = ""
    leaves: str = ""
    proto: str = "tcp"
    dport: int = 0
    fate: str = "NEW"
    local: bool = False


@dataclass(frozen=True)
class Ruleset:
    """All rules of one IP version in one node."""

    version: int
    rules: Sequence[SavedRule]
    policies: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, version: int, lines: Sequence[tuple[str, str]]) -> Ruleset:
        """Read what :func:`lines_of` gives."""
        found = [parse(version, table, text) for table, text in lines]
        policies = {
            (table, text.split()[1]): text.split()[2] for table, text in lines if text[:2] == "-P"
        }
        return cls(version, [rule for rule in found if rule], policies)

    def chain(self, table: str, chain: str) -> list[SavedRule]:
        """The rules of a chain, in order."""
        return [rule for rule in self.rules if (rule.table, rule.chain) == (table, chain)]

    def deciding(self, table: str, chain: str, packet: Sent, depth: int = 0) -> SavedRule | None:
        """The rule that decides about a packet; None where it is the policy."""
        for rule in self.chain(table, chain):
            if not fits(rule, packet):
                continue
            if rule.target in ENDS or rule.target == "RETURN":
                return rule
            if depth < 16 and self.chain(table, rule.target):
                inner = self.deciding(table, rule.target, packet, depth + 1)
                if inner is not None and inner.target != "RETURN":
                    return inner
        return None


def fits(rule: SavedRule, packet: Sent) -> bool:
    """Whether a rule is for a packet; what it asks for and we do not know is taken for no."""
    return all(_fits(key, value, packet) for key, value in rule.matches.items())


def _fits(key: str, value: str, packet: Sent) -> bool:
    wanted = not key.startswith("!")
    key = key.lstrip("!")
    if key in ("-s", "-d"):
        address = packet.src if key == "-s" else packet.dst
        try:
            network = ipaddress.ip_network(value, strict=False)
            return (ipaddress.ip_address(address) in network) == wanted
        except ValueError:
            return False
    if key in ("-i", "-o"):
        device = packet.came if key == "-i" else packet.leaves
        same = device.startswith(value[:-1]) if value.endswith("+") else device == value
        return same == wanted
    if key == "-p":
        return (value in (packet.proto, "all")) == wanted
    if key in ("--dport", "--dports"):
        return any(_in_range(packet.dport, part) for part in value.split(",")) == wanted
    if key == "--ctstate":
        return bool(set(packet.fate.split(",")) & set(value.split(","))) == wanted
    if key == "--dst-type":
        return (packet.local == (value == "LOCAL")) == wanted
    if key == "-m physdev":
        return True
    return key == "--physdev-is-bridged" and not wanted


def _in_range(port: int, text: str) -> bool:
    first, _, last = text.partition(":")
    return bool(re.fullmatch(r"\d+", first)) and int(first) <= port <= int(last or first)
