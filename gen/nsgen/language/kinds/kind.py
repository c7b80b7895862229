"""What every kind of interface has, as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.place import NodeDevice
from nsgen.language.neighbours import LINK_LOCAL, NEIGHBOURS, PROXY_NEIGHBOURS
from nsgen.language.opposite import PEER
from nsgen.language.scalars import BOOLEAN, INTERFACE_ADDRESS, MAC, MTU, WORD
from nsgen.language.schema import ListOf, Record, key
from nsgen.ops import Argv, Op
from nsgen.values import IPAddress, IPInterface

if TYPE_CHECKING:
    from nsgen.language.kinds.wiring import Wiring


class Port(NamedTuple):
    """A port of a bridge, a bond or a VRF; of a bridge that filters VLANs, the VLANs that it is in."""

    untagged: int = 0
    tagged: tuple[int, ...] = ()
    hairpin: bool = False
    isolated: bool = False


NO_PORT = Port()


@dataclass(frozen=True)
class WrittenInterface:
    """A network interface of a node."""

    type: str = key(WORD, "What kind of interface it is.", default="")
    address: tuple[IPAddress | IPInterface, ...] = key(
        ListOf(INTERFACE_ADDRESS, lone=True),
        "Its address with the prefix, or a list of them.",
        default=(),
    )
    peer: tuple[IPAddress | IPInterface, ...] = PEER
    mac: str | None = key(MAC, "Its MAC address. Default: the kernel's choice.", default=None)
    mtu: int | None = key(MTU, "Its MTU in bytes. Default: the kernel's.", default=None)
    up: bool = key(BOOLEAN, "Whether it is switched on.", default=True)
    impair: Impair | None = key(
        Record(Impair), "What happens to packets that leave by it.", default=None
    )
    neighbours: Mapping[str, str] = NEIGHBOURS
    proxy_neighbours: tuple[IPAddress, ...] = PROXY_NEIGHBOURS
    link_local: bool = LINK_LOCAL

    KIND: ClassVar[str] = ""
    WHY: ClassVar[str] = ""  # printed over what makes it
    ELSEWHERE: ClassVar[bool] = False  # whether the device below it may be another node's
    SAYS_PARENT: ClassVar[bool] = False  # whether its words name the device that it is made on
    STEADY: ClassVar[bool] = False  # whether it is given a MAC address where none is written

    @property
    def has_neighbours(self) -> bool:
        """Whether it finds out the MAC addresses of those on its segment."""
        return True

    @property
    def parent(self) -> NodeDevice | None:
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

    @property
    def wiring(self) -> Wiring:
        """What the kind shares a segment with; nothing is claimed of one that does not say."""
        from nsgen.language.kinds.wiring import Unsure  # few ask

        return Unsure()

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
class Loopback(WrittenInterface):
    """The loopback interface, which every node has."""

    @property
    def has_neighbours(self) -> bool:
        """Nobody is there."""
        return False

    @property
    def wiring(self) -> Wiring:
        """Nothing of its own."""
        from nsgen.language.kinds.wiring import Plain  # few ask

        return Plain()
