"""Links of an ordinary topology: lines, rings, stars and meshes, homes, overlays, and the host on a cable."""

from __future__ import annotations

from typing import Any

from parts import Data, Draw

SHAPES = (
    "line",
    "line",
    "ring",
    "star",
    "mesh",
    "pair",
    "static",
    "several",
    "home",
    "overlay",
    "switch",
)


class Cables:
    """Adds links, and the nodes at their ends, to a topology."""

    def __init__(self, draw: Draw, data: Data) -> None:
        self.draw = draw
        self.data = data
        self.nodes: Data = data.setdefault("namespaces", {})
        self.links: list[Data] = data.setdefault("links", [])
        self.net = 100 + draw.number()
        self.four, self.six = draw.one(
            ((True, False),) * 5 + ((True, True),) * 3 + ((False, True),)
        )

    def lay(self) -> None:
        """Add one of the shapes, and sometimes a cable to the host or to what is there besides."""
        others = [name for name in self.nodes if "[" not in name]
        shape = self.draw.one(SHAPES)
        router = getattr(self, f"_{shape}")()
        if others and self.draw.maybe(0.5):
            self._between(router, self.draw.one(others))
        elif self.draw.maybe(0.2):
            self._to_the_host(router)

    def _link(self, one: str, two: str, part: str) -> None:
        """Lay a cable, or as many as its ranges say; `part` tells its subnet from others."""
        link: Data = {"endpoints": [one, two]}
        subnets = self._subnets(part)
        if subnets:
            link["subnet"] = subnets[0] if len(subnets) == 1 else subnets
        if self.draw.maybe(0.05):
            link["mtu"] = 1400
        self.links.append(link)

    def _subnets(self, part: str) -> list[str]:
        four, six = f"10.{self.net}.{part}.0/24", f"fd01:{self.net}:{part}::/64"
        return [four] * self.four + [six] * self.six

    def _route(self) -> None:
        """Have the routes worked out, mostly."""
        if self.draw.maybe(0.8):
            self.data["routing"] = "auto"

    # -- shapes: each gives the node that others may be linked with ----------------------------------

    def _line(self) -> str:
        last = self.draw.one((2, 3, 3, 4, 5))
        self.nodes[f"r[1-{last}]"] = {"forwarding": True}
        self._link(f"r[1-{last - 1}]:right", f"r[2-{last}]:left", f"[1-{last - 1}]")
        self._route()
        return "r1"

    def _ring(self) -> str:
        last = self.draw.one((3, 4, 4, 5))
        self.nodes[f"r[1-{last}]"] = {"forwarding": True}
        self._link(f"r[1-{last - 1}]:right", f"r[2-{last}]:left", f"[1-{last - 1}]")
        self._link(f"r{last}:right", "r1:left", str(last))
        self._route()
        if self.draw.maybe(0.5):
            self.nodes["pc"] = {}
            self._link("r2:lan", "pc:eth0", "77")
        return "r1"

    def _star(self) -> str:
        last = self.draw.one((2, 3, 4))
        self.nodes |= {"hub": {"forwarding": True}, f"leaf[1-{last}]": {}}
        self._link(f"hub:port[1-{last}]", f"leaf[1-{last}]:eth0", f"[1-{last}]")
        self._route()
        return "hub"

    def _mesh(self) -> str:
        last = self.draw.one((3, 4))
        self.nodes |= {f"r[1-{last}]": {"forwarding": True}, f"pc[1-{last}]": {}}
        self.four = True
        link: Data = {"mesh": f"r[1-{last}]", "subnet": f"10.{self.net}.0.0/24"}
        self.links.append(link)
        self._link(f"r[1-{last}]:lan", f"pc[1-{last}]:eth0", f"[11-{10 + last}]")
        self._route()
        return "r1"

    def _pair(self) -> str:
        """Two nodes whose ends have written addresses, and addresses on lo, and routes to them."""
        one, two = f"10.{self.net}.0.1", f"10.{self.net}.0.2"
        end: Any = f"{two}/30"
        if self.draw.maybe(0.2):
            end = {"address": end, "mac": self.draw.mac()}
        self.links.append({"endpoints": {"left:eth0": f"{one}/30", "right:eth0": end}})
        for node, own, via, other in (("left", 1, two, 2), ("right", 2, one, 1)):
            route: Data = {"to": f"10.255.{self.net}.{other}", "via": via}
            if self.draw.maybe(0.3):
                route["dev"] = "eth0"
                route |= {"onlink": True} if self.draw.maybe(0.3) else {}
            if self.draw.maybe(0.2):
                route["metric"] = 50
            if self.draw.maybe(0.2):
                route["src"] = f"10.255.{self.net}.{own}"
            lo = {"lo": {"address": f"10.255.{self.net}.{own}/32"}}
            self.nodes[node] = {"interfaces": lo, "routes": [route], "forwarding": True}
        return "left"

    def _static(self) -> str:
        """A router between two machines, and their routes by it."""
        net = self.net
        self.links += [
            {"endpoints": {"pc1:eth0": f"10.{net}.1.2/24", "gw:lan1": f"10.{net}.1.1/24"}},
            {"endpoints": {"pc2:eth0": f"10.{net}.2.2/24", "gw:lan2": f"10.{net}.2.1/24"}},
        ]
        self.nodes["gw"] = {"forwarding": True}
        for n, other in ((1, 2), (2, 1)):
            to = self.draw.one(("default", f"10.{net}.{other}.0/24"))
            self.nodes[f"pc{n}"] = {"routes": [{"to": to, "via": f"10.{net}.{n}.1"}]}
        if self.draw.maybe(0.3):  # one of them by a table of its own
            route = {"to": "default", "via": f"10.{net}.1.1", "table": 100}
            self.nodes["pc1"]["routes"].append(route)
            self.nodes["pc1"]["rules"] = [{"from": f"10.{net}.1.2", "table": 100}]
        return "gw"

    def _several(self) -> str:
        """Two machines, and two routers between them that share what they send."""
        net = self.net
        for n in (1, 2):
            self.nodes[f"gw{n}"] = {"forwarding": True}
            for m in (1, 2):
                own = {
                    f"pc{m}:eth{n}": f"10.{net}.{n}{m}.2/24",
                    f"gw{n}:lan{m}": f"10.{net}.{n}{m}.1/24",
                }
                self.links.append({"endpoints": own})
        for m, there in ((1, 2), (2, 1)):
            hops: list[Data] = [{"via": f"10.{net}.{n}{m}.1"} for n in (1, 2)]
            if self.draw.maybe(0.4):
                hops[0]["weight"] = 2
            routes = [
                {"to": f"10.{net}.1{there}.0/24", "via": f"10.{net}.1{m}.1"},
                {"to": f"10.{net}.2{there}.0/24", "via": f"10.{net}.2{m}.1"},
                {"to": f"10.255.{net}.{there}", "nexthops": hops},
            ]
            lo = {"lo": {"address": f"10.255.{net}.{m}/32"}}
            self.nodes[f"pc{m}"] = {"interfaces": lo, "routes": routes}
        for n in (1, 2):
            back = [{"to": f"10.255.{net}.{m}", "via": f"10.{net}.{n}{m}.2"} for m in (1, 2)]
            self.nodes[f"gw{n}"]["routes"] = back
        return "gw1"

    def _home(self) -> str:
        """A home behind one address."""
        net = self.net
        self.links += [
            {"endpoints": {"isp:home": "203.0.114.1/24", "home:wan": "203.0.114.2/24"}},
            {"endpoints": {"home:lan": f"10.{net}.0.1/24", "pc:eth0": f"10.{net}.0.10/24"}},
        ]
        nat: list[Data] = [{"masquerade": "wan"}]
        if self.draw.maybe(0.4):
            nat = [{"snat": "203.0.114.2", "from": f"10.{net}.0.0/24", "out": "wan"}]
        if self.draw.maybe(0.5):
            nat.append({"dnat": f"10.{net}.0.10:80", "port": 8080, "in": "wan"})
        routes = [{"to": "default", "via": "203.0.114.1"}]
        self.nodes |= {
            "isp": {"forwarding": True},
            "home": {"forwarding": True, "nat": nat, "routes": routes},
            "pc": {"routes": [{"to": "default", "via": f"10.{net}.0.1"}]},
        }
        return "isp"

    def _overlay(self) -> str:
        """Two nodes, and a network between them in UDP; or one more machine on the end of the cable."""
        one, two = f"10.{self.net}.0.1", f"10.{self.net}.0.2"
        self.links.append({"endpoints": {"zone1:eth0": f"{one}/24", "zone2:eth0": f"{two}/24"}})
        if self.draw.maybe(0.4):
            extra = {"type": "macvlan", "link": "zone2:eth0", "address": f"10.{self.net}.0.3/24"}
            self.nodes |= {"zone1": {}, "zone2": {}, "extra": {"interfaces": {"mv0": extra}}}
            return "zone1"
        vxlan: Data = {"type": "vxlan", "id": self.draw.number(), "link": "eth0"}
        for node, local, remote, n in (("zone1", one, two, 1), ("zone2", two, one, 2)):
            own = {"local": local, "remote": remote, "address": f"10.{self.net}.9.{n}/24"}
            self.nodes[node] = {"interfaces": {"vx0": vxlan | own}}
        return "zone1"

    def _switch(self) -> str:
        """Machines on a switch that is a namespace."""
        last = self.draw.one((2, 3))
        ports = [f"port{n}" for n in range(1, last + 1)]
        address = f"10.{self.net}.0.254/24"
        self.nodes["switch"] = {
            "interfaces": {"br0": {"type": "bridge", "ports": ports, "address": address}}
        }
        for n in range(1, last + 1):
            own = {f"switch:port{n}": [], f"m{n}:eth0": f"10.{self.net}.0.{n}/24"}
            self.links.append({"endpoints": own})
            self.nodes[f"m{n}"] = {}
        return "switch"

    # -- what they are linked with --------------------------------------------------------------------

    def _between(self, router: str, other: str) -> None:
        self.four = True
        self._link(f"{router}:to-{other}"[: len(router) + 16], f"{other}:cable0", "99")

    def _to_the_host(self, router: str) -> None:
        self.four = True
        self._link("host:lab0", f"{router}:up", "98")
        host: Data = self.data.setdefault("host", {})
        if self.draw.maybe(0.5):
            host["forwarding"] = True
        if self.draw.maybe(0.3):
            host["nat"] = [{"masquerade": "eth0", "from": f"10.{self.net}.0.0/16"}]
