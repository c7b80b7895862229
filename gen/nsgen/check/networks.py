"""Networks: subnets, gateways, and what needs them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from nsgen.check.view import View, many, reserved, usable
from nsgen.language.networks import Network
from nsgen.report import Path, Report
from nsgen.topology.names import gateways
from nsgen.values import HOST, IPV6_MTU, IPAddress, IPNetwork
from nsgen.words import listed

BRIDGE_PORTS = 1023  # BR_MAX_PORTS, net/bridge/br_private.h; the number 0 is not given out

SPECIAL = tuple(
    (ipaddress.ip_network(subnet), f"{subnet} is {what}")
    for subnet, what in (
        ("0.0.0.0/8", "'this network'"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("::/127", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("fe80::/10", "link-local, and on every link already"),
        ("ff00::/8", "multicast"),
    )
)
PRIVATE = {4: "10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", 6: "fd00::/8"}


def special(subnet: IPNetwork) -> str:
    """Why no network can have a subnet, or nothing."""
    for network, why in SPECIAL:
        if subnet.version == network.version and subnet.overlaps(network):
            return why
    return ""


def check_subnets(view: View, report: Report) -> None:
    """A subnet holds ordinary addresses."""
    for name, network in view.networks.items():
        for index, subnet in enumerate(network.subnet):
            what = special(subnet)
            if what:
                text = (
                    f"{subnet} cannot be a network's: {what}; choose a subnet of"
                    f" {PRIVATE[subnet.version]}"
                )
                report.error(("networks", name, "subnet", index), text)


class _Entry(NamedTuple):
    order: int
    name: str
    subnet: IPNetwork
    path: Path


def check_overlaps(view: View, report: Report) -> None:
    """No two subnets overlap in a network, or in the host's routing table: those with a gateway."""
    entries = [
        [
            _Entry(order, name, subnet, ("networks", name, "subnet", index))
            for index, subnet in enumerate(network.subnet)
        ]
        for order, (name, network) in enumerate(view.networks.items())
    ]
    routed = [
        entry
        for network, own in zip(view.networks.values(), entries, strict=True)
        for entry, gateway in zip(own, gateways(network), strict=True)
        if gateway is not None
    ]
    for table in (routed, *(own for own in entries if len(own) > 1)):
        for first, second in _overlapping(table):
            report.error(
                second.path,
                f"{second.subnet} overlaps {first.subnet} of {_whose(first, second)}:"
                " every subnet needs addresses of its own",
            )


def _whose(first: _Entry, second: _Entry) -> str:
    return "this network" if first.name == second.name else f"network {first.name!r}"


def _overlapping(entries: list[_Entry]) -> Iterator[tuple[_Entry, _Entry]]:
    """Each that overlaps one before it; as they are nested or apart, the widest so far tells."""
    widest: _Entry | None = None
    sortable = sorted(
        entries, key=lambda e: (e.subnet.version, int(e.subnet.network_address), e.subnet.prefixlen)
    )
    for entry in sortable:
        if widest is not None and _overlap(entry.subnet, widest.subnet):
            first, second = sorted((widest, entry), key=lambda e: (e.order, e.path[3:]))
            yield first, second
        else:
            widest = entry


def _overlap(one: IPNetwork, other: IPNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)


def check_overlaps_inside(view: View, report: Report) -> None:
    """A namespace is not on two networks with the same addresses, with or without gateways."""
    for places in view.places.values():
        for one, other in combinations(places, 2) if len(places) > 1 else ():
            if (
                one.bare
                or other.bare
                or None not in (*gateways(one.network), *gateways(other.network))
            ):
                continue  # found in the host's routing table
            for a in one.network.subnet:
                for b in other.network.subnet:
                    if _overlap(a, b):
                        text = (
                            f"{b} of {other.name!r} overlaps {a} of {one.name!r}, where this"
                            " namespace is too"
                        )
                        report.error(other.path, text, on_key=True)


def check_gateways(view: View, report: Report) -> None:
    """A gateway is an address of its subnet, and there is one for each."""
    for name, network in view.networks.items():
        path: Path = ("networks", name, "gateway")
        if network.gateway is None or network.gateway == (False,):
            continue
        if not network.subnet:
            report.error(path, "a gateway needs a subnet: add 'subnet', such as 192.168.15.0/24")
        elif not _gateways_outside(network, path, report) and len(network.gateway) != len(
            network.subnet
        ):
            report.error(
                path,
                f"expected one gateway for each subnet, {listed(network.subnet)}, or 'false' where"
                " the host has none:"
                f" got {len(network.gateway)} for {len(network.subnet)}",
            )


def _gateways_outside(network: Network, path: Path, report: Report) -> bool:
    """Report gateways that cannot be one; whether there is any."""
    found = False
    used: dict[IPNetwork, IPAddress] = {}
    for index, gateway in enumerate(network.gateway or ()):
        if gateway is False:
            continue
        subnet = next((subnet for subnet in network.subnet if gateway in subnet), None)
        if subnet is None:
            text = f"{gateway} is outside {listed(network.subnet)}"
        elif reserved(gateway, subnet):
            text = (
                f"{gateway} is {reserved(gateway, subnet)} of {subnet}: choose one of"
                f" {usable(subnet)}"
            )
        elif subnet in used:
            text = f"{subnet} has the gateway {used[subnet]} already"
        else:
            used[subnet] = gateway
            continue
        report.error((*path, index), text)
        found = True
    return found


