"""Networks of Compose as networks of a topology: names that fit a bridge, subnets, and addresses dealt."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nsgen import values
from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.report import Path
from nsgen.values import IPAddress, IPNetwork

DRIVER = "com.docker.network.driver."
BRIDGE = "com.docker.network.bridge."
MTU = f"{DRIVER}mtu"
FIRST = 18  # Docker deals 172.18.0.0/16 first, 172.17.0.0/16 being that of docker0
ON, OFF = ("true", "1"), ("false", "0")
OPTIONS = {
    f"{BRIDGE}name": "the name of the network",
    f"{BRIDGE}enable_icc": (
        "`isolate`, where it is false; `bridge_netfilter: off` on all networks, where ports are published there"
    ),
    f"{BRIDGE}enable_ip_masquerade": (
        "`masquerade: {except: 0.0.0.0/0}`, and `::/0` for IPv6, where it is false; and `published_ports: own`"
        " where ports are published"
    ),
    f"{BRIDGE}inhibit_ipv4": "`gateway: false`, where it is true",
    f"{BRIDGE}host_binding_ipv4": "the host's address in `publish`",
    MTU: "`mtu`",
}
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
FOREIGN = {
    "overlay": "it joins several machines, and a topology is of one: write a 'vxlan' under 'interfaces'",
    "macvlan": "write an interface of 'type: macvlan' for each service in the topology",
    "ipvlan": "write an interface of 'type: ipvlan' for each service in the topology",
    "host": "a service on it has 'network_mode: host'",
    "none": "a service on it has 'network_mode: none'",
}


@dataclass
class ComposeNetwork:
    """A network: its name here, what is written of it, and which addresses it deals."""

    name: str
    node: SourceNode
    internet: bool
    keeps_sources: bool = False
    written: dict[str, Any] = field(default_factory=dict)
    subnets: list[IPNetwork] = field(default_factory=list)
    gateways: list[IPAddress | None] = field(default_factory=list)
    ranges: dict[IPNetwork, IPNetwork] = field(default_factory=dict)
    taken: set[IPAddress] = field(default_factory=set)
    pinned: bool = False  # it deals other addresses than nsgen would
    host_ip: str = ""

    @property
    def own_ports(self) -> bool:
        """Whether Docker lets its services use no port that is published on another network."""
        closed = not self.internet or self.keeps_sources
        return closed and self.written.get("gateway") is not False

    def deal(self, subnet: IPNetwork) -> IPAddress | None:
        """The next free address of a subnet, or None."""
        of = self.ranges.get(subnet, subnet)
        first, last = int(subnet.network_address), int(subnet.broadcast_address)
        for number in range(int(of.network_address), int(of.broadcast_address) + 1):
            address = type(subnet.network_address)(number)
            if number not in (first, last) and address not in self.taken:
                self.taken.add(address)
                return address
        return None


def fitting(name: str, length: int = values.DEVICE_BYTES) -> str:
    """A name as one of a device or namespace: other characters are left out; what is too long ends in a hash."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "", name).lstrip(".-") or "net"
    if len(plain) <= length:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:4]
    return f"{plain[: length - 5].rstrip('-._')}-{digest}"


def convert_networks(tree: SourceNode, used: list[str], notes: Notes) -> dict[str, ComposeNetwork]:
    """The networks that services are on, by their names in the source, and those that nobody is on."""
    top = tree.get("networks")
    nodes = dict(top.map) if top else {}
    for name in used:
        nodes.setdefault(name, tree.with_value(None))
    if "default" in nodes and "default" not in used:
        del nodes["default"]
    found: dict[str, ComposeNetwork] = {}
    for name, node in nodes.items():
        if name not in used:
            notes.not_said(node, ("networks", name), "no service is on it")
            continue
        found[name] = _network(name, node, {network.name for network in found.values()}, notes)
    _deal_subnets(found, notes)
    return found


def _network(key: str, node: SourceNode, names: set[str], notes: Notes) -> ComposeNetwork:
    path: Path = ("networks", key)
    option = node.get("driver_opts")
    options = dict(option.map) if option else {}
    own = options[f"{BRIDGE}name"].text if f"{BRIDGE}name" in options else ""
    wished = own or node.text_of("name") or node.text_of("external", "name") or key
    name = _name(wished, key, names)
    if name != key:
        notes.tell(f"the network {key!r} is called {name!r} here: the name is that of a bridge")
    driver = node.text_of("driver")
    if driver and driver not in ("bridge", "default"):
        text = FOREIGN.get(driver, "only bridges can be converted")
        notes.error(node.map["driver"], (*path, "driver"), f"the driver {driver!r}: {text}")
    found = ComposeNetwork(name, node, internet=not node.true("internal"))
    for key_, item in options.items():
        if key_ not in OPTIONS:
            text = "this option of the driver has no counterpart"
            notes.not_said(item, (*path, "driver_opts", key_), text)
    if "external" in node.map and node.text_of("external") != "false":
        notes.tell(
            f"the network {key!r} is external, made elsewhere: here the script makes it, and nobody else is on it"
        )
    if found.internet:
        found.written["internet"] = True

    _read_options(found, {name: item.text.lower() for name, item in options.items()})
    _read_ipam(found, key, notes)
    return found


