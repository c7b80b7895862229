"""Links and interfaces: that both ends are there, names, masters, and what a device is made on."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nsgen.checks.view import View, hint, ip_of, joined, many, reserved, there, usable
from nsgen.links.impair import Impair
from nsgen.links.kind import Interface, Loopback
from nsgen.links.physical import Physical
from nsgen.links.veth import End, Link
from nsgen.links.wireguard import Wireguard
from nsgen.naming import device_name
from nsgen.report import Path, Report
from nsgen.values import IPAddress, IPInterface, IPNetwork
from nsgen.wiring import ALONE, HOST, cables

OWN_TABLES = {253: "default", 254: "main", 255: "local"}  # rt_tables


def nodes_of(view: View) -> Iterator[tuple[str, Path, Mapping[str, Interface]]]:
    """Every node by its key: the host, and each key under `namespaces`."""
    yield HOST, ("host", "interfaces"), view.spec.host.interfaces
    for key, namespace in view.spec.namespaces.items():
        yield key, ("namespaces", key, "interfaces"), namespace.interfaces


def _interfaces(view: View) -> Iterator[tuple[str, Path, str, Interface]]:
    """Every interface: its node's key, its path, its name and itself."""
    for key, path, interfaces in nodes_of(view):
        for name, interface in interfaces.items():
            yield key, (*path, name), name, interface


def check_link_nodes(view: View, report: Report) -> None:
    """A link leads from node to node."""
    for index, link in view.spec.links:
        path: Path = ("links", index)
        ends = [place for place, _ in link.endpoints or ()] + list(link.mesh)
        for place in ends:
            if place.node != HOST and place.node not in view.names and view.no_node(place.node):
                known = [*view.names, HOST] if len(view.names) <= 1000 else []
                at = (*path, "endpoints" if link.endpoints else "mesh")
                report.error(
                    at, f"there is no node {place.node!r}{hint(place.node, known, report)}"
                )
            elif place.node in ("outside", "internet"):
                text = (
                    f"{place.node!r} is a machine elsewhere: a cable leads to 'host' or a namespace"
                )
                report.error((*path, "endpoints"), text)


def check_link_form(view: View, report: Report) -> None:
    """A link has two ends, or is a mesh, and room for the addresses of both ends."""
    for index, link in view.spec.links:
        path: Path = ("links", index)
        if (link.endpoints is None) == (not link.mesh):
            report.error(path, "a link has either 'endpoints' or 'mesh': give one of the two")
            continue
        if link.mesh and len({place.node for place in link.mesh}) < max(2, len(link.mesh)):
            report.error((*path, "mesh"), "a mesh connects two nodes or more, each listed once")
        needed = 1 if link.endpoints else len(link.mesh) * (len(link.mesh) - 1) // 2
        versions = [subnet.version for subnet in link.subnet]
        for step, subnet in enumerate(link.subnet):
            at = (*path, "subnet", step)
            alone = ALONE[subnet.version]
            room = 2 ** max(0, alone - subnet.prefixlen) if subnet.prefixlen <= alone else 0
            if versions.index(subnet.version) != step:
                report.error(
                    at, f"a link has one subnet of IPv{subnet.version}: write it as another link"
                )
            elif room < needed:
                text = (
                    f"{subnet} has room for {room} links of two addresses, and this takes {needed}"
                )
                report.error(at, text)
        _impaired((*path, "impair"), link.impair, report)


def _impaired(path: Path, impair: Impair | None, report: Report) -> None:
    for key, text in impair.wrong() if impair is not None else ():
        report.error((*path, key) if key else path, text)


def check_kinds(view: View, report: Report) -> None:
    """Nothing is wrong with an interface by itself."""
    for key, path, _, interface in _interfaces(view):
        for field, text in interface.wrong():
            report.error((*path, field), text)
        _impaired((*path, "impair"), interface.impair, report)
        if isinstance(interface, Loopback) and (
            interface.impair or interface.mac or not interface.up
        ):
            report.error(path, "'lo' is given addresses here, and nothing else")
        if many(key) > 1 and (
            interface.address or interface.mac or isinstance(interface, Physical)
        ):
            text = (
                f"{key!r} is {many(key)} namespaces, and each needs its own: write them one by one"
            )
            report.error(path, text)
        if isinstance(interface, Physical) and key == HOST:
            report.error(
                (*path, "type"),
                "a physical interface moves out of the host: write it in a namespace",
            )
    for places in view.places.values():
        for place in places:
            _impaired((*place.path, "impair"), place.attachment.impair, report)


