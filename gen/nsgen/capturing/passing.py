"""What the host's rules let through, as keys of its networks: `internet`, `masquerade`, `isolate`."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_link
from nsgen.capturing.firewall import Firewall
from nsgen.capturing.parameters import forwards
from nsgen.capturing.rules import SavedRule, Sent
from nsgen.proof.state import KernelLink
from nsgen.values import HOST

NO_EFFECT = "it changes nothing: what no rule drops is passed on"
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
MULTICAST = {"224.0.0.0/4", "ff00::/8"}


def plain_bridges(draft: Draft, firewall: Firewall) -> set[str]:
    """The bridges of the host that are ports of a router, and no networks: nothing keeps them apart.

    A network is closed to others. Where the host passes everything on between several of them, it is a router.
    """
    bridges = [link.name for link in draft.new_links(HOST) if link.kind == "bridge"]
    if draft.ours:
        closed = {
            rule.matches.get("-o", "")
            for rule in firewall.rules("filter", "INTO")
            if rule.target == "DROP" and rule.matches.get("!-i") == rule.matches.get("-o")
        }
        return {name for name in bridges if name not in closed}
    filtering = {link.name for link in draft.new_links(HOST) if link.data.get("vlan_filtering")}
    rules = firewall.sets[4]
    drops = rules.policies.get(("filter", "FORWARD"), "ACCEPT") != "ACCEPT" or any(
        rule.target in ("DROP", "REJECT") for rule in rules.chain("filter", "FORWARD")
    )
    if not forwards(firewall.node, 4) or drops:
        return filtering
    devices = [link.name for link in draft.new_links(HOST) if draft.addresses(HOST, link.name)]
    masqueraded = any(rule.target == "MASQUERADE" for rule in firewall.rules("nat", "POSTROUTING"))
    return filtering if len(devices) < 2 and masqueraded else set(bridges)


def take_networks(draft: Draft, firewall: Firewall) -> None:
    """Say masquerading, the ways in and out of networks, and who asks siblings for whom, as keys of the networks."""
    for name, network in draft.networks.items():
        subnets = [ip_network(text) for text in _listed(network.get("subnet", []))]
        passes = any(forwards(firewall.node, subnet.version) for subnet in subnets)
        if network.get("gateway") is not False and passes:
            _take_network(draft, firewall, name, subnets)
    for link in draft.new_links(HOST):
        if draft.ours and link.name in draft.networks and _filters(link):
            draft.networks[link.name]["bridge_netfilter"] = "bridge"
            for key in ("nf_call_iptables", "nf_call_ip6tables"):
                draft.account.say(of_link(HOST, link, f"{key} 1"), "bridge_netfilter")


def _take_network(draft: Draft, firewall: Firewall, name: str, subnets: list[Any]) -> None:
    network = draft.networks[name]
    leaving = [
        rule
        for rule in firewall.rules("nat", "POSTROUTING", "POST")
        if rule.target == "MASQUERADE" and _leaves(draft, rule, name, subnets)
    ]
    own = [rule for rule in firewall.rules("filter", "FROM") if rule.matches.get("-i") == name]
    if own or leaving:
        network["internet"] = True
    if own and not leaving and _is_routed(firewall, name):
        network["masquerade"] = False
    kept = _kept(firewall, subnets, name) if own and "masquerade" not in network else []
    kept += _everywhere(own, leaving) if "masquerade" not in network else []
    if kept:
        network["masquerade"] = {"except": kept[0] if len(kept) == 1 else kept}
    for rule in leaving:
        if _all_said(draft, rule):
            draft.account.say(firewall.of(rule), f"networks.{name}.internet")
    if any(_ends(rule, name) for rule in firewall.rules("filter", "INTO")):
        network["published_ports"] = "own"
    ports = {
        _place_of(rule.options["--to-destination"]): rule
        for rule in firewall.rules("nat", "PRE")
        if rule.target == "DNAT" and {"-p", "--dport"} <= set(rule.matches)
    }
    for rule in filter(_for_siblings, firewall.rules("nat", "POST")):
        port = ports.get(_place_of_match(rule))
        if port is None or _source(rule) not in subnets:
            continue
        beside = not network.get("isolate") and _sent_on(firewall, port, name, _source(rule))
        if rule.matches.get("-o") == name or beside == rule.matches["-d"]:
            network["bridge_netfilter"] = "off"


def _is_routed(firewall: Firewall, name: str) -> bool:
    """Whether other machines ping the members of a network of nsgen's by their own addresses."""
    icmp = ("icmp", "ipv6-icmp")
    rules = (r for r in firewall.rules("filter", "INTO") if r.matches.get("-p") in icmp)
    return any(rule.target == "ACCEPT" and rule.matches.get("-o") == name for rule in rules)


def _everywhere(own: list[SavedRule], leaving: list[SavedRule]) -> list[str]:
    """Of each IP version by which nsgen lets members out, and masquerades nothing: all of it."""
    versions = {rule.version for rule in own} - {rule.version for rule in leaving}
    return [EVERYWHERE[version] for version in sorted(versions)]


def _kept(firewall: Firewall, subnets: list[Any], name: str) -> list[str]:
    """What masquerading makes an exception of, as the chain of nsgen's has it."""
    found: dict[str, None] = {}
    for rule in firewall.rules("nat", "POST"):
        same = rule.matches.get("!-o") == name and "-d" in rule.matches
        if rule.target == "RETURN" and same and _source(rule) in subnets:
            found[rule.matches["-d"].removesuffix("/32").removesuffix("/128")] = None
    return list(found)


