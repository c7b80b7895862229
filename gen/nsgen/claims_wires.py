"""What links claim: that their two ends reach each other."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.topology import Interface, Link, Topology
from nsgen.values import IPAddress, Ports

Question = tuple[str, str, str, str]  # who asks, what is asked in a few words, the address, why


def questions(topology: Topology) -> Iterator[Question]:
    """Both ends of every link ask each other, by every address that they have in one subnet."""
    for link in topology.links:
        yield from _both_ways(link)


def _both_ways(link: Link) -> Iterator[Question]:
    for asker, to in ((link.first, link.second), (link.second, link.first)):
        if asker.master or to.master or not (asker.written.up and to.written.up):
            continue  # a port of a bridge has its addresses there
        for address in _shared(asker, to):
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
        for interface in (*node.ends, *node.interfaces)
        for address in interface.addresses
    }


def translated(topology: Topology) -> Iterator[tuple[str, Ports]]:
    """Whom a node's own NAT leads to, and the ports there."""
    owners = {
        address.ip: node.name
        for node in topology.nodes
        for interface in (*node.ends, *node.interfaces)
        for address in interface.addresses
    }
    for node in topology.nodes:
        for nat in node.nats:
            ports = nat.dnat and (nat.dnat.ports or nat.port)
            if nat.dnat and ports and nat.dnat.address in owners:
                yield owners[nat.dnat.address], ports
