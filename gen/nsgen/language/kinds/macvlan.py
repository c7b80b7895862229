"""More interfaces on one device: macvlan and ipvlan, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.place import NEAR_OR_FAR, NodeDevice
from nsgen.language.kinds.wiring import Above
from nsgen.language.schema import Choice, key
from nsgen.ops import Argv


@dataclass(frozen=True, kw_only=True)
class Macvlan(WrittenInterface):
    """An interface with a MAC address of its own, on a device of this node or another."""

    link: NodeDevice = key(NEAR_OR_FAR, "The device below: DEVICE, or NODE:DEVICE of another node.")
    mode: str = key(
        Choice(("bridge", "private", "vepa", "passthru")),
        "Whether those on one device reach each other: bridge, directly; private, never; vepa, by"
        " way of the switch outside; passthru, there is only one.",
        default="bridge",
    )

    KIND: ClassVar[str] = "macvlan"
    ELSEWHERE: ClassVar[bool] = True
    WHY: ClassVar[str] = """\
A macvlan is one more interface on a device, with a MAC address of its own: on the network there it
is a machine like any other. With the node that has the device itself it exchanges nothing."""

    @property
    def parent(self) -> NodeDevice | None:
        """The device below."""
        return self.link

    @property
    def wiring(self) -> Above:
        """A machine on the segment of the device below; only a switch knows where `vepa` leads."""
        return Above(self.link, "bridge" if self.mode == "bridge" else "", sure=self.mode != "vepa")

    def words(self) -> Argv:
        """The interface's mode."""
        return ("mode", self.mode)


@dataclass(frozen=True, kw_only=True)
class Ipvlan(WrittenInterface):
    """An interface that shares the MAC address of a device of this node or another."""

    link: NodeDevice = key(NEAR_OR_FAR, "The device below: DEVICE, or NODE:DEVICE of another node.")
    mode: str = key(
        Choice(("l2", "l3", "l3s")),
        "l2: it takes part in the network; l3: packets are routed to it; l3s: by way of iptables.",
        default="l2",
    )

    KIND: ClassVar[str] = "ipvlan"
    ELSEWHERE: ClassVar[bool] = True
    WHY: ClassVar[str] = """\
An ipvlan is one more interface on a device, and shares its MAC address: for networks where a
machine may have only one. With the node that has the device itself it exchanges nothing."""

    @property
    def parent(self) -> NodeDevice | None:
        """The device below."""
        return self.link

    @property
    def has_neighbours(self) -> bool:
        """In the modes of layer 3, nobody is asked for a MAC address."""
        return self.mode == "l2"

    @property
    def wiring(self) -> Above:
        """A machine on the segment of the device below; one of layer 3 answers no neighbour."""
        return Above(self.link, "l2" if self.mode == "l2" else "", sure=self.mode == "l2")

    def words(self) -> Argv:
        """The interface's mode."""
        return ("mode", self.mode)
