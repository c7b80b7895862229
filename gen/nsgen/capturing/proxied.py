"""Transparent proxies, where a script of nsgen's has made them: `redirect` and `tproxy`, in the order of all of `nat`.

What goes with them, such as the chain of what belongs to a proxy already, is said once the script brings it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nsgen.capturing.draft import Draft, one_or_list, subnet_of
from nsgen.capturing.elements import new_routes, new_rules, of_route, of_rule
from nsgen.capturing.firewall import OWN_CHAIN, Firewall, owned
from nsgen.capturing.rules import SavedRule
from nsgen.capturing.translation import dnat_entry, plain
from nsgen.topology.proxied import BACK, MARK, PRIORITY, TABLE
from nsgen.values import HOST

# The chain of an entry with exceptions, with its place in `nat`.
CHOSEN = re.compile(r"NSGEN-.+-P(\d+)")
TARGETS = ("REDIRECT", "TPROXY")
KNOWN = {"-s", "-d", "!-d", "-i", "-p", "--dport", "!--dst-type", "-m owner", "!--uid-owner"}
ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - as the rule says that it is all of them


@dataclass
class NatEntry:
    """An entry of `nat`, the rules that it stands for, and where in `nat` it is, if that can be told."""

    body: dict[str, Any]
    rules: list[SavedRule]
    spared: list[str] = field(default_factory=list)
    place: int | None = None


def take_proxied(draft: Draft, firewall: Firewall) -> None:
    """Say what is given to proxies, and what else is translated where it comes in."""
    node = firewall.node
    rules = [
        *firewall.rules("mangle", "TPROXY"),
        *firewall.rules("nat", "DNAT", "LOCAL"),
    ]
    rules = [rule for rule in rules if owned(rule)]
    if not any(
        _role(rule) == "LOCAL" or CHOSEN.match(rule.target) or rule.target in TARGETS
        for rule in rules
    ):
        return
    found: list[NatEntry] = []
    for version in firewall.sets:
        of = {
            role: [
                entry
                for rule in rules
                if rule.version == version and _role(rule) == role
                if (entry := _entry(draft, firewall, rule)) is not None
            ]
            for role in ("TPROXY", "DNAT", "LOCAL")
        }
        for entry in of["LOCAL"]:
            if not any(entry.body == one.body for one in of["DNAT"]):
                entry.body["in"] = "lo"
        found = _merged(found, [*of["TPROXY"], *_merged(of["DNAT"], of["LOCAL"])])
    entries = draft.at(node.name).setdefault("nat", [])
    for number, entry in enumerate(_placed(found)):
        spared = {"except": one_or_list(entry.spared)} if entry.spared else {}
        entries.append({**entry.body, **spared})
        for rule in entry.rules:
            draft.account.say(firewall.of(rule), f"nat[{number}]")
    if any("tproxy" in entry.body for entry in found):
        _say_table(draft, firewall)


def _role(rule: SavedRule) -> str:
    own = OWN_CHAIN.fullmatch(rule.chain)
    return own[2] if own else ""


def _entry(draft: Draft, firewall: Firewall, rule: SavedRule) -> NatEntry | None:
    """What a rule stands for; None of one that goes with others."""
    if rule.target == "DNAT":
        body = dnat_entry(rule)
        return NatEntry(body, [rule]) if body is not None else None
    chosen, last, spared = CHOSEN.fullmatch(rule.target), rule, list[str]()
    if chosen:
        *inner, last = firewall.sets[rule.version].chain(rule.table, rule.target)
        spared = [plain(one.matches["-d"]) for one in inner if one.target == "RETURN"]
    if last.target not in TARGETS or not set(rule.matches) <= KNOWN:
        return None
    body = {**_target(last), **_matched(rule)}
    bridged = _bridged(draft, firewall.node.name, body.get("in", ""))
    spared = [one for one in spared if one not in bridged]
    return NatEntry(body, [rule], spared, int(chosen[1]) if chosen else None)


def _target(rule: SavedRule) -> dict[str, Any]:
    """Where a proxy listens."""
    if rule.target == "REDIRECT":
        return {"redirect": int(rule.options["--to-ports"])}
    port, address = rule.options["--on-port"], rule.options["--on-ip"]
    shown = f"[{address}]" if ":" in address else address
    return {"tproxy": int(port) if address == ANY[rule.version] else f"{shown}:{port}"}


def _matched(rule: SavedRule) -> dict[str, Any]:
    """What a proxy is given."""
    matches, found = rule.matches, dict[str, Any]()
    if "-i" in matches:
        found["in"] = matches["-i"]
    for key, name in (("-s", "from"), ("-d", "to")):
        if key in matches:
            found[name] = plain(matches[key])
    if "--dport" in matches:
        found["port"] = matches["--dport"].replace(":", "-")
    if matches.get("-p", "tcp") != "tcp":
        found["protocol"] = matches["-p"]
    if "!--uid-owner" in matches:
        found["proxy_uid"] = matches["!--uid-owner"]
    return found


def _bridged(draft: Draft, node: str, device: str) -> set[str]:
    """What a proxy is not given by itself: what neighbours on a bridge say to each other."""
    link = draft.state.nodes[node].link(device)
    if link is None or link.kind != "bridge" or (node == HOST and device not in draft.networks):
        return set()
    return {subnet_of(one) for one in draft.addresses(node, device)}


def _merged(first: list[NatEntry], second: Iterable[NatEntry]) -> list[NatEntry]:
    """Both in their order; what is in both, but for exceptions of another IP version, is there once."""
    found, left = list[NatEntry](), list(first)
    for entry in second:
        same = next((one for one in left if one.body == entry.body), None)
        if same is None:
            found.append(entry)
            continue
        at = left.index(same)
        found += left[: at + 1]
        left = left[at + 1 :]
        same.rules += entry.rules
        same.spared += [one for one in entry.spared if one not in same.spared]
        same.place = entry.place if same.place is None else same.place
    return [*found, *left]


def _placed(entries: list[NatEntry]) -> list[NatEntry]:
    """Entries with a place are there, as far as others fill what is before them."""
    fixed = {one.place: one for one in entries if one.place is not None}
    others = [one for one in entries if one.place is None]
    found: list[NatEntry] = []
    while fixed or others:
        if len(found) in fixed:
            found.append(fixed.pop(len(found)))
        elif others:
            found.append(others.pop(0))
        else:
            found.append(fixed.pop(min(fixed)))
    return found


def _say_table(draft: Draft, firewall: Firewall) -> None:
    """Note the table of what is marked for a proxy, and the rules that lead there."""
    node, before = firewall.node, draft.before(firewall.node.name)
    for route in new_routes(node, before):
        if (route.table, route.type) == (str(TABLE), "local"):
            draft.account.say(of_route(node.name, route), "tproxy")
    for rule in new_rules(node, before):
        if rule.priority in (BACK, PRIORITY) and rule.raw.get("fwmark") == f"{MARK:#x}":
            draft.account.say(of_rule(node.name, rule), "tproxy")
