"""The peer of an address: who is reached directly at the other end, whatever the addresses are, ip-address(8)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from nsgen.language.scalars import INTERFACE_ADDRESS
from nsgen.language.schema import ListOf, key
from nsgen.values import IPAddress, IPInterface, IPNetwork

PEER: tuple[IPAddress | IPInterface, ...] = key(
    ListOf(INTERFACE_ADDRESS, lone=True),
    "The address of the other end, which is reached directly, or a list of them.",
    default=(),
)


class PeerAddress(NamedTuple):
    """An address that is alone, and the network that is reached directly by its device: that of its peer."""

    ip: IPAddress
    peer: IPInterface

    @property
    def network(self) -> IPNetwork:
        """What the kernel makes a route to."""
        return self.peer.network

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.ip.version

    @property
    def max_prefixlen(self) -> int:
        """32 or 128."""
        return self.ip.max_prefixlen

    @property
    def is_loopback(self) -> bool:
        """Whether it is one of the node's own, and nobody else's."""
        return self.ip.is_loopback

    @property
    def is_link_local(self) -> bool:
        """Whether it is for one link."""
        return self.ip.is_link_local

    def __str__(self) -> str:
        """Print it as ip(8) reads it."""
        return f"{self.ip}/{self.max_prefixlen}"


Address = IPInterface | PeerAddress
Given = IPAddress | Address  # as it is written: with a prefix, a peer, or neither


class Opposite(Protocol):
    """What has these keys."""

    @property
    def address(self) -> tuple[IPAddress | IPInterface, ...]:
        """The addresses of a device, as they are written."""

    @property
    def peer(self) -> tuple[IPAddress | IPInterface, ...]:
        """The addresses at the other end."""


def given(written: Opposite) -> tuple[Given, ...]:
    """The addresses of a device in their order, each with its peer, if it has one."""
    if not written.peer:
        return written.address
    peers = {peer.version: peer for peer in reversed(written.peer)}
    found: list[Given] = []
    for address in written.address:
        peer = peers.get(address.version) if is_alone(address) else None
        found.append(address if peer is None else PeerAddress(_ip(address), _with_prefix(peer)))
    return tuple(found)


def is_alone(address: IPAddress | IPInterface) -> bool:
    """Whether an address says nothing of others in its subnet."""
    kinds = ipaddress.IPv4Interface | ipaddress.IPv6Interface
    return not isinstance(address, kinds) or address.network.num_addresses == 1


def networks(address: Address) -> Iterator[IPNetwork]:
    """The networks that are at a device because of an address: the one that is reached directly, and its own."""
    yield address.network
    if isinstance(address, PeerAddress):
        yield ipaddress.ip_network(address.ip)


def _ip(address: IPAddress | IPInterface) -> IPAddress:
    return ipaddress.ip_address(str(address).partition("/")[0])


def _with_prefix(peer: IPAddress | IPInterface) -> IPInterface:
    return ipaddress.ip_interface(str(peer))
