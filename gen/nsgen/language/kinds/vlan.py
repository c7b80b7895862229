"""One VLAN of a device, IEEE 802.1Q, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.place import NEAR, NodeDevice
from nsgen.language.kinds.wiring import Tagged
from nsgen.language.scalars import number
from nsgen.language.schema import key
from nsgen.ops import Argv


@dataclass(frozen=True, kw_only=True)
class Vlan(WrittenInterface):
    """One VLAN of a device: its frames leave by that with a tag."""

    link: NodeDevice = key(NEAR, "The device that carries it.")
    id: int = key(number(1, 4094), "The number of the VLAN.")

    KIND: ClassVar[str] = "vlan"
    WHY: ClassVar[str] = """\
A VLAN is a network of its own on a cable that it shares with others: its frames carry a number."""

    @property
    def parent(self) -> NodeDevice | None:
        """The device that carries it."""
        return self.link

    @property
    def wiring(self) -> Tagged:
        """One VLAN of the device that carries it."""
        return Tagged(self.link, self.id)

    def words(self) -> Argv:
        """The VLAN's number."""
        return ("id", str(self.id))
