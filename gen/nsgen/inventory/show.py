"""What a topology comes to, for people and for programs: a table, JSON, and what hosts(5), ssh and shells read."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from nsgen.inventory.facts import DeviceFacts, Facts, NodeFacts, PortFacts, ServiceFacts, addresses
from nsgen.values import HOST
from nsgen.words import bracketed, count

Format = Literal["table", "json", "hosts", "ssh-config", "env"]
GAP = "  "
PREFIX = "NSGEN_"  # of a variable: a node may be called `path`


class NotToldApartError(ValueError):
    """Two nodes or devices that would have the name of one variable."""


def show(found: Facts, form: Format) -> str:
    """The facts in one of the formats; `NotToldApartError` if `env` has one name for two things."""
    if form == "json":
        return json.dumps(as_json(found), indent=2) + "\n"
    lines = {"table": _table, "hosts": _hosts, "ssh-config": _ssh, "env": _env}[form](found)
    return "".join(f"{line}\n" for line in lines)


def as_json(found: Facts) -> dict[str, Any]:
    """The facts as JSON, which :mod:`nsgen.inventory.schema` describes: nodes and devices are lists, in order."""
    result = dataclasses.asdict(found)
    result["nodes"] = list(result["nodes"].values())
    for node in result["nodes"]:
        node["devices"] = list(node["devices"].values())
    return result


# -- for people ---------------------------------------------------------------------------------


def _table(found: Facts) -> Iterator[str]:
    parts = [count(len(found.namespaces), "namespace"), count(len(found.networks), "network")]
    ports = {(port.node, port.published, port.protocol, port.host_ip) for port in found.published}
    parts += [count(len(ports), "published port")] if ports else []
    yield f"{found.topology}: {', '.join(parts)}"
    for place in found.nodes.values():
        rows = list(_rows(found, place))
        if rows:
            yield from ("", place.name, *_aligned(rows))


def _rows(found: Facts, place: NodeFacts) -> Iterator[tuple[str, ...]]:
    named = {net.name: net for net in found.networks} if place.name == HOST else {}
    for device in place.devices.values():
        if place.name == HOST and device.peer and device.master in named:
            continue  # it is told with its network
        if device.kind == "loopback" and not device.addresses:
            continue
        yield device.name, _kind(device), ", ".join(device.addresses) or "-", _about(device)
    for net in named.values():
        if net.members:
            yield net.name, "members", ", ".join(net.members)
    for port in (_port(p) for p in found.published if place.name in (HOST, p.node)):
        yield ("published", *port)
    yield from (("route", text) for text in place.routes)
    yield from (("rule", text) for text in place.rules)
    for service in place.services:
        user = f"as {service.user}: " if service.user else ""
        yield "service", service.name, f"{user}{shlex.join(service.command)}{_when(service)}"
    yield from (("command", shlex.join(command)) for command in place.commands)
    yield from (("file", path) for path in place.files)
    yield from (("parameter", f"{key} = {value}") for key, value in place.parameters.items())
    if place.name == HOST:
        yield from (("module", name) for name in found.modules)


def _when(service: ServiceFacts) -> str:
    parts = [f"after {', '.join(service.after)}"] if service.after else []
    parts += [f"restarted {service.restart}"] if service.restart else []
    parts += [f"ready by {shlex.join(service.ready)}"] if service.ready else []
    return f" ({'; '.join(parts)})" if parts else ""


def _kind(device: DeviceFacts) -> str:
    return device.kind if not device.mtu else f"{device.kind}, MTU {device.mtu}"


def _about(device: DeviceFacts) -> str:
    parts = [f"on network {device.network}"] if device.network else []
    parts += [f"to {device.peer.node} {device.peer.device}"] if device.peer else []
    parts += [f"on {device.on}"] if device.on else []
    parts += [f"port of {device.master}"] if device.master else []
    parts += [f"neighbours {', '.join(device.neighbours)}"] if device.neighbours else []
    parts += [f"impaired: {device.impair}"] if device.impair else []
    return "; ".join(parts)


def _port(port: PortFacts) -> tuple[str, str]:
    host = f"{bracketed(port.host_ip)}:" if port.host_ip else ""
    reach = f"for {', '.join(port.reach)}"
    proxied = " by a proxy" if port.via == "proxy" else ""
    where = f"{port.node} {bracketed(port.address)}:{port.target}"
    return f"{host}{port.published}/{port.protocol}", f"to {where}{proxied}, {reach}"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows of which the first words stand in columns, but the last of each."""
    rows = list(rows)
    widths: dict[tuple[int, int], int] = {}
    for row in rows:
        for column, text in enumerate(row[:-1]):
            at = (len(row), column)
            widths[at] = max(widths.get(at, 0), len(text))
    first = max((len(row[0]) for row in rows), default=0)
    for row in rows:
        cells = [
            text.ljust(first if column == 0 else widths[len(row), column])
            for column, text in enumerate(row[:-1])
        ]
        yield f"{GAP}{GAP.join((*cells, row[-1]))}".rstrip()


# -- for programs -------------------------------------------------------------------------------


def _hosts(found: Facts) -> Iterator[str]:
    """Lines of hosts(5): every address, with the node's name."""
    for place in found.nodes.values():
        yield from (f"{address}\t{place.name}" for _, address in addresses(place))


def _ssh(found: Facts) -> Iterator[str]:
    """Entries of ssh_config(5): each namespace is entered by its name, so that none needs a route to it."""
    for place in found.namespaces:
        address = next((str(ip) for _, ip in addresses(place)), "127.0.0.1")
        yield f"Host {place.name}"
        yield f"  HostName {address}"
        yield f"  ProxyCommand ip netns exec {place.name} socat STDIO TCP:{bracketed(address)}:%p"


def _env(found: Facts) -> Iterator[str]:
    """Assignments for a shell: of each IP version a node's first address, and the first of each of its devices."""
    told: dict[str, tuple[str, str]] = {}
    for place in found.nodes.values():
        for device, ip in addresses(place):
            end = "_6" if ip.version == 6 else ""
            for what, name in (
                (place.name, f"{place.name}{end}"),
                (f"{place.name} {device}", f"{place.name}_{device}{end}"),
            ):
                variable = PREFIX + re.sub(r"\W", "_", name, flags=re.ASCII).upper()
                whose, _ = told.setdefault(variable, (what, str(ip)))
                if whose != what:
                    raise NotToldApartError(
                        f"{variable} would be the name of {whose} and of {what}"
                    )
    yield from (f"{variable}={ip}" for variable, (_, ip) in told.items())
