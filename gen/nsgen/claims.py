"""What a topology claims: who reaches whom, who answers, and from which address; and who reaches nobody.

It is told from the meaning of the keys alone, and knows nothing of rules: docs/language.md is its source. A rehearsal
(:mod:`nsgen.rehearsal`) tries each claim on a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from nsgen.claims_wires import questions
from nsgen.needs import FORWARD
from nsgen.rehearsal.scene import Scene
from nsgen.spec import Audience
from nsgen.topology import Bridge, Member, Namespace, Publication, Topology
from nsgen.values import IPAddress, Ports

Protocol = Literal["ping", "tcp", "udp", "sctp", "forged", "spoofed", "invalid", "neighbour"]
HOST, OUTSIDE, INTERNET = "host", "outside", "internet"
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
LOCALNET = "127.0.0.2"  # an address of the host, of which not every part of the kernel knows that
NEIGHBOURS, STRANGER = "ff02::1", "fe80::7"
NOBODY = 66  # the last part of an address on the LAN
FEW = 8  # namespaces, up to which every pair is asked
Peers = tuple[str, ...]


@dataclass(frozen=True)
class Stray:
    """How a packet comes that no honest kernel sends: by which device, to which next machine, and as who."""

    device: str
    gateway: str
    source: str


@dataclass(frozen=True)
class Claim:
    """One question, and what has to come of it.

    `by`: who has to answer, by name; empty with `answered`: anybody. `peers`: the addresses from which it may be asked
    then; none: any. `column`: what is asked, in a few words. `why`: the claim in words. `expects`: its place in the
    topology's `expect`, or -1.
    """

    asker: str
    column: str
    to: str
    port: int
    protocol: Protocol
    answered: bool
    why: str
    by: str = ""
    peers: Peers = ()
    expects: int = -1
    stray: Stray | None = None
    alone: bool = False  # asked when nobody else asks: socat drops what comes while it takes another client's datagram


@dataclass(frozen=True)
class Listener:
    """Who answers on a port, unless somebody of the topology's own does."""

    node: str
    address: str
    port: int
    protocol: str