def check_device_names(view: View, report: Report) -> None:
    """No two devices of a node have the same name."""
    for node, devices in view.devices.items():
        seen: dict[str, Path] = {}
        for device in devices:
            if device.name in seen:
                text = (
                    f"{device.name!r} of {node!r} is a device already: {there(seen[device.name])}"
                )
                report.error(device.path, f"{text}; choose another name", on_key=True)
            seen.setdefault(device.name, device.path)


def _others(view: View, node: str) -> Iterator[tuple[str, Path]]:
    """The devices that a node has because of networks."""
    if node == HOST:
        yield from ((name, ("networks", name)) for name in view.networks)
    for places in view.places.values() if node == HOST else [view.places.get(node, ())]:
        for place in places:
            peer = place.attachment.peer or device_name(f"{place.device}-br")
            yield peer if node == HOST else place.device, place.path


def check_parents(view: View, report: Report) -> None:
    """What an interface is made on is there, and is not itself."""
    for key, path, name, interface in _interfaces(view):
        parent = interface.parent
        if parent is None:
            continue
        at = (*path, "link")
        node = parent.node or view.first(key)
        if parent.node and parent.node != HOST and view.no_node(parent.node):
            report.error(
                at,
                f"there is no node {parent.node!r}{hint(parent.node, [*view.names, HOST], report)}",
            )
        elif not parent.node and parent.device == name:
            report.error(at, f"{name!r} cannot be made on itself: name the device below it")
        elif node != HOST and not view.has_device(node, parent.device):
            known = view.device_names(node)
            text = (
                f"{node!r} has no interface {parent.device!r}{hint(parent.device, known, report)}"
            )
            report.error(at, text)
        if _circle(view, key, name):
            report.error(at, f"{name!r} is made on itself, by way of {parent.device!r}")


def _circle(view: View, key: str, name: str) -> bool:
    own = view.spec.host.interfaces if key == HOST else view.spec.namespaces[key].interfaces
    seen, at = {name}, own[name].parent
    while at is not None and not at.node and at.device in own and at.device != name:
        if at.device in seen:
            return False  # a circle further down, which is told there
        seen.add(at.device)
        at = own[at.device].parent
    return at is not None and not at.node and at.device == name and len(seen) > 1


def check_masters(view: View, report: Report) -> None:
    """A port is a device of the node, and has one master."""
    for key, path, interfaces in nodes_of(view):
        masters: dict[str, str] = {}
        for name, interface in interfaces.items():
            for port in interface.members:
                at = (*path, name, "ports")
                node = view.first(key)
                if port == name:
                    report.error(at, f"{name!r} cannot be a port of itself")
                elif node != HOST and not view.has_device(node, port):
                    known = view.device_names(node)
                    report.error(
                        at, f"{node!r} has no interface {port!r}{hint(port, known, report)}"
                    )
                elif port in masters:
                    text = (
                        f"{port!r} is a port of {masters[port]!r} already: a device has one master"
                    )
                    report.error(at, text)
                elif node == HOST and port in view.peers:
                    report.error(
                        at, f"{port!r} is a port of the network {view.peers[port]!r} already"
                    )
                masters[port] = name


def check_wire_addresses(view: View, report: Report) -> None:
    """An address is one that an interface can have, with its prefix, and once in a node and on a link."""
    for node, devices in view.devices.items():
        own: dict[tuple[str, IPAddress], Path] = {}
        for device in devices:
            for path, address in device.addresses:
                ip = ip_of(address)
                for text in _wrong_address(address, device.subnets_given):
                    report.error(path, text)
                domain = view.domain(node, device.name)
                first = own.setdefault((domain, ip), path)
                if first is not path and first != path:
                    text = f"{ip} is an address of {node!r} already: {there(first)}"
                    report.warning(path, f"{text}; replies may leave by either")


