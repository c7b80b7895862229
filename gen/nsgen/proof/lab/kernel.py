"""What the kernel says of the network namespace that a process is in; see :mod:`nsgen.proof.lab.state`."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

SECONDS = 20  # for any one program
NETLINK_ROUTE, RTM_GETNSID, NETNSA_NSID, NETNSA_FD = 0, 90, 1, 3  # linux/net_namespace.h
LEGACY = {"iptables": "/proc/net/ip_tables_names", "ip6tables": "/proc/net/ip6_tables_names"}
SECRET = re.compile(r"^(PrivateKey|PresharedKey)\s*=.*$", re.MULTILINE)
CLASSFUL = ("htb", "hfsc", "drr", "qfq", "ets")  # queues, of which somebody makes the classes
SIDES = ("ingress", "egress")
LISTENS, UNCONNECTED = "0A", "07"  # TCP_LISTEN, TCP_CLOSE: net/tcp_states.h

Record = dict[str, Any]


def printed(*command: str, text: str = "") -> str:
    """What a command prints; nothing where it is not there, takes too long, or has nothing to say."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def listed(text: str) -> list[Record]:
    """The records of a JSON list, without the empty ones that ip(8) leaves where it has filtered."""
    try:
        found = json.loads(text or "[]", object_pairs_hook=whole)
    except ValueError:
        return []
    return [record for record in found if record] if isinstance(found, list) else []


def whole(pairs: Iterable[tuple[str, Any]]) -> Record:
    """A record in which each `match` of a filter is kept: tc(8) gives all of them the same key."""
    found = dict(pairs)
    if "match" in found:
        found["match"] = [value for key, value in pairs if key == "match"]
    return found


def node(others: Mapping[str, Path]) -> Record:
    """What there is in the namespace that this process is in; `others`: the files of all, to tell whose a link is."""
    links = listed(printed("ip", "-j", "-d", "link", "show"))
    assigned(links)
    located(links, others)
    qdiscs = listed(printed("tc", "-j", "qdisc", "show"))
    v4, v6 = ("ip", "-j", "-4"), ("ip", "-j", "-6")
    all_routes = ("route", "show", "table", "all")
    return {
        "links": links,
        "addresses": listed(printed("ip", "-j", "-d", "address", "show")),
        "routes": {
            "4": listed(printed(*v4, *all_routes)),
            "6": listed(printed(*v6, *all_routes)),
        },
        "rules": {
            "4": listed(printed(*v4, "rule", "show")),
            "6": listed(printed(*v6, "rule", "show")),
        },
        "neighbours": listed(printed("ip", "-j", "neighbour", "show", "nud", "permanent")),
        "proxies": listed(printed("ip", "-j", "neighbour", "show", "proxy")),
        "vlans": listed(printed("bridge", "-j", "vlan", "show")),
        "fdb": listed(printed("bridge", "-j", "fdb", "show")),
        "qdiscs": qdiscs,
        "classes": list(classes(qdiscs)),
        "filters": list(filters(qdiscs)),
        **firewall(),
        "wireguard": wireguard(links),
        "sysctls": dict(sorted(sysctls())),
        "sockets": dict(sockets()),
    }


def assigned(links: Iterable[Record]) -> None:
    """Say of each link whether its MAC address was given, drawn or taken: `addr_assign_type`, of linux/netdevice.h."""
    for link in links:
        folder = Path("/sys/class/net", link["ifname"])
        try:
            index, text = ((folder / name).read_text() for name in ("ifindex", "addr_assign_type"))
        except OSError:
            continue
        if int(index) == link["ifindex"]:  # /sys may be that of another namespace
            link["addr_assign_type"] = int(text)


def located(links: Iterable[Record], others: Mapping[str, Path]) -> None:
    """Say of each link where what it is tied to is: `link_netns`, the node of its `link_netnsid`."""
    wanted = {link["link_netnsid"] for link in links if "link_netnsid" in link}
    if not wanted:
        return
    found: dict[int, str] = {}
    for name, path in others.items():
        number = netnsid(path)
        if number in wanted:
            found[number] = name
            if len(found) == len(wanted):
                break
    for link in links:
        if link.get("link_netnsid") in found:
            link["link_netns"] = found[link["link_netnsid"]]


