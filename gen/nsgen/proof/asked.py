"""Which line of a topology asks for a rule, and why; and whom a published port's `reach` leaves out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from nsgen.language.networks import Audience
from nsgen.language.spec import Spec
from nsgen.ops import RETURN, Chain, Match, Rule
from nsgen.plan import firewall, marks, node_nat, why
from nsgen.plan.nat import LOOPBACK
from nsgen.report import Path
from nsgen.topology import needs
from nsgen.topology.model import Node, Publication, Topology
from nsgen.topology.networks import Bridge
from nsgen.values import HOST, INTERNET, OUTSIDE, IPNetwork, expand


@dataclass(frozen=True)
class Reason:
    """Why a rule is there, and where the topology asks for it, as ``file:line``; each empty where it is not known."""

    why: str = ""
    place: str = ""


class Asked:
    """The rules of a topology, by the node that they are in and their words."""

    def __init__(self, topology: Topology, spec: Spec, place: Callable[[Path], str]) -> None:
        """Take over the topology, as written and as resolved, and what tells where something is written."""
        self.topology = topology
        self._spec = spec
        self._place = place
        self._keys = {name: key for key in spec.namespaces for name in expand(key)}
        self._reasons = {
            (node, _normal(f"-A {rule.chain} {shlex.join(rule.words())}")): Reason(
                text, place(path) if path else ""
            )
            for node, rule, text, path in self._rules()
        }

    def of(self, node: str, rule: str) -> Reason:
        """Why a rule is there, as iptables-save prints it."""
        return self._reasons.get((node, _normal(rule)), Reason()) if rule else Reason()

    def left_out(self, asker: str, to: str, port: int, protocol: str) -> str:
        """Whether a published port's `reach` leaves out who asks, in words; or nothing."""
        address = ip_address(to)
        for one in self.topology.publications:
            fits = one.published.first <= port <= one.published.last and one.protocol == protocol
            if fits and one.version == address.version and one.host_ip in (None, address):
                audience: Audience = "network"
                if asker == HOST:
                    audience = "loopback" if address.is_loopback else "host"
                elif asker in (OUTSIDE, INTERNET):
                    audience = "outside"
                elif asker == one.member.namespace:
                    audience = "self"
                if audience not in one.reach:
                    return f"{_leaves_out(one, audience)}, {self._place(self.published_at(one))}"
        return ""

    # -- every rule -----------------------------------------------------------------------------

    def _rules(self) -> Iterator[tuple[str, Rule, str, Path]]:
        for version in (4, 6):
            for chain in firewall.chains(self.topology, version):
                for rule in chain.rules:
                    yield HOST, rule, self._why(chain, rule), self._path(rule)
            for node in self.topology.nodes:
                for chain in marks.chains(self.topology, node, version):
                    for rule, place in zip(chain.rules, marks.asking(node, chain), strict=True):
                        yield node.name, rule, rule.why, (*self._at(node), *place)
                for chain, places in node_nat.written(self.topology, node, version):
                    yield from self._own_nat(node, chain, places)

    def _own_nat(
        self, node: Node, chain: Chain, places: tuple[int, ...]
    ) -> Iterator[tuple[str, Rule, str, Path]]:
        """The rules of a node's own `nat`, each with the place of its entry."""
        for rule, index in zip(chain.rules, places, strict=True):
            yield node.name, rule, rule.why, (*self._at(node), "nat", index)

    def _at(self, node: Node) -> Path:
        return ("host",) if node.name == HOST else ("namespaces", self._keys[node.name])

    def _why(self, chain: Chain, rule: Rule) -> str:
        """Of a rule that leaves somebody out: whom."""
        published = self._publication(rule)
        leaves = rule.verdict == RETURN or rule.verdict.target == "REJECT"
        if published is None or not leaves or rule.why == why.OWN_PORTS_PROXY:
            return rule.why
        return _leaves_out(published, self._audience(chain.role, rule.match, published)) + "."

    def _audience(self, role: str, match: Match, published: Publication) -> Audience:
        """Whom a rule on the host's side of a published port is for."""
        if match.into and match.into != "lo":
            return "network"
        if role == "OUTPUT" or match.into == "lo":
            host_ip = published.host_ip
            own = match.dst is not None and (match.dst == LOOPBACK or str(match.dst) == "::1")
            return "loopback" if own or (host_ip is not None and host_ip.is_loopback) else "host"
        return "self" if match.src is not None else "outside"

    # -- where it is asked for ------------------------------------------------------------------

    def _path(self, rule: Rule) -> Path:
        if rule.why == why.OWN_PORTS_PROXY:
            return ("networks", rule.match.into, "published_ports")
        published = self._publication(rule)
        if published is None and rule.why in (why.FORGED_LOOPBACK, why.LOOPBACK_SOURCE):
            published = next(filter(needs.uses_route_localnet, self.topology.publications), None)
        if published is None and rule.why == why.OTHERS:
            published = next(filter(needs.crosses, self.topology.publications), None)
        if published is not None:
            return self.published_at(published)
        if rule.why == why.ROUTER:
            return ("host", "forwarding")
        if rule.why == why.GUARD:
            return self.forwarded_at()
        bridge = self._bridge(rule.match)
        return () if bridge is None else self._network(bridge, rule)

    def forwarded_at(self) -> Path:
        """Where it is written what makes the host forward: a network with internet, or a published port."""
        for bridge in self.topology.bridges:
            if bridge.internet:
                return ("networks", bridge.name, "internet")
        return next((self.published_at(p) for p in self.topology.publications), ())

    def _network(self, bridge: Bridge, rule: Rule) -> Path:
        """The key of a network that has a rule made; the network itself where it is a default."""
        keys = {why.ISOLATED: "isolate", why.OUT: "internet", why.SPOOFED: "internet"}
        keys |= dict.fromkeys((why.KEPT, why.KEPT_ANSWERS), "masquerade")
        keys[why.OWN_PORTS] = "published_ports"
        key = keys.get(rule.why, "")
        if rule.verdict.target == "MASQUERADE":
            written = self._spec.networks[bridge.name].masquerade is not None
            key = "masquerade" if written else "internet"
        return ("networks", bridge.name, key) if key else ("networks", bridge.name)

    def _bridge(self, match: Match) -> Bridge | None:
        """The network that a rule is for."""
        named = (match.out, match.not_out, match.into, match.not_into)
        networks = [where for where in (match.src, match.dst) if isinstance(where, IPNetwork)]
        for bridge in self.topology.bridges:
            if bridge.name == next((name for name in named if name), ""):
                return bridge
            if any(subnet.network in networks for subnet in bridge.subnets):
                return bridge
        return None

    def _publication(self, rule: Rule) -> Publication | None:
        """The published port that a rule is for."""
        match = rule.match
        if match.dport is None:
            return None
        alike = [
            p
            for p in self.topology.publications
            if p.version == rule.version and p.protocol == match.proto
        ]
        inner = (p for p in alike if (p.target, p.address) == (match.dport, match.dst))
        outer = [p for p in alike if p.published == match.dport]
        exact = (p for p in outer if p.host_ip is not None and p.host_ip == match.dst)
        everywhere = (p for p in outer if p.host_ip is None)
        return next((p for kind in (inner, exact, everywhere) for p in kind), None)

    def published_at(self, published: Publication) -> Path:
        """Where a published port is written."""
        key = self._keys[published.member.namespace]
        for index, one in enumerate(self._spec.namespaces[key].publish):
            same = (one.published, one.protocol) == (published.published, published.protocol)
            wide = one.host_ip is None or one.host_ip.is_unspecified
            if same and (None if wide else one.host_ip) == published.host_ip:
                return ("namespaces", key, "publish", index)
        return ("namespaces", key)


def _leaves_out(published: Publication, audience: Audience) -> str:
    return f"{published.published}'s `reach` leaves out {audience}"


def _normal(rule: str) -> str:
    return " ".join(sorted(shlex.split(rule)))
