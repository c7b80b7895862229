"""What a device knows of its neighbours without asking them, and for whom it answers: ip-neighbour(8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from nsgen import values
from nsgen.language.scalars import ADDRESS, BOOLEAN, MAC, STRING
from nsgen.language.schema import ListOf, MapOf, Scalar, key
from nsgen.values import IPAddress


class Neighbour(NamedTuple):
    """An address on a device's link, and the MAC address there; without one, the device answers for the address."""

    address: IPAddress
    mac: str

    @property
    def field(self) -> str:
        """The key under which it is written."""
        return "neighbours" if self.mac else "proxy_neighbours"


def _spelled(text: str) -> str:
    """An address as a key of a map, where two spellings of one address would be two keys."""
    found = values.address(text)
    if str(found) != text:
        raise ValueError(f"{text!r} is {str(found)!r} in another spelling: write that")
    return text


# The keys that every device has: one on a network, the end of a link, and other interfaces.
NEIGHBOURS: Mapping[str, str] = key(
    MapOf(Scalar(_spelled, STRING), MAC),
    "Static neighbours: a map from address to MAC address.",
    default_factory=dict,
)
PROXY_NEIGHBOURS: tuple[IPAddress, ...] = key(
    ListOf(ADDRESS, lone=True),
    "Addresses elsewhere for which it answers ARP and neighbour solicitations; what is sent to them is routed.",
    default=(),
)
LINK_LOCAL: bool = key(
    BOOLEAN,
    "IPv6 is on, with a link-local address, where there is no IPv6 address: for router advertisements.",
    default=False,
)


class Beside(Protocol):
    """What has these keys."""

    @property
    def neighbours(self) -> Mapping[str, str]:
        """Static neighbours."""

    @property
    def proxy_neighbours(self) -> tuple[IPAddress, ...]:
        """Addresses that it answers for."""

    @property
    def link_local(self) -> bool:
        """Whether it has a link-local address alone."""


def beside(written: Beside) -> tuple[Neighbour, ...]:
    """All neighbours of a device, in the order in which they are written."""
    return (
        *(Neighbour(values.address(text), mac) for text, mac in written.neighbours.items()),
        *(Neighbour(address, "") for address in written.proxy_neighbours),
    )


def wants_ipv6(written: Beside) -> bool:
    """Whether a device speaks IPv6 whatever its addresses are."""
    return written.link_local or any(n.address.version == 6 for n in beside(written))
