"""A routing domain of its own inside a node, ip-vrf(8), linux/Documentation/networking/vrf.rst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import Port, WrittenInterface
from nsgen.language.kinds.wiring import Domain
from nsgen.language.scalars import DEVICE, UINT32
from nsgen.language.schema import ListOf, key
from nsgen.ops import Argv


@dataclass(frozen=True, kw_only=True)
class Vrf(WrittenInterface):
    """A routing domain: what comes in by its ports is routed by a table of its own."""

    table: int = key(UINT32, "The number of its routing table.")
    ports: tuple[str, ...] = key(
        ListOf(DEVICE, lone=True), "The node's devices that are in it.", default=()
    )

    KIND: ClassVar[str] = "vrf"
    WHY: ClassVar[str] = """\
A VRF is a router within the router: what comes in by its ports knows the routes of its own table and
no others, so that two of them may even use the same addresses."""

    @property
    def members(self) -> Mapping[str, Port]:
        """What is in it."""
        return dict.fromkeys(self.ports, Port())

    @property
    def own_table(self) -> int:
        """The VRF's routing table."""
        return self.table

    @property
    def has_neighbours(self) -> bool:
        """Whether a VRF itself has neighbours: its ports have them."""
        return False

    @property
    def wiring(self) -> Domain:
        """A routing domain, whose ports are apart."""
        return Domain(self.table)

    def words(self) -> Argv:
        """The VRF's routing table."""
        return ("table", str(self.table))
