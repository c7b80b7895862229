"""From the topology as it was written to the resolved one."""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from nsgen import spec as written
from nsgen.naming import derived_mac, device_name, first_host, hashed_name, with_prefix
from nsgen.report import Path, Report
from nsgen.routing import Policy
from nsgen.spec import Audience, Spec
from nsgen.topology import (
    Address,
    Bridge,
    Expectation,
    Member,
    Namespace,
    Node,
    Publication,
    Subnet,
    Topology,
)
from nsgen.values import IPAddress, IPInterface, IPNetwork, expand
from nsgen.wiring import Wires, wires

FIRST_POLICY = 1000  # between local (0) and main (32766), ip-rule(8)


def resolve(spec: Spec, report: Report) -> Topology | None:
    """Resolve what the author wrote; None, and errors filed, where that is impossible."""
    bridges = {name: _bridge(spec.name, name, network) for name, network in spec.networks.items()}
    pool = _Addresses(spec, bridges)
    devices = _Devices(report, bridges)
    members: dict[str, tuple[Member, ...]] = {}
    for key, namespace in spec.namespaces.items():
        for name in expand(key):
            members[name] = _members(name, key, namespace, bridges, pool, devices, report)
    if report.failed:
        return None
    wired = wires(spec)
    namespaces = tuple(
        _namespace(name, namespace, members, wired)
        for key, namespace in spec.namespaces.items()
        for name in expand(key)
    )
    own = {subnet.gateway for bridge in bridges.values() for subnet in bridge.subnets}
    publications = tuple(
        publication
        for key, namespace in spec.namespaces.items()
        for name in expand(key)
        for publish in namespace.publish
        for publication in _publications(publish, members[name], own)
    )
    topology = Topology(
        name=spec.name,
        bridges=tuple(bridges.values()),
        namespaces=namespaces,
        links=wired.links,
        publications=publications,
        host=_host(spec.host, wired),
        modules=spec.host.modules,
        expects=tuple(_expectation(*entry) for entry in enumerate(spec.expect)),
    )
    if spec.routing != "auto":
        return topology
    from nsgen.autoroute import routed  # a third of what there is to load, and few need it

    return routed(topology)


def _bridge(topology: str, name: str, network: written.Network) -> Bridge:
    masquerade = network.internet if network.masquerade is None else network.masquerade
    return Bridge(
        name=name,
        subnets=tuple(
            Subnet(subnet, gateway)
            for subnet, gateway in zip(network.subnet, gateways(network), strict=True)
        ),
        internet=network.internet,
        masquerade=masquerade,
        isolate=network.isolate,
        netfilter=network.bridge_netfilter,
        mac=network.mac or derived_mac(f"{topology}/{name}"),
        mtu=network.mtu or 0,
        stp=network.stp,
    )


def gateways(network: written.Network) -> tuple[IPAddress | None, ...]:
    """The host's address in each subnet of a network; None where it has none."""
    if network.gateway is None:
        return tuple(first_host(subnet) for subnet in network.subnet)
    if network.gateway == (False,):
        return tuple(None for _ in network.subnet)
    given = [gateway or None for gateway in network.gateway]
    return tuple(
        next((gateway for gateway in given if gateway is not None and gateway in subnet), None)
        for subnet in network.subnet
    )


class _Addresses:
    """Deals automatic addresses: the lowest free one, explicit ones and gateways set aside."""

    def __init__(self, spec: Spec, bridges: Mapping[str, Bridge]) -> None:
        self._taken: dict[IPNetwork, set[IPAddress]] = {}
        self._hosts: dict[IPNetwork, Iterator[IPAddress]] = {}
        for bridge in bridges.values():
            for subnet in bridge.subnets:
                self._taken[subnet.network] = {subnet.gateway} if subnet.gateway else set()
                self._hosts[subnet.network] = iter(subnet.network.hosts())
        for namespace in spec.namespaces.values():
            for _, name, attachment in namespace.attachments():
                for address in attachment.address if name in bridges else ():
                    self._set_aside(bridges[name], address)

    def _set_aside(self, bridge: Bridge, address: IPAddress | IPInterface) -> None:
        ip = _ip(address)
        for subnet in bridge.subnets:
            if ip in subnet.network:
                self._taken[subnet.network].add(ip)

    def deal(self, subnet: IPNetwork) -> IPInterface | None:
        taken = self._taken[subnet]
        free = next((ip for ip in self._hosts[subnet] if ip not in taken), None)
        return None if free is None else with_prefix(free, subnet.prefixlen)