class Claims:
    """The claims of a topology in a scene."""

    def __init__(self, topology: Topology, scene: Scene, *, every: bool = False) -> None:
        """Take both over; `every`: each pair of namespaces, however many there are."""
        self.topology = topology
        self.scene = scene
        self.every = every or len(topology.namespaces) <= FEW
        self.published = {n for p in topology.publications for n in _numbers(p.published)}
        numbers = self.published | {n for p in topology.publications for n in _numbers(p.target)}
        numbers |= {claim.port for claim in topology.expects}
        free = (n for n in range(7001, 65000) if n not in numbers)
        self.known, self.closed = (
            next(free),
            next(free),
        )  # what `internet` and every namespace listen on

    def all(self) -> list[Claim]:
        """Each of them once, in the order of the topology."""
        found = [
            *self._own_loopback(),
            *self._wires(),
            *self._members(),
            *self._gateways(),
            *self._internet(),
            *self._published(),
            *self._apart(),
            *self._from_outside(),
            *self._loopback(),
            *self._strays(),
            *self._elsewhere(),
            *self._expected(),
        ]
        kept: dict[object, Claim] = {}
        for claim in found:
            key = (claim.asker, claim.to, claim.port, claim.protocol, claim.expects, claim.stray)
            # Two may publish the same number on two addresses: what one does not answer, the other does.
            if key not in kept or (claim.answered and not kept[key].answered):
                kept[key] = claim
        return list(kept.values())

    def listeners(self) -> list[Listener]:
        """Who has to answer for the claims to be tried."""
        found = [
            Listener(INTERNET, "*", self.known, "tcp"),
            Listener(HOST, LOOPBACK[4], self.closed, "tcp"),
        ]
        for published in self.topology.publications:
            for offset in _samples(published):
                port, target = published.published.first + offset, published.target.first + offset
                name, protocol = published.member.namespace, published.protocol
                found += [Listener(name, "*", target, protocol)]
                found += [Listener(node, "*", port, protocol) for node in (INTERNET, OUTSIDE)]
        found += [Listener(ns.name, "*", self.closed, "tcp") for ns in self.topology.namespaces]
        for node, ports in self._translated():
            found += [Listener(node, "*", port, "tcp") for port in _numbers(ports)]
        for claim in self.topology.expects:
            node = claim.by or claim.node or (INTERNET if claim.reach else "")
            if claim.port and node and not (node == HOST and claim.port in self.published):
                port = claim.port
                own = claim.address in self._addresses_of(node)
                if node in self._names() and claim.node != node and not own:
                    continue  # by a published port, whose target listens already
                found.append(Listener(node, "*", port, claim.protocol))
        return list(dict.fromkeys(found))

    def _addresses_of(self, name: str) -> set[IPAddress]:
        """The addresses that a node has on links and interfaces."""
        return {
            address.ip
            for node in self.topology.nodes
            if node.name == name
            for interface in (*node.ends, *node.interfaces)
            for address in interface.addresses
        }

    def _translated(self) -> Iterator[tuple[str, Ports]]:
        """Whom a node's own NAT leads to, and the ports there."""
        owners = {
            address.ip: node.name
            for node in self.topology.nodes
            for interface in (*node.ends, *node.interfaces)
            for address in interface.addresses
        }
        for node in self.topology.nodes:
            for nat in node.nats:
                ports = nat.dnat and (nat.dnat.ports or nat.port)
                if nat.dnat and ports and nat.dnat.address in owners:
                    yield owners[nat.dnat.address], ports

    def _wires(self) -> Iterator[Claim]:
        for asker, column, to, why in questions(self.topology, every=self.every):
            yield _answered(asker, column, to, 0, "ping", why)

    # -- inside a network -----------------------------------------------------------------------

    def _own_loopback(self) -> Iterator[Claim]:
        for namespace in self.topology.namespaces:
            why = "a namespace reaches itself by 127.0.0.1"
            yield _answered(namespace.name, "own loopback", LOOPBACK[4], 0, "ping", why)

    def _members(self) -> Iterator[Claim]:
        for bridge in self.topology.bridges:
            members = list(self.topology.members(bridge))
            why = f"members of {bridge.name} reach each other"
            if bridge.isolate:
                why = f"{bridge.name} isolates its members"
            for asker, to in self._pairs(members):
                for version, address in _addresses(to, bridge):
                    if asker.address(version) is not None:
                        make = _unanswered if bridge.isolate else _answered
                        yield make(asker.namespace, self._named(to), address, 0, "ping", why)

    def _pairs(self, members: list[Member]) -> Iterator[tuple[Member, Member]]:
        """Every pair; or, of many members, each with the next one."""
        if self.every:
            yield from ((a, b) for a in members for b in members if a != b)
        elif len(members) > 1:
            yield from zip(members, [*members[1:], members[0]], strict=True)

    def _named(self, member: Member) -> str:
        """A column for each namespace, unless they are many."""
        return member.namespace if self.every else "members"

    def _gateways(self) -> Iterator[Claim]:
        for bridge in self.topology.bridges:
            for member in self.topology.members(bridge):
                for subnet in bridge.subnets:
                    address = member.address(subnet.version)
                    if subnet.gateway is None or address is None or not _in(member, subnet.network):
                        continue
                    why = f"{bridge.name} connects its members with the host"
                    yield _answered(
                        member.namespace, "gateway", str(subnet.gateway), 0, "ping", why
                    )
                    yield _answered(HOST, self._named(member), str(address), 0, "ping", why)

    # -- the internet ---------------------------------------------------------------------------

    def _internet(self) -> Iterator[Claim]:
        for namespace in self.topology.namespaces:
            for version, side in self.scene.sides.items():
                way = self._way_out(namespace, version)
                if way is None and (namespace.routes or not namespace.members):
                    continue  # where its own routes lead is the author's business
                to = str(side.internet)
                if way is None:
                    if any(m.address(version) for m in namespace.members):
                        why = f"no network of {namespace.name} has internet"
                        yield _unanswered(namespace.name, INTERNET, to, self.known, "tcp", why)
                    continue
                own = tuple(
                    str(m.address(version)) for m in namespace.members if m.address(version)
                )
                uplinks = (side.host, *self._more_addresses(version))
                peers = tuple(map(str, uplinks)) if way.bridge.masquerade else own
                yield Claim(
                    *(namespace.name, INTERNET, to, self.known, "tcp"),
                    answered=True,
                    why=f"{way.bridge.name} has internet: seen there from {' or '.join(peers)}",
                    by=INTERNET,
                    peers=peers,
                )

    @staticmethod
    def _way_out(namespace: Namespace, version: int) -> Member | None:
        members = (m for m in namespace.members if m.routed(version) and m.bridge.internet)
        return next(members, None)

    # -- published ports ------------------------------------------------------------------------

    def _published(self) -> Iterator[Claim]:
        for published in self.topology.publications:
            for offset in _samples(published):
                for claim in self._audiences(published):
                    number = published.published.first + offset
                    yield replace(
                        claim, port=number, column=f"{number}{_suffix(published)} {claim.column}"
                    )

    def _audiences(self, published: Publication) -> Iterator[Claim]:
        version, name = published.version, published.member.namespace
        uplinks = [self.scene.sides[version].host, *self._more_addresses(version)]
        gateways = self._gateways_of(version)
        own = self._own_gateways(published.bridge, version)
        for address in uplinks:
            yield self._asked(published, "outside", OUTSIDE, address)
        for address in (*uplinks, *own):
            yield self._asked(published, "host", HOST, address)
        yield self._asked(published, "loopback", HOST, LOOPBACK[version])
        target = self._namespace(name)
        for address in (*own, *(uplinks if self._way_out(target, version) else ())):
            if not _blocked(published):
                yield self._asked(published, "self", name, address)
        for asker in self._others(published):
            siblings = any(m.bridge == published.bridge for m in asker.members)
            if siblings and _blocked(published):
                continue
            near = [a for a in gateways if any(_in_bridge(m, a) for m in asker.members)]
            far = [*own, *uplinks] if self._way_out(asker, version) else []
            for address in dict.fromkeys([*near, *far]):
                yield self._asked(published, "network", asker.name, address)

    def _asked(
        self, published: Publication, audience: Audience, asker: str, address: object
    ) -> Claim:
        """Whether `asker` is answered at one of the host's addresses."""
        text, version, name = str(address), published.version, published.member.namespace
        names = {a: g for g, a in self._named_gateways(version)}
        uplink = {
            str(self.scene.sides[version].host): self.scene.uplink,
            LOOPBACK[version]: "loopback",
        }
        column = f"at {(names | uplink).get(text, text)}{' IPv6' * (version == 6)}"
        allowed = audience in published.reach and _covers(published, text)
        if audience == "loopback" and version == 6 and published.via == "dnat":
            allowed = False
        if audience == "outside" and text in names:
            allowed = False
        reach = ", ".join(published.reach)
        host_ip = f" on {published.host_ip}" if published.host_ip else ""
        why = f"{name} publishes {published.published}{_suffix(published)}{host_ip} for {reach}"
        peers = self._peers(published, audience, asker) if allowed else ()
        return Claim(
            *(asker, column, text, 0, published.protocol, allowed, why),
            by=name if allowed else "",
            peers=peers,
            alone=published.via == "proxy" and published.protocol == "udp" and allowed,
        )

    def _peers(self, published: Publication, audience: Audience, asker: str) -> Peers:
        """From which addresses the namespace is asked."""
        version = published.version
        gateways = tuple(str(a) for a in self._own_gateways(published.bridge, version))
        proxied = published.via == "proxy" and audience in ("loopback", "network", "self")
        if audience in ("loopback", "self") or proxied:
            return gateways
        if audience == "host":
            return ()
        if audience == "outside":
            routed = published.member.routed(version)
            return (str(self.scene.sides[version].outside),) if routed else gateways
        members = self._namespace(asker).members
        sibling = [m for m in members if m.bridge == published.bridge]
        if sibling:
            address = sibling[0].address(version)
            return gateways if published.bridge.netfilter == "off" else (str(address),)
        seen = [str(m.address(version)) for m in members if not m.bridge.masquerade]
        return (*gateways, *seen)

    def _others(self, published: Publication) -> list[Namespace]:
        """Who asks besides the namespace itself: everybody, or one of each network."""
        name, version = published.member.namespace, published.version
        found = [
            ns
            for ns in self.topology.namespaces
            if ns.name != name and any(m.address(version) for m in ns.members)
        ]
        if self.every:
            return found
        by_network = {m.bridge.name: ns for ns in reversed(found) for m in ns.members}
        return list({ns.name: ns for ns in by_network.values()}.values())

    # -- what must not be -----------------------------------------------------------------------

    def _apart(self) -> Iterator[Claim]:
        """Networks are apart, unless somebody forwards between them."""
        if any(ns.forwarding for ns in self.topology.namespaces) or self.topology.host.forwarding:
            return
        namespaces = [ns for ns in self.topology.namespaces if ns.members and not ns.routes]
        for asker, to in self._couples(namespaces):
            if {m.bridge.name for m in asker.members} & {m.bridge.name for m in to.members}:
                continue
            for member in to.members:
                if member.bridge.internet and not member.bridge.masquerade:
                    continue  # a routed network: its published ports and pings answer by its own addresses
                for version, address in _addresses(member, member.bridge):
                    if any(m.address(version) for m in asker.members):
                        why = f"{asker.name} and {to.name} are on no network together"
                        column = f"{to.name} itself"
                        yield _unanswered(asker.name, column, address, 0, "ping", why)
                        yield _unanswered(asker.name, column, address, self.closed, "tcp", why)

    def _couples(self, namespaces: list[Namespace]) -> Iterator[tuple[Namespace, Namespace]]:
        if self.every:
            yield from ((a, b) for a in namespaces for b in namespaces if a != b)
            return
        first = {ns.members[0].bridge.name: ns for ns in reversed(namespaces)}
        yield from ((a, b) for a in first.values() for b in first.values() if a != b)

    def _from_outside(self) -> Iterator[Claim]:
        """Another machine that has a route to the namespaces reaches none of them; nor the internet by this host."""
        for member in self._one_of_each():
            routed = member.bridge.internet and not member.bridge.masquerade
            for version, address in _addresses(member, member.bridge):
                if member.bridge.gateway(version) is None:
                    continue
                why = f"nobody outside reaches {member.bridge.name}, whatever route he has"
                if not routed:
                    yield _unanswered(
                        OUTSIDE, f"{member.namespace} itself", address, 0, "ping", why
                    )
                yield _unanswered(
                    OUTSIDE, f"{member.namespace} itself", address, self.closed, "tcp", why
                )
        for version, side in self.scene.sides.items():
            if not self._is_router(version):
                why = "this host is no router for its neighbours"
                to = str(side.beyond[11])
                yield _unanswered(OUTSIDE, f"{INTERNET} by this host", to, self.known, "tcp", why)

    def _loopback(self) -> Iterator[Claim]:
        """What listens on the host's 127.0.0.1 is its own, even for forged packets."""
        why = "what listens on the host's 127.0.0.1 is for the host alone"
        askers = [m.namespace for m in self._one_of_each() if m.address(4) and m.bridge.gateway(4)]
        for asker in dict.fromkeys([*askers, OUTSIDE]):
            yield _unanswered(asker, "host's 127.0.0.1", LOOPBACK[4], self.closed, "forged", why)

    def _strays(self) -> Iterator[Claim]:
        """Packets that no honest kernel sends, from one member of each network."""
        for member in self._one_of_each():
            bridge = member.bridge
            for version, address in _addresses(member, bridge):
                gateway, to = bridge.gateway(version), str(self.scene.sides[version].internet)
                if gateway is None:
                    continue
                by = (member, str(gateway))
                why = f"{bridge.name} lets nobody out with a source that is not of its own"
                source = str(self.scene.sides[version].lan[NOBODY])
                yield _stray("spoofed", by, source, "internet spoofed", to, self.known, why)
                if bridge.internet and bridge.masquerade:
                    why = f"{bridge.name} is masqueraded: nothing leaves untranslated"
                    column = "internet untranslated"
                    yield _stray("invalid", by, address, column, to, self.known, why)
                if version == 4:
                    why = "an address like 127.0.0.1 is this host's own"
                    column = f"host as {LOCALNET}"
                    to = str(gateway)
                    yield _stray("spoofed", by, LOCALNET, column, to, self.closed, why)
                if bridge.plain_ipv4:
                    why = f"{bridge.name} is an IPv4 network: this host speaks no IPv6 there"
                    yield _stray("neighbour", by, STRANGER, "host by IPv6", NEIGHBOURS, 0, why)

    def _elsewhere(self) -> Iterator[Claim]:
        """Somebody else's port of a published number stays theirs."""
        for published in self.topology.publications:
            side, protocol = self.scene.sides[published.version], published.protocol
            for offset in _samples(published):
                port = published.published.first + offset
                why = f"only this host's own port {port} is published"
                column = f"{port}{_suffix(published)} of others"
                yield _answered(HOST, column, str(side.outside), port, protocol, why, OUTSIDE)
                for asker in self.topology.namespaces:
                    if self._way_out(asker, published.version) is not None:
                        to = str(side.internet)
                        yield _answered(asker.name, column, to, port, protocol, why, INTERNET)

    # -- what the author claims -----------------------------------------------------------------

    def _expected(self) -> Iterator[Claim]:
        for index, claim in enumerate(self.topology.expects):
            for to in (
                [str(claim.address)]
                if claim.address
                else self.addresses_of(claim.node, claim.asker)
            ):
                by = claim.by or (
                    claim.node if claim.port and claim.node != HOST and claim.reach else ""
                )
                port = f" {claim.port}/{claim.protocol}" if claim.port else ""
                yield Claim(
                    *(claim.asker, f"{claim.node or to}{port}", to, claim.port, claim.protocol),
                    answered=claim.reach,
                    why="expected",
                    by=by,
                    expects=index,
                )

    def addresses_of(self, node: str, asker: str) -> list[str]:
        """The addresses by which a node is asked: of a namespace, those on a network that both are on, if any."""
        side = self.scene.sides[4]
        if node == asker == HOST:
            return [LOOPBACK[4]]
        if node in (OUTSIDE, INTERNET):
            return [str(side.outside if node == OUTSIDE else side.internet)]
        near = {
            m.bridge.name for ns in self.topology.namespaces if ns.name == asker for m in ns.members
        }
        if node == HOST:
            gateways = [
                str(s.gateway)
                for b in self.topology.bridges
                for s in b.subnets
                if s.gateway and b.name in near
            ]
            return gateways[:1] or [str(side.host)]
        namespace = self._namespace(node)
        found = [m for m in namespace.members if m.bridge.name in near] or list(namespace.members)
        if not found:
            own = (*namespace.ends, *namespace.interfaces)
            return [str(a.ip) for i in own for a in i.addresses][:1]
        return [str(a.ip) for m in found[:1] for a in m.addresses[:1]]

    def _is_router(self, version: int) -> bool:
        """Whether the author has the host forward for everybody."""
        asked = self.topology.host.sysctls.get(FORWARD[version])
        return self.topology.host.forwarding or asked == "1"

    # -- parts ----------------------------------------------------------------------------------

    def _names(self) -> set[str]:
        return {namespace.name for namespace in self.topology.namespaces}

    def _namespace(self, name: str) -> Namespace:
        return next(ns for ns in self.topology.namespaces if ns.name == name)

    def _one_of_each(self) -> list[Member]:
        """The first member of each network."""
        firsts = (next(self.topology.members(bridge), None) for bridge in self.topology.bridges)
        return [member for member in firsts if member is not None]

    def _more_addresses(self, version: int) -> list[IPAddress]:
        return [a for a in self.scene.host_addresses if a.version == version]

    def _gateways_of(self, version: int) -> list[IPAddress]:
        return [a for bridge in self.topology.bridges for a in self._own_gateways(bridge, version)]

    def _named_gateways(self, version: int) -> Iterator[tuple[str, str]]:
        for bridge in self.topology.bridges:
            yield from ((bridge.name, str(a)) for a in self._own_gateways(bridge, version))

    @staticmethod
    def _own_gateways(bridge: Bridge, version: int) -> list[IPAddress]:
        return [s.gateway for s in bridge.subnets if s.version == version and s.gateway is not None]


