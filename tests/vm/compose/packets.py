"""Packets that no library makes: pings (RFC 792, RFC 4443), and questions for names and answers to them (RFC 1035)."""

from __future__ import annotations

import socket
import struct

RECORDS = {"a": 1, "aaaa": 28}
ELSEWHERE = "elsewhere.test"  # the only name that the name server outside knows
ITS_ADDRESS = "203.0.113.99"


def echo_request(family: int, number: int) -> bytes:
    """Make a ping; the kernel fills in the checksum of IPv6."""
    if family == socket.AF_INET6:
        return struct.pack("!BBHHH", 128, 0, 0, number, 1)
    return struct.pack("!BBHHH", 8, 0, 0xFFFF - (0x0800 + number + 1), number, 1)


def is_reply(family: int, packet: bytes, number: int) -> bool:
    """Tell whether a packet of a raw socket answers a ping; those of IPv4 have their header."""
    icmp = packet if family == socket.AF_INET6 else packet[(packet[0] & 15) * 4 :]
    wanted = 129 if family == socket.AF_INET6 else 0
    return icmp[0] == wanted and struct.unpack_from("!H", icmp, 4)[0] == number


def name_query(name: str, protocol: str) -> bytes:
    """Ask for the addresses of a name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return (
        struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0)
        + labels
        + struct.pack("!BHH", 0, RECORDS[protocol], 1)
    )


def name_answer(query: bytes) -> bytes:
    """Answer as a name server that knows one name; of all others it says that there are none."""
    name, end = read_name(query, 12)
    known = name == ELSEWHERE and query[end : end + 2] == b"\0\1"
    status = 0 if name == ELSEWHERE else 3
    head = query[:2] + struct.pack("!5H", 0x8180 + status, 1, known, 0, 0) + query[12 : end + 4]
    if not known:
        return head
    return head + struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(ITS_ADDRESS)


def addresses_in(answer: bytes) -> tuple[str, ...]:
    """List the addresses that an answer has."""
    questions, answers = struct.unpack_from("!HH", answer, 4)
    at, found = 12, []
    for _ in range(questions):
        at = read_name(answer, at)[1] + 4
    for _ in range(answers):
        at = read_name(answer, at)[1]
        record, length = struct.unpack_from("!H6xH", answer, at)
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(record)
        at += 10 + length
        if family:
            found.append(socket.inet_ntop(family, answer[at - length : at]))
    return tuple(found)


def read_name(packet: bytes, at: int) -> tuple[str, int]:
    """Read a name, and where it ends; what is elsewhere in the packet is not followed."""
    parts: list[str] = []
    while length := packet[at]:
        if length >= 0xC0:
            return ".".join(parts), at + 2
        parts.append(packet[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(parts), at + 1
