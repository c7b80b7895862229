"""Policy rules and NAT of nodes: what contradicts itself, or names what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.checks.view import HOST, View, hint
from nsgen.report import Path, Report
from nsgen.resolve import FIRST_POLICY
from nsgen.routing import Nat, Policy
from nsgen.spec import Host, Namespace

ONES = ("masquerade", "snat", "dnat")
BELONGS = {"out": ("snat",), "in": ("dnat",), "to": ("dnat",), "port": ("dnat",)}


def _nodes(view: View) -> Iterator[tuple[str, Path, Host | Namespace]]:
    yield HOST, ("host",), view.spec.host
    yield from ((key, ("namespaces", key), node) for key, node in view.spec.namespaces.items())


def _devices(
    view: View, key: str, named: dict[str, str | None], path: Path, report: Report
) -> None:
    """Devices that a namespace has; those of the host may be anything."""
    node = view.first(key)
    for field, device in named.items():
        if (
            device is not None
            and node != HOST
            and device != "lo"
            and not view.has_device(node, device)
        ):
            near = hint(device, view.device_names(node), report)
            report.error((*path, field), f"{node!r} has no interface {device!r}{near}")


def check_policies(view: View, report: Report) -> None:
    """A rule says which packets it is for, and no two have the same priority."""
    for key, at, node in _nodes(view):
        seen: dict[int, Path] = {}
        for index, (path, rule) in enumerate(view.items((*at, "rules"), node.rules)):
            _check_policy(rule, path, report)
            _devices(view, key, {"iif": rule.iif, "oif": rule.oif}, path, report)
            priority = rule.priority or FIRST_POLICY + index
            if priority in seen:
                text = f"rules[{seen[priority][-1]}] has the priority {priority} already"
                report.error(path, f"{text}: give one of them another 'priority'")
            seen.setdefault(priority, path)


def _check_policy(rule: Policy, path: Path, report: Report) -> None:
    if not any((rule.from_, rule.to, rule.iif, rule.oif, rule.mark)):
        report.error(path, "a rule is for some packets: add 'from', 'to', 'iif', 'oif' or 'mark'")
    if rule.from_ is not None and rule.to is not None and rule.from_.version != rule.to.version:
        text = f"{rule.to} is IPv{rule.to.version}, and {rule.from_} is IPv{rule.from_.version}"
        report.error((*path, "to"), f"{text}: a rule has one IP version")


def check_nat(view: View, report: Report) -> None:
    """An entry does one thing, and has what belongs to it."""
    for key, at, node in _nodes(view):
        for path, nat in view.items((*at, "nat"), node.nat):
            done = [name for name in ONES if getattr(nat, name) is not None]
            if len(done) != 1:
                report.error(path, "expected one of 'masquerade', 'snat' or 'dnat' in each entry")
                continue
            _check_nat(nat, done[0], path, report)
            devices = {"masquerade": nat.masquerade, "out": nat.out, "in": nat.in_}
            _devices(view, key, devices, path, report)
        if node.nat and not node.forwarding and key != HOST:
            text = "this node passes nothing on that could be translated: add 'forwarding: true'"
            report.warning((*at, "nat"), text, on_key=True)


def _check_nat(nat: Nat, what: str, path: Path, report: Report) -> None:
    given = {"out": nat.out, "in": nat.in_, "to": nat.to, "port": nat.port}
    for field, value in given.items():
        if value is not None and what not in BELONGS[field]:
            text = f"{field!r} belongs to {BELONGS[field][0]!r}, and this is {what!r}: remove it"
            report.error((*path, field), text, on_key=True)
    target = nat.snat or nat.dnat
    networks = [n for n in (nat.from_, nat.to) if n is not None]
    for network in networks if target is not None else networks[1:]:
        version = target.address.version if target is not None else networks[0].version
        if network.version != version:
            report.error(path, f"{network} is IPv{network.version}: an entry has one IP version")
    if target is not None and (target.address.is_multicast or target.address.is_unspecified):
        report.error((*path, what), f"{target.address} is no machine's address")
    if nat.dnat is not None and nat.dnat.ports is not None and nat.port is not None:
        if len(nat.dnat.ports) not in (1, len(nat.port)):
            text = f"{nat.dnat.ports} is {len(nat.dnat.ports)} ports, and {nat.port} is {len(nat.port)}"
            report.error((*path, "dnat"), f"{text}: ranges map one to one")
        elif len(nat.port) > 1 and nat.dnat.ports != nat.port:
            report.error(
                (*path, "dnat"), "a range keeps its numbers here: leave the ports out of 'dnat'"
            )
