"""Send what no honest kernel would send, many packets at once, and watch where they get to.

``spoofed``    a TCP SYN from an address that is not the sender's
``invalid``    a TCP reset that belongs to no connection, so that connection tracking cannot translate it
``forged``     a TCP SYN to an address that is not the receiver's, 127.0.0.1 say: CVE-2020-8558
``detour``     a TCP SYN to somebody else, by way of a machine that is not to forward it
``advertised`` an IPv6 router advertisement, RFC 4861, 4.2
``neighbour``  an IPv6 ping, to whoever listens to ff02::1 by that MAC address

What is for the host is taken to have got there if it sends an answer, by whatever way.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from nsgen.proof.claims.claim import Forgery
from nsgen.proof.lab.inject import RST, SYN, checksum
from nsgen.proof.lab.nodes import family_of, inside
from nsgen.values import HOST

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD
TCP, ICMPV6 = socket.IPPROTO_TCP, socket.IPPROTO_ICMPV6
ECHO_REQUEST = 128
SOLICITATION, ADVERTISEMENT = 135, 136
# Type 134, hop limit 64, no flags; a router for half an hour.
ADVERTISED = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
FIRST = 20000  # the source port of the first one; the next has the next
TIMES, APART = 3, 0.1  # how often they are sent, and after how many seconds again
KINDS: tuple[Forgery, ...] = get_args(Forgery)


@dataclass(frozen=True)
class Forged:
    """One packet: who sends it by which device to which machine next door, and what it says.

    `target`: who alone has got it, if anybody has; where that is not said, whoever is watched.
    """

    node: str
    device: str
    mac: bytes
    kind: str
    source: str
    to: str
    port: int
    target: str = ""

    @property
    def ethertype(self) -> int:
        """What the frame says that it holds."""
        return ETH_P_IPV6 if ":" in self.to else ETH_P_IP

    def packet(self, sport: int) -> bytes:
        """The packet as it is sent."""
        if self.kind == "neighbour":
            return _packet(self.source, self.to, ICMPV6, _echo_request(sport), 2)
        if self.kind == "advertised":
            return _packet(self.source, self.to, ICMPV6, ADVERTISED, 2)
        flags = RST if self.kind == "invalid" else SYN
        tcp = struct.pack("!HHIIBBHHH", sport, self.port, 1, 0, 5 << 4, flags, 64240, 0, 0)
        return _packet(self.source, self.to, TCP, tcp, 16)


def _echo_request(identifier: int) -> bytes:
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, 1)


def _packet(source: str, to: str, protocol: int, body: bytes, at: int) -> bytes:
    """An IP packet, with the checksum of its body filled in `at` its place."""
    family = family_of(to)
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, to)
    pseudo = addresses + struct.pack("!II", len(body), protocol)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2 :]
    if family == socket.AF_INET6:
        hops = 255 if protocol == ICMPV6 else 64
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, hops) + addresses + body

    def header(checked: int) -> bytes:
        words = (0x45, 0, 20 + len(body), 1, 0, 64, protocol, checked)
        return struct.pack("!BBHHHBBH", *words) + addresses

    return header(checksum(header(0))) + body


@dataclass(frozen=True)
class Seen:
    """A packet at a device of a node."""

    node: str
    device: str
    mac: bytes
    source: str
    to: str
    protocol: int
    body: bytes

    @property
    def ports(self) -> tuple[int, int]:
        """Where it comes from, and where it goes."""
        if self.protocol != TCP or len(self.body) < 4:
            return 0, 0
        sport, dport = struct.unpack("!HH", self.body[:4])
        return sport, dport


def _read(node: str, data: bytes, device: str, mac: bytes) -> Seen | None:
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        source, to = (socket.inet_ntop(socket.AF_INET, data[a : a + 4]) for a in (12, 16))
        return Seen(node, device, mac, source, to, data[9], data[(data[0] & 15) * 4 :])
    if version == 6 and len(data) >= 40:
        source, to = (socket.inet_ntop(socket.AF_INET6, data[a : a + 16]) for a in (8, 24))
        return Seen(node, device, mac, source, to, data[6], data[40:])
    return None


def send(strays: Sequence[Forged], watched: Iterable[str]) -> list[str]:
    """Send them all; for each a verdict: ``ok NODE SOURCE`` if it got through to one of the watched, or ``timeout``."""
    sockets = {node: _open(node) for node in dict.fromkeys([*watched, *(s.node for s in strays)])}
    seen: list[Seen] = []
    for _ in range(TIMES):
        for number, stray in enumerate(strays, FIRST):
            where = (stray.device, stray.ethertype, 0, 0, stray.mac)
            sockets[stray.node].sendto(stray.packet(number), where)
        seen += _watch(sockets, APART)
    for sock in sockets.values():
        sock.close()
    numbered = enumerate(strays, FIRST)
    return [_verdict(stray, number, seen, set(watched)) for number, stray in numbered]


def _open(node: str) -> socket.socket:
    with inside(node):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.settimeout(0)
    return sock


def _watch(sockets: dict[str, socket.socket], seconds: float) -> Iterator[Seen]:
    deadline = time.monotonic() + seconds
    nodes = {sock: node for node, sock in sockets.items()}
    while (left := deadline - time.monotonic()) > 0:
        for sock in select.select(list(nodes), [], [], left)[0]:
            data, (device, _, kind, _, mac) = sock.recvfrom(2048)
            found = _read(nodes[sock], data, device, mac)
            strange = kind in (socket.PACKET_OUTGOING, socket.PACKET_OTHERHOST)
            if found is not None and (not strange or device == "lo"):
                yield found


def _verdict(stray: Forged, number: int, seen: Iterable[Seen], watched: set[str]) -> str:
    for one in seen:
        if stray.kind in ("forged", "neighbour"):
            if _answers(stray, number, one):
                return f"ok {HOST} {stray.source}"
        elif one.node == HOST:
            if one.ports[1] == number and one.to == stray.source and one.device == "lo":
                return f"ok {HOST} {stray.source}"
        elif one.node in ({stray.target} if stray.target else watched - {stray.node}) and _is(
            stray, number, one
        ):
            return f"ok {one.node} {one.source}"
    return "timeout"


def _is(stray: Forged, number: int, one: Seen) -> bool:
    """Whether it is what was sent; by a detour, it may come from another address by then."""
    same = one.to == stray.to if stray.kind == "detour" else one.source == stray.source
    return same and one.ports[0] == number


def _answers(stray: Forged, number: int, one: Seen) -> bool:
    """Whether it is what the sender gets for an answer."""
    if one.node != stray.node:
        return False
    if (
        stray.kind == "forged"
    ):  # from whatever port: an answer that lost its translation is an answer still
        return one.device == stray.device and one.ports[1] == number
    kinds = (SOLICITATION, ADVERTISEMENT)
    return one.protocol == ICMPV6 and one.body[0] in kinds and one.mac == stray.mac
