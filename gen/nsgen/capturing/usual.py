"""What is usual: of a device, a port, a bridge, a queue; and what is otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nsgen.proof.state import SET, KernelLink, KernelNode, Raw

NOBODY = "00:00:00:00:00:00"
USUAL_QDISCS = {"noqueue", "pfifo_fast", "fq_codel", "mq", "fq", "pfifo"}
USUAL_MTU = 1500
OWN_FDB = re.compile(r"33:33:|01:00:5e:|01:80:c2:|00:00:00:00:00:00")
# Of a port and of a bridge, what is otherwise than in a new one: ip-link(8).
PORT_DEFAULTS: dict[str, Any] = {
    "hairpin": False, "guard": False, "root_block": False, "fastleave": False, "learning": True,
    "flood": True, "proxy_arp": False, "proxy_arp_wifi": False, "mcast_flood": True,
    "bcast_flood": True, "mcast_to_unicast": False, "neigh_suppress": False, "vlan_tunnel": False,
    "isolated": False, "locked": False, "priority": 32, "multicast_router": 1,
}  # fmt: skip
BRIDGE_DEFAULTS: dict[str, Any] = {
    "forward_delay": 1500, "hello_time": 200, "max_age": 2000, "ageing_time": 30000, "stp_state": 0,
    "priority": 32768, "vlan_filtering": 0, "group_fwd_mask": "0", "mcast_snooping": 1,
    "vlan_protocol": "802.1Q", "vlan_default_pvid": 1, "mcast_router": 1, "mcast_querier": 0,
    "nf_call_iptables": 0, "nf_call_ip6tables": 0, "nf_call_arptables": 0, "no_linklocal_learn": 0,
    "mcast_vlan_snooping": 0,
}  # fmt: skip
FLAGS = ("NOARP", "PROMISC", "ALLMULTI")


def attributes(link: KernelLink) -> Iterator[str]:
    """What is otherwise than usual about a device."""
    if link.mtu != USUAL_MTU:
        yield f"mtu {link.mtu}"
    if link.assigned == SET and link.kind not in ("vlan", "macvlan", "ipvlan"):
        yield f"address {link.mac}"
    if not link.up:
        yield "down"
    if link.alias:
        yield f"alias {link.alias}"
    if link.master:
        yield f"master {link.master}"
    yield from (f"flag {flag}" for flag in FLAGS if _flagged(link, flag))
    if link.raw.get("group", "default") != "default":
        yield f"group {link.raw['group']}"
    if link.raw.get("txqlen", 1000) not in (0, 1000, 500):
        yield f"txqueuelen {link.raw['txqlen']}"
    yield from (f"altname {other}" for other in link.raw.get("altnames", ()))
    yield from (f"{key} {value}" for key, value in changed(link.port, PORT_DEFAULTS).items())
    if link.kind == "bridge":
        yield from (f"{key} {value}" for key, value in changed(link.data, BRIDGE_DEFAULTS).items())


def _flagged(link: KernelLink, flag: str) -> bool:
    """Whether somebody gave the flag: tunnels have no ARP by themselves, and ports are promiscuous."""
    if flag not in link.raw.get("flags", ()):
        return False
    return flag != "NOARP" or link.raw.get("link_type") == "ether"


def changed(data: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """What is otherwise than usual."""
    return {key: data[key] for key, value in usual.items() if key in data and data[key] != value}


def vlans(node: KernelNode) -> Iterator[Raw]:
    """The VLANs of each device, one a record, of bridges that heed them; without 1, which every port is in."""
    heeding = {link.name for link in node.links if link.data.get("vlan_filtering")}
    ports = {link.name for link in node.links if link.master in heeding} | heeding
    for record in node.vlans:
        for vlan in record.get("vlans", ()) if record.get("ifname") in ports else ():
            yield {"ifname": record["ifname"], **vlan}


def fdb(node: KernelNode) -> Iterator[Raw]:
    """The entries that somebody wrote: others are learned, or are the devices' own addresses and groups."""
    own = {link.mac for link in node.links} - {NOBODY}
    bridged = {link.name for link in node.links if link.kind == "vxlan" or link.master}
    for entry in node.fdb:
        written = entry.get("state") in ("permanent", "static") and entry.get("ifname") in bridged
        groups = OWN_FDB.match(entry["mac"]) and "dst" not in entry
        if written and not groups and entry["mac"] not in own:
            yield entry


def qdiscs(node: KernelNode) -> Iterator[Raw]:
    """The queues that somebody chose."""
    return (
        one
        for one in node.qdiscs
        if one["kind"] not in USUAL_QDISCS or ("parent" in one and one["handle"] != "0:")
    )
