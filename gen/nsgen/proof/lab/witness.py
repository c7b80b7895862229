"""Who has taken a connection: seen in the tables of sockets of all nodes, for services that do not say who they are."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nsgen.proof.lab.nodes import destination, family_of, inside

# Established, or closed by either side since: TCP_ESTABLISHED, FIN_WAIT1 and 2, TIME_WAIT, CLOSE_WAIT, LAST_ACK,
# net/tcp_states.h.
TAKEN = ("01", "04", "05", "06", "08", "09")
FIRST = 52001  # port of those that connections come from
TOGETHER = 5  # connections: as many as a small server lets wait
APART = 0.02  # seconds between two looks


class Witnessed(NamedTuple):
    """A connection: by which node, to which address and port."""

    node: str
    to: str
    port: int


def witness(
    asked: Sequence[Witnessed], nodes: Mapping[str, str], patience: float, before: int = 0
) -> list[tuple[str, str]]:
    """Connect, and say of each who took it, by its name in `nodes`, and from which address; or nothing.

    A connection is known by the port that it comes from, which translation leaves alone as long as it can;
    `before` is how many there were already.
    """
    found = []
    for start in range(0, len(asked), TOGETHER):
        some = asked[start : start + TOGETHER]
        # Another port each time: what was translated is remembered for a while.
        first = FIRST + (before + start) % (2**16 - FIRST - TOGETHER)
        found += _witness(some, nodes, patience, first)
    return found


def _witness(
    asked: Sequence[Witnessed], nodes: Mapping[str, str], patience: float, first: int
) -> list[tuple[str, str]]:
    sockets = [_connecting(one, first + index) for index, one in enumerate(asked)]
    ports = [one.getsockname()[1] for one in sockets]
    alone = {port for port in ports if port and ports.count(port) == 1}
    found: dict[int, tuple[str, str]] = {}
    deadline = time.monotonic() + patience
    while alone - set(found) and time.monotonic() < deadline:
        time.sleep(APART)
        for name, entry in nodes.items():
            for port, peer in _taken(entry):
                if port in alone:
                    found[port] = name, peer
    for one in sockets:
        one.close()
    return [found.get(port, ("", "")) for port in ports]


def _connecting(one: Witnessed, port: int) -> socket.socket:
    """A connection that is being made, from a port that no other one comes from."""
    with inside(one.node):
        sock = socket.socket(family_of(one.to), socket.SOCK_STREAM)
        sock.settimeout(0)
        with contextlib.suppress(OSError):  # what has been seen to work
            sock.bind(("", port))
        with contextlib.suppress(OSError):
            sock.connect(destination(one.to, one.port))
    return sock


def _taken(entry: str) -> list[tuple[int, str]]:
    """The connections of a node that are established: the port of who is at the other end, and its address."""
    found = []
    try:
        with inside(entry):
            texts = [Path(f"/proc/thread-self/net/{name}").read_text() for name in ("tcp", "tcp6")]
    except OSError:
        return []
    for text in texts:
        for words in map(str.split, text.splitlines()[1:]):
            if words[3] in TAKEN:
                address, _, port = words[2].partition(":")
                found.append((int(port, 16), _shown(address)))
    return found


def _shown(text: str) -> str:
    """An address as the kernel writes it, word by word in the machine's byte order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    octets = struct.pack(f"={len(words)}I", *words)
    shown = socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)
    return shown.removeprefix("::ffff:")
