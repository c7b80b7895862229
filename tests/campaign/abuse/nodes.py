"""What a generated topology has in a node besides networks: routes, parameters, processes, commands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import words
from nsgen.values import IPAddress
from parts import Data, Draw, Place, Subnet


def node(
    draw: Draw, places: list[Place], sysctls: Mapping[str, tuple[Any, ...]], *, host: bool = False
) -> Iterator[tuple[str, Any]]:
    """Give what a namespace and the host have alike."""
    if draw.maybe(0.5):
        router = _Router(draw, places, host=host)
        yield "routes", [router.route() for _ in range(draw.one((1, 2, 3, 5)))]
    if draw.maybe(0.4):
        yield "sysctls", _sysctls(draw, places, sysctls)
    if draw.maybe(0.3):
        yield "forwarding", draw.maybe(0.6)
    if draw.maybe(0.1):
        yield "marks", [_mark(draw)]  # one without a mask leaves no bits to uplinks
    elif not host and draw.maybe(0.1) and (found := _uplink(draw, places)):
        yield "uplinks", found
    if draw.maybe(0.25):
        yield "services", {name: _service(draw) for name in draw.some(words.SERVICES, 2, 1)}
    if draw.maybe(0.3):
        yield "exec", [_exec(draw) for _ in range(draw.one((1, 2, 3)))]


def _mark(draw: Draw) -> Data:
    """Give what sets a mark, of bits that nothing else here has."""
    data: Data = {"set": draw.one(("0x10/0xf0", "0x30/0xf0", 64))}
    if draw.maybe(0.5):
        data["to"] = draw.one(("203.0.113.0/24", "2001:db8:7::/48", "198.51.100.9"))
    if draw.maybe(0.5):
        data |= {"protocol": draw.one(("tcp", "udp")), "dport": draw.one((53, "8000-8100"))}
    if draw.maybe(0.3):
        data["connection"] = True
    return draw.shuffled(data)


def _uplink(draw: Draw, places: list[Place]) -> Data:
    """Give one way out of a namespace, by a router that need not be there."""
    for place in places:
        for subnet in place.subnets:
            if place.device is not None and subnet.room() > 2 and draw.maybe(0.7):
                return {place.device: str(subnet.take())}
    return {}


class _Router:
    """Writes the routes of a node."""

    def __init__(self, draw: Draw, places: list[Place], *, host: bool) -> None:
        self.draw = draw
        self.host = host
        self.ways = [(place, subnet) for place in places for subnet in place.subnets]

    def route(self) -> Data:
        """Give a route to where no other one leads."""
        kinds = [self._via, self._via, self._via, self._dev, self._onlink, self._several]
        leads = bool(self.ways) and self.draw.maybe(0.8)
        data = self.draw.one(kinds)(*self.draw.one(self.ways)) if leads else self._drop()
        if self.draw.maybe(0.2):
            data["table"] = self.draw.one((7, 100, 253, 254, 2**32 - 1))
        if "metric" not in data and self.draw.maybe(0.2):
            data["metric"] = self.draw.one((1, 77, 1024, 2**32 - 1))
        return self.draw.shuffled(data)

    def _to(self, version: int) -> Data:
        n = self.draw.number()
        if self.draw.maybe(0.1):
            everywhere = ("default", "0.0.0.0/0" if version == 4 else "::/0")
            return {"to": self.draw.one(everywhere), "metric": 2000 + n}
        high, low = 64 + (n >> 8), n & 255
        forms = {
            4: (f"100.{high}.{low}.0/24", f"100.{high}.{low}.1", f"100.{high}.{low}.128/25"),
            6: (f"fd64:{n:x}::/48", f"fd65::{n:x}", f"fd66:0:0:{n:x}::/64"),
        }
        return {"to": self.draw.one(forms[version])}

    def _drop(self) -> Data:
        kind = self.draw.one(("blackhole", "unreachable", "prohibit"))
        return {**self._to(self.draw.one((4, 4, 6))), "type": kind}

    def _via(self, place: Place, subnet: Subnet) -> Data:
        router = self._next(subnet)
        if router is None:
            return self._dev(place, subnet)
        data = {**self._to(subnet.version), "via": str(router)}
        if place.device is not None and self.draw.maybe(0.4):
            data["dev"] = place.device
        own = [ip for other, _ in self.ways for ip in other.own if ip.version == subnet.version]
        if own and self.draw.maybe(0.4):
            data["src"] = str(self.draw.one(own))
        if self.draw.maybe(0.2):
            data |= {"type": "unicast"}
        return data

    def _next(self, subnet: Subnet) -> IPAddress | None:
        """Give a router in a subnet: the host, or somebody who need not be there."""
        if subnet.room() > 2 and self.draw.maybe(0.6):
            return subnet.take()
        return None if self.host else subnet.gateway

    def _dev(self, place: Place, subnet: Subnet) -> Data:
        device = place.device if place.device is not None and self.draw.maybe(0.8) else "lo"
        to = self._to(subnet.version)
        # The default would be that of IPv4, whatever else the device is in.
        if to["to"] == "default" and subnet.version == 6:
            to["to"] = "::/0"
        return {**to, "dev": device}

    def _onlink(self, place: Place, subnet: Subnet) -> Data:
        if place.device is None:
            return self._via(place, subnet)
        data = {**self._to(subnet.version), "dev": place.device}
        number = self.draw.number()
        if subnet.version == 6 and self.draw.maybe(0.5):
            return {**data, "via": f"fe80::{number:x}"}
        router = f"172.31.255.{number & 127 | 1}" if subnet.version == 4 else f"fd99::{number:x}"
        return {**data, "via": router, "onlink": True}

    def _several(self, place: Place, subnet: Subnet) -> Data:
        hops: list[Data] = []
        for _ in range(self.draw.one((1, 2, 2, 3)) if subnet.room() > 8 else 0):
            hops.append({"via": str(subnet.take())})
            if place.device is not None and self.draw.maybe(0.4):
                hops[-1]["dev"] = place.device
            if self.draw.maybe(0.5):
                hops[-1]["weight"] = self.draw.one((1, 2, 10, 256))
        return {**self._to(subnet.version), "nexthops": hops} if hops else self._via(place, subnet)


def _sysctls(
    draw: Draw, places: list[Place], known: Mapping[str, tuple[Any, ...]]
) -> dict[str, Any]:
    found = {key: draw.one(known[key]) for key in draw.some([*known], 3)}
    if words.SWITCH in found:
        found.pop(words.SAME_SWITCH, None)  # which is refused
    for place in places:
        if place.device is not None and draw.maybe(0.4):
            separator = "/" if "." in place.device or draw.maybe(0.3) else "."
            parts = ("net", "ipv4", "conf", place.device, draw.one(("arp_notify", "proxy_arp")))
            found[separator.join(parts)] = draw.one((0, 1))
    if not draw.here and draw.maybe(0.2):
        found[f"net.x{draw.number()}.y"] = draw.one(words.LINES)
    return found


def _service(draw: Draw) -> Data:
    command = draw.one((["sleep", "1000"], ["sh", "-c", 'echo "$*"; exec sleep 1001', "sh"]))
    if command[0] == "sh":
        command = [*command, *draw.some(words.TEXTS, 3)]
    if not draw.here and draw.maybe(0.5):
        program = draw.one(words.PROGRAMS)
        # One word with a blank in it, and nothing else, is refused: who writes it means several.
        command = [program, *draw.some(words.TEXTS, 3, int(" " in program))]
    variables = {name: draw.one(words.TEXTS) for name in draw.some(words.VARIABLES, 2, 1)}
    folder = draw.one(("/", "/etc", "/usr/share") if draw.here else ("/a b", "/'$x", "/"))
    user = draw.one(("root", "nobody") if draw.here else ("www-data", "_x.y-z", "0"))
    # In a user namespace there is nobody but root.
    user = "root" if draw.here and os.geteuid() != 0 else user
    options: Data = {"directory": folder, "environment": variables, "user": user}
    return draw.shuffled({"command": command, **dict(draw.some([*options.items()], 3))})


def _exec(draw: Draw) -> Data:
    n = draw.number() & 255
    rule = ["from", f"203.0.114.{n}", "table", "9"]
    route = ["blackhole", f"198.51.100.{n}"]
    said = ["sh", "-c", ': "$1"', "sh", draw.one(words.TEXTS)]
    found: tuple[Data, ...] = (
        {"up": ["ip", "rule", "add", *rule], "down": ["ip", "rule", "del", *rule]},
        {"up": ["ip", "route", "add", *route], "down": ["ip", "route", "del", *route]},
        {"up": said, "down": said},
        {"up": said},
        {"down": ["true", *draw.some(words.TEXTS, 3)]},
    )
    if not draw.here and draw.maybe(0.5):
        return {"up": [draw.one(words.PROGRAMS), draw.one(words.TEXTS)]}
    return draw.one(found)
