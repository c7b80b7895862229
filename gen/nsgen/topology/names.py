"""What the author may leave out is derived here, once, for the checks and for what is built.

Device names, MAC addresses, prefixes, gateways and default routes follow from what is written. Automatic addresses do
not: those are dealt, by `Members` in :mod:`nsgen.topology.wires`, once everything is known to be right.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import Container, Iterable, Iterator, Mapping
from string import digits
from typing import NamedTuple

from nsgen.language.networks import AUDIENCES, Attachment, Audience, Network, Publish
from nsgen.language.opposite import Address, Given, PeerAddress
from nsgen.language.spec import WrittenNamespace
from nsgen.report import Path
from nsgen.values import DEVICE_BYTES, IPAddress, IPInterface, IPNetwork

KEPT = ("veth", "br")  # words of a device's name that say what kind of device it is
VERSIONS = (4, 6)


def derived_mac(text: str) -> str:
    """A locally administered unicast MAC address that depends on nothing but the text."""
    digest = hashlib.sha256(text.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def device_name(wanted: str) -> str:
    """The name itself if a device can have it; else its words, the longest of them shortened, but for their numbers."""
    words = wanted.split("-")
    while len("-".join(words).encode()) > DEVICE_BYTES:
        heads = [0 if word in KEPT else len(word.rstrip(digits)) for word in words]
        longest = max(range(len(words)), key=lambda index: (heads[index], index))
        if heads[longest] < 2:
            return hashed_name(wanted)
        head, word = heads[longest], words[longest]
        words[longest] = word[: head - 1] + word[head:]
    return "-".join(words)


def hashed_name(wanted: str) -> str:
    """The beginning of a name and a hash of all of it: for one whose shorter form another device has.

    40 bits of the hash make a collision among 10,000 names a matter of one in 20,000; `Members` finds it.
    """
    digest = base64.b32encode(hashlib.sha256(wanted.encode()).digest()[:5]).decode().lower()
    return f"{wanted[: DEVICE_BYTES - len(digest) - 1].rstrip('-.')}-{digest}"


def free_name(wanted: str, taken: Container[str]) -> str:
    """A device's name, which is shortened another way where the usual one is taken."""
    name = device_name(wanted)
    return hashed_name(wanted) if name != wanted and name in taken else name


def first_host(subnet: IPNetwork) -> IPAddress:
    """The first address of a subnet; not the network's own, but where the prefix leaves one bit or none, RFC 3021."""
    alone = subnet.prefixlen >= subnet.max_prefixlen - 1
    return subnet.network_address if alone else subnet.network_address + 1


def with_prefix(address: IPAddress, length: int) -> IPInterface:
    """An address with its prefix; of numbers, because `ipaddress` would print and read what is no number, twice."""
    if address.version == 4:
        return ipaddress.IPv4Interface((int(address), length))
    return ipaddress.IPv6Interface((int(address), length))


def prefixed(address: Given, subnets: Iterable[IPNetwork]) -> Address:
    """An address with its own prefix, or that of the one of `subnets` that it is in; in none of them, it is alone."""
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface | PeerAddress):
        return address
    around = next(subnets_of(address, subnets), None)
    return with_prefix(address, address.max_prefixlen if around is None else around.prefixlen)


def subnets_of(address: Given, subnets: Iterable[IPNetwork]) -> Iterator[IPNetwork]:
    """The subnets that an address is in: that of its own prefix or its peer, or else those of `subnets`."""
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface | PeerAddress):
        yield address.network
    else:
        for subnet in subnets:
            if address in subnet:
                yield subnet


def ip_of(address: Given) -> IPAddress:
    """An address without its prefix."""
    if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface | PeerAddress):
        return address.ip
    return address


class Place(NamedTuple):
    """An attachment, and the network that it leads to.

    `long_name` and `long_peer` are what its devices in the namespace and on the host would be called if a device's name
    could be that long; `device` is what the first of them is called.
    """

    path: Path
    name: str
    network: Network
    gateways: tuple[IPAddress, ...]
    attachment: Attachment
    long_name: str
    long_peer: str
    device: str

    @property
    def addresses(self) -> Iterator[tuple[Path, IPAddress | IPInterface]]:
        """Each address that was written, with its path."""
        for index, address in enumerate(self.attachment.address or ()):
            yield (*self.path, "address", index), address

    @property
    def dealt(self) -> bool:
        """Whether it gets an address of each subnet, because none is written."""
        return self.attachment.address is None

    @property
    def bare(self) -> bool:
        """Whether its network has addresses, and it has none by its author's word."""
        return self.attachment.address == () and bool(self.network.subnet)

    @property
    def subnets(self) -> Iterator[IPNetwork]:
        """The subnets that its interface is in."""
        if self.attachment.address is None:
            yield from self.network.subnet
        for address in self.attachment.address or ():
            yield from subnets_of(address, self.network.subnet)

    def has(self, version: int) -> bool:
        """Whether it has an address of this IP version, written or dealt."""
        given = self.network.subnet if self.attachment.address is None else self.attachment.address
        return any(one.version == version for one in given)

    def gateway(self, version: int) -> IPAddress | None:
        """The host's first address of this IP version on the network."""
        return next((gateway for gateway in self.gateways if gateway.version == version), None)


