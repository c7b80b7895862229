"""An encrypted tunnel, wg(8), ip-link(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nsgen.language import described
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.peer import Peer
from nsgen.language.scalars import ONE_PORT
from nsgen.language.schema import ListOf, Record, Scalar, key

if TYPE_CHECKING:
    from nsgen.language.kinds.wiring import Peered

PATH = re.compile(r"/[A-Za-z0-9_./@+-]*[A-Za-z0-9_-]")
MTU = 1420  # 1500, less IPv6 40, UDP 8, WireGuard 32: wg-quick(8)


KEY_FILE = described.text(
    "key-file", described.plain(PATH), "the path of a file, such as /etc/wireguard/red.key"
)


def _key_file(text: str) -> str:
    if not PATH.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            f"expected the path of a file, such as /etc/wireguard/red.key, got {text!r}"
        )
    return text


@dataclass(frozen=True, kw_only=True)
class Wireguard(WrittenInterface):
    """An encrypted tunnel. Keys are in files, made if they are missing, and never printed."""

    private_key_file: str = key(
        Scalar(_key_file, KEY_FILE), "The file with its private key; made by up if it is missing."
    )
    listen_port: int | None = key(ONE_PORT, "The UDP port that it listens on.", default=None)
    peers: tuple[Peer, ...] = key(ListOf(Record(Peer)), "The other ends.", default=())

    KIND: ClassVar[str] = "wireguard"
    WHY: ClassVar[str] = """\
An encrypted tunnel. What comes out of it has come from a peer that holds the key, and from one of
the addresses allowed to that peer. Keys stay in their files; one that is missing is made."""

    @property
    def own_mtu(self) -> int:
        """Room for the outer headers."""
        return MTU

    @property
    def has_neighbours(self) -> bool:
        """A peer is chosen by the address alone."""
        return False

    @property
    def wiring(self) -> Peered:
        """The peers."""
        from nsgen.language.kinds.wiring import Peered  # few ask

        return Peered(self.peers, self.listen_port)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """A peer is known by one key."""
        for peer in self.peers:
            if (peer.public_key is None) == (peer.interface is None):
                yield "peers", "a peer has either 'public_key' or 'interface': give one of the two"
