"""Who reaches what from now on, and no longer: from what both topologies claim, in one scene."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from nsgen.proof.claims.all import Claim, Claims
from nsgen.proof.claims.scene import GUESTS, Option, Scene, choose
from nsgen.topology.model import Interface, Topology
from nsgen.topology.networks import Member
from nsgen.values import HOST, INTERNET, OUTSIDE

EVERY = 100  # namespaces, up to which each pair of them is told of
OWN = "own loopback"


class Reached(NamedTuple):
    """Somebody reaches something; `to` in words."""

    asker: str
    to: str


class Reaches(NamedTuple):
    """What a change of topology makes of who reaches whom."""

    now: list[Reached]
    gone: list[Reached]
    sampled: bool  # whether only some pairs were looked at


def common_scene(old: Topology, new: Topology, host: tuple[Option, ...] = ()) -> Scene:
    """One place for both: what neither of them says is somebody else's."""
    one, other = old.host, new.host
    both = replace(
        new,
        bridges=(*old.bridges, *new.bridges),
        namespaces=(*old.namespaces, *new.namespaces),
        links=(*old.links, *new.links),
        publications=(*old.publications, *new.publications),
        expects=(*old.expects, *new.expects),
        host=replace(
            other,
            ends=(*one.ends, *other.ends),
            interfaces=(*one.interfaces, *other.interfaces),
            cards=(*one.cards, *other.cards),
            routes=(*one.routes, *other.routes),
            nats=(*one.nats, *other.nats),
        ),
    )
    return choose(both, host=host)


def reaches(old: Topology, new: Topology) -> Reaches:
    """Compare what is answered by the one and by the other."""
    scene = common_scene(old, new)
    sampled = max(len(topology.namespaces) for topology in (old, new)) > EVERY
    before, after = (_Asked(topology, scene, every=not sampled) for topology in (old, new))
    return Reaches(
        [way for way in after.answered if before.denies(way, sampled=sampled)],
        [way for way in before.answered if after.denies(way, sampled=sampled)],
        sampled=sampled,
    )


class _Asked:
    """What a topology claims, in words."""

    def __init__(self, topology: Topology, scene: Scene, *, every: bool) -> None:
        known = owners(topology)
        told = [
            (Reached(claim.asker, said(claim, known)), claim.answered)
            for claim in Claims(topology, scene, every=every).all()
            if claim.column != OWN and claim.asker not in GUESTS and not _of_others(claim)
        ]
        self.answered = dict.fromkeys(way for way, answered in told if answered)
        self.unanswered = {way for way, answered in told if not answered}
        self.wired = any(node.wired for node in topology.nodes)
        self.nodes = {node.name for node in topology.nodes} | {OUTSIDE, INTERNET}

    def denies(self, way: Reached, *, sampled: bool) -> bool:
        """Whether somebody does not reach something; of samples, only what was asked, or whom there is not."""
        if way in self.answered:
            return False
        to = way.to.partition(" ")[0].partition(":")[0]
        sure = (
            (OUTSIDE, INTERNET) if self.wired else (OUTSIDE, INTERNET, HOST)
        )  # asked for of every node
        asked = way.asker in sure or to in sure or way in self.unanswered
        return not sampled or asked or not {way.asker, to} <= self.nodes


def owners(topology: Topology) -> dict[str, str]:
    """Who has an address, by what it reads like."""
    found = {str(s.gateway): HOST for b in topology.bridges for s in b.subnets if s.gateway}
    for node in topology.nodes:
        devices: tuple[Member | Interface, ...] = (*node.members, *node.wired)
        found |= {str(a.ip): node.name for device in devices for a in device.addresses}
    return found


def _of_others(claim: Claim) -> bool:
    """Whether it is about others' own ports, which a topology only leaves alone."""
    return claim.column.endswith(" of others")


def said(claim: Claim, known: dict[str, str]) -> str:
    """What is asked, in words: whom, on which port, by which of the host's addresses."""
    version = " by IPv6" if ":" in claim.to and "IPv6" not in claim.column else ""
    what, _, place = claim.column.partition(" at ")
    if place and claim.by:  # a published port
        return f"{claim.by}:{what} by {place}"
    if claim.column == "gateway":
        return f"host{version}"
    if claim.column in (INTERNET, OUTSIDE):
        return f"{claim.column}{version}"
    name = claim.by or known.get(claim.to, "") or claim.column
    port = f":{what.partition(' ')[0]}" if what[:1].isdigit() else ""
    return f"{name}{port}{version}"
