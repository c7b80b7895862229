"""Whose connections are interrupted by a change: by what is undone, even where something takes its place at once.

A line that is only added interrupts nothing. Rules are replaced as a whole, and connection tracking goes on; who is no
longer answered at all is told from what the topologies claim (:mod:`nsgen.change.reaches`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nsgen.change.compare import Change, Difference
from nsgen.change.things import End, Key, Things
from nsgen.ops import (
    AddAddress,
    AddNeighbour,
    ForgetUdp,
    Op,
    Rule,
    SetLink,
    SetNetem,
    SetSysctl,
    SetVlan,
    StartService,
    WireguardOp,
)
from nsgen.topology import needs
from nsgen.topology.model import Topology
from nsgen.topology.needs import FORWARD
from nsgen.values import HOST

HOW = {"rebuild": "rebuilt", "remove": "removed", "change": "changed", "add": "added"}
# What others notice when it goes from a device.
NOTICED = AddAddress | AddNeighbour | SetNetem | SetVlan | WireguardOp


@dataclass
class Interruption:
    """A node whose connections are interrupted, and by what; `passes`: those that it passes on, too."""

    node: str
    causes: list[str] = field(default_factory=list)
    passes: bool = False


def interrupted(change: Change) -> list[Interruption]:
    """The nodes of both topologies whose connections are interrupted, in their order."""
    found: dict[str, Interruption] = {}
    for one in change.differences:
        for node, cause, through in _by(change, one):
            entry = found.setdefault(node, Interruption(node))
            entry.causes += [cause] if cause not in entry.causes else []
            entry.passes |= through
    both = _names(change.old.topology) & _names(change.new.topology)
    order = [HOST, *(ns.name for ns in change.new.topology.namespaces)]
    return [found[node] for node in order if node in found and node in both]


def _names(topology: Topology) -> set[str]:
    return {HOST, *(ns.name for ns in topology.namespaces)}


Hit = tuple[str, str, bool]  # a node, the cause, and whether what it passes on is interrupted, too


def _by(change: Change, one: Difference) -> Iterator[Hit]:
    """Whom one difference interrupts."""
    node, noun, name = one.key
    cause = f"{noun} {name} is {HOW[one.action]}"
    if noun == "device":
        if one.action in ("rebuild", "remove") or _is_noticed(change, one):
            yield from ((hit, cause, through) for hit, through in _behind(change.old, (node, name)))
    elif noun in ("route", "policy rule") and one.gone:
        yield node, cause, _passes_on(change.old, node)
    elif noun == "parameter" and name in FORWARD.values():
        if any(isinstance(line.op, SetSysctl) and line.op.value != "0" for line in one.gone):
            yield node, cause, True
    elif noun == "service" and one.action in ("rebuild", "remove"):
        yield node, cause, False
        for line in one.gone:
            yield from ((hit, cause, False) for hit in _proxied(change.old.topology, line.op))
    elif noun == "rules" and node == HOST:
        yield from _forgotten(change, one)


def _forgotten(change: Change, one: Difference) -> Iterator[Hit]:
    """Whose UDP is translated anew."""
    ports = [line.op.ports for line in one.gone if isinstance(line.op, ForgetUdp)]
    for published in change.old.topology.publications:
        if published.protocol == "udp" and published.published in ports:
            cause = f"UDP port {published.published} is published otherwise, or no more"
            yield published.member.namespace, cause, False


def _is_noticed(change: Change, one: Difference) -> bool:
    """Whether something goes from a device that stays, and others notice."""
    if any(isinstance(line.op, NOTICED) for line in one.gone):
        return True
    sides = (change.old, change.new)
    masters = {side.master.get((one.key.node, one.key.name)) for side in sides}
    was_up, is_up = (_is_up(side, one.key) for side in sides)
    return len(masters) > 1 or (was_up and not is_up)


def _is_up(side: Things, key: Key) -> bool:
    """Whether a device is switched on."""
    thing = side.found.get(key)
    ops = [line.op for line in thing.lines] if thing else []
    return any(isinstance(op, SetLink) and "up" in op.settings for op in ops)


def _behind(side: Things, end: End) -> Iterator[tuple[str, bool]]:
    """The nodes that communicate by a device, each with whether it passes something on by that."""
    node, name = end
    if Key(node, "device", name) not in side.found:
        return
    other, ports = side.other.get(end), side.ports.get(end, [])
    above = [one for one, below in side.below.items() if below == end]
    if ports or above:  # a switch, or what others are made on
        yield node, node != HOST and _passes_on(side, node)
        for one in (*ports, *above):
            far = side.other.get(one, one)
            yield far[0], far[0] != HOST and _passes_on(side, far[0])
    elif end in side.master and other is not None:
        yield other[0], other in side.master or _passes_on(side, other[0])
        if other in side.master:  # between two switches
            yield node, True
    else:
        yield node, _passes_on(side, node)
        if other is not None and other not in side.master:
            yield other[0], _passes_on(side, other[0])


def _passes_on(side: Things, node: str) -> bool:
    """Whether a node passes on what is for others: it forwards, or has a switch in it."""
    topology = side.topology
    if node == HOST:
        return bool(
            topology.host.forwarding or needs.forwards(topology, 4) or needs.forwards(topology, 6)
        )
    namespace = next((ns for ns in topology.namespaces if ns.name == node), None)
    switch = any(where == node for where, _ in side.ports)
    return switch or (
        namespace is not None
        and (
            namespace.forwarding
            or any(namespace.sysctls.get(key, "0") != "0" for key in FORWARD.values())
        )
    )


def _proxied(topology: Topology, op: Op | Rule) -> Iterator[str]:
    """Whom a proxy of a published port asks."""
    for published in topology.publications:
        if not (needs.proxied(published) and isinstance(op, StartService)):
            continue
        prefix, _, number = op.name.rpartition("-")
        if prefix == f"proxy-{published.protocol}{published.version}" and (
            published.published.first <= int(number) <= published.published.last
        ):
            yield published.member.namespace
