"""What the host's own `nat` claims: who is answered by a member of a network, and as whom members are seen."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.language.routing import Nat
from nsgen.proof.claims.claim import Claim
from nsgen.proof.claims.view import SceneView
from nsgen.topology.networks import Member
from nsgen.values import HOST, OUTSIDE, IPAddress, IPNetwork


def claims(view: SceneView) -> Iterator[Claim]:
    """A member is asked by an address of the host's: by another machine, by the host, and by its own neighbours."""
    for nat in view.topology.host.nats:
        if nat.dnat is None:
            continue
        for member in view.topology.having(nat.dnat.address):
            asked = _asked(view, nat.to, nat.dnat.address.version)
            if asked is not None and nat.l4 in ("", "tcp"):
                yield from _claims(view, nat, member, asked)


def _asked(view: SceneView, to: IPNetwork | None, version: int) -> IPAddress | None:
    """The address of the host's that is asked, if it has one that the entry is for."""
    if to is None:
        return view.scene.sides[version].host
    return next((a for a in view.scene.host_addresses if a in to), None)


def _claims(view: SceneView, nat: Nat, member: Member, asked: IPAddress) -> Iterator[Claim]:
    version, name = asked.version, member.namespace
    gateways = tuple(str(a) for a in view.own_gateways(member.bridge, version))
    outside, routed = view.scene.sides[version].outside, member.routed(version)
    askers = {OUTSIDE: (str(outside),) if routed else gateways}
    if nat.in_ not in (None, view.scene.uplink) or (nat.from_ and outside not in nat.from_):
        askers = {}
    if nat.in_ is None and nat.from_ is None:
        askers[HOST] = ()
        # Neighbours that are isolated are not, where iptables sees what crosses bridges.
        near = () if member.bridge.isolate else view.topology.members(member.bridge)
        own = [m.namespace for m in near if m.routed(version)]
        askers |= dict.fromkeys(own, gateways)
    port = nat.port.first if nat.port is not None else view.closed
    for asker, peers in askers.items():
        why = f"nat of this host sends {nat.port or 'all ports'} of {asked} to {nat.dnat}"
        column = f"{nat.port or 'all'} by nat"
        yield Claim(*(asker, column, str(asked), port, "tcp", True, why), by=name, peers=peers)


def source(view: SceneView, member: Member, to: IPAddress) -> tuple[str, ...] | None:
    """The addresses that what a member sends beyond the host has by an entry of `nat`; None: by none."""
    version = to.version
    address, uplink = member.address(version), view.scene.uplink
    for nat in view.topology.host.nats:
        if nat.dnat is not None or nat.l4 not in ("", "tcp"):
            continue
        if nat.from_ is not None and (address is None or address not in nat.from_):
            continue
        kept = any(to in network for network in nat.except_)
        if (
            nat.snat is not None
            and nat.snat.address.version == version
            and nat.out in (None, uplink)
        ):
            return (str(address if kept else nat.snat.address),)
        if nat.masquerade == uplink and (nat.from_ is not None or version == 4):
            if kept:
                return (str(address),)
            return tuple(map(str, (view.scene.sides[version].host, *view.more_addresses(version))))
    return None
