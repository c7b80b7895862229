"""The way of a question: the devices that it comes by, and the rules that decide about it on the way.

It is told from the topology and the plan, as far as they tell it: what commands, services or others' rules make of a
packet is not known, and a way ends where that decides.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from nsgen.language.routing import MAIN
from nsgen.page.way import PicturePart, QuestionWay
from nsgen.page.ways import Ways
from nsgen.proof.claims.claim import LOOPBACK, Claim
from nsgen.reach.met import FirstPacket
from nsgen.reach.verdict import Hop, hops
from nsgen.topology.networks import Bridge
from nsgen.values import HOST, INTERNET, OUTSIDE, IPAddress

PINGS = {4: "icmp", 6: "ipv6-icmp"}


def way_of(claim: Claim, ways: Ways) -> QuestionWay:
    """The way of what a claim is about."""
    return _Walk(ways, claim).walk()


class _Walk:
    """One way, as it is gone."""

    def __init__(self, ways: Ways, claim: Claim) -> None:
        self.ways = ways
        self.claim = claim
        to = ip_address(claim.to.partition("%")[0])
        known = claim.protocol in ("tcp", "udp", "sctp")
        pings = claim.protocol == "ping" or not claim.port
        proto = claim.protocol if known else PINGS[to.version] if pings else "tcp"
        fits = claim.protocol != "invalid"
        self.packet = FirstPacket(None, to, proto, claim.port, fits=fits)
        self.way = QuestionWay()

    def walk(self) -> QuestionWay:
        asker, at, _ = self.claim.asker.partition("@")
        stray = self.claim.stray
        if asker.endswith("~"):  # a guest, who has nothing to do with the topology
            return self.way
        if at:  # a proxy that asks as its client
            self.way.visit(asker)
        elif asker in (OUTSIDE, INTERNET):
            side = self.ways.scene.sides[self.packet.dst.version]
            source = side.outside if asker == OUTSIDE else side.internet
            self.packet = replace(self.packet, src=ip_address(stray.source) if stray else source)
            self.way.visit(asker)
            if asker == INTERNET:
                self.way.line(HOST, INTERNET)
            self._host(self.ways.scene.uplink)
        elif stray is not None:
            self._stray(asker, stray.device, stray.by, ip_address(stray.source))
        else:
            self._asked(asker)
        return self.way

    def _stray(self, asker: str, device: str, near: str, source: IPAddress) -> None:
        """What is sent to a neighbour, whoever is to get it."""
        self.packet = replace(self.packet, src=source)
        self.way.visit(asker, device)
        member = self.ways.members.get((asker, device))
        name = device if asker == HOST else member.bridge.name if member else ""
        if name:
            self.way.network(name)
        if member is not None:
            self.way.line(asker, name)
        if near != HOST:
            self.way.line(near, name)
            self.way.visit(near)
        elif self.packet.dst.is_multicast:
            self.way.visit(HOST, name)
        elif name:
            self._host(name)

    def _asked(self, asker: str) -> None:
        """Follow a question from node to node; the host's rules decide where it is not the topology alone."""
        near = self.packet.dst.is_loopback and asker != HOST
        source = None if near else self.ways.reach.source(asker, self.packet.dst)
        self.way.visit(asker)
        if source is not None:
            self.packet = replace(self.packet, src=source)
            self._follow(asker, "")
        elif asker == HOST:
            self._host("")

    def _follow(self, node: str, came: str, *, left: bool = False) -> None:
        """The nodes that pass a question on, from one of them, and what becomes of it at the last one.

        `left`: the first of them has sent it already.
        """
        packet = self.packet
        if packet.src is None:
            return
        outcome = self.ways.reach.onward(node, came, packet.src, packet.dst)
        trail = list(hops(outcome.trail))
        nexts = [(there, by) for there, by, _ in trail[1:]]
        nexts.append((outcome.state.node, outcome.state.came))
        for index, (hop, following) in enumerate(zip(trail, nexts, strict=False)):
            if index or not left:
                if hop[0] == HOST:  # by which device it leaves depends on its rules, too
                    self._host(hop[1])
                    return
                self._pass(hop)
            if not self.way.over:
                self._join(hop, *following)
            if self.way.over:
                return
        if trail or not left:
            self._end(*nexts[-1], there=bool(trail))

    def _pass(self, hop: Hop) -> None:
        """What the rules of a node make of what it sends, or passes on."""
        node, came, out = hop
        self.way.visit(node, out)
        self.packet = replace(self.packet, into=came, out="", own=self._is_own(node))
        self._hook(node, "PREROUTING" if came else "OUTPUT")
        if self.packet.own and self.packet.translated:
            self.way.over = True  # for a proxy
        if self.way.over:
            return
        self.packet = replace(self.packet, out=out)
        if came:
            self._hook(node, "FORWARD")
        self._hook(node, "POSTROUTING")

    def _is_own(self, node: str) -> bool:
        return node == HOST and self.ways.is_own(self.packet.dst)

    def _join(self, hop: Hop, node: str, came: str) -> None:
        """From a device to the next one."""
        here = self.ways.members.get((hop[0], hop[2]))
        there = self.ways.members.get((node, came))
        bridge = here.bridge.name if here else hop[2] if hop[0] == HOST else ""
        bridge = bridge or (there.bridge.name if there else came if node == HOST else "")
        if bridge not in self.ways.bridges:
            self.way.line(hop[0], node)
            return
        self.way.network(bridge)
        for member in (here, there):
            if member is not None:
                self.way.line(member.namespace, member.bridge.name)
        if here is not None and there is not None and here.bridge == there.bridge:
            self._bridged(here.bridge)

    def _bridged(self, bridge: Bridge) -> None:
        """Among members: the bridge carries it, and iptables may see it on its way."""
        if not self.ways.sees(bridge, self.packet.dst.version):
            return
        before = self.packet
        self.packet = replace(before, into=bridge.name, out="", own=False, bridged=True)
        self._hook(HOST, "PREROUTING")
        self.packet = replace(self.packet, out=bridge.name)
        self._hook(HOST, "FORWARD")
        self.packet = replace(before, dst=self.packet.dst)

    def _end(self, node: str, came: str, *, there: bool) -> None:
        if node == HOST:
            self._host(came)
            return
        if not there:  # it asks itself, or does not know whom
            return
        self.way.visit(node, came)
        asked = self.packet
        self.packet = replace(asked, into=came, out="", own=True)
        self._hook(node, "PREROUTING")
        if self.packet.dst != asked.dst and not self.way.over:
            self._follow(node, came)

    # -- the host -------------------------------------------------------------------------------

    def _host(self, came: str) -> None:
        """What came to the host, or is its own: it is for the host, for a namespace, or for somebody beyond."""
        version = self.packet.dst.version
        self.way.visit(HOST, came)
        asked = replace(self.packet, into=came, out="", own=self._is_own(HOST))
        if not came and asked.src is None:
            asked = replace(asked, src=self._source(asked, version))
        self.packet = asked
        self._hook(HOST, "PREROUTING" if came else "OUTPUT")
        if self.packet.translated and not asked.translated:
            self._port(asked)
        if self.way.over:
            return
        if self.packet.own:
            self.packet = replace(self.packet, into=came or "lo")
            self._hook(HOST, "INPUT")
            self.way.over |= self.packet.translated  # for a proxy
            return
        if came and not self.ways.forwards[version]:
            return
        out = self._out()
        self.packet = replace(self.packet, out=out)
        if came:
            self._hook(HOST, "FORWARD")
        if not self.way.over:
            self._hook(HOST, "POSTROUTING")
            self._leave(came, out)

    def _source(self, asked: FirstPacket, version: int) -> IPAddress:
        """The address from which the host asks: of its own ones it takes the one that is asked."""
        if asked.dst.is_loopback:
            return ip_address(LOOPBACK[version])
        return asked.dst if asked.own else self.ways.scene.sides[version].host

    def _port(self, asked: FirstPacket) -> None:
        published = self.ways.published(asked, self.packet)
        if published is None:
            return
        host = f"{published.host_ip}:" if published.host_ip is not None else ""
        name = published.member.namespace
        port = f"{host}{published.published}/{published.protocol}"
        self.way.parts[PicturePart("port", name, port)] = None
        if self.claim.asker == OUTSIDE:
            self.way.line(OUTSIDE, name)

    def _out(self) -> str:
        """The device by which the host reaches an address."""
        if self.packet.dst in self.ways.scene.sides[self.packet.dst.version].lan:
            return self.ways.scene.uplink
        tables = self.ways.reach.tables
        entry = tables.lookup(HOST, MAIN, self.packet.dst)
        return tables.device_to(HOST, MAIN, entry) if entry else self.ways.scene.uplink

    def _leave(self, came: str, out: str) -> None:
        """From the host on."""
        if out in self.ways.bridges:
            self.way.network(out)
            owners = self.ways.owners.get(self.packet.dst, [])
            near = [member for member in owners if member.bridge.name == out]
            for member in near:
                self.way.line(member.namespace, out)
                self.way.visit(member.namespace, member.device)
            if near:
                return
        if out != self.ways.scene.uplink:
            self._follow(HOST, came, left=True)
            return
        outside = self.packet.dst == self.ways.scene.sides[self.packet.dst.version].outside
        if not outside:
            if came in self.ways.bridges:
                self.way.line(came, INTERNET)
            self.way.line(HOST, INTERNET)
        self.way.visit(OUTSIDE if outside else INTERNET)

    def _hook(self, node: str, hook: str) -> None:
        found = self.ways.rules.at(node, hook, self.packet)
        self.way.rules |= dict.fromkeys(found.rules)
        self.way.stopped |= found.stopped
        self.way.over |= found.stopped or not found.told
        self.packet = found.packet