class _Devices:
    """Names devices, and notices when two on the host would be called the same."""

    def __init__(self, report: Report, bridges: Mapping[str, Bridge]) -> None:
        self._report = report
        self._host = {name: f"the bridge {name}" for name in bridges}

    def on_host(self, wanted: str, owner: str, path: Path) -> str:
        name = _free_name(wanted, self._host)
        if name in self._host:
            self._report.error(
                path, f"the device {name!r} of {owner} on the host is {self._host[name]} already"
            )
        self._host[name] = owner
        return name


def _free_name(wanted: str, taken: Container[str]) -> str:
    """A device's name, which is shortened another way where the usual one is taken."""
    name = device_name(wanted)
    return hashed_name(wanted) if name != wanted and name in taken else name


def _members(
    name: str,
    key: str,
    namespace: written.Namespace,
    bridges: Mapping[str, Bridge],
    pool: _Addresses,
    devices: _Devices,
    report: Report,
) -> tuple[Member, ...]:
    found: list[Member] = []
    attachments = [entry for entry in namespace.attachments() if entry[1] in bridges]
    default = _default_routes(attachments, bridges)
    for position, (step, network, attachment) in enumerate(attachments):
        path: Path = ("namespaces", key, "networks", step)
        bridge = bridges[network]
        addresses = _addresses(attachment, bridge, pool, path, report)
        stem = f"veth-{name}" if position == 0 else f"veth-{name}-{network}"
        inside, outside = attachment.interface or stem, attachment.peer or f"{stem}-br"
        found.append(
            Member(
                namespace=name,
                bridge=bridge,
                device=_free_name(inside, [member.device for member in found]),
                peer=devices.on_host(outside, f"namespace {name} on {network}", path),
                device_name=inside,
                peer_name=outside,
                addresses=addresses,
                mac=attachment.mac or "",
                mtu=attachment.mtu or bridge.mtu,
                impair=attachment.impair,
                default_routes=tuple(
                    gateway
                    for version in (4, 6)
                    if default.get(version) == network
                    and (gateway := bridge.gateway(version)) is not None
                    and any(address.version == version for address in addresses)
                ),
            )
        )
    return tuple(found)


def _default_routes(
    attachments: list[tuple[str | int, str, written.Attachment]], bridges: Mapping[str, Bridge]
) -> dict[int, str]:
    """By IP version, the network that the default route goes through."""
    found: dict[int, str] = {}
    for version in (4, 6):
        candidates = [
            (attachment.default_route, name)
            for _, name, attachment in attachments
            if bridges[name].gateway(version) is not None
            and attachment.default_route is not False
            and _speaks(attachment, version)
        ]
        chosen = [name for wanted, name in candidates if wanted]
        chosen += [name for _, name in candidates if bridges[name].internet]
        if chosen:
            found[version] = chosen[0]
    return found


def _speaks(attachment: written.Attachment, version: int) -> bool:
    """Whether it has an address of this IP version; automatic ones are dealt for every subnet."""
    return not attachment.address or any(a.version == version for a in attachment.address)


def _addresses(
    attachment: written.Attachment,
    bridge: Bridge,
    pool: _Addresses,
    path: Path,
    report: Report,
) -> tuple[Address, ...]:
    if attachment.address:
        return tuple(_with_prefix(address, bridge) for address in attachment.address)
    dealt: list[Address] = []
    for subnet in bridge.subnets:
        address = pool.deal(subnet.network)
        if address is None:
            report.error(
                path,
                f"the subnet {subnet.network} of network {bridge.name!r} has no free address left",
            )
        else:
            dealt.append(address)
    return tuple(dealt)


def _ip(address: IPAddress | IPInterface) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return address.ip
    return address


def _with_prefix(address: IPAddress | IPInterface, bridge: Bridge) -> Address:
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return address
    prefixes = (s.network.prefixlen for s in bridge.subnets if address in s.network)
    return with_prefix(address, next(prefixes, address.max_prefixlen))