def _wrong_address(address: IPAddress | IPInterface, given: tuple[IPNetwork, ...]) -> Iterator[str]:
    ip = ip_of(address)
    subnet = next((s for s in given if ip in s), None)
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        subnet = address.network
    if given and not any(ip in s for s in given):
        yield f"{ip} is outside {joined(given)}, the subnet of this link"
    elif subnet is None:
        yield f"{ip} needs a prefix, such as {ip}/{24 if ip.version == 4 else 64}: nothing else says it"
    elif reserved(ip, subnet):
        yield f"{ip} is {reserved(ip, subnet)} of {subnet}: choose one of {usable(subnet)}"
    elif ip.is_multicast or ip.is_unspecified:
        yield f"{ip} cannot be an interface's address"


def check_ends_agree(view: View, report: Report) -> None:
    """The two ends of a link are in one subnet, with different addresses."""
    for index, link in view.spec.links:
        if link.endpoints is None:
            continue
        (here, one), (place, other) = link.endpoints
        at: Path = ("links", index, "endpoints", str(place), "address")
        for version in (4, 6):
            firsts, seconds = (_with_prefixes(end, version) for end in (one, other))
            if not firsts or not seconds:
                continue
            same = [a.ip for a in firsts for b in seconds if a.ip == b.ip]
            if same:
                report.error(at, f"{same[0]} is the address of both ends: {here} has it too")
            elif not any(a.ip in b.network and b.ip in a.network for a in firsts for b in seconds):
                text = f"the ends disagree: {seconds[0]} and {firsts[0]}, of {here}, are not in one subnet"
                report.error(at, text)


def _with_prefixes(end: End, version: int) -> list[IPInterface]:
    kinds = ipaddress.IPv4Interface | ipaddress.IPv6Interface
    return [a for a in end.address if isinstance(a, kinds) and a.version == version]


def check_tables(view: View, report: Report) -> None:
    """Each VRF has a table of its own, and not one of the kernel's."""
    for _, path, interfaces in nodes_of(view):
        tables: dict[int, str] = {}
        for name, interface in interfaces.items():
            table = interface.own_table
            if not table:
                continue
            at = (*path, name, "table")
            if table in OWN_TABLES:
                what = OWN_TABLES[table]
                report.error(at, f"table {table} is {what}, which every node has: choose another")
            elif table in tables:
                text = f"table {table} is that of {tables[table]!r} already"
                report.error(at, f"{text}: each VRF has its own")
            tables[table] = name


def check_peers(view: View, report: Report) -> None:
    """A WireGuard peer that is an interface of the topology is one."""
    known = {
        f"{name}:{device}": interface
        for key, _, device, interface in _interfaces(view)
        if isinstance(interface, Wireguard)
        for name in ([key] if key == HOST else [n for n, k in view.names.items() if k == key])
    }
    for _, path, _, interface in _interfaces(view):
        for index, peer in enumerate(interface.peers if isinstance(interface, Wireguard) else ()):
            if peer.interface is not None and str(peer.interface) not in known:
                near = hint(str(peer.interface), known, report)
                text = f"{str(peer.interface)!r} is no wireguard interface{near}"
                report.error((*path, "peers", index, "interface"), text)


class Device(NamedTuple):
    """A device of a node as far as it is written: an end of a link, or an interface."""

    name: str
    path: Path
    addresses: tuple[tuple[Path, IPAddress | IPInterface], ...]
    subnets_given: tuple[IPNetwork, ...] = ()

    @property
    def subnets(self) -> Iterator[IPNetwork]:
        """The subnets that it is in."""
        for _, address in self.addresses:
            ip = ip_of(address)
            if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
                yield address.network
            else:
                yield from (subnet for subnet in self.subnets_given if ip in subnet)


def ends_of(index: int, link: Link) -> Iterator[tuple[str, Device]]:
    """The devices that a link makes, each with its node."""
    path: Path = ("links", index)
    written = dict(link.endpoints or ())
    for cable in cables(link):
        for end in (cable.first, cable.second):
            place = next((p for p in written if (p.node, p.device) == (end.node, end.name)), None)
            at = (*path, "endpoints", str(place)) if place else (*path, "mesh")
            given = written[place].address if place else ()
            dealt = [a for a in end.addresses if any(a.ip in subnet for subnet in link.subnet)]
            addresses = tuple(((*at, "address", i), a) for i, a in enumerate(given or dealt))
            yield end.node, Device(end.name, at, addresses, link.subnet)
