"""What a capture makes of a script's text and of its calls, without running anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsgen.capturing.faults import CaptureRequest
from nsgen.capturing.marks import MarkError, marked
from nsgen.capturing.script import built
from nsgen.capturing.spoken import spoken
from nsgen.cli.capture import MOST, answers
from nsgen.proof.lab import nodes
from nsgen.proof.lab.asuser import as_user
from nsgen.proof.lab.commands import effect, ip_words, is_exec
from nsgen.proof.lab.oldtools import TOOLS, UnknownFormError
from nsgen.proof.lab.standins import instead

TRANSLATED = {
    "brctl addbr br0": ["link add name br0 type bridge"],
    "brctl addif br0 eth1 eth2": ["link set eth1 master br0", "link set eth2 master br0"],
    "brctl delif br0 eth1": ["link set eth1 nomaster"],
    "brctl stp br0 on": ["link set br0 type bridge stp_state 1"],
    "brctl setfd br0 2": ["link set br0 type bridge forward_delay 200"],
    "brctl show": [],
    "ifconfig": [],
    "ifconfig eth0": [],
    "ifconfig eth0 10.0.0.1 netmask 255.255.0.0 broadcast 10.0.255.255 up": [
        "address add 10.0.0.1/16 dev eth0",
        "link set eth0 up",
    ],
    "ifconfig eth0 10.0.0.1": ["address add 10.0.0.1/8 dev eth0", "link set eth0 up"],
    "ifconfig eth0:1 192.168.1.1/24": ["address add 192.168.1.1/24 dev eth0", "link set eth0 up"],
    "ifconfig eth0 0.0.0.0 promisc": ["link set eth0 promisc on", "address flush dev eth0"],
    "ifconfig eth0 hw ether 02:00:00:00:00:01 mtu 1400 down": [
        "link set eth0 address 02:00:00:00:00:01",
        "link set eth0 mtu 1400",
        "link set eth0 down",
    ],
    "ifconfig eth0 inet6 add fd00::1/64": ["address add fd00::1/64 dev eth0"],
    "route -n": [],
    "route add default gw 10.0.0.1": ["route add default via 10.0.0.1"],
    "route add -net 10.1.0.0 netmask 255.255.0.0 gw 10.0.0.1 dev eth0": [
        "route add 10.1.0.0/16 via 10.0.0.1 dev eth0"
    ],
    "route add -net 0.0.0.0/0 eth0": ["route add default dev eth0"],
    "route add -host 10.1.0.1 metric 5 dev eth0": ["route add 10.1.0.1 dev eth0 metric 5"],
    "route add -net 10.1.0.0/16 reject": ["route add unreachable 10.1.0.0/16"],
    "route del default": ["route del default"],
    "route -A inet6 add fd00::/64 gw fe80::1 dev eth0": [
        "-6 route add fd00::/64 via fe80::1 dev eth0"
    ],
    "vconfig add eth0 7": ["link add link eth0 name eth0.7 type vlan id 7"],
}


@pytest.mark.parametrize("line", TRANSLATED)
def test_old_programs_in_words_of_ip(line: str) -> None:
    """What is asked of a program that is missing, in commands of ip(8)."""
    name, *words = line.split()
    assert [" ".join(command) for command in TOOLS[name](words)] == TRANSLATED[line]


@pytest.mark.parametrize("line", ["brctl sing", "route sing", "ifconfig eth0 sing"])
def test_a_form_that_is_not_known(line: str) -> None:
    """It is named, and not guessed."""
    name, *words = line.split()
    with pytest.raises(UnknownFormError, match=line):
        TOOLS[name](words)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("ip link add v0 type veth peer name v1", "builds"),
        ("ip l set v0 up", "builds"),
        ("ip link set v0 down", "removes"),
        ("ip -n red a add 10.0.0.1/24 dev v0", "builds"),
        ("ip netns del red", "removes"),
        ("ip -all netns delete", "removes"),
        ("ip netns exec red ip link add v0 type dummy", "other"),
        ("ip netns list", "asks"),
        ("ip netns", "asks"),
        ("ip -br a", "asks"),
        ("ip route flush table 7", "removes"),
        ("ip -batch file", "builds"),
        ("/usr/sbin/iptables -t nat -A POSTROUTING -j MASQUERADE", "builds"),
        ("iptables -t nat -L -n", "asks"),
        ("iptables -F", "removes"),
        ("iptables -P FORWARD DROP", "builds"),
        ("sysctl -w net.ipv4.ip_forward=1", "builds"),
        ("sysctl net.ipv4.ip_forward", "asks"),
        ("tc qdisc add dev v0 root netem delay 1ms", "builds"),
        ("bridge vlan show", "asks"),
        ("brctl delbr br0", "removes"),
        ("route add default gw 10.0.0.1", "builds"),
        ("ifconfig v0", "asks"),
        ("nft delete table ip x", "removes"),
        ("echo hello", "other"),
    ],
)
def test_what_a_command_does(line: str, what: str) -> None:
    """It builds, it removes, it asks, or it is another one."""
    assert effect(line.split()) == what


def test_words_of_ip() -> None:
    """Options of ip(8) are told from what it is asked."""
    assert ip_words(["ip", "-br", "-n", "red", "link", "show"]) == ("red", ["link", "show"])
    assert is_exec(["ip", "netns", "exec", "red", "true"])
    assert not is_exec(["ip", "netns", "add", "exec"])


@pytest.mark.parametrize(
    ("line", "words", "user"),
    [
        ("sudo -E ip link", "ip link", "root"),
        ("sudo -u nobody -- sleep 1", "sleep 1", "nobody"),
        ("sudo PATH=/bin env", "env", "root"),
        ("sudo -i", "sh", "root"),
        ("su nobody -c true", "sh -c true", "nobody"),
        ("su -c true", "sh -c true", "root"),
        ("runuser -u nobody -- true", "true", "nobody"),
    ],
)
def test_as_whom(line: str, words: str, user: str) -> None:
    """What sudo and its like run, and as whom."""
    name, *rest = line.split()
    found = as_user(name, rest)
    assert (" ".join(found.words), found.user) == (words, user)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("tmux new-session -d -s lab 'x'", "sh -c 'x'"),
        ("tmux new -ds lab ip netns exec red top", "ip netns exec red top"),
        ("tmux send-keys -t lab ls", ""),
        ("screen -dmS lab top -b", "top -b"),
        ("screen -r lab", ""),
        ("xterm -T title -e top -b", "top -b"),
        ("gnome-terminal -- top -b", "top -b"),
    ],
)
def test_windows(line: str, command: str) -> None:
    """What a window was to show runs by itself."""
    name, *rest = line.split()
    found = instead(name, rest, there=True)
    assert found is not None
    assert " ".join(found.run) == command
    assert found.background == bool(command)


def test_a_ping_is_bounded() -> None:
    """It asks once, and waits a second."""
    found = instead("ping", ["-c", "5", "-i0.2", "-I", "eth0", "10.0.0.1"], there=True)
    assert found is not None
    assert " ".join(found.run) == "ping -c 1 -W 1 -i0.2 -I eth0 10.0.0.1"


def test_what_a_script_speaks_of() -> None:
    """Cards that it does not make, and who is elsewhere."""
    found = spoken("""\
