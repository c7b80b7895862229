"""From the topology as it was written to the resolved one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nsgen.language import spec as written
from nsgen.language.networks import Masquerade, Network, Publish
from nsgen.language.policy import Policy
from nsgen.language.routing import Route
from nsgen.language.spec import Spec
from nsgen.report import Report
from nsgen.topology.members import Members
from nsgen.topology.model import Expectation, Namespace, Node, Publication, Topology, Uplink
from nsgen.topology.names import (
    Place,
    audiences,
    derived_mac,
    gateways,
    published_place,
    published_versions,
)
from nsgen.topology.needs import sysctl_key
from nsgen.topology.neighbours import check_neighbours
from nsgen.topology.networks import Address, Bridge, Member, Subnet
from nsgen.topology.wires import Wires, plugged, wires
from nsgen.values import HOST, IPAddress, expand

FIRST_POLICY = 1000  # between local (0) and main (32766), ip-rule(8)


def resolve(spec: Spec, report: Report) -> Topology | None:
    """Resolve what the author wrote; None, and errors filed, where that is impossible."""
    bridges = {name: _bridge(spec.name, name, network) for name, network in spec.networks.items()}
    dealt = Members(spec, bridges, report)
    members = {
        name: dealt.of(name, key, namespace)
        for key, namespace in spec.namespaces.items()
        for name in expand(key)
    }
    check_neighbours(spec, bridges, dealt.places, members, report)
    if report.failed:
        return None
    wired = wires(spec)
    asked = any(namespace.hosts is True for namespace in spec.namespaces.values())
    named = {name: tuple(_addresses(name, own, wired)) for name, own in members.items() if asked}
    namespaces = tuple(
        _namespace(name, namespace, members, wired, named)
        for key, namespace in spec.namespaces.items()
        for name in expand(key)
    )
    own = {subnet.gateway for bridge in bridges.values() for subnet in bridge.subnets}
    publications = tuple(
        publication
        for key, namespace in spec.namespaces.items()
        for name in expand(key)
        for publish in namespace.publish
        for publication in _publications(publish, dealt.places[name], members[name], own)
    )
    return Topology(
        name=spec.name,
        bridges=tuple(bridges.values()),
        namespaces=namespaces,
        links=wired.links,
        publications=publications,
        host=_host(spec.host, wired),
        modules=spec.host.modules,
        expects=tuple(_expectation(*entry) for entry in enumerate(spec.expect)),
    )


def _bridge(topology: str, name: str, network: Network) -> Bridge:
    masquerade = network.internet if network.masquerade is None else network.masquerade
    excepted = masquerade.except_ if isinstance(masquerade, Masquerade) else ()
    return Bridge(
        name=name,
        subnets=tuple(
            Subnet(subnet, gateway)
            for subnet, gateway in zip(network.subnet, gateways(network), strict=True)
        ),
        internet=network.internet,
        masquerade=bool(masquerade),
        isolate=network.isolate,
        netfilter=network.bridge_netfilter,
        mac=network.mac or derived_mac(f"{topology}/{name}"),
        mtu=network.mtu or 0,
        stp=network.stp,
        auto_routed=network.routing is None,
        ports=tuple(plugged(network).items()),
        excepted=excepted,
        own_ports=network.published_ports == "own",
    )


def _publications(
    publish: Publish,
    places: tuple[Place, ...],
    members: tuple[Member, ...],
    own: set[IPAddress | None],
) -> Iterator[Publication]:
    """A publication for each IP version that the namespace has on the network and the host answers on.

    `own` are the host's addresses on our bridges.
    """
    place = published_place(places, publish)
    if place is None:
        return
    member = members[places.index(place)]
    for version in published_versions(place, publish):
        yield Publication(
            member=member,
            address=next(address.ip for address in member.addresses if address.version == version),
            published=publish.published,
            target=publish.target,
            protocol=publish.protocol,
            host_ip=None if _wildcard(publish.host_ip) else publish.host_ip,
            reach=audiences(publish, version, own),
            via=publish.via,
        )


def _wildcard(address: IPAddress | None) -> bool:
    return address is None or address.is_unspecified


def _namespace(
    name: str,
    namespace: written.WrittenNamespace,
    members: Mapping[str, tuple[Member, ...]],
    wired: Wires,
    named: Mapping[str, tuple[Address, ...]],
) -> Namespace:
    return Namespace(
        name=name,
        ends=wired.ends.get(name, ()),
        interfaces=wired.interfaces[name],
        routes=_ways_out(namespace, members[name]) if namespace.uplinks else namespace.routes,
        policies=_policies(namespace),
        nats=namespace.nat,
        marks=namespace.marks,
        uplinks=_uplinks(namespace) if namespace.uplinks else (),
        sysctls=_sysctls(namespace),
        services=namespace.services,
        execs=namespace.exec,
        forwarding=namespace.forwarding,
        members=tuple(map(wired.member, members[name])),
        resolv_conf=_resolv_conf(namespace),
        hosts=_hosts(name, namespace, named),
        units=namespace.units,
        join=namespace.join or "",
    )


def _uplinks(node: written.Host | written.WrittenNamespace) -> tuple[Uplink, ...]:
    from nsgen.topology.uplinks import resolved_uplinks  # few topologies need it

    return resolved_uplinks(node.uplinks)


def _ways_out(
    namespace: written.WrittenNamespace, members: tuple[Member, ...]
) -> tuple[Route, ...]:
    from nsgen.topology.uplinks import first_uplinks  # few topologies need it

    return (*namespace.routes, *first_uplinks(namespace, members))


def _policies(node: written.Host | written.WrittenNamespace) -> tuple[Policy, ...]:
    """Each with its priority: those without one are asked in the order of the file."""
    return tuple(
        replace(rule, priority=priority(rule, index)) for index, rule in enumerate(node.rules)
    )


def priority(rule: Policy, index: int) -> int:
    """The priority of a rule, which is the one at this place of its node's: its own, or one by its place."""
    return rule.priority or FIRST_POLICY + index


