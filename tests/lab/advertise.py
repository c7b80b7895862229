"""Send one IPv6 router advertisement (RFC 4861, 4.2) from a device of a node, as a router would."""

from __future__ import annotations

import argparse
import socket
import struct

from nsgen.proof.lab.nodes import inside

ALL_NODES = "ff02::1"
HOP_LIMIT = 255  # any other is ignored


def main() -> None:
    """Advertise the node as a default router for half an hour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node")
    parser.add_argument("device")
    arguments = parser.parse_args()
    with inside(arguments.node):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex(arguments.device)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
    # Type 134, current hop limit 64, no flags, lifetime in seconds; the kernel does the checksum.
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    sock.sendto(advertisement, (ALL_NODES, 0, 0, index))


if __name__ == "__main__":
    main()
