"""Why a claim does not hold, in words, from what the rehearsed machine shows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from nsgen.ops import IPTABLES
from nsgen.proof.claims.all import LOOPBACK, Claim
from nsgen.reach.ways import Reach
from nsgen.topology.model import Publication, Topology
from nsgen.topology.needs import FORWARD
from nsgen.topology.networks import Bridge
from nsgen.values import HOST, INTERNET, OUTSIDE

Facts = Mapping[str, Any]

# Why a packet that no honest kernel sends gets through.
UNLIKELY = {
    "forged": "no rule of raw drops packets for 127.0.0.0/8 that do not come from lo,"
    " and route_localnet or a translation lets them in",
    "spoofed": "no rule drops what comes from {source}, whoever sends it",
    "detour": "{node} passes it on",
    "advertised": "accept_ra of the bridge is not 0",
    "invalid": "no rule drops what connection tracking cannot place (INVALID), and so cannot translate",
    "neighbour": "IPv6 is on there: disable_ipv6 of the bridge is 0, or a device made itself an address",
}


def hint(
    topology: Topology, facts: Facts, index: int, claim: Claim, reach: Reach, *, timed_out: bool
) -> str:
    """The first reason: what the topology itself says, or else what the machine shows; or nothing."""
    if claim.answered:
        verdict = reach.verdict(claim.asker, ipaddress.ip_address(claim.to))
        if verdict.status in ("broken", "apart") and verdict.text:
            return verdict.text
    if not facts:
        return ""
    finder = _Reasons(topology, facts, index, claim)
    reasons = finder.unanswered(refused=not timed_out) if claim.answered else finder.answered()
    return next(reasons, "")


class _Reasons:
    def __init__(self, topology: Topology, facts: Facts, index: int, claim: Claim) -> None:
        self.topology = topology
        self.helps = {name for name, answered in facts["remedies"].items() if index in answered}
        self.facts = facts
        self.claim = claim
        self.version = 6 if ":" in claim.to else 4
        self.rules: list[str] = facts["rules"][str(self.version)]

    def unanswered(self, *, refused: bool) -> Iterator[str]:
        """Why there is no answer where there should be one."""
        claim = self.claim
        yield from self._missing()
        yield from self._no_gateway()
        inside = self.facts["namespaces"].get(claim.asker)
        if claim.to == LOOPBACK[4] and inside and f"{LOOPBACK[4]}/8" not in inside["addresses"]:
            yield f"lo of {claim.asker} is down"
        published = self._publication()
        if published is not None and claim.by == published.member.namespace:
            yield from self._not_published(published)
            yield from self._no_way_to(published)
        if f"forwarding {self.version}" in self.helps:
            yield f"this host does not forward: {FORWARD[self.version]} is not 1"
        if claim.by in (INTERNET, OUTSIDE) and not refused:
            for bridge in self._bridges_of(claim.asker):
                for subnet in () if bridge.keeps_sources(self.version) else bridge.subnets:
                    if subnet.version == self.version and not self._has(
                        "MASQUERADE", str(subnet.network)
                    ):
                        yield f"no rule masquerades {subnet.network}: nobody outside knows a way back to it"
        builtin = ("-A PREROUTING", "-A OUTPUT")
        ours = [r for r in self.rules if r.startswith(builtin) and f"--dport {claim.port} " in r]
        if published is None or claim.by != published.member.namespace:
            yield from (
                self._hijacked() for rule in ours if "DNAT" in rule and "addrtype" not in rule
            )

    def _missing(self) -> Iterator[str]:
        """What a namespace lacks that is on the way: an address there, or a default route where it leads further."""
        namespaces, to = self.facts["namespaces"], ipaddress.ip_address(self.claim.to)
        for ns in self.topology.namespaces:
            if ns.name not in (self.claim.asker, self.claim.by):
                continue
            if ns.name not in namespaces:
                yield f"there is no namespace {ns.name}"
                return
            leaves = not to.is_loopback and not self._near()
            for member in ns.members:
                for address in member.addresses:
                    on_the_way = to in address.network or (leaves and member.routed(self.version))
                    published = any(p.address == address.ip for p in self._publications())
                    gone = str(address) not in namespaces[ns.name]["addresses"]
                    if gone and address.version == self.version and (on_the_way or published):
                        yield f"{ns.name} has no address {address}"
                routed = leaves and member.routed(self.version)
                if routed and not namespaces[ns.name][f"default{self.version}"]:
                    yield f"{ns.name} has no default route"

    def _no_gateway(self) -> Iterator[str]:
        to = ipaddress.ip_address(self.claim.to)
        for subnet in (s for bridge in self.topology.bridges for s in bridge.subnets):
            if subnet.gateway is None or str(subnet.gateway_interface) in self.facts["addresses"]:
                continue
            if to == subnet.gateway or (self.claim.asker == HOST and to in subnet.network):
                yield f"this host has no address {subnet.gateway_interface}"

    def _not_published(self, published: Publication) -> Iterator[str]:
        claim = self.claim
        chain = "OUTPUT" if claim.asker == HOST else "PREROUTING"
        ports = str(published.published).replace("-", ":")
        translated = any(
            "DNAT" in rule and f"--dport {ports} " in rule and chain[:3] in rule.split()[1]
            for rule in self.rules
        )
        if published.via == "dnat" and not translated:
            yield f"no rule translates port {published.published} (nat {chain})"
        leaving = [rule for rule in self.rules if f"--dport {ports} -j RETURN" in rule]
        if any(chain[:3] in rule.split()[1] and self._is_of_asker(rule) for rule in leaving):
            yield f"a rule leaves {claim.asker} out of those for whom port {published.published} is translated"

    def _is_of_asker(self, rule: str) -> bool:
        """Whether a rule of the host's is for the network of who asks, or for its address."""
        members = [
            m for ns in self.topology.namespaces if ns.name == self.claim.asker for m in ns.members
        ]
        words = [f" -i {m.bridge.name} " for m in members]
        words += [f" -s {a.ip}/{a.max_prefixlen} " for m in members for a in m.addresses]
        return any(word in rule for word in words)

    def _no_way_to(self, published: Publication) -> Iterator[str]:
        claim, bridge, name = self.claim, published.bridge, published.member.namespace
        if "route_localnet" in self.helps:
            yield f"the kernel drops packets from 127.0.0.1: route_localnet of {bridge.name} is off"
        if "hairpin" in self.helps:
            yield (
                f"{bridge.name} sends no frame back by the port that it came from:"
                f" hairpin mode of {published.member.peer} is off"
            )
        tool = IPTABLES[self.version]
        sibling = any(b == bridge for b in self._bridges_of(claim.asker)) and claim.asker != name
        if sibling and f"bridge-nf {self.version}" in self.helps:
            yield (
                f"{name} answers {claim.asker} through the bridge, where no rule translates the answer back:"
                f" bridge-nf-call-{tool} is 0"
            )
        if sibling and bridge.netfilter == "off" and not self._has("MASQUERADE", "--ctstate DNAT"):
            yield (
                f"{name} answers {claim.asker} through the bridge, where no rule translates the answer back:"
                " bridge_netfilter is off, and nothing masquerades"
            )

    def answered(self) -> Iterator[str]:
        """Why there is an answer where there should be none."""
        claim = self.claim
        if claim.protocol in UNLIKELY:
            yield UNLIKELY[claim.protocol].format(
                source=claim.stray.source if claim.stray else "",
                node=claim.stray.by if claim.stray else "",
            )
        bridge = self._bridge_to()
        if claim.asker == OUTSIDE and bridge is None and self._publication() is None:
            yield "FORWARD lets pass what is neither from nor to a network of this topology"
        if bridge is not None:
            yield f"no rule drops what comes to {bridge.name} from elsewhere"

    def _hijacked(self) -> str:
        return (
            f"a rule translates port {self.claim.port} whatever address it is sent to:"
            " it lacks -m addrtype --dst-type LOCAL"
        )

    def _publications(self) -> Iterator[Publication]:
        """The published ports that the claim may be about."""
        claim = self.claim
        for one in self.topology.publications:
            fits = one.published.first <= claim.port <= one.published.last
            if fits and one.version == self.version and one.protocol == claim.protocol:
                yield one

    def _publication(self) -> Publication | None:
        return next(self._publications(), None)

    def _bridges_of(self, name: str) -> list[Bridge]:
        return [m.bridge for ns in self.topology.namespaces if ns.name == name for m in ns.members]

    def _bridge_to(self) -> Bridge | None:
        """The network that the asked address is in."""
        address = ipaddress.ip_address(self.claim.to)
        return next(
            (
                bridge
                for bridge in self.topology.bridges
                for subnet in bridge.subnets
                if subnet.version == address.version and address in subnet.network
            ),
            None,
        )

    def _near(self) -> bool:
        bridge = self._bridge_to()
        return bridge is not None and bridge in self._bridges_of(self.claim.asker)

    def _has(self, *words: str) -> bool:
        return any(all(word in f"{rule} " for word in words) for rule in self.rules)
