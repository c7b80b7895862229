"""What the kernel tells of packets that a TRACE rule has marked: each rule that they meet, and what it says.

The messages are those of linux/netfilter/nf_tables.h (`enum nft_trace_attributes`), by netlink(7). xtables-monitor(8)
prints the same, but version 1.8.9 ends at the first IPv6 rule with a port.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.rehearsal.machine import output

NETLINK_NETFILTER = 12
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_RCVBUFFORCE = 270, 1, 33
NFNLGRP_NFTRACE = 9
NFTABLES = 10 << 8  # the subsystem, in the upper half of a message's type
NEWRULE, GETRULE, TRACE = NFTABLES | 6, NFTABLES | 7, NFTABLES | 17
REQUEST_DUMP = 0x301
DONE = 3
RULE_TABLE, RULE_CHAIN, RULE_HANDLE = 1, 2, 3
TABLE, CHAIN, HANDLE, TYPE, VERDICT, NETWORK, TRANSPORT, POLICY = 1, 2, 3, 4, 5, 8, 9, 16
RETURN, RULE = 2, 3  # of TYPE; else it is a policy
CODES = {0: "DROP", 1: "ACCEPT", -1: "CONTINUE", -2: "BREAK", -3: "JUMP", -4: "GOTO", -5: "RETURN"}
FAMILIES = {4: 2, 6: 10}
BUFFER = 4 * 1024 * 1024  # bytes

Attributes = dict[int, bytes]


@dataclass(frozen=True)
class Met:
    """A rule that a packet met, or the policy that it fell to, and what that said; `packet` is how it looked last."""

    table: str
    chain: str
    rule: str
    verdict: str
    packet: str


class Monitor:
    """Listens from the moment that it is made."""

    def __init__(self, version: int) -> None:
        """Open the socket, and learn the rules of one IP version by their numbers."""
        self.version = version
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.rules = _rules(version)

    def end(self) -> list[Met]:
        """What has been met."""
        self.sock.settimeout(0)
        found: list[Met] = []
        packet = ""
        while True:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                break
            for kind, family, attributes in _messages(data):
                if kind != TRACE or family != FAMILIES[self.version]:
                    continue
                packet = _packet(attributes, self.version) or packet
                found.append(self._met(attributes, packet))
        self.sock.close()
        return found

    def _met(self, attributes: Attributes, packet: str) -> Met:
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
        return Met(table, chain, rule, verdict, packet)


def _rules(version: int) -> dict[tuple[str, int], str]:
    """Every rule as iptables-save prints it, by its table and number: both list the rules of a chain in their order."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for table, chain, handle in _numbers(FAMILIES[version]):
        numbers.setdefault((table, chain), []).append(handle)
    found: dict[tuple[str, int], str] = {}
    table = ""
    for line in output(["iptables-save" if version == 4 else "ip6tables-save"]).splitlines():
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


def _packet(attributes: Attributes, version: int) -> str:
    """Addresses and ports of a packet, of which not every message tells."""
    header, transport = attributes.get(NETWORK, b""), attributes.get(TRANSPORT, b"")
    places = {4: (12, 16, 20), 6: (8, 24, 40)}[version]
    if len(header) < places[2]:
        return ""
    source, to = (
        ipaddress.ip_address(header[a:b]) for a, b in ((places[0], places[1]), places[1:])
    )
    sport, dport = struct.unpack("!HH", transport[:4]) if len(transport) >= 4 else (0, 0)
    return f"SRC={source} DST={to} SPORT={sport} DPORT={dport}"
