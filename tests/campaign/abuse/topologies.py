"""Topologies from a seed: each is right by construction, and together they use every key of the language.

`topologies.py FOLDER SEED...` renders some that the machine of the tests can have: FOLDER/SEED.sh, and FOLDER/SEED.yaml
beside it.
"""

from __future__ import annotations

import ipaddress
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

import words
from nodes import node
from nsgen.compiler import compile_topology
from nsgen.language.yaml.excerpt import unpainted
from nsgen.plan.make import make_plan
from nsgen.script import targets
from nsgen.values import expand
from parts import Data, Draw, Network, Place, Subnet
from publishing import Publisher

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def valid(rng: random.Random, *, here: bool = False) -> Data:
    """Give a topology that is right; with `here`, one that the machine of the tests can have."""
    draw = Draw(rng, here=here)
    networks: Data = {}
    nets: list[Network] = []
    for name in draw.some(words.NETWORKS, 4):
        networks[name] = _network(draw, name, nets)
    author = _Author(draw, nets)
    namespaces = {key: author.namespace(key) for key in draw.some(words.NAMESPACES, 5)}
    parts: Data = {"networks": networks, "namespaces": namespaces}
    if draw.maybe(0.6):
        parts["host"] = _host(draw, nets)
    if draw.maybe(0.3):
        parts["expect"] = [_expect(draw, author) for _ in range(draw.one((1, 2, 4)))]
    data = {key: value for key, value in parts.items() if value or draw.maybe(0.5)}
    return draw.shuffled({"name": draw.one(words.TOPOLOGIES), **data})


def text(rng: random.Random, data: Any) -> str:
    """Write a topology in one of YAML's styles."""
    # An empty value can be written between braces only with a tag.
    flow = rng.choice((False, False, None, True)) if not _has_none(data) else False
    found = yaml.dump(
        data,
        Dumper=DUMPER,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=rng.random() < 0.5,
        width=rng.choice((20, 80, 10_000)),
    )
    return str(found).replace(": null\n", ":\n")


def _has_none(data: Any) -> bool:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return data is None or any(map(_has_none, items))


# -- networks -------------------------------------------------------------------------------------


def _network(draw: Draw, name: str, nets: list[Network]) -> Data | None:
    net = Network(name, draw.number())
    data: Data = {}
    versions = draw.one(((), (4,), (4,), (4,), (6,), (4, 6), (4, 6), (6, 4)))
    if versions:
        _address(draw, net, versions, nets, data)
    else:
        net.subnets, net.bare = [_subnet(draw, draw.one((4, 6)))], True
    if net.gateways():
        _lead(draw, net, data)
    options = {
        "isolate": draw.maybe(0.7),
        "bridge_netfilter": draw.one(("host", "bridge", "off")),
        "mtu": draw.one(words.MTUS[4 if [s.version for s in net.subnets] == [4] else 6]),
        "mac": draw.mac(),
        "stp": draw.maybe(0.7),
    }
    if net.gateways():
        options["published_ports"] = draw.one(("all", "own"))
    data |= dict(draw.some([*options.items()], 3))
    nets.append(net)
    return draw.shuffled(data) or None


def _subnet(draw: Draw, version: int) -> Subnet:
    n, prefix = draw.number(), draw.one(words.PREFIXES[version])
    small = (f"192.168.{n}.128", f"198.18.{n}.64", f"172.20.{n}.0") if prefix >= 24 else ()
    forms = {
        4: (f"10.{n}.{n}.8", f"10.{n}.0.0", *small),
        6: (f"fd00:{n + 16:x}::", f"fdab:{n:x}:0:1::", f"2001:db8:{n:x}::40"),
    }
    return Subnet(ipaddress.ip_network(f"{draw.one(forms[version])}/{prefix}", strict=False))