def gateways(network: Network) -> tuple[IPAddress | None, ...]:
    """The host's address in each subnet of a network; None where it has none."""
    if network.gateway is None:
        return tuple(first_host(subnet) for subnet in network.subnet)
    if network.gateway == (False,):
        return tuple(None for _ in network.subnet)
    given = [gateway or None for gateway in network.gateway]
    return tuple(
        next((gateway for gateway in given if gateway is not None and gateway in subnet), None)
        for subnet in network.subnet
    )


def host_addresses(networks: Mapping[str, Network]) -> dict[str, tuple[IPAddress, ...]]:
    """By network, the host's addresses there."""
    return {
        name: tuple(gateway for gateway in gateways(network) if gateway is not None)
        for name, network in networks.items()
    }


def places_of(
    name: str,
    key: str,
    namespace: WrittenNamespace,
    networks: Mapping[str, Network],
    on_host: Mapping[str, tuple[IPAddress, ...]],
) -> tuple[Place, ...]:
    """The places of the namespace `name`, which comes from `key`: each of these networks that it is on, once."""
    found: dict[str, Place] = {}
    devices: set[str] = set()
    for step, network, attachment in namespace.attachments():
        if network not in networks or network in found:
            continue
        stem = f"veth-{name}-{network}" if found else f"veth-{name}"
        long_name = attachment.interface or stem
        device = free_name(long_name, devices)
        devices.add(device)
        found[network] = Place(
            path=("namespaces", key, "networks", step),
            name=network,
            network=networks[network],
            gateways=on_host[network],
            attachment=attachment,
            long_name=long_name,
            long_peer=attachment.peer or f"{stem}-br",
            device=device,
        )
    return tuple(found.values())


def default_routes(places: tuple[Place, ...]) -> list[tuple[Place, IPAddress]]:
    """The default route of each IP version, IPv4 first: the place that it goes through, and the router there.

    That is the first place that asks for it, or else the first with internet.
    """
    found: dict[int, tuple[Place, IPAddress]] = {}
    for asked in (True, None):
        for place in places:
            if place.attachment.default_route is asked and (asked or place.network.internet):
                for gateway in place.gateways:
                    version = gateway.version
                    if version not in found and place.has(version):
                        found[version] = place, gateway
    return [found[version] for version in sorted(found)]


def published_place(places: tuple[Place, ...], publish: Publish) -> Place | None:
    """The place whose address is published: the named one, or that of the default route, or the first with a gateway.

    With `host_ip` it is one that has an address of its IP version, if any has.
    """
    if publish.network is not None:
        return next((place for place in places if place.name == publish.network), None)
    found = [place for place in places if place.gateways and place.attachment.address != ()]
    if publish.host_ip is not None:
        version = publish.host_ip.version
        found = [place for place in found if place.has(version) and place.gateway(version)] or found
    ways = [place for place, _ in default_routes(places)] if len(found) > 1 else ()
    return next((place for place in found if place in ways), next(iter(found), None))


def published_versions(place: Place, publish: Publish) -> list[int]:
    """The IP versions by which the host answers on a port that is published at a place."""
    asked = VERSIONS if publish.host_ip is None else (publish.host_ip.version,)
    return [v for v in asked if place.has(v) and place.gateway(v) is not None]


def audiences(
    publish: Publish, version: int, own: Container[IPAddress | None]
) -> tuple[Audience, ...]:
    """Who can use a published port, of those who may address it at all; `own` are the host's addresses on our bridges.

    127.0.0.1 is nobody's but the host's own. The address on a bridge of ours is known to its members; another machine
    that sends to it has set up a route to get in, which the kernel would let it (moby 45610).
    """
    host_ip = publish.host_ip
    found = set(AUDIENCES)
    if host_ip is not None and host_ip.is_loopback:
        found = {"loopback"}
    elif host_ip in own and host_ip is not None:
        found -= {"loopback", "outside"}
    elif host_ip is not None and not host_ip.is_unspecified:
        found -= {"loopback"}
    if version == 6 and publish.via == "dnat":  # the kernel has no route_localnet for ::1
        found -= {"loopback"}
    return tuple(a for a in AUDIENCES if a in found and a in publish.reach)
