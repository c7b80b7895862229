"""The topologies that are measured: N namespaces, each with an address, a default route and a published port.

`python bench/shape.py N [PORTS]` prints one.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass

NAME = "bench"
PORTS_OF_A_BRIDGE = 1000  # Linux allows 1023 (BR_MAX_PORTS)
FIRST_PORT = 10001
LAST_PORT = 60000
BRIDGE_BITS = 22


@dataclass(frozen=True)
class Bridge:
    """A bridge, and the host's address on it."""

    name: str
    subnet: ipaddress.IPv4Network

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        """The first address."""
        return self.subnet[1]


@dataclass(frozen=True)
class Namespace:
    """A namespace, its place, and the host's port that is its port 80; 0 for none."""

    name: str
    bridge: Bridge
    address: ipaddress.IPv4Address
    port: int


def bridges(number: int) -> list[Bridge]:
    """As many as so many namespaces take."""
    subnets = ipaddress.IPv4Network("10.64.0.0/10").subnets(new_prefix=BRIDGE_BITS)
    count = max(1, -(-number // PORTS_OF_A_BRIDGE))
    return [Bridge(f"bridge{index}", next(subnets)) for index in range(count)]


def namespaces(number: int, ports: int | None = None) -> Iterator[Namespace]:
    """So many of them; the first `ports` publish a port, by default all for which there is one."""
    where = bridges(number)
    published = min(number, LAST_PORT - FIRST_PORT + 1) if ports is None else ports
    for index in range(number):
        bridge, place = where[index // PORTS_OF_A_BRIDGE], index % PORTS_OF_A_BRIDGE
        port = FIRST_PORT + index if index < published else 0
        yield Namespace(f"n{index + 1}", bridge, bridge.subnet[place + 2], port)


def text(number: int, ports: int | None = None) -> str:
    """The topology in nsgen's language."""
    lines = [f"name: {NAME}", "networks:"]
    lines += [f"  {b.name}: {{subnet: {b.subnet}, internet: true}}" for b in bridges(number)]
    lines.append("namespaces:")
    for one in namespaces(number, ports):
        lines += [f"  {one.name}:", f"    networks: {{{one.bridge.name}: {one.address}}}"]
        lines += [f'    publish: ["{one.port}:80"]'] if one.port else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(*map(int, sys.argv[1:])))
