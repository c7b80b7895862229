"""What brctl(8), ifconfig(8), route(8) and vconfig(8) are asked for, in commands of ip(8): where they are missing.

Each function takes the arguments and gives the commands, without `ip`; nothing where only a list was asked for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence

Commands = list[list[str]]


class UnknownFormError(Exception):
    """A form that is not translated; the message has it."""


def brctl(words: Sequence[str]) -> Commands:
    """Make bridges, and plug devices into them."""
    match list(words):
        case ["addbr", bridge]:
            return [["link", "add", "name", bridge, "type", "bridge"]]
        case ["delbr", bridge]:
            return [["link", "delete", bridge, "type", "bridge"]]
        case ["addif", bridge, *devices]:
            return [["link", "set", device, "master", bridge] for device in devices]
        case ["delif", _, *devices]:
            return [["link", "set", device, "nomaster"] for device in devices]
        case ["stp", bridge, switch]:
            on = "1" if switch in ("on", "yes", "1") else "0"
            return [["link", "set", bridge, "type", "bridge", "stp_state", on]]
        case ["setfd", bridge, seconds]:
            hundredths = str(round(float(seconds) * 100))
            return [["link", "set", bridge, "type", "bridge", "forward_delay", hundredths]]
        case ["hairpin", _, device, switch]:
            return [
                [
                    "link",
                    "set",
                    device,
                    "type",
                    "bridge_slave",
                    "hairpin",
                    "on" if switch in ("on", "yes", "1") else "off",
                ]
            ]
        case ["setageing", bridge, seconds]:
            return [
                [
                    "link",
                    "set",
                    bridge,
                    "type",
                    "bridge",
                    "ageing_time",
                    str(round(float(seconds) * 100)),
                ]
            ]
        case [] | ["show" | "showmacs" | "showstp", *_]:
            return []
    raise UnknownFormError(f"brctl {' '.join(words)}")


def ifconfig(words: Sequence[str]) -> Commands:
    """Give addresses, and switch devices."""
    rest = [word for word in words if word not in ("-a", "-s", "-v", "inet")]
    if len(rest) < 2:
        return []
    device, *rest = rest
    bare = device.partition(":")[0]
    address = mask = switch = ""
    done: Commands = []
    while rest:
        word = rest.pop(0)
        if word in ("up", "down"):
            switch = word
        elif word == "netmask":
            mask = rest.pop(0)
        elif word == "broadcast":
            rest.pop(0)
        elif word[0].isdigit():
            address = word
        else:
            done.append(_setting(bare, word, rest, words))
    if address in ("0", "0.0.0.0"):
        done.append(["address", "flush", "dev", bare])
    elif address:
        done.append(["address", "add", _with_prefix(address, mask), "dev", bare])
        switch = switch or "up"
    return [*done, *([["link", "set", bare, switch]] if switch else [])]


def _setting(device: str, word: str, rest: list[str], words: Sequence[str]) -> list[str]:
    """The command for what else ifconfig sets; it takes its values from the words that follow."""
    if word == "mtu":
        return ["link", "set", device, "mtu", rest.pop(0)]
    if word == "hw":
        rest.pop(0)
        return ["link", "set", device, "address", rest.pop(0)]
    if word in ("promisc", "-promisc"):
        return ["link", "set", device, "promisc", "on" if word == "promisc" else "off"]
    if word in ("inet6", "add"):
        if rest[0] == "add":
            rest.pop(0)
        return ["address", "add", rest.pop(0), "dev", device]
    raise UnknownFormError(f"ifconfig {' '.join(words)}")


def _with_prefix(address: str, mask: str) -> str:
    if "/" in address:
        return address
    if mask:
        return f"{address}/{ipaddress.ip_network(f'0.0.0.0/{mask}').prefixlen}"
    first = int(address.partition(".")[0])
    return (
        f"{address}/{8 if first < 128 else 16 if first < 192 else 24}"  # the classes of ifconfig(8)
    )


IPV6 = ("-6", "-A", "inet6", "--inet6")
IGNORED = ("mss", "window", "irtt")


def route(words: Sequence[str]) -> Commands:
    """Add routes, and remove them."""
    given = [word for word in words if word not in ("-n", "-v", "-e", "-4", "--inet")]
    rest = [word for word in given if word not in IPV6]
    if not rest:
        return []
    verb = rest.pop(0)
    if verb not in ("add", "del"):
        raise UnknownFormError(f"route {' '.join(words)}")
    found = {"to": "", "mask": "", "kind": "", "via": "", "dev": "", "metric": ""}
    names = {
        "-net": "to",
        "-host": "to",
        "netmask": "mask",
        "gw": "via",
        "via": "via",
        "dev": "dev",
        "metric": "metric",
    }
    while rest:
        word = rest.pop(0)
        if word in names:
            found[names[word]] = rest.pop(0)
        elif word in IGNORED:
            rest.pop(0)
        elif word == "reject":
            found["kind"] = "unreachable"
        else:
            found["dev" if found["to"] else "to"] = word
    default = found["to"].partition("/")[0] in ("default", "0.0.0.0")
    prefix = (
        f"/{ipaddress.ip_network('0.0.0.0/' + found['mask']).prefixlen}" if found["mask"] else ""
    )
    to = "default" if default else f"{found['to']}{prefix}"
    ways = () if found["kind"] else ("via", "dev", "metric")
    where = [word for name in ways if found[name] for word in (name, found[name])]
    version = ["-6"] if len(rest) != len(given) and any(word in IPV6 for word in given) else []
    return [[*version, "route", verb, *([found["kind"]] if found["kind"] else []), to, *where]]


def vconfig(words: Sequence[str]) -> Commands:
    """Make VLANs."""
    match list(words):
        case ["add", device, number]:
            return [
                [
                    "link",
                    "add",
                    "link",
                    device,
                    "name",
                    f"{device}.{number}",
                    "type",
                    "vlan",
                    "id",
                    number,
                ]
            ]
        case ["rem", device]:
            return [["link", "delete", device]]
    raise UnknownFormError(f"vconfig {' '.join(words)}")


TOOLS: Mapping[str, Callable[[Sequence[str]], Commands]] = {
    "brctl": brctl,
    "ifconfig": ifconfig,
    "route": route,
    "vconfig": vconfig,
}
LISTS: Mapping[str, list[str]] = {
    "brctl": ["-brief", "link", "show", "type", "bridge"],
    "ifconfig": ["address", "show"],
    "route": ["route", "show"],
}
