"""The elements of a state: all that is there and does not follow from something else, by node.

What the kernel makes by itself is none: the routes of an address, the groups of a bridge, a parameter that is as in a
namespace in which nobody has done anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nsgen.capturing.rules import lines_of
from nsgen.capturing.usual import attributes, fdb, qdiscs, vlans
from nsgen.proof.state import (
    KernelAddress,
    KernelLink,
    KernelNode,
    KernelProcess,
    KernelRoute,
    KernelRule,
    Raw,
    State,
)
from nsgen.proof.traffic import told
from nsgen.values import HOST

EMPTY = "empty~"  # the node of a baseline that is like a new namespace; see nsgen.proof.lab.state
VOLATILE = re.compile(
    r"count$|fastopen_key$|stable_secret$|/flush$|^net/core/(netdev_rss_key|dev_weight)|"
    r"/neigh/[^/]+/retrans_time$|/neigh/[^/]+/base_reachable_time$|^net/netfilter/nf_log/|"
    r"^net/ipv6/conf/[^/]+/mtu$|^net/ipv4/tcp_(available|allowed)_|"
    r"^net/netfilter/nf_conntrack_(buckets|max)$|^net/unix/"
)
# How an address is made of a MAC address, or not at all: nsgen decides where IPv6 is.
DECIDED = ("0", "1")
SCOPED = re.compile(r"net/(ipv4|ipv6|mpls)/(conf|neigh)/([^/]+)/(.+)")


GONE = "gone:"  # ahead of the kind of what was there before


class Element(NamedTuple):
    """Something that a node has: of which kind, and which."""

    node: str
    kind: str
    text: str

    def __str__(self) -> str:
        """As it is told."""
        return f"{self.node}: {' '.join(part for part in (self.kind, self.text) if part)}"


# -- what each is called -----------------------------------------------------------------------


def of_link(node: str, link: KernelLink, attribute: str = "") -> Element:
    """A device, or something that is otherwise than usual about it."""
    kind = "" if attribute else f" ({link.kind or 'card'})"
    return Element(node, "link", f"{link.name}{kind}{attribute and ' ' + attribute}")


def of_address(node: str, address: KernelAddress) -> Element:
    """An address of a device."""
    peer = f" peer {address.peer}" if address.peer else ""
    return Element(node, "address", f"{address.text}{peer} dev {address.device}")


def of_route(node: str, route: KernelRoute) -> Element:
    """A route, with all that tells it from others."""
    words = [
        *([route.type] if route.type != "unicast" else []), route.to,
        *(["via", route.via] if route.via else []), *(["dev", route.device] if route.device else []),
        *(["src", route.source] if route.source else []),
        *(["metric", str(route.metric)] if route.metric else []),
        *(["table", route.table] if route.table != "main" else []),
    ]  # fmt: skip
    hops = [f"nexthop {hop.get('gateway') or hop.get('dev')}" for hop in route.hops]
    version = ["IPv6"] if route.version == 6 and ":" not in " ".join(words) else []
    return Element(node, "route", " ".join((*version, *words, *hops)))


def of_rule(node: str, rule: KernelRule) -> Element:
    """A rule of policy routing."""
    words = [f"{key} {value}" for key, value in rule.raw.items() if key != "priority"]
    return Element(node, f"rule IPv{rule.version}", f"{rule.priority}: {' '.join(words)}")


def of_record(node: str, kind: str, raw: Raw) -> Element:
    """What ip(8), bridge(8) or tc(8) tells in a record."""
    return Element(node, kind, " ".join(f"{key} {_flat(value)}" for key, value in raw.items()))


def of_traffic(node: str, kind: str, raw: Raw) -> Element:
    """A queue, one of its classes or one of its filters."""
    return Element(node, kind, f"dev {raw['dev']} {told(kind, raw)}")


def of_firewall(node: str, program: str, table: str, line: str) -> Element:
    """A rule, a chain or a policy of iptables."""
    return Element(node, program, f"-t {table} {line}")


def of_sysctl(node: str, key: str, value: str) -> Element:
    """A kernel parameter."""
    return Element(node, "sysctl", f"{key}={value}")


def of_process(process: KernelProcess) -> Element:
    """A program that runs."""
    return Element(process.node, "process", " ".join(process.argv))


def of_file(path: str) -> Element:
    """A file under /etc/netns."""
    return Element(path.split("/")[3] if path.count("/") > 3 else HOST, "file", path)


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


# -- all that there are ------------------------------------------------------------------------


def elements(state: State, baseline: State) -> dict[Element, None]:
    """What there is in a state and was not there before."""
    found: dict[Element, None] = {}
    for node in state.nodes.values():
        if node.name != EMPTY:
            before = baseline.nodes.get(HOST if node.name == HOST else EMPTY)
            found |= dict.fromkeys(_of_node(node, before))
    found |= dict.fromkeys(gone(state, baseline))
    found |= dict.fromkeys(of_file(path) for path in state.files if path not in baseline.files)
    found |= {
        of_process(process): None for process in state.processes if process.node in state.nodes
    }
    return found


def gone(state: State, baseline: State) -> Iterator[Element]:
    """What the host had before, and has not any more; without what the kernel made, and what was to end."""
    node, before = state.nodes[HOST], baseline.nodes[HOST]
    lost = [
        *(of_link(HOST, link) for link in new_links(before, node)),
        *(of_address(HOST, one) for one in new_addresses(before, node) if one.scope != "link"),
        *(of_route(HOST, route) for route in new_routes(before, node)),
        *(of_rule(HOST, rule) for rule in new_rules(before, node)),
    ]
    for program, text, old in (
        ("iptables", node.iptables, before.iptables),
        ("ip6tables", node.ip6tables, before.ip6tables),
    ):
        lost += [of_firewall(HOST, program, *line) for line in new_lines(old, text)]
    yield from (Element(HOST, f"{GONE} {one.kind}", one.text) for one in lost)


def new_links(node: KernelNode, before: KernelNode | None) -> list[KernelLink]:
    """The devices that were not there."""
    known = {(link.name, link.kind) for link in before.links} if before else {("lo", "")}
    return [link for link in node.links if (link.name, link.kind) not in known]


def new_addresses(node: KernelNode, before: KernelNode | None) -> list[KernelAddress]:
    """The addresses that were not there, without those that `lo` gets with being switched on."""
    known = {_place(one) for one in before.addresses} if before else set()
    known |= {("lo", "127.0.0.1/8"), ("lo", "::1/128")}
    return [one for one in node.addresses if _place(one) not in known]


def _place(address: KernelAddress) -> tuple[str, str]:
    """A device and its address; one that the kernel makes of a MAC address is as good as another one."""
    drawn = address.version == 6 and address.scope == "link"
    return address.device, "" if drawn else address.text


def new_routes(node: KernelNode, before: KernelNode | None) -> list[KernelRoute]:
    """The routes that neither the kernel made nor were there."""
    known = {of_route(node.name, route) for route in before.routes} if before else set()
    return [
        route
        for route in node.routes
        if route.protocol != "kernel" and of_route(node.name, route) not in known
    ]


def new_rules(node: KernelNode, before: KernelNode | None) -> list[KernelRule]:
    """The rules of policy routing that were not there; `l3mdev` the kernel makes with the first VRF."""
    known = {of_rule(node.name, rule) for rule in before.rules} if before else set()
    return [
        rule
        for rule in node.rules
        if rule.priority not in (0, 32766, 32767)
        and "l3mdev" not in rule.raw
        and of_rule(node.name, rule) not in known
    ]


def new_sysctls(node: KernelNode, before: KernelNode | None) -> dict[str, str]:
    """The parameters that are otherwise than they were, or than what a new device takes from `default`."""
    if before is None:
        return {}
    found = {}
    for key, value in node.sysctls.items():
        if VOLATILE.search(key) or (key.endswith("/addr_gen_mode") and value in DECIDED):
            continue
        if key in before.sysctls:
            usual: str | None = before.sysctls[key]
        elif scoped := SCOPED.fullmatch(key):
            default = f"net/{scoped[1]}/{scoped[2]}/default/{scoped[4]}"
            usual = before.sysctls.get(default)
        else:
            usual = None if key.startswith("net/bridge/") else value
        if usual is None and key.startswith("net/bridge/"):
            usual = "0" if key.startswith("net/bridge/bridge-nf-filter") else value
        if usual is not None and usual != value:
            found[key] = value
    return found


def new_lines(text: str, before: str) -> Iterator[tuple[str, str]]:
    """The table and the text of each rule, chain and policy of iptables-save that was not there."""
    known = list(lines_of(before))
    for table, line in lines_of(text):
        if (table, line) in known:
            known.remove((table, line))
        else:
            yield table, line


def _of_node(node: KernelNode, before: KernelNode | None) -> Iterator[Element]:
    name = node.name
    if name != HOST:
        yield Element(name, "namespace", "")
    fresh = new_links(node, before)
    for link in fresh:
        yield of_link(name, link)
        yield from (of_link(name, link, text) for text in attributes(link))
    for link in node.links:
        if link.master and link not in fresh and not _had_master(link, before):
            yield of_link(name, link, f"master {link.master}")
    yield from (of_address(name, address) for address in new_addresses(node, before))
    yield from (of_route(name, route) for route in new_routes(node, before))
    yield from (of_rule(name, rule) for rule in new_rules(node, before))
    for kind, new, old in (
        ("neighbour", node.neighbours, before.neighbours if before else ()),
        ("proxy", node.proxies, before.proxies if before else ()),
        ("vlan", list(vlans(node)), list(vlans(before)) if before else ()),
        ("fdb", list(fdb(node)), list(fdb(before)) if before else ()),
    ):
        yield from (of_record(name, kind, record) for record in new if record not in old)
    for kind, new, old in (
        ("qdisc", list(qdiscs(node)), list(qdiscs(before)) if before else ()),
        ("class", node.classes, before.classes if before else ()),
        ("filter", node.filters, before.filters if before else ()),
    ):
        yield from (of_traffic(name, kind, record) for record in new if record not in old)
    for program, text, old_text in (
        ("iptables", node.iptables, before.iptables if before else ""),
        ("ip6tables", node.ip6tables, before.ip6tables if before else ""),
        ("legacy", node.legacy, before.legacy if before else ""),
    ):
        for table, line in new_lines(text, old_text):
            yield of_firewall(name, program, table, line)
    if node.nft.strip() and (before is None or node.nft != before.nft):
        yield Element(name, "nft", node.nft.strip())
    yield from (of_sysctl(name, *item) for item in new_sysctls(node, before).items())


def _had_master(link: KernelLink, before: KernelNode | None) -> bool:
    old = before.link(link.name) if before else None
    return old is not None and old.master == link.master
