"""Several devices as one, ip-link(8), linux/Documentation/networking/bonding.rst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import Port, WrittenInterface
from nsgen.language.kinds.wiring import Bundle
from nsgen.language.scalars import DEVICE
from nsgen.language.schema import Choice, ListOf, key
from nsgen.ops import Argv

MODES = (
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
)


@dataclass(frozen=True, kw_only=True)
class Bond(WrittenInterface):
    """Several devices that act as one: for more capacity, or for the failure of one."""

    ports: tuple[str, ...] = key(
        ListOf(DEVICE, lone=True), "The node's devices that it consists of."
    )
    mode: str = key(Choice(MODES), "How packets are shared among them.", default="balance-rr")

    KIND: ClassVar[str] = "bond"
    WHY: ClassVar[str] = """\
A bond is several cables as one. Every 100 ms it looks which of them still have a carrier."""

    @property
    def members(self) -> Mapping[str, Port]:
        """The devices that a bond consists of."""
        return dict.fromkeys(self.ports, Port())

    @property
    def wiring(self) -> Bundle:
        """One cable, of several."""
        return Bundle()

    def words(self) -> Argv:
        """The bond's mode, and how often it looks at its devices."""
        return ("mode", self.mode, "miimon", "100")

    def wrong(self) -> Iterator[tuple[str, str]]:
        """A bond consists of something."""
        if not self.ports:
            yield "ports", "a bond consists of devices: list them"
