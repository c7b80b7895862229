"""More interfaces on one device: macvlan and ipvlan, ip-link(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface
from nsgen.links.place import NEAR_OR_FAR, Place
from nsgen.ops import Argv
from nsgen.schema import Choice, key


@dataclass(frozen=True, kw_only=True)
class Macvlan(Interface):
    """An interface with a MAC address of its own, on a device of this node or another."""

    link: Place = key(NEAR_OR_FAR, "The device below: DEVICE, or NODE:DEVICE of another node.")
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
    def parent(self) -> Place | None:
        """The device below."""
        return self.link

    def words(self) -> Argv:
        """Its mode."""
        return ("mode", self.mode)


@dataclass(frozen=True, kw_only=True)
class Ipvlan(Interface):
    """An interface that shares the MAC address of a device of this node or another."""

    link: Place = key(NEAR_OR_FAR, "The device below: DEVICE, or NODE:DEVICE of another node.")
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
    def parent(self) -> Place | None:
        """The device below."""
        return self.link

    def words(self) -> Argv:
        """Its mode."""
        return ("mode", self.mode)
