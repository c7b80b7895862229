"""What the kernel says of a machine, a fact a line, in the words of ip(8): without what differs by chance.

Left out are indexes, timers, counters, MAC addresses that nobody gave, routes that follow from an address, and what
each new namespace or device has by itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nsgen.comparing.parameters import parameters
from nsgen.comparing.places import Device, Names
from nsgen.comparing.routing import fdb, neighbours, qdiscs, routes, rules, vlans
from nsgen.comparing.rules import firewall
from nsgen.comparing.volatile import DATA, PORT, PORT_DECIDES, known_macs
from nsgen.proof.observed import Observed
from nsgen.proof.state import SET, KernelAddress, KernelLink, KernelNode, State
from nsgen.topology.names import derived_mac
from nsgen.values import HOST

ALIAS = "nsgen:"
LOOPBACK = "lo"
LOOPBACKS = ("localhost", "ip6-localhost", "ip6-loopback")
MTU = 1500


@dataclass(frozen=True)
class Fact:
    """One thing that is so in a node.

    `about`: which device (or the node as a whole). `minor`: not worth telling where that is missing in the other
    machine. `decides`: it is there for packets alone. `more`: what is added where the device is in one machine only.
    """

    node: str
    text: str
    about: Device
    rank: int
    minor: bool = False
    decides: bool = False
    more: str = ""


def derived(state: State) -> set[str]:
    """The MAC addresses that nsgen has made of names, because nobody gave any."""
    return {
        link.mac
        for node in state.nodes.values()
        for link in node.links
        if _derived(node.name, link)
    }


def facts(seen: Observed, names: Names, chosen_by_us: Container[str] = ()) -> Iterator[Fact]:
    """All facts of a machine, with the names of devices that the other one has for them.

    `chosen_by_us`: the MAC addresses that are nobody's choice, see `derived`.
    """
    macs = known_macs(seen.state, names)
    for node in seen.state.nodes.values():
        yield Fact(node.name, f"namespace {node.name}", (node.name, ""), 0)
        yield from _links(node, names, chosen_by_us)
        yield from _addresses(node, names)
        for rank, every in (
            (3, routes(node, names)),
            (4, rules(node, names)),
            (5, neighbours(node, names, macs)),
            (5, fdb(node, names, macs)),
            (1, vlans(node, names)),
            (1, qdiscs(node, names)),
        ):
            yield from (Fact(node.name, text, (node.name, dev), rank) for dev, text in every)
        for dev, text, decides in parameters(node, names):
            yield Fact(node.name, text, (node.name, dev), 6, minor=True, decides=decides)
        for text in firewall(node, names):
            yield Fact(node.name, text, (node.name, ""), 7, decides=True)
        for line in filter(None, map(str.strip, node.wireguard.splitlines())):
            yield Fact(node.name, f"wireguard {line}", (node.name, ""), 1)
    yield from _files(seen.state)
    yield from _processes(seen.state)


# -- devices ------------------------------------------------------------------------------------


def _links(node: KernelNode, names: Names, chosen_by_us: Container[str]) -> Iterator[Fact]:
    for link in node.links:
        name = names.of(node.name, link.name)
        about = (node.name, "" if link.name == LOOPBACK else name)
        values = dict(_values(node, link, names))
        if link.assigned == SET and link.mac not in chosen_by_us:
            values[f"address {link.mac}"] = False
        if link.name != LOOPBACK:
            own = [value for value, usual in values.items() if not usual]
            more = "".join(f" {value}" for value in own)
            yield Fact(node.name, f"link {name}{_kind(link, names)}", about, 1, more=more)
        for value in values:
            decides = value.split(" ")[0] in PORT_DECIDES or value.startswith("addrgenmode")
            yield Fact(node.name, f"dev {name} {value}", about, 1, minor=True, decides=decides)


def _kind(link: KernelLink, names: Names) -> str:
    if not link.kind:
        return ""
    if link.peer is None:
        return f" type {link.kind}"
    node, device = link.peer
    there = names.of(node, device)
    return (
        f" type {link.kind} peer {there} in {node}"
        if link.kind == "veth"
        else f" link {there} type {link.kind}"
    )


def _values(node: KernelNode, link: KernelLink, names: Names) -> Iterator[tuple[str, bool]]:
    """What a device is set to, and whether that is usual."""
    yield ("up", False) if link.up else ("down", True)
    yield f"mtu {link.mtu}", link.mtu == MTU
    yield (
        (f"master {names.of(node.name, link.master)}", False) if link.master else ("nomaster", True)
    )
    for flag, text in (
        ("NOARP", "arp off"),
        ("PROMISC", "promisc on"),
        ("ALLMULTI", "allmulticast on"),
    ):
        if flag in link.raw.get("flags", ()):
            yield text, True
    mode = link.raw.get("inet6_addr_gen_mode")
    if mode:
        yield f"addrgenmode {mode}", True
    if link.raw.get("group", "default") != "default":
        yield f"group {link.raw['group']}", False
    yield from ((text, True) for text in _leaves(link.data, DATA))
    if link.port:
        yield from ((text, True) for text in _leaves(link.port, PORT))


def _derived(node: str, link: KernelLink) -> bool:
    """Whether a MAC address is what nsgen makes of names where nobody gives one."""
    if not link.alias.startswith(ALIAS):
        return False
    name = link.alias[len(ALIAS) :].split()[0]
    made = (f"{name}/{link.name}", f"{name}/{node}/{link.name}")
    return link.mac in {derived_mac(text) for text in made}


def _leaves(value: Any, volatile: frozenset[str], prefix: str = "") -> Iterator[str]:
    """The leaves of what ip(8) says of a kind of device, as words."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            if key not in volatile:
                yield from _leaves(value[key], volatile, f"{prefix} {key}".strip())
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, volatile, prefix)
    else:
        shown = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        yield f"{prefix} {shown}"


