"""`verify.bats`: of what a topology claims, that which can be asked on the real machine without changing it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from nsgen.plan.steps import Plan
from nsgen.proof.claims.all import HOST, Claim, Claims
from nsgen.proof.claims.scene import choose, own
from nsgen.script import describe
from nsgen.script.shell import Shell, join
from nsgen.topology.model import Publication, Topology
from nsgen.words import named

EXPECTED = "what the topology expects"
SAMPLED = """\
Of so many namespaces each asks the next one on its network, and one of each network asks for published ports and for
other networks."""
# Neither a shell nor any bats reads more in these than themselves, within double quotes.
NOT_IN_TITLES = re.compile(r"[^A-Za-z0-9 .,:'/_-]")
NAMES = 8  # of namespaces, in a line

Answerer = tuple[str, str, int]  # who has to answer, on which address and port


def values(plan: Plan) -> dict[str, Any]:
    """What the template prints; without sections there is nothing to ask."""
    asked = _Asked(plan.topology)
    header = describe.header(plan, "verify.bats")
    names = [ns.name for ns in plan.topology.namespaces if ns.name in asked.nodes]
    return {
        "header": header if asked.all else f"{header}\n\n{SAMPLED}",
        "namespaces": [join(names[at : at + NAMES]) for at in range(0, len(names), NAMES)],
        "connects": any(claim.port for claim in asked.claims),
        "pings": any(not claim.port for claim in asked.claims),
        "listens": any(asked.listener(claim) for claim in asked.claims),
        "sections": [
            {"why": why, "tests": [asked.test(claim) for claim in claims]}
            for why, claims in groupby(asked.claims, _why)
        ],
    }


def _why(claim: Claim) -> str:
    return EXPECTED if claim.expects >= 0 else claim.why


class _Asked:
    """The claims that are asked, and what has to be known for it."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.scene = choose(topology)
        maker = Claims(topology, self.scene)
        self.all = maker.every
        self.ports = {maker.known, maker.closed}  # where somebody listens in a rehearsal alone
        self.owners = {
            str(address.ip): namespace.name
            for namespace in reversed(topology.namespaces)
            for member in namespace.members
            for address in member.addresses
        }
        self.gateways = {str(s.gateway) for b in topology.bridges for s in b.subnets if s.gateway}
        possible = (claim for claim in maker.all() if self._possible(claim))
        # An author may expect what is claimed anyway.
        self.claims = list({self.title(claim): claim for claim in possible}.values())
        self.nodes = set(self._nodes())

    def _possible(self, claim: Claim) -> bool:
        """Whether it can be asked on the real machine, where nothing is known of its surroundings."""
        names = {HOST, *(namespace.name for namespace in self.topology.namespaces)}
        if not claim.answered and claim.asker in self.topology.shared - {HOST}:
            return False  # it may have ways that the topology does not know
        address = ipaddress.ip_address(claim.to)
        side = self.scene.sides[address.version]
        return (
            claim.asker in names
            and claim.protocol in ("ping", "tcp")
            and claim.port not in self.ports
            and not claim.proxied  # whether the proxy runs is not told
            and (address.is_loopback or own(self.topology, address))
            and not (address in side.lan or address in side.beyond)
        )

    def _nodes(self) -> Iterator[str]:
        """Who asks, and who is looked at for a listener."""
        for claim in self.claims:
            yield claim.asker
            listener = self.listener(claim)
            if listener:
                yield listener[0]

    # -- who answers ----------------------------------------------------------------------------

    def listener(self, claim: Claim) -> Answerer | None:
        """Who has to listen, so that a claim of an answer on a port means something; None: not known."""
        if not claim.port or not claim.answered:
            return None
        published = self._published(claim)
        if published is not None:
            offset = claim.port - published.published.first
            target = published.target.first + offset
            return published.member.namespace, str(published.address), target
        node = self._node(claim)
        return (node, claim.to, claim.port) if node else None

    def _node(self, claim: Claim) -> str:
        """Whose an address is, as far as the topology tells."""
        if ipaddress.ip_address(claim.to).is_loopback:
            return claim.asker
        return HOST if claim.to in self.gateways else self.owners.get(claim.to, "")

    def _published(self, claim: Claim) -> Publication | None:
        """What is published on the port that is asked for; first of all what answers there."""
        if not claim.port or self._node(claim) != HOST:
            return None
        address = ipaddress.ip_address(claim.to)
        found = [
            published
            for published in self.topology.publications
            if published.version == address.version
            and published.protocol == "tcp"
            and published.published.first <= claim.port <= published.published.last
            and claim.by in ("", published.member.namespace)
        ]
        here = (p for p in found if p.host_ip in (None, address) or p.host_ip.is_unspecified)
        return next(here, None if claim.answered else next(iter(found), None))

    # -- a test ---------------------------------------------------------------------------------

    def test(self, claim: Claim) -> dict[str, Any]:
        """A test's title, in quotes, and its commands."""
        asks = ["connects", claim.asker, claim.to, str(claim.port)]
        if not claim.port:
            asks = ["pings", claim.asker, claim.to]
        lines = [join(asks if claim.answered else ["run", "!", *asks])]
        listener = self.listener(claim)
        if listener:
            lines.insert(0, join(["listens", *map(str, listener)]))
        return {"title": Shell(f'"{self.title(claim)}"'), "lines": lines}

    def title(self, claim: Claim) -> str:
        """A title in words, of which bats expands none."""
        verb = "reaches" if claim.answered else "does not reach"
        text = f"{named(claim.asker)} {verb} {self._object(claim)} {claim.to}"
        return NOT_IN_TITLES.sub("-", text)

    def _object(self, claim: Claim) -> str:
        node = self._node(claim)
        whose = "itself" if node == claim.asker else named(node)
        if not claim.port:
            return f"{whose} by a ping to" if node else "by a ping"
        published = self._published(claim)
        if published is None:
            return f"port {claim.port} of {whose} by" if node else f"port {claim.port} of"
        if not claim.answered:
            return f"published port {claim.port} by"
        name = published.member.namespace
        owner = "its own" if name == claim.asker else f"{name}'s"
        return f"{owner} published port {claim.port} by"
