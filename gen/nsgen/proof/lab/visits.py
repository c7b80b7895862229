"""What becomes of one packet in each node that it comes to: devices, rules, and the route that was taken.

The kernel is the witness. A packet whose TTL is smaller when it leaves has been routed, and one whose TTL is the same
has crossed a bridge; of what was routed, the node's kernel is asked again which route that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nsgen.proof.lab.lookups import Lookup, Packet
from nsgen.proof.lab.nftrace import Passage
from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import output
from nsgen.proof.lab.watch import Sighting

LOOPBACK = "lo"
Flow = tuple[dict[str, str], dict[str, str]]  # as it came, and how it is answered


@dataclass
class Visit:
    """One packet in one node."""

    node: str
    seen: list[Sighting] = field(default_factory=list)
    passage: Passage | None = None
    lookups: list[Lookup] = field(default_factory=list)
    bridge: str = ""  # that it crossed, if it did

    @property
    def ins(self) -> list[Sighting]:
        """Where it came in."""
        return [one for one in self.seen if not one.out]

    @property
    def outs(self) -> list[Sighting]:
        """Where it left."""
        return [one for one in self.seen if one.out]

    @property
    def taken(self) -> bool:
        """Whether it stayed here, and was for the node itself."""
        if self.outs:
            return False
        looped = bool(self.ins) and self.ins[-1].device == LOOPBACK
        return looped or (bool(self.lookups) and self.lookups[-1].local)

    @property
    def ended(self) -> bool:
        """Whether a rule ended its way."""
        return self.passage is not None and any(
            met.verdict.endswith("DROP") for met in self.passage.met
        )

    def told(self) -> dict[str, Any]:
        """What is told of it, as JSON."""
        name = self.node.rstrip("~")  # of the lab's own
        return {
            "node": name,
            "seen": [{**asdict(one), "node": name} for one in self.seen],
            "met": [asdict(one) for one in self.passage.met] if self.passage else [],
            "routes": [one.text() for one in self.lookups],
            "bridge": self.bridge,
        }


def visits(seen: Iterable[Sighting]) -> list[Visit]:
    """The nodes that the first of some packets comes to, one after the other."""
    found: list[Visit] = []
    places = set()
    for one in seen:
        place = (one.node, one.device, one.out, one.ttl)
        if place in places:
            continue  # sent once more
        places.add(place)
        again = found and not one.out and found[-1].outs
        if not found or found[-1].node != one.node or again:
            found.append(Visit(one.node))
        found[-1].seen.append(one)
    return _without_floods(found)


def _without_floods(every: list[Visit]) -> list[Visit]:
    """Without those who got a frame that was for somebody else, and threw it away."""
    found: list[Visit] = []
    for visit in every:
        flooded = visit is not every[-1] and all(one.other and not one.out for one in visit.seen)
        if flooded:
            continue
        if found and found[-1].node == visit.node and not visit.ins:
            found[-1].seen += visit.seen
        else:
            found.append(visit)
    return found


def attach(every: list[Visit], passages: Mapping[str, list[Passage]], first: str) -> None:
    """Give each visit the rules that were met there; a packet that no device has seen met some in the first node."""
    left = {node: list(own) for node, own in passages.items()}
    if not every and left.get(first):
        every.append(Visit(first))
    for visit in every:
        ttl = visit.seen[0].ttl if visit.seen else None
        fit = [
            one
            for one in left.get(visit.node, ())
            if ttl in (None, one.ttl) and bool(visit.ins) == bool(one.device)
        ]
        if fit:
            visit.passage = fit[0]
            left[visit.node].remove(fit[0])


def decide(visit: Visit, protocol: str, start: tuple[str, str], flows: Iterable[Flow]) -> None:
    """Note whether a packet was routed or bridged; `start`: from where to where, if it is sent here."""
    ins, outs, passage = visit.ins, visit.outs, visit.passage
    mark = passage.mark if passage else 0
    if ins and outs and outs[0].ttl == ins[0].ttl:
        visit.bridge = _master(visit.node, outs[-1].device)
        return
    if ins:
        device = passage.device if passage and passage.device else ins[-1].device
        if device == LOOPBACK:
            return  # it has kept the route that it left by
        one = ins[0]
        to = outs[0].to if outs else _translated(visit, flows) or one.to
        packet = Packet(one.source, to, device, protocol, one.sport, one.dport, mark)
        visit.lookups = [Lookup(visit.node, packet)]
        return
    source, first = start
    ports = (outs[0].sport, outs[0].dport) if outs else (0, 0)
    if passage and not outs:
        ports = passage.sport, passage.dport
    for to in dict.fromkeys((first, outs[0].to if outs else _translated(visit, ()) or first)):
        packet = Packet(source, to, "", protocol, *ports, mark)
        visit.lookups.append(Lookup(visit.node, packet))


def _translated(visit: Visit, flows: Iterable[Flow]) -> str:
    """The destination that a rule, or connection tracking, has put in place of the packet's."""
    for met in visit.passage.met if visit.passage else ():
        words = met.rule.split()
        if "--to-destination" in words:
            target = words[words.index("--to-destination") + 1]
            if target.startswith("["):
                return target[1:].partition("]")[0]
            return target.partition(":")[0] if target.count(":") == 1 else target
    one = visit.ins[0] if visit.ins else None
    for came, answered in flows if one else ():
        for this, other in ((came, answered), (answered, came)):
            if one and (this.get("src"), this.get("dst")) == (one.source, one.to):
                return other.get("src", "")
    return ""


def _master(node: str, device: str) -> str:
    words = output(
        ["nsenter", f"--net={file_of(node)}", "ip", "-o", "link", "show", "dev", device]
    ).split()
    return words[words.index("master") + 1] if "master" in words else ""
