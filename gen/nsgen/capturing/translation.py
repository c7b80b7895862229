"""Address translation of a node, as entries of `nat`."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.firewall import Firewall, owned
from nsgen.capturing.rules import SavedRule
from nsgen.values import HOST

TO = re.compile(
    r"\[?([0-9a-fA-F:.]+?)\]?(?::(\d+)(?:-(\d+))?(?:/\d+)?)?"
)  # ADDRESS[:PORT[-PORT[/FIRST]]]


def take_nat(draft: Draft, firewall: Firewall) -> None:
    """Say the rules of POSTROUTING and PREROUTING that `nat` has words for."""
    node = firewall.node.name
    kept: list[tuple[SavedRule, str]] = []
    for rule in firewall.rules("nat", "POSTROUTING", "SNAT"):
        if not draft.account.open(firewall.of(rule)) or _is_jump(rule):
            continue
        if rule.target in ("RETURN", "ACCEPT") and owned(rule) and "-d" in rule.matches:
            kept.append((rule, plain(rule.matches["-d"])))
            continue
        entry = _source(draft, node, rule)
        if entry is not None:
            excepted = [to for one, to in kept if _same_way(one, rule)]
            if excepted:
                entry["except"] = excepted[0] if len(excepted) == 1 else excepted
            _add(draft, firewall, rule, entry)
            for one, _ in kept:
                draft.account.say(firewall.of(one), draft.account.said[firewall.of(rule)])
            kept = []
    for rule in firewall.rules("nat", "PREROUTING", "DNAT"):
        if draft.account.open(firewall.of(rule)) and not _is_jump(rule):
            entry = dnat_entry(rule)
            if entry is not None:
                _add(draft, firewall, rule, entry)
                _tell_wider(draft, node, rule)


def _is_jump(rule: SavedRule) -> bool:
    return rule.target.startswith("NSGEN-")


def _same_way(one: SavedRule, other: SavedRule) -> bool:
    return all(one.matches.get(key) == other.matches.get(key) for key in ("-s", "-o"))


def _add(draft: Draft, firewall: Firewall, rule: SavedRule, entry: dict[str, Any]) -> None:
    entries = draft.at(firewall.node.name).setdefault("nat", [])
    if entry not in entries:
        entries.append(entry)
    draft.account.say(firewall.of(rule), f"nat[{entries.index(entry)}]")


def _source(draft: Draft, node: str, rule: SavedRule) -> dict[str, Any] | None:
    matches = rule.matches
    if rule.target == "MASQUERADE" and not set(rule.options):
        beyond = matches.get("!-d", matches.get("!-o", ""))
        if not rule.only("-s", "-o", "!-o", "!-d", "-m addrtype"):
            return None
        out = matches.get("-o", "") or (draft.uplink if node == HOST else _way_out(draft, node))
        if not out:
            return None
        if "-o" not in matches:
            draft.account.tell(
                f"{node}: '{rule.text}' names no device: in the topology it is {out}, by which the"
                " default route goes"
            )
        del beyond
        return {"masquerade": out, **_from(matches)}
    if (
        rule.target == "SNAT"
        and set(rule.options) == {"--to-source"}
        and rule.only("-s", "-o", "-p")
    ):
        to = rule.options["--to-source"]
        found = {"snat": to, **_from(matches)}
        protocol = matches.get("-p", "")
        ported = destination(to) not in (None, (to.strip("[]"), "", ""))
        if protocol and not (protocol == "tcp" and ported):
            found["protocol"] = protocol
        return found | ({"out": matches["-o"]} if "-o" in matches else {})
    return None


def _from(matches: Any) -> dict[str, str]:
    return {"from": plain(matches["-s"])} if "-s" in matches else {}


def dnat_entry(rule: SavedRule) -> dict[str, Any] | None:
    """A rule of DNAT as an entry; None where it asks for more than one can."""
    matches = rule.matches
    if rule.target != "DNAT" or set(rule.options) != {"--to-destination"}:
        return None
    if not rule.only("-d", "-i", "-p", "--dport", "--dst-type") or (
        "-p" not in matches and "--dport" in matches
    ):
        return None
    found: dict[str, Any] = {"dnat": rule.options["--to-destination"].split("/")[0]}
    if "-d" in matches:
        network = ip_network(matches["-d"], strict=False)
        found["to"] = plain(str(network))
    if "--dport" in matches:
        found["port"] = matches["--dport"].replace(":", "-")
    if "-p" in matches and (matches["-p"] != "tcp" or "--dport" not in matches):
        found["protocol"] = matches["-p"]
    if "-i" in matches:
        found["in"] = matches["-i"]
    return found


def _tell_wider(draft: Draft, node: str, rule: SavedRule) -> None:
    """A rule for everybody's address takes connections that are for machines elsewhere, too."""
    if not {"-d", "--dst-type", "-i"} & set(rule.matches):
        draft.account.tell(
            f"{node}: '{rule.text}' was for every address; in the topology it is for this node's own"
        )


def _way_out(draft: Draft, node: str) -> str:
    for route in draft.state.nodes[node].routes:
        if route.to == "default" and route.table == "main" and route.version == 4:
            return route.device
    return ""


def plain(text: str) -> str:
    """An address without the prefix that says that it is one."""
    network = ip_network(text, strict=False)
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if alone else str(network)


def destination(text: str) -> tuple[str, str, str] | None:
    """The address of `--to-destination`, and the first and the last port."""
    alone = text.count(":") > 1 and not text.startswith("[")
    found = re.fullmatch(r"(\S+)()()", text) if alone else TO.fullmatch(text)
    if found is None:
        return None
    try:
        ip_address(found[1])
    except ValueError:
        return None
    return found[1], found[2] or "", found[3] or found[2] or ""