def _publications(
    publish: written.Publish, members: tuple[Member, ...], own: set[IPAddress | None]
) -> Iterator[Publication]:
    """A publication for each IP version that the namespace has on the network and the host answers on.

    `own` are the host's addresses on our bridges.
    """
    with_gateway = (m for m in members if any(s.gateway for s in m.bridge.subnets))
    named = (m for m in members if m.bridge.name == publish.network)
    member = next(named if publish.network else with_gateway, None)
    if member is None:
        return
    for version in (4, 6):
        address = member.address(version)
        if address is None or member.bridge.gateway(version) is None:
            continue
        if publish.host_ip is not None and publish.host_ip.version != version:
            continue
        yield Publication(
            member=member,
            address=address,
            published=publish.published,
            target=publish.target,
            protocol=publish.protocol,
            host_ip=None if _wildcard(publish.host_ip) else publish.host_ip,
            reach=_reach(publish, version, own),
            via=publish.via,
        )


def _wildcard(address: IPAddress | None) -> bool:
    return address is None or address.is_unspecified


def _reach(
    publish: written.Publish, version: int, own: set[IPAddress | None]
) -> tuple[Audience, ...]:
    """Who can use it, of those who may address it at all.

    127.0.0.1 is nobody's but the host's own. The address on a bridge of ours is known to its members; another machine
    that sends to it has set up a route to get in, which the kernel would let it (moby 45610).
    """
    host_ip = publish.host_ip
    found = set(written.AUDIENCES)
    if host_ip is not None and host_ip.is_loopback:
        found = {"loopback"}
    elif host_ip in own and host_ip is not None:
        found -= {"loopback", "outside"}
    elif host_ip is not None and not host_ip.is_unspecified:
        found -= {"loopback"}
    if version == 6 and publish.via == "dnat":  # the kernel has no route_localnet for ::1
        found -= {"loopback"}
    return tuple(a for a in written.AUDIENCES if a in found and a in publish.reach)


def _namespace(
    name: str,
    namespace: written.Namespace,
    members: Mapping[str, tuple[Member, ...]],
    wired: Wires,
) -> Namespace:
    return Namespace(
        name=name,
        ends=wired.ends.get(name, ()),
        interfaces=wired.interfaces[name],
        routes=namespace.routes,
        policies=_policies(namespace),
        nats=namespace.nat,
        sysctls=namespace.sysctls,
        services=namespace.services,
        execs=namespace.exec,
        forwarding=namespace.forwarding,
        members=tuple(map(wired.member, members[name])),
        resolv_conf=_resolv_conf(namespace),
        hosts=_hosts(namespace, members),
    )


def _policies(node: written.Host | written.Namespace) -> tuple[Policy, ...]:
    """Each with its priority: those without one are asked in the order of the file."""
    return tuple(
        rule if rule.priority is not None else replace(rule, priority=FIRST_POLICY + index)
        for index, rule in enumerate(node.rules)
    )


def _host(host: written.Host, wired: Wires) -> Node:
    return Node(
        name="host",
        ends=wired.ends.get("host", ()),
        interfaces=wired.interfaces["host"],
        routes=host.routes,
        policies=_policies(host),
        nats=host.nat,
        sysctls=host.sysctls,
        services=host.services,
        execs=host.exec,
        forwarding=host.forwarding,
    )


def _expectation(index: int, expect: written.Expect) -> Expectation:
    """A node that is asked on a port answers itself; for the host, it may be whoever publishes the port."""
    to = expect.to
    itself = to.node if to.port and expect.reach and to.node != "host" else ""
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


def _resolv_conf(namespace: written.Namespace) -> str:
    """The text of resolv.conf(5)."""
    if namespace.dns is None:
        return ""
    lines = [f"nameserver {address}" for address in namespace.dns.nameservers]
    if namespace.dns.search:
        lines.append(f"search {' '.join(namespace.dns.search)}")
    if namespace.dns.options:
        lines.append(f"options {' '.join(namespace.dns.options)}")
    return "".join(f"{line}\n" for line in lines)


def _hosts(namespace: written.Namespace, members: Mapping[str, tuple[Member, ...]]) -> str:
    """The text of hosts(5)."""
    if namespace.hosts is False:
        return ""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    if namespace.hosts is True:
        lines += [
            f"{address.ip} {name}"
            for name, attached in members.items()
            for member in attached
            for address in member.addresses
        ]
    else:
        lines += [
            f"{address} {name}"
            for name, addresses in namespace.hosts.items()
            for address in addresses
        ]
    return "".join(f"{line}\n" for line in lines)
