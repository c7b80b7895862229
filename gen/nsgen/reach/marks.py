"""The firewall mark that a ping has in a node, as far as is told; :mod:`nsgen.plan.marks` makes the rules."""

from __future__ import annotations

from nsgen.language.marks import OWN, Marking, marking_versions
from nsgen.reach.verdict import AtNode
from nsgen.topology.model import Node

Came = dict[
    str, str
]  # by node, the device by which the question came, or empty where it is its own


def mark_of(node: Node, state: AtNode, asked: Came, *, translated: bool) -> int | None:
    """The mark by which a packet is routed; None where it is not told.

    `asked`: of an answer, how its question came. `translated`: another address was put in place of its destination
    here, of which its marks knew nothing.
    """
    mark = 0
    entries = [u.marking for u in node.uplinks if u.version == state.dst.version]
    entries += [entry for entry in node.marks if state.dst.version in marking_versions(entry)]
    for entry in sorted(entries, key=lambda entry: not entry.connection):
        if state.back and entry.connection:
            if node.name not in asked or entry.from_ or entry.to:
                return None
            meant: bool | None = _by(entry, asked[node.name]) and not entry.l4
        else:
            meant = _is_for(entry, state, translated=translated)
        if meant is None:
            return None
        if meant:
            mark = mark & ~entry.set.mask | entry.set.value
    return mark


def _is_for(entry: Marking, state: AtNode, *, translated: bool) -> bool | None:
    if entry.l4 or not _by(entry, state.came):
        return False  # a ping has no ports
    if entry.from_ is not None and (state.src is None or state.src not in entry.from_):
        return None if state.src is None else False
    if entry.to is None:
        return True
    return None if translated else state.dst in entry.to


def _by(entry: Marking, came: str) -> bool:
    return entry.in_ in (None, came or OWN)
