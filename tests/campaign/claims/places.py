"""Namespaces of an ordinary topology: their networks, the ports that they publish, and what else is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nsgen.values import expand
from parts import Data, Draw, Network, Place, Subnet

TARGETS = (80, 80, 443, 22, 53, 3000, 5432, 8080)
INSIDE: tuple[Data, ...] = (
    {"net.ipv4.tcp_keepalive_time": 60},
    {"net.ipv4.ip_default_ttl": 70},
    {"net.ipv4.ip_local_port_range": "1024 65000"},
)
# Who may use a port: of networks that other machines reach, and of others.
OPEN = ("outside", "network", ["outside", "host"], ["outside", "network"], ["host", "loopback"])
CLOSED = (["host", "loopback", "network", "self"], "network", "host", ["host", "network"])


class Writer:
    """Writes the namespaces that are on some networks."""

    def __init__(self, draw: Draw, nets: list[Network]) -> None:
        self.draw = draw
        self.nets = nets

    def namespace(self, name: str) -> Data:
        """Write one."""
        draw = self.draw
        least = 0 if draw.maybe(0.04) else 1
        places = [
            Place(net, None, net.subnets, [])
            for net in draw.some(self.nets, draw.one((1, 1, 1, 2, 2, 3)), least)
        ]
        written = {place.network.name: self._attachment(name, place) for place in places}
        chosen = self._choose_default_route(written, places)
        # A network without a subnet takes an address, so it is in a map with it.
        data: Data = {"networks": written if any(written.values()) else [*written]}
        reached = [place for place in places if place.subnets and place.network.gateways()]
        if reached and draw.maybe(0.5):
            how_many = draw.one((1, 1, 2, 3))
            data["publish"] = [self._port(reached, named=chosen) for _ in range(how_many)]
        data |= self._routes(reached)
        data |= self._processes(data.get("publish", []))
        data |= _more(draw)
        return {key: value for key, value in data.items() if value not in ({}, [])}

    def several(self, key: str) -> Data:
        """Write a range of them."""
        net = self.draw.one([net for net in self.nets if not net.bare] or self.nets)
        for subnet in net.subnets:
            subnet.gone += len(expand(key))
        return {"networks": [net.name]} | dict(_more(self.draw))

    def router(self, namespaces: Data) -> None:
        """Write one that forwards between two networks, and routes by it in those that are on one of them."""
        nets = [net for net in self.nets if net.subnets and net.subnets[0].version == 4]
        if len(nets) < 2 or "router" in namespaces:
            return
        near, far = self.draw.some(nets, 2, 2)
        at = {net.name: self._written(net.subnets[0], bare=net.bare) for net in (near, far)}
        for here, there in ((near, far), (far, near)):
            route = {
                "to": str(there.subnets[0].network),
                "via": at[here.name].partition("/")[0],
            }
            for namespace in namespaces.values():
                on = namespace.get("networks", ())
                if [*on] == [here.name] and "'address': False" not in str(on):
                    namespace.setdefault("routes", []).append(route)
        namespaces["router"] = {"networks": at, "forwarding": True}

    def behind(self, data: Data) -> None:
        """Plug a cable into a network, with somebody at its other end who has an address there."""
        net = self.draw.one(self.nets)
        address = self._written(net.subnets[0], bare=True)
        data["networks"][net.name]["ports"] = self.draw.one(
            (["plug0"], {"plug0": {"hairpin": True}})
        )
        ends: Data = {"host:plug0": {}, "laptop:eth0": address}
        data.setdefault("links", []).append({"endpoints": ends})
        data["namespaces"]["laptop"] = {}

    def _attachment(self, name: str, place: Place) -> Data | Any:
        draw, net = self.draw, place.network
        data: Data = {}
        if not net.bare and draw.maybe(0.05):
            data["address"], place.subnets = False, []
        elif net.bare or draw.maybe(0.3):
            own = [self._written(subnet, bare=net.bare) for subnet in net.subnets]
            data["address"] = own[0] if len(own) == 1 else own
        if draw.maybe(0.12):
            place.device = data["interface"] = f"eth{self.nets.index(net)}"
        if draw.maybe(0.04):
            data["peer"] = f"{name}-{draw.number()}"
        if draw.maybe(0.04):
            data["mac"] = draw.mac()
        if draw.maybe(0.03):
            data["mtu"] = 1400
        return data["address"] if [*data] == ["address"] and place.subnets else data

    @staticmethod
    def _written(subnet: Subnet, *, bare: bool) -> str:
        address = subnet.take()
        return f"{address}/{subnet.network.prefixlen}" if bare else str(address)

    def _choose_default_route(self, written: Data, places: list[Place]) -> bool:
        """Say for one of several networks whether the default route goes that way."""
        found = [place.network for place in places if place.subnets and place.network.gateways()]
        if len(found) < 2 or not self.draw.maybe(0.2):
            return False
        net = self.draw.one(found)
        own = written[net.name]
        own = own if isinstance(own, dict) else {"address": own}
        written[net.name] = own | {"default_route": self.draw.maybe(0.7)}
        return True

    # -- published ports ------------------------------------------------------------------------

    def _port(self, reached: list[Place], *, named: bool) -> Any:
        """Write a published port. Without a name, it is of the network that the default route goes by."""
        draw, data = self.draw, dict[str, Any]()
        first = next((place for place in reached if place.network.internet), reached[0])
        place = draw.one(reached) if named or draw.maybe(0.1) else first
        self._choose_ports(data)
        if draw.maybe(0.15):
            data["protocol"] = "udp"
        if draw.maybe(0.1):
            data["via"] = "proxy"
        four = [subnet for subnet in place.network.gateways() if subnet.version == 4]
        if four and place is first and draw.maybe(0.12):
            own = str(four[0].gateway)
            data["host_ip"] = draw.one(("127.0.0.1", "127.0.0.1", "0.0.0.0", "172.16.1.4", own))
        if named or place is not first:
            data["network"] = place.network.name
        outside = place.network.internet
        if data.get("host_ip") != "127.0.0.1" and (not outside or draw.maybe(0.2)):
            # Other machines do not use the host's address on a network.
            inner = any(data.get("host_ip") == str(subnet.gateway) for subnet in four)
            data["reach"] = draw.one(OPEN if outside and not inner else CLOSED)
        long = {"network", "via", "reach"} & {*data} or draw.maybe(0.1)
        return data if long else _short(data)

    def _choose_ports(self, data: Data) -> None:
        first, target = 8000 + 10 * self.draw.number(), self.draw.one(TARGETS)
        if self.draw.maybe(0.06):
            data |= {"published": f"{first}-{first + 3}", "target": f"{target}-{target + 3}"}
        else:
            data |= {"published": first, "target": target}

    # -- what else is in a node -----------------------------------------------------------------

    def _routes(self, reached: list[Place]) -> Iterator[tuple[str, Any]]:
        draw = self.draw
        gateways = [str(s.gateway) for place in reached for s in place.subnets if s.version == 4]
        if draw.maybe(0.06):
            yield (
                "routes",
                [{"to": "198.18.5.0/24", "type": draw.one(("blackhole", "unreachable"))}],
            )
        elif gateways and draw.maybe(0.06):
            yield "routes", [{"to": "198.18.6.0/24", "via": draw.one(gateways)}]

    def _processes(self, published: list[Any]) -> Iterator[tuple[str, Any]]:
        draw = self.draw
        ports = [p for p in map(_target, published) if p]
        if ports and draw.maybe(0.1):
            service: Data = {"command": ["python3", "-m", "http.server", str(ports[0])]}
            yield "services", {"web": service | ({"user": "nobody"} if draw.maybe(0.3) else {})}
        elif not published and draw.maybe(0.1):
            yield "services", {"job": {"command": ["sleep", "infinity"]}}
        if draw.maybe(0.04):
            route = ["blackhole", "198.51.100.0/25"]
            add, remove = (["ip", "route", what, *route] for what in ("add", "del"))
            yield "exec", [{"up": add, "down": remove}]


def _more(draw: Draw) -> Iterator[tuple[str, Any]]:
    if draw.maybe(0.08):
        yield "sysctls", draw.one(INSIDE)
    if draw.maybe(0.03):
        yield "forwarding", True
    if draw.maybe(0.1):
        options = {"nameservers": ["9.9.9.9", "1.1.1.1"], "search": "example.org"}
        yield "dns", dict(draw.some([*options.items()], 2, 1))
    if draw.maybe(0.15):
        yield "hosts", draw.one((True, {"db.example.org": "10.99.0.1"}))


def _short(data: Data) -> str:
    host = f"{data['host_ip']}:" if "host_ip" in data else ""
    protocol = f"/{data['protocol']}" if "protocol" in data else ""
    return f"{host}{data['published']}:{data['target']}{protocol}"


def _target(published: Any) -> int:
    """The port that somebody of the namespace's own could answer on by TCP."""
    if isinstance(published, str):
        last = published.rpartition(":")[2]
        return int(last) if last.isdigit() else 0
    single = isinstance(published["target"], int) and "protocol" not in published
    return int(published["target"]) if single else 0


def settings(draw: Draw, data: Data) -> None:
    """Say sometimes what the host has of its own."""
    host: Data = data.setdefault("host", {})
    if draw.maybe(0.04):
        host["forwarding"] = True
    if draw.maybe(0.05):
        host["sysctls"] = draw.one(({"net.core.somaxconn": 1000}, {"net.ipv4.tcp_fin_timeout": 30}))
    if draw.maybe(0.03):
        host["services"] = {"job": {"command": ["sleep", "infinity"]}}
    if draw.maybe(0.03):
        host["routes"] = [{"to": "198.18.7.0/24", "type": "blackhole"}]
    if draw.maybe(0.03):
        host["interfaces"] = {"spare0": {"type": "bridge", "address": "10.250.0.1/24"}}
    if not host:
        del data["host"]
