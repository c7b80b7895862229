"""Topologies as people write them, from a seed: every key of networks, namespaces, published ports, links and routes.

What is tried of them is what `nsgen verify` claims, so they have what this machine's kernel has, and nothing odd: names
that nobody wonders at, subnets that do not overlap, ports that somebody can use.

`ordinary.py SEED...` prints them.
"""

from __future__ import annotations

import ipaddress
import random
import sys
from collections.abc import Iterator
from typing import Any

import yaml

import places
from cables import Cables
from nsgen.proof.claims.scene import Option
from parts import Data, Draw, Network, Subnet

# The machines that are tried: a new one, and one that forwards already and has Docker's policy.
HOSTS: tuple[tuple[Option, ...], ...] = ((), ("router", "drop"))
NETWORKS = ("bridge0", "bridge1", "front", "back", "dmz", "lab", "db-net", "mgmt")
NAMESPACES = ("red", "blue", "green", "web", "db", "cache", "api", "client", "app1", "app2")
VERSIONS = ((4,),) * 14 + ((4, 6),) * 4 + ((6,),)
FORMS = ("10.{n}.0.0/24", "10.0.{n}.0/24", "192.168.{n}.0/24", "172.20.{n}.0/24", "10.{n}.0.0/16")
MTUS = (1400, 1450, 9000)


class Plain(yaml.SafeDumper):
    """Writes what is there twice twice, as people do."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """No anchor, and no alias."""
        return True


def topology(seed: int) -> Data:
    """Give the topology of a seed."""
    draw = Draw(random.Random(seed), here=True)
    data: Data = {"name": draw.one(("lab", "demo", "shop", "net1", "test-a"))}
    kind = draw.one(("networks",) * 6 + ("cables",) * 2 + ("both",) * 2)
    if kind != "cables":
        _networks(draw, data)
    if kind != "networks":
        Cables(draw, data).lay()
    places.settings(draw, data)
    return data


def host(seed: int) -> tuple[Option, ...]:
    """Give the machine that it is tried on."""
    return HOSTS[seed % len(HOSTS)]


def text(data: Data) -> str:
    """Write a topology."""
    return str(yaml.dump(data, Dumper=Plain, sort_keys=False, default_flow_style=None, width=100))


def _networks(draw: Draw, data: Data) -> None:
    nets: list[Network] = []
    names = draw.some(NETWORKS, draw.one((1, 1, 2, 2, 2, 3)), 1)
    data["networks"] = {name: _network(draw, name, nets) for name in names}
    many = draw.one((1, 2, 2, 3, 3, 3, 4, 4, 5, 6))
    writer = places.Writer(draw, nets)
    data["namespaces"] = {
        name: writer.namespace(name) for name in draw.some(NAMESPACES, many, many)
    }
    if draw.maybe(0.12):
        key = f"worker[1-{draw.one((2, 3, 3, 9))}]"
        data["namespaces"][key] = writer.several(key)
    if draw.maybe(0.15):
        writer.router(data["namespaces"])
    if draw.maybe(0.06):
        writer.behind(data)


def _network(draw: Draw, name: str, nets: list[Network]) -> Data:
    net = Network(name, draw.number())
    nets.append(net)
    if draw.maybe(0.03):  # a switch, and its members say their prefixes
        net.bare = True
        net.subnets = [_subnet(draw, 4)]
        return {}
    net.subnets = [_subnet(draw, version) for version in draw.one(VERSIONS)]
    data: Data = {"subnet": _lone([str(subnet.network) for subnet in net.subnets])}
    data |= _leading(draw, net)
    if draw.maybe(0.08):
        data["isolate"] = True
    if "gateway" not in data or data["gateway"] is not False:
        data |= {"published_ports": "own"} if draw.maybe(0.08) else {}
    if draw.maybe(0.2):
        data["bridge_netfilter"] = draw.one(("off", "off", "bridge", "host"))
    if draw.maybe(0.08):
        data["mtu"] = draw.one(MTUS)
    if draw.maybe(0.05):
        data["mac"] = draw.mac()
    if draw.maybe(0.01):  # it takes 30 s until anybody reaches anybody
        data["stp"] = True
    return data


EXCEPTING = 0.06
# Another site's, all that is private, with this network and others in it, or everywhere.
EXCEPTED = {
    4: ("198.51.100.0/24", "10.0.0.0/8", "172.16.0.0/12", "0.0.0.0/0"),
    6: ("2001:db8:77::/48", "fd00::/8", "::/0"),
}


def _subnet(draw: Draw, version: int) -> Subnet:
    n = draw.number()
    written = draw.one(FORMS).format(n=n) if version == 4 else f"fd00:{n:x}::/64"
    return Subnet(ipaddress.ip_network(written))


def _leading(draw: Draw, net: Network) -> Iterator[tuple[str, Any]]:
    """Where a network leads to, and by which address of the host's."""
    if draw.maybe(0.04):
        yield "gateway", False
        return
    for subnet in net.subnets:
        subnet.gateway = subnet.first()
    if draw.maybe(0.08):
        for subnet in net.subnets:
            subnet.gateway = subnet.first() + 253
        yield "gateway", _lone([str(subnet.gateway) for subnet in net.subnets])
    net.internet = draw.maybe(0.65)
    if net.internet:
        yield "internet", True
    if net.internet and draw.maybe(0.08):
        yield "masquerade", False
    elif net.internet and draw.maybe(EXCEPTING):
        kept = [draw.one(EXCEPTED[subnet.network.version]) for subnet in net.subnets]
        yield "masquerade", {"except": _lone(list(dict.fromkeys(kept)))}


def _lone(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(text(topology(int(argument))))
