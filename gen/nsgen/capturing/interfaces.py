"""Devices that are neither networks nor cables, by their kind: what the language has for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nsgen.capturing.cables import kernel_made, port_flags, written_addresses
from nsgen.capturing.draft import Draft, one_or_list
from nsgen.capturing.elements import of_address, of_link, of_record
from nsgen.capturing.usual import USUAL_MTU, fdb, vlans
from nsgen.proof.state import SET, KernelLink, KernelNode
from nsgen.topology.names import derived_mac

KERNEL_OWN = {
    "sit0", "gre0", "gretap0", "erspan0", "tunl0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0",
}  # fmt: skip
EVERYBODY = "00:00:00:00:00:00"
ANY = {"any", "0.0.0.0", "::", ""}  # noqa: S104 - as the kernel says that there is none
# The largest packet of a new device, where it is not that of a cable.
MTUS = {
    "vxlan": {1450, 1430}, "gre": {1476, 1472}, "ipip": {1480}, "sit": {1480}, "wireguard": {1420},
    "ip6gre": {1448, 1444}, "ip6tnl": {1452}, "vrf": {65575, 65536}, "": {65536},
}  # fmt: skip


def take_interfaces(draft: Draft) -> None:
    """Say each device that is no network and no end of a cable."""
    for node in draft.nodes:
        _loopback(draft, node)
        for link in draft.new_links(node.name):
            element = of_link(node.name, link)
            if not draft.account.open(element):
                continue
            if link.name in KERNEL_OWN:
                draft.account.leave(element, "the kernel makes one in each namespace")
                continue
            convert = KINDS.get(link.kind)
            found = convert(draft, node, link) if convert else None
            if found is None:
                kind = link.kind or "card"
                draft.account.leave(element, f"the language has no kind for a {kind} as this")
                continue
            draft.at(node.name).setdefault("interfaces", {})[link.name] = {
                **found,
                **_common(draft, node, link),
            }


def _loopback(draft: Draft, node: KernelNode) -> None:
    addresses = draft.addresses(node.name, "lo")
    where = f"{node.name}.interfaces.lo"
    if addresses:
        texts = [address.text for address in addresses]
        draft.at(node.name).setdefault("interfaces", {})["lo"] = {"address": one_or_list(texts)}
    for address in addresses:
        draft.say_address(node.name, address, where)


def _common(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    """What every kind has."""
    where = f"{node.name}.interfaces.{link.name}"
    found: dict[str, Any] = {}
    addresses, peers = written_addresses(draft, node.name, link.name, where)
    if addresses:
        found["address"] = one_or_list(addresses)
    if peers:
        found["peer"] = one_or_list(peers)
    if _has_mac(draft, node, link):
        found["mac"] = link.mac
    usual = {one.mtu for one in node.links if one.master == link.name or one.name == _lower(link)}
    if link.mtu not in MTUS.get(link.kind, {USUAL_MTU} | usual):
        found["mtu"] = link.mtu
    if not link.up:
        found["up"] = False
    said = (f"address {link.mac}", f"mtu {link.mtu}", "down")
    draft.say_link(node.name, link, *said, where=where)
    made = kernel_made(draft, node.name, link)
    if made and not addresses and not link.master and link.kind in ("macvlan", "vlan", "vxlan"):
        found["link_local"] = True
        for address in node.addresses:
            if address.device == link.name and address.scope == "link":
                draft.account.say(of_address(node.name, address), where)
    return found


def _has_mac(draft: Draft, node: KernelNode, link: KernelLink) -> bool:
    """Whether a MAC address was given, and by somebody else than the script, which derives that of a bridge."""
    name = f"{draft.name}/{node.name}/{link.name}"
    derived = link.kind == "bridge" and link.mac == derived_mac(name)
    return link.assigned == SET and link.kind not in ("vlan", "ipvlan", "bond") and not derived


def _lower(link: KernelLink) -> str:
    return str(link.data.get("link") or link.raw.get("link") or "")


# -- the kinds ----------------------------------------------------------------------------------


def _bridge(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "bridge"}
    filtering = bool(link.data.get("vlan_filtering"))
    ports: dict[str, dict[str, Any]] = {}
    for port in node.links:
        if port.master == link.name:
            flags = {key: True for key in port_flags(port) if key in ("hairpin", "isolated")}
            tags = _tags(draft, node, port) if filtering else {}
            ports[port.name] = {**flags, **tags}
            for text in (f"master {link.name}", *(f"{key} True" for key in flags)):
                draft.account.say(of_link(node.name, port, text), f"{link.name}.ports")
    if ports:
        found["ports"] = ports if any(ports.values()) else list(ports)
    if link.data.get("stp_state"):
        found["stp"] = True
    if filtering:
        found["vlan_filtering"] = True
    for text in ("stp_state 1", "vlan_filtering 1", "vlan_default_pvid 0"):
        draft.account.say(of_link(node.name, link, text), link.name)
    return found


def _tags(draft: Draft, node: KernelNode, port: KernelLink) -> dict[str, Any]:
    """The VLANs of a port."""
    found: dict[str, Any] = {}
    for tag in vlans(node):
        if tag["ifname"] != port.name:
            continue
        if "PVID" in tag.get("flags", ()):
            found["untagged"] = tag["vlan"]
        else:
            ends = range(tag["vlan"], tag.get("vlanEnd", tag["vlan"]) + 1)
            found.setdefault("tagged", []).extend(ends)
        draft.account.say(of_record(node.name, "vlan", tag), f"{port.name}")
    return found


def _dummy(_draft: Draft, _node: KernelNode, _link: KernelLink) -> dict[str, Any]:
    return {"type": "dummy"}


def _vlan(_draft: Draft, _node: KernelNode, link: KernelLink) -> dict[str, Any] | None:
    if link.data.get("protocol", "802.1Q") != "802.1Q" or not link.raw.get("link"):
        return None
    return {"type": "vlan", "link": link.raw["link"], "id": link.data["id"]}


def _vxlan(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any] | None:
    if "id" not in link.data or link.data.get("external"):
        return None
    found: dict[str, Any] = {"type": "vxlan", "id": link.data["id"]}
    for key in ("remote", "group", "local", "link"):
        value = link.data.get(key) or link.data.get(f"{key}6")
        if value and value not in ANY:
            found[key] = value
    if link.data.get("port", 4789) != 4789:
        found["port"] = link.data["port"]
    peers = []
    for entry in fdb(node):
        if entry.get("ifname") == link.name and "dst" in entry and entry["mac"] == EVERYBODY:
            if entry["dst"] not in (found.get("remote"), found.get("group")):
                peers.append(entry["dst"])
            draft.account.say(of_record(node.name, "fdb", entry), f"{link.name}.peers")
    if peers:
        found["peers"] = peers
    return found


def _macvlan(_draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any] | None:
    below = link.raw.get("link") or ""
    if link.peer and link.peer[0] != node.name:
        below = f"{link.peer[0]}:{link.peer[1]}"
    if not below:
        return None
    mode = link.data.get("mode", "bridge")
    usual = {"macvlan": "bridge", "ipvlan": "l2"}[link.kind]
    return {"type": link.kind, "link": below, **({"mode": mode} if mode != usual else {})}


def _tunnel(_draft: Draft, _node: KernelNode, link: KernelLink) -> dict[str, Any] | None:
    kind = {"ip6gre": "gre", "ip6tnl": "ipip"}.get(link.kind, link.kind)
    found: dict[str, Any] = {"type": kind}
    for key in ("local", "remote"):
        if link.data.get(key) and link.data[key] not in ANY:
            found[key] = link.data[key]
    if link.data.get("ttl"):
        found["ttl"] = link.data["ttl"]
    if link.data.get("ikey") != link.data.get("okey"):
        return None
    if link.data.get("ikey"):
        number = str(link.data["ikey"])
        parts = [int(part) for part in number.split(".")]
        found["key"] = sum(part << 8 * at for at, part in enumerate(reversed(parts)))
    return found


def _bond(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "bond", **_master(draft, node, link)}
    if link.data.get("mode", "balance-rr") != "balance-rr":
        found["mode"] = link.data["mode"]
    return found


def _vrf(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    return {"type": "vrf", "table": link.data["table"], **_master(draft, node, link)}


def _master(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    ports = [port for port in node.links if port.master == link.name]
    for port in ports:
        draft.account.say(of_link(node.name, port, f"master {link.name}"), f"{link.name}.ports")
    return {"ports": [port.name for port in ports]} if ports else {}


def _tap(_draft: Draft, _node: KernelNode, link: KernelLink) -> dict[str, Any] | None:
    if link.data.get("type") != "tap":
        return None
    user = link.data.get("user")
    return {"type": "tap", **({"user": str(user)} if user not in (None, "root", 0, "0") else {})}


def _wireguard(draft: Draft, node: KernelNode, link: KernelLink) -> dict[str, Any]:
    """The device's file of its key is a new one: keys are not read."""
    found: dict[str, Any] = {
        "type": "wireguard",
        "private_key_file": f"/etc/wireguard/{draft.name}-{link.name}.key",
    }
    draft.account.tell(
        f"{node.name}: the private key of {link.name} is not read: put it into"
        f" {found['private_key_file']}, or the script makes another one"
    )
    parts = re.split(r"^# ", node.wireguard, flags=re.MULTILINE)
    text = next((part for part in parts if part.split("\n")[0] == link.name), "")
    blocks = re.split(r"^\[(?:Interface|Peer)\]$", text, flags=re.MULTILINE)[1:]
    values = [dict(re.findall(r"^(\w+)\s*=\s*(.+)$", block, re.MULTILINE)) for block in blocks]
    if values and "ListenPort" in values[0]:
        found["listen_port"] = int(values[0]["ListenPort"])
    peers = []
    for peer in values[1:]:
        entry: dict[str, Any] = {"public_key": peer.get("PublicKey", "")}
        if peer.get("AllowedIPs"):
            entry["allowed_ips"] = one_or_list(re.split(r",\s*", peer["AllowedIPs"]))
        if peer.get("Endpoint"):
            entry["endpoint"] = peer["Endpoint"]
        if peer.get("PersistentKeepalive"):
            entry["persistent_keepalive"] = int(peer["PersistentKeepalive"])
        peers.append(entry)
    if peers:
        found["peers"] = peers
    return found


KINDS: dict[str, Callable[[Draft, KernelNode, KernelLink], dict[str, Any] | None]] = {
    "bridge": _bridge, "dummy": _dummy, "vlan": _vlan, "vxlan": _vxlan, "macvlan": _macvlan,
    "ipvlan": _macvlan, "gre": _tunnel, "ipip": _tunnel, "sit": _tunnel, "ip6gre": _tunnel,
    "ip6tnl": _tunnel, "bond": _bond, "vrf": _vrf, "tun": _tap, "wireguard": _wireguard,
}  # fmt: skip
