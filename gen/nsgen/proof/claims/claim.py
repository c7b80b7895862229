"""One claim of a topology, and who has to answer for it to be tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nsgen.values import HOST

Forgery = Literal["forged", "spoofed", "invalid", "detour", "advertised", "neighbour"]
ClaimProtocol = Literal["ping", "tcp", "udp", "sctp"] | Forgery
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
LOCALNET = "127.0.0.2"  # an address of the host, of which not every part of the kernel knows that
NEIGHBOURS, STRANGER = "ff02::1", "fe80::7"
NOBODY = 66  # the last part of an address on the LAN
Peers = tuple[str, ...]


@dataclass(frozen=True)
class Stray:
    """How a packet comes that no honest kernel sends: by which device, to which neighbour, and as who.

    `by`: who that neighbour is, and `target`: who must not get it, where that is not the host.
    """

    device: str
    neighbour: str
    source: str
    by: str = HOST
    target: str = ""


@dataclass(frozen=True)
class Claim:
    """One question, and what has to come of it.

    `by`: who has to answer, by name; empty with `answered`: anybody. `peers`: the addresses from which it may be asked
    then; none: any. `column`: what is asked, in a few words. `why`: the claim in words. `expects`: its place in the
    topology's `expect`, or -1. `proxied`: a node on the way answers, and not on the port that is asked.
    """

    asker: str
    column: str
    to: str
    port: int
    protocol: ClaimProtocol
    answered: bool
    why: str
    by: str = ""
    peers: Peers = ()
    expects: int = -1
    stray: Stray | None = None
    proxied: bool = False
    alone: bool = False  # asked when nobody else asks: socat drops what comes while it takes another client's datagram


@dataclass(frozen=True)
class Listener:
    """Who answers on a port, unless somebody of the topology's own does."""

    node: str
    address: str
    port: int
    protocol: str


def answered(
    asker: str, column: str, to: str, port: int, protocol: ClaimProtocol, why: str, by: str = ""
) -> Claim:
    """One that there is an answer to."""
    return Claim(asker, column, to, port, protocol, answered=True, why=why, by=by)


def unanswered(
    asker: str, column: str, to: str, port: int, protocol: ClaimProtocol, why: str
) -> Claim:
    """One that there is no answer to."""
    return Claim(asker, column, to, port, protocol, answered=False, why=why)
