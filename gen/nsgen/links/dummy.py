"""An interface that leads nowhere, ip-link(8): for an address that does not depend on any cable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface


@dataclass(frozen=True)
class Dummy(Interface):
    """An interface that leads nowhere: a place for addresses."""

    KIND: ClassVar[str] = "dummy"
    WHY: ClassVar[str] = """\
A dummy interface leads nowhere: what it has is an address that is up whatever becomes of cables."""
