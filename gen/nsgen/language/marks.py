"""Firewall marks that a node sets, and its uplinks, which are told apart by marks; as their author wrote them."""

from __future__ import annotations

from dataclasses import dataclass

from nsgen.language.policy import Mark, bits_of
from nsgen.language.routing import Protocol
from nsgen.language.scalars import (
    ADDRESS,
    BOOLEAN,
    PORTS,
    ROUTE_DEVICE,
    SOURCE,
    TEXT_OR_NUMBER,
    UINT32,
)
from nsgen.language.schema import Choice, ListOf, Record, Scalar, key
from nsgen.language.shapes import ByShape, Mapped
from nsgen.values import IPAddress, IPNetwork, Ports

OWN = "lo"  # as a device that packets come in by: they are the node's own


@dataclass(frozen=True)
class Marking:
    """A firewall mark that packets get, or connections with all of their packets."""

    set: Mark = key(
        Scalar(bits_of, TEXT_OR_NUMBER),
        "The mark, MARK or MARK/MASK: of the bits of the mask, those of the mark.",
    )
    connection: bool = key(
        BOOLEAN,
        "The connection gets it: answers, and all that comes after, have it too.",
        default=False,
    )
    in_: str | None = key(
        ROUTE_DEVICE,
        "Only what comes in by this device; lo: what the node itself sends.",
        name="in",
        default=None,
    )
    from_: IPNetwork | None = key(SOURCE, "Only what comes from here.", name="from", default=None)
    to: IPNetwork | None = key(SOURCE, "Only what goes there.", default=None)
    protocol: Protocol | None = key(
        Choice[Protocol](("tcp", "udp", "sctp")),
        "Only this protocol. Default with a port: tcp.",
        default=None,
    )
    sport: Ports | None = key(PORTS, "Only what comes from this port, or range.", default=None)
    dport: Ports | None = key(PORTS, "Only what goes to this port, or range.", default=None)

    @property
    def l4(self) -> str:
        """The protocol that it is for, or nothing: tcp where there is a port."""
        return self.protocol or ("tcp" if self.sport or self.dport else "")


def marking_versions(marking: Marking) -> tuple[int, ...]:
    """The IP versions that an entry is for."""
    named = [network.version for network in (marking.from_, marking.to) if network is not None]
    return (named[0],) if named else (4, 6)


@dataclass(frozen=True)
class WrittenUplink:
    """A way out of a node: who asks by it is answered by it."""

    via: tuple[IPAddress, ...] = key(
        ListOf(ADDRESS, lone=True), "The router there; or two of them, of IPv4 and of IPv6."
    )
    table: int | None = key(
        UINT32, "The routing table with the way out. Default: 1001, 1002, …", default=None
    )
    mark: Mark | None = key(
        Scalar(bits_of, TEXT_OR_NUMBER),
        "The mark of its connections. Default: 0x1000000/0xff000000, 0x2000000/0xff000000, …",
        default=None,
    )


_ROUTERS = Mapped(ListOf(ADDRESS, lone=True), lambda via: WrittenUplink(via=via))
UPLINK = ByShape(text=_ROUTERS, items=_ROUTERS, record=Record(WrittenUplink))