def _address(
    draw: Draw, net: Network, versions: Sequence[int], nets: list[Network], data: Data
) -> None:
    """Give a network subnets, and the host its addresses there."""
    net.subnets = [_subnet(draw, version) for version in versions]
    closed = draw.maybe(0.2)
    twins = [other for other in nets if not other.bare and not other.gateways()]
    if closed and twins:
        net.subnets, net.group = twins[0].subnets, twins[0].group
    data["subnet"] = draw.lone([str(subnet.network) for subnet in net.subnets])
    if closed:
        data["gateway"] = False
        return
    for subnet in net.subnets:
        subnet.gateway = subnet.first()
    if draw.maybe(0.4):
        for subnet in net.subnets:
            subnet.gateway = subnet.first() + draw.rng.randint(0, min(subnet.room(), 5))
        if len(net.subnets) > 1 and draw.maybe(0.3):
            draw.one(net.subnets).gateway = None
        written = [str(subnet.gateway) if subnet.gateway else False for subnet in net.subnets]
        data["gateway"] = draw.lone(written)


def _lead(draw: Draw, net: Network, data: Data) -> None:
    """Say where a network leads to."""
    net.internet = draw.maybe(0.7)
    if net.internet or draw.maybe(0.2):
        data["internet"] = net.internet
    if draw.maybe(0.3):
        data["masquerade"] = draw.maybe(0.6)
    if net.internet and draw.maybe(0.1):
        everywhere = {4: "0.0.0.0/0", 6: "::/0"}
        versions = list(dict.fromkeys(subnet.network.version for subnet in net.subnets))
        kept = draw.some([everywhere[version] for version in versions], len(versions), 1)
        data["masquerade"] = {"except": draw.lone(kept)}


def _host(draw: Draw, nets: list[Network]) -> Data:
    places = [
        Place(net, net.name, net.gateways(), [s.gateway for s in net.gateways() if s.gateway])
        for net in nets
    ]
    data = dict(node(draw, places, words.OUTSIDE, host=True))
    if draw.maybe(0.3):
        data["modules"] = ["br_netfilter"] if draw.here else ["overlay", "nf_nat-x", "a.b"]
    if not draw.here and draw.maybe(0.3):
        data["sysctls"] = {key: draw.one(words.LINES) for key in draw.some(words.ELSEWHERE, 2)}
    return draw.shuffled(data)


def _expect(draw: Draw, author: _Author) -> Data:
    """Write a question, and what has to come of it."""
    names = [*author.names, "host", "outside", "internet"]
    reach = draw.maybe(0.7)
    asked = draw.one((*author.addressed, *names[-3:]) if reach else names)
    to = draw.one((asked, asked, "203.0.113.10", "2001:db8::10"))
    data: Data = {"from": draw.one(names), "to": to}
    if draw.maybe(0.6):
        host = f"[{to}]" if ":" in to else to
        data["to"] = f"{host}:{draw.rng.randrange(1, 65536)}{draw.one(('', '/tcp', '/udp'))}"
        if reach and draw.maybe(0.5):
            data["by"] = draw.one(names)
    if not reach or draw.maybe(0.2):
        data["reach"] = reach
    return draw.shuffled(data)


# -- namespaces -----------------------------------------------------------------------------------


