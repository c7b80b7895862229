"""The next router of a route: another machine, on a subnet of one of the node's interfaces."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.routes import Leaving, hops, leaving
from nsgen.check.view import View, reserved
from nsgen.report import Path, Report
from nsgen.values import IPAddress, IPNetwork
from nsgen.words import listed

OR_ONLINK = ", or say 'onlink: true' with 'dev'"  # which an uplink has no key for


def check_routers(view: View, report: Report) -> None:
    """The next router is another machine, on a subnet of one of the node's interfaces."""
    for node in leaving(view):
        linked: list[IPNetwork] = []  # by routes further up that have a device and no router
        for path, route in view.items(node.path, node.routes):
            for at, via, device in hops(path, route):
                if via is not None:
                    onlink = route.onlink or (at != path and route.nexthops[int(at[-1])].onlink)
                    for text in _wrong_router(node, via, device, linked, onlink=onlink):
                        report.error((*at, "via"), text)
                elif route.to is not None:
                    linked.append(route.to)
        for at, via, device in _uplinks(view, node.path[:-1]):
            for text in _wrong_router(node, via, device, linked, onlink=False):
                report.error(at, text.replace(OR_ONLINK, ""))


def _uplinks(view: View, path: Path) -> Iterator[tuple[Path, IPAddress, str]]:
    """The routers of a node's uplinks."""
    node = view.spec.host if path == ("host",) else view.spec.namespaces[str(path[1])]
    for device, uplink in node.uplinks.items():
        for via in uplink.via:
            yield (*path, "uplinks", device), via, device


def _wrong_router(
    node: Leaving, via: IPAddress, device: str | None, linked: list[IPNetwork], *, onlink: bool
) -> Iterator[str]:
    subnets = node.subnets(device)
    here = [subnet for subnet in subnets if via in subnet]
    if via in node.addresses:
        yield f"{via} is an address of {node.name} itself: name the next router's"
    elif via.is_multicast or via.is_unspecified or via.is_loopback:
        yield f"{via} cannot be a router's address"
    elif here and reserved(via, here[0]):
        yield f"{via} is {reserved(via, here[0])} of {here[0]}: name a router's"
    elif via.is_link_local and via.version == 6:
        if device is None:
            yield f"{via} is on every link: say which with 'dev'"
    elif not here and not onlink and not any(via in subnet for subnet in linked):
        known = node.closed if device is None else device in node.devices
        if known:
            subject = (
                f"the interface {device!r} of {node.name} does not reach"
                if device
                else f"{node.name} does not reach"
            )
            only = f"only {listed(subnets)}" if subnets else "for want of an address"
            yield (f"{subject} {via}, {only}: name a router there{OR_ONLINK}")
