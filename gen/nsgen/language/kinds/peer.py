"""The other end of a WireGuard tunnel, wg(8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nsgen import values
from nsgen.language import described
from nsgen.language.kinds.place import PLACE, NodeDevice
from nsgen.language.scalars import SUBNET, number
from nsgen.language.schema import ListOf, Scalar, key
from nsgen.values import IPAddress, IPNetwork
from nsgen.words import bracketed

PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


PUBLIC = described.text(
    "public-key", described.plain(PUBLIC_KEY), "a public key as `wg pubkey` prints it"
)
ENDPOINT = described.text(
    "peer-endpoint",
    f"{described.WITH_PORT}:[0-9]{{1,5}}",
    "ADDRESS:PORT such as 192.0.2.1:51820",
)


def _public_key(text: str) -> str:
    if not PUBLIC_KEY.fullmatch(text):
        raise ValueError(
            f"expected a public key, 44 characters as `wg pubkey` prints them, got {text!r}"
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
    return f"{bracketed(address)}:{values.integer(port, 1, 65535)}"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another end of a WireGuard tunnel."""

    public_key: str | None = key(
        Scalar(_public_key, PUBLIC), "Its public key, in base64.", default=None
    )
    interface: NodeDevice | None = key(
        PLACE,
        "In place of public_key: NODE:DEVICE of a wireguard interface of this topology, whose key"
        " is asked of its file.",
        default=None,
    )
    allowed_ips: tuple[IPNetwork, ...] = key(
        ListOf(SUBNET, lone=True), "The subnets that are behind it, and that it may send from."
    )
    endpoint: str | None = key(
        Scalar(_endpoint, ENDPOINT),
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
