"""Further uplinks of a rehearsed host: behind each card that the topology calls one, a router, and who asks from there.

The router has the address that the topology names, and asks from another one, which no default route leads to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nsgen.topology.model import Topology
from nsgen.values import IPAddress, IPNetwork

LENGTHS = {4: 24, 6: 64}  # of the subnet of a router and the host
FIRST = 20  # of the addresses that are asked from


class Beyond(NamedTuple):
    """The router behind a card, by one IP version: its address, the host's there, and the one that it asks from."""

    node: str
    device: str
    via: IPAddress
    host: IPAddress
    asks: IPAddress

    @property
    def subnet(self) -> IPNetwork:
        """Where the router and the host are neighbours."""
        return ipaddress.ip_network(f"{self.via}/{LENGTHS[self.via.version]}", strict=False)


def uplinks(topology: Topology, lan: str, beyond: Mapping[int, IPNetwork]) -> Iterator[Beyond]:
    """The routers behind cards besides that on the LAN; `beyond`: the addresses of the internet, by IP version."""
    made = {interface.name for interface in topology.host.wired}
    made |= {bridge.name for bridge in topology.bridges}
    own = [u for u in topology.host.uplinks if u.device != lan and u.device not in made]
    for index, uplink in enumerate(one for one in own if not one.via.is_link_local):
        subnet = ipaddress.ip_network(f"{uplink.via}/{LENGTHS[uplink.version]}", strict=False)
        host = next(a for a in (subnet[4], subnet[5]) if a != uplink.via)
        asks = beyond[uplink.version][FIRST + index]
        yield Beyond(f"beyond-{uplink.device}~", uplink.device, uplink.via, host, asks)
