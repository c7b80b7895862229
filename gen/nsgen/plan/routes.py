"""Routes and policy rules, in the words and the order in which ip(8) prints them."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.language.policy import Policy
from nsgen.language.routing import Route, route_version
from nsgen.ops import AddRoute, Argv, Op
from nsgen.topology.model import Node
from nsgen.values import HOST, IPAddress, IPNetwork


def route_words(route: Route) -> Argv:
    """A route in the words of ip-route(8)."""
    found: list[str] = [route.type] if route.type != "unicast" else []
    found.append(_destination(route))
    found += _via(route, route.via)
    dev = "lo" if route.type == "local" and route.dev is None else route.dev
    found += ["dev", dev] if dev is not None else []
    found += ["src", str(route.src)] if route.src is not None else []
    found += ["metric", str(route.metric)] if route.metric is not None else []
    found += ["table", str(route.table)] if route.table is not None else []
    found += ["mtu", str(route.mtu)] if route.mtu is not None else []
    found += ["onlink"] if route.onlink else []
    for hop in route.nexthops:
        alone = len(route.nexthops) == 1  # which the kernel does not call one of several
        found += ["nexthop"] if not alone else []
        found += _via(route, hop.via)
        found += ["dev", hop.dev] if hop.dev is not None else []
        found += ["weight", str(hop.weight)] if hop.weight is not None and not alone else []
        found += ["onlink"] if hop.onlink else []
    return tuple(found)


def _via(route: Route, via: IPAddress | None) -> list[str]:
    """The next router, with its address family where that is not the route's."""
    if via is None:
        return []
    return ["via", *(["inet6"] if via.version != route_version(route) else []), str(via)]


def _destination(route: Route) -> str:
    """The whole of an IP version is ``default``, whose version ip(8) takes from a router's address, or it is IPv4."""
    told = {r.version for r in (route.via, *(hop.via for hop in route.nexthops)) if r is not None}
    if route.to is None or (everywhere(route.to) and (told or {4}) == {route.to.version}):
        return "default"
    return str(route.to)


def everywhere(network: IPNetwork) -> bool:
    """Whether all addresses of its IP version are in a network."""
    return network.prefixlen == 0


def policy_words(rule: Policy) -> Argv:
    """A rule in the words and the order in which ip-rule(8) prints it."""
    everyone = rule.from_ is None or everywhere(rule.from_)
    found = ["priority", str(rule.priority)]
    found += ["not"] if rule.not_ else []
    found += ["from", "all" if everyone else short(rule.from_)]
    found += ["to", short(rule.to)] if rule.to is not None and not everywhere(rule.to) else []
    found += ["fwmark", str(rule.mark)] if rule.mark is not None else []
    found += ["iif", rule.iif] if rule.iif is not None else []
    found += ["oif", rule.oif] if rule.oif is not None else []
    found += ["uidrange", str(rule.uidrange)] if rule.uidrange is not None else []
    found += ["ipproto", str(rule.ipproto)] if rule.ipproto is not None else []
    found += ["sport", str(rule.sport)] if rule.sport is not None else []
    found += ["dport", str(rule.dport)] if rule.dport is not None else []
    found += ["lookup", str(rule.table)]
    shortest = rule.suppress_prefixlength
    return (*found, *(["suppress_prefixlength", str(shortest)] if shortest is not None else []))


def short(network: object) -> str:
    """A network as ip(8) prints it: that of one address is the address."""
    text = str(network)
    return text.removesuffix("/128" if ":" in text else "/32")


def routes_of(node: Node) -> Iterator[Op]:
    """Routes to peers, by default, and those that the author wrote; of the host the last come elsewhere."""
    if any(device.peers for device in node.wired):
        from nsgen.plan.opposite import peer_routes  # few nodes have any

        yield from peer_routes(node)
    for member in node.members:
        for gateway in member.default_routes:
            yield AddRoute(node.name, ("default", "via", str(gateway), "dev", member.device))
    if node.name != HOST:
        yield from (AddRoute(node.name, route_words(route)) for route in node.written_routes)
