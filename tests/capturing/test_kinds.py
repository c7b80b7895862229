"""What a kernel may have and that of the tests has not: records as ip(8), bridge(8), tc(8) and wg(8) print them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nsgen.capturing.topology import Captured, capture
from nsgen.proof.state import SET, State

EMPTY: dict[str, Any] = {
    "addresses": [], "routes": {"4": [], "6": []}, "rules": {"4": [], "6": []}, "neighbours": [],
    "proxies": [], "vlans": [], "fdb": [], "qdiscs": [], "classes": [], "filters": [],
    "iptables": "", "ip6tables": "", "legacy": "", "nft": "", "wireguard": "", "sysctls": {"net/ipv4/ip_forward": "0"},
}  # fmt: skip
LO = {"ifname": "lo", "ifindex": 1, "flags": ["UP"], "mtu": 65536}


def link(name: str, kind: str, data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A device that is up."""
    info = {"info_kind": kind, "info_data": data or {}, **more.pop("info", {})}
    usual = {"ifname": name, "ifindex": hash(name) % 1000 + 2, "flags": ["UP"], "mtu": 1500}
    return {**usual, "linkinfo": info, **more}


def state(**nodes: dict[str, Any]) -> State:
    """A machine with these nodes; `lo` and a host are there anyway."""
    whole = {
        name: {**EMPTY, **node, "links": [LO, *node.get("links", [])]}
        for name, node in {"host": {}, **nodes}.items()
    }
    return State.load(json.dumps({"nodes": whole, "files": {}, "processes": []}))


NOTHING = state(**{"empty~": {}})


def lab(*links: dict[str, Any], **node: Any) -> Captured:
    """The topology of a namespace with these devices."""
    return capture(state(lab={"links": list(links), **node}), NOTHING, "kinds")


ETH = link("eth0", "dummy")
GRE = {"local": "10.0.0.1", "remote": "10.0.0.2", "ttl": 64, "ikey": "0.0.0.5", "okey": "0.0.0.5"}
MAC = "02:00:00:00:00:01"
GROUP = {"id": 9, "group": "239.1.1.1", "link": "eth0", "port": 4789}
KINDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "dummy": ([link("d0", "dummy", addr_assign_type=SET, address=MAC)], {"mac": MAC}),
    "vlan": (
        [ETH, link("d0", "vlan", {"protocol": "802.1Q", "id": 7}, link="eth0")],
        {"link": "eth0", "id": 7},
    ),
    "vxlan": (
        [link("d0", "vxlan", GROUP), ETH],
        {"id": 9, "group": "239.1.1.1", "link": "eth0", "mtu": 1500},
    ),
    "macvlan": (
        [ETH, link("d0", "macvlan", {"mode": "vepa"}, link="eth0")],
        {"link": "eth0", "mode": "vepa"},
    ),
    "ipvlan": (
        [ETH, link("d0", "ipvlan", {"mode": "l3"}, link="eth0")],
        {"link": "eth0", "mode": "l3"},
    ),
    "gre": (
        [link("d0", "gre", GRE, mtu=1472)],
        {"local": "10.0.0.1", "remote": "10.0.0.2", "ttl": 64, "key": 5},
    ),
    "ipip": (
        [link("d0", "ipip", {"remote": "10.0.0.2", "local": "any"}, mtu=1480)],
        {"remote": "10.0.0.2"},
    ),
    "bond": (
        [link("d0", "bond", {"mode": "active-backup"}), link("eth1", "dummy", master="d0")],
        {"ports": ["eth1"], "mode": "active-backup"},
    ),
    "vrf": (
        [link("d0", "vrf", {"table": 100}, mtu=65575), link("eth1", "dummy", master="d0")],
        {"table": 100, "ports": ["eth1"]},
    ),
    "tap": ([link("d0", "tun", {"type": "tap", "user": "nobody"})], {"user": "nobody"}),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    """Each kind is written with what is otherwise than by default, and nothing of it is left."""
    links, wanted = KINDS[name]
    found = lab(*links)
    assert found.topology["namespaces"]["lab"]["interfaces"]["d0"] == {"type": name, **wanted}
    assert not found.notes.unsaid
    assert not found.notes.by_exec


def test_vlans_of_ports() -> None:
    """The VLANs of the ports of a bridge that heeds them are written at the ports."""
    bridge = link("br0", "bridge", {"vlan_filtering": 1, "vlan_default_pvid": 0})
    port = link("eth1", "dummy", master="br0")
    vlans = [{"vlan": 10, "flags": ["PVID", "Egress Untagged"]}, {"vlan": 20, "vlanEnd": 21}]
    found = lab(bridge, port, vlans=[{"ifname": "eth1", "vlans": vlans}])
    assert found.topology["namespaces"]["lab"]["interfaces"]["br0"] == {
        "type": "bridge",
        "ports": {"eth1": {"untagged": 10, "tagged": [20, 21]}},
        "vlan_filtering": True,
    }
    assert not found.notes.unsaid


