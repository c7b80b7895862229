"""The members of networks: each with its device, its addresses and its default routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.language import spec as written
from nsgen.language.neighbours import beside, wants_ipv6
from nsgen.report import Report
from nsgen.topology.names import (
    Place,
    default_routes,
    free_name,
    host_addresses,
    ip_of,
    places_of,
    prefixed,
    with_prefix,
)
from nsgen.topology.networks import Address, Bridge, Member
from nsgen.values import IPAddress, IPInterface, IPNetwork


class Members:
    """Deals every namespace its places on networks: one namespace after another, in the order of the file."""

    def __init__(self, spec: written.Spec, bridges: Mapping[str, Bridge], report: Report) -> None:
        """Set the addresses aside that were written, and the gateways."""
        self._networks = spec.networks
        self._on_host = host_addresses(spec.networks)
        self._bridges = bridges
        self._pool = _Addresses(spec, bridges)
        self._devices = {name: f"the bridge {name}" for name in bridges}  # on the host
        self.places: dict[str, tuple[Place, ...]] = {}  # of each namespace
        self._report = report

    def of(self, name: str, key: str, namespace: written.WrittenNamespace) -> tuple[Member, ...]:
        """The places of the namespace `name`, which comes from `key`; an error is filed where one cannot be had."""
        places = places_of(name, key, namespace, self._networks, self._on_host)
        self.places[name] = places
        default = default_routes(places)
        return tuple(
            Member(
                namespace=name,
                bridge=self._bridges[place.name],
                device=place.device,
                addresses=self._addresses(place),
                peer=self._peer(place, f"namespace {name} on {place.name}"),
                long_name=place.long_name,
                long_peer=place.long_peer,
                mac=place.attachment.mac or "",
                mtu=place.attachment.mtu or place.network.mtu or 0,
                peer_mtu=place.attachment.peer_mtu
                or place.attachment.mtu
                or place.network.mtu
                or 0,
                impair=place.attachment.impair,
                default_routes=tuple(gateway for way, gateway in default if way is place),
                neighbours=beside(place.attachment),
                wants_ipv6=wants_ipv6(place.attachment),
            )
            for place in places
        )

    def _peer(self, place: Place, owner: str) -> str:
        """The name of its device on the host, where no two may be called the same."""
        name = free_name(place.long_peer, self._devices)
        if name in self._devices:
            text = f"the device {name!r} of {owner} on the host is {self._devices[name]} already"
            self._report.error(place.path, text)
        self._devices[name] = owner
        return name

    def _addresses(self, place: Place) -> tuple[Address, ...]:
        if place.attachment.address is not None:
            return tuple(prefixed(a, place.network.subnet) for a in place.attachment.address)
        dealt: list[Address] = []
        for subnet in place.network.subnet:
            address = self._pool.deal(subnet)
            if address is None:
                text = f"the subnet {subnet} of network {place.name!r} has no free address left"
                self._report.error(place.path, text)
            else:
                dealt.append(address)
        return tuple(dealt)


class _Addresses:
    """Deals automatic addresses: the lowest free one, explicit ones and gateways set aside."""

    def __init__(self, spec: written.Spec, bridges: Mapping[str, Bridge]) -> None:
        self._taken: dict[IPNetwork, set[IPAddress]] = {}
        self._hosts: dict[IPNetwork, Iterator[IPAddress]] = {}
        for bridge in bridges.values():
            for subnet in bridge.subnets:
                self._taken[subnet.network] = {subnet.gateway} if subnet.gateway else set()
                self._hosts[subnet.network] = iter(subnet.network.hosts())
        for namespace in spec.namespaces.values():
            for _, name, attachment in namespace.attachments():
                for address in (attachment.address or ()) if name in bridges else ():
                    self._set_aside(bridges[name], address)

    def _set_aside(self, bridge: Bridge, address: IPAddress | IPInterface) -> None:
        ip = ip_of(address)
        for subnet in bridge.subnets:
            if ip in subnet.network:
                self._taken[subnet.network].add(ip)

    def deal(self, subnet: IPNetwork) -> IPInterface | None:
        taken = self._taken[subnet]
        free = next((ip for ip in self._hosts[subnet] if ip not in taken), None)
        return None if free is None else with_prefix(free, subnet.prefixlen)
