"""Static and proxied neighbours, held against those who are on the same network or link, once addresses are dealt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from nsgen.language.neighbours import Neighbour
from nsgen.language.spec import Spec
from nsgen.report import Path, Report
from nsgen.topology.model import Interface, Topology
from nsgen.topology.names import Place
from nsgen.topology.networks import Bridge, Member
from nsgen.topology.wires import cables
from nsgen.values import HOST, IPAddress


class _OnSegment(NamedTuple):
    """A device on a network or a link: whose it is, where it is written, and what it has."""

    node: str
    path: Path
    device: Member | Interface | None  # none: the host's own on a network
    addresses: tuple[IPAddress, ...]
    mac: str


def has_proxies(topology: Topology) -> bool:
    """Whether anybody answers for an address elsewhere."""
    own = (d.neighbours for node in topology.nodes for d in node.members)
    wired = (d.neighbours for node in topology.nodes for d in node.wired)
    return any(not neighbour.mac for known in chain(own, wired) for neighbour in known)


def check_neighbours(
    spec: Spec,
    bridges: Mapping[str, Bridge],
    places: Mapping[str, tuple[Place, ...]],
    members: Mapping[str, tuple[Member, ...]],
    report: Report,
) -> None:
    """File an error where a neighbour has another MAC address than is written, or answers for itself."""
    told: set[tuple[Path, str]] = set()  # of a key for many namespaces, once
    for segment in (*_networks(bridges, places, members), *_links(spec)):
        owners = {address: one for one in segment for address in one.addresses}
        for one in segment:
            for neighbour in one.device.neighbours if one.device is not None else ():
                owner = owners.get(neighbour.address)
                text = _wrong(neighbour, one, owner) if owner is not None else ""
                path = (
                    *one.path,
                    neighbour.field,
                    *((str(neighbour.address),) if neighbour.mac else ()),
                )
                if text and (path, text) not in told:
                    told.add((path, text))
                    report.error(path, text)


def _wrong(neighbour: Neighbour, here: _OnSegment, owner: _OnSegment) -> str:
    address, who = neighbour.address, "the host" if owner.node == HOST else repr(owner.node)
    if owner is here:
        return f"{address} is its own address: name a neighbour's"
    if not neighbour.mac:
        return f"{who} has {address} here, and answers for itself: remove it"
    if neighbour.mac == owner.mac:
        return ""
    known = (
        f"whose MAC address is {owner.mac}"
        if owner.mac
        else "whose MAC address nobody knows: give it a 'mac'"
    )
    return f"{address} is an address of {who}, {known}"


def _networks(
    bridges: Mapping[str, Bridge],
    places: Mapping[str, tuple[Place, ...]],
    members: Mapping[str, tuple[Member, ...]],
) -> Iterator[list[_OnSegment]]:
    """Of networks on which anybody has neighbours, all that are there."""
    used = {m.bridge.name for own in members.values() for m in own if m.neighbours}
    found: dict[str, list[_OnSegment]] = {
        name: [_OnSegment(HOST, (), None, tuple(_gateways(bridge)), bridge.mac)]
        for name, bridge in bridges.items()
        if name in used
    }
    for name, own in members.items():
        for place, member in zip(places[name], own, strict=True):
            if member.bridge.name in found:
                addresses = tuple(address.ip for address in member.addresses)
                one = _OnSegment(name, place.path, member, addresses, member.mac)
                found[member.bridge.name].append(one)
    yield from found.values()


def _gateways(bridge: Bridge) -> Iterable[IPAddress]:
    return (subnet.gateway for subnet in bridge.subnets if subnet.gateway is not None)


def _links(spec: Spec) -> Iterator[list[_OnSegment]]:
    for index, link in spec.links:
        for cable in cables(link):
            ends = (cable.first, cable.second)
            if not any(end.neighbours for end in ends):
                continue
            yield [
                _OnSegment(
                    end.node,
                    ("links", index, "endpoints", f"{end.node}:{end.long_name}"),
                    end,
                    tuple(address.ip for address in end.addresses),
                    end.mac,
                )
                for end in ends
            ]
