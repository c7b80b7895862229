"""Ask and answer in many network namespaces at once, from one process: TCP, UDP, pings and names.

A socket stays in the namespace in which it was made, so that one loop waits for those of all of them.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from packets import RECORDS, addresses_in, echo_request, is_reply, name_answer, name_query

QUIET = 3.0  # seconds without any answer, after which there will be none
AGAIN = 1.0  # seconds, after which a datagram is sent again
BACKLOG = 512
NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
# IP_PKTINFO, IPV6_RECVPKTINFO and IPV6_PKTINFO: who is asked at one of several addresses answers from that.
WITH_ADDRESS = {4: (socket.IPPROTO_IP, 8), 6: (socket.IPPROTO_IPV6, 49)}
ADDRESS = {4: (socket.IPPROTO_IP, 8), 6: (socket.IPPROTO_IPV6, 50)}


@dataclass
class Question:
    """Who asks what: the answer of a server is its label and whom it sees; of names, addresses. None is empty."""

    asker: str
    protocol: str  # tcp, udp, ping, a, aaaa
    target: str  # what the address is called
    address: str
    port: int = 0
    answer: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """Tell the IP version."""
        return version_of(self.address)


def version_of(address: str) -> int:
    """Tell the IP version of an address."""
    return 6 if ":" in address else 4


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Be in a network namespace, by its descriptor, and back where one was afterwards."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        _enter(namespace)
        yield
    finally:
        _enter(own)
        os.close(own)


def _enter(namespace: int) -> None:
    """Call setns(2), which Python has from 3.12 on."""
    if LIBC.setns(namespace, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@dataclass
class Loop:
    """Sockets that wait, each with what is done when it is ready."""

    namespaces: Mapping[str, int]  # descriptors by label
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    waiting: dict[socket.socket, tuple[Question, int]] = field(default_factory=dict)
    progress: float = 0

    # -- who answers --

    def serve(self, label: str, ports: Iterable[tuple[str, int]]) -> None:
        """Answer on some ports of a namespace with its label, on IPv4 and IPv6."""
        with inside(self.namespaces[label]):
            for protocol, port in ports:
                for version in (4, 6):
                    self._listen(label, protocol, port, version)

    def _listen(self, label: str, protocol: str, port: int, version: int) -> None:
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        server = socket.socket(
            family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        )
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("", port))
        if protocol == "tcp":
            server.listen(BACKLOG)
            self._watch(server, lambda: _accept(server, label))
        else:
            server.setsockopt(*WITH_ADDRESS[version], 1)
            self._watch(server, lambda: _answer(server, label, version, names=protocol == "dns"))

    def _watch(
        self, found: socket.socket, ready: Callable[[], None], event: int = selectors.EVENT_READ
    ) -> None:
        found.setblocking(False)
        self.selector.register(found, event, ready)

    # -- who asks --

    def ask(self, questions: Iterable[Question]) -> list[Question]:
        """Ask all, and wait until everything is answered, or nothing has come for a while; give what is not."""
        by_asker: dict[str, list[Question]] = {}
        for question in questions:
            by_asker.setdefault(question.asker, []).append(question)
        for asker, asked in by_asker.items():
            with inside(self.namespaces[asker]):
                for number, question in enumerate(asked):
                    self._begin(question, number)
        self.progress = sent = time.monotonic()
        while self.waiting and time.monotonic() - self.progress < QUIET:
            for key, _ in self.selector.select(0.2):
                key.data()
            if time.monotonic() - sent > AGAIN:
                sent = time.monotonic()
                for found in list(self.waiting):
                    self._send(found)
        unheard = [question for question, _ in self.waiting.values()]
        for found in list(self.waiting):
            self._end(found)
        return unheard

    def _begin(self, question: Question, number: int) -> None:
        family = socket.AF_INET6 if question.version == 6 else socket.AF_INET
        if question.protocol == "ping":
            icmp = socket.IPPROTO_ICMPV6 if question.version == 6 else socket.IPPROTO_ICMP
            found = socket.socket(family, socket.SOCK_RAW, icmp)
        else:
            stream = question.protocol == "tcp"
            found = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self.waiting[found] = question, number
        event = selectors.EVENT_WRITE if question.protocol == "tcp" else selectors.EVENT_READ
        self._watch(found, lambda: self._ready(found), event)
        try:
            found.connect((question.address, question.port))
        except BlockingIOError:
            return
        except OSError:
            self._end(found)
            return
        self._send(found)

    def _send(self, found: socket.socket) -> None:
        question, number = self.waiting[found]
        if question.protocol == "ping":
            packet = echo_request(found.family, number)
        elif question.protocol in RECORDS:
            packet = name_query(question.target, question.protocol)
        elif question.protocol == "udp":
            packet = b"who"
        else:
            return
        with suppress(OSError):  # it is told again when it is read
            found.send(packet)

    def _ready(self, found: socket.socket) -> None:
        question, number = self.waiting[found]
        try:
            if self.selector.get_key(found).events == selectors.EVENT_WRITE:
                self.selector.modify(found, selectors.EVENT_READ, self.selector.get_key(found).data)
            text = found.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            self._end(found)
            return
        if question.protocol == "ping":
            if not is_reply(found.family, text, number):
                return
            question.answer = ("yes",)
        elif question.protocol in RECORDS:
            question.answer = addresses_in(text)
        else:
            question.answer = tuple(text.decode().split())
        self._end(found)

    def _end(self, found: socket.socket) -> None:
        if self.waiting[found][0].answer:
            self.progress = time.monotonic()
        del self.waiting[found]
        self.selector.unregister(found)
        found.close()

    def close(self) -> None:
        """Close all sockets."""
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self.selector.close()


def _accept(server: socket.socket, label: str) -> None:
    """Say who one is, and whom one sees."""
    connection, peer = server.accept()
    with connection:
        connection.send(f"{label} {peer[0]}".encode())


def _answer(server: socket.socket, label: str, version: int, *, names: bool) -> None:
    """Say so in a datagram, or be a name server; from the address that was asked."""
    text, control, _, peer = server.recvmsg(512, 128)
    answer = name_answer(text) if names else f"{label} {peer[0]}".encode()
    asked = control[0][2]
    any_device = struct.pack("=I", 0)
    # in_pktinfo: the device, the address to answer from, the one that was asked; in6_pktinfo: that, and the device.
    data = any_device + asked[4:] if version == 4 else asked[:16] + any_device
    level, kind = ADDRESS[version]
    server.sendmsg([answer], [(level, kind, data)], 0, peer)
