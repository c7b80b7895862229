"""Links, interfaces of every kind, policy rules and NAT, added to a topology; some of it this kernel cannot build."""

from __future__ import annotations

import random
from typing import Any

Data = dict[str, Any]
KINDS: tuple[Data, ...] = (
    {"type": "bridge", "ports": ["cable0"]},
    {
        "type": "bridge",
        "vlan_filtering": "true",
        "ports": {"cable0": {"untagged": "7", "hairpin": "true"}},
    },
    {"type": "dummy", "address": "10.251.0.1/32"},
    {"type": "vlan", "link": "cable0", "id": "77"},
    {"type": "vxlan", "id": "9", "remote": "10.250.0.2", "address": "10.251.1.1/24"},
    {"type": "vxlan", "id": "9", "peers": ["10.250.0.2"], "port": "8472"},
    {"type": "macvlan", "link": "wire2:cable0", "mode": "private"},
    {"type": "ipvlan", "link": "cable0", "mode": "l3"},
    {"type": "gre", "local": "10.250.0.1", "remote": "10.250.0.2", "key": "5"},
    {"type": "ipip", "local": "10.250.0.1", "remote": "10.250.0.2", "ttl": "64"},
    {"type": "sit", "local": "10.250.0.1", "remote": "10.250.0.2", "up": "false"},
    {"type": "bond", "ports": "cable0", "mode": "active-backup"},
    {"type": "vrf", "table": "1077", "ports": ["cable0"]},
    {"type": "physical"},
    {"type": "wireguard", "private_key_file": "/etc/wireguard/wire.key", "listen_port": "51820"},
)
IMPAIR = {"delay": "20ms", "jitter": "2ms", "loss": "0.1%", "rate": "10mbit"}


def wired(rng: random.Random, data: Data) -> Data:
    """Add two namespaces with a cable between them, or leave a topology as it is."""
    if rng.random() < 0.5:
        return data
    link: Data = {"endpoints": {"wire1:cable0": "10.250.0.1/30", "wire2:cable0": "10.250.0.2/30"}}
    if rng.random() < 0.3:
        link["impair"] = IMPAIR
    interfaces: Data = {"extra0": rng.choice(KINDS), "lo": {"address": "10.252.0.1/32"}}
    router: Data = {
        "forwarding": "true",
        "interfaces": interfaces,
        "rules": [{"from": "10.250.0.2", "table": "1078"}],
        "nat": [
            {"masquerade": "cable0"},
            {"dnat": "10.250.0.2:80", "port": "8099", "in": "cable0"},
        ],
        "networks": {"wirenet": {"impair": IMPAIR}},
    }
    for name in ("interfaces", "rules", "nat", "networks"):
        if rng.random() < 0.3:
            del router[name]
    host: Data = dict(data.get("host") or {})
    host["interfaces"] = {"wirebr": {"type": "bridge", "stp": "true"}}
    host["rules"] = [{"mark": "77", "table": "1077", "priority": "1077"}]
    host["nat"] = [{"snat": "192.0.2.77", "from": "10.250.0.0/30", "out": "eth0"}]
    namespaces = {**(data.get("namespaces") or {}), "wire1": router, "wire2": None}
    networks = {**(data.get("networks") or {}), "wirenet": None}
    found = {**data, "namespaces": namespaces, "networks": networks, "links": [link], "host": host}
    return {**found, "routing": "auto"} if rng.random() < 0.3 else found
