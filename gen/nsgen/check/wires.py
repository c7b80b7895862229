"""Links and interfaces: that both ends are there, names, masters, and what a device is made on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.check.links import impaired
from nsgen.check.view import View, by_range, hint, many
from nsgen.language.kinds.kind import Loopback
from nsgen.language.kinds.physical import Physical
from nsgen.language.kinds.place import NodeDevice
from nsgen.language.kinds.wireguard import Wireguard
from nsgen.language.routing import MAIN
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Report
from nsgen.topology.names import default_routes, ip_of
from nsgen.values import HOST, IPAddress, expand
from nsgen.words import listed

OWN_TABLES = {253: "default", MAIN: "main", 255: "local"}  # rt_tables


def check_kinds(view: View, report: Report) -> None:
    """Nothing is wrong with an interface by itself."""
    for key, path, _, interface in view.interfaces():
        for field, text in interface.wrong():
            report.error((*path, field), text)
        impaired((*path, "impair"), interface.impair, report)
        if isinstance(interface, Loopback) and (
            interface.impair or interface.mac or not interface.up
        ):
            report.error(path, "'lo' is given addresses here, and nothing else")
        if many(key) > 1 and (
            interface.address or interface.mac or isinstance(interface, Physical)
        ):
            text = f"{key!r} is {many(key)} namespaces, and each needs its own: {by_range(key)}"
            report.error(path, text)
        if isinstance(interface, Physical) and key == HOST:
            report.error(
                (*path, "type"),
                "a physical interface moves out of the host: write it in a namespace",
            )
    for places in view.places.values():
        for place in places:
            impaired((*place.path, "impair"), place.attachment.impair, report)


def check_parents(view: View, report: Report) -> None:
    """What an interface is made on is there before it, and is not itself."""
    parents = dict(_parents(view))
    ring = _ring(parents)
    for key, path, name, interface in view.interfaces():
        parent = interface.parent
        if parent is None:
            continue
        at, own = (*path, "link"), NodeDevice(view.first(key), name)
        node, device = parents[own]
        elsewhere = parent.node and parent.node != HOST and _no_node(view, parent.node, report)
        if elsewhere:
            report.error(at, elsewhere)
        elif (node, device) == own:
            report.error(at, f"{name!r} cannot be made on itself: name the device below it")
        elif node != HOST and not view.has_device(node, device):
            near = hint(device, view.device_names(node), report)
            report.error(at, f"{node!r} has no interface {device!r}{near}")
        elif _circle(parents, own):
            report.error(at, f"{name!r} is made on itself, by way of {device!r}")
        elif key == HOST != node:
            text = f"the host is there before {node!r}, and has no devices from it"
            report.error(at, f"{text}: make {name!r} in {node!r}, or on a device of the host")
        elif parent.node in ring and ring.keys() & _names(key) - {parent.node}:
            text = f"{listed(ring)} have devices from each other, and one has to be there first"
            report.error(at, f"{text}: make one of these interfaces in the node of its 'link'")


def _no_node(view: View, name: str, report: Report) -> str:
    """What is wrong with the node on whose device another is made, or nothing."""
    if view.no_node(name):
        return f"there is no node {name!r}{hint(name, [*view.names, HOST], report)}"
    if name in ("outside", "internet"):
        return f"{name!r} is a machine elsewhere: name a device of 'host' or of a namespace"
    return ""


def _names(key: str) -> set[str]:
    return {key} if key == HOST else set(expand(key))


def _parents(view: View) -> Iterator[tuple[NodeDevice, NodeDevice]]:
    """The devices that are made on another, each with that."""
    for key, _, name, interface in view.interfaces():
        below = interface.parent
        if below is not None:
            for node in _names(key):
                yield NodeDevice(node, name), NodeDevice(below.node or node, below.device)


def _circle(parents: Mapping[NodeDevice, NodeDevice], start: NodeDevice) -> bool:
    """Whether what is below a device leads back to it; a circle further down is told there."""
    at, seen = parents.get(start), set[NodeDevice]()
    while at is not None and at != start and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at == start


def _ring(parents: Mapping[NodeDevice, NodeDevice]) -> dict[str, None]:
    """Namespaces of which each has a device from the next one, and the last from the first; if there are any."""
    from graphlib import CycleError, TopologicalSorter  # few need it

    below: dict[str, dict[str, None]] = {}
    for own, other in parents.items():
        if own.node != other.node and HOST not in (own.node, other.node):
            below.setdefault(own.node, {})[other.node] = None
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return dict.fromkeys(reversed(error.args[1]))
    return {}


def check_numbers(view: View, report: Report) -> None:
    """A VXLAN has a number, or several and a bridge that tells VLANs apart."""
    if any(interface.KIND == "vxlan" for *_, interface in view.interfaces()):
        from nsgen.check.vnis import check_vnis  # few topologies have any

        check_vnis(view, report)


def check_masters(view: View, report: Report) -> None:
    """A port is a device of the node, and has one master."""
    for key, path, written in view.spec.nodes():
        masters: dict[str, str] = {}
        node = view.first(key)
        for name, interface in written.interfaces.items():
            for port in interface.members:
                at = (*path, "interfaces", name, "ports")
                if port == name:
                    report.error(at, f"{name!r} cannot be a port of itself")
                elif node != HOST and not view.has_device(node, port):
                    known = view.device_names(node)
                    report.error(
                        at, f"{node!r} has no interface {port!r}{hint(port, known, report)}"
                    )
                elif node == HOST and port in view.spec.networks:
                    text = f"{port!r} is a network: it cannot be a port of another device"
                    report.error(at, text)
                elif port in masters:
                    text = (
                        f"{port!r} is a port of {masters[port]!r} already: a device has one master"
                    )
                    report.error(at, text)
                elif node == HOST and port in view.peers:
                    report.error(
                        at, f"{port!r} is a port of the network {view.peers[port][0]!r} already"
                    )
                elif node == HOST and port in view.ports:
                    text = f"{port!r} is a port already, {path_text(view.ports[port][1])}"
                    report.error(at, f"{text}: a device has one master")
                masters[port] = name


def check_ports(view: View, report: Report) -> None:
    """A port is a device that its master takes, and nothing besides."""
    if view.ports or any(interface.members for *_, interface in view.interfaces()):
        from nsgen.check import ports  # most topologies have none

        ports.check(view, report)


def check_tables(view: View, report: Report) -> None:
    """Each VRF has a table of its own, and not one of the kernel's."""
    for _, path, node in view.spec.nodes():
        tables: dict[int, str] = {}
        for name, interface in node.interfaces.items():
            table = interface.own_table
            if not table:
                continue
            at = (*path, "interfaces", name, "table")
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
        for key, _, device, interface in view.interfaces()
        if isinstance(interface, Wireguard)
        for name in ([key] if key == HOST else [n for n, k in view.names.items() if k == key])
    }
    for _, path, _, interface in view.interfaces():
        for index, peer in enumerate(interface.peers if isinstance(interface, Wireguard) else ()):
            if peer.interface is not None and str(peer.interface) not in known:
                near = hint(str(peer.interface), known, report)
                text = f"{str(peer.interface)!r} is no wireguard interface{near}"
                report.error((*path, "peers", index, "interface"), text)


