"""One VLAN of a device, IEEE 802.1Q, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface
from nsgen.links.place import NEAR, Place
from nsgen.ops import Argv
from nsgen.scalars import number
from nsgen.schema import key


@dataclass(frozen=True, kw_only=True)
class Vlan(Interface):
    """One VLAN of a device: its frames leave by that with a tag."""

    link: Place = key(NEAR, "The device that carries it.")
    id: int = key(number(1, 4094), "The number of the VLAN.")

    KIND: ClassVar[str] = "vlan"
    WHY: ClassVar[str] = """\
A VLAN is a network of its own on a cable that it shares with others: its frames carry a number."""

    @property
    def parent(self) -> Place | None:
        """The device that carries it."""
        return self.link

    def words(self) -> Argv:
        """Its number."""
        return ("id", str(self.id))
