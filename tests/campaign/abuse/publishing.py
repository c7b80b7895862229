"""Published ports of a generated topology."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

import words
from nsgen.values import IPAddress
from parts import Data, Draw, Network, Place


class Publisher:
    """Publishes ports; each on ports of the host of its own."""

    def __init__(self, draw: Draw, networks: Sequence[Network]) -> None:
        self.draw = draw
        self.networks = networks
        self.port = draw.rng.randrange(1, 30_000)
        self.used: dict[int, set[str]] = {}  # the protocols of a port

    def ports(self, places: list[Place]) -> Iterator[Any]:
        """Give what a namespace publishes."""
        reached = [place for place in places if place.network.gateways()]
        for _ in range(self.draw.one((1, 2, 3, 5)) if reached else 0):
            named = self.draw.maybe(0.3)
            # Without a name, any of them may be the one: what is asked for must be possible on each.
            each = [self.draw.one(reached)] if named else reached
            versions = [
                version for version in (4, 6) if all(version in _versions(place) for place in each)
            ]
            if not versions:
                continue
            place = each[0]
            data = self._port(place, versions, outside=all(p.network.internet for p in each))
            if named:
                data["network"] = place.network.name
            short = not {"network", "via", "reach"} & {*data} and self.draw.maybe(0.7)
            yield _short(data) if short else self.draw.shuffled(data)

    def _port(self, place: Place, versions: list[int], *, outside: bool) -> Data:
        draw = self.draw
        data: Data = {}
        protocol = "sctp" if draw.maybe(0.02 if draw.here else 0.1) else draw.one(("tcp", "udp"))
        if protocol != "tcp" or draw.maybe(0.2):
            data["protocol"] = protocol
        if draw.maybe(0.3):
            # No proxy for SCTP where the kernel has no sockets for it.
            data["via"] = (
                "dnat" if protocol == "sctp" and draw.here else draw.one(("dnat", "proxy"))
            )
        proxy = data.get("via") == "proxy"
        self._choose_ports(data, protocol, 3 if proxy else 20)
        everywhere = ipaddress.ip_address("::" if versions == [6] else "0.0.0.0")
        ip = everywhere
        if draw.maybe(0.4):
            ip = draw.one(self._addresses(place, versions, proxy=proxy))
            data["host_ip"] = str(ip)
        audiences = [w for w in words.AUDIENCES if w != "outside" or outside]
        if len(audiences) < 5 or draw.maybe(0.5):
            data["reach"] = draw.lone(self._reach(ip, audiences, proxy=proxy))
        return data

    def _choose_ports(self, data: Data, protocol: str, most: int) -> None:
        draw, target = self.draw, self.draw.rng.randrange(1, 65_516)
        others = [port for port, protocols in self.used.items() if protocol not in protocols]
        if others and draw.maybe(0.3):
            many, first = 1, draw.one(others)
        else:
            many = draw.one((1, 1, 1, 2, most))
            self.port += draw.one((20, 21, 1000))
            first = self.port
        if many == 1:
            self.used.setdefault(first, set()).add(protocol)
        for key, port in (("published", first), ("target", target)):
            data[key] = port if many == 1 else f"{port}-{port + many - 1}"

    def _addresses(self, place: Place, versions: list[int], *, proxy: bool) -> list[IPAddress]:
        """Give addresses that the host has, or could have: a proxy needs one that is there."""
        found = {4: ["0.0.0.0", "127.0.0.1", "127.0.0.9", "172.16.1.4"], 6: ["::", "fd00:1::4"]}
        if proxy:
            found[6].append("::1")
        else:
            found[4] += ["192.0.2.1", "255.255.255.254"]
            found[6] += ["2001:db8:ffff::1"]
        own = [s.gateway for s in place.network.gateways() if s.gateway and s.version in versions]
        return own + [ipaddress.ip_address(text) for version in versions for text in found[version]]

    def _reach(self, ip: IPAddress, audiences: list[str], *, proxy: bool) -> list[str]:
        """Choose some of whom may reach it, one of whom can."""
        can = {*audiences}
        if ip.is_loopback:
            can = {"loopback"}
        elif not ip.is_unspecified or (ip.version == 6 and not proxy):
            can -= {"loopback"}
        if any(ip == subnet.gateway for net in self.networks for subnet in net.subnets):
            can -= {"outside"}
        chosen = self.draw.some(audiences, 5, 1)
        return chosen if can & {*chosen} else [*chosen, min(can)]


def _versions(place: Place) -> set[int]:
    """The IP versions in which the host has an address on it, and the namespace, too."""
    return {subnet.version for subnet in place.network.gateways() if subnet in place.subnets}


def _short(data: Data) -> str:
    """Give the short form, which says as much."""
    ip = data.get("host_ip", "")
    host = f"[{ip}]:" if ":" in ip else f"{ip}:" if ip else ""
    protocol = f"/{data['protocol']}" if "protocol" in data else ""
    return f"{host}{data['published']}:{data['target']}{protocol}"
