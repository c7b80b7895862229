"""NAT of a node's own: what it rewrites on what it passes on, whichever node it is."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen import why
from nsgen.ops import Argv, Chain, Jump, Place, Rule
from nsgen.routing import Nat
from nsgen.rules import LOCAL, words
from nsgen.steps import Step
from nsgen.topology import Node, Topology


def steps(topology: Topology) -> Iterator[Step]:
    """The chains of every namespace that rewrites addresses, and the jumps there; the host's are with its rules."""
    for node in (namespace for namespace in topology.namespaces if namespace.nats):
        for version in (4, 6):
            chains = node_chains(topology, node, version)
            yield Step(f"{node.name}, IPv{version}" if chains else "", chains)
            yield Step("", tuple(jump for chain in chains for jump in node_jumps(topology, chain)))


def _versions(node: Node, nat: Nat) -> tuple[int, ...]:
    """The IP versions that an entry is for: that of the addresses in it, else those of the device."""
    for target in (nat.snat, nat.dnat):
        if target is not None:
            return (target.address.version,)
    if nat.from_ is not None:
        return (nat.from_.version,)
    devices = [i for i in (*node.ends, *node.interfaces) if i.name == nat.masquerade]
    found = {address.version for device in devices for address in device.addresses}
    return tuple(sorted(found)) or (4,)


def node_chains(topology: Topology, node: Node, version: int) -> tuple[Chain, ...]:
    """The chains of one node, for one IP version."""
    return tuple(_chains(topology, node, version))


def _chains(topology: Topology, node: Node, version: int) -> Iterator[Chain]:
    nats = [nat for nat in node.nats if version in _versions(node, nat)]
    into = [(why.NAT_INTO, _into(nat)) for nat in nats if nat.dnat is not None]
    out = [(_reason(nat), _out(nat)) for nat in nats if nat.dnat is None]
    for suffix, lines in (("DNAT", into), ("SNAT", out)):
        name = f"NSGEN-{topology.name}-{suffix}"
        rules = (Rule(node.name, version, "nat", name, line, reason) for reason, line in lines)
        chain = Chain(node.name, version, "nat", name, tuple(rules))
        if chain.rules:
            yield chain


def _reason(nat: Nat) -> str:
    return why.NAT_MASQUERADE if nat.snat is None else why.NAT_OUT


def _into(nat: Nat) -> Argv:
    """By the port alone it would take connections to anybody's port: it is for one address, or the node's own."""
    protocol = nat.protocol or ("tcp" if nat.port or (nat.dnat and nat.dnat.ports) else "")
    return words(
        *("DNAT", "--to-destination", str(nat.dnat)),
        src=str(nat.from_ or ""),
        dst=str(nat.to or ""),
        into=nat.in_ or "",
        proto=protocol,
        dport=nat.port,
        match=() if nat.to is not None else LOCAL,
    )


def _out(nat: Nat) -> Argv:
    """What leaves: with the address of the device, or with one that is given."""
    source = str(nat.from_ or "")
    if nat.snat is None:
        return words("MASQUERADE", src=source, out=nat.masquerade or "", proto=nat.protocol or "")
    protocol = nat.protocol or ("tcp" if nat.snat.ports else "")
    verdict = ("SNAT", "--to-source", str(nat.snat))
    return words(*verdict, src=source, out=nat.out or "", proto=protocol)


BUILTIN = {"DNAT": ("PREROUTING", "OUTPUT"), "SNAT": ("POSTROUTING",)}


def node_jumps(topology: Topology, chain: Chain) -> Iterator[Jump]:
    """How the built-in chains of a node lead to one."""
    place: Place = "last"  # what a published port, or another program, has decided stands
    for builtin in BUILTIN[chain.name.rpartition("-")[2]]:
        yield Jump(
            *(chain.node, chain.version, "nat", builtin, place, (), topology.name, chain.name)
        )
