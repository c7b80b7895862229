"""One function for each kind of value in a topology: text in, value out, ``ValueError`` with advice for the rest.

What ends up inside an ``ip -batch`` or ``iptables-restore`` block is not quoted there, because those read words, not
shell. So a name, an address or a number is admitted only in a form that needs no quotes; everything else (a command,
a directory) is free text, and is quoted by the shell's rules when it is printed.

It is long because it is a list: functions of ten lines, each for one kind.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NoReturn

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

IPV6_MTU = 1280  # RFC 8200, 5
DEVICE_BYTES = 15  # IFNAMSIZ less the closing NUL, linux/if.h
TOPOLOGY_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
NAMESPACE_RANGE = re.compile(r"(?P<stem>[^\[\]]*)\[(?P<first>[0-9]+)-(?P<last>[0-9]+)\]")
DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
SYSCTL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*([./][A-Za-z0-9_.:@-]+)+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
MAX_NAMESPACES = 100_000
NAMESPACE_LENGTH = 64
HOST, OUTSIDE, INTERNET = "host", "outside", "internet"
NODES = (HOST, OUTSIDE, INTERNET)  # what is there besides namespaces
RESERVED_NODES = (*NODES, "all", "default")
# bonding_masters is a file in /sys/class/net; the others are devices that modules of tunnels make in every namespace.
RESERVED_DEVICES = (
    *("lo", "all", "default", "bonding_masters", "gre0", "gretap0", "erspan0", "tunl0", "sit0"),
    *("ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"),
)


@dataclass(frozen=True, order=True)
class Ports:
    """The ports `first` to `last`, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def overlaps(self, other: Ports) -> bool:
        """Whether some port is in both."""
        return self.first <= other.last and other.first <= self.last


def integer(text: str, least: int, most: int) -> int:
    """Read a decimal integer from `least` to `most`."""
    if not re.fullmatch(r"[0-9]+", text) or len(text) > 10 or not least <= int(text) <= most:
        raise ValueError(f"expected a whole number from {least} to {most}, got {text!r}")
    return int(text)


def boolean(text: str) -> bool:
    """Read ``true`` or ``false``, and none of YAML 1.1's other words for them."""
    if text not in ("true", "false"):
        raise ValueError(f"expected true or false, got {text!r}")
    return text == "true"


def free_text(text: str) -> str:
    """Any text that can be an argument of a command: no NUL (execve(2))."""
    if "\0" in text:
        raise ValueError("a NUL byte cannot be passed to a command")
    return text


def line(text: str) -> str:
    """Any text on one line: no control characters."""
    if not text or not text.isprintable():
        raise ValueError(f"expected one line of printable text, got {text!r}")
    return text


def topology_name(text: str) -> str:
    """The topology's name. It ends up in the names of chains, of which iptables takes 28 bytes."""
    if not TOPOLOGY_NAME.fullmatch(text):
        raise ValueError(
            f"expected a lower-case letter, then at most 14 of a-z, 0-9 and '-', got {text!r}"
        )
    return text


def namespace(text: str) -> str:
    """A namespace's name: a file name under /run/netns, ip-netns(8)."""
    if text in (".", "..") or not NAMESPACE.fullmatch(text) or len(text) > NAMESPACE_LENGTH:
        raise ValueError(
            f"{text!r} cannot name a namespace: use letters, digits, '_', '.' and '-',"
            f" a letter or digit first, {NAMESPACE_LENGTH} at most"
        )
    if text in RESERVED_NODES:
        raise ValueError(f"{text!r} has a meaning of its own in a topology: choose another name")
    return text


def namespace_key(text: str) -> str:
    """A namespace's name, or ``NAME[1-100]`` for that many."""
    match = NAMESPACE_RANGE.fullmatch(text)
    if match is None:
        return namespace(text)
    first, last = match["first"], match["last"]
    if int(first) > int(last):
        raise ValueError(f"the range in {text!r} counts down: write [{last}-{first}]")
    if int(last) - int(first) >= MAX_NAMESPACES:
        raise ValueError(f"{text!r} is more than {MAX_NAMESPACES} namespaces")
    namespace(match["stem"] + last)
    return text


def expand(key: str) -> list[str]:
    """The namespaces that a key of `namespaces` stands for; ``n[08-10]`` keeps the leading zeros."""
    match = NAMESPACE_RANGE.fullmatch(key)
    if match is None:
        return [key]
    first, last = match["first"], match["last"]
    width = len(first) if first.startswith("0") else 0
    return [f"{match['stem']}{number:0{width}}" for number in range(int(first), int(last) + 1)]


def device(text: str) -> str:
    """A network device's name, as the kernel (dev_valid_name) and iptables (a trailing ``+``) take it."""
    if text in (".", "..") or not DEVICE.fullmatch(text):
        raise ValueError(
            f"{text!r} cannot name a device: use letters, digits, '_', '.' and '-',"
            " not '-' or '.' first"
        )
    if len(text) > DEVICE_BYTES:
        raise ValueError(f"{text!r} is {len(text)} bytes long, a device's name has at most 15")
    if text in RESERVED_DEVICES:
        raise ValueError(f"{text!r} has a meaning of its own in the kernel: choose another name")
    return text


def existing_device(text: str) -> str:
    """A device that a route leaves by: a device's name, or ``lo``."""
    return text if text == "lo" else device(text)


