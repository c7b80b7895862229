"""What a node's own NAT puts in place of a ping's addresses; :mod:`nsgen.plan.nat` makes the rules for it."""

from __future__ import annotations

from nsgen.language.routing import Nat
from nsgen.reach.verdict import AtNode
from nsgen.topology.model import Node
from nsgen.values import IPAddress


def new_destination(node: Node, state: AtNode, *, own: bool) -> IPAddress | None:
    """What a node puts in place of a packet's destination, if anything; `own`: it is the node's own address."""
    for nat in node.nats:
        if nat.dnat is None or nat.dnat.address.version != state.dst.version or _of_ports(nat):
            continue
        meant = state.dst in nat.to if nat.to is not None else own
        if meant and nat.in_ in (None, state.came) and _from(nat, state):
            return nat.dnat.address
    return None


def new_source(
    node: Node, state: AtNode, out: str, masquerade: IPAddress | None
) -> IPAddress | None:
    """What a node's own NAT puts in place of a source; `masquerade` is the address of the device that it leaves by.

    An entry that makes an exception of the destination decides, too: the source is kept.
    """
    for nat in node.nats:
        if nat.dnat is not None or _of_ports(nat) or not _from(nat, state):
            continue
        kept = any(state.dst in network for network in nat.except_)
        if nat.masquerade == out:
            return state.src if kept else masquerade
        version = None if nat.snat is None else nat.snat.address.version
        if nat.snat is not None and version == state.dst.version and nat.out in (None, out):
            return state.src if kept else nat.snat.address
    return None


def _of_ports(nat: Nat) -> bool:
    """Whether it is for connections, and not for a ping."""
    targets = (nat.snat, nat.dnat)
    return bool(nat.port or nat.protocol or any(t is not None and t.ports for t in targets))


def _from(nat: Nat, state: AtNode) -> bool:
    return nat.from_ is None or (state.src is not None and state.src in nat.from_)
