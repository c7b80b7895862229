"""What the kernel says of a machine, as records: the document that :mod:`nsgen.proof.lab.state` prints.

Each record has the fields that most ask for, and in `raw` all that the program said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Raw = Mapping[str, Any]
RANDOM, SET = 1, 3  # NET_ADDR_RANDOM, NET_ADDR_SET: linux/netdevice.h
FOREVER = 2**32 - 1  # seconds


class StateError(Exception):
    """A text is not what the reader prints; the message says what it is."""


@dataclass(frozen=True)
class KernelLink:
    """A network device: `kind` as ip(8) has it, and empty of a card or the loopback device."""

    name: str
    index: int
    kind: str
    up: bool
    mtu: int
    mac: str
    assigned: (
        int | None
    )  # of the MAC address: RANDOM, SET, or another one; None where it cannot be told
    master: str
    alias: str
    peer: tuple[str, str] | None  # what it is tied to, a node and a device: the other end of a veth
    data: Raw  # of its kind
    port: Raw  # of its being a port of its master
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, raw: Raw) -> KernelLink:
        """Take a record of `ip -j -d link show`."""
        info = raw.get("linkinfo", {})
        peer = raw.get("peer")
        return cls(
            name=raw["ifname"],
            index=raw["ifindex"],
            kind=info.get("info_kind", ""),
            up="UP" in raw.get("flags", ()),
            mtu=raw.get("mtu", 0),
            mac=raw.get("address", ""),
            assigned=raw.get("addr_assign_type"),
            master=raw.get("master", ""),
            alias=raw.get("ifalias", ""),
            peer=(peer[0], peer[1]) if peer else None,
            data=info.get("info_data", {}),
            port=info.get("info_slave_data", {}),
            raw=raw,
        )


@dataclass(frozen=True)
class KernelAddress:
    """An address of a device; `expires`: it has an end, because DHCP or a router's advertisement gave it, say."""

    device: str
    version: int
    local: str
    length: int
    peer: str
    scope: str
    label: str
    expires: bool
    raw: Raw = field(repr=False)

    @property
    def text(self) -> str:
        """The address with its prefix length."""
        return f"{self.local}/{self.length}"

    @classmethod
    def of(cls, device: str, raw: Raw) -> KernelAddress:
        """Take one of `addr_info` of `ip -j -d address show`."""
        return cls(
            device=device,
            version=6 if raw["family"] == "inet6" else 4,
            local=raw["local"],
            length=raw["prefixlen"],
            peer=raw.get("address", ""),
            scope=raw.get("scope", ""),
            label=raw.get("label", ""),
            expires=raw.get("valid_life_time", FOREVER) != FOREVER,
            raw=raw,
        )


@dataclass(frozen=True)
class KernelRoute:
    """A route; `to` is `default`, an address or a subnet."""

    version: int
    to: str
    type: str
    table: str
    via: str
    device: str
    source: str
    metric: int
    protocol: str
    scope: str
    hops: Sequence[Raw]
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, version: int, raw: Raw) -> KernelRoute:
        """Take a record of `ip -j route show table all`."""
        gateway = raw.get("gateway") or raw.get("via", {}).get("host", "")
        return cls(
            version=version,
            to=raw["dst"],
            type=raw.get("type", "unicast"),
            table=str(raw.get("table", "main")),
            via=gateway,
            device=raw.get("dev", ""),
            source=raw.get("prefsrc", ""),
            metric=raw.get("metric", 0),
            protocol=str(raw.get("protocol", "boot")),
            scope=str(raw.get("scope", "global")),
            hops=raw.get("nexthops", ()),
            raw=raw,
        )


@dataclass(frozen=True)
class KernelRule:
    """A rule of policy routing."""

    version: int
    priority: int
    table: str
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, version: int, raw: Raw) -> KernelRule:
        """Take a record of `ip -j rule show`."""
        return cls(version, raw.get("priority", 0), str(raw.get("table", "")), raw)


