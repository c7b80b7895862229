"""What the checks look at: the topology as written, less what could not be read.

A record that could not be read has been reported. Whatever else depends on it is not: a network
whose subnet is misspelled would otherwise make every address in it wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import NamedTuple, TypeVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.link import WrittenLink
from nsgen.language.networks import Network
from nsgen.language.opposite import Given, given
from nsgen.language.spec import Spec, WrittenNamespace
from nsgen.report import Path, Report, nearest
from nsgen.topology.names import Place, first_host, free_name, host_addresses, places_of, subnets_of
from nsgen.topology.wires import cables
from nsgen.values import HOST, MAX_NAMESPACES, NODES, IPAddress, IPNetwork, expand
from nsgen.words import listed

Item = TypeVar("Item")
LISTED = 8  # names of what is known, in a message
HINTED = 200  # findings, after which nobody looks for the nearest name any more


class WrittenDevice(NamedTuple):
    """A device of a node as far as it is written: an end of a link, or an interface."""

    name: str
    path: Path
    addresses: tuple[tuple[Path, Given], ...]
    subnets_given: tuple[IPNetwork, ...] = ()

    @property
    def subnets(self) -> Iterator[IPNetwork]:
        """The subnets that it is in."""
        for _, address in self.addresses:
            yield from subnets_of(address, self.subnets_given)


class View:
    """A topology, for the checks."""

    def __init__(self, spec: Spec, report: Report) -> None:
        """Note what could not be read: the paths of the errors so far, and all above them."""
        self.spec = spec
        # What has a position already was found in one file; its path may be another one in the whole.
        found = [finding for finding in report.findings if finding.at is None]
        errors = {finding.path for finding in found if finding.severity == "error"}
        errors.update(report.passed_over)
        self._wrong = {path[:length] for path in errors for length in range(1, len(path) + 1)}
        self._misspelled = {path[:-1] for path in errors if path and _unknown_key(path)}
        self.networks: Mapping[str, Network] = {
            name: network
            for name, network in spec.networks.items()
            if ("networks", name) not in self._wrong
        }

    def wrong(self, *path: str | int) -> bool:
        """Whether an error was filed here or below while the topology was read."""
        return path in self._wrong

    def doubtful(self, *path: str | int) -> bool:
        """Whether a key may hold more than was read: it is wrong, or another is misspelled."""
        return path in self._wrong or path[:-1] in self._misspelled

    def missing(self, name: str) -> bool:
        """Whether a network is neither there nor among what could not be read."""
        return not (
            name in self.spec.networks
            or ("networks", name) in self._wrong
            or self._networks_doubtful
        )

    @cached_property
    def _networks_doubtful(self) -> bool:
        return () in self._misspelled or (("networks",) in self._wrong and not self.spec.networks)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """By namespace, the key that it comes from; of too many, the first ones."""
        found = ((name, key) for key in self.spec.namespaces for name in expand(key))
        return dict(islice(found, MAX_NAMESPACES + 1))

    def no_node(self, name: str) -> bool:
        """Whether a node is neither there nor among what could not be read."""
        return not (
            name in NODES or name in self.names or name in self._unread or self._namespaces_doubtful
        )

    @cached_property
    def _unread(self) -> set[str]:
        """The keys under `namespaces` of which nothing could be read."""
        below = {str(path[1]) for path in self._wrong if len(path) == 2 and path[0] == "namespaces"}
        return below - set(self.spec.namespaces)

    @cached_property
    def _namespaces_doubtful(self) -> bool:
        return (
            () in self._misspelled
            or (("namespaces",) in self._wrong and not self.spec.namespaces)
            or any("[" in key for key in self._unread)
            or len(self.names) > MAX_NAMESPACES
        )

    def items(self, path: Path, read: Iterable[Item]) -> Iterator[tuple[Path, Item]]:
        """The items of a list with their paths; those that could not be read have left gaps."""
        index = 0
        for item in read:
            while (*path, index) in self._wrong:
                index += 1
            yield (*path, index), item
            index += 1

    @cached_property
    def gateways(self) -> Mapping[str, tuple[IPAddress, ...]]:
        """By network, the host's addresses there."""
        return host_addresses(self.networks)

    @cached_property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """By namespace, its attachments to networks that were read, each network once."""
        return {
            key: places_of(self.first(key), key, namespace, self.networks, self.gateways)
            for key, namespace in self.spec.namespaces.items()
        }

    def interfaces(self) -> Iterator[tuple[str, Path, str, WrittenInterface]]:
        """Every interface: its node's key, its path, its name and itself."""
        for key, path, node in self.spec.nodes():
            for name, interface in node.interfaces.items():
                yield key, (*path, "interfaces", name), name, interface

    def first(self, key: str) -> str:
        """The node that a key stands for; of many, the first one."""
        return key if key == HOST or "[" not in key else expand(key)[0]

    @cached_property
    def devices(self) -> Mapping[str, list[WrittenDevice]]:
        """By node, the ends of links and the interfaces that it has; of a key for many, by each of their names."""
        found: dict[str, list[WrittenDevice]] = {}
        for index, link in self.spec.links:
            for node, device in ends_of(index, link):
                found.setdefault(node, []).append(device)
        for key, at, name, interface in self.interfaces():
            own = tuple(((*at, "address", i), one) for i, one in enumerate(given(interface)))
            for node in [key] if key == HOST else expand(key):
                found.setdefault(node, []).append(WrittenDevice(name, at, own))
        return found

    @cached_property
    def _names_of_devices(self) -> Mapping[str, set[str]]:
        return {node: {device.name for device in own} for node, own in self.devices.items()}

    def device_names(self, node: str) -> list[str]:
        """The devices of a node, as far as they are known."""
        key = self.names.get(node, node)
        places = [place.device for place in self.places.get(key, ())] if key != HOST else []
        return [*places, *sorted(self._names_of_devices.get(node, ()))]

    def has_device(self, node: str, device: str) -> bool:
        """Whether a node has a device, or may have it: of many, and of what was not read, little is known."""
        key = self.names.get(node, node)
        unsure = key not in self.spec.namespaces or many(key) > 1 or not self.complete(key)
        unsure = unsure or self.wrong("links") or self.wrong("namespaces", key, "interfaces")
        return unsure or device in self.device_names(node)

    def vrf(self, node: str, device: str) -> str:
        """The VRF that a device is in, if any."""
        key = self.names.get(node, node)
        own = self.spec.host if key == HOST else self.spec.namespaces.get(key)
        interfaces = own.interfaces if own is not None else {}
        masters = (n for n, i in interfaces.items() if i.own_table and device in i.members)
        return next(masters, "")

    @cached_property
    def peers(self) -> Mapping[str, tuple[str, Path]]:
        """The devices on the host that are ports of networks, each with its network and where that is written."""
        found: dict[str, tuple[str, Path]] = dict.fromkeys(self.spec.networks, ("", ()))
        for name, key in self.names.items():
            namespace = self.spec.namespaces[key]
            for place in places_of(name, key, namespace, self.networks, self.gateways):
                found[free_name(place.long_peer, found)] = place.name, place.path
        return {device: peer for device, peer in found.items() if peer[0]}

    @cached_property
    def ports(self) -> Mapping[str, tuple[str, Path]]:
        """The devices of the host that a network names as its ports, each with that and where it is written."""
        return {
            port: (name, ("networks", name, "ports"))
            for name, network in reversed(list(self.networks.items()))
            for port in network.ports
        }

    def plugged(self, node: str) -> dict[str, Path]:
        """The devices that a node has for networks: of the host the bridges, too."""
        if node == HOST:
            bridges: dict[str, Path] = {name: ("networks", name) for name in self.spec.networks}
            return bridges | {device: path for device, (_, path) in self.peers.items()}
        key = self.names.get(node)
        if key is None:
            return {}
        namespace = self.spec.namespaces[key]
        places = places_of(node, key, namespace, self.networks, self.gateways)
        return {place.device: place.path for place in places}

    def complete(self, key: str) -> bool:
        """Whether everything is known about where a namespace is attached."""
        return key in self._complete

    @cached_property
    def _complete(self) -> set[str]:
        return {
            key
            for key, namespace in self.spec.namespaces.items()
            if not self.doubtful("namespaces", key, "networks")
            and all(name in self.networks for _, name, _ in namespace.attachments())
        }


