"""What a topology claims: who reaches whom, who answers, and from which address; and who reaches nobody.

It is told from the meaning of the keys alone, and knows nothing of rules: docs/language.md is its source. A rehearsal
(:mod:`nsgen.rehearsal`) tries each claim on a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nsgen import claims_closed, claims_published, claims_wires
from nsgen.claim import HOST, INTERNET, LOOPBACK, OUTSIDE, Claim, Listener, answered, unanswered
from nsgen.ground import Ground, addresses, belongs, samples
from nsgen.rehearsal.scene import GUESTS
from nsgen.topology import Member

__all__ = ["HOST", "INTERNET", "LOOPBACK", "OUTSIDE", "Claim", "Claims", "Listener"]


class Claims(Ground):
    """The claims of a topology in a scene."""

    def all(self) -> list[Claim]:
        """Each of them once, in the order of the topology."""
        found = [
            *self._own_loopback(),
            *(
                answered(a, c, to, 0, "ping", why)
                for a, c, to, why in claims_wires.questions(self.topology, every=self.every)
            ),
            *self._members(),
            *self._gateways(),
            *self._internet(),
            *claims_published.claims(self),
            *claims_published.by_own_address(self),
            *claims_closed.claims(self),
            *claims_published.of_others(self),
            *self._beside(),
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
            for offset in samples(published):
                port, target = published.published.first + offset, published.target.first + offset
                name, protocol = published.member.namespace, published.protocol
                found += [Listener(name, "*", target, protocol)]
                found += [Listener(node, "*", port, protocol) for node in (INTERNET, OUTSIDE)]
        found += [Listener(ns.name, "*", self.closed, "tcp") for ns in self.topology.namespaces]
        for owner, ports in claims_wires.translated(self.topology):
            found += [
                Listener(owner, "*", port, "tcp") for port in range(ports.first, ports.last + 1)
            ]
        for claim in self.topology.expects:
            node = claim.by or claim.node or (INTERNET if claim.reach else "")
            if claim.port and node and not (node == HOST and claim.port in self.published):
                port = claim.port
                own = claim.address in claims_wires.addresses_of(self.topology, node)
                if node in self.names() and claim.node != node and not own:
                    continue  # by a published port, whose target listens already
                found.append(Listener(node, "*", port, claim.protocol))
        return list(dict.fromkeys(found))

    def _own_loopback(self) -> Iterator[Claim]:
        for namespace in self.topology.namespaces:
            why = "a namespace reaches itself by 127.0.0.1"
            yield answered(namespace.name, "own loopback", LOOPBACK[4], 0, "ping", why)

    def _members(self) -> Iterator[Claim]:
        for bridge in self.topology.bridges:
            members = list(self.topology.members(bridge))
            why = f"members of {bridge.name} reach each other"
            if bridge.isolate:
                why = f"{bridge.name} isolates its members"
            for asker, to in self._pairs(members):
                for version, address in addresses(to, bridge):
                    if asker.address(version) is not None:
                        make = unanswered if bridge.isolate else answered
                        column = self._named(to)
                        yield make(asker.namespace, column, address, 0, "ping", why)
                        if asker == members[0]:  # rules may tell TCP from pings
                            by = "" if bridge.isolate else to.namespace
                            claim = make(asker.namespace, column, address, self.closed, "tcp", why)
                            yield replace(claim, by=by)

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
                    if (
                        subnet.gateway is None
                        or address is None
                        or not belongs(member, subnet.network)
                    ):
                        continue
                    why = f"{bridge.name} connects its members with the host"
                    yield answered(member.namespace, "gateway", str(subnet.gateway), 0, "ping", why)
                    yield answered(HOST, self._named(member), str(address), 0, "ping", why)

    def _internet(self) -> Iterator[Claim]:
        for namespace in self.topology.namespaces:
            for version, side in self.scene.sides.items():
                way = self.way_out(namespace, version)
                if way is None and (namespace.routes or not namespace.members):
                    continue  # where its own routes lead is the author's business
                to = str(side.internet)
                if way is None:
                    if any(m.address(version) for m in namespace.members):
                        why = f"no network of {namespace.name} has internet"
                        yield unanswered(namespace.name, INTERNET, to, self.known, "tcp", why)
                    continue
                own = tuple(
                    str(m.address(version)) for m in namespace.members if m.address(version)
                )
                uplinks = (side.host, *self.more_addresses(version))
                peers = tuple(map(str, uplinks)) if way.bridge.masquerade else own
                yield Claim(
                    *(namespace.name, INTERNET, to, self.known, "tcp"),
                    answered=True,
                    why=f"{way.bridge.name} has internet: seen there from {' or '.join(peers)}",
                    by=INTERNET,
                    peers=peers,
                )

    def _beside(self) -> Iterator[Claim]:
        if {"drop", "netfilter"} <= {*self.scene.host}:
            return  # there it never passed
        why = "what only crosses another bridge of this host is not the script's business"
        for side in self.scene.sides.values() if self.topology.bridges else ():
            yield answered(GUESTS[0], "other bridge", str(side.guests[1]), 0, "ping", why)

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
        namespace = self.namespace(node)
        found = [m for m in namespace.members if m.bridge.name in near] or list(namespace.members)
        if not found:
            own = (*namespace.ends, *namespace.interfaces)
            return [str(a.ip) for i in own for a in i.addresses][:1]
        return [str(a.ip) for m in found[:1] for a in m.addresses[:1]]
