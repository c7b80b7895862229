"""What a topology claims: who reaches whom, who answers, and from which address; and who reaches nobody.

It is told from the meaning of the keys alone, and knows nothing of rules: docs/language.md is its source. A rehearsal
(:mod:`nsgen.proof.lab`) tries each claim on a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from nsgen.proof.claims import answering, closed, excepted, published, translated, wires
from nsgen.proof.claims.claim import (
    LOOPBACK,
    Claim,
    Listener,
    answered,
    unanswered,
)
from nsgen.proof.claims.scene import GUESTS
from nsgen.proof.claims.view import SceneView, addresses, belongs, samples
from nsgen.topology.networks import Member
from nsgen.values import HOST, INTERNET, OUTSIDE

if TYPE_CHECKING:
    from nsgen.proof.claims.proxied import Proxies

__all__ = ["HOST", "INTERNET", "LOOPBACK", "OUTSIDE", "Claim", "Claims", "Listener"]


class Claims(SceneView):
    """The claims of a topology in a scene."""

    overruled = 0  # claims that are not made, because a proxy gets the connection

    def all(self) -> list[Claim]:
        """Claims, each once, in the order of the topology."""
        found = [
            *self._own_loopback(),
            *(
                answered(a, c, to, 0, "ping", why)
                for a, c, to, why in wires.questions(self.topology, every=self.every)
            ),
            *self._members(),
            *self._gateways(),
            *self._internet(),
            *published.claims(self),
            *published.by_own_address(self),
            *closed.claims(self),
            *published.of_others(self),
            *translated.claims(self),
            *excepted.claims(self),
            *answering.claims(self),
            *self._beside(),
            *self._expected(),
        ]
        if self._proxies is not None:
            left = [c for c in found if c.expects >= 0 or not self._proxies.takes(c)]
            self.overruled = len(found) - len(left)
            found = [*left, *self._proxies.claims()]
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
        for open_port in self.topology.publications:
            for offset in samples(open_port):
                port, target = open_port.published.first + offset, open_port.target.first + offset
                name, protocol = open_port.member.namespace, open_port.protocol
                found += [Listener(name, "*", target, protocol)]
                found += [Listener(node, "*", port, protocol) for node in (INTERNET, OUTSIDE)]
        found += [Listener(ns.name, "*", self.closed, "tcp") for ns in self.topology.namespaces]
        for owner, ports in wires.translated(self.topology):
            found += [
                Listener(owner, "*", port, "tcp") for port in range(ports.first, ports.last + 1)
            ]
        for claim in self.topology.expects:
            node = claim.by or claim.node or (INTERNET if claim.reach else "")
            if claim.port and node and not (node == HOST and claim.port in self.published):
                port = claim.port
                own = claim.address in wires.addresses_of(self.topology, node)
                if node in self.names() and claim.node != node and not own:
                    continue  # by a published port, whose target listens already
                found.append(Listener(node, "*", port, claim.protocol))
        found += self._proxies.listeners() if self._proxies is not None else ()
        return list(dict.fromkeys(found))

    @cached_property
    def _proxies(self) -> Proxies | None:
        """The transparent proxies, if there are any."""
        if not any(nat.proxied for node in self.topology.nodes for nat in node.nats):
            return None
        from nsgen.proof.claims.proxied import Proxies  # few need it

        return Proxies(self)

    def _own_loopback(self) -> Iterator[Claim]:
        for namespace in self.topology.namespaces:
            why = "a namespace reaches itself by 127.0.0.1"
            yield answered(namespace.name, "own loopback", LOOPBACK[4], 0, "ping", why)

    def _members(self) -> Iterator[Claim]:
        for bridge in self.topology.bridges:
            members = self.addressed(bridge)
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
                peers = tuple(map(str, uplinks)) if way.bridge.masquerades(side.internet) else own
                peers = translated.source(self, way, side.internet) or peers
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
            m.bridge.name
            for ns in self.topology.namespaces
            for m in ns.members
            if ns.name == asker and m.addresses
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
        asked = [member for member in namespace.members if member.addresses]
        found = [member for member in asked if member.bridge.name in near] or asked
        if not found:
            own = namespace.wired
            return [str(a.ip) for i in own for a in i.addresses][:1]
        return [str(a.ip) for m in found[:1] for a in m.addresses[:1]]
