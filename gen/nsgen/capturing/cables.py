"""Cables, as links, and what is said of any end of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_interface
from typing import Any

from nsgen.capturing.draft import Draft, Tip, link_local, one_or_list, refused, written
from nsgen.capturing.elements import new_addresses, of_address, of_link, of_route
from nsgen.capturing.usual import PORT_DEFAULTS, USUAL_MTU, changed
from nsgen.proof.state import SET, KernelAddress, KernelLink
from nsgen.values import HOST

VETH = "veth"
LINK_LOCAL = (
    "the kernel makes it of the MAC address; where there is IPv4 alone, nsgen leaves IPv6 off"
    " ('link_local: true' has it)"
)
EXPIRES = "it was given for a time, by DHCP or a router: whoever gives it will do so again"


def pairs(draft: Draft) -> Iterator[tuple[Tip, Tip]]:
    """Each cable, once: the host's end first."""
    done = set()
    for node in draft.nodes:
        for link in draft.new_links(node.name):
            there = draft.state.nodes.get(link.peer[0]) if link.peer else None
            other = there.link(link.peer[1]) if there and link.peer else None
            if link.kind != VETH or there is None or other is None:
                continue
            ends = (Tip(node.name, link), Tip(there.name, other))
            if frozenset(map(str, ends)) not in done:
                done.add(frozenset(map(str, ends)))
                yield ends


# -- links --------------------------------------------------------------------------------------


def take_link(draft: Draft, left: Tip, right: Tip) -> None:
    """Say a cable as a link."""
    where = f"links[{len(draft.links)}]"
    ends: dict[str, Any] = {}
    same = left.link.mtu == right.link.mtu
    for tip in (left, right):
        found: dict[str, Any] = {}
        addresses, peers = written_addresses(draft, tip.node, tip.link.name, where)
        peers += _peers(draft, tip, left if tip is right else right, addresses)
        if addresses:
            found["address"] = one_or_list(addresses)
        if peers:
            found["peer"] = one_or_list(peers)
        found |= mac_of(tip)
        if not same and tip.link.mtu != USUAL_MTU:
            found["mtu"] = tip.link.mtu
        found |= end_link_local(draft, tip)
        ends[f"{tip.node}:{tip.link.name}"] = (
            found["address"] if set(found) == {"address"} else found
        )
        say_end(draft, tip, where)
    entry: dict[str, Any] = {"endpoints": ends if any(ends.values()) else list(ends)}
    if same and left.link.mtu != USUAL_MTU:
        entry["mtu"] = left.link.mtu
    draft.links.append(entry)


def written_addresses(
    draft: Draft, node: str, device: str, where: str
) -> tuple[list[str], list[str]]:
    """The addresses of a device as they are written, and those of the other end."""
    addresses, peers = [], []
    for address in draft.addresses(node, device):
        addresses.append(address.local if address.peer else address.text)
        if address.peer:
            alone = address.length == (32 if address.version == 4 else 128)
            peers.append(address.peer if alone else f"{address.peer}/{address.length}")
        draft.say_address(node, address, where)
    return addresses, peers


def _peers(draft: Draft, tip: Tip, other: Tip, addresses: list[str]) -> list[str]:
    """The other end's address of IPv6, to which an address alone has a route: the kernel has no such peers."""
    theirs = [one.local for one in draft.addresses(other.node, other.link.name) if one.version == 6]
    for route in draft.state.nodes[tip.node].routes:
        way = (route.version, route.device, route.via, route.table) == (
            6,
            tip.link.name,
            "",
            "main",
        )
        alone = [text for text in addresses if ":" in text and text.endswith("/128")]
        if way and route.to in theirs and len(alone) == 1 and route.protocol != "kernel":
            addresses[addresses.index(alone[0])] = alone[0].removesuffix("/128")
            draft.account.say(of_route(tip.node, route), "peer")
            return [route.to]
    return []


