"""A machine that runs: what of its host is a topology's business, and what was there before.

Nobody knows how the host was before somebody built namespaces on it. What is tied to a named namespace, and the virtual
devices that no other program is known to make, are taken; cards, what other programs have made, and their rules are
left alone, and told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nsgen.capturing.elements import EMPTY, of_route, of_rule
from nsgen.capturing.parameters import FORWARD
from nsgen.capturing.rules import lines_of
from nsgen.proof.state import KernelLink, KernelNode, State
from nsgen.values import HOST

# Whose a device is, by its name.
FOREIGN = (
    (re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}"), "Docker's"),
    (re.compile(r"virbr\d+(-nic)?|vnet\d+"), "libvirt's"),
    (re.compile(r"podman\d+|cni-podman\d+"), "podman's"),
    (re.compile(r"lxcbr\d+|lxdbr\d+|incusbr\d+"), "LXC's"),
    (re.compile(r"cni\d+|flannel\..+|cali.+|cilium.*|kube-.+|nodelocaldns|weave|vxlan\.calico"), "a cluster's"),
    (re.compile(r"tailscale\d+|zt.{8,}"), "a VPN's"),
    (re.compile(r"vmnet\d+|vboxnet\d+"), "a hypervisor's"),
)  # fmt: skip
BELOW = {
    "vlan",
    "bond",
    "macvlan",
    "ipvlan",
    "macvtap",
    "team",
}  # of a card, what is on it is the machine's own


def earlier(state: State) -> tuple[State, list[str]]:
    """The machine without what is taken, to compare with, and a line for each thing that is left alone."""
    host = state.nodes[HOST]
    left: dict[str, str] = {}
    for link in host.links:
        reason = _left(link, state, host)
        if reason:
            left[link.name] = reason
    for link in host.links:  # a port of what is left alone is left alone
        if link.master in left:
            left.setdefault(link.name, f"it is a port of {link.master}")
    taken = [link.name for link in host.links if link.name not in left]
    subnets = [a.text for a in host.addresses if a.device in taken and a.device != "lo"]
    kept = {
        name: _foreign_rules(getattr(host, name), set(taken) - {"lo"}, subnets)
        for name in ("iptables", "ip6tables")
    }
    before = replace(
        host,
        links=tuple(link for link in host.links if link.name in left or link.name == "lo"),
        addresses=tuple(a for a in host.addresses if a.device in left or a.device == "lo"),
        routes=tuple(r for r in host.routes if r.device not in taken),
        rules=host.rules,
        neighbours=tuple(n for n in host.neighbours if n.get("dev") not in taken),
        proxies=tuple(n for n in host.proxies if n.get("dev") not in taken),
        vlans=tuple(one for one in host.vlans if one.get("ifname") not in taken),
        fdb=tuple(one for one in host.fdb if one.get("ifname") not in taken),
        qdiscs=tuple(one for one in host.qdiscs if one.get("dev") not in taken),
        classes=tuple(one for one in host.classes if one["dev"] not in taken),
        filters=tuple(one for one in host.filters if one["dev"] not in taken),
        iptables=kept["iptables"],
        ip6tables=kept["ip6tables"],
        sysctls=_sysctls(host, set(taken) - {"lo"}),
    )
    nodes = {HOST: before, **({EMPTY: state.nodes[EMPTY]} if EMPTY in state.nodes else {})}
    return replace(state, nodes=nodes, files={}, processes=()), list(_told(host, before, left))


def _left(link: KernelLink, state: State, host: KernelNode) -> str:
    """Why a device of the host is left alone; nothing where it is taken."""
    if link.name == "lo" or link.alias.startswith("nsgen:"):
        return ""
    for pattern, whose in FOREIGN:
        if pattern.fullmatch(link.name):
            return f"it is {whose}"
    if not link.kind:
        return "it is a card, or what the machine has in its place"
    if link.kind == "veth" and (link.peer is None or link.peer[0] not in state.nodes):
        return "its other end is in a namespace without a name: a container's, say"
    if link.kind in BELOW and not _for_namespaces(link, host):
        return "it is on a card of the machine"
    ways = [r.device for r in host.routes if r.to == "default" and r.table == "main"]
    if link.name in ways:
        return "the machine's default route goes by it"
    return ""


def _for_namespaces(link: KernelLink, host: KernelNode) -> bool:
    """Whether a device on a card is a port of a bridge on which namespaces are."""
    return any(
        other.master == link.master
        and other.kind == "veth"
        and other.peer
        and other.peer[0] != HOST
        for other in host.links
        if link.master
    )


def _foreign_rules(text: str, devices: set[str], addresses: list[str]) -> str:
    """The lines of iptables-save that are not about what is taken."""
    about = [re.compile(rf"(^|[\s\"]){re.escape(name)}(\s|$)") for name in devices]
    starts = [
        address.rsplit("/", 1)[0].rsplit(".", 1)[0] + "." for address in addresses if "." in address
    ]
    starts += [address.split("::")[0] + "::" for address in addresses if "::" in address]
    chains = {
        line.split()[1]
        for _, line in lines_of(text)
        if line.startswith("-A") and any(one.search(line) for one in about)
    }
    kept = []
    for line in text.splitlines():
        words = line.split()
        ours = "NSGEN-" in line or any(one.search(line) for one in about)
        ours = ours or (line.startswith("-A") and any(f" {start}" in line for start in starts))
        own_chain = line.startswith(":") and words[1] == "-" and words[0][1:] in chains
        if not ours and not own_chain:
            kept.append(line)
    return "\n".join(kept)


def _sysctls(host: KernelNode, taken: set[str]) -> dict[str, str]:
    """The parameters as they may have been: those of devices that are taken come from `default`."""
    scoped = re.compile(r"net/(?:ipv4|ipv6|mpls)/(?:conf|neigh)/([^/]+)/")
    found = {}
    for key, value in host.sysctls.items():
        device = scoped.match(key)
        if device is None or device[1] not in taken:
            found[key] = value
    if taken and FORWARD[4] in found:
        found[FORWARD[4]] = "0"
    return found


def _told(host: KernelNode, before: KernelNode, left: dict[str, str]) -> Iterator[str]:
    for name, reason in left.items():
        texts = [a.text for a in host.addresses if a.device == name and a.scope != "link"]
        own = f" ({', '.join(texts)})" if texts else ""
        yield f"host: {name}{own} is left alone: {reason}"
    for name in ("iptables", "ip6tables"):
        for _, line in lines_of(getattr(before, name)):
            yield f"host: '{line}' of {name} is another program's: not taken"
    for route in before.routes:
        if route.protocol != "kernel":
            text = of_route(HOST, route).text
            yield f"host: '{text}' is a route by what is left alone: not taken"
    for rule in before.rules:
        if rule.priority not in (0, 32766, 32767):
            text = of_rule(HOST, rule).text
            yield f"host: '{text}', a rule of policy routing, may be another program's: not taken"
