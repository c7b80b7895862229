"""See the packets of one connection at each device of every node, by packet(7)."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from nsgen.proof.lab.nftrace import NUMBERS, ports
from nsgen.proof.lab.nodes import inside
from nsgen.values import HOST

ETH_P_ALL = 3
PACKET_OTHERHOST = 3
SO_TIMESTAMPNS = 35  # socket(7), linux/asm-generic/socket.h
INSTANT = 2e-6  # seconds between what is seen at the two ends of a cable


@dataclass(frozen=True)
class Sighting:
    """A packet at a device of a node; `other`: it is for another machine's MAC address."""

    at: float
    node: str
    device: str
    out: bool
    other: bool
    source: str
    to: str
    sport: int
    dport: int
    flags: str
    ttl: int


class Watch:
    """All packets of one protocol, wherever they are."""

    def __init__(self, nodes: Iterable[str], protocol: str) -> None:
        """Open a socket in every node."""
        self.protocol = protocol
        self.seen: list[Sighting] = []
        self.sockets = {self._open(node): node for node in nodes}
        _await_stamps()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    @staticmethod
    def _open(node: str) -> socket.socket:
        with inside(node):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.settimeout(0)
        return sock

    def end(self) -> list[Sighting]:
        """What was seen; see :func:`in_order`."""
        self.ended.set()
        self.thread.join()
        for sock in self.sockets:
            sock.close()
        return self.seen

    def _watch(self) -> None:
        while True:
            ended = self.ended.is_set()
            ready, _, _ = select.select(list(self.sockets), [], [], 0 if ended else 0.1)
            if ended and not ready:
                return
            for sock in ready:
                data, ancillary, _, origin = sock.recvmsg(65535, 64)
                found = self._read(data)
                if found is not None:
                    kind, node = origin[2], self.sockets[sock]
                    out, other = kind == socket.PACKET_OUTGOING, kind == PACKET_OTHERHOST
                    at = _time(ancillary)
                    self.seen.append(Sighting(at, node, origin[0], out, other, *found))

    def _read(self, data: bytes) -> tuple[str, str, int, int, str, int] | None:
        """Addresses, ports, flags and TTL of a packet, if it is one of the protocol."""
        version = data[0] >> 4 if data else 0
        if version == 4 and len(data) >= 20:
            number, ttl, source, to = data[9], data[8], data[12:16], data[16:20]
            body = data[(data[0] & 15) * 4 :]
        elif version == 6 and len(data) >= 40:
            number, ttl, source, to, body = data[6], data[7], data[8:24], data[24:40], data[40:]
        else:
            return None
        sport, dport = ports(NUMBERS.get(number, ""), body)
        if NUMBERS.get(number) != self.protocol or not (sport or dport):
            return None
        bits = body[13] if number == 6 and len(body) > 13 else 0
        flags = "".join(
            name for name, bit in zip("FSRPA", (1, 2, 4, 8, 16), strict=True) if bits & bit
        )
        ends = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(to))
        return *ends, sport, dport, flags, ttl


def _await_stamps() -> None:
    """Wait until the kernel stamps packets when they come: when first asked to, it goes on for a moment not to do so.

    A packet without a stamp is given the time at which it is read, socket(7), and then the order is that of reading.
    """
    with inside(HOST), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.settimeout(0.1)
        for _ in range(200):
            sock.sendto(b"now", sock.getsockname())
            time.sleep(0.005)
            try:
                _, ancillary, _, _ = sock.recvmsg(16, 64)
            except OSError:
                return  # this host's rules let nothing pass
            if time.time() - _time(ancillary) > 0.004:
                return


def _time(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When a packet came, in seconds since 1970."""
    seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2]) if ancillary else (0, 0)
    return float(seconds + nanoseconds / 1e9)


def in_order(seen: Iterable[Sighting]) -> list[Sighting]:
    """Sightings of one packet in the order of time; those of one node are in order already.

    A packet may keep its time on its way through a bridge and a cable. Then, behind one that leaves, stands where it
    comes in; and else the packet goes on in the same node. First of all it leaves.
    """
    queues: dict[str, list[Sighting]] = {}
    for sighting in seen:
        queues.setdefault(sighting.node, []).append(sighting)
    found: list[Sighting] = []
    while any(queues.values()):
        first = min(queue[0].at for queue in queues.values() if queue)
        ready = [queue for queue in queues.values() if queue and queue[0].at - first < INSTANT]
        last = found[-1] if found else None

        def fits(queue: list[Sighting], last: Sighting | None = last) -> bool:
            if last is None:
                return queue[0].out
            return (queue[0].node == last.node) != (last.out and not queue[0].out)

        ready.sort(key=lambda queue: (not fits(queue), queue[0].at))
        found.append(ready[0].pop(0))
    return found
