"""Ask from any node of the lab, many at once, and say for each what came of it.

Standard input has one question a line, ``FROM TO PORT PROTOCOL``; FROM is a node, or ``NODE@ADDRESS`` (or
``NODE@ADDRESS#PORT``) to ask from that address of it; TO is a numeric address; PROTOCOL is tcp, udp, sctp or ping
(PORT is then ``-``). For each a line is printed, in order:

``ok NAME PEER``  the responder called NAME answered, and it was asked from PEER
                  (``ok http -`` for a web server; ``ok ping TTL`` for a ping)
``refused``       a reset or "port unreachable" came back, or the connection ended without an answer
``unreachable``   the kernel or a router said that there is no way
``timeout``       nothing came back

With ``--expect`` each line goes on with what it should be, of which trailing words may be left out,
``*`` stands for any word and ``a|b`` for one of two. Only what differs is printed, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import errno
import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nsgen.proof.lab.nodes import destination, family_of, inside

IPPROTO_SCTP = 132
IP_RECVERR, IPV6_RECVERR = 11, 25  # ip(7), ipv6(7): report every ICMP error, at once
IP_RECVTTL, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 12, 51, 52
IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
RETRY = 0.25  # seconds between two tries of what is not retried by the kernel
LEAST, TIMES = (
    0.4,
    3,
)  # seconds to wait after the last wanted answer, and how many times as long as that took
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE}
UNREACHABLE = {
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.EHOSTDOWN,
    errno.EADDRNOTAVAIL,
    errno.EACCES,
    errno.EINVAL,  # 127.0.0.1 to another device without route_localnet
    errno.EPROTO,
    errno.ENOPROTOOPT,
}
WAIT = {
    errno.EINPROGRESS,
    errno.EAGAIN,
    errno.EPERM,  # dropped by this node's own rules, which a peer would not tell us either
}


def verdict_of(answer: bytes) -> str:
    """What an answer says."""
    words = answer.decode(errors="replace").split()
    if answer.startswith(b"HTTP/"):
        return "ok http -"
    return f"ok {words[0]} {words[1]}" if len(words) == 2 else f"ok ? {answer!r}"


class Probe:
    """One question, from the first packet to the verdict."""

    def __init__(self, line: str) -> None:
        self.question = line.split()[:4]
        self.expected = line.split()[4:]
        origin, self.to, port, self.protocol = self.question
        self.node, _, source = origin.partition("@")
        self.source, _, source_port = source.partition("#")
        self.source_port = int(source_port or 0)
        self.port = 0 if port == "-" else int(port)
        self.verdict = ""
        self.answer = b""
        self.connected = False
        self.sock = self._socket()

    def _socket(self) -> socket.socket:
        family = family_of(self.to)
        six = family == socket.AF_INET6
        kind, number = {
            "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
            "sctp": (socket.SOCK_STREAM, IPPROTO_SCTP),
            "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
            "ping": (socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP),
        }[self.protocol]
        with inside(self.node):
            sock = socket.socket(family, kind, number)
            sock.settimeout(0)
            level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
            sock.setsockopt(level, IPV6_RECVERR if six else IP_RECVERR, 1)
            if self.protocol == "ping":
                sock.setsockopt(level, IPV6_RECVHOPLIMIT if six else IP_RECVTTL, 1)
            try:
                if self.source:
                    # As a transparent proxy it may ask from an address that is not the node's.
                    sock.setsockopt(level, IPV6_TRANSPARENT if six else IP_TRANSPARENT, 1)
                    sock.bind(destination(self.source, self.source_port))
                sock.connect(destination(self.to, self.port))
            except OSError as error:
                self._failed(error)
        return sock

    @property
    def stream(self) -> bool:
        """Whether it has connections: the kernel then does the retrying."""
        return self.protocol in ("tcp", "sctp")

    @property
    def waits_for(self) -> int:
        """The event that it waits for now."""
        waiting = self.stream and not self.connected
        return selectors.EVENT_WRITE if waiting else selectors.EVENT_READ

    def _failed(self, error: OSError) -> None:
        if error.errno in REFUSED:
            self.verdict = "refused"
        elif error.errno in UNREACHABLE:
            self.verdict = "unreachable"
        elif error.errno not in WAIT:
            raise error

    def send(self) -> None:
        """Ask, or ask again."""
        try:
            self.sock.send(self._echo_request() if self.protocol == "ping" else REQUEST)
        except OSError as error:
            self._failed(error)

    def _echo_request(self) -> bytes:
        kind = 128 if family_of(self.to) == socket.AF_INET6 else 8
        unsummed = struct.pack("!BBHHH", kind, 0, 0, self.identifier, 1)
        total = sum(struct.unpack("!4H", unsummed))
        total = (total & 0xFFFF) + (total >> 16)
        return struct.pack("!BBHHH", kind, 0, ~total & 0xFFFF, self.identifier, 1)

    @property
    def identifier(self) -> int:
        """The number by which its pings are known."""
        return (os.getpid() * 64 + self.sock.fileno()) & 0xFFFF

    def event(self) -> None:
        """Something happened on the socket."""
        try:
            if self.waits_for == selectors.EVENT_WRITE:
                self._connected()
            elif self.protocol == "ping":
                self._pong()
            else:
                self._read()
        except OSError as error:
            self._failed(error)

    def _connected(self) -> None:
        failed = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))
        self.connected = True
        self.send()

    def _read(self) -> None:
        data = self.sock.recv(4096)
        self.answer += data
        if b"\n" in self.answer:
            self.verdict = verdict_of(self.answer)
        elif not data and self.stream:
            self.verdict = "refused"

    def _pong(self) -> None:
        data, ancillary, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(4))
        reply = 129
        if family_of(self.to) == socket.AF_INET:
            data, reply = data[(data[0] & 15) * 4 :], 0
        kind, _, _, identifier = struct.unpack("!BBHH", data[:6])
        if (kind, identifier) == (reply, self.identifier):
            ttl = struct.unpack("=i", ancillary[0][2])[0] if ancillary else "?"
            self.verdict = f"ok ping {ttl}"

    def as_expected(self) -> bool:
        """Whether the verdict is one that the line allows."""
        got = self.verdict.split()
        return 0 < len(self.expected) <= len(got) and all(
            "*" in allowed.split("|") or word in allowed.split("|")
            for allowed, word in zip(self.expected, got, strict=False)
        )


def run(probes: list[Probe], timeout: float, wanted: Sequence[Probe] = ()) -> None:
    """Ask everything at once, and leave every probe with a verdict.

    Once all that are `wanted` have theirs, the others are waited for in proportion to how long that took.
    """
    selector = selectors.DefaultSelector()
    began = time.monotonic()
    deadline = began + timeout
    for probe in probes:
        if not probe.verdict:
            selector.register(probe.sock, probe.waits_for, probe)
    retry = 0.0
    hurry = bool(wanted)
    while (now := time.monotonic()) < deadline and selector.get_map():
        if hurry and all(probe.verdict for probe in wanted):
            hurry = False
            deadline = min(deadline, now + max(LEAST, TIMES * (now - began)))
        if now >= retry:
            ask_again(selector)
            retry = now + RETRY
        for key, _ in selector.select(min(deadline, retry) - now):
            key.data.event()
        wait_on(selector)
    for probe in probes:
        probe.verdict = probe.verdict or "timeout"
        probe.sock.close()


def waiting(selector: selectors.BaseSelector) -> list[Probe]:
    """The questions that have no verdict yet."""
    return [key.data for key in selector.get_map().values()]


def ask_again(selector: selectors.BaseSelector) -> None:
    """Ask once more what the kernel does not repeat by itself."""
    for probe in waiting(selector):
        if not probe.stream:
            probe.send()


def wait_on(selector: selectors.BaseSelector) -> None:
    """Let go of those that have a verdict, and have the others wait for what comes next."""
    for probe in waiting(selector):
        if probe.verdict:
            selector.unregister(probe.sock)
        else:
            selector.modify(probe.sock, probe.waits_for, probe)


def main() -> int:
    """Read the questions, print the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=float, default=1.0, help="seconds to wait for an answer")
    parser.add_argument("--expect", action="store_true", help="compare, and print what differs")
    arguments = parser.parse_args()
    lines = [line for line in sys.stdin if line.strip() and not line.lstrip().startswith("#")]
    try:
        probes = [Probe(line) for line in lines]
    except FileNotFoundError as error:
        sys.stderr.write(f"probe: there is no node {Path(error.filename).name!r}\n")
        return 2
    run(probes, arguments.timeout)
    if not arguments.expect:
        sys.stdout.writelines(f"{probe.verdict}\n" for probe in probes)
        return 0
    wrong = [probe for probe in probes if not probe.as_expected()]
    for probe in wrong:
        origin, to, port, protocol = probe.question
        wanted = " ".join(probe.expected)
        sys.stdout.write(
            f"{origin} -> {to} {port} {protocol}: expected {wanted}, got {probe.verdict}\n"
        )
    return 1 if wrong or not probes else 0


if __name__ == "__main__":
    sys.exit(main())
