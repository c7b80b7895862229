"""Answer ``NAME PEER`` to whoever asks: who it is that answers, and who asks, as seen from here.

Standard input has one line for each listener, ``NODE ADDRESS PORT PROTOCOL [NAME]``; ADDRESS may be
``*`` (every address, IPv4 and IPv6), PROTOCOL is tcp, udp or sctp, NAME is the node's unless given.
The process goes into the background once all of them listen, and its number is printed. Every
request is logged as ``NAME PROTOCOL PEER``.
"""

from __future__ import annotations

import argparse
import errno
import os
import selectors
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from typing import cast

from nsgen.proof.lab.nodes import destination, family_of, inside

IPPROTO_SCTP = 132
IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49  # linux/in.h, linux/in6.h
IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
DATAGRAM = 2048  # bytes; more than any request has
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class BoundSocket:
    """A socket that is asked, and the name it answers by."""

    name: str
    protocol: str
    socket: socket.socket


def listen(node: str, address: str, port: int, protocol: str, name: str) -> BoundSocket:
    """Open one listening socket in `node`."""
    family = family_of(address)
    with inside(node):
        if protocol == "udp":
            sock = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        else:
            number = IPPROTO_SCTP if protocol == "sctp" else socket.IPPROTO_TCP
            sock = socket.socket(family, socket.SOCK_STREAM, number)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # TPROXY gives packets to no other socket.
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(destination(address, port))
        except OSError as error:
            sys.exit(f"responder: {node} cannot listen on {address} {port}/{protocol}: {error}")
    if protocol != "udp":
        sock.listen(64)
    sock.settimeout(0)
    return BoundSocket(name, protocol, sock)


def answer_datagram(listener: BoundSocket) -> str:
    """Answer one datagram from the very address it was sent to, and return who asked."""
    _, ancillary, _, peer = listener.socket.recvmsg(DATAGRAM, socket.CMSG_SPACE(32))
    reply_from = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            _, _, asked = struct.unpack("=I4s4s", data[:12])
            # struct in_pktinfo: index 0 leaves the device to routing, ipi_spec_dst is the source
            reply_from = [(level, kind, struct.pack("=I4s4s", 0, asked, bytes(4)))]
        elif level == socket.IPPROTO_IPV6:
            reply_from = [(level, kind, data)]
    who = str(peer[0]).partition("%")[0]
    text = f"{listener.name} {who}\n".encode()
    try:
        listener.socket.sendmsg([text], reply_from, 0, peer)
    except OSError as error:  # the test will see it
        who += f" ({errno.errorcode.get(error.errno or 0, error)})"
    return who


def answer_connection(listener: BoundSocket) -> tuple[socket.socket, str]:
    """Accept and answer one connection, and return it with who asked."""
    connection, peer = listener.socket.accept()
    connection.settimeout(0)
    who = str(peer[0]).partition("%")[0]
    try:
        connection.send(f"{listener.name} {who}\n".encode())
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return connection, who


def serve(listeners: list[BoundSocket], log: int) -> None:
    """Answer for ever."""
    selector = selectors.DefaultSelector()
    for listener in listeners:
        selector.register(listener.socket, selectors.EVENT_READ, listener)
    while True:
        for key, _ in selector.select():
            listener = key.data
            try:
                if listener is None:  # an answered connection: read on, lest close() reset it
                    drain(selector, cast("socket.socket", key.fileobj))
                    continue
                if listener.protocol == "udp":
                    who = answer_datagram(listener)
                else:
                    connection, who = answer_connection(listener)
                    selector.register(connection, selectors.EVENT_READ, None)
            except OSError:
                continue
            os.write(log, f"{listener.name} {listener.protocol} {who}\n".encode())


def drain(selector: selectors.BaseSelector, connection: socket.socket) -> None:
    """Throw away what a peer still says, and hang up when it has."""
    try:
        if connection.recv(DATAGRAM):
            return
    except BlockingIOError:
        return
    except OSError:
        pass
    selector.unregister(connection)
    connection.close()


def read_listeners(lines: list[str]) -> list[BoundSocket]:
    """Open what standard input asks for."""
    listeners = []
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        node, address, port, protocol = words[:4]
        name = words[4] if len(words) > 4 else node
        listeners += [
            listen(node, one, int(port), protocol, name)
            for one in (EVERYWHERE if address == "*" else (address,))
        ]
    return listeners


def main() -> None:
    """Listen, go into the background, answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True, help="file to append requests to")
    arguments = parser.parse_args()
    listeners = read_listeners(sys.stdin.readlines())
    log = os.open(arguments.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    serve(listeners, log)


if __name__ == "__main__":
    main()
