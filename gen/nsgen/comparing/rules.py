"""Rules of iptables and nftables as lines, without counters, comments and the names of our own chains."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from nsgen.comparing.places import Names
from nsgen.proof.state import KernelNode, State

# A chain of a script of ours: its topology's name is no part of what it does.
OWN = re.compile(r"^NSGEN-.+-([A-Z0-9]+)$")
BY_DEVICE = ("-i", "-o", "--physdev-in", "--physdev-out")
POLICY = re.compile(r":(\S+) (ACCEPT|DROP)\b")


def firewall(node: KernelNode, names: Names) -> Iterator[str]:
    """Every rule, and every policy that is not ACCEPT."""
    renamed = names.within(node.name)
    for tool, text in _texts(node):
        yield from _of_iptables(tool, text, renamed)
    where = ""
    for line in map(str.strip, node.nft.splitlines()):
        where = line.rstrip(" {") if line.startswith("table ") else where
        if line not in ("", "}") and not line.startswith("table "):
            yield f"nft {where}: {_renamed_nft(line, renamed)}"


def _texts(node: KernelNode) -> tuple[tuple[str, str], ...]:
    older, _, rest = node.legacy.partition("# ip6tables\n")
    return (
        ("iptables", node.iptables),
        ("ip6tables", node.ip6tables),
        ("iptables", older),
        ("ip6tables", rest),
    )


def _of_iptables(tool: str, text: str, renamed: dict[str, str]) -> Iterator[str]:
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif (policy := POLICY.match(line)) and policy[2] != "ACCEPT":
            yield f"{tool} -t {table} -P {policy[1]} {policy[2]}"
        elif line.startswith("-A "):
            yield f"{tool} -t {table} {_rule(line, renamed)}"


def _rule(line: str, renamed: dict[str, str]) -> str:
    words = shlex.split(line)
    kept: list[str] = []
    index = 0
    while index < len(words):
        if words[index : index + 3] == ["-m", "comment", "--comment"]:
            index += 4
            continue
        before = words[index - 1] if index else ""
        word = OWN.sub(r"NSGEN-\1", words[index]) if before in ("-A", "-j", "-g") else words[index]
        kept.append(renamed.get(word, word) if before in BY_DEVICE else word)
        index += 1
    return " ".join(word if word == "!" else shlex.quote(word) for word in kept)


def _renamed_nft(line: str, renamed: dict[str, str]) -> str:
    line = re.sub(r"counter packets \d+ bytes \d+", "counter", line)
    line = re.sub(r' comment "[^"]*"', "", line)
    return re.sub(r'"([^"]+)"', lambda found: f'"{renamed.get(found[1], found[1])}"', line)


def ordered(a: State, b: State) -> Iterator[str]:
    """Chains that have the same rules in another order, in words."""
    for name in a.nodes:
        if name in b.nodes:
            first, second = _chains(a.nodes[name]), _chains(b.nodes[name])
            for chain, every in first.items():
                other = second.get(chain, [])
                if every != other and sorted(every) == sorted(other):
                    yield f"{name}: the rules of {chain} are in another order"


def _chains(node: KernelNode) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in firewall(node, Names()):
        chain, _, rule = line.partition(" -A ")
        if rule:
            found.setdefault(f"{chain} {rule.split(' ')[0]}", []).append(rule)
    return found
