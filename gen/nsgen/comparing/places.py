"""Which device of one machine is which of the other: by its node and name, or else by its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping

from nsgen.proof.observed import Observed
from nsgen.proof.state import KernelNode, State

Device = tuple[str, str]  # a node, and a device in it


class Names:
    """What the devices of a machine are called in the other one."""

    def __init__(self, renamed: Mapping[Device, str] | None = None) -> None:
        """Take over those that have another name there."""
        self._renamed = renamed or {}

    def of(self, node: str, device: str) -> str:
        """The name of a device of a node."""
        return self._renamed.get((node, device), device)

    def within(self, node: str) -> dict[str, str]:
        """The devices of a node that have another name."""
        return {old: new for (name, old), new in self._renamed.items() if name == node}


def matched(a: Observed, b: Observed) -> dict[Device, str]:
    """The devices of the second machine that are another name's in the first one.

    The way out is the way out. All others are looked for where their names are in neither or both: a device that is
    alone with its kind, its addresses, its ports and its other end on either side is the same one.
    """
    found: dict[Device, str] = {}
    if a.uplink != b.uplink:
        found["host", b.uplink] = a.uplink
    while more := _pairs(a.state, b.state, found):
        found |= more
    return found


def _pairs(a: State, b: State, found: Mapping[Device, str]) -> dict[Device, str]:
    """The devices without a counterpart that are in the same place, as far as that can be told by now."""
    common = _common(a, b, found)
    for exact in (True, False):
        pairs: dict[Device, str] = {}
        for name in a.nodes:
            if name in b.nodes:
                first = _by_place(a.nodes[name], Names(), common, exact=exact)
                second = _by_place(b.nodes[name], Names(found), common, exact=exact)
                for place, links in second.items():
                    same = first.get(place, [])
                    if len(same) == len(links) and (exact or len(links) == 1):
                        pairs |= {(name, link): one for link, one in zip(links, same, strict=True)}
        if pairs:
            return pairs
    return {}


def _common(a: State, b: State, found: Mapping[Device, str]) -> set[Device]:
    """The devices that both have, by their names in the first one."""
    own = {(node, link.name): link.kind for node in b.nodes for link in b.nodes[node].links}
    return {
        (node, link.name)
        for node in a.nodes
        for link in a.nodes[node].links
        if own.get((node, link.name)) == link.kind and (node, link.name) not in found
    } | {(node, name) for (node, _), name in found.items()}


def _by_place(
    node: KernelNode, names: Names, common: Container[Device], *, exact: bool
) -> dict[tuple[object, ...], list[str]]:
    """The devices that have no counterpart, by where they are; not `exact`: of cables, by their ends alone."""
    found: dict[tuple[object, ...], list[str]] = defaultdict(list)

    def known(where: str, device: str) -> str:
        """A device by its name, if both have it."""
        name = names.of(where, device)
        return name if (where, name) in common else ""

    for link in node.links:
        if known(node.name, link.name):
            continue
        addresses = [a.text for a in node.addresses if a.device == link.name and _given(a.local)]
        ports = [known(node.name, one.name) for one in node.links if one.master == link.name]
        there = link.peer[0] if link.peer else ""
        peer = known(*link.peer) if link.peer else ""
        master = known(node.name, link.master) if link.master else ""
        place = (link.kind, there, peer, bool(link.master))
        whole = (*place, master, *sorted(addresses), *sorted(filter(None, ports)))
        if (addresses or any(ports) or peer) if exact else there:
            found[whole if exact else place].append(link.name)
    return found


def _given(address: str) -> bool:
    return not address.startswith("fe80:")
