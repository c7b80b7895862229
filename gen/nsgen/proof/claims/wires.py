"""What links claim: that their two ends reach each other, and nodes whom routes, tunnels and overlays lead to."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise

from nsgen.reach.findings import Pairs
from nsgen.reach.ways import Reach
from nsgen.topology.model import Interface, Link, Node, Topology
from nsgen.values import IPAddress, Ports

WireQuestion = tuple[str, str, str, str]  # who asks, what is asked in a few words, the address, why


def questions(topology: Topology, *, every: bool) -> Iterator[WireQuestion]:
    """The ends of every link ask each other, by every address in one subnet; and nodes ask those further away.

    `every`: each pair of nodes; else each node asks the next one, and the first and the last ask each other.
    """
    for link in topology.links:
        yield from _both_ways(link)
    if any(node.ends or node.interfaces or node.routes for node in topology.nodes):
        yield from _further(topology, every=every)


def _further(topology: Topology, *, every: bool) -> Iterator[WireQuestion]:
    """Whom the topology alone says to be reached, by way of links and interfaces."""
    pairs = Pairs(topology, Reach(topology))
    for asker, to in _couples(pairs.nodes, every=every):
        column = to.name if every else "further"
        why = f"{asker.name} is connected with {to.name} by links and routes"
        for address in _addresses(pairs, asker, to):
            yield asker.name, column, str(address), why


def _addresses(pairs: Pairs, asker: Node, to: Node) -> Iterator[IPAddress]:
    """The first one by which a node is reached, unless both are on a network; and those of its own interfaces."""
    found: list[IPAddress | None] = []
    if not _networks(asker) & _networks(to):  # of its members it is claimed anyway
        found += [pairs.reached(asker, to, version) for version in (4, 6)]
    own = [address.ip for interface in to.interfaces for address in interface.addresses]
    found += pairs.answering(asker, to, own)
    lossy = [a.ip for interface in to.wired if _loses(interface) for a in interface.addresses]
    yield from dict.fromkeys(a for a in found if a is not None and a not in lossy)


def _couples(nodes: list[Node], *, every: bool) -> Iterator[tuple[Node, Node]]:
    if every:
        yield from ((a, b) for a in nodes for b in nodes if a is not b)
    elif len(nodes) > 1:
        yield from pairwise([*nodes, nodes[0]])
        yield nodes[0], nodes[-1]


def _networks(node: Node) -> set[str]:
    return {m.bridge.name for m in node.members}


def _loses(interface: Interface) -> bool:
    """Whether packets get lost on it on purpose: then it promises nothing."""
    return interface.impair is not None and interface.impair.loss is not None


def _both_ways(link: Link) -> Iterator[WireQuestion]:
    if _loses(link.first):  # and so the other end
        return
    for asker, to in ((link.first, link.second), (link.second, link.first)):
        if asker.master or to.master or not (asker.written.up and to.written.up):
            continue  # a port of a bridge has its addresses there
        for address in _shared(asker, to):
            if ip_address(address).is_link_local and ":" in address:
                address = f"{address}%{asker.name}"  # noqa: PLW2901 (it is on every link)
            why = f"a cable leads from {asker.node} to {to.node}"
            yield asker.node, f"{to.node} next door", address, why


def _shared(asker: Interface, to: Interface) -> Iterator[str]:
    for version in (4, 6):
        own = [a for a in asker.addresses if a.version == version]
        found = (b for b in to.addresses if any(b.ip in a.network for a in own))
        yield from (str(address.ip) for address in [next(found, None)] if address is not None)


def addresses_of(topology: Topology, name: str) -> set[IPAddress]:
    """The addresses that a node has on links and interfaces."""
    return {
        address.ip
        for node in topology.nodes
        if node.name == name
        for interface in node.wired
        for address in interface.addresses
    }


def translated(topology: Topology) -> Iterator[tuple[str, Ports]]:
    """Whom a node's own NAT leads to, and the ports there."""
    owners = {
        address.ip: node.name
        for node in topology.nodes
        for interface in node.wired
        for address in interface.addresses
    }
    owners |= {a.ip: ns.name for ns in topology.namespaces for m in ns.members for a in m.addresses}
    for node in topology.nodes:
        for nat in node.nats:
            ports = nat.dnat and (nat.dnat.ports or nat.port)
            if nat.dnat and ports and nat.dnat.address in owners:
                yield owners[nat.dnat.address], ports
