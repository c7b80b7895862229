"""Ports: which devices can be one, of which bridge, and what such a device is not besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsgen.check.view import View
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.wiring import Above, Bundle, Domain, Switch
from nsgen.language.networks import Network
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.values import HOST, IPV6_MTU

ETHERNET_MTU = 1500  # that of a device of which nothing else is written
OF_THE_MASTER = ("address", "neighbours", "proxy_neighbours", "link_local")


class _Master(NamedTuple):
    """A bridge, bond or VRF of a node, or a network: its name, where its ports are written, and they."""

    key: str  # of its node
    name: str
    path: Path
    ports: tuple[str, ...]
    wiring: object


def _masters(view: View) -> Iterator[_Master]:
    for name, network in view.networks.items():
        if network.ports:
            at: Path = ("networks", name, "ports")
            yield _Master(HOST, name, at, tuple(network.ports), Switch(filtering=False))
    for key, path, name, interface in view.interfaces():
        ports = tuple(interface.members)
        if ports:
            yield _Master(key, name, (*path, "ports"), ports, interface.wiring)


def check(view: View, report: Report) -> None:
    """File what is wrong with the ports of bridges, bonds and VRFs, and of networks."""
    masters = list(_masters(view))
    _check_kinds(view, masters, report)
    _check_above(view, masters, report)
    if view.ports:
        _check_network_ports(view, report)
        _check_what_ports_have(view, report)
        _check_mtu(view, report)


def _check_kinds(view: View, masters: list[_Master], report: Report) -> None:
    """A bridge takes what carries frames, and no other bridge."""
    for master in masters:
        for port in master.ports if isinstance(master.wiring, Switch) else ():
            interface = _interfaces(view, master.key).get(port)
            why = "" if interface is None or port == master.name else _no_port(interface)
            if why:
                text = f"{port!r} cannot be a port of the bridge {master.name!r}: {why}"
                report.error(master.path, text)


def _interfaces(view: View, key: str) -> dict[str, WrittenInterface]:
    node = view.spec.host if key == HOST else view.spec.namespaces[key]
    return dict(node.interfaces)


def _no_port(interface: WrittenInterface) -> str:
    """Why the kernel takes a kind of interface for no port of a bridge, net/bridge/br_if.c, br_add_if."""
    wiring = interface.wiring
    if isinstance(wiring, Switch):
        return "it is a bridge itself; connect the two with a link whose ends are ports of them"
    if isinstance(wiring, Domain):
        return "it is a routing domain; give its 'ports' the bridge instead"
    return "" if wiring.FRAMES else "it carries packets, and a bridge passes on frames"


def _check_above(view: View, masters: list[_Master], report: Report) -> None:
    """What comes by a port goes to its master, and to no macvlan or ipvlan on it."""
    ports = {
        (node, port): master
        for master in masters
        if isinstance(master.wiring, Switch | Bundle)
        for node in [view.first(master.key)]
        for port in master.ports
    }
    for key, path, _, interface in view.interfaces():
        wiring = interface.wiring
        if not isinstance(wiring, Above):
            continue
        master = ports.get((wiring.lower.node or view.first(key), wiring.lower.device))
        if master is not None:
            text = f"{wiring.lower.device!r} is a port, {path_text(master.path)}"
            text += f": the kernel makes no {interface.type} on one; make it on {master.name!r}"
            report.error((*path, "link"), text)


def _check_network_ports(view: View, report: Report) -> None:
    """A port of a network is a device of the host, and of no other master."""
    seen: dict[str, Path] = {}
    for name, network in view.networks.items():
        at: Path = ("networks", name, "ports")
        for port, settings in network.ports.items():
            if port == name:
                report.error(at, f"{port!r} cannot be a port of itself")
            elif port in view.spec.networks:
                text = f"{port!r} is a network, and a bridge cannot be a port of another"
                report.error(at, f"{text}: connect the two with a link whose ends are ports")
            elif port in view.peers:
                text = f"{port!r} is a port of {view.peers[port][0]!r} already"
                report.error(at, f"{text}, {path_text(view.peers[port][1])}: remove it here")
            elif port in seen:
                text = f"{port!r} is a port already, {path_text(seen[port])}"
                report.error(at, f"{text}: a device has one master")
            elif settings.untagged or settings.tagged:
                text = "the bridge of a network does not look at VLANs"
                report.error(at, f"{text}: make a 'vlan' interface on {port!r}, and that the port")
            seen.setdefault(port, at)


def _check_what_ports_have(view: View, report: Report) -> None:
    """A device that is a port of a network has no address of its own, and nothing comes or leaves by it alone."""
    for device in view.devices.get(HOST, ()):
        if device.name in view.ports and device.addresses:
            network, at = view.ports[device.name]
            text = f"{device.name!r} is a port, and {path_text(device.path)} gives it an address"
            report.error(at, f"{text}: the host's own is the 'gateway' of {network!r}; remove one")
    for port, interface in view.spec.host.interfaces.items():
        for field in OF_THE_MASTER[1:] if port in view.ports else ():
            if getattr(interface, field):
                text = f"{port!r} is a port, {path_text(view.ports[port][1])}, and has no neighbours of its own"
                report.error(("host", "interfaces", port, field), f"{text}: remove it", on_key=True)
    for path, name in _named_on_host(view):
        if name is not None and name in view.ports:
            network, at = view.ports[name]
            text = f"{name!r} is a port, {path_text(at)}: to this host, what comes or leaves by it"
            report.error(path, f"{text} does so by {network!r}; name that")


def _named_on_host(view: View) -> Iterator[tuple[Path, str | None]]:
    """Where the host's routes, rules and nat name a device."""
    for at, route in view.items(("host", "routes"), view.spec.host.routes):
        yield (*at, "dev"), route.dev
        for index, hop in enumerate(route.nexthops):
            yield (*at, "nexthops", index, "dev"), hop.dev
    for at, rule in view.items(("host", "rules"), view.spec.host.rules):
        yield (*at, "iif"), rule.iif
        yield (*at, "oif"), rule.oif
    for at, nat in view.items(("host", "nat"), view.spec.host.nat):
        yield (*at, "masquerade"), nat.masquerade
        yield (*at, "out"), nat.out
        yield (*at, "in"), nat.in_


def _check_mtu(view: View, report: Report) -> None:
    """What members send fits a port, as far as its MTU is known; and IPv6 does."""
    for name, network in view.networks.items():
        for port, interface in view.spec.host.interfaces.items() if network.ports else ():
            mtu = interface.mtu or interface.own_mtu
            sent = network.mtu or ETHERNET_MTU
            if port not in network.ports or not mtu or _no_port(interface):
                continue
            if mtu < IPV6_MTU and _has_ipv6(network):
                text = f"{port!r} has room for {mtu} bytes, and IPv6 needs {IPV6_MTU}"
                report.error(("networks", name, "ports"), text)
            elif mtu < sent:
                text = (
                    f"{port!r} has room for {mtu} bytes, and members send {sent}: larger packets"
                    f" are lost there without a word; add 'mtu: {mtu}'"
                )
                report.warning(("networks", name, "ports"), text)


def _has_ipv6(network: Network) -> bool:
    return any(subnet.version == 6 for subnet in network.subnet)
