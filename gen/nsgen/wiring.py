"""Links and interfaces, from what was written to what is built."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from nsgen import spec as written
from nsgen.links.kind import Interface as Written
from nsgen.links.kind import Loopback, Port
from nsgen.links.place import Place
from nsgen.links.veth import End
from nsgen.links.veth import Link as WrittenLink
from nsgen.naming import derived_mac, device_name, first_host, with_prefix
from nsgen.topology import Address, Interface, Link, Member
from nsgen.values import IPAddress, IPInterface, IPNetwork, expand

HOST = "host"
ALONE = {4: 31, 6: 127}  # the prefix of a link of two, RFC 3021 and RFC 6164
CABLE = Loopback()  # what is written of the end of a link: nothing of its own


class Wires(NamedTuple):
    """Everything that nodes have besides their places on networks."""

    links: tuple[Link, ...]
    ends: Mapping[str, tuple[Interface, ...]]  # of links, by node
    interfaces: Mapping[str, tuple[Interface, ...]]
    masters: Mapping[str, Mapping[str, tuple[str, Port]]]

    def member(self, member: Member) -> Member:
        """A place on a network, with the master that its device has in the namespace."""
        found = self.masters.get(member.namespace, {}).get(member.device)
        return replace(member, master=found[0], port=found[1]) if found else member


def _by_node(interfaces: Iterable[Interface]) -> dict[str, tuple[Interface, ...]]:
    found: dict[str, list[Interface]] = {}
    for interface in interfaces:
        found.setdefault(interface.node, []).append(interface)
    return {node: tuple(own) for node, own in found.items()}


def wires(spec: written.Spec) -> Wires:
    """Resolve the links and interfaces of a topology."""
    nodes = {HOST: spec.host.interfaces}
    for key, namespace in spec.namespaces.items():
        nodes |= dict.fromkeys(expand(key), namespace.interfaces)
    masters = {node: dict(_masters(interfaces)) for node, interfaces in nodes.items()}
    links = tuple(_mastered(link, masters) for _, one in spec.links for link in cables(one))
    interfaces = {
        node: tuple(
            _interface(spec.name, node, name, own[name], masters[node]) for name in _in_order(own)
        )
        for node, own in nodes.items()
    }
    ends = _by_node(end for link in links for end in (link.first, link.second))
    return Wires(links, ends, interfaces, masters)


def _masters(interfaces: Mapping[str, Written]) -> Iterator[tuple[str, tuple[str, Port]]]:
    for name, interface in interfaces.items():
        yield from ((port, (name, settings)) for port, settings in interface.members.items())


# -- links --------------------------------------------------------------------------------------


def _mastered(link: Link, masters: Mapping[str, Mapping[str, tuple[str, Port]]]) -> Link:
    first, second = (
        replace(end, master=master, port=port)
        for end in (link.first, link.second)
        for master, port in [masters.get(end.node, {}).get(end.name, ("", Port()))]
    )
    return Link(first, second)


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


def _by_version(subnets: Iterable[IPNetwork]) -> dict[int, IPNetwork]:
    return {subnet.version: subnet for subnet in subnets}


def mesh_device(here: Place, there: Place) -> Place:
    """The device by which a node of a mesh is linked with another."""
    return Place(here.node, here.device + there.node)


def mesh_subnets(subnet: IPNetwork) -> Iterator[IPNetwork]:
    """The parts of a subnet that the links of a mesh get, one after another."""
    yield from subnet.subnets(new_prefix=max(ALONE[subnet.version], subnet.prefixlen))


def _host_first(first: Interface, second: Interface) -> Link:
    return Link(second, first) if second.node == HOST else Link(first, second)


def _end(
    link: WrittenLink, place: Place, end: End, subnets: Mapping[int, IPNetwork], index: int
) -> Interface:
    dealt = () if end.address else tuple(link_address(s, index) for s in subnets.values())
    return Interface(
        node=place.node,
        name=device_name(place.device),
        long_name=place.device,
        addresses=dealt or tuple(_with_prefix(a, subnets.get(a.version)) for a in end.address),
        mac=end.mac or "",
        mtu=link.mtu or 0,
        written=CABLE,
        impair=link.impair,
    )


def link_address(subnet: IPNetwork, index: int) -> IPInterface:
    """The address of the first or second end of a link in its subnet."""
    return with_prefix(first_host(subnet) + index, subnet.prefixlen)


def _with_prefix(address: IPAddress | IPInterface, subnet: IPNetwork | None) -> Address:
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return address
    return with_prefix(address, subnet.prefixlen if subnet is not None else address.max_prefixlen)


# -- interfaces ---------------------------------------------------------------------------------


def _in_order(interfaces: Mapping[str, Written]) -> list[str]:
    """The names, each behind that of the device that it is made on."""
    found: list[str] = []

    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        parent = interfaces[name].parent
        if parent is not None and not parent.node and parent.device in interfaces:
            visit(parent.device)
        found.append(name)

    for name in interfaces:
        visit(name)
    return found


def _interface(
    topology: str,
    node: str,
    name: str,
    interface: Written,
    masters: Mapping[str, tuple[str, Port]],
) -> Interface:
    master, port = masters.get(name, ("", Port()))
    mac = interface.mac or ""
    if interface.STEADY and not mac:
        mac = derived_mac(f"{topology}/{node}/{name}")
    return Interface(
        node=node,
        name=name,
        long_name=name,
        addresses=tuple(_with_prefix(address, None) for address in interface.address),
        mac=mac,
        mtu=interface.mtu or interface.own_mtu,
        written=interface,
        impair=interface.impair,
        master=master,
        port=port,
    )
