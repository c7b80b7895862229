"""What differs between two machines that are the same: by chance, by time, or because the kernel says it twice."""

from __future__ import annotations

import re

from nsgen.comparing.places import Names
from nsgen.proof.state import State

# Of `ip -j -d link`: of a kind of device, and of a port.
DATA = frozenset({
    "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "bridge_id", "root_id", "root_port",
    "root_path_cost", "topology_change", "topology_change_detected", "fdb_n_learned", "mcast_querier_ipv4_addr",
    "group_addr", "link", "peer_ifindex", "ad_info", "mii_status",
})  # fmt: skip
PORT = frozenset({
    "id", "no", "designated_port", "designated_cost", "designated_bridge", "designated_root", "hold_timer",
    "message_age_timer", "forward_delay_timer", "topology_change_ack", "config_pending", "state", "cost",
    "bridge_id", "root_id", "perm_hwaddr", "link_failure_count", "mii_status", "queue_id", "ad_aggregator_id",
})  # fmt: skip
PORT_DECIDES = frozenset(
    {"hairpin", "neigh_suppress", "flood", "learning", "mcast_flood", "bcast_flood"}
)
# Of parameters: counters, secrets, what follows from a device's MTU or from the size of the machine.
SYSCTL = re.compile(
    r"count$|fastopen_key$|stable_secret$|\.ns_last_pid$|ipv6/conf/[^/]+/mtu$|/addr_gen_mode$"
)
# Of `ip route`: what is said by other words, or at random.
ROUTE = frozenset({"dst", "gateway", "via", "dev", "prefsrc", "metric", "table", "type", "protocol", "scope", "flags",
                   "pref", "expires", "error", "nexthops", "cache", "age", "hoplimit"})  # fmt: skip


def known_macs(state: State, names: Names) -> dict[str, str]:
    """Whose a MAC address is, in words; nobody may have given it."""
    found = {}
    for node in state.nodes.values():
        for link in node.links:
            if link.mac:
                found[link.mac] = f"(that of {names.of(node.name, link.name)} in {node.name})"
    return found
