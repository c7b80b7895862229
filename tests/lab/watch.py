"""Print the packets that pass a device, ``in|out PROTOCOL SOURCE > DESTINATION [FLAGS]``, until killed.

The first line is the number of this process. Ports are printed only where a service would be (below 32768), so that
two runs say the same; the flags are those of TCP: S, SA, R.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import struct
import sys

from nsgen.proof.lab.nodes import inside

ETH_P_ALL = 3
EPHEMERAL = 32768
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


def address(raw: bytes, port: int) -> str:
    """An address, and its port if it is a service's."""
    text = str(ipaddress.ip_address(raw))
    return f"{text} {port}" if 0 < port < EPHEMERAL else text


def describe(data: bytes) -> str:
    """One line for an IP packet; nothing for anything else."""
    version = data[0] >> 4 if data else 0
    if version == 4:
        number, source, to = data[9], data[12:16], data[16:20]
        body = data[(data[0] & 15) * 4 :]
    elif version == 6:
        number, source, to = data[6], data[8:24], data[24:40]
        body = data[40:]
    else:
        return ""
    ports, flags = (0, 0), ""
    if number in (6, 17):
        ports = struct.unpack("!HH", body[:4])
    if number == 6:
        bits = body[13]
        flags = "".join(name for name, bit in (("S", 2), ("R", 4), ("A", 16)) if bits & bit)
    where = f"{address(source, ports[0])} > {address(to, ports[1])}"
    return f"{NAMES.get(number, number)} {where} {flags}".rstrip()


def main() -> None:
    """Watch one device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node")
    parser.add_argument("device")
    arguments = parser.parse_args()
    with inside(arguments.node):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.bind((arguments.device, ETH_P_ALL))
    sys.stdout.write(f"{os.getpid()}\n")
    while True:
        sys.stdout.flush()
        data, origin = sock.recvfrom(65535)
        line = describe(data)
        if line:
            way = "out" if origin[2] == socket.PACKET_OUTGOING else "in"
            sys.stdout.write(f"{way} {line}\n")


if __name__ == "__main__":
    main()
