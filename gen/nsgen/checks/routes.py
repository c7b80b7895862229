"""Routes: that each has a way out, and that the way is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsgen.checks.view import View, hint, ip_of, joined, many, reserved
from nsgen.report import Path, Report
from nsgen.routing import Route, route_version
from nsgen.values import IPAddress, IPNetwork, expand

WAYS = ("via", "dev", "nexthops")
MAIN_TABLE = 254  # rt_tables
DEFAULT_METRIC = {4: 0, 6: 1024}  # linux/net/ipv6/route.c, ip6_route_info_create


class _Node(NamedTuple):
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
        if device is not None:
            return self.devices.get(device, [])
        return [subnet for subnets in self.devices.values() for subnet in subnets]


def _nodes(view: View) -> Iterator[_Node]:
    for key, namespace in view.spec.namespaces.items():
        if not namespace.routes:
            continue
        places = view.places[key]
        named = [place for place in places if many(key) == 1 or place.attachment.interface]
        own = view.devices.get(view.first(key), [])
        yield _Node(
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
            dealt=any(not place.attachment.address for place in places),
        )
    yield _Node(
        name="the host",
        path=("host", "routes"),
        routes=view.spec.host.routes,
        devices={
            **{name: list(network.subnet) for name, network in view.networks.items()},
            **{device.name: list(device.subnets) for device in view.devices.get("host", ())},
        },
        addresses={ip for gateways in view.gateways.values() for ip in gateways}
        | {ip_of(a) for device in view.devices.get("host", ()) for _, a in device.addresses},
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
    if view.spec.routing is None or view.wrong("namespaces") or view.wrong("host"):
        return
    routers = (namespace.forwarding for namespace in view.spec.namespaces.values())
    if not (view.spec.host.forwarding or any(routers)):
        text = "no node has 'forwarding: true', and nobody else passes packets on: no route is made"
        report.warning(("routing",), text)


def check_ways(view: View, report: Report) -> None:
    """A route has one way out, or none where it drops packets."""
    for node in _nodes(view):
        for path, route in view.items(node.path, node.routes):
            given = [way for way in WAYS if getattr(route, way)]
            if route.type != "unicast":
                for word in (*given, *(["onlink"] if route.onlink else [])):
                    text = f"a route of type {route.type} leads nowhere: remove {word!r}"
                    report.error((*path, word), text, on_key=True)
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
            for index, hop in enumerate(route.nexthops):
                if hop.via is None and hop.dev is None:
                    report.error(
                        (*path, "nexthops", index), "this way leads nowhere: add 'via' or 'dev'"
                    )


def _hops(path: Path, route: Route) -> Iterator[tuple[Path, IPAddress | None, str | None]]:
    """Each way out of a route: where it is written, the router, the device."""
    if route.via is not None or route.dev is not None:
        yield path, route.via, route.dev
    for index, hop in enumerate(route.nexthops):
        yield (*path, "nexthops", index), hop.via, hop.dev


def check_versions(view: View, report: Report) -> None:
    """All addresses of a route are of one IP version."""
    for node in _nodes(view):
        for path, route in view.items(node.path, node.routes):
            vias = [((*at, "via"), via) for at, via, _ in _hops(path, route) if via is not None]
            written = [(path, route.to), *vias, ((*path, "src"), route.src)]
            known = [(at, address) for at, address in written if address is not None]
            for at, address in known[1:]:
                first = known[0][1]
                if address.version != first.version:
                    text = (
                        f"{address} is IPv{address.version}, and {first} is IPv{first.version}: a"
                        " route has one IP version"
                    )
                    report.error(at, text)


def check_routers(view: View, report: Report) -> None:
    """The next router is another machine, on a subnet of one of the node's interfaces."""
    for node in _nodes(view):
        linked: list[IPNetwork] = []  # by routes further up that have a device and no router
        for path, route in view.items(node.path, node.routes):
            for at, via, device in _hops(path, route):
                if via is not None:
                    for text in _wrong_router(node, route, via, device, linked):
                        report.error((*at, "via"), text)
                elif route.to is not None:
                    linked.append(route.to)


def _wrong_router(
    node: _Node, route: Route, via: IPAddress, device: str | None, linked: list[IPNetwork]
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
    elif not here and not route.onlink and not any(via in subnet for subnet in linked):
        known = node.closed if device is None else device in node.devices
        if known:
            subject = (
                f"the interface {device!r} of {node.name} does not reach"
                if device
                else f"{node.name} does not reach"
            )
            listed = f"only {joined(subnets)}" if subnets else "for want of an address"
            yield (
                f"{subject} {via}, {listed}: name a router there, or say 'onlink: true' with 'dev'"
            )


def check_devices(view: View, report: Report) -> None:
    """A namespace's route leaves by an interface that the namespace has."""
    for node in _nodes(view):
        for path, route in view.items(node.path, node.routes) if node.closed else ():
            for at, _, device in _hops(path, route):
                if device is not None and device not in node.devices:
                    text = (
                        f"{node.name} has no interface"
                        f" {device!r}{hint(device, node.devices, report)}"
                    )
                    report.error((*at, "dev"), text)


def check_sources(view: View, report: Report) -> None:
    """A preferred source is an address of the node."""
    for node in _nodes(view):
        for path, route in view.items(node.path, node.routes) if node.closed else ():
            src = route.src
            if src is None or src in node.addresses or src.is_loopback:
                continue
            if not (node.dealt and any(src in subnet for subnet in node.subnets(None))):
                known = (
                    f": it has {joined(sorted(node.addresses, key=str))}"
                    if 0 < len(node.addresses) <= 4
                    else ""
                )
                report.error((*path, "src"), f"{src} is not an address of {node.name}{known}")


def check_twice(view: View, report: Report) -> None:
    """No destination has two routes of one table and metric: the second would replace the first."""
    for node in _nodes(view):
        key = str(node.path[1]) if node.path[0] == "namespaces" else None
        automatic = dict(view.default_routes(key)) if key else {}
        seen: dict[tuple[object, ...], Path] = {}
        for path, route in view.items(node.path, node.routes):
            version = route_version(route)
            everywhere = route.to is None or route.to.prefixlen == 0
            metric = route.metric or DEFAULT_METRIC[version]
            where = (version, not everywhere and route.to, route.table or MAIN_TABLE, metric)
            to = "default" if everywhere else str(route.to)
            if where in seen:
                text = (
                    f"routes[{seen[where][-1]}] leads to {to} already: give one of them another"
                    " 'metric' or 'table'"
                )
                report.error(path, text)
            elif (
                where == (version, False, MAIN_TABLE, DEFAULT_METRIC[version])
                and version in automatic
            ):
                name = automatic[version].name
                text = (
                    f"the default route goes through {name!r} already: set 'default_route: false'"
                    " there,"
                    " or give this one a 'metric' or 'table'"
                )
                report.error(path, text)
            seen.setdefault(where, path)