def test_wireguard() -> None:
    """A tunnel is written with its peers; its key is not read, which is told."""
    text = (
        "# wg0\n[Interface]\nListenPort = 51820\n\n[Peer]\nPublicKey = AAAA\n"
        "AllowedIPs = 10.8.0.2/32, 10.9.0.0/24\nEndpoint = 192.0.2.2:51820\nPersistentKeepalive = 25\n"
    )
    found = lab(link("wg0", "wireguard", mtu=1420), wireguard=text)
    assert found.topology["namespaces"]["lab"]["interfaces"]["wg0"] == {
        "type": "wireguard", "private_key_file": "/etc/wireguard/kinds-wg0.key", "listen_port": 51820,
        "peers": [{
            "public_key": "AAAA", "allowed_ips": ["10.8.0.2/32", "10.9.0.0/24"],
            "endpoint": "192.0.2.2:51820", "persistent_keepalive": 25,
        }],
    }  # fmt: skip
    assert any("is not read" in text for text in found.notes.told)


NETEM = {
    "kind": "netem", "handle": "8001:", "dev": "eth0", "root": True,
    "options": {"limit": 1000, "delay": {"delay": 0.02, "jitter": 0.001}, "loss-random": {"loss": 0.01},
                "rate": {"rate": 1250000}},
}  # fmt: skip


def test_netem() -> None:
    """What netem does to a device is `impair`."""
    found = lab(ETH, qdiscs=[NETEM])
    assert found.topology["namespaces"]["lab"]["interfaces"]["eth0"]["impair"] == {
        "delay": "20ms", "jitter": "1ms", "loss": "1%", "rate": "10mbit",
    }  # fmt: skip
    assert found.compiled.topology is not None


PRIO = {
    "kind": "prio",
    "handle": "1:",
    "dev": "eth0",
    "root": True,
    "options": {"bands": 2, "priomap": [1, 0]},
}
BELOW = {"kind": "pfifo", "handle": "2:", "dev": "eth0", "parent": "1:2", "options": {"limit": 9}}
SFQ = {"kind": "sfq", "handle": "3:", "dev": "eth0", "parent": "1:1", "options": {"limit": 127}}
FILTER = {
    "dev": "eth0",
    "at": "parent 1:",
    "protocol": "ip",
    "pref": 5,
    "kind": "matchall",
    "chain": 0,
}
DROP = {"order": 1, "kind": "gact", "control_action": {"type": "drop"}, "index": 1, "ref": 1, "bind": 1,
        "prob": {"random_type": "none", "control_action": {"type": "pass"}, "val": 0}}  # fmt: skip
POLICE = {
    "order": 1,
    "kind": "police",
    "index": 1,
    "control_action": {"type": "drop"},
    "rate": 125000,
}


def test_queues() -> None:
    """Queues and filters are commands, with what undoes them; of one preference all go at once; others are not said."""
    options = ({"handle": 1, "actions": [DROP]}, {"flowid": "1:2"}, {"actions": [POLICE]})
    found = lab(
        ETH, qdiscs=[PRIO, BELOW, SFQ], filters=[{**FILTER, "options": one} for one in options]
    )
    entries = found.topology["namespaces"]["lab"]["exec"]
    assert [(" ".join(one["up"]), " ".join(one.get("down", ()))) for one in entries] == [
        (
            "tc qdisc replace dev eth0 root handle 1: prio bands 2 priomap 1 0",
            "tc qdisc del dev eth0 root",
        ),
        (
            "tc qdisc replace dev eth0 parent 1:2 handle 2: pfifo limit 9",
            "tc qdisc del dev eth0 parent 1:2",
        ),
        (
            "tc filter add dev eth0 parent 1: protocol ip pref 5 matchall action drop",
            "tc filter del dev eth0 parent 1: protocol ip pref 5",
        ),
        ("tc filter add dev eth0 parent 1: protocol ip pref 5 matchall flowid 1:2", ""),
    ]
    assert [one.kind for one in found.notes.unsaid] == ["qdisc", "filter"]
    assert found.compiled.topology is not None


def test_a_queue_in_bytes() -> None:
    """As `tc -j` tells one."""
    queue = {"kind": "bfifo", "handle": "1:", "dev": "eth0", "root": True, "refcnt": 3}
    found = lab(ETH, qdiscs=[{**queue, "options": {"limit": 9000}}])
    (entry,) = found.topology["namespaces"]["lab"]["exec"]
    assert " ".join(entry["up"]) == "tc qdisc replace dev eth0 root handle 1: bfifo limit 9000"


def test_how_an_address_is_made() -> None:
    """Of a MAC address it is usual, and not at all where there is no IPv6; another way is a parameter."""
    key = "net/ipv6/conf/{}/addr_gen_mode"
    devices = [link(f"eth{mode}", "dummy") for mode in (0, 1, 3)]
    modes = {key.format(one["ifname"]): one["ifname"][-1] for one in devices}
    before = state(**{"empty~": {"sysctls": {key.format("default"): "0"}}})
    found = capture(state(lab={"links": devices, "sysctls": modes}), before, "kinds")
    own = found.topology["namespaces"]["lab"]["sysctls"]
    assert own == {"net.ipv6.conf.eth3.addr_gen_mode": "3"}


