"""Routes."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import Any

from nsgen.capturing.cables import on_subnets
from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import (
    new_routes,
    of_route,
)
from nsgen.proof.state import KernelNode, KernelRoute, Raw
from nsgen.values import HOST

LEARNED = {
    "ra",
    "dhcp",
    "bird",
    "bgp",
    "ospf",
    "isis",
    "rip",
    "eigrp",
    "zebra",
    "babel",
    "redirect",
}
KNOWN = {
    "dst", "gateway", "via", "dev", "protocol", "scope", "prefsrc", "metric", "flags", "table", "type",
    "metrics", "nexthops", "pref", "error",
}  # fmt: skip
TABLES = {"local": 255, "main": 254, "default": 253}
TYPES = {"unicast", "local", "blackhole", "unreachable", "prohibit"}
IPV6_METRIC = 1024  # IP6_RT_PRIO_USER: linux/ipv6_route.h


def take_routes(draft: Draft) -> None:
    """Say the routes that do not follow from addresses and from networks with `internet`."""
    for node in draft.nodes:
        routes = [
            route
            for route in new_routes(node, draft.before(node.name))
            if draft.account.open(of_route(node.name, route))
        ]
        routes.sort(key=lambda route: bool(route.via or route.hops))  # the way to a router first
        implied = _defaults(draft, node, routes) if node.name != HOST else set()
        for route in routes:
            element = of_route(node.name, route)
            if element in implied:
                draft.account.say(element, "the default route of a network")
                continue
            if route.protocol in LEARNED:
                draft.account.leave(
                    element, f"it was learned ({route.protocol}), and will be again"
                )
                continue
            found = _route(node, route)
            if found is None:
                draft.account.leave(element, "it has attributes that 'routes' does not have")
                continue
            entries = draft.at(node.name).setdefault("routes", [])
            entries.append(found)
            draft.account.say(element, f"routes[{len(entries) - 1}]")


def plain_default(route: KernelRoute) -> bool:
    """Whether it is the one that a network with `internet` brings."""
    return (
        (route.to, route.table, route.type) == ("default", "main", "unicast")
        and route.metric in (0, IPV6_METRIC if route.version == 6 else 0)
        and bool(route.via)
        and not route.source
        and not route.raw.get("metrics")
        and "onlink" not in route.raw.get("flags", ())
    )


def _defaults(draft: Draft, node: KernelNode, routes: list[KernelRoute]) -> set[Any]:
    """The default routes that networks bring; `default_route` is written where it is another one."""
    places = draft.at(node.name).get("networks", {})
    own = {route.version: route for route in routes if plain_default(route)}
    wanted = {version: _place_of(draft, route.via, places) for version, route in own.items()}
    wanted = {v: name for v, name in wanted.items() if name and _first(draft, [name], places, v)}
    internet = [name for name in places if draft.networks[name].get("internet")]
    usual = {version: _first(draft, internet, places, version) for version in (4, 6)}
    if {v: p for v, p in usual.items() if p} != wanted:
        asked = list(dict.fromkeys(wanted.values()))
        chosen = {v: (_first(draft, asked, places, v) or usual[v]) for v in (4, 6)}
        if len(asked) == 1 and all(chosen[v] == wanted.get(v) for v in (4, 6) if chosen[v]):
            places[asked[0]]["default_route"] = True
            usual = chosen
        else:
            for name in dict.fromkeys(filter(None, usual.values())):
                places[name]["default_route"] = False
            return set()
    return {
        of_route(node.name, route)
        for version, route in own.items()
        if usual[version] and wanted.get(version)
    }


def _first(draft: Draft, names: list[str], places: dict[str, Any], version: int) -> str:
    """The first of some networks that has a router of this version, where the namespace has an address, too."""
    for name in names:
        if draft.networks[name].get("gateway") is False:
            continue
        subnets = _listed(draft.networks[name].get("subnet", []))
        addresses = _listed(places[name].get("address", []) or [])
        own = any(ip_interface(text).version == version for text in addresses)
        if own and any(ip_interface(text).version == version for text in subnets):
            return name
    return ""


def _place_of(draft: Draft, via: str, places: dict[str, Any]) -> str:
    """The network whose gateway a router is."""
    for name in places:
        if draft.networks[name].get("gateway") is False:
            continue
        subnets = _listed(draft.networks[name].get("subnet", []))
        given = _listed(draft.networks[name].get("gateway", []))
        first = [str(ip_interface(text).network.network_address + 1) for text in subnets]
        if via in (given or first):
            return name
    return ""


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def _route(node: KernelNode, route: KernelRoute) -> dict[str, Any] | None:
    table = table_number(route.table)
    metrics = {key: value for one in route.raw.get("metrics", ()) for key, value in one.items()}
    unknown = set(route.raw) - KNOWN or set(metrics) - {"mtu"}
    if unknown or route.type not in TYPES or table is None:
        return None
    found: dict[str, Any] = {"to": _destination(route)}
    if route.via:
        found["via"] = route.via
    onlink = "onlink" in route.raw.get("flags", ())
    obvious = _one_way(node, route.via) and not ip_address(route.via).is_link_local and not onlink
    if route.device and not obvious and route.type == "unicast":
        found["dev"] = route.device
    if route.type != "unicast":
        found["type"] = route.type
    if route.source:
        found["src"] = route.source
    if route.metric and not (route.version == 6 and route.metric == IPV6_METRIC):
        found["metric"] = route.metric
    if table != (255 if route.type == "local" else 254):
        found["table"] = table
    found |= metrics
    if onlink:
        found["onlink"] = True
    if route.hops:
        found["nexthops"] = [_hop(node, hop) for hop in route.hops]
    return found


def _destination(route: KernelRoute) -> str:
    """Where a route leads; of a default route without a router of its IP version, as one that says the version."""
    plain = route.to != "default" or (route.via and (":" in route.via) == (route.version == 6))
    if plain or (route.version == 4 and not route.via):
        return route.to
    return "0.0.0.0/0" if route.version == 4 else "::/0"


def table_number(name: str) -> int | None:
    """The number of a table; None of a name that only this machine knows."""
    return TABLES.get(name, int(name) if name.isdigit() else None)


def _one_way(node: KernelNode, via: str) -> bool:
    """Whether one device alone leads to a router."""
    devices = {one.device for one in node.addresses if via and on_subnets(via, [one.text])}
    return len(devices) == 1


def _hop(node: KernelNode, hop: Raw) -> dict[str, Any]:
    found: dict[str, Any] = {}
    via = hop.get("gateway") or hop.get("via", {}).get("host", "")
    onlink = "onlink" in hop.get("flags", ())
    if via:
        found["via"] = via
    if onlink or not _one_way(node, via) or ip_address(via).is_link_local:
        found["dev"] = hop["dev"]
    if hop.get("weight", 1) != 1:
        found["weight"] = hop["weight"]
    if onlink:
        found["onlink"] = True
    return found