def word(text: str) -> str:
    """A name of ours (a service), or of the system's (a module, a user)."""
    if not WORD.fullmatch(text) or len(text) > 64:
        raise ValueError(
            f"{text!r} cannot be a name here: use letters, digits, '_', '.' and '-',"
            " a letter or digit first"
        )
    return text


def service(text: str) -> str:
    """The name of a service: of its log under /run/nsgen, behind its node and a dot."""
    if "." in word(text):
        raise ValueError(f"{text!r} cannot name a service: it has a '.'")
    if text.startswith("proxy-"):
        raise ValueError(
            f"{text!r} cannot name a service: 'proxy-' is how those of published ports begin"
        )
    return text


def service_of(text: str) -> str:
    """A service of the same node, or ``NODE.SERVICE``; the node may be a range."""
    node, dot, name = text.rpartition(".")
    if dot and node != HOST:
        namespace_key(node)
    service(name)
    return text


def sysctl_value(text: str) -> str:
    """What a kernel parameter is set to, as sysctl.d(5) reads it: without blanks or ``=`` at its ends.

    The kernel prints tabs where it takes blanks.
    """
    text = text.replace("\t", " ")
    if line(text).strip(" =") != text:
        raise ValueError(f"{text!r} cannot be read back: it begins or ends with a blank or '='")
    return text


def variable(text: str) -> str:
    """An environment variable's name, as POSIX shells take it."""
    if not VARIABLE.fullmatch(text):
        raise ValueError(
            f"{text!r} cannot name an environment variable: use letters, digits and '_'"
        )
    return text


def sysctl(text: str) -> str:
    """The key of a kernel parameter, with ``.`` or ``/`` between its parts; see sysctl.d(5)."""
    if not SYSCTL.fullmatch(text) or ".." in text or "//" in text:
        raise ValueError(f"{text!r} is not the name of a sysctl, such as net.ipv4.ip_forward")
    return text


def mac(text: str) -> str:
    """A unicast Ethernet address, in lower case."""
    lower = text.lower()
    if not MAC.fullmatch(lower):
        raise ValueError(f"expected a MAC address such as 02:00:00:00:00:01, got {text!r}")
    if int(lower[:2], 16) & 1:
        raise ValueError(f"{text!r} is a multicast address: the second digit must be even")
    if lower == "00:00:00:00:00:00":
        raise ValueError(f"{text!r} is no address: a device needs one that is not all zeros")
    return lower


def network(text: str) -> IPNetwork:
    """A subnet in CIDR notation, without host bits."""
    if "/" not in text:
        raise ValueError(
            f"expected a subnet such as 192.168.15.0/24, got {text!r}: the prefix is missing"
        )
    _check_prefix(text)
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"expected a subnet such as 192.168.15.0/24, got {text!r}") from None
    _check_mapped(found.ip, text)
    if found.ip != found.network.network_address:
        raise ValueError(f"{text!r} is an address inside a subnet: write {str(found.network)!r}")
    return found.network


def _check_prefix(text: str) -> None:
    """Refuse netmasks, which `ipaddress` takes, and zones."""
    prefix = text.partition("/")[2]
    if not re.fullmatch(r"[0-9]{1,3}", prefix):
        raise ValueError(
            f"expected a prefix such as /24 at the end of {text!r}, got {'/' + prefix!r}"
        )
    if "%" in text:
        raise ValueError(f"{text!r} has a zone: write the address alone")


def _check_mapped(found: IPAddress, text: str) -> None:
    """Refuse IPv6 in IPv4's name: the kernel does not route it, and Python prints it in two ways."""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is an IPv4-mapped address: write it as IPv4")


def address(text: str) -> IPAddress:
    """An IPv4 or IPv6 address without prefix or zone."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"expected an address such as 192.168.15.1, got {text!r}") from None
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        raise ValueError(f"{text!r} has a zone: write the address alone")
    _check_mapped(found, text)
    return found


def interface_address(text: str) -> IPAddress | IPInterface:
    """An address with a prefix, or without one where the network says it."""
    if "/" not in text:
        return address(text)
    _check_prefix(text)
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"expected an address such as 192.168.15.2, got {text!r}") from None
    _check_mapped(found.ip, text)
    return found


def destination(text: str) -> IPNetwork | None:
    """A route's destination: ``default`` (None), or a subnet; a lone address is a host route."""
    if text == "default":
        return None
    if "/" in text:
        return network(text)
    try:
        return ipaddress.ip_network(address(text))
    except ValueError:
        raise ValueError(
            f"expected default, a subnet such as 10.0.0.0/8 or an address, got {text!r}"
        ) from None


def source(text: str) -> IPNetwork:
    """A subnet in CIDR notation, or a lone address."""
    return network(text) if "/" in text else ipaddress.ip_network(address(text))


def ports(text: str) -> Ports:
    """A port, or a range of them such as ``8000-8010``."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        raise ValueError(f"expected a port or a range such as 8000-8010, got {text!r}")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= 65535 or not 1 <= last <= 65535:
        raise ValueError(f"ports go from 1 to 65535, got {text!r}")
    if first > last:
        raise ValueError(f"the range {text!r} counts down: write {last}-{first}")
    return Ports(first, last)


def assert_never(value: NoReturn) -> NoReturn:
    """What mypy proves cannot be reached."""
    raise AssertionError(value)
