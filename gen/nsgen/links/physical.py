"""A device of the host that moves into a namespace, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface


@dataclass(frozen=True)
class Physical(Interface):
    """An interface of the host that moves into the namespace, and back when the topology goes."""

    KIND: ClassVar[str] = "physical"
    WHY: ClassVar[str] = """\
A device belongs to one namespace at a time: this one moves out of the host, and back on `down`. The
kernel takes its addresses on the way."""
