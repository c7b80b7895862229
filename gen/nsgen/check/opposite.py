"""Peers of addresses: that each goes with an address, and that the other end of a link has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from nsgen.check.networks import special
from nsgen.check.view import View, reserved, usable
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.wiring import Domain, Plain
from nsgen.language.opposite import Opposite, is_alone
from nsgen.report import Path, Report
from nsgen.topology.names import ip_of
from nsgen.values import IPAddress, IPInterface, IPNetwork
from nsgen.words import listed


class _Device(NamedTuple):
    """A device that has peers, where it is written, and what is known of the other end of its cable."""

    node: str
    path: Path
    written: Opposite
    subnet: tuple[IPNetwork, ...] = ()
    there: str = ""
    others: tuple[IPAddress, ...] = ()


def check_peers(view: View, report: Report) -> None:
    """A peer is another machine's address, and goes with one address of its IP version."""
    for device in _devices(view):
        own = {ip_of(a) for d in view.devices.get(device.node, ()) for _, a in d.addresses}
        for index, peer in enumerate(device.written.peer):
            text = _wrong(device, index, peer, own) or _elsewhere(device, peer)
            if text:
                report.error((*device.path, "peer", index), text)


def _devices(view: View) -> Iterator[_Device]:
    for index, link in view.spec.links:
        for number, (place, end) in enumerate(link.endpoints or ()):
            if end.peer and link.endpoints is not None:
                there, other = link.endpoints[1 - number]
                path: Path = ("links", index, "endpoints", str(place))
                others = tuple(map(ip_of, other.address))
                yield _Device(place.node, path, end, link.subnet, str(there), others)
    for key, path, _, interface in view.interfaces():
        if interface.peer:
            yield _Device(view.first(key), path, interface)


def _wrong(
    device: _Device, index: int, peer: IPAddress | IPInterface, own: set[IPAddress]
) -> str | None:
    """What is wrong with a peer by itself, or as that of its device's addresses."""
    ip, written = ip_of(peer), device.written
    network = ipaddress.ip_interface(str(peer)).network
    alone = [a for a in written.address if a.version == ip.version and is_alone(a)]
    if isinstance(written, WrittenInterface) and _leads_nowhere(written):
        return "there is nobody at its other end: remove 'peer'"
    if any(ip_of(p).version == ip.version for p in written.peer[:index]):
        return f"an address has one peer: there is one of IPv{ip.version} already"
    if any(subnet.version == ip.version for subnet in device.subnet):
        return "the 'subnet' of the link says who is at its other end: remove one of the two"
    if not alone:
        return _no_address(written, ip)
    if len(alone) > 1:
        return f"it may be the peer of {' or of '.join(map(str, alone))}: leave one of them here"
    if ip in own:
        return f"{ip} is an address of {device.node!r} itself: name the one at the other end"
    if network.version == 6 and network.num_addresses > 1:
        return f"of IPv6 the peer alone is reached directly: write its address, and a route to {network}"
    what = special(network) or (ip.is_unspecified and "no machine's address")
    if what:
        return f"{peer} cannot be a peer: {what}"
    if ip != network.network_address and reserved(ip, network):
        return f"{ip} is {reserved(ip, network)} of {network}: choose one of {usable(network)}"
    return None


def _no_address(written: Opposite, ip: IPAddress) -> str:
    """Why there is no address that a peer could go with."""
    wide = next((a for a in written.address if a.version == ip.version), None)
    if wide is None:
        return f"{ip} is IPv{ip.version}, and 'address' has no IPv{ip.version} address whose peer it could be"
    return f"{wide} has a subnet that is reached directly: write {ip_of(wide)} for an address with a peer"


def _elsewhere(device: _Device, peer: IPAddress | IPInterface) -> str | None:
    """Who is said to be at the other end, and is not."""
    ip = ip_of(peer)
    network = ipaddress.ip_interface(str(peer)).network
    others = [other for other in device.others if other.version == ip.version]
    if not others or ip in others:
        return None
    if ip == network.network_address and any(other in network for other in others):
        return None  # the peer is a subnet
    return f"{device.there} does not have {peer}: it has {listed(others)}"


def _leads_nowhere(interface: WrittenInterface) -> bool:
    return isinstance(interface.wiring, Plain | Domain) and not interface.has_neighbours
