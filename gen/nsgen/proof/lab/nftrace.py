"""What the kernel tells of packets that a TRACE rule has marked: each rule that they meet, and what it says.

The messages are those of linux/netfilter/nf_tables.h (`enum nft_trace_attributes`), by netlink(7). xtables-monitor(8)
prints the same, but version 1.8.9 ends at the first IPv6 rule with a port.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from nsgen.proof.lab.nodes import file_of, inside
from nsgen.proof.lab.programs import output

NETLINK_NETFILTER = 12
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_RCVBUFFORCE = 270, 1, 33
NFNLGRP_NFTRACE = 9
NFTABLES = 10 << 8  # the subsystem, in the upper half of a message's type
NEWRULE, GETRULE, TRACE = NFTABLES | 6, NFTABLES | 7, NFTABLES | 17
REQUEST_DUMP = 0x301
DONE = 3
RULE_TABLE, RULE_CHAIN, RULE_HANDLE = 1, 2, 3
TABLE, CHAIN, HANDLE, TYPE, VERDICT, NUMBER, NETWORK, TRANSPORT, IIF, MARK, POLICY = (
    *(1, 2, 3, 4, 5, 6, 8, 9, 10, 14, 16),
)
BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
RETURN, RULE = 2, 3  # of TYPE; else it is a policy
CODES = {0: "DROP", 1: "ACCEPT", -1: "CONTINUE", -2: "BREAK", -3: "JUMP", -4: "GOTO", -5: "RETURN"}
FAMILIES = {4: 2, 6: 10}
BUFFER = 4 * 1024 * 1024  # bytes
NUMBERS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
ECHO = {8: "request", 128: "request", 0: "reply", 129: "reply"}

Attributes = dict[int, bytes]


@dataclass(frozen=True)
class TracedRule:
    """A rule that a packet met, or the policy that it fell to, and what that said; `hook`: the built-in chain."""

    hook: str
    table: str
    chain: str
    rule: str
    verdict: str


@dataclass
class Passage:
    """One packet on its way through the rules of a node: how it looked first, and what it met."""

    ttl: int
    sport: int
    dport: int
    device: str  # that it came in by, or empty
    mark: int = 0  # at the end
    met: list[TracedRule] = field(default_factory=list)


class Monitor:
    """Listens in a node from the moment that it is made."""

    def __init__(self, node: str, version: int) -> None:
        """Open the socket, and learn the rules of one IP version by their numbers."""
        self.node = node
        self.version = version
        with inside(node):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
            self.rules = _rules(node, version)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def end(self) -> list[Passage]:
        """What each packet has met, in the order in which they came."""
        self.sock.settimeout(0)
        found: list[Passage] = []
        now: dict[bytes, Passage] = {}  # by the kernel's number of the packet
        while True:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                break
            for kind, family, attributes in _messages(data):
                if kind == TRACE and family == FAMILIES[self.version]:
                    self._take(attributes, now, found)
        self.sock.close()
        return found

    def _take(
        self, attributes: Attributes, now: dict[bytes, Passage], found: list[Passage]
    ) -> None:
        number = attributes.get(NUMBER, b"")
        passage = now.get(number, found[-1] if found else None)  # a bridge gives it another number
        met = self._met(attributes, passage)
        if passage is None or met.rule.endswith("-j TRACE"):  # where each begins
            passage = self._passage(attributes)
            found.append(passage)
        now[number] = passage
        if MARK in attributes:
            passage.mark = struct.unpack("!I", attributes[MARK])[0]
        passage.met.append(met)

    def _passage(self, attributes: Attributes) -> Passage:
        header, transport = attributes.get(NETWORK, b""), attributes.get(TRANSPORT, b"")
        at = {4: 8, 6: 7}[self.version]
        ttl = header[at] if len(header) > at else 0
        device = ""
        if IIF in attributes:
            with inside(self.node), contextlib.suppress(OSError):
                device = socket.if_indextoname(struct.unpack("!I", attributes[IIF])[0])
        return Passage(ttl, *ports(_protocol(header, self.version), transport), device)

    def _met(self, attributes: Attributes, passage: Passage | None) -> TracedRule:
        table, chain = _text(attributes[TABLE]), _text(attributes[CHAIN])
        kind = struct.unpack("!I", attributes[TYPE])[0]
        rule, verdict = "", "policy"
        if kind == RULE and HANDLE in attributes:  # the end of a chain has no number
            handle = struct.unpack("!Q", attributes[HANDLE])[0]
            rule = self.rules.get((table, handle), "")
        if POLICY in attributes:
            verdict = f"policy {CODES[struct.unpack('!i', attributes[POLICY])[0]]}"
        elif VERDICT in attributes:
            code = _attributes(attributes[VERDICT]).get(1, bytes(4))
            verdict = CODES.get(struct.unpack("!i", code)[0], "?")
        elif kind == RETURN:
            verdict = "RETURN"
        hook = passage.met[-1].hook if passage is not None else ""
        return TracedRule(chain if chain in BUILT_IN else hook, table, chain, rule, verdict)


def ports(protocol: str, body: bytes) -> tuple[int, int]:
    """The ports of a packet; of a ping, its number as the port of who asks."""
    if protocol == "icmp" and len(body) >= 6:
        number = struct.unpack("!H", body[4:6])[0]
        return {"request": (number, 0), "reply": (0, number)}.get(ECHO.get(body[0], ""), (0, 0))
    if protocol in ("tcp", "udp") and len(body) >= 4:
        sport, dport = struct.unpack("!HH", body[:4])
        return sport, dport
    return 0, 0


def _protocol(header: bytes, version: int) -> str:
    at = {4: 9, 6: 6}[version]
    return NUMBERS.get(header[at], "") if len(header) > at else ""


def _rules(node: str, version: int) -> dict[tuple[str, int], str]:
    """Every rule as iptables-save prints it, by its table and number: both list the rules of a chain in their order."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for table, chain, handle in _numbers(FAMILIES[version]):
        numbers.setdefault((table, chain), []).append(handle)
    found: dict[tuple[str, int], str] = {}
    table = ""
    save = "iptables-save" if version == 4 else "ip6tables-save"
    for line in output(["nsenter", f"--net={file_of(node)}", save]).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            left = numbers.get((table, line.split()[1]), [])
            if left:
                found[table, left.pop(0)] = line
    return found


def _numbers(family: int) -> Iterator[tuple[str, str, int]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
        sock.settimeout(5)
        request = struct.pack("=IHHII", 20, GETRULE, REQUEST_DUMP, 1, 0) + struct.pack(
            "!BBH", family, 0, 0
        )
        sock.send(request)
        while True:
            for kind, _, attributes in _messages(sock.recv(65536)):
                if kind == DONE:
                    return
                if kind == NEWRULE:
                    handle = struct.unpack("!Q", attributes[RULE_HANDLE])[0]
                    yield _text(attributes[RULE_TABLE]), _text(attributes[RULE_CHAIN]), handle


def _messages(data: bytes) -> Iterator[tuple[int, int, Attributes]]:
    """The messages of a datagram: type, family, attributes; netlink(7)."""
    while len(data) >= 16:
        length, kind, _, _, _ = struct.unpack("=IHHII", data[:16])
        family = data[16] if length > 16 else 0
        yield kind, family, _attributes(data[20:length])
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Attributes:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode()
