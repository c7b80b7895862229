"""Published ports of Compose, in every form, as entries of `publish`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.report import Path

RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
PROTOCOLS = ("tcp", "udp", "sctp")
LOOPBACK_6 = "::1"
SHORT = "expected [[HOST_IP:]PORT:]PORT[/tcp|udp|sctp] such as '8080:80', got"


class PortError(Exception):
    """A port that is none: the message says why."""


@dataclass(frozen=True)
class ComposePort:
    """One entry: both ranges, of the same length; no `published` is one that Docker chooses."""

    published: tuple[int, int] | None
    target: tuple[int, int]
    host_ip: str = ""
    protocol: str = "tcp"

    def short(self, replica: int = 0) -> str:
        """The short form of `publish`, of one of several replicas."""
        address = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        before = f"{address}:" if address else ""
        ports = self.dealt(replica)
        after = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{before}{_text(ports)}:{_text(self.target)}{after}"

    def written(self, replica: int = 0) -> str | dict[str, str]:
        """An entry of `publish`, in the long form where the kernel translates nothing, and a process relays."""
        if self.host_ip != LOOPBACK_6:
            return self.short(replica)
        more = {} if self.protocol == "tcp" else {"protocol": self.protocol}
        ports = {"published": _text(self.dealt(replica)), "target": _text(self.target)}
        return {**ports, "host_ip": self.host_ip, **more, "via": "proxy"}

    def dealt(self, replica: int) -> tuple[int, int]:
        """The host's ports; of a range for one port, each replica has the next one."""
        assert self.published is not None  # noqa: S101 - without one there is nothing to write
        first, last = self.published
        if last - first == self.target[1] - self.target[0]:
            return self.published
        return first + replica, first + replica

    def replicas(self) -> int:
        """How many replicas it can be published for."""
        assert self.published is not None  # noqa: S101 - as above
        first, last = self.published
        return 1 if last - first == self.target[1] - self.target[0] else last - first + 1


def _text(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def read_ports(
    node: SourceNode | None, path: Path, notes: Notes
) -> list[tuple[SourceNode, Path, ComposePort]]:
    """Read them; what is no port is an error, and one that is there already is left out."""
    found: dict[ComposePort, tuple[SourceNode, Path]] = {}
    for step, item in enumerate(node.list if node else ()):
        here = (*path, step)
        try:
            port = _long(item) if item.map else _short(item.text)
        except PortError as error:
            notes.error(item, here, str(error))
            continue
        if port.published is None:
            reason = "its host port is chosen when it runs: write one, such as '8080:80'"
            notes.not_said(item, here, reason)
        else:
            found.setdefault(port, (item, here))
    return [(item, here, port) for port, (item, here) in found.items()]


def _long(node: SourceNode) -> ComposePort:
    published = node.text_of("published")
    if not node.text_of("target"):
        raise PortError("the port inside is missing: write 'target'")
    return _port(
        published, node.text_of("target"), node.text_of("host_ip"), node.text_of("protocol"), SHORT
    )


def _short(text: str) -> ComposePort:
    ports, slash, protocol = text.partition("/")
    if slash and not protocol:
        raise PortError(f"{SHORT} {text!r}")
    head, _, target = ports.rpartition(":")
    address, _, published = head.rpartition(":")
    return _port(published, target, address, protocol, f"{SHORT} {text!r}")


def _port(published: str, target: str, address: str, protocol: str, wrong: str) -> ComposePort:
    protocol = (protocol or "tcp").lower()
    if protocol not in PROTOCOLS:
        raise PortError(f"expected tcp, udp or sctp, got {protocol!r}")
    address = address.removeprefix("[").removesuffix("]")
    if address:
        try:
            address = str(ipaddress.ip_address(address))
        except ValueError:
            raise PortError(f"{address!r} is no address of the host; {wrong}") from None
    inside = _range(target, wrong)
    if published in ("", "0"):
        return ComposePort(None, inside, address, protocol)
    outside = _range(published, wrong)
    same = inside[1] - inside[0] == outside[1] - outside[0]
    if not same and inside[0] != inside[1]:
        raise PortError(f"the ranges {published} and {target} are of different length")
    return ComposePort(outside, inside, address, protocol)


def _range(text: str, wrong: str) -> tuple[int, int]:
    match = RANGE.fullmatch(text.strip())
    if match is None:
        raise PortError(wrong)
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= 65535:
        raise PortError(f"expected ports from 1 to 65535, the lower one first, got {text!r}")
    return first, last