def _answered(
    asker: str, column: str, to: str, port: int, protocol: Protocol, why: str, by: str = ""
) -> Claim:
    return Claim(asker, column, to, port, protocol, answered=True, why=why, by=by)


def _unanswered(asker: str, column: str, to: str, port: int, protocol: Protocol, why: str) -> Claim:
    return Claim(asker, column, to, port, protocol, answered=False, why=why)


def _stray(
    protocol: Protocol,
    by: tuple[Member, str],
    source: str,
    column: str,
    to: str,
    port: int,
    why: str,
) -> Claim:
    """What may not get through, sent by a member to the host's address on its network."""
    member, gateway = by
    claim = _unanswered(member.namespace, column, to, port, protocol, why)
    return replace(claim, stray=Stray(member.device, gateway, source))


def _addresses(member: Member, bridge: Bridge) -> Iterator[tuple[int, str]]:
    """A member's address of each IP version that the network has a subnet of."""
    for version in (4, 6):
        address = member.address(version)
        if address is not None and any(s.version == version for s in bridge.subnets):
            yield version, str(address)


def _in(member: Member, network: object) -> bool:
    return any(address.network == network for address in member.addresses)


def _in_bridge(member: Member, gateway: IPAddress) -> bool:
    return any(a.version == gateway.version and gateway in a.network for a in member.addresses)


def _covers(published: Publication, address: str) -> bool:
    host_ip = published.host_ip
    return host_ip is None or host_ip.is_unspecified or str(host_ip) == address


def _blocked(published: Publication) -> bool:
    """Whether an isolated port is in the way of siblings, and of the namespace itself: docs/language.md, isolate."""
    bridge = published.bridge
    return bridge.isolate and published.via == "dnat" and bridge.netfilter != "off"


def _numbers(ports: Ports) -> range:
    return range(ports.first, ports.last + 1)


def _suffix(published: Publication) -> str:
    return "" if published.protocol == "tcp" else f"/{published.protocol}"


def _samples(published: Publication) -> list[int]:
    """The first and the last port of a range."""
    return list(dict.fromkeys([0, len(published.published) - 1]))