def _source(rule: SavedRule) -> Any:
    return ip_network(rule.matches["-s"], strict=False) if "-s" in rule.matches else None


def _leaves(draft: Draft, rule: SavedRule, name: str, subnets: list[Any]) -> bool:
    """Whether a rule masquerades what a network sends beyond the host."""
    matches = rule.matches
    if not rule.only("-s", "-o", "!-o", "!-d", "-d"):
        return False
    source = _source(rule)
    within = [s for s in subnets if s.version == rule.version]
    if source is None:
        out = matches.get("-o", "")
        return (
            bool(within) and "!-o" not in matches and out == draft.uplink and "!-d" not in matches
        )
    if not any(source == subnet for subnet in within) or "-d" in matches:
        return False
    beyond = matches.get("!-d", "")
    there = not beyond or beyond in MULTICAST or ip_network(beyond, strict=False) in subnets
    return (
        there
        and matches.get("-o", draft.uplink) == draft.uplink
        and matches.get("!-o", name) == name
    )


def _all_said(draft: Draft, rule: SavedRule) -> bool:
    """Whether networks are all that a rule is for: the host's own cables may be, too, where it names no source."""
    if "-s" in rule.matches:
        return True
    return not any(
        draft.addresses(HOST, link.name)
        for link in draft.new_links(HOST)
        if link.name not in draft.networks
    )


def _filters(link: KernelLink) -> bool:
    return bool(link.data.get("nf_call_iptables") or link.data.get("nf_call_ip6tables"))


def _for_siblings(rule: SavedRule) -> bool:
    """Whether a rule of nsgen's has somebody ask from the host's address for what was sent to the host."""
    return (
        rule.target == "MASQUERADE"
        and {"-s", "-d"} <= set(rule.matches)
        and rule.matches.get("--ctstate") == "DNAT"
    )


def _sent_on(firewall: Firewall, port: SavedRule, name: str, subnet: Any) -> str:
    """Where somebody on a network who asks for a port of the host is sent, as `-d` has it."""
    dport = int(port.matches["--dport"].partition(":")[0])
    asking = Sent(
        *(str(subnet.broadcast_address), str(subnet[1])),
        came=name, proto=port.matches["-p"], dport=dport, local=True,
    )  # fmt: skip
    rule = firewall.sets[port.version].deciding("nat", "PREROUTING", asking)
    address = (
        _place_of(rule.options["--to-destination"])[0] if rule and rule.target == "DNAT" else ""
    )
    return str(ip_network(address)) if address else ""


def _ends(rule: SavedRule, name: str) -> bool:
    """Whether a rule of nsgen's drops what was translated for members of a network on its way to others."""
    ours = rule.target == "DROP" and rule.matches.get("--ctstate") == "DNAT"
    return ours and rule.matches.get("-i") == rule.matches.get("!-o") == name


def _place_of(text: str) -> tuple[str, str]:
    """An address and its ports, as `--to-destination` has them."""
    address, _, port = text.rpartition(":")
    return address.strip("[]"), port.split("/")[0]


def _place_of_match(rule: SavedRule) -> tuple[str, str]:
    address = rule.matches.get("-d", "").split("/")[0]
    return address, rule.matches.get("--dport", "").replace(":", "-")


def apart(firewall: Firewall) -> set[str]:
    """The networks whose members nsgen's own rules keep apart."""
    return {
        rule.matches["-i"]
        for rule in firewall.rules("filter", "INTO")
        if rule.target == "DROP"
        and rule.only("-i", "-o")
        and rule.matches.get("-i", "") == rule.matches.get("-o")
    }


def take_forward(draft: Draft, firewall: Firewall) -> None:
    """Say what lets packets through where nothing stops them, or where a network lets them through by itself."""
    internet = {name for name, one in draft.networks.items() if one.get("internet")}
    cables = {
        link.name for link in draft.new_links(HOST) if draft.addresses(HOST, link.name)
    } - set(draft.networks)
    known = internet | (cables if draft.host.get("forwarding") else set()) | {draft.uplink}
    for rules in firewall.sets.values():
        chain = rules.chain("filter", "FORWARD")
        policy = rules.policies.get(("filter", "FORWARD"), "ACCEPT")
        open_ = policy == "ACCEPT" and not any(r.target in ("DROP", "REJECT") for r in chain)
        for rule in chain:
            devices = {rule.matches[key] for key in ("-i", "-o") if key in rule.matches}
            if rule.target == "ACCEPT" and open_:
                draft.account.say(firewall.of(rule), NO_EFFECT)
            elif rule.target == "ACCEPT" and devices and devices <= known:
                if _way(rule, internet | cables):
                    draft.account.say(firewall.of(rule), "internet")
            elif rule.target == "ACCEPT" and internet and set(rule.matches) == {"--ctstate"}:
                draft.account.say(firewall.of(rule), "internet")
            elif rule.target == "DROP" and _between(rule, devices, draft.networks):
                draft.account.say(firewall.of(rule), "networks are apart")


def _between(rule: SavedRule, devices: set[str], networks: Iterable[str]) -> bool:
    """Whether a rule is about all that goes from one network to another."""
    return rule.only("-i", "-o") and len(devices) == 2 and devices <= set(networks)


def _way(rule: SavedRule, inside: set[str]) -> bool:
    """Whether a rule is about the way from or to one of these devices."""
    if not rule.only("-i", "-o", "-s", "-d", "--ctstate"):
        return False
    return any(rule.matches.get(key) in inside for key in ("-i", "-o"))


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
