"""Firewall marks: the chains that set them on packets and connections, and what an uplink is made of besides.

Of connections the first packet is looked at. Connection tracking keeps the mark, and every packet gets it back before a
route is looked up: what comes in PREROUTING, the node's own in OUTPUT. Rules for packets come last, and may change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsgen.language.marks import OWN, Marking, marking_versions
from nsgen.language.policy import ALL_BITS, Mark
from nsgen.ops import AddPolicy, AddRoute, Chain, ForgetUdp, Jump, Match, Rule, RuleTarget
from nsgen.plan import why_marks as why
from nsgen.plan.dispatch import Line
from nsgen.plan.routes import policy_words, route_words
from nsgen.plan.steps import Step, device_sysctl, unless_asked
from nsgen.topology.model import Node, Topology
from nsgen.topology.needs import VALID_MARK, checked_by_mark

BUILTIN = {"MARK": "PREROUTING", "OWN": "OUTPUT"}
Place = tuple[str, str | int]  # a key of the node, and the item there
NEW = ("-m", "conntrack", "--ctstate", "NEW")


def chains(topology: Topology, node: Node, version: int) -> tuple[Chain, ...]:
    """The chains of one node, for one IP version."""
    found = []
    for role in BUILTIN:
        name = f"NSGEN-{topology.name}-{role}"
        rules = tuple(
            Rule(node.name, version, "mangle", name, match, verdict, reason)
            for _, (reason, match, verdict) in _lines(node, version, role)
        )
        if rules:
            found.append(Chain(node.name, version, "mangle", name, rules, role))
    return tuple(found)


def jumps(topology: Topology, made: Iterable[Chain]) -> Iterator[Jump]:
    """How the built-in chains of a node lead there: first, as another program may end the chain."""
    for chain in made:
        if chain.role in BUILTIN:
            yield Jump(
                *(chain.node, chain.version, "mangle", BUILTIN[chain.role], "first", Match()),
                *(topology.name, chain.name),
            )


def asking(node: Node, chain: Chain) -> list[Place]:
    """For each rule of a chain, the key of the node and the item there that ask for it."""
    return [place for place, _ in _lines(node, chain.version, chain.role)]


def _lines(node: Node, version: int, role: str) -> Iterator[tuple[Place, Line]]:
    written: list[tuple[Place, Marking]]
    written = [(("marks", index), entry) for index, entry in enumerate(node.marks)]
    entries = [(place, e) for place, e in written if version in marking_versions(e)]
    uplinks: list[tuple[Place, Marking]]
    uplinks = [(("uplinks", u.device), u.marking) for u in node.uplinks if u.version == version]
    of_connections = [(place, e) for place, e in (*uplinks, *entries) if e.connection]
    for place, entry in of_connections:
        if _is_for(entry, role):
            verdict = _set("CONNMARK", entry.set)
            reason = why.MARK_UPLINK if place[0] == "uplinks" else why.MARK_CONNECTION
            yield place, (reason, _match(entry)._replace(more=NEW), verdict)
    for mask in dict.fromkeys(entry.set.mask for _, entry in of_connections):
        place = next(place for place, entry in of_connections if entry.set.mask == mask)
        reason = why.MARK_OWN if role == "OWN" else why.MARK_RESTORE
        yield place, (reason, Match(more=_marked(mask)), _restore(mask))
    for place, entry in entries:
        if not entry.connection and _is_for(entry, role):
            yield place, (why.MARK_PACKETS, _match(entry), _set("MARK", entry.set))


def _is_for(entry: Marking, role: str) -> bool:
    """Whether it is for what comes in, or for what the node itself sends; without a device it is for both."""
    return entry.in_ is None or (entry.in_ == OWN) == (role == "OWN")


def _match(entry: Marking) -> Match:
    into = "" if entry.in_ in (None, OWN) else entry.in_ or ""
    return Match(
        src=entry.from_,
        dst=entry.to,
        into=into,
        proto=entry.l4,
        dport=entry.dport,
        sport=entry.sport,
    )


def _set(target: str, mark: Mark) -> RuleTarget:
    return RuleTarget(target, ("--set-xmark", f"{mark.value:#x}/{mark.mask:#x}"))


def _marked(mask: int) -> tuple[str, ...]:
    bits = "" if mask == ALL_BITS else f"/{mask:#x}"
    return ("-m", "connmark", "!", "--mark", f"0x0{bits}")


def _restore(mask: int) -> RuleTarget:
    bits = f"{mask:#x}"
    return RuleTarget("CONNMARK", ("--restore-mark", "--nfmask", bits, "--ctmask", bits))


def forgotten(node: Node, version: int) -> Iterator[ForgetUdp]:
    """The UDP flows that an entry is for: until they are forgotten they have the mark that they had before."""
    for entry in (e for e in node.marks if e.connection and version in marking_versions(e)):
        if entry.l4 in ("", "udp"):
            yield ForgetUdp(node.name, version, entry.dport, entry.from_, entry.to)


def uplinks(node: Node) -> Step:
    """The table of each uplink, and the rules that lead there."""
    routes = [AddRoute(node.name, route_words(u.route)) for u in node.uplinks]
    rules = [
        AddPolicy(node.name, uplink.version, policy_words(policy))
        for uplink in node.uplinks
        for policy in uplink.policies
    ]
    return Step(why.UPLINKS, (*routes, *rules))


def valid(node: Node) -> Step:
    """The parameters by which the mark of a packet counts where its source is checked."""
    devices = checked_by_mark(node)
    ops = [device_sysctl(4, device, VALID_MARK, "1", node.name) for device in devices]
    return Step(why.VALID_MARK, unless_asked(node, ops))
