"""Watch one question on its way: the devices that its packets pass, and the rules that they meet.

The kernel is the witness: packet(7) sockets in every node see each device, and nf_tables tells of each rule that a
packet meets which the TRACE target of iptables-nft has marked.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from nsgen.claim import HOST
from nsgen.rehearsal import nftrace, probe
from nsgen.rehearsal.machine import RehearsalError, output, run
from nsgen.rehearsal.nodes import inside

ETH_P_ALL = 3
SO_TIMESTAMPNS = 35  # socket(7), linux/asm-generic/socket.h
PORT = 45678  # the asker's, by which its packets are told
INSTANT = 2e-6  # seconds between what is seen at the two ends of a cable
AFTERWARDS = 0.4  # seconds for what is still on its way
NUMBERS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
ECHO = {8: "request", 128: "request", 0: "reply", 129: "reply"}


@dataclass(frozen=True)
class Sighting:
    """A packet at a device of a node."""

    at: float
    node: str
    device: str
    out: bool
    source: str
    to: str
    sport: int
    dport: int
    flags: str


class Watch:
    """Packets of one connection, told by the asker's port, wherever they are."""

    def __init__(self, nodes: Iterable[str], port: int) -> None:
        """Open a socket in every node; `port` is 0 for pings."""
        self.port = port
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
        """What was seen, in the order of time."""
        self.ended.set()
        self.thread.join()
        for sock in self.sockets:
            sock.close()
        return _in_order(self.seen)

    def _watch(self) -> None:
        while True:
            ended = self.ended.is_set()
            ready, _, _ = select.select(list(self.sockets), [], [], 0 if ended else 0.1)
            if ended and not ready:
                return
            for sock in ready:
                data, ancillary, _, origin = sock.recvmsg(65535, 64)
                at = _time(ancillary)
                found = self._read(data)
                if found is not None and origin[0] != "lo":
                    out = origin[2] == socket.PACKET_OUTGOING
                    node = self.sockets[sock].rstrip("~")
                    self.seen.append(Sighting(at, node, origin[0], out, *found))

    def _read(self, data: bytes) -> tuple[str, str, int, int, str] | None:
        """Addresses, ports and flags of a packet, if it is of this connection."""
        version = data[0] >> 4 if data else 0
        if version == 4:
            number, source, to = data[9], data[12:16], data[16:20]
            body = data[(data[0] & 15) * 4 :]
        elif version == 6:
            number, source, to, body = data[6], data[8:24], data[24:40], data[40:]
        else:
            return None
        sport = dport = 0
        flags = ""
        if NUMBERS.get(number) == "icmp":
            flags = ECHO.get(body[0], "") if body else ""
        elif number in NUMBERS and len(body) >= 8:
            sport, dport = struct.unpack("!HH", body[:4])
            bits = body[13] if number == 6 and len(body) > 13 else 0
            flags = "".join(
                name for name, bit in zip("FSRPA", (1, 2, 4, 8, 16), strict=True) if bits & bit
            )
        if (self.port and self.port not in (sport, dport)) or (not self.port and not flags):
            return None
        return str(ipaddress.ip_address(source)), str(ipaddress.ip_address(to)), sport, dport, flags


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


def _in_order(seen: list[Sighting]) -> list[Sighting]:
    """Sightings in the order of time; those of one node are in order already.

    A packet may keep its time on its way through a bridge and a cable. Then, behind one that leaves, stands where it
    comes in; and else the packet goes on in the same node.
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
            here = last is not None and queue[0].node == last.node
            return here != (last is not None and last.out and not queue[0].out)

        ready.sort(key=lambda queue: (not fits(queue), queue[0].at))
        found.append(ready[0].pop(0))
    return found


def trace(
    nodes: Iterable[str], question: tuple[str, str, int, str], patience: float
) -> dict[str, Any]:
    """Ask one question, and give what was seen of it."""
    asker, to, port, protocol = question
    own_port = 0 if protocol == "ping" else PORT
    tool = "ip6tables" if ":" in to else "iptables"
    if "nf_tables" not in output([tool, "-V"]):
        raise RehearsalError(
            "the kernel tells of rules only by iptables-nft, and this is another iptables"
        )
    _mark(tool, protocol, own_port, "-I")
    monitor = nftrace.Monitor(6 if ":" in to else 4)
    watch = Watch(nodes, own_port)
    source = f"#{own_port}" if own_port else ""
    one = probe.Probe(f"{asker}{_bound(asker, to, source)} {to} {port or '-'} {protocol}")
    probe.run([one], patience)
    time.sleep(AFTERWARDS)
    seen = watch.end()
    flows = output(["conntrack", "-L", "-f", "ipv6" if ":" in to else "ipv4"]).splitlines()
    met = monitor.end()
    _mark(tool, protocol, own_port, "-D")
    return {
        "verdict": one.verdict,
        "routes": {
            to: _route(to) for to in dict.fromkeys(one.to for one in seen if one.node == "host")
        },
        "seen": [asdict(sighting) for sighting in seen],
        "rules": [asdict(one) for one in met],
        "flows": [f for f in flows if f"sport={own_port} " in f or (not own_port and "icmp" in f)],
    }


def _bound(asker: str, to: str, source: str) -> str:
    """From which address and port it asks."""
    if not source:
        return ""
    shown = output(["nsenter", f"--net={_file(asker)}", "ip", "route", "get", to]).split()
    address = (
        shown[shown.index("src") + 1] if "src" in shown else ("::" if ":" in to else "0.0.0.0")
    )
    return f"@{address}{source}"


def _route(to: str) -> str:
    """Which way the host takes to an address."""
    shown = output(["ip", "route", "get", to]).split("\n", 1)[0]
    words = shown.split()
    kept = [words[i : i + 2] for i, word in enumerate(words) if word in ("via", "dev", "src")]
    return " ".join([to, *(word for pair in kept for word in pair)])


def _file(node: str) -> str:
    from nsgen.rehearsal.nodes import file_of

    return str(file_of(node))


def _mark(tool: str, protocol: str, port: int, action: str) -> None:
    """Have the kernel tell of the rules that the packets of this connection meet."""
    number = protocol if port else ("ipv6-icmp" if tool == "ip6tables" else "icmp")
    matches = [["--sport", str(port)], ["--dport", str(port)]] if port else [[]]
    if number == "ipv6-icmp":
        matches = [["--icmpv6-type", kind] for kind in ("echo-request", "echo-reply")]
    for chain in ("PREROUTING", "OUTPUT"):
        for match in matches:
            run(tool, "-w", "-t", "raw", action, chain, "-p", number, *match, "-j", "TRACE")
