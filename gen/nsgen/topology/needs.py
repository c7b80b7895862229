"""What a topology needs of the host: forwarding, br_netfilter, a proxy, `route_localnet`, hairpin mode.

And what kernel parameters are called, sysctl(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nsgen.language.marks import OWN, marking_versions
from nsgen.language.routing import route_version
from nsgen.language.scalars import sysctl_path as sysctl_path  # noqa: PLC0414 - it is found beside `sysctl_key`
from nsgen.topology.model import Namespace, Node, Publication, Topology
from nsgen.topology.networks import Member

FORWARD = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
VALID_MARK = "src_valid_mark"
LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"  # of IPv6, too
BRIDGE_NF = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}

SAME = {"net.ipv4.conf.all.forwarding": FORWARD[4]}  # other names of one switch


def sysctl_key(written: str) -> str:
    """A key in one spelling: dots separate, unless a name in it holds one; then slashes do."""
    path = sysctl_path(written)
    key = path if "." in path else path.replace("/", ".")
    return SAME.get(key, key)


def device_key(version: int, device: str, key: str) -> str:
    """The key of a parameter of one device."""
    return sysctl_key(f"net/ipv{version}/conf/{device}/{key}")


def asked_to_forward(node: Node, version: int) -> bool | None:
    """Whether the author has a node pass packets on; None where a parameter of single devices decides."""
    if FORWARD[version] in node.sysctls:
        return node.sysctls[FORWARD[version]].strip() == "1"
    paths = (sysctl_path(key).split("/") for key in node.sysctls)
    if any(path[1:3] == [f"ipv{version}", "conf"] and path[-1] == "forwarding" for path in paths):
        return None
    return node.forwarding


class NeededParameter(NamedTuple):
    """A kernel parameter of the host, the value that it has to have, and what for."""

    key: str
    value: int
    reason: str


# What a node needs that is a router by its author's word.
ROUTER = tuple(NeededParameter(key, 1, "'forwarding: true'") for key in FORWARD.values())


def parameters(topology: Topology) -> Iterator[NeededParameter]:
    """What the networks and published ports of a topology need of the host's kernel parameters."""
    for version, key in FORWARD.items():
        yield from (NeededParameter(key, 1, reason) for reason in _forwarding(topology, version))
    for bridge in topology.bridges:
        if bridge.plain_ipv4:
            key = device_key(6, bridge.name, "disable_ipv6")
            yield NeededParameter(key, 1, f"{bridge.name!r}, a network without IPv6")
        for device in ("all", bridge.name) if bridge.gateway(6) is not None else ():
            key = device_key(6, device, "disable_ipv6")
            yield NeededParameter(key, 0, f"the IPv6 subnet of {bridge.name!r}")
    for published in topology.publications:
        if _sees_all_bridges(published):
            yield NeededParameter(BRIDGE_NF[published.version], 1, _port(published))
        if uses_route_localnet(published):
            key = device_key(4, published.bridge.name, "route_localnet")
            yield NeededParameter(key, 1, _port(published))


def own_parameters(node: Node) -> Iterator[NeededParameter]:
    """What the addresses and routes of a node need of its kernel parameters: IPv6 is on where there is any."""
    reasons = {
        device: f"the route to {route.to or 'default'} by {device!r}"
        for route in node.routes
        if route_version(route) == 6
        for device in (route.dev, *(hop.dev for hop in route.nexthops))
        if device is not None
    }
    members = node.members if isinstance(node, Namespace) else ()
    own = [(member.device, member.addresses) for member in members]
    own += [(device.name, device.addresses) for device in (*node.ends, *node.interfaces)]
    for name, addresses in own:
        for address in addresses:
            if address.version == 6:
                reasons[name] = f"the address {address} of {name!r}"
    for device, reason in checked_by_mark(node).items():
        yield NeededParameter(device_key(4, device, VALID_MARK), 1, reason)
    for name, reason in reasons.items():
        yield from (
            NeededParameter(device_key(6, d, "disable_ipv6"), 0, reason) for d in ("all", name)
        )


def checked_by_mark(node: Node) -> dict[str, str]:
    """The devices by which connections come that get a mark, each with the reason: strict rp_filter has to count it."""
    if not (node.marks or node.uplinks):
        return {}
    marked = [m.in_ for m in node.marks if m.connection and 4 in marking_versions(m)]
    found = {name: f"the mark of what comes by {name!r}" for name in marked if name and name != OWN}
    return found | {u.device: f"the uplink {u.device!r}" for u in node.uplinks if u.version == 4}


def _port(published: Publication) -> str:
    return f"port {published.published} that {published.member.namespace!r} publishes"


def uses_route_localnet(published: Publication) -> bool:
    """Whether packets from 127.0.0.1 are to leave by its bridge, which takes `route_localnet`."""
    return published.version == 4 and published.via == "dnat" and "loopback" in published.reach


def translates_to_itself(published: Publication) -> bool:
    """Whether a packet of the namespace is translated to the namespace itself."""
    return published.via == "dnat" and "self" in published.reach


def forwards(topology: Topology, version: int) -> bool:
    """Whether the host has to route for its namespaces."""
    return any(_forwarding(topology, version))


def _forwarding(topology: Topology, version: int) -> Iterator[str]:
    """For what the host has to route."""
    for bridge in topology.bridges:
        if bridge.internet and bridge.gateway(version) is not None:
            yield f"'internet: true' of {bridge.name!r}"
    for published in topology.publications:
        if published.version == version and _passes_on(published):
            yield _port(published)


def _passes_on(published: Publication) -> bool:
    """Whether somebody reaches it by way of the host, and not by a process there."""
    beyond = {"outside", "network", "self"} if published.via == "dnat" else {"outside"}
    return bool(beyond & set(published.reach))


def proxied(published: Publication) -> bool:
    """Whether a proxy has anybody to serve: all but other machines, whose packets are translated."""
    return published.via == "proxy" and bool({"loopback", "network", "self"} & set(published.reach))


def crosses(published: Publication) -> bool:
    """Whether its use by a sibling depends on iptables seeing what crosses the bridge."""
    on = published.bridge.netfilter != "off"
    return on and published.via == "dnat" and "network" in published.reach


def asked_beside(published: Publication, members: Iterable[Member]) -> list[Member]:
    """A namespace's places on other networks, where a published port is asked as among siblings, by its address there.

    That takes iptables to see what crosses those bridges; members that are isolated reach each other by the host alone.
    """
    if not crosses(published) or published.bridge.netfilter != "host":
        return []
    version = published.version
    return [
        member
        for member in members
        if member.bridge != published.bridge
        and member.bridge.netfilter == "host"
        and not (member.bridge.isolate or member.bridge.own_ports)
        and member.bridge.gateway(version) is not None
        and member.address(version) is not None
    ]


def br_netfilter(topology: Topology) -> bool:
    """Whether br_netfilter is needed."""
    return any(crosses(published) for published in topology.publications)


def filters_all_bridges(topology: Topology, version: int) -> bool:
    """Whether iptables is to see what crosses any bridge of the host, `bridge_netfilter: host`."""
    return any(p.version == version and _sees_all_bridges(p) for p in topology.publications)


def _sees_all_bridges(published: Publication) -> bool:
    return published.bridge.netfilter == "host" and crosses(published)
