"""Networks and their members, resolved."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property

from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.kind import NO_PORT, Port
from nsgen.language.neighbours import Neighbour
from nsgen.language.networks import BridgeNetfilter
from nsgen.language.opposite import Address as Address  # noqa: PLC0414 - it is found beside what has it
from nsgen.values import IPAddress, IPInterface, IPNetwork


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network, and the host's address in it, if the host has one."""

    network: IPNetwork
    gateway: IPAddress | None

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.network.version

    @property
    def gateway_interface(self) -> IPInterface:
        """The gateway with the subnet's prefix."""
        return ipaddress.ip_interface(f"{self.gateway}/{self.network.prefixlen}")


@dataclass(frozen=True)
class Bridge:
    """A network: a bridge on the host."""

    name: str
    subnets: tuple[Subnet, ...]
    internet: bool
    masquerade: bool
    isolate: bool
    netfilter: BridgeNetfilter
    mac: str
    mtu: int
    stp: bool
    auto_routed: bool = True  # whether it is a way and a destination of `routing: auto`
    ports: tuple[tuple[str, Port], ...] = ()  # devices of the host, besides those of the members
    excepted: tuple[IPNetwork, ...] = ()  # of what is masqueraded: where sources are kept
    own_ports: bool = False  # of published ports, those of this network alone answer its members

    def gateway(self, version: int) -> IPAddress | None:
        """The host's first address of this IP version here."""
        return self._gateways.get(version)

    @cached_property
    def _gateways(self) -> dict[int, IPAddress]:
        given = [subnet.gateway for subnet in self.subnets if subnet.gateway is not None]
        return {gateway.version: gateway for gateway in reversed(given)}

    def versions(self) -> tuple[int, ...]:
        """The IP versions that are spoken here; both, on a switch without addressing."""
        spoken = {subnet.version for subnet in self.subnets}
        return tuple(version for version in (4, 6) if not spoken or version in spoken)

    def masquerades(self, to: IPAddress) -> bool:
        """Whether what members send to an address elsewhere gets the host's address as its source."""
        return self.masquerade and not any(to in network for network in self.excepted)

    def keeps_sources(self, version: int) -> bool:
        """Whether nothing that members send by this IP version is masqueraded, wherever it goes."""
        whole = (n for n in self.excepted if n.version == version and n.prefixlen == 0)
        return not self.masquerade or any(whole)

    @property
    def routed(self) -> bool:
        """Whether its members are known by their own addresses, and let in by these."""
        return self.internet and not self.masquerade

    @property
    def plain_ipv4(self) -> bool:
        """Whether there is a subnet, and none of IPv6."""
        return 6 not in self.versions()


@dataclass(frozen=True)
class Member:
    """A namespace's place on a network: `device` in the namespace, `peer` a port of the bridge.

    `long_name` and `long_peer` are what they would be called if a device's name could be that long.
    """

    namespace: str
    bridge: Bridge
    device: str
    peer: str
    long_name: str
    long_peer: str
    addresses: tuple[Address, ...]
    mac: str
    mtu: int
    peer_mtu: int
    default_routes: tuple[IPAddress, ...]
    impair: Impair | None = None
    master: str = ""  # a bridge, bond or VRF in the namespace
    port: Port = NO_PORT
    neighbours: tuple[Neighbour, ...] = ()
    wants_ipv6: bool = False  # whatever its addresses are

    @property
    def plain_ipv4(self) -> bool:
        """Whether it is to have no IPv6 address: its network is one of IPv4, or it has no address at all."""
        plain = self.bridge.plain_ipv4 or not self.addresses
        return plain and not self.wants_ipv6

    def address(self, version: int) -> IPAddress | None:
        """The first address of this IP version."""
        return next((a.ip for a in self.addresses if a.version == version), None)

    def of_version(self, version: int) -> list[IPAddress]:
        """The addresses of this IP version."""
        return [a.ip for a in self.addresses if a.version == version]

    def routed(self, version: int) -> bool:
        """Whether its default route of this IP version goes this way."""
        return any(gateway.version == version for gateway in self.default_routes)
