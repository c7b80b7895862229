"""A device of the host that moves into a namespace, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nsgen.language.kinds.kind import WrittenInterface

if TYPE_CHECKING:
    from nsgen.language.kinds.wiring import Outside


@dataclass(frozen=True)
class Physical(WrittenInterface):
    """An interface of the host that moves into the namespace, and back when the topology goes."""

    KIND: ClassVar[str] = "physical"
    WHY: ClassVar[str] = """\
A device belongs to one namespace at a time: this one moves out of the host, and back on `down`. The
kernel takes its addresses on the way."""

    @property
    def wiring(self) -> Outside:
        """Whatever the device is plugged into."""
        from nsgen.language.kinds.wiring import Outside  # few ask

        return Outside()
