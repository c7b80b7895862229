"""Who reaches whom, told from the topology alone: where a ping goes, and where its answer goes.

What cannot be told, because commands of the topology's own or others on the network decide it, is unknown and never
claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from nsgen.crossing import Crossing
from nsgen.fib import MAIN, Entry, Tables
from nsgen.links.kind import Interface as Written
from nsgen.links.tunnel import Ipip, Sit
from nsgen.links.wireguard import Peer, Wireguard
from nsgen.needs import FORWARD
from nsgen.routing import Nat, Policy
from nsgen.segments import HOST, Carrier, Device, Segments, place
from nsgen.steps import sysctl_key
from nsgen.topology import Node, Topology
from nsgen.values import IPAddress

Status = Literal["ok", "unknown", "apart", "broken"]
Mend = Literal["routes", "forwarding", "nat", "interfaces"]
HOPS = 64  # the TTL that Linux gives, ip-sysctl: ip_default_ttl


@dataclass(frozen=True)
class Verdict:
    """What comes of a question: `reason` says why there is no answer, with ``{to}`` for what is not found.

    `node` is where its way ends, and `mend` what is to be mended there. `back`: it is the answer that is lost, on its
    way from `answers` to `asked_from`.
    """

    status: Status
    node: str = ""
    reason: str = ""
    mend: Mend = "routes"
    to: str = ""
    back: bool = False
    answers: str = ""
    asked_from: str = ""

    @property
    def text(self) -> str:
        """The reason, of one address."""
        if not self.back:
            return self.reason.format(to=self.to)
        inner = self.reason.format(to="it")
        return f"{self.answers} has no way back to {self.asked_from}: {inner}"


class State(NamedTuple):
    """A packet at a node: `came` is the device by which it came, or empty, and `domain` the table of its VRF, or 0."""

    node: str
    came: str
    domain: int
    src: IPAddress | None
    dst: IPAddress
    back: bool


Hop = tuple[str, str, str]  # a node, the device by which it gets a packet, the one by which it sends it
Change = tuple[str, IPAddress, IPAddress]  # where an address was put in place of another: the new, the old


class Trail(NamedTuple):
    """The hops of a way from here on."""

    hop: Hop
    rest: Trail | None


class Outcome(NamedTuple):
    """How a way ends: a verdict, or, with its status "ok", the state in which it arrived."""

    verdict: Verdict
    state: State
    trail: Trail | None
    changes: tuple[Change, ...]
    hops: int


class Step(NamedTuple):
    """One hop further."""

    state: State
    hop: Hop
    changes: tuple[Change, ...]


OK = Verdict("ok")
UNKNOWN = Verdict("unknown")
APART = Verdict("apart")


class Reach:
    """The ways of a topology; every way that was found once is known."""

    def __init__(self, topology: Topology) -> None:
        """Find the segments and tables."""
        self.topology = topology
        self.segments = Segments(topology)
        self.tables = Tables(topology, self.segments)
        self._nodes = {node.name: node for node in topology.nodes}
        self._crossing = Crossing(topology)
        self._by_source = bool(topology.bridges) or any(
            n.policies or n.nats or any(isinstance(i.written, Wireguard) for i in n.interfaces)
            for n in topology.nodes
        )
        self._known: dict[State, Outcome] = {}
        self._verdicts: dict[tuple[str, IPAddress], Verdict] = {}
        self._asking: set[tuple[str, IPAddress]] = set()
        self._forwards = {
            (n.name, v): _forwards(n, v) for n in topology.namespaces for v in (4, 6)
        }

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
            return OK
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
        answer = State(arrived.node, "", arrived.domain, arrived.dst, src, back=True)
        home = self._walk(answer, {(node, new): old for node, new, old in there.changes})
        if home.verdict.status != "ok":
            return replace(
                home.verdict, back=True, answers=arrived.node, asked_from=str(src), to=str(to)
            )
        same = home.state.node == asker and home.state.domain == 0
        silent = any("icmp" in key for key in self._nodes[arrived.node].sysctls)
        return OK if same and not silent and _alike(there, home) else UNKNOWN

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
        if end.hops >= HOPS and end.verdict.status == "ok":
            far = Verdict("broken", end.state.node, f"{{to}} is {end.hops} hops away", to=str(state.dst))
            return end._replace(verdict=far)
        return end

    def _step(
        self, state: State, back: Mapping[tuple[str, IPAddress], IPAddress]
    ) -> Verdict | Step:
        node = self._nodes[state.node]
        if node.execs:
            return UNKNOWN  # they may change anything
        changes: list[Change] = []
        if state.back:
            state = state._replace(dst=back.get((state.node, state.dst), state.dst))
        elif node.nats:
            state = self._into(node, state, changes)
        if self._owns(state):
            return OK if not changes else UNKNOWN
        forwards = self._forwards.get((state.node, state.dst.version), True)
        if state.came and forwards is not True:
            return UNKNOWN if forwards is None else _does_not_forward(state.node)
        entry = self._route(state)
        if isinstance(entry, Verdict):
            return entry
        out = self.tables.device_to(state.node, state.domain or MAIN, entry)
        if not out or entry.ways > 1:
            return UNKNOWN
        if state.node == HOST and state.came:
            passing = self._crossing.passes(state.came, out, state.src or state.dst, back=state.back)
            if passing != "passes":
                stays = _does_not_forward(HOST)
                return stays if passing == "stays" else Verdict(passing)
        there = self._neighbour(state, out, entry.via or state.dst)
        if isinstance(there, Verdict):
            return there
        if not state.back:
            state = self._out(node, state, out, changes)
        further = State(there.node, there.name, there.domain, state.src, state.dst, state.back)
        return Step(further, (state.node, state.came, out), tuple(changes))

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
                fits = self._fits(policy, state)
                if fits is None:
                    return UNKNOWN
                entry = self.tables.lookup(node, policy.table, dst) if fits else None
                if entry is not None:
                    break
            entry = entry or self.tables.lookup(node, MAIN, dst)
        if entry is None:
            return self._lost(state, f"{_named(node)} has no route to {{to}}")
        if entry.type == "unicast":
            return entry
        article = "a" if entry.type == "prohibit" else "an"
        kind = "a blackhole" if entry.type == "blackhole" else f"{article} {entry.type} route"
        return self._lost(state, f"{kind} at {_named(node)} for {entry.network}")

    def _lost(self, state: State, text: str) -> Verdict:
        """There is no way on, unless a command, a routing daemon or a VRF has one."""
        node = self._nodes[state.node]
        vrfs = any(d.domain for d in self.tables.devices(state.node)) and not state.domain
        if node.execs or node.services or (vrfs and not state.came):
            return UNKNOWN
        return Verdict("broken", state.node, text, to=str(state.dst))

    @staticmethod
    def _fits(policy: Policy, state: State) -> bool | None:
        """Whether a rule is for a packet; None where it depends on how its sender sends it."""
        if policy.to is not None and state.dst not in policy.to:
            return False
        if policy.oif is not None and not state.came:
            return None
        if policy.mark is not None or policy.oif is not None:
            return False
        if policy.iif is not None and policy.iif != (state.came or "lo"):
            return False
        if policy.from_ is None:
            return True
        if not state.came and not state.back:
            # A ping has no source yet when its route is looked up, and a TCP connection has.
            return None if state.src is None or state.src in policy.from_ else False
        return state.src is not None and state.src in policy.from_

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
        return self._address(state.node, out, entry.via or state.dst, state.dst) or UNKNOWN

    def _address(
        self, node: str, out: str, via: IPAddress, dst: IPAddress | None = None
    ) -> IPAddress | None:
        """The address of a device towards a neighbour; of a device without one, the node's only one, if it has one."""
        device = self.segments.at.get((node, out))
        own = [a for a in device.addresses if a.version == via.version] if device else []
        if own and via.version == 6 and dst is not None:  # RFC 6724, 5, rule 8
            return max(own, key=lambda a: _shared_bits(a.ip, dst)).ip
        near = next((a.ip for a in own if via in a.network), None)
        if near is not None or own:
            return near or own[0].ip
        others = [a.ip for d in self.tables.devices(node) for a in d.addresses if a.version == via.version]
        return others[0] if len(others) == 1 else None

    # -- neighbours -----------------------------------------------------------------------------

    def _neighbour(self, state: State, out: str, via: IPAddress) -> Device | Verdict:
        """Who gets what is sent to an address by a device."""
        device = self.segments.at.get((state.node, out))
        if device is None or self.segments.is_unsure(device):
            return UNKNOWN
        if isinstance(device.written, Wireguard):
            return self._peer(device, device.written, state)
        if not _carries(device.written, via.version):
            return UNKNOWN
        for carrier in self.segments.carriers(device):
            outside = self.verdict(carrier.node, carrier.remote)
            if outside.status != "ok":
                return self._not_carried(device, carrier, outside)
        found = list(self.segments.near(device)) if device.pointed else self.segments.having(device, via)
        if len(found) == 1:
            return found[0]
        if found or via.is_link_local or self.segments.is_open(*device.spot):
            return UNKNOWN
        if device.pointed:
            text = f"the other end of {out} of {_named(state.node)} is not there"
            return Verdict("broken", state.node, text, "interfaces", to=str(state.dst))
        return self._lost(state, f"nobody on the link of {_named(state.node)} has {via}")

    def _not_carried(self, device: Device, carrier: Carrier, outside: Verdict) -> Verdict:
        """A tunnel that is not carried; of several in one segment, it is not told which one is needed."""
        ends = {c.node for c in self.segments.carriers(device)}
        if outside.status != "broken" or len(ends) > 2:
            return UNKNOWN
        text = f"{carrier.device} of {_named(carrier.node)} is not carried: {outside.text}"
        return Verdict("broken", outside.node, text, outside.mend)

    def _peer(self, device: Device, written: Wireguard, state: State) -> Device | Verdict:
        """The peer to which an address is allowed, and from which the other end takes the answer."""
        peer = allowed(written, state.dst)
        there = self.segments.at.get(place(peer)) if peer is not None else None
        if peer is None:
            text = f"no peer of {device.name} of {_named(device.node)} is allowed {{to}}"
            return Verdict("broken", device.node, text, "interfaces", to=str(state.dst))
        if there is None or not isinstance(there.written, Wireguard):
            return UNKNOWN
        mutual = next((p for p in there.written.peers if place(p) == device.spot), None)
        src = state.src
        if mutual is None or src is None or allowed(there.written, src) is not mutual:
            return UNKNOWN if src is None else Verdict(
                "broken", there.node, f"{there.name} of {_named(there.node)} takes nothing from {src}", "interfaces"
            )  # fmt: skip
        for end, towards, other in ((device, peer, there), (there, mutual, device)):
            if towards.endpoint is not None and not self._finds(end, towards, other):
                return UNKNOWN
        starts = peer.endpoint is not None or (mutual.endpoint and mutual.persistent_keepalive)
        return there if starts else UNKNOWN

    def _finds(self, end: Device, peer: Peer, other: Device) -> bool:
        """Whether an endpoint is where the other end listens, and is reached."""
        address, port = peer.outside, (peer.endpoint or "").rpartition(":")[2]
        own = any(d.node == other.node for d in self.segments.owners.get(address, ()))
        listens = getattr(other.written, "listen_port", None) == int(port)
        return own and listens and self.verdict(end.node, address).status == "ok"

    # -- address translation --------------------------------------------------------------------

    def _into(self, node: Node, state: State, changes: list[Change]) -> State:
        """Put another destination in place of one that the node translates."""
        for nat in node.nats:
            if nat.dnat is None or nat.dnat.address.version != state.dst.version or _of_ports(nat):
                continue
            meant = state.dst in nat.to if nat.to is not None else self._owns(state)
            if meant and nat.in_ in (None, state.came) and _from(nat, state):
                new = nat.dnat.address
                # The answer comes from there, and is given the old source where it passes: its way is the same.
                changes.append((node.name, new, state.dst))
                return state._replace(dst=new)
        return state

    def _out(self, node: Node, state: State, out: str, changes: list[Change]) -> State:
        """Put another source in place of one that the node translates."""
        new = self._new_source(node, state, out)
        if new is None or state.src is None or new == state.src:
            return state
        changes.append((node.name, new, state.src))
        return state._replace(src=new)

    def _new_source(self, node: Node, state: State, out: str) -> IPAddress | None:
        for nat in node.nats:
            if nat.dnat is not None or _of_ports(nat) or not _from(nat, state):
                continue
            if nat.masquerade == out:
                return self._address(node.name, out, state.dst)
            if nat.snat is not None and nat.snat.address.version == state.dst.version:
                if nat.out in (None, out):
                    return nat.snat.address
        if node.name == HOST and self._crossing.masquerades(out, state.src):
            return self._address(node.name, out, state.dst)
        return None


