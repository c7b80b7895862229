"""How a kind of interface is wired: what it shares a segment with, and whether it carries frames or packets.

A kind says which of these wirings it has, and :mod:`nsgen.reach` joins what they join. Of a kind that says none,
nothing is claimed. The list is closed: mypy names the places that have to know about one more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nsgen.language.kinds.place import NodeDevice
from nsgen.values import IPAddress

if TYPE_CHECKING:
    from nsgen.language.kinds.peer import Peer


class _Wiring:
    """What is asked of every wiring."""

    FRAMES: ClassVar[bool] = (
        True  # else packets: what enters comes out at the other end, whoever has the address
    )

    def carries(self, version: int) -> bool:  # noqa: ARG002 (every wiring is asked alike)
        """Whether packets of an IP version go through it."""
        return True

    @property
    def outer(self) -> Iterator[IPAddress]:
        """The addresses that its own packets are sent from and to, as far as they are known."""
        yield from ()


@dataclass(frozen=True)
class Unsure(_Wiring):
    """The wiring of a kind that tells nothing of it: whom it reaches, and who is reached through it, is not told."""


@dataclass(frozen=True)
class Plain(_Wiring):
    """A device that joins nothing by itself: its segment is that of its cable, if it has one."""


@dataclass(frozen=True)
class Outside(_Wiring):
    """A device that leads out of the topology: anybody may be on its segment."""


@dataclass(frozen=True)
class Domain(_Wiring):
    """The master of devices that stay apart, and are routed by a table of their own."""

    table: int


@dataclass(frozen=True)
class Switch(_Wiring):
    """The master of ports that are on one segment with it; `filtering`: on one for each VLAN, and without it."""

    filtering: bool


@dataclass(frozen=True)
class Bundle(_Wiring):
    """The master of ports that are one cable, as far as all of them lead to another bundle."""


@dataclass(frozen=True)
class Tagged(_Wiring):
    """One VLAN of the segment of the device below."""

    lower: NodeDevice
    vlan: int


@dataclass(frozen=True)
class Above(_Wiring):
    """A place on the segment of the device below, with whose own node it exchanges nothing.

    Those on one device exchange frames if they are of the same `group`, unless that is empty. `sure`: whether it can
    be told whom it reaches.
    """

    lower: NodeDevice
    group: str
    sure: bool


@dataclass(frozen=True)
class PointToPoint(_Wiring):
    """A tunnel, together with the one that has the same addresses, protocol and number at the other end."""

    protocol: str
    number: int | None
    local: IPAddress
    remote: IPAddress
    versions: tuple[int, ...]  # of IP, inside

    FRAMES: ClassVar[bool] = False

    def carries(self, version: int) -> bool:
        """Whether it is for packets of an IP version."""
        return version in self.versions

    @property
    def outer(self) -> Iterator[IPAddress]:
        """The addresses of both ends of a tunnel."""
        yield from (self.local, self.remote)


@dataclass(frozen=True)
class VirtualEthernet(_Wiring):
    """An Ethernet of the same number and port on all machines that know each other, by addresses or by a group."""

    number: int
    port: int
    local: IPAddress | None
    remotes: tuple[IPAddress, ...]
    group: IPAddress | None
    lower: NodeDevice | None

    @property
    def outer(self) -> Iterator[IPAddress]:
        """The addresses of the others, and the machine's own if it is given."""
        yield from self.remotes
        if self.local is not None:
            yield self.local


@dataclass(frozen=True)
class Peered(_Wiring):
    """A tunnel to several peers, which chooses by the address that a packet is for, and takes only what is allowed."""

    peers: tuple[Peer, ...]
    port: int | None  # that it listens on

    FRAMES: ClassVar[bool] = False

    @property
    def outer(self) -> Iterator[IPAddress]:
        """Where those peers are of which that is known."""
        yield from (peer.outside for peer in self.peers if peer.outside is not None)


# What is carried in packets, from and to the `outer` addresses; and all of them.
Overlay = PointToPoint | VirtualEthernet | Peered
Wiring = Unsure | Plain | Outside | Domain | Switch | Bundle | Tagged | Above | Overlay
