"""What the checks look at: the topology as written, less what could not be read.

A record that could not be read has been reported. Whatever else depends on it is not: a network
whose subnet is misspelled would otherwise make every address in it wrong.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from nsgen.excerpt import path_text
from nsgen.naming import device_name
from nsgen.report import Path, Report, nearest
from nsgen.resolve import gateways
from nsgen.spec import Attachment, Namespace, Network, Spec
from nsgen.values import MAX_NAMESPACES, NODES, IPAddress, IPInterface, IPNetwork, expand

Item = TypeVar("Item")
VERSIONS = (4, 6)
if TYPE_CHECKING:
    from nsgen.checks.wires import Device

HOST = "host"
LISTED = 8  # names of what is known, in a message
HINTED = 200  # findings, after which nobody looks for the nearest name any more


class Place(NamedTuple):
    """An attachment, and the network that it leads to."""

    namespace: str
    path: Path
    name: str
    network: Network
    gateways: tuple[IPAddress, ...]
    attachment: Attachment
    device: str

    @property
    def addresses(self) -> Iterator[tuple[Path, IPAddress | IPInterface]]:
        """Each address that was written, with its path."""
        for index, address in enumerate(self.attachment.address):
            yield (*self.path, "address", index), address

    @property
    def subnets(self) -> Iterator[IPNetwork]:
        """The subnets that its interface is in."""
        if not self.attachment.address:
            yield from self.network.subnet
        for address in self.attachment.address:
            if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
                yield address.network
            else:
                yield from (subnet for subnet in self.network.subnet if address in subnet)

    def has(self, version: int) -> bool:
        """Whether it has an address of this IP version, written or dealt."""
        return any(subnet.version == version for subnet in self.subnets)

    def gateway(self, version: int) -> IPAddress | None:
        """The host's first address of this IP version on the network."""
        return next((gateway for gateway in self.gateways if gateway.version == version), None)


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
        return {
            name: tuple(gateway for gateway in gateways(network) if gateway is not None)
            for name, network in self.networks.items()
        }

    @cached_property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """By namespace, its attachments to networks that were read, each network once."""
        return {key: tuple(self._places(key, ns)) for key, ns in self.spec.namespaces.items()}

    def _places(self, key: str, namespace: Namespace) -> Iterator[Place]:
        found: dict[str, Place] = {}
        name = expand(key)[0] if "[" in key else key
        for step, network, attachment in namespace.attachments():
            if network not in self.networks or network in found:
                continue
            stem = f"veth-{name}-{network}" if found else f"veth-{name}"
            found[network] = Place(
                namespace=key,
                path=("namespaces", key, "networks", step),
                name=network,
                network=self.networks[network],
                gateways=self.gateways[network],
                attachment=attachment,
                device=attachment.interface or device_name(stem),
            )
        yield from found.values()

    def first(self, key: str) -> str:
        """The node that a key stands for; of many, the first one."""
        return key if key == HOST or "[" not in key else expand(key)[0]

    @cached_property
    def devices(self) -> Mapping[str, list[Device]]:
        """By node, the ends of links and the interfaces that it has; of a key for many, by each of their names."""
        from nsgen.checks.wires import Device, ends_of, nodes_of

        found: dict[str, list[Device]] = {}
        for index, link in self.spec.links:
            for node, device in ends_of(index, link):
                found.setdefault(node, []).append(device)
        for key, path, interfaces in nodes_of(self):
            for node in [key] if key == HOST else expand(key):
                for name, interface in interfaces.items():
                    at = (*path, name)
                    addresses = tuple(
                        ((*at, "address", i), address)
                        for i, address in enumerate(interface.address)
                    )
                    found.setdefault(node, []).append(Device(name, at, addresses))
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

    def domain(self, node: str, device: str) -> str:
        """The VRF that a device is in, if any."""
        key = self.names.get(node, node)
        own = self.spec.host if key == HOST else self.spec.namespaces.get(key)
        interfaces = own.interfaces if own is not None else {}
        masters = (n for n, i in interfaces.items() if i.KIND == "vrf" and device in i.members)
        return next(masters, "")

    @cached_property
    def peers(self) -> Mapping[str, str]:
        """The devices on the host that are ports of networks, each with its network."""
        return {
            place.attachment.peer or device_name(f"{place.device}-br"): place.name
            for places in self.places.values()
            for place in places
        }

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

    def default_routes(self, key: str) -> Iterator[tuple[int, Place]]:
        """By IP version, the attachment that a namespace's default route goes through."""
        for version in VERSIONS:
            ways = [
                place
                for place in self.places[key]
                if place.attachment.default_route is not False
                and place.gateway(version) is not None
                and place.has(version)
            ]
            chosen = [place for place in ways if place.attachment.default_route]
            chosen += [place for place in ways if place.network.internet]
            if chosen:
                yield version, chosen[0]


def _unknown_key(path: Path) -> bool:
    """Whether a path ends in a key that neither a topology nor a namespace has."""
    if len(path) == 1:
        return path[0] not in _fields(Spec)
    return path[0] == "namespaces" and len(path) == 3 and path[2] not in _fields(Namespace)


def _fields(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def many(key: str) -> int:
    """How many namespaces a key stands for."""
    return len(expand(key)) if "[" in key else 1


def ip_of(address: IPAddress | IPInterface) -> IPAddress:
    """An address without its prefix."""
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return address.ip
    return address


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
    first, last = subnet.network_address, subnet.broadcast_address
    if subnet.prefixlen < subnet.max_prefixlen - 1:
        first, last = first + 1, last - (subnet.version == 4)
    return f"{first} to {last}"


def joined(items: Iterable[object]) -> str:
    """A list for a message: ``a, b and c``."""
    words = [str(item) for item in items]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def hint(word: str, known: Iterable[str], report: Report) -> str:
    """Name the nearest known name, or all of them if there are few."""
    names = list(known)
    near = nearest(word, names) if len(report.findings) < HINTED else ""
    return near or (f"; there is {joined(names)}" if 0 < len(names) <= LISTED else "")


def there(path: Path) -> str:
    """Say where something else is."""
    return path_text(path)
