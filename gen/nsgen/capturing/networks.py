"""Bridges of the host, as networks with their members and other ports."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from nsgen.capturing.cables import (
    add_address,
    end_link_local,
    kernel_made,
    mac_of,
    other_mac,
    pairs,
    say_end,
    take_link,
)
from nsgen.capturing.draft import Draft, Tip, one_or_list, subnet_of
from nsgen.capturing.elements import of_link
from nsgen.capturing.usual import PORT_DEFAULTS, USUAL_MTU
from nsgen.proof.state import SET, KernelAddress, KernelLink
from nsgen.topology.names import derived_mac, device_name, first_host
from nsgen.values import HOST


def take_cables(draft: Draft) -> None:
    """Say bridges of the host as networks, and cables as places on them or as links."""
    cables = list(pairs(draft))
    bridges = [
        link
        for link in draft.new_links(HOST)
        if link.kind == "bridge" and link.name not in draft.plain
    ]
    for bridge in bridges:
        _network(draft, bridge, cables)
    names = {bridge.name for bridge in bridges}
    for left, right in cables:
        # Of a cable with both ends on the host none is a member.
        if HOST in (left.node, right.node) and left.node != right.node:
            ours, theirs = (left, right) if left.node == HOST else (right, left)
            if ours.link.master in names and _fits(draft, ours, theirs):
                _member(draft, ours, theirs)
                continue
        take_link(draft, left, right)
    for bridge in bridges:
        _ports(draft, bridge)


def _network(draft: Draft, bridge: KernelLink, cables: list[tuple[Tip, Tip]]) -> None:
    where = f"networks.{bridge.name}"
    found = _subnets(draft, bridge, cables)
    attributes = [f"alias {bridge.alias}"]
    mtus = {one.mtu for one in draft.state.nodes[HOST].links if one.master == bridge.name}
    if bridge.mtu != USUAL_MTU:
        attributes.append(f"mtu {bridge.mtu}")
        if mtus != {USUAL_MTU}:
            found["mtu"] = bridge.mtu
    if bridge.assigned == SET:
        attributes.append(f"address {bridge.mac}")
        if bridge.mac != derived_mac(f"{draft.name}/{bridge.name}"):
            found["mac"] = bridge.mac
    if bridge.data.get("stp_state"):
        attributes.append("stp_state 1")
        found["stp"] = True
    if _isolates(draft, bridge):
        found["isolate"] = True
    draft.networks[bridge.name] = found
    draft.say_link(HOST, bridge, *attributes, where=where)
    if not bridge.up:
        draft.account.leave(of_link(HOST, bridge, "down"), "a network is switched on")
    kernel_made(draft, HOST, bridge)


def _subnets(draft: Draft, bridge: KernelLink, cables: list[tuple[Tip, Tip]]) -> dict[str, Any]:
    """The subnets of a network and the host's addresses there; what is no address of a subnet is added by a command."""
    subnets: dict[str, KernelAddress] = {}
    addresses = draft.addresses(HOST, bridge.name)
    for address in addresses:
        subnet = subnet_of(address)
        whole = address.length < (31 if address.version == 4 else 127)
        if subnet in subnets or address.peer or not whole:
            add_address(draft, HOST, address)
        else:
            subnets[subnet] = address
            draft.say_address(HOST, address, f"networks.{bridge.name}.gateway")
    if not addresses:
        among = _among(draft, bridge, cables)
        return {"subnet": one_or_list(among), "gateway": False} if among else {}
    if not subnets:
        return {}
    found: dict[str, Any] = {"subnet": one_or_list(list(subnets))}
    first = [str(first_host(ip_interface(a.text).network)) for a in subnets.values()]
    if first != [address.local for address in subnets.values()]:
        found["gateway"] = one_or_list([address.local for address in subnets.values()])
    return found


def _isolates(draft: Draft, bridge: KernelLink) -> bool:
    """Whether the members of a network are kept apart: by nsgen's rules, or by the flags of more than one port."""
    ports = [one for one in draft.state.nodes[HOST].links if one.master == bridge.name]
    isolated = [one.port.get("isolated", False) for one in ports]
    alone = len(isolated) == 1 and draft.ours
    many = sum(isolated) > 1 and not draft.ours
    return bridge.name in draft.apart or many or (alone and all(isolated))


