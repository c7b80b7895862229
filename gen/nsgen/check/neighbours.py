"""Static and proxied neighbours, and link-local addresses: that their device can have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nsgen.check.view import View
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.spec import Host, WrittenNamespace
from nsgen.report import Path, Report
from nsgen.topology.names import ip_of
from nsgen.topology.needs import FORWARD, sysctl_key, sysctl_path
from nsgen.values import HOST, IPV6_MTU, IPAddress, address


class _Device(NamedTuple):
    """A device with what is written of its neighbours: of an attachment, the end of a link, or an interface."""

    key: str  # of its node
    name: str
    path: Path
    known: Mapping[str, str]
    proxied: tuple[IPAddress, ...]
    link_local: bool
    mtu: int
    mtu_path: Path
    interface: WrittenInterface | None = None

    @property
    def written(self) -> Iterator[tuple[Path, IPAddress]]:
        """Each address with its path."""
        yield from (((*self.path, "neighbours", text), address(text)) for text in self.known)
        for index, proxied in enumerate(self.proxied):
            yield (*self.path, "proxy_neighbours", index), proxied


def devices_with(view: View) -> Iterator[_Device]:
    """The devices for which any of it is written."""
    every = (*_attached(view), *_ends(view), *_interfaces(view))
    yield from (d for d in every if d.known or d.proxied or d.link_local)


def _attached(view: View) -> Iterator[_Device]:
    for key, places in view.places.items():
        for place in places:
            one, mtu = place.attachment, place.attachment.mtu or place.network.mtu or 0
            neighbours = (one.neighbours, one.proxy_neighbours, one.link_local)
            yield _Device(key, place.device, place.path, *neighbours, mtu, place.path)


def _ends(view: View) -> Iterator[_Device]:
    for index, link in view.spec.links:
        for place, end in link.endpoints or ():
            path = ("links", index, "endpoints", str(place))
            neighbours = (end.neighbours, end.proxy_neighbours, link.link_local or end.link_local)
            key = view.names.get(place.node, place.node)
            at: Path = path if end.mtu else ("links", index)
            mtu = end.mtu or link.mtu or 0
            yield _Device(key, place.device, path, *neighbours, mtu, at)
        if link.mesh:
            at = ("links", index)
            yield _Device("", "", at, {}, (), link.link_local, link.mtu or 0, at)


def _interfaces(view: View) -> Iterator[_Device]:
    for key, path, node in view.spec.nodes():
        for name, one in node.interfaces.items():
            at, mtu = (*path, "interfaces", name), one.mtu or one.own_mtu
            neighbours = (one.neighbours, one.proxy_neighbours, one.link_local)
            yield _Device(key, name, at, *neighbours, mtu, at, one)


def check_neighbours(view: View, report: Report) -> None:
    """A neighbour has an address that somebody can have, and is written once."""
    for device in devices_with(view):
        seen: set[IPAddress] = set()
        own = [ip_of(a) for a in device.interface.address] if device.interface else []
        for path, written in device.written:
            if written.is_multicast or written.is_unspecified or written.is_loopback:
                report.error(path, f"{written} is no neighbour's address")
            elif written in own:
                report.error(path, f"{written} is its own address: name a neighbour's")
            elif written in seen:
                report.error(path, f"{written} is written already: remove one")
            seen.add(written)


def check_their_devices(view: View, report: Report) -> None:
    """A device has neighbours, and IPv6 where it is asked for."""
    for device in devices_with(view):
        asked = next(k for k in ("neighbours", "proxy_neighbours", "link_local") if _has(device, k))
        master = _master(view, device)
        if device.interface is not None and not device.interface.has_neighbours:
            text = f"{device.name!r} has no link with neighbours: remove {asked!r}"
            report.error((*device.path, asked), text, on_key=True)
        elif master:
            text = f"{device.name!r} is a port of {master!r}, which has the neighbours: write {asked!r} there"
            report.error(device.path, text, on_key=True)
        elif 0 < device.mtu < IPV6_MTU and (
            device.link_local or any(written.version == 6 for _, written in device.written)
        ):
            text = f"expected at least {IPV6_MTU}, which IPv6 needs, got {device.mtu}"
            report.error((*device.mtu_path, "mtu"), text)


def _has(device: _Device, key: str) -> bool:
    values = (device.known, device.proxied, device.link_local)
    return bool(values[("neighbours", "proxy_neighbours", "link_local").index(key)])


def _master(view: View, device: _Device) -> str:
    """The bridge or bond that a device is a port of; a VRF leaves it its neighbours."""
    own = _node(view, device.key)
    masters = (
        (n, i) for n, i in (own.interfaces if own else {}).items() if device.name in i.members
    )
    return next((name for name, master in masters if not master.own_table), "")


def _node(view: View, key: str) -> Host | WrittenNamespace | None:
    return view.spec.host if key == HOST else view.spec.namespaces.get(key)


def check_proxies(view: View, report: Report) -> None:
    """Who answers for addresses elsewhere passes on what is sent to them."""
    for device in devices_with(view):
        node = _node(view, device.key)
        if not device.proxied or node is None or node.forwarding or device.key == HOST:
            continue
        switched = {v for v in (4, 6) if any(_switches(key, v) for key in node.sysctls)}
        if not switched.issuperset(proxied.version for proxied in device.proxied):
            text = f"{device.key!r} answers for nobody unless it passes packets on: add 'forwarding: true'"
            report.error((*device.path, "proxy_neighbours"), text, on_key=True)


def _switches(sysctl: str, version: int) -> bool:
    """Whether a parameter is about forwarding packets of an IP version, of all devices or of one."""
    path = sysctl_path(sysctl).split("/")
    one = path[1:3] == [f"ipv{version}", "conf"] and path[-1] == "forwarding"
    return one or sysctl_key(sysctl) == FORWARD[version]