def _sysctls(node: written.Host | written.WrittenNamespace) -> Mapping[str, str]:
    return {sysctl_key(key): value for key, value in node.sysctls.items()}


def _host(host: written.Host, wired: Wires) -> Node:
    return Node(
        name=HOST,
        ends=wired.ends.get(HOST, ()),
        interfaces=wired.interfaces[HOST],
        cards=wired.cards,
        routes=host.routes,
        policies=_policies(host),
        nats=host.nat,
        marks=host.marks,
        uplinks=_uplinks(host) if host.uplinks else (),
        sysctls=_sysctls(host),
        services=host.services,
        execs=host.exec,
        forwarding=host.forwarding,
    )


def _expectation(index: int, expect: written.Expect) -> Expectation:
    """A node that is asked on a port answers itself; for the host, it may be whoever publishes the port."""
    to = expect.to
    itself = to.node if to.port and expect.reach and to.node != HOST else ""
    return Expectation(
        asker=expect.from_,
        node=to.node,
        address=to.address,
        port=to.port,
        protocol=to.protocol,
        by=expect.by or itself,
        reach=expect.reach,
        index=index,
    )


def _resolv_conf(namespace: written.WrittenNamespace) -> str:
    """The text of resolv.conf(5)."""
    if namespace.dns is None:
        return ""
    lines = [f"nameserver {address}" for address in namespace.dns.nameservers]
    if namespace.dns.search:
        lines.append(f"search {' '.join(namespace.dns.search)}")
    if namespace.dns.options:
        lines.append(f"options {' '.join(namespace.dns.options)}")
    return "".join(f"{line}\n" for line in lines)


def _addresses(name: str, members: tuple[Member, ...], wired: Wires) -> Iterator[Address]:
    """Where a namespace is asked by its name."""
    own = (*wired.ends.get(name, ()), *wired.interfaces[name])
    for addresses in (*(m.addresses for m in members), *(device.addresses for device in own)):
        yield from (address for address in addresses if not address.ip.is_link_local)


def _hosts(
    node: str, namespace: written.WrittenNamespace, named: Mapping[str, tuple[Address, ...]]
) -> str:
    """The text of hosts(5). Of several addresses the first one is taken: those on a subnet with the node come first."""
    if namespace.hosts is False:
        return ""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    if namespace.hosts is True:
        near = {address.network for address in named[node]}
        for name, addresses in named.items():
            ordered = sorted(addresses, key=lambda address: not any(address.ip in n for n in near))
            lines += [f"{address.ip} {name}" for address in ordered]
    else:
        lines += [
            f"{address} {name}"
            for name, addresses in namespace.hosts.items()
            for address in addresses
        ]
    return "".join(f"{line}\n" for line in lines)