def _read_options(network: ComposeNetwork, options: dict[str, str]) -> None:
    """Take what the options of the bridge driver say."""
    if options.get(f"{BRIDGE}enable_icc") in OFF:
        network.written["isolate"] = True
    if network.internet and options.get(f"{BRIDGE}enable_ip_masquerade") in OFF:
        network.keeps_sources = True
    if options.get(f"{BRIDGE}inhibit_ipv4") in ON:
        network.written["gateway"] = False
    if options.get(MTU):
        network.written["mtu"] = options[MTU]
    network.host_ip = options.get(f"{BRIDGE}host_binding_ipv4", "")


def _name(wished: str, key: str, names: set[str]) -> str:
    name = fitting(wished)
    if name in values.RESERVED_DEVICES:
        name = fitting(f"br-{key}")
    return name if name not in names else fitting(f"{key}-{len(names)}-{wished}-{key}")


def _read_ipam(network: ComposeNetwork, key: str, notes: Notes) -> None:
    config = network.node.get("ipam", "config")
    for step, item in enumerate(config.list if config else ()):
        path = ("networks", key, "ipam", "config", step)
        written = item.get("subnet")
        if written is None or not written.text:
            continue
        try:
            subnet = ipaddress.ip_network(written.text, strict=False)
        except ValueError:
            text = f"expected a subnet such as 172.28.0.0/16, got {written.text!r}"
            notes.error(written, (*path, "subnet"), text)
            continue
        if subnet.version == 6 and not network.node.true("enable_ipv6"):
            text = "IPv6 is off on this network without 'enable_ipv6: true'"
            notes.not_said(written, (*path, "subnet"), text)
            continue
        network.subnets.append(subnet)
        network.gateways.append(_address(item.get("gateway"), (*path, "gateway"), notes))
        within = item.get("ip_range")
        if within is not None:
            try:
                network.ranges[subnet] = ipaddress.ip_network(within.text, strict=False)
                network.pinned = True
            except ValueError:
                text = f"expected a subnet such as 172.28.5.0/24, got {within.text!r}"
                notes.error(within, (*path, "ip_range"), text)
        extra = item.get("aux_addresses")
        for name, address in (extra.map if extra else {}).items():
            reserved = _address(address, (*path, "aux_addresses", name), notes)
            if reserved is not None:
                network.taken.add(reserved)
                network.pinned = True


def _address(node: SourceNode | None, path: Path, notes: Notes) -> IPAddress | None:
    if node is None or not node.text:
        return None
    try:
        return ipaddress.ip_address(node.text)
    except ValueError:
        notes.error(node, path, f"expected an address such as 172.28.0.1, got {node.text!r}")
        return None


def _deal_subnets(networks: dict[str, ComposeNetwork], notes: Notes) -> None:
    """Give each network a subnet of each version that it has, and its gateways."""
    taken = [subnet for network in networks.values() for subnet in network.subnets]
    free4, free6 = _free(4, taken), _free(6, taken)
    for key, network in networks.items():
        versions = {subnet.version for subnet in network.subnets}
        for version, wanted, free in (
            (4, network.node.true("enable_ipv4", default=True), free4),
            (6, network.node.true("enable_ipv6"), free6),
        ):
            if wanted and version not in versions:
                subnet = next(free)
                network.subnets.append(subnet)
                network.gateways.append(None)
                notes.tell(
                    f"the network {key!r} has no IPv{version} subnet in the source: it gets {subnet}"
                )
        texts = [str(subnet) for subnet in network.subnets]
        written: dict[str, Any] = {"subnet": texts[0] if len(texts) == 1 else texts}
        pairs = list(zip(network.subnets, network.gateways, strict=True))
        gateways = [gateway or subnet.network_address + 1 for subnet, gateway in pairs]
        if any(
            gateway != subnet.network_address + 1
            for subnet, gateway in zip(network.subnets, gateways, strict=True)
        ):
            addresses = [str(gateway) for gateway in gateways]
            written["gateway"] = addresses[0] if len(addresses) == 1 else addresses
        network.gateways = list(gateways)
        network.taken.update(gateways)
        if network.keeps_sources:
            everywhere = [EVERYWHERE[v] for v in sorted({s.version for s in network.subnets})]
            kept = everywhere[0] if len(everywhere) == 1 else everywhere
            written |= {"internet": True, "masquerade": {"except": kept}}
        network.written = {**written, **network.written}


def _free(version: int, taken: list[IPNetwork]) -> Iterator[IPNetwork]:
    """Subnets that overlap none of those that are taken."""
    for number in range(FIRST, 32 * 256):
        high, low = divmod(number - 16, 16)
        text = f"172.{16 + low}.{high}.0/24" if version == 4 else f"fd00:{number:x}::/64"
        subnet = ipaddress.ip_network(text)
        if not any(subnet.version == other.version and subnet.overlaps(other) for other in taken):
            yield subnet