def check_needs_gateway(view: View, report: Report) -> None:
    """What leaves a network leaves by the host's address there."""
    for name, network in view.networks.items():
        if view.gateways[name] or network.gateway not in (
            None,
            (False,),
        ):
            continue
        missing = "'gateway' is false" if network.subnet else "there is no 'subnet'"
        given = {"internet": network.internet, "masquerade": network.masquerade}
        given["published_ports"] = network.published_ports == "own"
        for key, wanted in given.items():
            if wanted:
                text = f"{key!r} needs a gateway, the host's address in this network, and {missing}"
                report.error(("networks", name, key), text)


def check_mtu(view: View, report: Report) -> None:
    """IPv6 runs on nothing smaller than 1280 bytes."""
    text = f"expected at least {IPV6_MTU}, which IPv6 needs, got "
    for name, network in view.networks.items():
        if _has_ipv6(network) and 0 < (network.mtu or 0) < IPV6_MTU:
            report.error(("networks", name, "mtu"), text + str(network.mtu))
    for places in view.places.values():
        for place in places:
            # A bridge takes the smallest MTU of its ports.
            needed = place.has(6) or _has_ipv6(place.network)
            given = {"mtu": place.attachment.mtu, "peer_mtu": place.attachment.peer_mtu}
            for key, mtu in given.items() if needed else ():
                if 0 < (mtu or 0) < IPV6_MTU:
                    report.error((*place.path, key), text + str(mtu))
    for path, mtu in _wired_with_ipv6(view):
        if 0 < mtu < IPV6_MTU:
            report.error((*path, "mtu"), text + str(mtu))


def _wired_with_ipv6(view: View) -> Iterator[tuple[Path, int]]:
    """The MTUs of links and interfaces with an IPv6 address, where they are written."""
    for index, link in view.spec.links:
        at: Path = ("links", index)
        dealt = any(subnet.version == 6 for subnet in link.subnet)
        found = {at: link.mtu or 0} if dealt and link.mesh else {}
        for place, end in link.endpoints or ():
            if dealt or any(address.version == 6 for address in end.address):
                own: Path = (*at, "endpoints", str(place))
                found[own if end.mtu else at] = end.mtu or link.mtu or 0
        yield from found.items()
    for _, path, _, interface in view.interfaces():
        if any(address.version == 6 for address in interface.address):
            yield path, interface.mtu or 0


def _has_ipv6(network: Network) -> bool:
    return any(subnet.version == 6 for subnet in network.subnet)


def check_size(view: View, report: Report) -> None:
    """A Linux bridge has at most 1023 ports."""
    ports = {name: len(network.ports) for name, network in view.networks.items() if network.ports}
    for key, places in view.places.items():
        for place in places:
            ports[place.name] = ports.get(place.name, 0) + many(key)
    for name, number in ports.items():
        if number > BRIDGE_PORTS:
            text = (
                f"{number} ports are on this network, and a bridge has at most {BRIDGE_PORTS}"
                " ports: use more networks"
            )
            report.error(("networks", name), text, on_key=True)


def check_macs(view: View, report: Report) -> None:
    """No two devices of a network have the same MAC address."""
    taken = {
        (name, network.mac): "the bridge" for name, network in view.networks.items() if network.mac
    }
    for key, places in view.places.items():
        for place in places:
            mac = place.attachment.mac
            if mac is None:
                continue
            if (place.name, mac) in taken:
                owner = taken[place.name, mac]
                report.error(
                    (*place.path, "mac"),
                    f"{mac} is the address of {owner} on {place.name!r} already",
                )
            taken.setdefault((place.name, mac), repr(key))


def check_unused(view: View, report: Report) -> None:
    """A network has members, where there are namespaces at all: a part that others include may have none."""
    if not view.spec.namespaces:
        return
    if view.wrong("namespaces") or len(view.networks) < len(view.spec.networks):
        return
    used = {place.name for places in view.places.values() for place in places}
    for name, network in view.networks.items():
        host_alone = any(s.num_addresses == 1 for s in network.subnet)
        if name not in used and not host_alone and not network.ports:
            text = (
                "no namespace is on this network: list it under the 'networks' of one, or remove it"
            )
            report.warning(("networks", name), text, on_key=True)


def check_public(view: View, report: Report) -> None:
    """The host's own subnets of IPv4 are nobody else's: whoever has them could not be reached any more."""
    for at, subnet in _on_host(view):
        if subnet.version == 4 and subnet.is_global and subnet.prefixlen < subnet.max_prefixlen:
            text = (
                f"{subnet} is somebody's on the internet, whom neither this host nor its namespaces"
                f" reach any more: choose a subnet of {PRIVATE[4]}"
            )
            report.warning(at, text)


def _on_host(view: View) -> Iterator[tuple[Path, IPNetwork]]:
    for name, network in view.networks.items():
        for index, subnet in enumerate(network.subnet):
            if any(gateway in subnet for gateway in view.gateways[name]):
                yield ("networks", name, "subnet", index), subnet
    for device in view.devices.get(HOST, ()):
        yield from ((device.path, subnet) for subnet in device.subnets)