def ends_of(index: int, link: WrittenLink) -> Iterator[tuple[str, WrittenDevice]]:
    """The devices that a link makes, each with its node."""
    path: Path = ("links", index)
    written = dict(link.endpoints or ())
    for cable in cables(link):
        for end in (cable.first, cable.second):
            place = next((p for p in written if (p.node, p.device) == (end.node, end.name)), None)
            at = (*path, "endpoints", str(place)) if place else (*path, "mesh")
            own: tuple[Given, ...] = given(written[place]) if place else ()
            dealt = [a for a in end.addresses if any(a.ip in subnet for subnet in link.subnet)]
            addresses = tuple(((*at, "address", i), a) for i, a in enumerate(own or dealt))
            yield end.node, WrittenDevice(end.name, at, addresses, link.subnet)


def _unknown_key(path: Path) -> bool:
    """Whether a path ends in a key that neither a topology nor a namespace has."""
    if len(path) == 1:
        return path[0] not in _fields(Spec)
    return path[0] == "namespaces" and len(path) == 3 and path[2] not in _fields(WrittenNamespace)


def _fields(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def many(key: str) -> int:
    """How many namespaces a key stands for."""
    return len(expand(key)) if "[" in key else 1


def by_range(key: str) -> str:
    """What to do where each of many namespaces needs its own."""
    return f"give each its own by a range, such as '{key[key.index('[') :]}'"


def reserved(address: IPAddress, subnet: IPNetwork) -> str:
    """What an address of a subnet is that no interface can have it, or nothing.

    RFC 3021: a /31 has neither; RFC 4291, 2.6.1: the first address of an IPv6 subnet is every
    router's; RFC 6164: but not of a /127.
    """
    if subnet.prefixlen >= subnet.max_prefixlen - 1:
        return ""
    if address == subnet.network_address:
        return "the network address" if subnet.version == 4 else "the routers' anycast address"
    return (
        "the broadcast address"
        if subnet.version == 4 and address == subnet.broadcast_address
        else ""
    )


def usable(subnet: IPNetwork) -> str:
    """The addresses of a subnet that an interface can have, for a message."""
    last = subnet.broadcast_address
    if reserved(last, subnet):
        last -= 1
    return f"{first_host(subnet)} to {last}"


def hint(word: str, known: Iterable[str], report: Report) -> str:
    """Name the nearest known name, or all of them if there are few."""
    names = list(known)
    near = nearest(word, names) if len(report.findings) < HINTED else ""
    return near or (f"; there is {listed(names)}" if 0 < len(names) <= LISTED else "")
