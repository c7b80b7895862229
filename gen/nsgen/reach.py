"""Who reaches whom, told from the topology alone: where a ping goes, and where its answer goes.

What cannot be told, because commands of the topology's own or others on the network decide it, is unknown and never
claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nsgen.crossing import Crossing
from nsgen.fib import MAIN, Entry, Tables, fits
from nsgen.links.wireguard import Wireguard
from nsgen.needs import FORWARD
from nsgen.neighbours import Neighbours
from nsgen.rewriting import new_destination, new_source
from nsgen.segments import HOST, Segments
from nsgen.steps import sysctl_key
from nsgen.topology import Node, Topology
from nsgen.values import IPAddress
from nsgen.verdict import (
    OK,
    UNKNOWN,
    Change,
    Outcome,
    State,
    Step,
    Trail,
    Verdict,
    alike,
    does_not_forward,
    named,
)

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
            n.policies or n.nats or any(isinstance(i.written, Wireguard) for i in n.interfaces)
            for n in topology.nodes
        )
        self._known: dict[State, Outcome] = {}
        self._verdicts: dict[tuple[str, IPAddress], Verdict] = {}
        self._asking: set[tuple[str, IPAddress]] = set()
        self._forwards = {(n.name, v): _forwards(n, v) for n in topology.namespaces for v in (4, 6)}

    def verdict(self, asker: str, to: IPAddress) -> Verdict:
        """Whether a node gets an answer from an address."""
        key = asker, to
        if key in self._asking:
            return UNKNOWN  # a tunnel that carries itself
        if key not in self._verdicts:
            self._asking.add(key)
            self._verdicts[key] = self._ask(asker, to)
            self._asking.discard(key)
        return self._verdicts[key]

    def _ask(self, asker: str, to: IPAddress) -> Verdict:
        if asker not in self._nodes or to not in self.segments.owners:
            return UNKNOWN
        start = State(asker, "", 0, None, to, back=False)
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
        answer = State(arrived.node, "", arrived.domain, None, src, back=False)
        if self._by_source:  # else an answer is a packet like any other, whose way may be known
            answer = answer._replace(src=arrived.dst, back=True)
        home = self._walk(answer, {(node, new): old for node, new, old in there.changes})
        if home.verdict.status != "ok":
            return replace(
                home.verdict, back=True, answers=arrived.node, asked_from=str(src), to=str(to)
            )
        same = home.state.node == asker and home.state.domain == 0
        silent = any("icmp" in key for key in self._nodes[arrived.node].sysctls)
        sure = same and not silent and alike(there, home)
        return Verdict("ok", answers=arrived.node) if sure else UNKNOWN

    # -- the way --------------------------------------------------------------------------------

    def _walk(self, state: State, back: Mapping[tuple[str, IPAddress], IPAddress]) -> Outcome:
        """Follow a packet to its end; `back` is what is put in place of an answer's destination, and where."""
        known = {} if back else self._known
        steps: list[tuple[State, Step]] = []
        passed: set[State] = set()
        while state not in known:
            passed.add(state)
            step = self._step(state, back)
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

    def _step(
        self, state: State, back: Mapping[tuple[str, IPAddress], IPAddress]
    ) -> Verdict | Step:
        node = self._nodes[state.node]
        if node.execs:
            return UNKNOWN  # they may change anything
        changes: list[Change] = []
        state = self._into(node, state, back, changes)
        if self._owns(state):
            return OK if not changes else UNKNOWN
        forwards = self._forwards.get((state.node, state.dst.version), True)
        if state.came and forwards is not True:
            return UNKNOWN if forwards is None else does_not_forward(state.node)
        entry = self._route(state)
        if isinstance(entry, Verdict):
            return entry
        out = self.tables.device_to(state.node, state.domain or MAIN, entry)
        stopped = self._stopped(state, out) if out and entry.ways == 1 else UNKNOWN
        if stopped is not None:
            return stopped
        via = entry.via or state.dst
        there = self._neighbours.of(state, out, via)
        if isinstance(there, Verdict):
            lost = there.status == "broken" and there.node == state.node and there.mend == "routes"
            return self._lost(state, there.reason) if lost else there
        if not state.back:
            state = self._out(node, state, out, via, changes)
        further = State(there.node, there.name, there.domain, state.src, state.dst, state.back)
        return Step(further, (state.node, state.came, out), tuple(changes))

    def _stopped(self, state: State, out: str) -> Verdict | None:
        """Whether the host's rules and parameters let it pass on a packet."""
        if state.node != HOST or not state.came:
            return None
        passing = self._crossing.passes(state.came, out, state.src or state.dst, back=state.back)
        if passing == "stays":
            return does_not_forward(HOST)
        return None if passing == "passes" else Verdict(passing)

    def _into(
        self,
        node: Node,
        state: State,
        back: Mapping[tuple[str, IPAddress], IPAddress],
        changes: list[Change],
    ) -> State:
        """Put another destination in place of one that the node translates; of an answer, what was there before."""
        if state.back:
            return state._replace(dst=back.get((state.node, state.dst), state.dst))
        new = new_destination(node, state, own=self._owns(state)) if node.nats else None
        if new is None:
            return state
        changes.append((node.name, new, state.dst))
        return state._replace(dst=new)

    def _owns(self, state: State) -> bool:
        """Whether the packet is for the node itself."""
        return any(
            d.node == state.node and d.domain == state.domain
            for d in self.segments.owners.get(state.dst, ())
        )

    # -- routes ---------------------------------------------------------------------------------

    def _route(self, state: State) -> Entry | Verdict:
        """The route that a packet takes."""
        node, dst = state.node, state.dst
        policies = self.tables.policies(node, dst.version)
        entry = None
        if state.domain:
            if policies:
                return UNKNOWN
            entry = self.tables.lookup(node, state.domain, dst)
        else:
            for policy in policies:
                fit = fits(policy, state)
                if fit is None:
                    return UNKNOWN
                entry = self.tables.lookup(node, policy.table, dst) if fit else None
                if entry is not None:
                    break
            entry = entry or self.tables.lookup(node, MAIN, dst)
        if entry is None:
            return self._lost(state, f"{named(node)} has no route to {{to}}")
        if entry.type == "unicast":
            return entry
        article = "a" if entry.type == "prohibit" else "an"
        kind = "a blackhole" if entry.type == "blackhole" else f"{article} {entry.type} route"
        return self._lost(state, f"{kind} at {named(node)} for {entry.network}")

    def _lost(self, state: State, text: str) -> Verdict:
        """There is no way on, unless a command, a routing daemon or a VRF has one."""
        node = self._nodes[state.node]
        vrfs = any(d.domain for d in self.tables.devices(state.node)) and not state.domain
        if node.execs or node.services or (vrfs and not state.came):
            return UNKNOWN
        return Verdict("broken", state.node, text, to=str(state.dst))

    def _source(self, state: State) -> IPAddress | Verdict:
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
        self, node: Node, state: State, out: str, via: IPAddress, changes: list[Change]
    ) -> State:
        """Put another source in place of one that the node, or a network of the host, translates."""
        own = self.tables.address(node.name, out, via)
        new = new_source(node, state, out, own)
        if new is None and node.name == HOST and self._crossing.masquerades(out, state.src):
            new = own
        if new is None or state.src is None or new == state.src:
            return state
        changes.append((node.name, new, state.src))
        return state._replace(src=new)


def _forwards(node: Node, version: int) -> bool | None:
    """Whether a namespace passes packets on; None where a parameter of single devices decides."""
    asked = {sysctl_key(key): value.strip() for key, value in node.sysctls.items()}
    if FORWARD[version] in asked:
        return asked[FORWARD[version]] == "1"
    family = f"net.ipv{version}.conf."
    if any(key.startswith(family) and key.endswith(".forwarding") for key in asked):
        return None
    return node.forwarding
