"""A routing domain of its own inside a node, ip-vrf(8), linux/Documentation/networking/vrf.rst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface, Port
from nsgen.ops import Argv
from nsgen.scalars import DEVICE, UINT32
from nsgen.schema import ListOf, key


@dataclass(frozen=True, kw_only=True)
class Vrf(Interface):
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
        """Its table."""
        return self.table

    def words(self) -> Argv:
        """Its table."""
        return ("table", str(self.table))
