"""Ethernet in UDP, RFC 7348, ip-link(8), bridge(8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nsgen.links.kind import Interface
from nsgen.links.place import NEAR, Place
from nsgen.ops import AddPeer, Argv, Op
from nsgen.scalars import ADDRESS, number
from nsgen.schema import ListOf, key
from nsgen.values import IPAddress

PORT = 4789  # IANA; the kernel's own default is 8472, from before there was one
OVERHEAD = {4: 50, 6: 70}  # bytes: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8
ETHERNET = 1500


@dataclass(frozen=True, kw_only=True)
class Vxlan(Interface):
    """A virtual Ethernet, carried in UDP between machines."""

    id: int = key(number(0, 2**24 - 1), "The network's number, VNI.")
    remote: IPAddress | None = key(ADDRESS, "The one other machine.", default=None)
    group: IPAddress | None = key(
        ADDRESS, "A multicast group, in which the machines find each other.", default=None
    )
    peers: tuple[IPAddress, ...] = key(
        ListOf(ADDRESS, lone=True), "The other machines, each by its address.", default=()
    )
    local: IPAddress | None = key(ADDRESS, "The address to send from.", default=None)
    port: int = key(number(1, 65535), "The UDP port.", default=PORT)
    link: Place | None = key(NEAR, "The device to send by.", default=None)

    KIND: ClassVar[str] = "vxlan"
    WHY: ClassVar[str] = """\
VXLAN puts whole Ethernet frames into UDP: machines that are only routed to each other share a
network all the same. Its own header leaves less room: 50 bytes of every packet, 70 over IPv6."""

    @property
    def parent(self) -> Place | None:
        """The device that it sends by."""
        return self.link

    @property
    def own_mtu(self) -> int:
        """The kernel makes room for the headers only where it is told the device."""
        known = self.remote or self.group or next(iter(self.peers), None) or self.local
        return 0 if self.link else ETHERNET - OVERHEAD[known.version if known else 4]

    def words(self) -> Argv:
        """Its number, and the others."""
        found = ["id", str(self.id)]
        for name, value in (("remote", self.remote), ("group", self.group), ("local", self.local)):
            found += [name, str(value)] if value is not None else []
        found += ["dev", self.link.device] if self.link is not None else []
        return (*found, "dstport", str(self.port))

    def wrong(self) -> Iterator[tuple[str, str]]:
        """There is one way of knowing the others."""
        ways = [name for name in ("remote", "group", "peers") if getattr(self, name)]
        if len(ways) > 1:
            yield ways[1], f"the others are known by {ways[0]!r} already: remove one of the two"
        if self.group is not None and not self.group.is_multicast:
            yield "group", f"{self.group} is no multicast group, such as 239.1.1.1"
        if self.group is not None and self.link is None:
            yield "group", "a group is joined by a device: add 'link'"
        named = [a for a in (self.remote, self.group, *self.peers, self.local) if a is not None]
        for address in named[1:]:
            if address.version != named[0].version:
                text = f"{address} is IPv{address.version}, and {named[0]} is IPv{named[0].version}"
                yield "local", text
        for machine in (self.remote, *self.peers):
            if machine is not None and machine.is_multicast:
                yield "remote", f"{machine} is a multicast group: write it as 'group'"

    def settings(self, node: str, name: str) -> Iterator[Op]:
        """Whom frames for everybody go to."""
        yield from (AddPeer(node, name, str(peer)) for peer in self.peers)
