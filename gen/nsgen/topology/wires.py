"""Places on networks, links and interfaces, from what was written to what is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from nsgen.language import spec as written
from nsgen.language.kinds.kind import NO_PORT, Loopback, Port
from nsgen.language.kinds.kind import WrittenInterface as Written
from nsgen.language.kinds.link import End, WrittenLink
from nsgen.language.kinds.place import NodeDevice
from nsgen.language.neighbours import beside, wants_ipv6
from nsgen.language.networks import Network
from nsgen.language.opposite import given
from nsgen.topology.model import Card, Interface, Link
from nsgen.topology.names import (
    derived_mac,
    device_name,
    first_host,
    prefixed,
    with_prefix,
)
from nsgen.topology.networks import Member
from nsgen.values import HOST, IPInterface, IPNetwork, expand

ALONE = {4: 31, 6: 127}  # the prefix of a link of two, RFC 3021 and RFC 6164
CABLE = Loopback()  # what is written of the end of a link: nothing of its own


class Wires(NamedTuple):
    """Everything that nodes have besides their places on networks."""

    links: tuple[Link, ...]
    ends: Mapping[str, tuple[Interface, ...]]  # of links, by node
    interfaces: Mapping[str, tuple[Interface, ...]]
    masters: Mapping[str, Mapping[str, tuple[str, Port]]]
    ipv6: Mapping[str, set[str]]  # by node, where it is wanted whatever the addresses
    cards: tuple[Card, ...]

    def member(self, member: Member) -> Member:
        """A place on a network, with what is written of its device elsewhere in the namespace."""
        found = self.masters[member.namespace].get(member.device)
        wanted = member.device in self.ipv6[member.namespace]
        if found is None and not wanted:
            return member
        master, port = found or ("", NO_PORT)
        return replace(member, master=master, port=port, wants_ipv6=wanted or member.wants_ipv6)


def _by_node(interfaces: Iterable[Interface]) -> dict[str, tuple[Interface, ...]]:
    found: dict[str, list[Interface]] = {}
    for interface in interfaces:
        found.setdefault(interface.node, []).append(interface)
    return {node: tuple(own) for node, own in found.items()}


def wires(spec: written.Spec) -> Wires:
    """Resolve the links and interfaces of a topology."""
    nodes = {HOST: spec.host.interfaces}
    ipv6 = {HOST: _wants_ipv6(spec.host)}
    for key, namespace in spec.namespaces.items():
        nodes |= dict.fromkeys(expand(key), namespace.interfaces)
        ipv6 |= dict.fromkeys(expand(key), _wants_ipv6(namespace))
    masters = {node: dict(_masters(interfaces)) for node, interfaces in nodes.items()}
    for bridge, network in spec.networks.items():
        masters[HOST] |= {name: (bridge, port) for name, port in plugged(network).items()}
    links = tuple(_settled(link, masters, ipv6) for _, one in spec.links for link in cables(one))
    interfaces = {
        node: tuple(
            _interface(spec.name, node, name, own[name], masters[node], ipv6[node])
            for name in _in_order(node, own)
        )
        for node, own in nodes.items()
    }
    ends = _by_node(end for link in links for end in (link.first, link.second))
    made = {interface.name for interface in (*ends.get(HOST, ()), *interfaces[HOST])}
    cards = tuple(Card(n, *master) for n, master in masters[HOST].items() if n not in made)
    return Wires(links, ends, interfaces, masters, ipv6, cards)


def _wants_ipv6(node: written.Host | written.WrittenNamespace) -> set[str]:
    """The devices on which IPv6 is wanted whatever their addresses."""
    if not (node.routes or node.sysctls or node.uplinks):
        return set()
    from nsgen.topology.ipv6 import wanted  # few topologies need it

    return wanted(node)


def _masters(interfaces: Mapping[str, Written]) -> Iterator[tuple[str, tuple[str, Port]]]:
    for name, interface in interfaces.items():
        yield from ((port, (name, settings)) for port, settings in interface.members.items())


def plugged(network: Network) -> Mapping[str, Port]:
    """The devices of the host that are ports of a network, each with what it is told."""
    if not network.ports:
        return {}
    from nsgen.language.kinds.bridge import settings_of  # few networks have any

    return settings_of(network.ports)


# -- links --------------------------------------------------------------------------------------


def _settled(
    link: Link,
    masters: Mapping[str, Mapping[str, tuple[str, Port]]],
    ipv6: Mapping[str, set[str]],
) -> Link:
    """A link, with what is written of its ends elsewhere in their nodes."""
    first, second = (
        replace(
            end,
            master=master,
            port=port,
            wants_ipv6=end.wants_ipv6 or end.name in ipv6.get(end.node, ()),
        )
        for end in (link.first, link.second)
        for master, port in [masters.get(end.node, {}).get(end.name, ("", NO_PORT))]
    )
    return Link(first, second)


def _by_version(subnets: Iterable[IPNetwork]) -> dict[int, IPNetwork]:
    return {subnet.version: subnet for subnet in subnets}


def cables(link: WrittenLink) -> Iterator[Link]:
    """The cables of one entry: one, or those of a mesh."""
    if link.endpoints is not None:
        subnets = _by_version(link.subnet)
        ends = [_end(link, place, end, subnets, i) for i, (place, end) in enumerate(link.endpoints)]
        yield _host_first(*ends)
        return
    parts = [mesh_subnets(subnet) for subnet in link.subnet]
    for one, other in combinations(link.mesh, 2):
        subnets = _by_version(s for s in (next(part, None) for part in parts) if s is not None)
        places = (mesh_device(one, other), mesh_device(other, one))
        yield _host_first(*(_end(link, p, End(), subnets, i) for i, p in enumerate(places)))


def mesh_device(here: NodeDevice, there: NodeDevice) -> NodeDevice:
    """The device by which a node of a mesh is linked with another."""
    return NodeDevice(here.node, here.device + there.node)


def mesh_subnets(subnet: IPNetwork) -> Iterator[IPNetwork]:
    """The parts of a subnet that the links of a mesh get, one after another."""
    yield from subnet.subnets(new_prefix=max(ALONE[subnet.version], subnet.prefixlen))


def _host_first(first: Interface, second: Interface) -> Link:
    return Link(second, first) if second.node == HOST else Link(first, second)


def _end(
    link: WrittenLink, place: NodeDevice, end: End, subnets: Mapping[int, IPNetwork], index: int
) -> Interface:
    dealt = () if end.address else tuple(link_address(s, index) for s in subnets.values())
    return Interface(
        node=place.node,
        name=device_name(place.device),
        long_name=place.device,
        addresses=dealt or tuple(prefixed(a, subnets.values()) for a in given(end)),
        mac=end.mac or "",
        mtu=end.mtu or link.mtu or 0,
        written=CABLE,
        impair=link.impair,
        neighbours=beside(end),
        wants_ipv6=link.link_local or wants_ipv6(end),
    )


def link_address(subnet: IPNetwork, index: int) -> IPInterface:
    """The address of the first or second end of a link in its subnet."""
    return with_prefix(first_host(subnet) + index, subnet.prefixlen)


# -- interfaces ---------------------------------------------------------------------------------


def _in_order(node: str, interfaces: Mapping[str, Written]) -> list[str]:
    """The names, each behind that of the device that it is made on."""
    if not interfaces:
        return []
    from nsgen.topology.order import in_order  # most have none

    return in_order(
        {
            name: [p.device for p in [own.parent] if p and p.node in ("", node)]
            for name, own in interfaces.items()
        }
    )


def _interface(
    topology: str,
    node: str,
    name: str,
    interface: Written,
    masters: Mapping[str, tuple[str, Port]],
    ipv6: set[str],
) -> Interface:
    master, port = masters.get(name, ("", Port()))
    mac = interface.mac or ""
    if interface.STEADY and not mac:
        mac = derived_mac(f"{topology}/{node}/{name}")
    return Interface(
        node=node,
        name=name,
        long_name=name,
        addresses=tuple(prefixed(address, ()) for address in given(interface)),
        mac=mac,
        mtu=interface.mtu or interface.own_mtu,
        written=interface,
        impair=interface.impair,
        master=master,
        port=port,
        neighbours=beside(interface),
        wants_ipv6=wants_ipv6(interface) or name in ipv6,
    )