@pytest.mark.parametrize(
    ("kind", "node"),
    [
        ("link", {"links": [link("g0", "geneve", {"id": 1})]}),
        ("nft", {"nft": "table inet own {\n\tchain c {\n\t}\n}"}),
        ("legacy", {"legacy": "# iptables\n*filter\n-A INPUT -j DROP\nCOMMIT\n"}),
        ("rule IPv4", {"rules": {"4": [{"priority": 9, "src": "all", "goto": 10}], "6": []}}),
        ("route", {"routes": {"4": [{"dst": "10.0.0.0/8", "dev": "eth0", "tos": "0x10"}], "6": []}}),
        ("fdb", {"fdb": [{"mac": "02:00:00:00:00:09", "ifname": "eth1", "master": "b", "state": "static"}],
                 "links": [link("b", "bridge"), link("eth1", "dummy", master="b")]}),
    ],
)  # fmt: skip
def test_nothing_is_silent(kind: str, node: dict[str, Any]) -> None:
    """What has no word is told: that it is made by a command, or that it is not said, and why."""
    notes = capture(state(lab={"links": [ETH], **node}), NOTHING, "kinds").notes
    told = [one.kind for one in (*notes.by_exec, *notes.unsaid)]
    assert kind in told
    assert any(kind in line for line in notes.shown())
    assert set(notes.elements) == {*notes.said, *notes.by_exec, *notes.unsaid}


def test_commands_of_rules() -> None:
    """Rules of the older backend and tables of nftables are made by their own programs, and taken away again."""
    found = lab(
        ETH, nft="table inet own {\n}", legacy="# ip6tables\n*nat\n-A POSTROUTING -j ACCEPT\n"
    )
    assert found.topology["namespaces"]["lab"]["exec"] == [
        {
            "up": ["ip6tables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING", "-j", "ACCEPT"],
            "down": ["ip6tables-legacy", "-w", "-t", "nat", "-D", "POSTROUTING", "-j", "ACCEPT"],
        },
        {"up": ["nft", "table inet own {\n}"], "down": ["nft", "delete table inet own"]},
    ]
    assert found.compiled.topology is not None


def test_services() -> None:
    """A program is a service, as who runs it runs it: by runuser(1), again, or by itself; a child goes with it."""
    runuser = ["runuser", "-u", "nobody", "--", "web", "80"]
    again = "again /run/nsgen/x/lab.web on-failure 'env' '-C' '/srv' 'A=1' 'web' '81'"
    processes = [
        {"argv": runuser, "pid": 5, "ppid": 1, "cwd": "/"},
        {"argv": ["web", "80"], "pid": 6, "ppid": 5, "cwd": "/usr/share/doc"},
        {"argv": ["bash", "-c", again], "pid": 7, "ppid": 1, "cwd": "/root"},
        {"argv": ["/usr/bin/db"], "pid": 8, "ppid": 1, "cwd": "/", "uid": 7, "user": "lp"},
    ]
    usual = {"node": "lab", "user": "root", "uid": 0, "listens": []}
    raw = {"host": EMPTY | {"links": [LO]}, "lab": EMPTY | {"links": [LO, ETH]}}
    document = {"nodes": raw, "files": {}, "processes": [usual | one for one in processes]}
    found = capture(State.load(json.dumps(document)), NOTHING, "kinds")
    assert found.topology["namespaces"]["lab"]["services"] == {
        "web": {"command": ["web", "80"], "user": "nobody", "directory": "/usr/share/doc"},
        "web-2": {
            "command": ["web", "81"],
            "restart": "on-failure",
            "environment": {"A": "1"},
            "directory": "/srv",
        },
        "db": {"command": ["/usr/bin/db"], "user": "lp"},
    }
    assert len(found.notes.said) == len(found.notes.elements)


def test_rules_of_nsgen_that_nothing_brings() -> None:
    """A rule in a chain of nsgen's own counts as said only if the topology, as it is written, brings it."""
    strange = "-A NSGEN-x-SNAT -m mark --mark 0x1 -j MASQUERADE"
    usual = "-A NSGEN-x-SNAT -o eth0 -j MASQUERADE"
    text = (
        f'*nat\n:NSGEN-x-SNAT - [0:0]\n-A POSTROUTING -m comment --comment "nsgen:x" -j NSGEN-x-SNAT\n'
        f"{strange}\n{usual}\nCOMMIT\n"
    )
    address = {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "scope": "global"}
    found = lab(
        ETH, iptables=text, addresses=[{"ifname": "eth0", "addr_info": [address]}],
        sysctls={"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"},
    )  # fmt: skip
    assert found.topology["namespaces"]["lab"]["nat"] == [{"masquerade": "eth0"}]
    assert [one.text for one in found.notes.unsaid] == [f"-t nat {strange}"]