WAN=enp0s3
# eth7 is nothing
ip link add veth0 type veth peer name eth1
ip link add br-eth2 type bridge
ip netns exec red ip link set eth3 up
iptables -t nat -A POSTROUTING -o $WAN -j MASQUERADE
iptables -A FORWARD -i wlan0 -j ACCEPT
ping -c 1 8.8.8.8; ping www.example.org; ip addr add 10.0.0.1/24 dev veth0; curl http://10.0.0.2/index.com
""")
    assert found.cards == ("enp0s3", "wlan0")
    assert [str(one) for one in found.public] == ["8.8.8.8"]
    assert found.names == ("www.example.org",)


def test_names_that_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A namespace that is called as something else in a topology is another node, and found by its own name."""
    monkeypatch.setattr(nodes, "SCRIPT_NAMESPACES", tmp_path)
    assert [nodes.node_of(name) for name in ("host", "red", "ns-red")] == [
        "ns-host",
        "red",
        "ns-red",
    ]
    assert [nodes.namespace_of(node) for node in ("ns-host", "ns-red")] == ["host", "ns-red"]
    (tmp_path / "ns-host").touch()
    assert nodes.namespace_of("ns-host") == "ns-host"


def test_what_it_is_given_to_read() -> None:
    """It is what a pipe has at once; an open one that has nothing is not waited for, and there may be no end."""
    reader, writer = os.pipe()
    assert answers(reader) == b""
    os.write(writer, b"yes\nno")
    assert answers(reader) == b"yes\nno\n"
    os.write(writer, b"y" * (MOST + 1))
    assert len(answers(reader)) == MOST + 1
    os.close(writer)
    assert answers(reader) == b"y\n"
    os.close(reader)
    assert answers(reader) == b""


@pytest.mark.parametrize("name", ["Makefile", "lab.mk", "lab.service"])
def test_what_is_no_script(name: str) -> None:
    """A shell would run half of it, so it is refused."""
    with pytest.raises(MarkError, match="it is for"):
        built(CaptureRequest("", name, name, "."))


def test_marks() -> None:
    """A line, or a comment, becomes a command; no line is added."""
    script = "#!/bin/sh\nip a\n  # nsgen: capture\n  ip b\n"
    assert marked(script, None) == ("#!/bin/sh\nip a\nnsgen-mark\n  ip b\n", 3)
    assert marked(script, 4) == ("#!/bin/sh\nip a\n  # nsgen: capture\n  nsgen-mark; ip b\n", 4)
    assert marked("ip a\n", None) == ("ip a\n", 0)
    for text, line, said in (
        (script, 5, "there is no line 5: the script has 4"),
        (script, 1, "line 1 says what runs the script"),
        ("#!/usr/bin/perl\n1;\n", 2, "in a script of a shell alone"),
    ):
        with pytest.raises(MarkError, match=said):
            marked(text, line)
