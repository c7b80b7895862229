"""What a node rewrites by itself, or gives to a proxy of its own: its `nat`, as chains and the jumps there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsgen.language.routing import Nat
from nsgen.ops import (
    ACCEPT,
    HOST,
    MASQUERADE,
    Chain,
    ForgetUdp,
    Jump,
    Match,
    Rule,
    RulePosition,
    RuleTarget,
    Table,
)
from nsgen.plan import why
from nsgen.plan.dispatch import Line
from nsgen.plan.nat import LOCAL, LOOPBACKS, to_destination
from nsgen.plan.steps import Step
from nsgen.topology.model import Node, Topology

Entry = tuple[int, Nat]  # an entry of `nat`, and its place there


def section_of(topology: Topology) -> tuple[str, Iterator[Step], str]:
    """What the section of the chains in namespaces is called, its steps, and what it is about."""
    translate = [namespace for namespace in topology.namespaces if namespace.nats]
    if not [namespace for namespace in topology.namespaces if marking(namespace)]:
        return "Address translation", steps(topology), why.TRANSLATION
    from nsgen.plan import why_marks  # few topologies need it

    if not translate:
        return "Marks", steps(topology), why_marks.MARKS
    reasons = f"{why.TRANSLATION}\n{why_marks.MARKS}"
    return "Address translation and marks", steps(topology), reasons


def marking(node: Node) -> bool:
    """Whether a node sets marks."""
    return bool(node.marks or node.uplinks)


def steps(topology: Topology) -> Iterator[Step]:
    """The chains of every namespace that rewrites addresses or sets marks, and the jumps there; not the host's."""
    reason = why.UDP
    for node in topology.namespaces:
        if not (node.nats or node.marks or node.uplinks):
            continue
        for version in (4, 6):
            chains = own_chains(topology, node, version)
            yield Step(f"{node.name}, IPv{version}" if chains else "", chains)
            yield Step("", tuple(own_jumps(topology, chains)))
            flows = tuple(forgotten(topology, node, version))
            yield Step(reason, flows)
            reason = "" if flows else reason


def own_chains(topology: Topology, node: Node, version: int) -> tuple[Chain, ...]:
    """The chains of one node that are not about networks: those of marks, and of its `nat`."""
    translating = node_chains(topology, node, version)
    if not marking(node):
        return translating
    from nsgen.plan import marks  # few topologies need it

    return (*marks.chains(topology, node, version), *translating)


def own_jumps(topology: Topology, chains: tuple[Chain, ...]) -> Iterator[Jump]:
    """How the built-in chains of a node lead there."""
    if [chain for chain in chains if chain.table == "mangle"]:
        from nsgen.plan import marks

        yield from marks.jumps(topology, chains)
    yield from node_jumps(topology, chains)


def forgotten(topology: Topology, node: Node, version: int) -> Iterator[ForgetUdp]:
    """The UDP flows that an entry is for, or was: until they are forgotten they go the way that they went before."""
    for _, nat in _of_version(topology, node, version):
        if nat.l4 in ("", "udp") and nat.tproxy is None:  # which changes no address
            yield ForgetUdp(node.name, version, nat.port, nat.from_, nat.to)
    if marking(node):
        from nsgen.plan import marks

        yield from marks.forgotten(node, version)


def ways_out(node: Node) -> Iterator[Step]:
    """The tables of a node's uplinks, and the rules that lead there."""
    if node.uplinks:
        from nsgen.plan import marks  # few need it

        yield marks.uplinks(node)


def counted_marks(node: Node) -> Iterator[Step]:
    """The parameters by which marks count where the source of a packet is checked."""
    if node.uplinks or node.marks:
        from nsgen.plan import marks  # few need it

        yield marks.valid(node)


def _of_version(topology: Topology, node: Node, version: int) -> list[Entry]:
    """The entries that are for an IP version: that of the addresses in it, else those of the device."""
    return [
        (index, nat)
        for index, nat in enumerate(node.nats)
        if version in _versions(topology, node, nat)
    ]


def _versions(topology: Topology, node: Node, nat: Nat) -> tuple[int, ...]:
    if nat.proxied:
        from nsgen.topology.proxied import families  # few need it

        return families(topology, node, nat)
    for address in nat.targets:
        return (address.version,)
    if nat.from_ is not None:
        return (nat.from_.version,)
    devices = [i for i in node.wired if i.name == nat.masquerade]
    found = {address.version for device in devices for address in device.addresses}
    return tuple(sorted(found)) or (4,)


def node_chains(topology: Topology, node: Node, version: int) -> tuple[Chain, ...]:
    """The chains of one node, for one IP version."""
    return tuple(chain for chain, _ in written(topology, node, version))


