"""One connection that says something every few milliseconds, and what came back of it."""

from __future__ import annotations

import errno
import itertools
import socket
import struct
from dataclasses import dataclass, field

from nsgen.proof.lab.nodes import family_of, inside

APART = 0.005  # seconds between two packets
QUIET = 0.3  # seconds that a flow is well, before all is over
STALLED = 0.2  # seconds, the least after which TCP sends again, RFC 6298 and linux/net/tcp.h
PING = 12  # bytes of ours, with their number
ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}  # ICMP, ICMPv6: asked, answered


@dataclass
class Flow:
    """One connection: what was sent when, and what came back."""

    number: int
    asker: str
    to: str
    port: int
    protocol: str
    sock: socket.socket
    sent: list[float] = field(default_factory=list)
    back: dict[int, float] = field(default_factory=dict)
    unread: bytes = b""
    broken: bool = False
    over: bool = False  # for good: its own address is gone
    source: str = ""

    def __post_init__(self) -> None:
        """Note the address that it asks from."""
        self.source = str(self.sock.getsockname()[0])

    def has_source(self) -> bool:
        """Whether that is still there."""
        with inside(self.asker), socket.socket(family_of(self.source), socket.SOCK_DGRAM) as sock:
            try:
                sock.bind((self.source, 0))
            except OSError as error:
                return error.errno != errno.EADDRNOTAVAIL
        return True

    def say(self, now: float) -> None:
        """Send the next number."""
        number = len(self.sent)
        if self.protocol == "tcp" and self.broken:
            return
        self.sent.append(now)
        try:
            self.sock.send(self._packet(number))
        except BlockingIOError:
            self.sent.pop()  # TCP has much to send again already
        except OSError:
            self.broken = self.protocol == "tcp"

    def _packet(self, number: int) -> bytes:
        if self.protocol != "ping":
            return struct.pack("!I", number)
        kind = ECHO[family_of(self.to)][0]
        body = struct.pack("!HHI", self.number + 1, number & 0xFFFF, number)
        head = struct.pack("!BB", kind, 0)
        total = sum(struct.unpack("!5H", head + body))
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        return head + struct.pack("!H", ~total & 0xFFFF) + body

    def hear(self, now: float) -> None:
        """Read what came back."""
        while True:
            try:
                data = self.sock.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                self.broken = self.protocol == "tcp"
                return  # of UDP, that something was refused
            if not data and self.protocol == "tcp":
                self.broken = True
                return
            for number in self._numbers(data):
                if number < len(
                    self.sent
                ):  # or a service of the topology's own says something else
                    self.back.setdefault(number, now)

    def _numbers(self, data: bytes) -> list[int]:
        if self.protocol == "ping":
            family = family_of(self.to)
            data = data[(data[0] & 15) * 4 :] if family == socket.AF_INET else data
            if len(data) != PING:
                return []
            kind, _, _, identifier, _, number = struct.unpack("!BBHHHI", data)
            return [number] if (kind, identifier) == (ECHO[family][1], self.number + 1) else []
        self.unread += data
        whole = len(self.unread) // 4
        numbers = struct.unpack(f"!{whole}I", self.unread[: whole * 4])
        self.unread = self.unread[whole * 4 :]
        return list(numbers)

    @property
    def heard(self) -> float:
        """When what was sent last, of all that came back, was sent."""
        return self.sent[max(self.back)] if self.back else 0.0

    def outage(self) -> tuple[int, float | None]:
        """How many were lost, and the longest time from one that was not to the next; None: for good."""
        if self.protocol == "tcp":
            times = sorted(self.back.values())
            gap = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
            lost = len(self.sent) - len(self.back)
            ended = self.broken or not times or self.sent[-1] - times[-1] > STALLED
            if ended:
                return max(lost, 1), None
            return (1, gap) if gap > STALLED else (0, 0.0)
        known = [number for number in range(len(self.sent)) if number in self.back]
        lost = len(self.sent) - len(known)
        if not known or len(self.sent) - 1 - known[-1] > QUIET / APART:
            return lost, None
        holes = [self.sent[b] - self.sent[a] for a, b in itertools.pairwise(known) if b - a > 1]
        return lost - (len(self.sent) - 1 - known[-1]), max(holes, default=0.0)
