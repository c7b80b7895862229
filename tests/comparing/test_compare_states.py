"""What of two states is a difference, and what is left out: on small documents, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from machines import address, link, machine, node
from nsgen.comparing import compare
from nsgen.topology.names import derived_mac

VETH = {"peer": ["red", "eth0"]}
TABLE = "*{}\n:{} ACCEPT [0:0]\n{}\nCOMMIT\n"


def lines(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """How two hosts differ."""
    return list(compare(machine(host=a), machine(host=b)).lines())


def pair(host: str, inside: str, **more: Any) -> dict[str, Any]:
    """A host and red, with a cable between them."""
    return {
        "host": node(link(host, "veth", peer=["red", inside], **more)),
        "red": node(link(inside, "veth", peer=["host", host])),
    }


def route(to: str, **more: Any) -> dict[str, Any]:
    """The routes of a node with one."""
    one = {"dst": to, "gateway": "10.0.0.1", "dev": "eth0", "flags": [], **more}
    return {"routes": {"4": [one], "6": []}}


DIFFERENCES = [
    (node(), node(link("br0", "bridge", mtu=1400)), ["+ host: link br0 type bridge up mtu 1400"]),
    (node(link("a")), node(link("a", mtu=1400)), ["- host: dev a mtu 1500", "+ host: dev a mtu 1400"]),
    (node(link("a")), node(link("a", flags=[])), ["- host: dev a up", "+ host: dev a down"]),
    (
        node(link("a", master="br0")), node(link("a")),
        ["- host: dev a master br0", "+ host: dev a nomaster"],
    ),
    (
        node(link("a", address="02:00:00:00:00:01", addr_assign_type=3)), node(link("a")),
        ["- host: dev a address 02:00:00:00:00:01"],
    ),
    (
        node(link("v", linkinfo={"info_kind": "vlan", "info_data": {"id": 5}})),
        node(link("v", linkinfo={"info_kind": "vlan", "info_data": {"id": 6}})),
        ["- host: dev v id 5", "+ host: dev v id 6"],
    ),
    (
        node(link("a"), addresses=[address("a", "10.0.0.2/24")]),
        node(link("a"), addresses=[address("a", "10.0.0.2/16")]),
        ["- host: 10.0.0.2/24 dev a", "+ host: 10.0.0.2/16 dev a"],
    ),
    (
        node(**route("default", protocol="boot")), node(**route("default", metric=5)),
        ["- host: route default via 10.0.0.1 dev eth0", "+ host: route default via 10.0.0.1 dev eth0 metric 5"],
    ),
    (
        node(rules={"4": [{"priority": 9, "src": "10.0.0.0", "srclen": 24, "table": "7"}], "6": []}), node(),
        ["- host: rule priority 9 from 10.0.0.0/24 lookup 7"],
    ),
    (
        node(neighbours=[{"dst": "10.0.0.9", "dev": "a", "lladdr": "02:00:00:00:00:09"}]), node(),
        ["- host: neighbour 10.0.0.9 dev a lladdr 02:00:00:00:00:09"],
    ),
    (
        node(fdb=[{"mac": "00:00:00:00:00:00", "ifname": "vx", "dst": "10.9.0.1", "flags": ["self"]}]), node(),
        ["- host: fdb 00:00:00:00:00:00 dev vx dst 10.9.0.1"],
    ),
    (
        node(qdiscs=[{"kind": "tbf", "handle": "8001:", "dev": "a", "options": {"rate": 125000}}]), node(),
        ["- host: qdisc tbf dev a 125000"],
    ),
    (
        node(sysctls={"net/ipv4/tcp_keepalive_time": "60"}), node(sysctls={"net/ipv4/tcp_keepalive_time": "7200"}),
        ["- host: sysctl net.ipv4.tcp_keepalive_time = 60", "+ host: sysctl net.ipv4.tcp_keepalive_time = 7200"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "told"), DIFFERENCES)
def test_what_differs_is_told(a: dict[str, Any], b: dict[str, Any], told: list[str]) -> None:
    """As lines in the words of ip(8), with the node before them; the other way round, with the other mark."""
    assert lines(a, b) == told
    marks = {"-": "+", "+": "-"}
    assert sorted(lines(b, a)) == sorted(marks[one[0]] + one[1:] for one in told)
    assert not compare(machine(host=a), machine(host=b)).same
    assert lines(a, a) == []


ALIKE = [
    (node(link("a", ifindex=7)), node(link("a", ifindex=9))),
    (node(link("a", ifalias="nsgen:lab")), node(link("a"))),
    (
        node(link("a", address="6e:00:00:00:00:01", addr_assign_type=1)),
        node(link("a", address="6e:00:00:00:00:02", addr_assign_type=1)),
    ),
    (
        node(link("br0", ifalias="nsgen:lab", address=derived_mac("lab/br0"), addr_assign_type=3)),
        node(link("br0", address="6e:00:00:00:00:02", addr_assign_type=1)),
    ),
    (node(**route("10.0.0.0/24", protocol="kernel")), node()),
    (node(**route("default", protocol="static")), node(**route("default", protocol="boot"))),
    (node(rules={"4": [{"priority": 32766, "src": "all", "table": "main"}], "6": []}), node()),
    (node(qdiscs=[{"kind": "noqueue", "handle": "0:", "dev": "a"}]), node()),
    (node(sysctls={"net/netfilter/nf_conntrack_count": "1"}), node(sysctls={"net/netfilter/nf_conntrack_count": "5"})),
    (
        node(link("lo"), addresses=[address("lo", "127.0.0.1/8", scope="host")]),
        node(link("lo")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), ALIKE)
def test_what_is_so_by_chance_is_no_difference(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Indexes, our aliases, MAC addresses that nobody gave, what follows from something else, and counters."""
    found = compare(machine(host=a), machine(host=b))
    assert found.same
    assert list(found.remarks()) == []