def netnsid(path: Path) -> int:
    """The number that this namespace knows another one by, or -1: RTM_GETNSID, rtnetlink(7)."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return -1
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as link:
            body = struct.pack("=BxxxHHI", 0, 8, NETNSA_FD, handle)
            link.send(struct.pack("=IHHII", 16 + len(body), RTM_GETNSID, 1, 1, 0) + body)
            answer = link.recv(4096)
    except OSError:
        return -1
    finally:
        os.close(handle)
    at = 20  # behind nlmsghdr and rtgenmsg
    while at + 8 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if kind == NETNSA_NSID:
            number: int = struct.unpack_from("=i", answer, at + 4)[0]
            return number
        at += max(4, (length + 3) & ~3)
    return -1


def classes(qdiscs: Iterable[Record]) -> Iterator[Record]:
    """The classes of queues that have some, in the text of tc(8), which has no JSON for them."""
    for device in dict.fromkeys(one["dev"] for one in qdiscs if one["kind"] in CLASSFUL):
        for line in printed("tc", "class", "show", "dev", device).splitlines():
            if line.split()[1:2] and line.split()[1] in CLASSFUL:
                yield {"dev": device, "text": line.strip()}


def filters(qdiscs: Iterable[Record]) -> Iterator[Record]:
    """The filters of each queue that somebody has made, and where they are: `at`."""
    for queue in qdiscs:
        if queue["handle"] == "0:":
            continue
        at = SIDES if queue["kind"] == "clsact" else (f"parent {queue['handle']}",)
        for place in at:
            words = ("filter", "show", "dev", queue["dev"], *place.split())
            for found in listed(printed("tc", "-j", *words)):
                # The first two of a u32 filter are its list, and its hash table.
                if set(found.get("options", {})) - {"fh", "ht_divisor"} or found["kind"] != "u32":
                    yield {"dev": queue["dev"], "at": place, **found}


def firewall() -> dict[str, str]:
    """The rules of iptables by either backend, and what there is of nftables besides."""
    found = {name: printed(f"{name}-save") for name in LEGACY}
    return {**found, "legacy": legacy(), "nft": nftables(found)}


def legacy() -> str:
    """The rules of the older backend, where it has any and iptables is the newer one."""
    texts = []
    for name, path in LEGACY.items():
        try:
            loaded = Path(path).read_text()
        except OSError:
            continue
        text = printed(f"{name}-legacy-save") if loaded else ""
        if re.search(r"^-A|^:\S+ (?!ACCEPT)", text, re.MULTILINE):
            texts.append(f"# {name}\n{text}")
    if texts and "legacy" in printed("iptables-save", "--version"):
        return ""
    return "".join(texts)


def nftables(iptables: Mapping[str, str]) -> str:
    """The tables of nftables, less those that iptables-nft keeps its rules in and has told of."""
    families = {"ip": iptables["iptables"], "ip6": iptables["ip6tables"]}
    texts = []
    for line in printed("nft", "list", "tables").splitlines():
        _, family, name = line.split(maxsplit=2)
        if not re.search(rf"^\*{re.escape(name)}$", families.get(family, ""), re.MULTILINE):
            texts.append(printed("nft", "list", "table", family, name))
    return "".join(texts)


def wireguard(links: Iterable[Record]) -> str:
    """What WireGuard's devices are set to, without the private and the shared keys."""
    names = [
        link["ifname"] for link in links if link.get("linkinfo", {}).get("info_kind") == "wireguard"
    ]
    texts = [f"# {name}\n{printed('wg', 'showconf', name)}" for name in names]
    return SECRET.sub("", "".join(texts))


def sysctls() -> Iterator[tuple[str, str]]:
    """Every readable parameter under net: some thousand files, so they are read by the shortest way."""
    for folder, _, names in os.walk("/proc/sys/net"):
        for name in names:
            path = f"{folder}/{name}"
            try:
                file = os.open(path, os.O_RDONLY)
            except OSError:
                continue
            try:
                yield path[len("/proc/sys/") :], " ".join(os.read(file, 65536).decode().split())
            except (OSError, UnicodeDecodeError):
                continue
            finally:
                os.close(file)


def sockets() -> Iterator[tuple[str, str]]:
    """Who is listened for, by the inode of the socket: `tcp 0.0.0.0:80`."""
    for protocol, state in (("tcp", LISTENS), ("udp", UNCONNECTED)):
        for suffix in ("", "6"):
            try:
                lines = Path(f"/proc/self/net/{protocol}{suffix}").read_text().splitlines()[1:]
            except OSError:
                continue
            for words in map(str.split, lines):
                if words[3] == state:
                    yield words[9], f"{protocol} {_place(words[1])}"


def _place(text: str) -> str:
    """`0100007F:0050` as 127.0.0.1:80; the kernel writes an address word by word in the machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    octets = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(octets) == 4 else socket.AF_INET6
    shown = socket.inet_ntop(family, octets)
    return f"{shown if family == socket.AF_INET else f'[{shown}]'}:{int(port, 16)}"
