"""Services of Compose as namespaces: which there are, which networks each is on, and with which address."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, field

from nsgen import values
from nsgen.importing.networks import ComposeNetwork, fitting
from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.report import Path, nearest
from nsgen.values import IPAddress

MOST = 1000  # replicas of a service
BRIDGE = "bridge"  # Docker's own network, which `network_mode: bridge` means


@dataclass
class NetworkPlace:
    """A place on a network, by its key in the source."""

    key: str
    node: SourceNode
    path: Path
    addresses: list[IPAddress] = field(default_factory=list)
    static: bool = False


@dataclass
class ComposeService:
    """A service, and the namespaces that it becomes: one for each replica."""

    key: str
    node: SourceNode
    names: list[str]
    attachments: list[list[NetworkPlace]]  # of each replica
    shares: str = ""  # the service whose namespace it is in
    on_host: bool = False

    @property
    def path(self) -> Path:
        """Where it is in the source."""
        return ("services", self.key)


def chosen(tree: SourceNode, profiles: Collection[str], notes: Notes) -> dict[str, SourceNode]:
    """The services that are started with these profiles."""
    services = tree.get("services")
    found: dict[str, SourceNode] = {}
    for key, node in (services.map if services else {}).items():
        own = node.get("profiles")
        wanted = [item.text for item in own.list] if own else []
        if wanted and "*" not in profiles and not set(wanted) & set(profiles):
            reason = f"it is started with --profile {wanted[0]} only"
            notes.not_said(node, ("services", key), reason)
        elif isinstance(node.value, dict) or node.value is None:
            found[key] = node
    return found


def read_services(nodes: dict[str, SourceNode], notes: Notes) -> dict[str, ComposeService]:
    """Read which namespaces there are, and on which networks."""
    found: dict[str, ComposeService] = {}
    taken: set[str] = set()
    for key, node in nodes.items():
        mode = node.text_of("network_mode")
        number = _replicas(node, ("services", key), notes)
        name = fitting(key, values.NAMESPACE_LENGTH - 5)
        if name in values.RESERVED_NODES or not values.NAMESPACE.fullmatch(name):
            name = fitting(f"ns-{key}", values.NAMESPACE_LENGTH - 5)
        if number == 1:
            names = [name if name not in taken else fitting(f"{name}-{len(taken)}", 59)]
        else:
            while any(f"{name}-{index + 1}" in taken for index in range(number)):
                name += "-"
            names = [f"{name}-{index + 1}" for index in range(number)]
        if names and names[0] != key and number == 1:
            notes.tell(f"the service {key!r} is called {names[0]!r} here")
        taken.update(names)
        service = ComposeService(key, node, names, [])
        _mode(service, mode, nodes, notes)
        if not service.shares and not service.on_host:
            places = _places(service, mode, notes)
            copies = [[NetworkPlace(a.key, a.node, a.path) for a in places] for _ in names]
            service.attachments = copies
        found[key] = service
    for service in found.values():
        if owner(service, found).shares in found:
            path = (*service.path, "network_mode")
            text = "it is in the namespace of a service that is, by others, in its own"
            notes.error(service.node.map["network_mode"], path, text)
    return found


def owner(service: ComposeService, services: dict[str, ComposeService]) -> ComposeService:
    """Whose namespace a service is in: its own, or that of the one it names, and so on."""
    for _ in services:
        service = services.get(service.shares, service)
    return service


def _replicas(node: SourceNode, path: Path, notes: Notes) -> int:
    written = node.get("scale") or node.get("deploy", "replicas")
    if written is None or not written.text:
        return 1
    try:
        return values.integer(written.text, 0, MOST)
    except ValueError as error:
        notes.error(written, path, f"of replicas: {error}")
        return 1


def _mode(service: ComposeService, mode: str, nodes: dict[str, SourceNode], notes: Notes) -> None:
    """What `network_mode` says of it."""
    if not mode:
        return
    node, path = service.node.map["network_mode"], (*service.path, "network_mode")
    kind, colon, of = mode.partition(":")
    if "networks" in service.node.map and service.node.map["networks"].value is not None:
        text = f"it is {mode!r}, and 'networks' are given, too: remove one of them"
        notes.error(node, path, text)
    if mode == "host":
        service.on_host = True
        notes.tell(f"the service {service.key!r} is on the host: it has no namespace")
    elif colon and kind in ("service", "container"):
        named = {item.text_of("container_name"): key for key, item in nodes.items()}
        key = of if kind == "service" else named.get(of, of if of in nodes else "")
        if key not in nodes:
            more = nearest(of, nodes) if kind == "service" else ": write 'join' in the topology"
            notes.error(node, path, f"there is no {kind} {of!r} in these files{more}")
        service.shares = key
    elif mode not in ("none", BRIDGE, "default"):
        text = f"expected host, none, bridge, service:NAME or container:NAME, got {mode!r}"
        notes.error(node, path, text)


def _places(service: ComposeService, mode: str, notes: Notes) -> list[NetworkPlace]:
    """The networks that it is on, those with the highest priority first."""
    if mode == "none":
        return []
    written = service.node.get("networks")
    path = (*service.path, "networks")
    if mode == BRIDGE:
        return [NetworkPlace(BRIDGE, service.node, path)]
    if written is None or written.value is None or written.value in ([], {}):
        return [NetworkPlace("default", service.node.with_value(None), path)]
    if written.map:
        pairs = [(name, node, (*path, name)) for name, node in written.map.items()]
    else:
        items = enumerate(written.list)
        pairs = [(node.text, node.with_value(None), (*path, step)) for step, node in items]
    found = [NetworkPlace(name, node, where) for name, node, where in pairs]
    priorities = {place.key: _number(place, "priority", notes) for place in found}
    return sorted(found, key=lambda place: -priorities[place.key])


def _number(place: NetworkPlace, key: str, notes: Notes) -> float:
    node = place.node.get(key)
    try:
        return float(node.text) if node and node.text else 0
    except ValueError:
        if node is not None:
            notes.error(node, (*place.path, key), f"expected a number, got {node.text!r}")
        return 0


def in_order(
    places: list[NetworkPlace], networks: dict[str, ComposeNetwork], notes: Notes
) -> list[NetworkPlace]:
    """Sort the networks of a service as Docker does: those with a way out, by gw_priority, and by their names."""

    def order(place: NetworkPlace) -> tuple[bool, float, str]:
        internal = place.key in networks and not networks[place.key].internet
        return internal, -_number(place, "gw_priority", notes), place.key

    return sorted(places, key=order)


def check_networks(services: dict[str, ComposeService], tree: SourceNode, notes: Notes) -> None:
    """Say where a service is on a network that is not there."""
    top = tree.get("networks")
    known = {*(top.map if top else ()), "default", BRIDGE}
    for service in services.values():
        for place in service.attachments[0] if service.attachments else ():
            if place.key not in known:
                text = f"there is no network {place.key!r}{nearest(place.key, known)}"
                notes.error(place.node, place.path, text, on_key=True)


def deal(
    services: dict[str, ComposeService], networks: dict[str, ComposeNetwork], notes: Notes
) -> None:
    """Give addresses: first those that are written, then the lowest free ones in the order of the source."""
    everyone = [
        (place, networks[place.key])
        for service in services.values()
        for places in service.attachments
        for place in places
        if place.key in networks
    ]
    for place, network in everyone:
        _take_static(place, network, notes)
    for place, network in everyone:
        for subnet in network.subnets:
            if not any(address in subnet for address in place.addresses):
                dealt = network.deal(subnet)
                if dealt is None:
                    text = f"there is no address left on {place.key!r}"
                    notes.error(place.node, place.path, text)
                else:
                    place.addresses.append(dealt)
        place.addresses.sort(key=lambda address: address.version)


def _take_static(place: NetworkPlace, network: ComposeNetwork, notes: Notes) -> None:
    """Set the addresses aside that are written."""
    for key in ("ipv4_address", "ipv6_address"):
        node = place.node.get(key)
        if node is None or not node.text:
            continue
        try:
            address = ipaddress.ip_address(node.text)
        except ValueError:
            text = f"expected an address, got {node.text!r}"
            notes.error(node, (*place.path, key), text)
            continue
        if not any(address in subnet for subnet in network.subnets):
            subnets = ", ".join(map(str, network.subnets)) or "none"
            text = f"{address} is in none of the subnets of {place.key!r}: {subnets}"
            notes.error(node, (*place.path, key), text)
        elif address in network.taken:
            text = (
                f"{address} is taken already: by another service, the gateway or a reserved address"
            )
            notes.error(node, (*place.path, key), text)
        place.addresses.append(address)
        place.static = True
        network.taken.add(address)