def _addresses(node: KernelNode, names: Names) -> Iterator[Fact]:
    for address in node.addresses:
        name = names.of(node.name, address.device)
        about = (node.name, name)
        if address.scope == "host" and address.device == LOOPBACK:
            continue  # there as soon as it is up
        if _by_kernel(address):
            text = f"an IPv6 link-local address dev {name}"
            yield Fact(node.name, text, about, 2, minor=True, decides=True)
            continue
        peer = f" peer {address.peer}" if address.peer and address.peer != address.local else ""
        scope = f" scope {address.scope}" if address.scope != "global" else ""
        words = [w for w in ("noprefixroute", "nodad", "home", "mngtmpaddr") if address.raw.get(w)]
        words += ["dynamic"] if address.expires else []
        flags = "".join(f" {word}" for word in words)
        yield Fact(node.name, f"{address.text}{peer} dev {name}{scope}{flags}", about, 2)


def _by_kernel(address: KernelAddress) -> bool:
    """Whether it is what IPv6 gives a device by itself, of its MAC address or of a secret."""
    made = address.raw.get("protocol") in ("kernel_ll", "kernel_ra", None)
    return address.local.startswith("fe80:") and address.length == 64 and made


# -- files and processes ------------------------------------------------------------------------


def _files(state: State) -> Iterator[Fact]:
    for path, text in state.files.items():
        parts = path.split("/")
        node = parts[3] if len(parts) > 4 else HOST
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            # Of hosts(5) each name counts, wherever it stands.
            named = path.endswith("/hosts")
            for said in (
                ([words[0], name] for name in words[1:]) if named else filter(None, [words])
            ):
                if not named or said[1] not in LOOPBACKS:
                    yield Fact(node, f"{path}: {' '.join(said)}", (node, ""), 8)


def _processes(state: State) -> Iterator[Fact]:
    for process in state.processes:
        words = [process.argv[0].rpartition("/")[2], *process.argv[1:]]
        listens = "".join(f", listens on {one}" for one in sorted(set(process.listens)))
        if process.node in state.nodes and (process.node != HOST or process.listens):
            yield Fact(process.node, f"process {' '.join(words)}{listens}", (process.node, ""), 9)