def test_a_cable_is_matched_by_its_ends() -> None:
    """Its two ends are called otherwise, and so are they in a rule: it is told once, and is no difference."""
    first, second = pair("v1", "eth0", mtu=1400), pair("w1", "net0", mtu=1400)
    first["host"]["iptables"] = TABLE.format("filter", "FORWARD", "-A FORWARD -i v1 -j DROP")
    second["host"]["iptables"] = TABLE.format("filter", "FORWARD", "-A FORWARD -i w1 -j DROP")
    first["host"]["sysctls"] = {"net/ipv4/neigh/v1/retrans_time_ms": "7"}
    second["host"]["sysctls"] = {"net/ipv4/neigh/w1/retrans_time_ms": "7"}
    found = compare(machine(**first), machine(**second))
    assert found.same
    assert list(found.remarks()) == ["host: w1 of B is v1 of A", "red: net0 of B is eth0 of A"]
    second["host"]["links"][0]["mtu"] = 1500
    assert list(compare(machine(**first), machine(**second)).lines()) == [
        *("- host: dev v1 mtu 1400", "+ host: dev v1 mtu 1500")
    ]


def test_ports_of_a_bridge_are_matched_by_who_is_behind_them() -> None:
    """Two bridges of other names, each with a port of another name: by its address, and by the port's other end."""

    def host(bridge: str, port: str) -> dict[str, Any]:
        port_link = link(port, "veth", peer=["red", "eth0"], master=bridge)
        return {
            "host": node(
                link(bridge, "bridge"), port_link, addresses=[address(bridge, "10.0.0.1/24")]
            ),
            "red": node(link("eth0", "veth", peer=["host", port])),
        }

    found = compare(machine(**host("br0", "p1")), machine(**host("lan", "q1")))
    assert found.same
    assert list(found.remarks()) == ["host: lan of B is br0 of A", "host: q1 of B is p1 of A"]


def test_cables_to_different_namespaces_are_not_the_same() -> None:
    """What leads elsewhere is another cable, and both are told."""
    a = machine(
        host=node(link("v1", "veth", peer=["red", "e"])),
        red=node(link("e", "veth", peer=["host", "v1"])),
        blue=node(),
    )
    b = machine(
        host=node(link("v1", "veth", peer=["blue", "e"])),
        red=node(),
        blue=node(link("e", "veth", peer=["host", "v1"])),
    )
    assert list(compare(a, b).lines()) == [
        "- host: link v1 type veth peer e in red",
        "+ host: link v1 type veth peer e in blue",
        "- red: link e type veth peer v1 in host up",
        "+ blue: link e type veth peer v1 in host up",
    ]


