"""What decides where a question goes: the rules of the plan, and who has which addresses on which networks."""

from __future__ import annotations

from nsgen.plan.steps import Plan
from nsgen.proof.claims.scene import Scene
from nsgen.reach.met import FirstPacket, Rules
from nsgen.reach.ways import Reach
from nsgen.topology import needs
from nsgen.topology.model import Publication
from nsgen.topology.networks import Bridge, Member
from nsgen.values import IPAddress


class Ways:
    """The ways of a topology in a scene."""

    def __init__(self, plan: Plan, scene: Scene, reach: Reach) -> None:
        """Take over the plan, whose rules decide, and where it is."""
        self.topology = plan.topology
        self.scene = scene
        self.reach = reach
        self.rules = Rules(plan.ops)
        self.members: dict[tuple[str, str], Member] = {}
        self.owners: dict[IPAddress, list[Member]] = {}
        for namespace in self.topology.namespaces:
            for member in namespace.members:
                self.members[namespace.name, member.device] = member
                for address in member.addresses:
                    self.owners.setdefault(address.ip, []).append(member)
        self.bridges = {bridge.name: bridge for bridge in self.topology.bridges}
        self.forwards = {
            v: needs.asked_to_forward(self.topology.host, v) is not False
            or needs.forwards(self.topology, v)
            for v in (4, 6)
        }
        self.own = {s.gateway for b in self.topology.bridges for s in b.subnets if s.gateway}
        self.own |= {a.ip for i in self.topology.host.wired for a in i.addresses}
        self.own |= {side.host for side in scene.sides.values()} | set(scene.host_addresses)

    def is_own(self, address: IPAddress) -> bool:
        """Whether it is an address of the host's."""
        return address.is_loopback or address in self.own

    def sees(self, bridge: Bridge, version: int) -> bool:
        """Whether iptables sees what crosses a bridge."""
        if needs.filters_all_bridges(self.topology, version):
            return True
        published = self.topology.published_on(bridge)
        return bridge.netfilter == "bridge" and any(
            p.version == version and needs.crosses(p) for p in published
        )

    def published(self, asked: FirstPacket, sent_on: FirstPacket) -> Publication | None:
        """The published port by which a packet got another destination."""
        for one in self.topology.publications:
            meant = one.published.first <= asked.dport <= one.published.last
            meant = meant and one.protocol == asked.proto and one.version == asked.dst.version
            if meant and one.host_ip in (None, asked.dst) and sent_on.dst in self.places(one):
                return one
        return None

    def places(self, published: Publication) -> list[IPAddress]:
        """The addresses to which a published port may lead: members of other networks are sent to that on theirs."""
        name, version = published.member.namespace, published.version
        members = (m for (node, _), m in self.members.items() if node == name)
        return [address for member in members for address in member.of_version(version)]