class _Author:
    """Writes the namespaces."""

    def __init__(self, draw: Draw, nets: list[Network]) -> None:
        self.draw = draw
        self.nets = nets
        self.publisher = Publisher(draw, nets)
        self.names: list[str] = []
        self.addressed: list[str] = []  # those that have an address
        self.dns: Data = {"nameservers": "9.9.9.9"}  # of several: an anchor, and aliases

    def namespace(self, key: str) -> Data | None:
        """Write one, or several with one key."""
        draw, names = self.draw, expand(key)
        chosen: dict[int, Network] = {}
        for net in draw.some(self.nets, 3):
            chosen.setdefault(net.group, net)
        places: list[Place] = []
        written: Data = {}
        for net in chosen.values():
            if all(subnet.room() >= len(names) for subnet in net.subnets):
                written[net.name] = self._attachment(names, net, places) or None
        self.names += names
        self.addressed += names if any(place.subnets for place in places) else []
        self._choose_default_route(written, places)
        listed = not any(written.values()) and draw.maybe(0.7)
        data: Data = {"networks": [*written] if listed else written}
        if key == names[0] and draw.maybe(0.7):
            data["publish"] = [*self.publisher.ports(places)]
        data |= node(draw, places, words.INSIDE)
        data |= self._files(alone=key == names[0])
        return draw.shuffled({k: v for k, v in data.items() if v or draw.maybe(0.1)}) or None

    def _attachment(self, names: list[str], net: Network, places: list[Place]) -> Any:
        draw, alone = self.draw, len(names) == 1
        derived = f"veth-{names[0]}" + f"-{net.name}" * bool(places)
        place = Place(net, derived if alone and len(derived) < 16 else None, net.subnets, [])
        data: Data = {}
        if alone and draw.maybe(0.5):
            data["address"] = self._addresses(place)
        elif net.bare:
            place.subnets = []
        for subnet in place.subnets if not data else ():
            subnet.gone += len(names)
        options: Data = {}
        taken = {other.device for other in places}
        options["interface"] = draw.one([n for n in words.INTERFACES if n not in taken])
        mtus = words.MTUS[4 if [s.version for s in net.subnets] == [4] else 6]
        options["mtu"] = draw.one(mtus)
        if alone:
            options["peer"] = f"{draw.one(words.PEERS)}{draw.number()}"
            options["mac"] = draw.mac()
        data |= dict(draw.some([*options.items()], draw.one((0, 0, 1, 4))))
        place.device = data.get("interface", place.device)
        places.append(place)
        return data["address"] if [*data] == ["address"] and draw.maybe(0.6) else data

    def _addresses(self, place: Place) -> Any:
        place.subnets = self.draw.some(place.network.subnets, 2, 1)
        written = []
        for subnet in place.subnets:
            for _ in range(1 if subnet.room() < 9 else self.draw.one((1, 1, 2))):
                address = subnet.take()
                place.own.append(address)
                prefix = place.network.bare or self.draw.maybe(0.2)
                written.append(f"{address}/{subnet.network.prefixlen}" if prefix else str(address))
        return self.draw.lone(written)

    def _choose_default_route(self, written: Data, places: list[Place]) -> None:
        chosen = False
        for place in places:
            found = written[place.network.name]
            short = isinstance(found, str | list)
            if place.network.gateways() and not short and self.draw.maybe(0.3):
                wanted = not chosen and self.draw.maybe(0.5)
                chosen = chosen or wanted
                written[place.network.name] = {**(found or {}), "default_route": wanted}

    def _files(self, *, alone: bool) -> Iterator[tuple[str, Any]]:
        """Give what it reads; `alone`: it is one namespace, with units of its own."""
        draw = self.draw
        if draw.maybe(0.1):
            yield "dns", self.dns
        elif draw.maybe(0.3):
            servers = draw.some(("9.9.9.9", "2620:fe::fe", "10.0.0.1", "::1"), 3, 1)
            options = {
                "nameservers": draw.lone(servers),
                "search": draw.lone(draw.some(words.DOMAINS, 2, 1)),
                "options": draw.lone(draw.some(words.LINES, 3, 1)),
            }
            yield "dns", dict(draw.some([*options.items()], 3, 1))
        if draw.maybe(0.4):
            addresses = ("10.9.9.9", "fd09::9", "127.0.1.1")
            named = {n: draw.lone(draw.some(addresses, 2, 1)) for n in draw.some(words.DOMAINS, 3)}
            yield "hosts", draw.one((True, True, False, named))
            if alone:
                yield "units", [f"web@{draw.number()}.service", f"web-{draw.number()}.service"]


def main(arguments: Sequence[str]) -> None:
    """Render the topologies of some seeds."""
    for seed in arguments[1:]:
        rng = random.Random(int(seed))
        written = text(rng, valid(rng, here=True))
        file = Path(arguments[0], f"{seed}.yaml")
        file.write_text(written)
        found = compile_topology(str(file), written.encode())
        if found.topology is None:
            sys.exit("\n".join(found.show(10, unpainted)))
        file.with_suffix(".sh").write_text(targets.script(make_plan(found.topology)))


if __name__ == "__main__":
    main(sys.argv[1:])
