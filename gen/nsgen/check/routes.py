"""Routes: that each has a way out, and that the way is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsgen.check.view import View, hint, many
from nsgen.language.routing import (
    DEFAULT_METRIC,
    LOCAL,
    MAIN,
    Route,
    route_metric,
    route_table,
    route_version,
)
from nsgen.report import Path, Report
from nsgen.topology.names import default_routes, ip_of
from nsgen.values import HOST, IPV6_MTU, IPAddress, IPNetwork, expand
from nsgen.words import listed

WAYS = ("via", "dev", "nexthops")


class Leaving(NamedTuple):
    """What is known of a node's interfaces: by device, the subnets it is in; and its addresses.

    `closed`: these are all of its devices. `dealt`: it has automatic addresses besides, of which
    only the subnet is known.
    """

    name: str
    path: Path
    routes: tuple[Route, ...]
    devices: dict[str, list[IPNetwork]]
    addresses: set[IPAddress]
    closed: bool
    dealt: bool

    def subnets(self, device: str | None) -> list[IPNetwork]:
        """The subnets that a device is in, or all of them."""
        if device is not None:
            return self.devices.get(device, [])
        return [subnet for subnets in self.devices.values() for subnet in subnets]


def leaving(view: View) -> Iterator[Leaving]:
    """The nodes that have routes, with what is known of their interfaces."""
    for key, namespace in view.spec.namespaces.items():
        if not (namespace.routes or namespace.uplinks):
            continue
        places = view.places[key]
        named = [place for place in places if many(key) == 1 or place.attachment.interface]
        own = view.devices.get(view.first(key), [])
        yield Leaving(
            name=repr(key),
            path=("namespaces", key, "routes"),
            routes=namespace.routes,
            devices={
                "lo": [],
                **{place.device: list(place.subnets) for place in places},
                **{device.name: list(device.subnets) for device in own},
            },
            addresses={ip_of(a) for place in places for _, a in place.addresses}
            | {ip_of(a) for device in own for _, a in device.addresses},
            closed=_closed(view, key) and named == list(places),
            dealt=any(place.dealt for place in places),
        )
    yield Leaving(
        name="the host",
        path=("host", "routes"),
        routes=view.spec.host.routes,
        devices={
            **{name: list(network.subnet) for name, network in view.networks.items()},
            **{device.name: list(device.subnets) for device in view.devices.get(HOST, ())},
        },
        addresses={ip for gateways in view.gateways.values() for ip in gateways}
        | {ip_of(a) for device in view.devices.get(HOST, ()) for _, a in device.addresses},
        closed=False,
        dealt=False,
    )


def _closed(view: View, key: str) -> bool:
    """Whether all devices of a namespace are known."""
    wired = view.wrong("links") or view.wrong("namespaces", key, "interfaces")
    several = many(key) > 1 and any(name in view.devices for name in expand(key))
    return view.complete(key) and not wired and not several


def check_routing(view: View, report: Report) -> None:
    """`routing: auto` leads through nodes that forward: there is one."""
    if view.spec.routing is None and not view.wrong("routing"):
        for name, network in view.networks.items():
            if network.routing is not None:
                text = (
                    "there is no 'routing: auto' that this network could be left out of: remove it"
                )
                report.warning(("networks", name, "routing"), text, on_key=True)
    if view.spec.routing is None or view.wrong("namespaces") or view.wrong("host"):
        return
    routers = (namespace.forwarding for namespace in view.spec.namespaces.values())
    if not (view.spec.host.forwarding or any(routers)):
        text = "no node has 'forwarding: true', and nobody else passes packets on: no route is made"
        report.warning(("routing",), text)


def check_ways(view: View, report: Report) -> None:
    """A route has one way out, or none where it drops packets."""
    for node in leaving(view):
        for path, route in view.items(node.path, node.routes):
            given = [way for way in WAYS if getattr(route, way)]
            if route.type != "unicast":
                _check_end(route, path, given, report)
            elif not given:
                report.error(
                    path,
                    "the route leads nowhere: add 'via', 'dev' or 'nexthops', or a type such as"
                    " blackhole",
                )
            elif "nexthops" in given and len(given) > 1:
                text = (
                    f"'nexthops' lists the ways out, {given[0]!r} would be one more: write it as"
                    " one"
                    " of them"
                )
                report.error((*path, given[0]), text, on_key=True)
            elif route.onlink and not (route.via and route.dev):
                report.error(
                    (*path, "onlink"),
                    "'onlink' needs 'via' and 'dev', the interface on which the router is",
                    on_key=True,
                )
            _check_hops(route, path, report)


def _check_hops(route: Route, path: Path, report: Report) -> None:
    for index, hop in enumerate(route.nexthops):
        at = (*path, "nexthops", index)
        if hop.via is None and hop.dev is None:
            report.error(at, "this way leads nowhere: add 'via' or 'dev'")
        elif hop.onlink and not (hop.via and hop.dev):
            text = "'onlink' needs 'via' and 'dev', the interface on which the router is"
            report.error((*at, "onlink"), text, on_key=True)
    if route.mtu is not None and route_version(route) == 6 and route.mtu < IPV6_MTU:
        text = f"expected at least {IPV6_MTU}, which IPv6 needs, got {route.mtu}"
        report.error((*path, "mtu"), text)


def _check_end(route: Route, path: Path, given: list[str], report: Report) -> None:
    """A route that ends here: what it says of a way on is for nothing."""
    where = "to the node itself" if route.type == "local" else "nowhere"
    own = [word for word in given if word != "dev" or route.type != "local"]
    for word in (*own, *(word for word in ("onlink", "mtu") if getattr(route, word))):
        text = f"a route of type {route.type} leads {where}: remove {word!r}"
        report.error((*path, word), text, on_key=True)
    everything = route.to is None or not route.to.prefixlen
    if route.type == "local" and everything and route_table(route) == LOCAL:
        text = (
            "this takes every packet for the node's own: give it a 'table', and a rule that asks it"
        )
        report.error((*path, "type"), text)


def hops(path: Path, route: Route) -> Iterator[tuple[Path, IPAddress | None, str | None]]:
    """Each way out of a route: where it is written, the router, the device."""
    if route.via is not None or route.dev is not None:
        yield path, route.via, route.dev
    for index, hop in enumerate(route.nexthops):
        yield (*path, "nexthops", index), hop.via, hop.dev


def check_versions(view: View, report: Report) -> None:
    """All addresses of a route are of one IP version."""
    for node in leaving(view):
        for path, route in view.items(node.path, node.routes):
            vias = [((*at, "via"), via) for at, via, _ in hops(path, route) if via is not None]
            written = [(path, route.to), *vias, ((*path, "src"), route.src)]
            known = [(at, address) for at, address in written if address is not None]
            for at, address in known[1:]:
                first = known[0][1]
                # RFC 8950: an IPv4 route may lead to a router that is known by IPv6.
                other = at[-1] == "via" and address.version == 6 and first is route.to
                if address.version != first.version and not other:
                    text = (
                        f"{address} is IPv{address.version}, and {first} is IPv{first.version}: a"
                        " route has one IP version"
                    )
                    report.error(at, text)


def check_devices(view: View, report: Report) -> None:
    """A namespace's route leaves by an interface that the namespace has."""
    for node in leaving(view):
        for path, route in view.items(node.path, node.routes) if node.closed else ():
            for at, _, device in hops(path, route):
                if device is not None and device not in node.devices:
                    text = (
                        f"{node.name} has no interface"
                        f" {device!r}{hint(device, node.devices, report)}"
                    )
                    report.error((*at, "dev"), text)