def written(
    topology: Topology, node: Node, version: int
) -> Iterator[tuple[Chain, tuple[int, ...]]]:
    """The chains of one node, each with the place in `nat` that each of its rules comes from.

    Where there is an entry for what the node sends itself alone, OUTPUT has a chain of its own, in the same order.
    """
    if not node.nats:
        return
    entries = _of_version(topology, node, version)
    into = [(index, nat) for index, nat in entries if nat.into and nat.tproxy is None]
    parts = Parts(topology, node, version)
    parts.put("mangle", "TPROXY", [(i, nat) for i, nat in entries if nat.tproxy is not None])
    parts.put("nat", "DNAT", [(i, nat) for i, nat in into if not nat.of_own])
    if any(nat.of_own for _, nat in into):
        parts.put("nat", "LOCAL", [(i, nat) for i, nat in into if nat.in_ in (None, "lo")])
    parts.put("nat", "SNAT", [(i, nat) for i, nat in entries if not nat.into])
    yield from parts.chains()


class Parts:
    """The lines of a node's chains, by the ends of their names, each line with the place of its entry."""

    def __init__(self, topology: Topology, node: Node, version: int) -> None:
        """Take over whose they are."""
        self.topology, self.node, self.version = topology, node, version
        self.found: dict[str, tuple[Table, str, list[tuple[int, Line]]]] = {}

    def put(self, table: Table, role: str, entries: Iterable[Entry]) -> None:
        """Add a chain that a built-in one leads to, behind those that it leads to itself."""
        own: list[tuple[int, Line]] = []
        for index, nat in entries:
            if nat.proxied:
                self._proxied(table, index, nat, own)
            else:
                own += [
                    (index, line)
                    for line in ([_into(nat)] if nat.into else _out(nat, self.version))
                ]
        if own:
            self.found[role] = (table, role, own)

    def _proxied(self, table: Table, index: int, nat: Nat, own: list[tuple[int, Line]]) -> None:
        from nsgen.plan import proxied  # few need it

        if nat.tproxy is not None and not own:
            protocols = [n.l4 for _, n in self._entries() if n.tproxy is not None]
            known = proxied.known(list(dict.fromkeys(protocols)), self.name("DIVERT"))
            own += [(index, line) for line in known]
            self.found["DIVERT"] = (table, "", [(index, line) for line in proxied.DIVERT])
        name = f"P{index}"
        first, *rest = proxied.lines(self.topology, self.node, self.version, nat, self.name(name))
        own += [(index, line) for line in first]
        for inner in rest:
            self.found[name] = (table, "", [(index, line) for line in inner])

    def _entries(self) -> list[Entry]:
        return _of_version(self.topology, self.node, self.version)

    def name(self, end: str) -> str:
        """A chain's name."""
        return f"NSGEN-{self.topology.name}-{end}"

    def chains(self) -> Iterator[tuple[Chain, tuple[int, ...]]]:
        """The chains, with the places of their rules' entries."""
        for end, (table, role, lines) in self.found.items():
            where = (self.node.name, self.version, table, self.name(end))
            rules = tuple(
                Rule(*where, match, verdict, reason) for _, (reason, match, verdict) in lines
            )
            yield Chain(*where, rules, role), tuple(index for index, _ in lines)


def _into(nat: Nat) -> Line:
    """By the port alone it would take connections to anybody's port: it is for one address, or the node's own."""
    match = Match(
        src=nat.from_,
        dst=nat.to,
        into="" if nat.of_own else nat.in_ or "",
        proto=nat.l4,
        dport=nat.port,
        more=() if nat.to is not None else LOCAL,
    )
    return why.NAT_INTO, match, to_destination(str(nat.dnat))


def _out(nat: Nat, version: int) -> Iterator[Line]:
    """What leaves: with the address of the device, or with one that is given; ahead of that, where it keeps its own."""
    match = Match(src=nat.from_, out=nat.masquerade or nat.out or "", proto=nat.l4)
    for network in nat.except_:
        if network.version == version:
            yield why.NAT_KEPT, match._replace(dst=network), ACCEPT
    if nat.snat is None:
        yield why.NAT_MASQUERADE, match, MASQUERADE
    else:
        yield why.NAT_OUT, match, RuleTarget("SNAT", ("--to-source", str(nat.snat)))


BUILTIN = {
    "TPROXY": ("PREROUTING",),
    "DNAT": ("PREROUTING", "OUTPUT"),
    "LOCAL": ("OUTPUT",),
    "SNAT": ("POSTROUTING",),
}


def node_jumps(topology: Topology, made: Iterable[Chain]) -> Iterator[Jump]:
    """How the built-in chains of a node lead to its own: last, so that what others have decided stands.

    But a source that is written comes before the masquerading of a network, which is more general. And of what the node
    sends, connections to itself by its loopback stay there: the kernel has no way out for them.
    """
    chains = tuple(made)
    apart = any(chain.role == "LOCAL" for chain in chains)
    for chain in chains:
        place: RulePosition = "first" if chain.node == HOST and chain.role == "SNAT" else "last"
        for builtin in BUILTIN.get(chain.role, ()):
            if builtin == "OUTPUT" and chain.role == "DNAT" and apart:
                continue
            match = Match(not_dst=LOOPBACKS[chain.version]) if builtin == "OUTPUT" else Match()
            yield Jump(
                *(chain.node, chain.version, chain.table, builtin, place, match),
                *(topology.name, chain.name),
            )