# -- parts ----------------------------------------------------------------------------------------


def _named(node: str) -> str:
    return "the host" if node == HOST else node


def _does_not_forward(node: str) -> Verdict:
    return Verdict("broken", node, f"{_named(node)} does not forward", "forwarding")


def _forwards(node: Node, version: int) -> bool | None:
    """Whether a namespace passes packets on; None where a parameter of single devices decides."""
    asked = {sysctl_key(key): value.strip() for key, value in node.sysctls.items()}
    if FORWARD[version] in asked:
        return asked[FORWARD[version]] == "1"
    family = f"net.ipv{version}.conf."
    if any(key.startswith(family) and key.endswith(".forwarding") for key in asked):
        return None
    return node.forwarding


def _of_ports(nat: Nat) -> bool:
    """Whether it is for connections, and not for a ping."""
    targets = (nat.snat, nat.dnat)
    return bool(nat.port or nat.protocol or any(t is not None and t.ports for t in targets))


def _from(nat: Nat, state: State) -> bool:
    return nat.from_ is None or (state.src is not None and state.src in nat.from_)


def _carries(written: Written, version: int) -> bool:
    """Whether a tunnel is for packets of an IP version."""
    return not ((isinstance(written, Ipip) and version == 6) or (isinstance(written, Sit) and version == 4))


def allowed(written: Wireguard, address: IPAddress) -> Peer | None:
    """The peer to which an address is allowed: by the longest prefix."""
    found = [
        (network.prefixlen, -index, peer)
        for index, peer in enumerate(written.peers)
        for network in peer.allowed_ips
        if address in network
    ]
    return max(found, key=lambda one: one[:2])[2] if found else None


def _shared_bits(one: IPAddress, other: IPAddress) -> int:
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


def _ins(outcome: Outcome) -> list[tuple[str, str]]:
    """By which devices a packet comes in on its way, and at its end."""
    found = [(node, came) for node, came, _ in _hops(outcome.trail)]
    return [*found[1:], (outcome.state.node, outcome.state.came)]


def _outs(outcome: Outcome) -> list[tuple[str, str]]:
    return [(node, out) for node, _, out in _hops(outcome.trail)]


def _hops(trail: Trail | None) -> Iterator[Hop]:
    while trail is not None:
        yield trail.hop
        trail = trail.rest


def _alike(there: Outcome, back: Outcome) -> bool:
    """Whether an answer goes the way that the question came, as rp_filter wants it, ip-sysctl."""
    return _ins(there)[::-1] == _outs(back) and _ins(back)[::-1] == _outs(there)
