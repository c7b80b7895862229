"""Packets in packets: GRE (RFC 2784), IPIP (RFC 2003) and SIT (RFC 4213), ip-link(8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.wiring import PointToPoint
from nsgen.language.scalars import ADDRESS, number
from nsgen.language.schema import key
from nsgen.ops import Argv
from nsgen.values import IPAddress


@dataclass(frozen=True, kw_only=True)
class Tunnel(WrittenInterface):
    """A tunnel to another machine."""

    local: IPAddress = key(ADDRESS, "This node's address, outside.")
    remote: IPAddress = key(ADDRESS, "The other machine's address, outside.")
    ttl: int | None = key(
        number(1, 255), "How many hops it may take, outside. Default: as inside.", default=None
    )

    VERSIONS: ClassVar[tuple[int, ...]] = (4, 6)  # of IP, inside

    @property
    def has_neighbours(self) -> bool:
        """What enters comes out at the other end, whoever has the address."""
        return False

    @property
    def wiring(self) -> PointToPoint:
        """The other end."""
        return PointToPoint(self.KIND, self.tag, self.local, self.remote, self.VERSIONS)

    @property
    def tag(self) -> int | None:
        """What tells tunnels of the same ends apart."""
        return None

    def words(self) -> Argv:
        """The two ends of the tunnel."""
        ttl = ("ttl", str(self.ttl)) if self.ttl is not None else ()
        return ("local", str(self.local), "remote", str(self.remote), *ttl)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """The two ends are of one IP version."""
        if self.local.version != self.remote.version:
            text = (
                f"{self.remote} is IPv{self.remote.version}, and {self.local}"
                f" is IPv{self.local.version}: a tunnel has one IP version outside"
            )
            yield "remote", text


@dataclass(frozen=True, kw_only=True)
class Gre(Tunnel):
    """A tunnel for packets of any protocol, GRE."""

    number: int | None = key(
        number(0, 2**32 - 1),
        "A number that tells tunnels of the same ends apart.",
        name="key",
        default=None,
    )

    KIND: ClassVar[str] = "gre"
    WHY: ClassVar[str] = """\
A tunnel: a packet that goes in here is put into another one, to the machine at the other end, which
takes it out again. What lies between routes by the outer addresses alone."""

    @property
    def tag(self) -> int | None:
        """The number, if there is one."""
        return self.number

    @property
    def kind(self) -> str:
        """Over IPv6 it has another name."""
        return "gre" if self.local.version == 4 else "ip6gre"

    def words(self) -> Argv:
        """The two ends, and the tunnel's number."""
        return (*super().words(), *(("key", str(self.number)) if self.number is not None else ()))


@dataclass(frozen=True, kw_only=True)
class Ipip(Tunnel):
    """A tunnel for IPv4 packets, IPIP; over IPv6, ip6tnl."""

    KIND: ClassVar[str] = "ipip"
    VERSIONS: ClassVar[tuple[int, ...]] = (4,)
    WHY: ClassVar[str] = Gre.WHY

    @property
    def kind(self) -> str:
        """Over IPv6 it has another name."""
        return "ipip" if self.local.version == 4 else "ip6tnl"

    def words(self) -> Argv:
        """The two ends; over IPv6, also what is inside."""
        return (*super().words(), *(() if self.local.version == 4 else ("mode", "ipip6")))


@dataclass(frozen=True, kw_only=True)
class Sit(Tunnel):
    """A tunnel for IPv6 packets over IPv4, SIT."""

    KIND: ClassVar[str] = "sit"
    VERSIONS: ClassVar[tuple[int, ...]] = (6,)
    WHY: ClassVar[str] = Gre.WHY

    def wrong(self) -> Iterator[tuple[str, str]]:
        """A sit tunnel is IPv6 over IPv4."""
        yield from super().wrong()
        if self.local.version == 6:
            yield "local", f"sit carries IPv6 over IPv4, and {self.local} is IPv6"
