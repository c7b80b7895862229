"""Kernel parameters of a node, by the names that the other machine has for its devices."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nsgen.comparing.places import Names
from nsgen.comparing.volatile import SYSCTL
from nsgen.proof.state import KernelNode

# Those of one device.
OF_DEVICE = re.compile(r"(net/ipv[46]/(?:conf|neigh)|net/mpls/conf)/(.+)/([^/]+)")
EVERY = ("all", "default")
# Those that say where packets go, or who may do what a packet then shows; all of it was asked.
DECIDES = re.compile(
    r"net/ipv4/ip_forward|net/bridge/.*|net/ipv4/ip_unprivileged_port_start"
    r"|net/ipv[46]/conf/.*/(forwarding|mc_forwarding|rp_filter|route_localnet|accept_local|accept_ra\w*|autoconf"
    r"|accept_redirects|secure_redirects|shared_media|send_redirects|accept_source_route|disable_ipv6|addr_gen_mode"
    r"|accept_dad|dad_transmits|use_tempaddr|proxy_arp|proxy_arp_pvlan|proxy_ndp|arp_\w+|src_valid_mark)"
)


def parameters(node: KernelNode, names: Names) -> Iterator[tuple[str, str, bool]]:
    """Each parameter: the device that it is of, the line, and whether it decides about packets alone."""
    devices = {link.name for link in node.links}
    for key, value in node.sysctls.items():
        if SYSCTL.search(key):
            continue
        device, name = "", key
        found = OF_DEVICE.fullmatch(key)
        if found and found[2] not in EVERY and found[2] in devices:
            device = names.of(node.name, found[2])
            name = f"{found[1]}/{device}/{found[3]}"
        yield (
            ("" if device == "lo" else device),
            f"sysctl {_shown(name)} = {value}",
            bool(DECIDES.fullmatch(name)),
        )


def _shown(key: str) -> str:
    """The name as sysctl(8) prints it; with `/` where a device's name has a dot."""
    return key if "." in key else key.replace("/", ".")
