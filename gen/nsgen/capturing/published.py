"""Published ports: rules of DNAT to members of networks, with who is translated by them."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import Any

from nsgen.capturing.askers import PublishedRule, gateways_of, who_reaches
from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_link
from nsgen.capturing.firewall import Firewall, owned
from nsgen.capturing.relayed import relayed
from nsgen.capturing.rules import SavedRule
from nsgen.capturing.translation import destination, plain
from nsgen.language.networks import AUDIENCES
from nsgen.values import HOST


def take_published(draft: Draft, firewall: Firewall) -> None:
    """Say DNAT to members as `publish`, where the network lets it through."""
    members = _members(draft)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    reached: dict[tuple[Any, ...], set[str]] = {}
    candidates: dict[PublishedRule, list[SavedRule]] = {}
    for rule in firewall.rules("nat", "PREROUTING", "OUTPUT", "PRE"):
        port = _published(rule, members)
        if port is not None and draft.account.open(firewall.of(rule)):
            candidates.setdefault(port, []).append(rule)
    relays = relayed(draft, firewall, members, candidates) if draft.ours else {}
    for port, who in relays.items():
        reached.setdefault(_key(port), set()).update(who)
        found.setdefault(_key(port), {**_entry(port), "via": "proxy"})
    for port, rules in _by_place(candidates).items():
        key, who = _key(port), who_reaches(draft, firewall, port, members)
        if port in relays:
            who &= {"outside", "host"}
        if not who:
            continue
        reached.setdefault(key, set()).update(who)
        found.setdefault(key, _entry(port))
        _say_beside(draft, firewall, port, who)
        for rule in rules:
            draft.account.say(firewall.of(rule), f"namespaces.{port.node}.publish")
            wide = not owned(rule) and not {"-d", "-i", "--dst-type"} & set(rule.matches)
            if wide and rule.chain == "PREROUTING":
                draft.account.tell(
                    f"host: '{rule.text}' took what is sent to anybody's port {port.first}; in the"
                    " topology the port is the host's own"
                )
    for key, entry in found.items():
        _write(draft, key, entry, reached[key])


def _key(port: PublishedRule) -> tuple[Any, ...]:
    """What is one entry, whatever the IP version."""
    return (
        *(port.node, port.network, port.first, port.last, port.target, port.protocol),
        port.host_ip,
    )


def _write(draft: Draft, key: tuple[Any, ...], entry: dict[str, Any], who: set[str]) -> None:
    """Write a port, with those whom it is for where that is not everybody."""
    node, network = key[0], key[1]
    places = draft.at(node)["networks"]
    extra: dict[str, Any] = {}
    if len([name for name in places if draft.networks[name].get("subnet")]) > 1:
        extra["network"] = network
    if who != _usual(key, draft, served="via" in entry):
        extra["reach"] = [one for one in AUDIENCES if one in who]
    draft.at(node).setdefault("publish", []).append(
        {**entry, **extra} if extra or "via" in entry else _short(entry)
    )
    if "self" in who:
        _say_hairpin(draft, node, network)


def _say_beside(draft: Draft, firewall: Firewall, port: PublishedRule, who: set[str]) -> None:
    """Note the rules that do for a port what the script does by itself: let through, and ask from the host."""
    for rule in (*firewall.rules("filter", "FORWARD"), *firewall.rules("nat", "POSTROUTING")):
        matches = rule.matches
        to = plain(matches["-d"]) == port.address if "-d" in matches else False
        ported = matches.get("--dport", port.target) == port.target.replace("-", ":")
        if (
            rule.target == "ACCEPT"
            and to
            and ported
            and rule.only("-d", "-i", "-o", "-p", "--dport", "--ctstate")
        ):
            draft.account.say(firewall.of(rule), "publish")
        if rule.target != "MASQUERADE":
            continue
        source = matches.get("-s", "")
        inner = source == "127.0.0.0/8" and matches.get("-o", port.network) == port.network
        itself = to and ported and plain(source or "0.0.0.0/0") == port.address
        if (inner and "loopback" in who) or (itself and "self" in who):
            draft.account.say(firewall.of(rule), "publish")


def _say_hairpin(draft: Draft, node: str, network: str) -> None:
    """Note that the port of a member is one that sends back: it asks for its own published port."""
    for link in draft.state.nodes[HOST].links:
        if link.master == network and link.peer and link.peer[0] == node:
            draft.account.say(of_link(HOST, link, "hairpin True"), "publish")


def _by_place(
    candidates: dict[PublishedRule, list[SavedRule]],
) -> dict[PublishedRule, list[SavedRule]]:
    """One entry of each port: rules for who is on another network lead to other addresses of the same namespace."""
    found: dict[tuple[Any, ...], PublishedRule] = {}
    rules: dict[PublishedRule, list[SavedRule]] = {}
    for port, own in candidates.items():
        key = (port.node, port.first, port.last, port.protocol, port.host_ip, port.version)
        chosen = found.get(key)
        if chosen is None or (
            _asked_by_others(port, own) and not _asked_by_others(chosen, rules[chosen])
        ):
            rules[port] = [*(rules.pop(chosen) if chosen else ()), *own]
            found[key] = port
        else:
            rules[chosen] += own
    return rules


def _asked_by_others(port: PublishedRule, rules: list[SavedRule]) -> bool:
    """Whether more than siblings are sent to an address: it is on the network where the port is published."""
    return any(
        rule.matches.get("-i", "") != port.network and "-s" not in rule.matches for rule in rules
    )


def _members(draft: Draft) -> dict[str, tuple[str, str]]:
    """By address, the namespace that has it and the network that it is on."""
    found = {}
    for node in draft.nodes:
        if node.name == HOST:
            continue
        for network, place in draft.at(node.name).get("networks", {}).items():
            subnets = draft.networks[network].get("subnet")
            addresses = place.get("address") or []
            for address in [addresses] if isinstance(addresses, str) else addresses:
                if subnets and draft.networks[network].get("gateway") is not False:
                    found[address.split("/")[0]] = (node.name, network)
    return found


def _published(rule: SavedRule, members: dict[str, tuple[str, str]]) -> PublishedRule | None:
    matches = rule.matches
    to = destination(rule.options.get("--to-destination", "")) if rule.target == "DNAT" else None
    if to is None or to[0] not in members or "--dport" not in matches or "-p" not in matches:
        return None
    usual = ("-d", "-i", "-s", "-p", "--dport", "--dst-type", "!-i", "!-d")
    if not rule.only(*usual):
        return None
    node, network = members[to[0]]
    first, _, last = matches["--dport"].partition(":")
    target = to[1] or first
    end = to[2] if to[1] else last or first
    host_ip = plain(matches["-d"]) if "-d" in matches else ""
    if "/" in host_ip and host_ip == "127.0.0.0/8" and rule.chain != "PREROUTING":
        host_ip = ""
    if "/" in host_ip:
        return None
    return PublishedRule(
        node, network, to[0], first, last or first,
        target if target == end else f"{target}-{end}", matches["-p"], host_ip, rule.version,
    )  # fmt: skip


def _entry(port: PublishedRule) -> dict[str, Any]:
    published = port.first if port.first == port.last else f"{port.first}-{port.last}"
    found: dict[str, Any] = {"published": published, "target": port.target}
    if port.host_ip:
        found["host_ip"] = port.host_ip
    if port.protocol != "tcp":
        found["protocol"] = port.protocol
    return found


def _short(entry: dict[str, Any]) -> str:
    host = entry.get("host_ip", "")
    host = f"[{host}]:" if ":" in host else f"{host}:" if host else ""
    protocol = f"/{entry['protocol']}" if "protocol" in entry else ""
    return f"{host}{entry['published']}:{entry['target']}{protocol}"


def _usual(key: tuple[Any, ...], draft: Draft, *, served: bool) -> set[str]:
    """Who can use a port whose `reach` is not written."""
    node, network, host_ip = key[0], key[1], key[-1]
    found: set[str] = set(AUDIENCES)
    own = gateways_of(draft, network)
    if host_ip:
        address = ip_address(host_ip)
        if address.is_loopback:
            return {"loopback"}
        if not address.is_unspecified:
            found -= {"loopback"}
        if host_ip in own:
            found -= {"outside"}
    versions = {
        ip_interface(text).version
        for text in _texts(draft.at(node)["networks"][network].get("address"))
    }
    if versions == {6} and not served:
        found -= {"loopback"}
    return found


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
