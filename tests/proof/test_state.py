"""What the kernel says of a machine: read in a machine of the test's own, and taken as records."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nsgen.proof.state import RANDOM, SET, State, StateError
from sandboxed import unshare

MADE = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/upper/netns/red /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
echo 'nameserver 192.0.2.1' >/etc/netns/red/resolv.conf
printf '\\377' >/etc/netns/red/binary
touch /run/netns/stale
ip netns add red; ip netns add blue
ip link add br0 address 02:00:00:00:00:01 type bridge
ip link add v0 type veth peer name eth0 netns red
ip link set v0 master br0 up
ip -n red link add x0 type veth peer name eth0 netns blue
ip -n red link add y0 type veth peer name y1
ip link add mv0 link br0 type macvlan; ip link set mv0 netns blue
ip link set br0 up; ip -n red link set eth0 up; ip -n red link set lo up
ip address add 10.0.0.1/24 dev br0
ip address add 10.0.0.9/24 dev br0 valid_lft 100 preferred_lft 100
ip -n red address add 10.0.0.2/24 dev eth0
ip -n red route add default via 10.0.0.1
ip -n red rule add from 10.0.0.2 table 100
ip -n red neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
ip netns exec red sysctl -qw net.ipv4.ip_forward=1
ip netns exec red iptables -A INPUT -j ACCEPT
iptables-legacy -A INPUT -j DROP 2>/dev/null || echo no-legacy >&2
ip netns exec red "$0" -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", 80)); u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::1", 53))
open("/run/ready", "w"); time.sleep(100)' &
until [ -e /run/ready ]; do sleep 0.05; done
"$0" -m nsgen.proof.lab.state
"""


@pytest.fixture(scope="module")
def state() -> State:
    """What is read of a machine with two namespaces."""
    command = [*unshare(), "sh", "-c", MADE, sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return State.load(done.stdout)


def test_ends_are_found_in_other_namespaces(state: State) -> None:
    """Both ends of a cable know each other, though indexes are the same in several namespaces."""
    peers = {
        f"{node.name} {link.name}": link.peer
        for node in state.nodes.values()
        for link in node.links
        if link.peer
    }
    assert peers == {
        "host v0": ("red", "eth0"), "red eth0": ("host", "v0"),
        "red x0": ("blue", "eth0"), "blue eth0": ("red", "x0"),
        "red y0": ("red", "y1"), "red y1": ("red", "y0"),
        "blue mv0": ("host", "br0"),
    }  # fmt: skip


def test_what_is_in_a_node(state: State) -> None:
    """Addresses, routes, rules, neighbours, parameters and rules of iptables are told of the node that has them."""
    host, red = state.nodes["host"], state.nodes["red"]
    assert list(state.nodes) == ["host", "blue", "red"]
    assert [(a.device, a.text, a.expires) for a in host.addresses if a.version == 4] == [
        ("br0", "10.0.0.1/24", False), ("br0", "10.0.0.9/24", True),
    ]  # fmt: skip
    assert [(r.to, r.via, r.device) for r in red.routes if r.table == "main" and r.via] == [
        ("default", "10.0.0.1", "eth0")
    ]
    assert [(r.priority, r.table) for r in red.rules if r.table == "100"] == [(32765, "100")]
    assert red.neighbours[0]["dst"] == "10.0.0.1"
    assert (red.sysctls["net/ipv4/ip_forward"], host.sysctls["net/ipv4/ip_forward"]) == ("1", "0")
    assert "-A INPUT -j ACCEPT" in red.iptables
    assert "-A INPUT -j ACCEPT" not in host.iptables


def test_a_mac_that_was_given_is_told_from_one_that_was_drawn(state: State) -> None:
    """The bridge's was given, those of the cable were drawn, in each namespace."""
    bridge, cable = state.nodes["host"].link("br0"), state.nodes["red"].link("eth0")
    assert bridge
    assert cable
    assert (bridge.assigned, cable.assigned) == (SET, RANDOM)


def test_who_runs_and_listens(state: State) -> None:
    """A process is told with its node and what it listens on; those of the host are not."""
    (process,) = state.processes
    assert (process.node, process.uid) == ("red", 0)
    assert process.listens == ("tcp 127.0.0.1:80", "udp [::1]:53")


def test_files_and_what_cannot_be_read(state: State) -> None:
    """Text files of /etc/netns are told, and a name under /run/netns that is no namespace is named."""
    assert state.files == {"/etc/netns/red/resolv.conf": "nameserver 192.0.2.1\n"}
    assert state.unreadable == {"stale": "Invalid argument"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": {"host": {}}}'])
def test_what_is_no_state(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(StateError, match="no state of a machine"):
        State.load(text)