def say_end(draft: Draft, tip: Tip, where: str) -> None:
    """Note what is said of an end of a cable, and switch off what is off."""
    link = tip.link
    said = [f"alias {link.alias}", f"mtu {link.mtu}", f"address {link.mac}"]
    if link.master and tip.node == HOST and where.startswith("namespaces"):
        said.append(f"master {link.master}")
        network = draft.networks[link.master]
        if network.get("isolate") or link.port.get("isolated"):
            said.append("isolated True")
    draft.say_link(tip.node, link, *said, where=where)
    if not link.up:
        command = ["ip", "link", "set", "dev", link.name]
        draft.execute(
            tip.node, of_link(tip.node, link, "down"), [*command, "down"], [*command, "up"]
        )


def other_mac(draft: Draft, tip: Tip) -> None:
    """The MAC address of a member's end on the host, for which there is no key."""
    if tip.link.assigned == SET:
        command = ["ip", "link", "set", "dev", tip.link.name, "address", tip.link.mac]
        draft.execute(tip.node, of_link(tip.node, tip.link, f"address {tip.link.mac}"), command, [])


def mac_of(tip: Tip) -> dict[str, str]:
    """The MAC address of an end, where one was given."""
    return {"mac": tip.link.mac} if tip.link.assigned == SET else {}


def end_link_local(draft: Draft, tip: Tip) -> dict[str, bool]:
    """Whether an end speaks IPv6 by a link-local address alone."""
    kernel_made(draft, tip.node, tip.link)
    if not _speaks(draft, tip):
        return {}
    found = draft.addresses(tip.node, tip.link.name)
    if any(one.version == 6 for one in found) or tip.link.master:
        return {}
    ours = any(map(draft.own, draft.state.nodes[HOST].links))
    if found and not ours:
        return {}
    for address in draft.state.nodes[tip.node].addresses:
        if address.device == tip.link.name and link_local(address):
            draft.say_address(tip.node, address, "link_local")
    return {"link_local": True}


def _speaks(draft: Draft, tip: Tip) -> bool:
    """Whether the kernel makes an end a link-local address, now or once it has a carrier."""
    sysctls = draft.state.nodes[tip.node].sysctls
    off = sysctls.get(f"net/ipv6/conf/{tip.link.name}/disable_ipv6", "1") != "0"
    return tip.link.up and not off and tip.link.raw.get("inet6_addr_gen_mode") != "none"


def kernel_made(draft: Draft, node: str, link: KernelLink) -> bool:
    """Note the addresses of a device that nobody has to write; give whether one is link-local."""
    found = False
    has_ipv6 = any(one.version == 6 for one in draft.addresses(node, link.name))
    for address in draft.state.nodes[node].addresses:
        if address.device != link.name or written(address):
            continue
        if not link_local(address) or address.expires:
            draft.account.leave(of_address(node, address), EXPIRES)
        elif has_ipv6:
            draft.say_address(node, address, "it comes with IPv6")
            found = True
        else:
            draft.account.leave(of_address(node, address), LINK_LOCAL)
            found = True
    return found


def leave_link_local(draft: Draft) -> None:
    """Note the addresses that the kernel has made of devices that are not written."""
    for node in draft.nodes:
        for address in node.addresses:
            element = of_address(node.name, address)
            if draft.account.open(element) and link_local(address):
                draft.account.leave(element, LINK_LOCAL)


def add_address(draft: Draft, node: str, address: KernelAddress) -> None:
    """An address that a network has no place for, by a command."""
    words = [address.text, "dev", address.device]
    if address.peer:
        words = [address.local, "peer", f"{address.peer}/{address.length}", "dev", address.device]
    command = ["ip", "address"]
    element = of_address(node, address)
    draft.execute(node, element, [*command, "add", *words], [*command, "del", *words])


def add_refused(draft: Draft) -> None:
    """Have commands give devices the addresses that the language refuses."""
    for node in draft.nodes:
        for address in new_addresses(node, draft.before(node.name)):
            if written(address) and refused(address):
                add_address(draft, node.name, address)


def on_subnets(address: str, subnets: Iterable[str]) -> bool:
    """Whether an address is in one of these."""
    return any(
        ip_address(address) in ip_interface(subnet).network
        for subnet in subnets
        if ip_interface(subnet).version == ip_address(address).version
    )


def port_flags(link: KernelLink) -> dict[str, Any]:
    """What is otherwise than usual about a port."""
    return changed(link.port, PORT_DEFAULTS)
