"""Transparent proxies of nodes: which packets they get, and what would come back to them for ever."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.precedence import has
from nsgen.check.view import View
from nsgen.language.routing import Nat, route_table
from nsgen.language.spec import Host, WrittenNamespace
from nsgen.report import Path, Report
from nsgen.topology.proxied import BACK, MARK, PRIORITY, TABLE


def check_node(view: View, at: Path, node: Host | WrittenNamespace, report: Report) -> None:
    """What the entries of one node's `nat` for proxies get wrong."""
    one_each = [(path, nat) for path, nat in view.items((*at, "nat"), node.nat) if _kinds(nat) == 1]
    for path, nat in one_each:
        if nat.proxied:
            _check_packets(nat, path, report)
            _check_exceptions(nat, path, report)
    _check_order(one_each, report)
    _check_users(one_each, report)
    if any(nat.tproxy is not None for nat in node.nat):
        _check_taken(view, at, node, report)


def _kinds(nat: Nat) -> int:
    done = (nat.masquerade, nat.snat, nat.dnat, nat.redirect, nat.tproxy)
    return sum(one is not None for one in done)


def _check_order(entries: list[tuple[Path, Nat]], report: Report) -> None:
    """The kernel has TPROXY in a table that comes before that of nat."""
    others = False
    for path, nat in entries:
        if nat.tproxy is not None and others:
            text = "the kernel asks 'tproxy' before 'dnat' and 'redirect'"
            report.error(path, f"{text}: put this entry before those")
        others = others or (nat.into and nat.tproxy is None and not nat.of_own)


def _check_users(entries: list[tuple[Path, Nat]], report: Report) -> None:
    """What one proxy sends would come to another, and what that sends to the first."""
    first = None
    for path, nat in entries:
        first = first or (nat.proxy_uid if nat.of_own else None)
        if nat.of_own and nat.proxy_uid not in (None, first):
            text = f"what user {nat.proxy_uid.short} sends would come to the proxy of another entry"
            report.error((*path, "proxy_uid"), f"{text}: give all of them one number or range")


def _check_packets(nat: Nat, path: Path, report: Report) -> None:
    if nat.in_ is None:
        text = "by which device do the packets come in? add 'in'"
        own = "" if nat.tproxy else ", or 'in: lo' for what this node sends itself"
        report.error(path, f"{text}{own}")
    if nat.tproxy is not None and nat.of_own:
        text = "what this node sends itself does not come in: use 'redirect' for it"
        report.error((*path, "in"), text)
    if nat.tproxy is not None and nat.protocol == "sctp":
        report.error((*path, "protocol"), "the kernel's TPROXY knows 'tcp' and 'udp' alone")
    if nat.proxy_uid is not None and nat.redirect is not None and not nat.of_own:
        text = "only what this node sends itself has a user: remove it, or write 'in: lo'"
        report.error((*path, "proxy_uid"), text, on_key=True)
    if nat.redirect and nat.of_own and not (nat.proxy_uid or nat.to or nat.except_):
        text = "what the proxy sends would come back to it for ever: add 'proxy_uid', the number of its user"
        report.error(path, text)
    if nat.to is not None and nat.to.is_loopback:
        text = f"{nat.to} is this node's own, and what is sent there stays there"
        report.error((*path, "to"), f"{text}: name another address")


def _check_exceptions(nat: Nat, path: Path, report: Report) -> None:
    named = [one for one in (nat.from_, nat.to) if one is not None]
    named_versions = {one.version for one in named} | {a.version for a in nat.targets}
    for index, one in enumerate(nat.except_):
        at = (*path, "except", index)
        if named_versions and one.version not in named_versions:
            report.error(at, f"{one} is IPv{one.version}: an entry has one IP version")
        elif nat.to is not None and not (has(nat.to, one) or has(one, nat.to)):
            report.error(at, f"{one} is not in {nat.to}, and so no exception: remove it")
        elif one.prefixlen == 0 or (nat.to is not None and has(one, nat.to)):
            report.error(at, f"{one} is all of it, and leaves nothing to the proxy: remove it")
        elif any(has(other, one) for other in nat.except_[:index]):
            report.error(at, f"{one} is in another exception already: remove it")


def _check_taken(view: View, at: Path, node: Host | WrittenNamespace, report: Report) -> None:
    """Nothing else of the node has what TPROXY takes."""
    marks = view.items((*at, "marks"), node.marks)
    bits = [
        ((*path, "set"), f"{entry.set} has the bit {MARK:#x}")
        for path, entry in marks
        if entry.set.value & MARK
    ]
    for path, text in (*_taken(view, at, node), *bits):
        report.error(path, f"{text}, which is that of 'tproxy' in this node: choose another")


def _taken(view: View, at: Path, node: Host | WrittenNamespace) -> Iterator[tuple[Path, str]]:
    for path, route in view.items((*at, "routes"), node.routes):
        if route_table(route) == TABLE:
            yield (*path, "table"), f"table {TABLE}"
    for path, rule in view.items((*at, "rules"), node.rules):
        if rule.table == TABLE:
            yield (*path, "table"), f"table {TABLE}"
        if rule.priority in (BACK, PRIORITY):
            yield (*path, "priority"), f"the priority {rule.priority}"
        if rule.mark is not None and rule.mark.value & MARK:
            yield (*path, "mark"), f"{rule.mark} has the bit {MARK:#x}"
    for name, interface in node.interfaces.items():
        if interface.own_table == TABLE:
            yield (*at, "interfaces", name, "table"), f"table {TABLE}"
