"""A device whose other end is a program that opens it, a virtual machine or a VPN, ip-tuntap(8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.scalars import WORD
from nsgen.language.schema import key
from nsgen.ops import AddTap, Op, SetLink

if TYPE_CHECKING:
    from nsgen.language.kinds.wiring import Outside


@dataclass(frozen=True)
class Tap(WrittenInterface):
    """A device whose other end is a program that opens it, such as a virtual machine or a VPN."""

    user: str = key(WORD, "Who may open it besides root, a name or a number.", default="root")

    KIND: ClassVar[str] = "tap"
    WHY: ClassVar[str] = """\
A tap device is a cable to a program: a virtual machine or a VPN opens it by its name, and has the other
end. It is made for one user: without, any user might open it."""

    def made(self, node: str, name: str, mac: str, mtu: int) -> Iterator[Op]:
        """Make it; its address and its MTU cannot be said with that."""
        yield AddTap(node, name, self.user)
        if mac:
            yield SetLink(node, name, ("address", mac))
        if mtu:
            yield SetLink(node, name, ("mtu", str(mtu)))

    @property
    def wiring(self) -> Outside:
        """Whatever the program carries."""
        from nsgen.language.kinds.wiring import Outside  # few ask

        return Outside()
