"""What a transparent proxy takes: the mark and the table of TPROXY, and the IP versions that are given to it."""

from __future__ import annotations

from nsgen.language.routing import Nat
from nsgen.topology.model import Node, Topology
from nsgen.values import HOST

# A bit of its own: marks with a mask go beside it. Others leave it alone: Kubernetes has 0x4000 and 0x8000, Cilium
# 0x0f00, and Calico and Tailscale bits above 0xffff. The table has the same number, and is asked before all others.
MARK = TABLE = 0x2000
BACK, PRIORITY = 1, 2  # of the rule for ways back, and of the one for the table


def families(topology: Topology, node: Node, nat: Nat) -> tuple[int, ...]:
    """The IP versions of a `redirect` or `tproxy`: those of an address in it, else those of its device, else both."""
    named: set[int] = {address.version for address in nat.targets}
    named |= {one.version for one in (nat.from_, nat.to) if one is not None}
    return tuple(sorted(named or _of_device(topology, node, nat))) or (4, 6)


def _of_device(topology: Topology, node: Node, nat: Nat) -> set[int]:
    """The IP versions that a device has, as far as the topology says; of lo, those of all of the node's."""
    found: set[int] = set()
    for member in node.members:
        if nat.of_own or member.device == nat.in_:
            found |= {address.version for address in member.addresses}
    for interface in node.wired:
        if nat.of_own or interface.name == nat.in_:
            found |= {address.version for address in interface.addresses}
            found |= {6} if not interface.plain_ipv4 and found else set()
    for bridge in topology.bridges if node.name == HOST and not nat.of_own else ():
        if bridge.name == nat.in_:
            found |= set(bridge.versions())
    return found
