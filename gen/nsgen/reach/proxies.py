"""Addresses that a router answers for in vain: it has no way to them, or none by another device."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.neighbours import devices_with
from nsgen.check.view import View
from nsgen.language.routing import MAIN
from nsgen.language.spec import Spec
from nsgen.reach.device import Device
from nsgen.reach.segments import Segments
from nsgen.reach.tables import Tables
from nsgen.report import Path, Report
from nsgen.topology.model import Node, Topology
from nsgen.values import HOST, IPAddress, expand
from nsgen.words import named


def report_idle_proxies(topology: Topology, spec: Spec, report: Report) -> None:
    """File an error for each; on the host, which has routes of others, a warning."""
    tables = Tables(topology, Segments(topology))
    view = View(spec, report)
    told: set[Path] = set()  # of a key for many namespaces, once
    for node in topology.nodes:
        for device in tables.devices(node.name) if not _has_more(node) else ():
            for neighbour in device.neighbours:
                text = "" if neighbour.mac else _idle(tables, device, neighbour.address)
                path = _path(view, device, neighbour.address) if text else ()
                if text and path not in told:
                    told.add(path)
                    (report.warning if node.name == HOST else report.error)(path, text)


def _has_more(node: Node) -> bool:
    """Whether commands, a routing daemon or rules of policy routing may have other ways."""
    return bool(node.execs or node.services or node.policies)


def _idle(tables: Tables, device: Device, address: IPAddress) -> str:
    """Why it is in vain, in words; or nothing."""
    node, table = device.node, device.domain or MAIN
    own = any(a.ip == address for d in tables.devices(node) for a in d.addresses)
    if own:
        return f"{address} is an address of {named(node)}, which answers for it anyway: remove it"
    entry = tables.lookup(node, table, address)
    if entry is None:
        # The host has routes that are not of this topology.
        text = f"{named(node)} has no route to {address}, and answers for it in vain: add one"
        return "" if node == HOST else text
    if entry.type != "unicast":
        return f"the route of {named(node)} to {address} is {entry.type}: nobody gets what is sent there"
    same = tables.device_to(node, table, entry) == device.name and entry.ways == 1
    if same and address.version == 4:  # IPv6 asks for no route
        return (
            f"{named(node)} reaches {address} by {device.name} itself, and does not answer for it there: "
            "add a route to it by another device, or remove it"
        )
    return ""


def _path(view: View, device: Device, address: IPAddress) -> Path:
    """Where it is written."""
    return next(_places(view, device, address), ())


def _places(view: View, device: Device, address: IPAddress) -> Iterator[Path]:
    for one in devices_with(view):
        if (
            address in one.proxied
            and device.node in expand(one.key)
            and (device.name == one.name or "[" in one.key + one.name)
        ):
            yield (*one.path, "proxy_neighbours", one.proxied.index(address))
