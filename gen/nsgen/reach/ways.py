"""Who reaches whom, told from the topology alone: where a ping goes, and where its answer goes.

What cannot be told, because commands of the topology's own or others on the network decide it, is unknown and never
claimed.
"""

from __future__ import annotations

from dataclasses import replace

from nsgen.language.kinds.wiring import Peered
from nsgen.language.routing import MAIN
from nsgen.reach.device import Device
from nsgen.reach.host import Crossing
from nsgen.reach.marks import Came, mark_of
from nsgen.reach.nat import new_destination, new_source
from nsgen.reach.neighbours import Neighbours
from nsgen.reach.segments import Segments
from nsgen.reach.tables import Entry, Tables, found
from nsgen.reach.verdict import (
    OK,
    UNKNOWN,
    AtNode,
    Back,
    Change,
    Move,
    Outcome,
    Trail,
    Verdict,
    alike,
    came_by,
    does_not_forward,
)
from nsgen.topology.model import Node, Topology
from nsgen.topology.needs import asked_to_forward
from nsgen.values import HOST, IPAddress
from nsgen.words import named

HOPS = 64  # the TTL that Linux gives, ip-sysctl: ip_default_ttl


class Reach:
    """The ways of a topology; every way that was found once is known."""

    def __init__(self, topology: Topology) -> None:
        """Find the segments and tables."""
        self.topology = topology
        self.segments = Segments(topology)
        self.tables = Tables(topology, self.segments)
        self._nodes = {node.name: node for node in topology.nodes}
        self._crossing = Crossing(topology)
        self._neighbours = Neighbours(self.segments, self.verdict)
        self._by_source = bool(topology.bridges) or any(
            n.policies
            or n.nats
            or n.marks
            or n.uplinks
            or any(isinstance(i.written.wiring, Peered) for i in n.interfaces)
            for n in topology.nodes
        )
        self._marks = any(n.marks or n.uplinks for n in topology.nodes)
        self._known: dict[AtNode, Outcome] = {}
        self._verdicts: dict[tuple[str, IPAddress], Verdict] = {}
        self._asking: set[tuple[str, IPAddress]] = set()
        self._joined = topology.shared - {HOST}
        self._forwards = {
            (n.name, v): asked_to_forward(n, v) for n in topology.namespaces for v in (4, 6)
        }

    def verdict(self, asker: str, to: IPAddress) -> Verdict:
        """Whether a node gets an answer from an address."""
        key = asker, to
        if key in self._asking:
            return UNKNOWN  # a tunnel that carries itself
        if key not in self._verdicts:
            self._asking.add(key)
            found = self._ask(asker, to)
            # One that somebody else made may have ways of its own.
            lost = found.status == "broken" and found.node in self._joined
            self._verdicts[key] = UNKNOWN if lost else found
            self._asking.discard(key)
        return self._verdicts[key]

    def _ask(self, asker: str, to: IPAddress) -> Verdict:
        if asker not in self._nodes or to not in self.segments.owners:
            return UNKNOWN
        if to.version == 6 and to.is_link_local:
            return UNKNOWN  # it is on every link
        start = AtNode(asker, "", 0, None, to, back=False)
        if self._owns(start):
            return Verdict("ok", answers=asker)
        source = self._source(start)
        if isinstance(source, Verdict):
            return source
        if self._by_source:
            start = start._replace(src=source)
        there = self._walk(start, {})
        if there.verdict.status != "ok":
            return there.verdict
        arrived = there.state
        src = arrived.src or source
        answer = AtNode(arrived.node, "", arrived.domain, None, src, back=False)
        if self._by_source:  # else an answer is a packet like any other, whose way may be known
            answer = answer._replace(src=arrived.dst, back=True)
        asked = came_by(there) if self._marks else {}
        home = self._walk(answer, {(node, new): old for node, new, old in there.changes}, asked)
        if home.verdict.status == "unknown":
            return UNKNOWN
        if home.verdict.status != "ok":
            return replace(
                home.verdict, back=True, answers=arrived.node, asked_from=str(src), to=str(to)
            )
        same = home.state.node == asker and home.state.domain == 0
        silent = any("icmp" in key for key in self._nodes[arrived.node].sysctls)
        sure = same and not silent and alike(there, home)
        return Verdict("ok", answers=arrived.node) if sure else UNKNOWN

    def way(self, asker: str, to: IPAddress) -> Trail | None:
        """The way of a question, as far as it is known."""
        start = AtNode(asker, "", 0, None, to, back=False)
        if asker not in self._nodes or to not in self.segments.owners or self._owns(start):
            return None
        source = self.source(asker, to)
        return None if source is None else self.onward(asker, "", source, to).trail

    def source(self, asker: str, to: IPAddress) -> IPAddress | None:
        """The address from which a node asks an address, be it anybody's; None where that cannot be told."""
        found = self._source(AtNode(asker, "", 0, None, to, back=False))
        return None if isinstance(found, Verdict) else found

    def onward(self, node: str, came: str, src: IPAddress, to: IPAddress) -> Outcome:
        """How far a question goes from a node on, to which it `came` by a device, or by none: it is its own."""
        return self._walk(AtNode(node, came, 0, src, to, back=False), {})

    # -- the way --------------------------------------------------------------------------------

    def _walk(self, state: AtNode, back: Back, asked: Came | None = None) -> Outcome:
        """Follow a packet to its end.

        `back` is what is put in place of an answer's destination, and where; `asked`, how its question came.
        """
        known = {} if back or asked else self._known
        steps: list[tuple[AtNode, Move]] = []
        passed: set[AtNode] = set()
        while state not in known:
            passed.add(state)
            step = self._step(state, back, asked or {})
            if isinstance(step, Verdict):
                known[state] = Outcome(step, state, None, (), 0)
                break
            steps.append((state, step))
            if step.state in passed:
                names = dict.fromkeys((state.node, step.state.node))
                text = f"{{to}} loops between {' and '.join(names)}"
                verdict = Verdict("broken", state.node, text, to=str(state.dst))
                known[step.state] = Outcome(verdict, step.state, None, (), 0)
            state = step.state
        end = known[state]
        for earlier, step in reversed(steps):
            changes = (*step.changes, *end.changes)
            end = Outcome(end.verdict, end.state, Trail(step.hop, end.trail), changes, end.hops + 1)
            known[earlier] = end
        if end.hops > HOPS and end.verdict.status == "ok":
            far = Verdict(
                "broken", end.state.node, f"{{to}} is {end.hops} hops away", to=str(state.dst)
            )
            return end._replace(verdict=far)
        return end

    def _step(self, state: AtNode, back: Back, asked: Came) -> Verdict | Move:
        node = self._nodes[state.node]
        if node.execs:
            return UNKNOWN  # they may change anything
        changes: list[Change] = []
        state = self._into(node, state, back, changes)
        if self._owns(state):
            return OK if not changes else UNKNOWN
        if state.came and self._owns_elsewhere(state):
            return UNKNOWN
        forwards = self._forwards.get((state.node, state.dst.version), True)
        if state.came and forwards is not True:
            return UNKNOWN if forwards is None else does_not_forward(state.node)
        mark = mark_of(node, state, asked, translated=bool(changes)) if self._marks else 0
        entry = self._route(state, mark)
        if isinstance(entry, Verdict):
            return entry
        out = self.tables.device_to(state.node, state.domain or MAIN, entry)
        stopped = self._stopped(state, out, changes) if out and entry.ways == 1 else UNKNOWN
        if stopped is not None:
            return stopped
        via = entry.via or state.dst
        there = self._neighbours.of(state, out, via)
        if isinstance(there, Verdict):
            lost = there.status == "broken" and there.node == state.node and there.mend == "routes"
            return self._lost(state, there.reason) if lost else there
        if there.answers_for(via) and not self._leads_on(there, via):
            return UNKNOWN
        if not state.back:
            state = self._out(node, state, out, via, changes)
        further = AtNode(there.node, there.name, there.domain, state.src, state.dst, state.back)
        return Move(further, (state.node, state.came, out), tuple(changes))

    def _stopped(self, state: AtNode, out: str, changes: list[Change]) -> Verdict | None:
        """Whether a packet goes from VRF to VRF, or the host's rules and parameters do not let it pass it on."""
        if self.segments.leaves_domain(state.node, out, state.domain):
            return UNKNOWN
        if state.node != HOST or not state.came:
            return None
        passing = self._crossing.passes(
            *(state.came, out, state.src or state.dst), back=state.back, translated=bool(changes)
        )
        if passing == "stays":
            return does_not_forward(HOST)
        return None if passing == "passes" else Verdict(passing)

    def _into(self, node: Node, state: AtNode, back: Back, changes: list[Change]) -> AtNode:
        """Put another destination in place of one that the node translates; of an answer, what was there before."""
        if state.back:
            return state._replace(dst=back.get((state.node, state.dst), state.dst))
        new = new_destination(node, state, own=self._owns(state)) if node.nats else None
        if new is None:
            return state
        changes.append((node.name, new, state.dst))
        return state._replace(dst=new)

    def _owns(self, state: AtNode) -> bool:
        """Whether the packet is for the node itself."""
        return any(
            d.node == state.node and d.domain == state.domain
            for d in self.segments.owners.get(state.dst, ())
        )

    def _leads_on(self, router: Device, address: IPAddress) -> bool:
        """Whether a router has a way to an address that it answers for, by another device: else it does not answer."""
        table = router.domain or MAIN
        entry = self.tables.lookup(router.node, table, address)
        out = self.tables.device_to(router.node, table, entry) if entry is not None else ""
        return out not in ("", router.name)

    def _owns_elsewhere(self, state: AtNode) -> bool:
        """Whether it is the node's own in another VRF, or outside of them: whether it is taken is not told."""
        return any(d.node == state.node for d in self.segments.owners.get(state.dst, ()))

    # -- routes ---------------------------------------------------------------------------------

    def _route(self, state: AtNode, mark: int | None = 0) -> Entry | Verdict:
        """The route that a packet takes; what the table local takes for the node is not told."""
        node, dst = state.node, state.dst
        entry = found(self.tables, state, mark)
        if isinstance(entry, Verdict):
            return entry
        if entry is None:
            return self._lost(state, f"{named(node)} has no route to {{to}}")
        if entry.type == "local" or (entry.via or dst).version != dst.version:
            return UNKNOWN
        if entry.type == "unicast":
            return entry
        article = "a" if entry.type == "prohibit" else "an"
        kind = "a blackhole" if entry.type == "blackhole" else f"{article} {entry.type} route"
        return self._lost(state, f"{kind} at {named(node)} for {entry.network}")

    def _lost(self, state: AtNode, text: str) -> Verdict:
        """There is no way on, unless a command, a routing daemon or a VRF has one."""
        node = self._nodes[state.node]
        vrfs = any(d.domain for d in self.tables.devices(state.node)) and not state.domain
        if node.execs or node.services or (vrfs and not state.came):
            return UNKNOWN
        return Verdict("broken", state.node, text, to=str(state.dst))

    def _source(self, state: AtNode) -> IPAddress | Verdict:
        """The address from which a node sends: that of the route, else one of the device that it leaves by."""
        for policy in self.tables.policies(state.node, state.dst.version):
            if policy.from_ is not None or policy.oif is not None:
                return UNKNOWN  # the choice of a route depends on the source, and that on the route
        entry = self._route(state)
        if isinstance(entry, Verdict):
            return entry
        if entry.src is not None and entry.src.version == 4:
            return entry.src
        out = self.tables.device_to(state.node, MAIN, entry)
        return self.tables.address(state.node, out, entry.via or state.dst, state.dst) or UNKNOWN

    # -- address translation --------------------------------------------------------------------

    def _out(
        self, node: Node, state: AtNode, out: str, via: IPAddress, changes: list[Change]
    ) -> AtNode:
        """Put another source in place of one that the node, or a network of the host, translates."""
        own = self.tables.address(node.name, out, via)
        new = new_source(node, state, out, own)
        if (
            new is None
            and node.name == HOST
            and self._crossing.masquerades(out, state.src, state.dst)
        ):
            new = own
        if new is None or state.src is None or new == state.src:
            return state
        changes.append((node.name, new, state.src))
        return state._replace(src=new)
