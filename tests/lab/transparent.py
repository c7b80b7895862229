"""A transparent proxy in a node of the lab: it asks whom its client meant, and tells what it saw itself.

    transparent.py NODE PORT tcp|udp redirect|tproxy [UID]

Its answer is ``NODE=DESTINATION=WHO CLIENT=PEER``: the original destination and the client, as it sees them, and who
answered there, asked by whom; WHO is ``-`` where nobody did. After a `redirect` it asks as itself, and with `tproxy` as
its client. With a UID it runs as that user. It goes into the background, and its number is printed.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import threading

from nsgen.proof.lab.nodes import inside

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75  # linux/in.h, linux/in6.h
SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h; the same for IPv6
ORIGINAL_DATAGRAM = {
    socket.AF_INET: 20,
    socket.AF_INET6: 74,
}  # IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR
PATIENCE = 0.7  # seconds for an answer from the server

Place = tuple[str, int]


def level(family: int) -> int:
    """The protocol level of IP options."""
    return socket.IPPROTO_IPV6 if family == socket.AF_INET6 else socket.IPPROTO_IP


def opened(family: int, kind: int, at: Place, *, transparent: bool) -> socket.socket:
    """A socket, bound to an address that need not be the node's."""
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if transparent:
        option = IPV6_TRANSPARENT if family == socket.AF_INET6 else IP_TRANSPARENT
        sock.setsockopt(level(family), option, 1)
    sock.bind(at)
    return sock


def place(data: bytes) -> Place:
    """What a struct sockaddr_in or sockaddr_in6 says."""
    family = struct.unpack_from("=H", data)[0]
    port = struct.unpack_from("!H", data, 2)[0]
    raw = data[4:8] if family == socket.AF_INET else data[8:24]
    return socket.inet_ntop(family, raw), port


def text(where: Place) -> str:
    """An address with its port."""
    return f"[{where[0]}]:{where[1]}" if ":" in where[0] else f"{where[0]}:{where[1]}"


class Proxy:
    """One proxy."""

    def __init__(self, node: str, port: int, kind: int, *, transparent: bool) -> None:
        self.node, self.kind, self.transparent = node, kind, transparent
        self.listeners = [
            opened(family, kind, (everywhere, port), transparent=transparent)
            for family, everywhere in ((socket.AF_INET, ""), (socket.AF_INET6, "::"))
        ]

    def serve(self) -> None:
        """Answer for ever, by both IP versions."""
        take = self.accept if self.kind == socket.SOCK_STREAM else self.receive
        for listener in self.listeners:
            if self.kind == socket.SOCK_STREAM:
                listener.listen(16)
            else:
                family = listener.family
                listener.setsockopt(level(family), ORIGINAL_DATAGRAM[family], 1)
            threading.Thread(target=take, args=(listener,)).start()

    def accept(self, listener: socket.socket) -> None:
        """One connection after the other."""
        while True:
            connection, client = listener.accept()
            if self.transparent:
                meant = connection.getsockname()
            else:
                found = connection.getsockopt(level(listener.family), SO_ORIGINAL_DST, 28)
                meant = place(found)
            connection.sendall(self.answer(client[:2], meant[:2], b"GET / HTTP/1.0\r\n\r\n"))
            connection.close()

    def receive(self, listener: socket.socket) -> None:
        """One datagram after the other; the answer comes from where the client has sent it to."""
        while True:
            data, ancillary, _, client = listener.recvmsg(2048, 128)
            meant = next(place(found) for _, _, found in ancillary)
            said = self.answer(client[:2], meant, data)
            with opened(listener.family, self.kind, meant, transparent=True) as sock:
                sock.connect(client[:2])
                sock.send(said)

    def answer(self, client: Place, meant: Place, question: bytes) -> bytes:
        """Ask whom the client meant, and say what became of it."""
        mine = "::" if ":" in client[0] else ""
        who, peer = "-", "-"
        try:
            family = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
            # From another port: connection tracking would take it for what the client has sent itself.
            own = (client[0] if self.transparent else mine, 0)
            with opened(family, self.kind, own, transparent=self.transparent) as sock:
                sock.settimeout(PATIENCE)
                sock.connect(meant)
                sock.send(question)
                who, peer = sock.recv(2048).decode().split()
        except OSError:
            pass
        return f"{self.node}={text(meant)}={who} {client[0]}={peer}\n".encode()


def start(node: str, port: str, protocol: str, way: str, user: str = "0") -> None:
    """Listen, go into the background, answer."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    proxy = Proxy(node, int(port), kind, transparent=way == "tproxy")
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
    os.setuid(int(user))
    proxy.serve()


def main() -> None:
    """Be in the node for good."""
    with inside(sys.argv[1]):
        start(*sys.argv[1:])
        signal.pause()


if __name__ == "__main__":
    main()
