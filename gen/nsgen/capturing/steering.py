"""Marks, and ways out that answer who asks by them, where a script of nsgen's has made them: `marks` and `uplinks`."""

from __future__ import annotations

import re
from typing import Any

from nsgen.capturing.draft import Draft, one_or_list
from nsgen.capturing.elements import new_rules, of_route, of_rule
from nsgen.capturing.firewall import Firewall, owned
from nsgen.capturing.rules import SavedRule
from nsgen.capturing.translation import plain
from nsgen.proof.state import KernelNode, KernelRoute

FIRST = 900  # the priority of the first uplink's first rule


def take_steering(draft: Draft, firewall: Firewall) -> None:
    """Say `uplinks` and `marks`; the rules of the firewall are said once the script brings them."""
    rules = [rule for rule in firewall.rules("mangle", "MARK", "OWN") if owned(rule)]
    if not rules:
        return
    devices = _uplinks(draft, firewall, rules)
    entries: list[dict[str, Any]] = []
    for rule in rules:
        entry = _mark(rule, devices)
        if entry is not None and entry not in entries:
            entries.append(entry)
    if entries:
        draft.at(firewall.node.name)["marks"] = entries


def _uplinks(draft: Draft, firewall: Firewall, rules: list[SavedRule]) -> set[str]:
    node = firewall.node
    found: dict[str, Any] = {}
    for number, (device, (table, mark)) in enumerate(_tables(draft, node, rules).items(), 1):
        ways = [one for one in node.routes if one.table == table and one.to == "default"]
        entry: dict[str, Any] = {"via": one_or_list([way.via for way in ways])}
        if table != str(1000 + number):
            entry["table"] = int(table)
        if mark != f"{number << 24:#x}/0xff000000":
            entry["mark"] = mark
        found[device] = entry["via"] if set(entry) == {"via"} else entry
        for way in ways:
            draft.account.say(of_route(node.name, way), "uplinks")
    if found:
        draft.at(node.name)["uplinks"] = found
    for way in (*_main(node, 4, found), *_main(node, 6, found)):
        draft.account.say(of_route(node.name, way), "uplinks")
    return set(found)


def _tables(draft: Draft, node: KernelNode, rules: list[SavedRule]) -> dict[str, tuple[str, str]]:
    """By device, the table of an uplink, and the mark of its connections."""
    by_mark = {
        rule.options["--set-xmark"]: rule.matches["-i"]
        for rule in rules
        if rule.target == "CONNMARK" and "--set-xmark" in rule.options and "-i" in rule.matches
    }
    found: dict[str, tuple[str, str]] = {}
    for rule in new_rules(node, draft.before(node.name)):
        mark = f"{rule.raw.get('fwmark')}/{rule.raw.get('fwmask')}"
        if FIRST <= rule.priority < FIRST + 100 and mark in by_mark:
            draft.account.say(of_rule(node.name, rule), "uplinks")
            if rule.table != "main":
                found[by_mark[mark]] = (rule.table, mark)
    return found


def _main(node: KernelNode, version: int, found: dict[str, Any]) -> list[KernelRoute]:
    """The default route by the first uplink of a version, which a namespace has by itself."""
    if node.name == "host":
        return []
    ways = [
        one
        for one in node.routes
        if one.version == version and one.to == "default" and one.table == "main"
    ]
    for device, entry in found.items():
        via = entry["via"] if isinstance(entry, dict) else entry
        texts = via if isinstance(via, list) else [via]
        own = [text for text in texts if (":" in text) == (version == 6)]
        if own:
            return [way for way in ways if way.device == device and way.via == own[0]]
    return []


def _mark(rule: SavedRule, devices: set[str]) -> dict[str, Any] | None:
    """An entry of `marks`, of a rule in a chain of nsgen's."""
    matches = dict(rule.matches)
    setting = rule.options.get("--set-xmark", "")
    if rule.target not in ("MARK", "CONNMARK") or not setting:
        return None
    if rule.target == "CONNMARK" and matches.get("-i") in devices:
        return None
    value, _, mask = setting.partition("/")
    found: dict[str, Any] = {"set": value if mask in ("", "0xffffffff") else setting}
    if rule.target == "CONNMARK":
        found["connection"] = True
        matches.pop("--ctstate", None)
    own = rule.chain.endswith("OWN") or matches.get("-i") == "lo"
    if own:
        found["in"] = "lo"
        matches.pop("-i", None)
    for key, name in (("-i", "in"), ("-s", "from"), ("-d", "to"), ("-p", "protocol")):
        if key in matches:
            text = matches.pop(key)
            found[name] = plain(text) if key in ("-s", "-d") else text
    for key, name in (("--sport", "sport"), ("--dport", "dport")):
        if key in matches:
            found[name] = re.sub(":", "-", matches.pop(key))
    if found.get("protocol") == "tcp" and {"sport", "dport"} & set(found):
        del found["protocol"]
    return None if matches else found
