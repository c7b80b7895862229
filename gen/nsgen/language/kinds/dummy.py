"""An interface that leads nowhere, ip-link(8): for an address that does not depend on any cable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.wiring import Plain


@dataclass(frozen=True)
class Dummy(WrittenInterface):
    """An interface that leads nowhere: a place for addresses."""

    KIND: ClassVar[str] = "dummy"
    WHY: ClassVar[str] = """\
A dummy interface leads nowhere: what it has is an address that is up whatever becomes of cables."""

    @property
    def has_neighbours(self) -> bool:
        """Nobody is there."""
        return False

    @property
    def wiring(self) -> Plain:
        """A dummy joins nobody."""
        return Plain()
