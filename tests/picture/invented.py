"""Topologies for pictures, from a seed: networks and wires of every form, with few boxes and with many."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

Data = dict[str, Any]
SHAPES = ("chain", "ring", "star", "mesh", "tree", "tangle")


def topology(seed: int) -> Data:
    """Give the topology of a seed."""
    data: Data = _as_read(_Inventor(random.Random(seed)).data)  # noqa: S311 (the same each time)
    return data


def _as_read(value: Any) -> Any:
    """What YAML gives: texts alone."""
    if isinstance(value, dict):
        return {key: _as_read(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_read(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Inventor:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.subnets = 0
        self.data: Data = {"name": "drawn", "networks": {}, "namespaces": {}, "links": []}
        self.devices: dict[str, int] = {}
        self._networks()
        self._nodes()
        for _ in range(draw.choice((0, 0, 1, 1, 2))):
            self._wires()
        self._extras()
        for key in ("networks", "links"):
            if not self.data[key]:
                del self.data[key]

    def _subnet(self, version: int = 4) -> str:
        self.subnets += 1
        high, low = divmod(self.subnets, 256)
        return f"10.{high}.{low}.0/24" if version == 4 else f"fd00:{self.subnets:x}::/64"

    def _networks(self) -> None:
        for index in range(self.draw.choice((0, 1, 1, 2, 2, 3, 5))):
            network: Data = {}
            if self.draw.random() < 0.9:
                network["subnet"] = [self._subnet()]
                if self.draw.random() < 0.3:
                    network["subnet"].append(self._subnet(6))
                network["internet"] = self.draw.random() < 0.6
                network["isolate"] = self.draw.random() < 0.25
                if network["internet"] and self.draw.random() < 0.2:
                    network["masquerade"] = self.draw.choice((False, {"except": "198.51.100.0/24"}))
            self.data["networks"][
                self.draw.choice(("br", "front-tier", "lan", "x")) + str(index)
            ] = network

    def _nodes(self) -> None:
        number = self.draw.choice((1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 8, 8, 12, 20, 40, 60))
        stem = self.draw.choice(("r", "node", "a-rather-long-name-for-a-namespace-", "web"))
        for index in range(number):
            self._node(f"{stem}{index}")

    def _node(self, name: str) -> None:
        draw = self.draw
        node: Data = {}
        names = list(self.data["networks"])
        chosen = draw.sample(names, min(len(names), draw.choice((0, 1, 1, 1, 2, 3))))
        if chosen:
            node["networks"] = chosen
        if draw.random() < 0.3:
            node["forwarding"] = True
        home = next((n for n in chosen if self.data["networks"][n].get("internet")), None)
        if home is not None and draw.random() < 0.3:
            own = len(self.data["namespaces"])
            ports = [f"{8000 + 10 * own + i}:80" for i in range(draw.choice((1, 1, 2, 4)))]
            node["publish"] = [
                {"published": p.split(":")[0], "target": 80, "network": home} for p in ports
            ]
        if draw.random() < 0.3:
            node["services"] = {"web": {"command": ["sleep", "9"]}}
        if draw.random() < 0.15:
            node["interfaces"] = {
                "dummy0": {
                    "type": "dummy",
                    "address": f"10.250.{len(self.data['namespaces'])}.1/32",
                }
            }
        self.data["namespaces"][name] = node

    # -- wires ----------------------------------------------------------------------------------

    def _wires(self) -> None:
        """Some of the nodes, wired in one of the forms."""
        names = list(self.data["namespaces"])
        chosen = self.draw.sample(names, self.draw.randint(min(2, len(names)), len(names)))
        shape = self.draw.choice(SHAPES)
        if shape == "mesh":
            chosen = chosen[: self.draw.choice((3, 4, 5, 6, 8))]
        if shape == "star":
            chosen = chosen[:24]
        for one, other in _pairs(shape, chosen, self.draw):
            self._cable(one, other)
        if self.draw.random() < 0.3:
            self._cable("host", self.draw.choice(names))

    def _device(self, node: str) -> str:
        self.devices[node] = self.devices.get(node, -1) + 1
        return f"eth{self.devices[node]}"

    def _cable(self, one: str, other: str) -> None:
        first, second = self._device(one), self._device(other)
        if one == "host":
            first = f"lab{self.devices['host']}"
        link: Data = {
            "endpoints": [f"{one}:{first}", f"{other}:{second}"],
            "subnet": self._subnet(),
        }
        if self.draw.random() < 0.05:
            link["impair"] = {"delay": "20ms"}
        self.data["links"].append(link)
        if one != "host" and self.draw.random() < 0.15:
            self._tunnel(one, other, link)

    def _tunnel(self, one: str, other: str, link: Data) -> None:
        base = link["subnet"].rsplit(".", 1)[0]
        ends = ((one, f"{base}.1", f"{base}.2"), (other, f"{base}.2", f"{base}.1"))
        number = self.subnets
        for node, local, remote in ends:
            kinds: Data = self.data["namespaces"][node].setdefault("interfaces", {})
            kinds[f"gre{number}x"] = {
                "type": "gre",
                "local": local,
                "remote": remote,
                "key": number,
            }

    def _extras(self) -> None:
        """Macvlans on the ends of cables."""
        names = list(self.data["namespaces"])
        for link in self.data["links"][:1]:
            where = link["endpoints"][1]
            for name in self.draw.sample(names, min(len(names), self.draw.choice((0, 0, 1, 3)))):
                if name != where.split(":")[0]:
                    own: Data = self.data["namespaces"][name].setdefault("interfaces", {})
                    own["mv0"] = {"type": "macvlan", "link": where}


def _pairs(shape: str, names: list[str], draw: random.Random) -> list[tuple[str, str]]:
    if len(names) < 2:
        return []
    chain = list(pairwise(names))
    if shape == "chain":
        return chain
    if shape == "ring":
        return [*chain, (names[-1], names[0])] if len(names) > 2 else chain
    if shape == "star":
        return [(names[0], name) for name in names[1:]]
    if shape == "mesh":
        return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    tree = [(names[draw.randrange(i)], names[i]) for i in range(1, len(names))]
    if shape == "tree":
        return tree
    return tree + [(a, b) for a, b in (draw.sample(names, 2) for _ in range(len(names) // 3))]
