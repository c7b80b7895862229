"""Rules of policy routing, as their author wrote them: ip-rule(8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from nsgen import values
from nsgen.language.scalars import (
    BOOLEAN,
    PORTS,
    ROUTE_DEVICE,
    SOURCE,
    TEXT_OR_NUMBER,
    UINT32,
    number,
)
from nsgen.language.schema import Scalar, key
from nsgen.values import IPNetwork, Ports

ALL_BITS = 2**32 - 1
LAST_UID = 2**32 - 2  # the one above is none, linux/uidgid.h
# By number in the script: ip(8) looks names up in /etc/protocols, which may not be there.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ipv6-icmp": 58, "sctp": 132}
WITH_PORTS = (6, 17, 33, 132, 136)  # TCP, UDP, DCCP, SCTP and UDP-Lite
OF_VERSION: dict[int, int] = {1: 4, 58: 6}  # protocols that one IP version has


class Mark(NamedTuple):
    """A firewall mark, of which the bits of a mask count."""

    value: int
    mask: int

    def __str__(self) -> str:
        return f"{self.value:#x}" if self.mask == ALL_BITS else f"{self.value:#x}/{self.mask:#x}"


class Uids(NamedTuple):
    """The users from the first to the last."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def short(self) -> str:
        """A number where it is one user, as iptables-save prints it."""
        return str(self.first) if self.first == self.last else str(self)


def _bits(text: str) -> int:
    hexadecimal = re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text)
    return int(text, 16) if hexadecimal else values.integer(text, 0, ALL_BITS)


def mark(text: str) -> Mark:
    """Read ``MARK``, or ``MARK/MASK``, each a decimal or a hexadecimal number."""
    found = _mark(text)
    if found.mask == 0 or (found.value == 0 and "/" not in text):
        raise ValueError(f"{text!r} is any mark: leave it out")
    return _within_mask(text, found)


def bits_of(text: str) -> Mark:
    """Read a mark that is set, which may be 0."""
    found = _mark(text)
    if found.mask == 0:
        raise ValueError(f"{text!r} sets no bit: write a mask such as 0xff")
    return _within_mask(text, found)


def _mark(text: str) -> Mark:
    value, slash, mask = text.partition("/")
    try:
        return Mark(_bits(value), _bits(mask) if slash else ALL_BITS)
    except ValueError:
        raise ValueError(f"expected a mark such as 7, 0x7 or 0x1/0xff, got {text!r}") from None


def _within_mask(text: str, found: Mark) -> Mark:
    if found.value & ~found.mask:
        raise ValueError(
            f"{text!r} has bits outside its mask: write {Mark(found.value & found.mask, found.mask)}"
        )
    return found


def uids(text: str) -> Uids:
    """Read a user's number, or a range such as ``1000-1999``."""
    first, dash, last = text.partition("-")
    found = Uids(
        values.integer(first, 0, LAST_UID), values.integer(last if dash else first, 0, LAST_UID)
    )
    if found.first > found.last:
        raise ValueError(f"the range {text!r} counts down: write {found.last}-{found.first}")
    return found


def protocol(text: str) -> int:
    """Read a protocol, by its name or its number."""
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    try:
        return values.integer(text, 1, 255)
    except ValueError:
        known = ", ".join(PROTOCOLS)
        raise ValueError(f"expected {known} or a number from 1 to 255, got {text!r}") from None


@dataclass(frozen=True)
class Policy:
    """A rule of policy routing, ip-rule(8): which packets are routed by which table."""

    table: int = key(UINT32, "The table that is asked.")
    not_: bool = key(
        BOOLEAN, "It is for all packets but those that the rest says.", name="not", default=False
    )
    from_: IPNetwork | None = key(
        SOURCE,
        "The subnet or address that they come from.",
        name="from",
        default=None,
    )
    to: IPNetwork | None = key(SOURCE, "The subnet or address that they go to.", default=None)
    iif: str | None = key(
        ROUTE_DEVICE, "The device that they come in by; lo: the node's own.", default=None
    )
    oif: str | None = key(ROUTE_DEVICE, "The device that their sender is bound to.", default=None)
    mark: Mark | None = key(
        Scalar(mark, TEXT_OR_NUMBER), "Their firewall mark, MARK or MARK/MASK.", default=None
    )
    uidrange: Uids | None = key(
        Scalar(uids, TEXT_OR_NUMBER), "Whose they are: a user's number, or a range.", default=None
    )
    ipproto: int | None = key(
        Scalar(protocol, TEXT_OR_NUMBER), "Their protocol, by name or number.", default=None
    )
    sport: Ports | None = key(PORTS, "The port that they come from, or a range.", default=None)
    dport: Ports | None = key(PORTS, "The port that they go to, or a range.", default=None)
    suppress_prefixlength: int | None = key(
        number(0, 127),
        "A route of the table counts only if its prefix is longer than this; 0: no default route.",
        default=None,
    )
    priority: int | None = key(
        number(1, 32765),
        "Lower is asked first. Default: 1000, 1001, … in the order of the file.",
        default=None,
    )


def policy_versions(rule: Policy) -> tuple[int, ...]:
    """The IP versions that a rule is for."""
    named: list[int] = [n.version for n in (rule.from_, rule.to) if n is not None]
    named += [OF_VERSION[rule.ipproto]] if rule.ipproto in OF_VERSION and not rule.not_ else []
    if not named and (rule.suppress_prefixlength or 0) >= 32:  # which leaves no route of IPv4
        return (6,)
    return (named[0],) if named else (4, 6)
