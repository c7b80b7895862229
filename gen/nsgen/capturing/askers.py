"""Who reaches a member by a port of the host: packets of each sort are sent through the rules that are there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.firewall import Firewall, owned
from nsgen.capturing.parameters import forwards
from nsgen.capturing.rules import Ruleset, Sent
from nsgen.capturing.translation import destination
from nsgen.proof.state import KernelNode
from nsgen.values import HOST

ELSEWHERE = {4: ("198.51.100.77", "192.0.2.77"), 6: ("2001:db8:77::1", "2001:db8:78::1")}
LOOPBACKS = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True)
class PublishedRule:
    """A port of the host that leads to a member, as one rule has it."""

    node: str
    network: str
    address: str
    first: str
    last: str
    target: str
    protocol: str
    host_ip: str
    version: int


def gateways_of(draft: Draft, network: str) -> list[str]:
    """The addresses of the host on a network."""
    return [one.local for one in draft.addresses(HOST, network)]


def who_reaches(
    draft: Draft, firewall: Firewall, port: PublishedRule, members: dict[str, tuple[str, str]]
) -> set[str]:
    """Whose packets to the host's port reach the member."""
    rules = firewall.sets[port.version]
    gateway = next(
        (one for one in gateways_of(draft, port.network) if (":" in one) == (port.version == 6)), ""
    )
    if not gateway or not forwards(firewall.node, port.version):
        return set()
    host = port.host_ip or gateway
    loopback = LOOPBACKS[port.version]
    subnet = next(
        ip_network(one.text, strict=False)
        for one in draft.addresses(HOST, port.network)
        if one.local == gateway
    )
    sibling = str(next(one for one in _hosts(subnet) if str(one) not in (gateway, port.address)))
    far = next(one for one in ELSEWHERE[port.version] if one != port.host_ip)
    ours = any(owned(rule) for rule in rules.rules)
    own_addresses = {address for address, (node, _) in members.items() if node == port.node}
    asked = {
        "outside": Sent(far, host, draft.uplink or "eth0", proto=port.protocol, dport=int(port.first), local=True),
        "network": Sent(sibling, host, port.network, proto=port.protocol, dport=int(port.first), local=True),
        "self": Sent(port.address, host, port.network, proto=port.protocol, dport=int(port.first), local=True),
    }  # fmt: skip
    found = {
        who
        for who, packet in asked.items()
        if _translated(rules, "PREROUTING", packet, own_addresses)
        and (ours or _passes(rules, packet, port))
    }
    own = Sent(host, host, "", proto=port.protocol, dport=int(port.first), local=True)
    if _translated(rules, "OUTPUT", own, own_addresses) and not ip_address(host).is_loopback:
        found.add("host")
    inner = Sent(loopback, loopback, "", proto=port.protocol, dport=int(port.first), local=True)
    routable = firewall.node.sysctls.get(f"net/ipv4/conf/{port.network}/route_localnet") == "1"
    if port.version == 4 and routable and _translated(rules, "OUTPUT", inner, own_addresses):
        found.add("loopback")
    if not ours and "self" in found and not _comes_back(firewall.node, rules, port):
        found.remove("self")
    if not ours and _is_alone(members, port.network) and not _translates_back(firewall.node, port):
        found.discard("network")
    return found


def _is_alone(members: dict[str, tuple[str, str]], network: str) -> bool:
    """Whether there is no other network whose members could ask."""
    return all(name == network for _, name in members.values())


def _translates_back(host: KernelNode, port: PublishedRule) -> bool:
    """Whether the answer to a sibling, which crosses the bridge alone, is seen by the rules that translate it back."""
    tool = {4: "iptables", 6: "ip6tables"}[port.version]
    everywhere = host.sysctls.get(f"net/bridge/bridge-nf-call-{tool}") == "1"
    bridge = host.link(port.network)
    return everywhere or bool(bridge and bridge.data.get(f"nf_call_{tool}"))


def _hosts(subnet: Any) -> list[Any]:
    first = subnet.network_address
    return [first + step for step in range(1, 5)]


def _translated(rules: Ruleset, chain: str, packet: Sent, addresses: set[str]) -> bool:
    rule = rules.deciding("nat", chain, packet)
    to = destination(rule.options.get("--to-destination", "")) if rule else None
    return to is not None and to[0] in addresses


def _passes(rules: Ruleset, packet: Sent, port: PublishedRule) -> bool:
    """Whether FORWARD lets the translated packet through."""
    sent = Sent(
        packet.src, port.address, packet.came, port.network, port.protocol,
        int(port.target.split("-")[0]), "NEW,DNAT",
    )  # fmt: skip
    rule = rules.deciding("filter", "FORWARD", sent)
    verdict = rule.target if rule else rules.policies.get(("filter", "FORWARD"), "ACCEPT")
    return verdict == "ACCEPT"


def _comes_back(host: KernelNode, rules: Ruleset, port: PublishedRule) -> bool:
    """Whether the member's own question comes back to it: by hairpin mode, and from another address."""
    sent = Sent(
        port.address, port.address, "", port.network, port.protocol,
        int(port.target.split("-")[0]), "NEW,DNAT",
    )  # fmt: skip
    rule = rules.deciding("nat", "POSTROUTING", sent)
    hairpin = any(
        link.port.get("hairpin")
        for link in host.links
        if link.master == port.network and link.peer and link.peer[0] == port.node
    )
    return hairpin and rule is not None and rule.target == "MASQUERADE"
