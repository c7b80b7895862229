"""Routes, rules of policy routing, neighbours, VLANs, forwarding entries and queues, in the words of ip(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nsgen.comparing.places import Names
from nsgen.comparing.volatile import ROUTE
from nsgen.proof.state import KernelNode, KernelRoute, KernelRule
from nsgen.proof.traffic import COUNTERS, told

USUAL_METRIC = {4: 0, 6: 1024}
USUAL_RULES = {(0, "local"), (32766, "main"), (32767, "default")}
USUAL_QUEUES = ("noqueue", "pfifo_fast", "fq_codel", "mq", "fq", "pfifo")
MULTICAST = ("33:33:", "01:00:5e:", "ff:ff:ff:")
Told = Iterator[tuple[str, str]]  # the device, and the line


def routes(node: KernelNode, names: Names) -> Told:
    """The routes that somebody has set: not those that the kernel makes of addresses."""
    for route in node.routes:
        if route.protocol == "kernel":
            continue
        device = names.of(node.name, route.device) if route.device else ""
        kind = "" if route.type == "unicast" else f"{route.type} "
        to = "default" if route.to in ("0.0.0.0/0", "::/0") else route.to
        six = "-6 " if route.version == 6 and to == "default" else ""
        yield device, f"route {six}{kind}{to}{''.join(_words(node, route, device, names))}"


def _words(node: KernelNode, route: KernelRoute, device: str, names: Names) -> Iterator[str]:
    yield from _hop(route.via, device)
    if route.source:
        yield f" src {route.source}"
    if route.metric != USUAL_METRIC[route.version]:
        yield f" metric {route.metric}"
    if route.table != "main":
        yield f" table {route.table}"
    if "onlink" in route.raw.get("flags", ()):
        yield " onlink"
    for hop in route.hops:
        via = hop.get("gateway") or hop.get("via", {}).get("host", "")
        dev = names.of(node.name, hop["dev"]) if hop.get("dev") else ""
        yield f" nexthop{''.join(_hop(via, dev))} weight {hop.get('weight', 1)}"
    for key in sorted(set(route.raw) - ROUTE):
        yield f" {key} {_value(route.raw[key])}"


def _hop(via: str, device: str) -> Iterator[str]:
    if via:
        yield f" via {via}"
    if device:
        yield f" dev {device}"


def rules(node: KernelNode, names: Names) -> Told:
    """The rules of policy routing that a new namespace has not."""
    for rule in node.rules:
        words = {
            k: v for k, v in rule.raw.items() if k not in ("priority", "table", "protocol", "flags")
        }
        if (rule.priority, rule.table) in USUAL_RULES and words in ({"src": "all"}, {}):
            continue
        yield "", f"rule{' -6' if rule.version == 6 else ''} {''.join(_rule(node, rule, names))}"


def _rule(node: KernelNode, rule: KernelRule, names: Names) -> Iterator[str]:
    raw = dict(rule.raw)
    yield f"priority {rule.priority}"
    for key, word in (("src", "from"), ("dst", "to")):
        address, length = raw.pop(key, ""), raw.pop(f"{key}len", None)
        if address:
            yield f" {word} {address}{f'/{length}' if length is not None else ''}"
    for key in ("iif", "oif"):
        if key in raw:
            yield f" {key} {names.of(node.name, raw.pop(key))}"
    table = raw.pop("table", "")
    for key in sorted(set(raw) - {"priority", "protocol", "flags"}):
        yield f" {key} {_value(raw[key])}"
    yield f" lookup {table}" if table else ""


def neighbours(node: KernelNode, names: Names, macs: Mapping[str, str]) -> Told:
    """Neighbours that somebody has written down, and those that are answered for."""
    for one in node.neighbours:
        device = names.of(node.name, one["dev"])
        mac = one.get("lladdr", "")
        if not one["dst"].startswith(("224.", "ff0")):
            yield device, f"neighbour {one['dst']} dev {device} lladdr {macs.get(mac, mac)}"
    for one in node.proxies:
        device = names.of(node.name, one.get("dev", ""))
        yield device, f"neighbour proxy {one['dst']} dev {device}"


def fdb(node: KernelNode, names: Names, macs: Mapping[str, str]) -> Told:
    """Entries of forwarding tables that somebody has made."""
    for one in node.fdb:
        mac = one.get("mac", "")
        made = (
            "dst" in one or one.get("state") == "static" or "extern_learn" in one.get("flags", ())
        )
        if made and not (mac.startswith(MULTICAST) and "dst" not in one):
            device = names.of(node.name, one["ifname"])
            words = "".join(f" {k} {one[k]}" for k in ("dst", "port", "vni", "vlan") if k in one)
            yield device, f"fdb {macs.get(mac, mac)} dev {device}{words}"


def vlans(node: KernelNode, names: Names) -> Told:
    """The VLANs of ports, where their bridge looks at them."""
    filtering = {link.name for link in node.links if link.data.get("vlan_filtering")}
    masters = {link.name: link.master or link.name for link in node.links}
    for port in node.vlans:
        if masters.get(port.get("ifname", "")) in filtering:
            device = names.of(node.name, port["ifname"])
            for one in port.get("vlans", ()):
                last = f"-{one['vlanEnd']}" if "vlanEnd" in one else ""
                flags = "".join(f" {flag.lower()}" for flag in one.get("flags", ()))
                yield device, f"vlan {one['vlan']}{last} dev {device}{flags}"


def qdiscs(node: KernelNode, names: Names) -> Told:
    """Queueing disciplines that somebody has set."""
    for one in node.qdiscs:
        if one.get("kind") not in USUAL_QUEUES or one.get("handle", "0:") != "0:":
            device = names.of(node.name, one.get("dev", ""))
            options = sorted(one.get("options", {}).items())
            words = "".join(f" {_value(v)}" for k, v in options if k not in COUNTERS)
            yield device, f"qdisc {one.get('kind')} dev {device}{words}"
    for one in node.classes:
        device = names.of(node.name, one["dev"])
        yield device, f"class dev {device} {told('class', one)}"
    for one in node.filters:
        device = names.of(node.name, one["dev"])
        own = told("filter", one, lambda name: names.of(node.name, name))
        yield device, f"filter dev {device} {own}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_value(value[key])}" for key in sorted(value))
    if isinstance(value, list):
        return " ".join(map(_value, value))
    return str(value)