def _among(draft: Draft, bridge: KernelLink, cables: list[tuple[Tip, Tip]]) -> list[str]:
    """The subnets that the members of a network without a gateway are in, where there is one of each IP version."""
    off = draft.state.nodes[HOST].sysctls.get(f"net/ipv6/conf/{bridge.name}/disable_ipv6") == "1"
    if draft.ours and not off:
        return []  # it speaks IPv6: it has no subnet, or one of IPv6
    found: dict[str, None] = {}
    for pair in cables:
        for tip, other in (pair, pair[::-1]):
            if other.node == HOST and other.link.master == bridge.name and tip.node != HOST:
                addresses = draft.addresses(tip.node, tip.link.name)
                found |= {subnet_of(one): None for one in addresses if not one.peer}
    versions = [ip_interface(text).version for text in found]
    return list(found) if len(set(versions)) == len(versions) else []


def _fits(draft: Draft, ours: Tip, theirs: Tip) -> bool:
    """Whether a namespace's end can be written as a place on the network."""
    network = draft.networks[ours.link.master]
    places = draft.namespaces[theirs.node].get("networks", {})
    if draft.ours and _off(draft, ours):
        return False  # the end of a link, on which IPv6 is off
    if bool(network.get("isolate")) != bool(ours.link.port.get("isolated")):
        return False  # it is not as the members are
    if ours.link.master in places or ours.link.mtu < 68 or draft.addresses(HOST, ours.link.name):
        return False
    return "subnet" in network or not any(
        one.peer for one in draft.addresses(theirs.node, theirs.link.name)
    )


def _off(draft: Draft, tip: Tip) -> bool:
    key = f"net/ipv6/conf/{tip.link.name}/disable_ipv6"
    return draft.state.nodes[tip.node].sysctls.get(key) == "1"


def _member(draft: Draft, ours: Tip, theirs: Tip) -> None:
    bridge, node = ours.link.master, theirs.node
    network, own = draft.networks[bridge], draft.at(node)
    places = own.setdefault("networks", {})
    where = f"namespaces.{node}.networks.{bridge}"
    subnets = network.get("subnet", [])
    subnets = [subnets] if isinstance(subnets, str) else subnets
    addresses = []
    for address in draft.addresses(node, theirs.link.name):
        if subnets and (subnet_of(address) not in subnets or address.peer):
            add_address(draft, node, address)
            continue
        addresses.append(address.local if subnets else address.text)
        draft.say_address(node, address, f"{where}.address")
    found: dict[str, Any] = {}
    if addresses:
        found["address"] = one_or_list(addresses)
    elif subnets:
        found["address"] = False
    stem = f"veth-{node}{f'-{bridge}' if places else ''}"
    if theirs.link.name != device_name(stem):
        found["interface"] = theirs.link.name
    if ours.link.name != device_name(f"{stem}-br"):
        found["peer"] = ours.link.name
    found |= mac_of(theirs)
    usual = network.get("mtu", USUAL_MTU)
    if theirs.link.mtu != usual:
        found["mtu"] = theirs.link.mtu
    if ours.link.mtu != theirs.link.mtu:
        found["peer_mtu"] = ours.link.mtu
    found |= end_link_local(draft, theirs)
    places[bridge] = found
    for tip in (ours, theirs):
        say_end(draft, tip, where)
    kernel_made(draft, HOST, ours.link)
    other_mac(draft, ours)


def _ports(draft: Draft, bridge: KernelLink) -> None:
    """The ports of a network that are no ends of members' cables."""
    ports: dict[str, Any] = {}
    for link in draft.state.nodes[HOST].links:
        said = draft.account.said.get(of_link(HOST, link), "")
        if link.master != bridge.name or ".networks." in said:
            continue
        flags = {
            key: True
            for key in ("hairpin", "isolated")
            if link.port.get(key, PORT_DEFAULTS[key]) != PORT_DEFAULTS[key]
        }
        ports[link.name] = flags
        for text in (f"master {bridge.name}", *(f"{key} True" for key in flags)):
            draft.account.say(of_link(HOST, link, text), f"networks.{bridge.name}.ports")
    if ports:
        found = draft.networks[bridge.name]
        found["ports"] = ports if any(ports.values()) else list(ports)