def check_ipv6(view: View, report: Report) -> None:
    """The host's IPv6 routes leave by devices that have IPv6; a network of IPv4 alone has none."""
    path: Path = ("host", "routes")
    for at, route in view.items(path, view.spec.host.routes):
        for hop, _, device in hops(at, route) if route_version(route) == 6 else ():
            network = view.networks.get(device or "")
            spoken = {subnet.version for subnet in network.subnet} if network else {6}
            if spoken == {4}:
                text = f"the network {device!r} has no IPv6: add an IPv6 subnet to it"
                report.error((*hop, "dev"), text)


def check_sources(view: View, report: Report) -> None:
    """A preferred source is an address of the node."""
    for node in leaving(view):
        for path, route in view.items(node.path, node.routes) if node.closed else ():
            src = route.src
            if src is None or src in node.addresses or src.is_loopback:
                continue
            if not (node.dealt and any(src in subnet for subnet in node.subnets(None))):
                known = (
                    f": it has {listed(sorted(node.addresses, key=str))}"
                    if 0 < len(node.addresses) <= 4
                    else ""
                )
                report.error((*path, "src"), f"{src} is not an address of {node.name}{known}")


def check_twice(view: View, report: Report) -> None:
    """No destination has two routes of one table and metric: the second would replace the first."""
    for node in leaving(view):
        key = str(node.path[1]) if node.path[0] == "namespaces" else None
        automatic = {
            gateway.version: place.name
            for place, gateway in (default_routes(view.places[key]) if key else ())
        }
        seen: dict[tuple[object, ...], Path] = {}
        for path, route in view.items(node.path, node.routes):
            version = route_version(route)
            everywhere = route.to is None or route.to.prefixlen == 0
            table, metric = route_table(route), route_metric(route)
            where = (version, not everywhere and route.to, table, metric)
            to = "default" if everywhere else str(route.to)
            if where in seen:
                text = (
                    f"routes[{seen[where][-1]}] leads to {to} already: give one of them another"
                    " 'metric' or 'table'"
                )
                report.error(path, text)
            elif where == (version, False, MAIN, DEFAULT_METRIC[version]) and version in automatic:
                name = automatic[version]
                text = (
                    f"the default route goes through {name!r} already: set 'default_route: false'"
                    " there,"
                    " or give this one a 'metric' or 'table'"
                )
                report.error(path, text)
            seen.setdefault(where, path)
