"""Makes the routers behind further uplinks of the host, :mod:`nsgen.proof.claims.beyond`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nsgen.proof.lab.machine import Machine
from nsgen.proof.lab.programs import run


def connect(machine: Machine, uplinks: Iterable[Mapping[str, str]]) -> None:
    """Make a node behind each card, once, and give both their addresses of each IP version."""
    made: set[str] = set()
    for uplink in uplinks:
        node, device, length = uplink["node"], uplink["device"], uplink["length"]
        if node not in made:
            made.add(node)
            file = machine.nodes / node
            file.touch()
            run("unshare", f"--net={file}", "true")
            machine.ip("host", f"link add {device} type veth peer name eth0 netns {file}")
            machine.inside("host", "sysctl", "-qw", f"net/ipv6/conf/{device}/accept_dad=0")
            # As a router asks who has an address, for others: by the one of the subnet.
            own = ("net/ipv6/conf/eth0/accept_dad=0", "net/ipv4/conf/eth0/arp_announce=2")
            machine.inside(node, "sysctl", "-qw", *own)
            machine.ip("host", f"link set {device} up")
            machine.ip(node, "link set lo up", "link set eth0 up")
        nodad = " nodad" if ":" in uplink["via"] else ""  # a source that is tentative is refused
        machine.ip("host", f"address add {uplink['host']}/{length} dev {device}{nodad}")
        machine.ip(
            node,
            f"address add {uplink['asks']} dev lo{nodad}",
            f"address add {uplink['via']}/{length} dev eth0 noprefixroute{nodad}",
            f"route add {uplink['subnet']} dev eth0 src {uplink['asks']}",
        )