def check_endpoints(view: View, report: Report) -> None:
    """A namespace has a route to where the other end of its tunnel is."""
    if view.spec.routing is not None or view.wrong("links"):
        return
    for key, namespace in view.spec.namespaces.items():
        # What commands and daemons do to the routes is not known.
        if many(key) > 1 or namespace.exec or namespace.services or not view.complete(key):
            continue
        tunnels = ((n, i) for n, i in namespace.interfaces.items() if isinstance(i, Wireguard))
        for name, interface in tunnels:
            for index, peer in enumerate(interface.peers):
                outside = peer.outside
                if outside is not None and not _routed(view, key, outside):
                    at = ("namespaces", key, "interfaces", name, "peers", index, "endpoint")
                    text = f"{key!r} has no route to {outside}, where this peer is: add one to 'routes'"
                    report.warning(at, text)


def _routed(view: View, key: str, to: IPAddress) -> bool:
    places = view.places[key]
    subnets = [subnet for place in places for subnet in place.subnets]
    subnets += [subnet for device in view.devices.get(key, ()) for subnet in device.subnets]
    own = [ip_of(a) for device in view.devices.get(key, ()) for _, a in device.addresses]
    if to in own or any(to in subnet for subnet in subnets):
        return True
    if any(gateway.version == to.version for _, gateway in default_routes(places)):
        return True
    return any(route.to is None or to in route.to for route in view.spec.namespaces[key].routes)