@dataclass(frozen=True)
class KernelNode:
    """One network namespace, the host's or another one."""

    name: str
    links: tuple[KernelLink, ...]
    addresses: tuple[KernelAddress, ...]
    routes: tuple[KernelRoute, ...]
    rules: tuple[KernelRule, ...]
    neighbours: tuple[Raw, ...]
    proxies: tuple[Raw, ...]
    vlans: tuple[Raw, ...]
    fdb: tuple[Raw, ...]
    qdiscs: tuple[Raw, ...]
    classes: tuple[Raw, ...]  # of queues
    filters: tuple[Raw, ...]
    iptables: str = field(repr=False)  # iptables-save
    ip6tables: str = field(repr=False)
    legacy: str = field(repr=False)
    nft: str = field(repr=False)
    wireguard: str = field(repr=False)
    sysctls: Mapping[str, str] = field(repr=False)
    raw: Raw = field(repr=False)

    def link(self, name: str) -> KernelLink | None:
        """The device of a name."""
        return next((link for link in self.links if link.name == name), None)

    @classmethod
    def of(cls, name: str, raw: Raw) -> KernelNode:
        """Take one of `nodes` of the document."""
        versions = (("4", 4), ("6", 6))
        return cls(
            name=name,
            links=tuple(KernelLink.of(link) for link in raw["links"]),
            addresses=tuple(
                KernelAddress.of(link["ifname"], address)
                for link in raw["addresses"]
                for address in link.get("addr_info", ())
                if "local" in address
            ),
            routes=tuple(
                KernelRoute.of(version, route)
                for key, version in versions
                for route in raw["routes"][key]
            ),
            rules=tuple(
                KernelRule.of(version, rule)
                for key, version in versions
                for rule in raw["rules"][key]
            ),
            neighbours=tuple(raw["neighbours"]),
            proxies=tuple(raw["proxies"]),
            vlans=tuple(raw["vlans"]),
            fdb=tuple(raw["fdb"]),
            qdiscs=tuple(raw["qdiscs"]),
            classes=tuple(raw["classes"]),
            filters=tuple(raw["filters"]),
            iptables=raw["iptables"],
            ip6tables=raw["ip6tables"],
            legacy=raw["legacy"],
            nft=raw["nft"],
            wireguard=raw["wireguard"],
            sysctls=raw["sysctls"],
            raw=raw,
        )


@dataclass(frozen=True)
class KernelProcess:
    """A process in a node; of one that is in a namespace without a name, the node is `?`."""

    node: str
    user: str
    uid: int
    argv: tuple[str, ...]
    cwd: str
    pid: int
    ppid: int
    listens: tuple[str, ...]

    @classmethod
    def of(cls, raw: Raw) -> KernelProcess:
        """Take one of `processes` of the document."""
        return cls(
            node=raw["node"],
            user=raw["user"],
            uid=raw["uid"],
            argv=tuple(raw["argv"]),
            cwd=raw["cwd"],
            pid=raw["pid"],
            ppid=raw.get("ppid", 0),
            listens=tuple(raw["listens"]),
        )


@dataclass(frozen=True)
class State:
    """The whole machine: its nodes by name, the host first, the files under /etc/netns, and the processes in nodes."""

    nodes: Mapping[str, KernelNode]
    unreadable: Mapping[str, str]  # namespaces that could not be read, with the reason
    files: Mapping[str, str]
    processes: tuple[KernelProcess, ...]
    renamed: Mapping[str, str]  # nodes that are called otherwise, and their namespaces

    @classmethod
    def load(cls, text: str) -> State:
        """Read the document. Raises StateError where it is none."""
        try:
            raw = json.loads(text)
            return cls(
                nodes={name: KernelNode.of(name, node) for name, node in raw["nodes"].items()},
                unreadable=raw.get("unreadable", {}),
                files=raw["files"],
                processes=tuple(map(KernelProcess.of, raw["processes"])),
                renamed=raw.get("renamed", {}),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(f"this is no state of a machine: {error!r}") from error
