"""Rules of iptables, folded into what the language has for them; what does not fold is a command under `exec`.

Rules are read once (:func:`read`), and each stage takes those that it understands: networks (`internet`, `isolate`),
published ports, `nat`. A rule of nsgen's own is said where the script of the topology brings it again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import Element, new_lines, of_firewall
from nsgen.capturing.rules import Ruleset, SavedRule
from nsgen.ops import IPTABLES, Chain, Jump
from nsgen.plan.steps import Plan
from nsgen.proof.state import KernelNode
from nsgen.values import HOST

OWN_CHAIN = re.compile(r"NSGEN-([a-z][a-z0-9-]*)-([A-Z]+[0-9]*)")
DIGITS = "0123456789"  # of the chains that many rules are split into
OWN_COMMENT = re.compile(r'--comment "?nsgen:([a-z][a-z0-9-]*)"?')


@dataclass(frozen=True)
class Firewall:
    """The rules of a node, of both IP versions."""

    node: KernelNode
    sets: dict[int, Ruleset]
    new: dict[int, list[tuple[str, str]]]  # each line that was not there before

    def element(self, version: int, table: str, line: str) -> Element:
        """What a line is called."""
        return of_firewall(self.node.name, IPTABLES[version], table, line)

    def of(self, rule: SavedRule) -> Element:
        """What a rule is called."""
        return self.element(rule.version, rule.table, rule.text)

    def rules(self, table: str, *chains: str) -> Iterator[SavedRule]:
        """The new rules of some chains, and of nsgen's own that have one of these roles."""
        for version, found in self.sets.items():
            lines = set(self.new[version])
            for rule in found.rules:
                own = OWN_CHAIN.fullmatch(rule.chain)
                role = own[2].rstrip(DIGITS) if own else rule.chain
                if rule.table == table and role in chains and (table, rule.text) in lines:
                    yield rule


def read(draft: Draft, node: KernelNode) -> Firewall:
    """Read the rules of a node."""
    before = draft.before(node.name)
    new, sets = {}, {}
    for version, text, old in (
        (4, node.iptables, before.iptables if before else ""),
        (6, node.ip6tables, before.ip6tables if before else ""),
    ):
        new[version] = list(new_lines(text, old))
        sets[version] = Ruleset.of(version, list(new_lines(text, "")))
    return Firewall(node, sets, new)


def owned(rule: SavedRule) -> str:
    """The topology of nsgen's that a rule is of, or nothing."""
    chain, comment = OWN_CHAIN.fullmatch(rule.chain), OWN_COMMENT.search(rule.text)
    return chain[1] if chain else comment[1] if comment else ""


def names_of_owners(state_nodes: list[KernelNode]) -> list[str]:
    """The topologies of nsgen's that have left their names here: in rules and in aliases."""
    found: dict[str, None] = {}
    for node in state_nodes:
        for text in (node.iptables, node.ip6tables):
            found |= dict.fromkeys(match[1] for match in OWN_COMMENT.finditer(text))
        for link in node.links:
            if link.alias.startswith("nsgen:"):
                found[link.alias.split(":")[1]] = None
    return list(found)


# -- what is left -------------------------------------------------------------------------------


def take_own(draft: Draft, firewall: Firewall, plan: Plan | None) -> None:
    """Say the rules of nsgen's own that the script of the topology, as it is written by now, brings again."""
    planned: set[tuple[int, str, str]] = set()
    for op in plan.ops if plan else ():
        if isinstance(op, Chain) and op.node == firewall.node.name:
            planned.add((op.version, op.table, f"-N {op.name}"))
            for rule in op.rules:
                planned.add((op.version, op.table, f"-A {rule.chain} {_joined(rule.words())}"))
        elif isinstance(op, Jump) and op.node == firewall.node.name:
            planned.add((op.version, op.table, f"-A {op.builtin} {_joined(op.words())}"))
    for version, lines in firewall.new.items():
        for table, line in lines:
            element = firewall.element(version, table, line)
            own = OWN_CHAIN.search(line)
            if not own or not draft.account.open(element):
                continue
            same = line.replace(f"NSGEN-{own[1]}-", f"NSGEN-{draft.name}-")
            same = same.replace(f'"nsgen:{own[1]}"', f"nsgen:{draft.name}")
            if (version, table, same) in planned:
                draft.account.say(element, "the script brings it")
            else:
                why = "it is a rule of nsgen's own, and the topology as it is written here has none as this"
                draft.account.leave(element, why)


def _joined(words: tuple[str, ...]) -> str:
    return " ".join(words)


POLICY = "a policy is about all that the machine does, and left out on purpose"


def take_rest(draft: Draft, firewall: Firewall) -> None:
    """Have commands make every rule, chain and policy that nothing in the language stands for."""
    name = firewall.node.name
    for version, lines in firewall.new.items():
        for table, line in sorted(lines, key=lambda one: not one[1].startswith("-N")):
            element = firewall.element(version, table, line)
            if draft.account.open(element) and name == HOST and line.startswith("-P"):
                draft.account.leave(element, POLICY)
            elif draft.account.open(element):
                draft.execute(name, element, *commands(IPTABLES[version], table, line))
    old = draft.before(name)
    for table, line in new_lines(firewall.node.legacy, old.legacy if old else ""):
        element = of_firewall(name, "legacy", table, line)
        program = "ip6tables-legacy" if _is_ipv6(firewall.node.legacy, line) else "iptables-legacy"
        draft.execute(name, element, *commands(program, table, line))
    if firewall.node.nft.strip():
        text = firewall.node.nft.strip()
        tables = re.findall(r"^table (\S+) (\S+) \{", text, re.MULTILINE)
        down = "; ".join(f"delete table {family} {table}" for family, table in tables)
        draft.execute(
            name, Element(name, "nft", text), ["nft", text], ["nft", down] if down else []
        )


def commands(program: str, table: str, line: str) -> tuple[list[str], list[str]]:
    """What adds a rule, a chain or a policy, and what takes it away."""
    begin = [program, "-w", *([] if table == "filter" else ["-t", table])]
    words = shlex.split(line)
    back = {"-A": "-D", "-N": "-X"}
    if words[0] == "-P":
        return [*begin, *words], [*begin, *words[:2], "ACCEPT"]
    return [*begin, *words], [*begin, back[words[0]], *words[1:]]


def _is_ipv6(text: str, line: str) -> bool:
    at = text.find(line)
    return text.rfind("# ip6tables", 0, at) > text.rfind("# iptables", 0, at)