def test_the_way_out_may_have_another_name() -> None:
    """It is the surroundings' own, and named as a script names it."""
    a = machine(
        host=node(
            link("eth0"),
            iptables=TABLE.format("nat", "POSTROUTING", "-A POSTROUTING -o eth0 -j MASQUERADE"),
        )
    )
    b = machine(
        host=node(
            link("ens3"),
            iptables=TABLE.format("nat", "POSTROUTING", "-A POSTROUTING -o ens3 -j MASQUERADE"),
        ),
        uplink="ens3",
    )
    found = compare(a, b)
    assert found.same
    assert list(found.remarks()) == []


def test_a_namespace_is_told_with_what_is_in_it() -> None:
    """But not each of its parameters."""
    red = node(
        link("lo"),
        link("a", "dummy"),
        addresses=[address("a", "10.0.0.2/24")],
        sysctls={"net/ipv4/x": "1"},
    )
    assert list(compare(machine(host=node()), machine(host=node(), red=red)).lines()) == [
        "+ red: namespace red",
        "+ red: link a type dummy up",
        "+ red: 10.0.0.2/24 dev a",
    ]


def test_rules_are_a_difference_where_packets_say_so() -> None:
    """Else they are a note; the names of our chains, comments and counters are neither."""
    own = "-A INPUT -m comment --comment nsgen:lab -j NSGEN-lab-IN\n-A NSGEN-lab-IN -s 10.0.0.0/8 -j DROP"
    other = "-A INPUT -j NSGEN-x-IN\n-A NSGEN-x-IN -s 10.0.0.0/8 -j {}"
    asked = ("outside~", "172.16.1.4", 22, "tcp")

    def host(rules: str, verdict: str) -> Any:
        return machine({asked: verdict}, host=node(iptables=TABLE.format("filter", "INPUT", rules)))

    a, alike = host(own, "refused"), host(other.format("DROP"), "refused")
    assert (compare(a, alike).same, list(compare(a, alike).remarks())) == (True, [])
    quiet = compare(a, host(other.format("REJECT"), "refused"))
    assert quiet.same
    assert list(quiet.remarks()) == [
        "of what decides about packets, this differs, though all that was asked is answered alike:",
        "  - host: iptables -t filter -A NSGEN-IN -s 10.0.0.0/8 -j DROP",
        "  + host: iptables -t filter -A NSGEN-IN -s 10.0.0.0/8 -j REJECT",
    ]
    loud = compare(a, host(other.format("ACCEPT"), "ok host 172.16.1.5"))
    assert not loud.same
    assert list(loud.remarks())[:2] == [
        "of what decides about packets, this differs:",
        "  - host: iptables -t filter -A NSGEN-IN -s 10.0.0.0/8 -j DROP",
    ]


def test_the_order_of_rules_is_told() -> None:
    """Where packets say the same, as a note."""
    first = TABLE.format("filter", "INPUT", "-A INPUT -s 10.0.0.1/32 -j DROP\n-A INPUT -j ACCEPT")
    second = TABLE.format("filter", "INPUT", "-A INPUT -j ACCEPT\n-A INPUT -s 10.0.0.1/32 -j DROP")
    found = compare(machine(host=node(iptables=first)), machine(host=node(iptables=second)))
    assert list(found.remarks()) == [
        "host: the rules of iptables -t filter INPUT are in another order"
    ]


def test_files_and_processes_are_compared() -> None:
    """Line by line, but for comments; and by what is run and listened for, wherever the program is installed."""
    server = {"user": "root", "uid": 0, "cwd": "/", "pid": 5, "listens": ["tcp 0.0.0.0:80"]}
    a = machine(
        files={"/etc/netns/red/resolv.conf": "# ours\nnameserver 10.0.0.1\n"},
        processes=({"node": "red", "argv": ["/usr/bin/python3", "-m", "http.server"], **server},),
        host=node(), red=node(),
    )  # fmt: skip
    b = machine(
        files={"/etc/netns/red/resolv.conf": "nameserver 10.0.0.2\n"},
        processes=({"node": "red", "argv": ["python3", "-m", "http.server"], **server},),
        host=node(), red=node(),
    )  # fmt: skip
    assert list(compare(a, b).lines()) == [
        "- red: /etc/netns/red/resolv.conf: nameserver 10.0.0.1",
        "+ red: /etc/netns/red/resolv.conf: nameserver 10.0.0.2",
    ]
    assert "- red: process python3 -m http.server, listens on tcp 0.0.0.0:80" in list(
        compare(a, machine(host=node(), red=node())).lines()
    )
