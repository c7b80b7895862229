"""A device as the analysis of who reaches whom knows it: its addresses, and what it answers for."""

from __future__ import annotations

from dataclasses import dataclass

from nsgen.language.kinds.wiring import Plain, Wiring
from nsgen.language.neighbours import Neighbour
from nsgen.reach.joined import DeviceKey
from nsgen.topology.networks import Address
from nsgen.values import IPAddress

PLAIN = Plain()


# Parameters that decide who answers for an address on a link, ip-sysctl; 0, the default, is what is reckoned with.
NEIGHBOURLY = {
    *("proxy_arp", "proxy_arp_pvlan", "proxy_ndp", "arp_ignore", "arp_filter"),
    *("arp_accept", "disable_ipv6"),
}


@dataclass(frozen=True, eq=False)
class Device:
    """A device with which its node sends and gets packets. `domain`: the table of the VRF that it is in, or 0."""

    node: str
    name: str
    addresses: tuple[Address, ...]
    domain: int
    wiring: Wiring
    mac: str = ""
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def device_key(self) -> DeviceKey:
        """Where it is."""
        return self.node, self.name

    def known_mac(self, address: IPAddress) -> str:
        """The MAC address that it takes an address to have without asking, if any."""
        return next((n.mac for n in self.neighbours if n.address == address), "")

    def answers_for(self, address: IPAddress) -> bool:
        """Whether it is to answer for an address elsewhere."""
        return any(n.address == address and not n.mac for n in self.neighbours)

    @property
    def pointed(self) -> bool:
        """Whether whatever enters it comes out at its other end, without asking who has the address."""
        return not self.wiring.FRAMES
