"""An encrypted tunnel, wg(8), ip-link(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nsgen import values
from nsgen.links.kind import Interface
from nsgen.links.place import PLACE, Place
from nsgen.scalars import STRING, SUBNET, number
from nsgen.schema import ListOf, Record, Scalar, key
from nsgen.values import IPAddress, IPNetwork

PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
PATH = re.compile(r"/[A-Za-z0-9_./@+-]*[A-Za-z0-9_-]")
MTU = 1420  # 1500, less IPv6 40, UDP 8, WireGuard 32: wg-quick(8)


def _public_key(text: str) -> str:
    if not PUBLIC_KEY.fullmatch(text):
        raise ValueError(
            f"expected a public key, 44 characters as `wg pubkey` prints them, got {text!r}"
        )
    return text


def _key_file(text: str) -> str:
    if not PATH.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            f"expected the path of a file, such as /etc/wireguard/red.key, got {text!r}"
        )
    return text


def _endpoint(text: str) -> str:
    """ADDRESS:PORT as wg(8) takes it."""
    where, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"expected ADDRESS:PORT such as 192.0.2.1:51820, got {text!r}")
    address = values.address(where.removeprefix("[").removesuffix("]"))
    if address.version == 6 and not where.startswith("["):
        raise ValueError(
            f"an IPv6 address needs brackets, such as '[2001:db8::1]:51820', got {text!r}"
        )
    return f"{f'[{address}]' if address.version == 6 else address}:{values.integer(port, 1, 65535)}"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another end of a WireGuard tunnel."""

    public_key: str | None = key(
        Scalar(_public_key, STRING), "Its public key, in base64.", default=None
    )
    interface: Place | None = key(
        PLACE,
        "In place of public_key: NODE:DEVICE of a wireguard interface of this topology, whose key"
        " is asked of its file.",
        default=None,
    )
    allowed_ips: tuple[IPNetwork, ...] = key(
        ListOf(SUBNET, lone=True), "The subnets that are behind it, and that it may send from."
    )
    endpoint: str | None = key(
        Scalar(_endpoint, STRING),
        "Where it is, ADDRESS:PORT; without, it has to begin.",
        default=None,
    )
    persistent_keepalive: int | None = key(
        number(1, 65535), "Every so many seconds a packet, to keep a NAT open.", default=None
    )

    @property
    def outside(self) -> IPAddress | None:
        """The address where it is, if that is known."""
        if self.endpoint is None:
            return None
        return values.address(self.endpoint.rpartition(":")[0].strip("[]"))


@dataclass(frozen=True, kw_only=True)
class Wireguard(Interface):
    """An encrypted tunnel. Keys are in files, made if they are missing, and never printed."""

    private_key_file: str = key(
        Scalar(_key_file, STRING), "The file with its private key; made by up if it is missing."
    )
    listen_port: int | None = key(
        number(1, 65535), "The UDP port that it listens on.", default=None
    )
    peers: tuple[Peer, ...] = key(ListOf(Record(Peer)), "The other ends.", default=())

    KIND: ClassVar[str] = "wireguard"
    WHY: ClassVar[str] = """\
An encrypted tunnel. What comes out of it has come from a peer that holds the key, and from one of
the addresses allowed to that peer. Keys stay in their files; one that is missing is made."""

    @property
    def own_mtu(self) -> int:
        """Room for the outer headers."""
        return MTU

    def wrong(self) -> Iterator[tuple[str, str]]:
        """A peer is known by one key."""
        for peer in self.peers:
            if (peer.public_key is None) == (peer.interface is None):
                yield "peers", "a peer has either 'public_key' or 'interface': give one of the two"
