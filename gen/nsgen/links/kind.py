"""What every kind of interface has, as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from nsgen.links.impair import Impair
from nsgen.links.place import Place
from nsgen.ops import Argv, Op
from nsgen.scalars import BOOLEAN, INTERFACE_ADDRESS, MAC, MTU, WORD
from nsgen.schema import ListOf, Record, key
from nsgen.values import IPAddress, IPInterface


class Port(NamedTuple):
    """A port of a bridge, a bond or a VRF; of a bridge that filters VLANs, the VLANs that it is in."""

    untagged: int = 0
    tagged: tuple[int, ...] = ()
    hairpin: bool = False
    isolated: bool = False


NO_PORT = Port()


@dataclass(frozen=True)
class Interface:
    """A network interface of a node."""

    type: str = key(WORD, "What kind of interface it is.", default="")
    address: tuple[IPAddress | IPInterface, ...] = key(
        ListOf(INTERFACE_ADDRESS, lone=True),
        "Its address with the prefix, or a list of them.",
        default=(),
    )
    mac: str | None = key(MAC, "Its MAC address. Default: the kernel's choice.", default=None)
    mtu: int | None = key(MTU, "Its MTU in bytes. Default: the kernel's.", default=None)
    up: bool = key(BOOLEAN, "Whether it is switched on.", default=True)
    impair: Impair | None = key(
        Record(Impair), "What happens to packets that leave by it.", default=None
    )

    KIND: ClassVar[str] = ""
    WHY: ClassVar[str] = ""  # printed over what makes it
    ELSEWHERE: ClassVar[bool] = False  # whether the device below it may be another node's
    STEADY: ClassVar[bool] = False  # whether it is given a MAC address where none is written

    @property
    def parent(self) -> Place | None:
        """The device that it is made on, under the key `link`."""
        return None

    @property
    def members(self) -> Mapping[str, Port]:
        """The devices that it is the master of, under the key `ports`."""
        return {}

    @property
    def kind(self) -> str:
        """The kind in the words of ip-link(8)."""
        return self.KIND

    @property
    def own_mtu(self) -> int:
        """The MTU if none is given; 0 leaves it to the kernel."""
        return 0

    @property
    def own_table(self) -> int:
        """The routing table that it has to itself; 0 if it has none."""
        return 0

    def words(self) -> Argv:
        """What follows the kind in ``ip link add``."""
        return ()

    def wrong(self) -> Iterator[tuple[str, str]]:
        """What is wrong with it by itself: a key, and a text."""
        yield from ()

    def settings(self, node: str, name: str) -> Iterator[Op]:  # noqa: ARG002 (every kind is asked alike)
        """What is to be set besides what every interface has."""
        yield from ()


@dataclass(frozen=True)
class Loopback(Interface):
    """The loopback interface, which every node has."""
