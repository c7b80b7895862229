"""Marks and uplinks: what contradicts itself, takes what another has, or has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.devices import named_devices
from nsgen.check.exceptions import inside
from nsgen.check.view import View
from nsgen.language.marks import OWN, Marking, marking_versions
from nsgen.language.policy import Mark
from nsgen.language.spec import WrittenNode
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.topology.resolve import priority
from nsgen.topology.uplinks import MOST, uplink_mark, uplink_priority, uplink_table
from nsgen.values import HOST, IPNetwork, Ports

OWN_TABLES = {253: "default", 254: "main", 255: "local"}


def check_marks(view: View, report: Report) -> None:
    """An entry is for one IP version, and what it sets holds, and is looked at by somebody."""
    for key, at, node in view.spec.nodes():
        entries = list(view.items((*at, "marks"), node.marks))
        for index, (path, entry) in enumerate(entries):
            named_devices(view, key, {"in": entry.in_}, path, report)
            if entry.from_ and entry.to and entry.from_.version != entry.to.version:
                text = f"{entry.to} is IPv{entry.to.version}, and {entry.from_} is IPv{entry.from_.version}"
                report.error((*path, "to"), f"{text}: an entry has one IP version")
            if entry.connection and not entry.set.value:
                text = "a connection without a mark has 0 anyway: remove this entry"
                report.error((*path, "set"), text)
            later = (one for one in entries[index + 1 :] if _overrides(one[1], entry))
            found = next(later, None)
            if found is not None:
                text = (
                    f"{path_text(found[0])} comes later, is for all of it, and sets the same bits"
                )
                report.error(path, f"{text}: remove one of them, or put this one behind it")
            _check_uplink_bits(node, entry, path, report)
            if key != HOST and not (node.exec or node.services or _looked_at(node, entry.set)):
                text = f"no rule of this node looks at {entry.set}, and nothing comes of it"
                report.warning(
                    (*path, "set"), f"{text}: add one to 'rules', with 'mark' and 'table'"
                )


def _overrides(later: Marking, entry: Marking) -> bool:
    """Whether what an entry sets is set anew by a later one, whatever it is for."""
    return (
        later.connection == entry.connection
        and not entry.set.mask & ~later.set.mask
        and set(marking_versions(entry)) <= set(marking_versions(later))
        and later.in_ in (None, entry.in_)
        and later.l4 in ("", entry.l4)
        and _within(entry.sport, later.sport)
        and _within(entry.dport, later.dport)
        and _part(entry.from_, later.from_)
        and _part(entry.to, later.to)
    )


def _within(part: Ports | None, whole: Ports | None) -> bool:
    if part is None or whole is None:
        return whole is None
    return whole.first <= part.first and part.last <= whole.last


def _part(part: IPNetwork | None, whole: IPNetwork | None) -> bool:
    return whole is None or (part is not None and inside(part, whole))


def _looked_at(node: WrittenNode, mark: Mark) -> bool:
    """Whether a rule depends on a bit that is set, or cleared."""
    return any(rule.mark is not None and rule.mark.mask & mark.mask for rule in node.rules)


def _check_uplink_bits(node: WrittenNode, entry: Marking, path: Path, report: Report) -> None:
    for index, (device, uplink) in enumerate(node.uplinks.items()):
        mark = uplink_mark(uplink, index)
        if mark.mask & entry.set.mask:
            text = f"{entry.set} has bits of the mark of the uplink {device!r}, {mark}"
            report.error((*path, "set"), f"{text}: say which are yours, as in 0x1/0xff")
            return


def check_uplinks(view: View, report: Report) -> None:
    """Each uplink has a router of each IP version, and a table, a mark and a place among the rules of its own."""
    for key, at, node in view.spec.nodes():
        tables = dict(_tables(view, at, node))
        marks: dict[str, Mark] = {}
        priorities = {
            priority(rule, index): path
            for index, (path, rule) in enumerate(view.items((*at, "rules"), node.rules))
        }
        for index, (device, uplink) in enumerate(node.uplinks.items()):
            path: Path = (*at, "uplinks", device)
            if device == OWN:
                report.error(path, "nobody asks by 'lo': name a way out", on_key=True)
            elif key != HOST and not view.has_device(view.first(key), device):
                named_devices(view, key, {device: device}, (*at, "uplinks"), report)
            versions = [via.version for via in uplink.via]
            if not uplink.via or len(set(versions)) < len(versions):
                text = f"expected one router, or one of IPv4 and one of IPv6, got {len(versions)}"
                report.error(path, text)
            _check_table(uplink_table(uplink, index), path, tables, report)
            _check_mark(uplink_mark(uplink, index), device, path, marks, report)
            taken = [uplink_priority(index), uplink_priority(index) + 1]
            for number in (one for one in taken if one in priorities):
                text = f"{path_text(path)} has the priority {number}"
                report.error(priorities[number], f"{text}: give this rule another 'priority'")
        if len(node.uplinks) > MOST:
            text = f"{len(node.uplinks)} uplinks, and a node has at most {MOST}"
            report.error((*at, "uplinks"), text, on_key=True)


def _tables(view: View, at: Path, node: WrittenNode) -> Iterator[tuple[int, str]]:
    """The tables that others have, each with what has it; a rule may lead to that of an uplink."""
    for path, route in view.items((*at, "routes"), node.routes):
        if route.table is not None:
            yield route.table, path_text(path)
    for name, interface in node.interfaces.items():
        if interface.own_table:
            yield interface.own_table, repr(name)
    yield from OWN_TABLES.items()


def _check_table(table: int, path: Path, taken: dict[int, str], report: Report) -> None:
    if table in OWN_TABLES:
        text = f"table {table} is {OWN_TABLES[table]}, which every node has"
        report.error((*path, "table"), f"{text}: choose another")
    elif table in taken:
        text = f"table {table} is that of {taken[table]} already"
        report.error(path, f"{text}: give this uplink another 'table'")
    taken.setdefault(table, path_text(path))


def _check_mark(
    mark: Mark, device: str, path: Path, marks: dict[str, Mark], report: Report
) -> None:
    if not mark.value:
        report.error((*path, "mark"), f"{mark} is no mark: choose bits that are set")
    for other, one in marks.items():
        if one.mask != mark.mask or one.value == mark.value:
            text = f"{mark} does not tell it from the uplink {other!r}, which has {one}"
            report.error(path, f"{text}: give each another 'mark' in the same bits")
            break
    marks[device] = mark
