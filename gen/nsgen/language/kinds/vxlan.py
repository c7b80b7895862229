"""Ethernet in UDP, RFC 7348, ip-link(8), bridge(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nsgen import values
from nsgen.language.kinds.bridge import VLAN
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.place import NEAR, NodeDevice
from nsgen.language.kinds.wiring import Unsure, VirtualEthernet
from nsgen.language.scalars import ADDRESS, ONE_PORT, STRING, number
from nsgen.language.schema import ListOf, MapOf, Scalar, key
from nsgen.ops import AddPeer, AddVni, Argv, MapVlan, Op, SetLink
from nsgen.values import IPAddress

PORT = 4789  # IANA; the kernel's own default is 8472, from before there was one
OVERHEAD = {4: 50, 6: 70}  # bytes: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8
ETHERNET = 1500


def _vni(text: str) -> str:
    """A number as a key of a map, in one spelling."""
    found = str(values.integer(text, 0, 2**24 - 1))
    if found != text:
        raise ValueError(f"{text!r} is {found} in another spelling: write that")
    return found


@dataclass(frozen=True, kw_only=True)
class Vxlan(WrittenInterface):
    """A virtual Ethernet, carried in UDP between machines."""

    id: int | None = key(number(0, 2**24 - 1), "The network's number, VNI.", default=None)
    vnis: Mapping[str, int] = key(
        MapOf(Scalar(_vni, STRING), VLAN),
        "Several numbers, each with the VLAN that it is on the bridge that this is a port of.",
        default_factory=dict,
    )
    remote: IPAddress | None = key(ADDRESS, "The one other machine.", default=None)
    group: IPAddress | None = key(
        ADDRESS, "A multicast group, in which the machines find each other.", default=None
    )
    peers: tuple[IPAddress, ...] = key(
        ListOf(ADDRESS, lone=True), "The other machines, each by its address.", default=()
    )
    local: IPAddress | None = key(ADDRESS, "The address to send from.", default=None)
    port: int = key(ONE_PORT, "The UDP port.", default=PORT)
    link: NodeDevice | None = key(NEAR, "The device to send by.", default=None)

    KIND: ClassVar[str] = "vxlan"
    SAYS_PARENT: ClassVar[bool] = True  # with `dev`
    WHY: ClassVar[str] = """\
VXLAN puts whole Ethernet frames into UDP: machines that are only routed to each other share a
network all the same. Its own header leaves less room: 50 bytes of every packet, 70 over IPv6."""

    @property
    def parent(self) -> NodeDevice | None:
        """The device that it sends by."""
        return self.link

    @property
    def own_mtu(self) -> int:
        """The kernel makes room for the headers only where it is told the device."""
        known = self.remote or self.group or next(iter(self.peers), None) or self.local
        return 0 if self.link else ETHERNET - OVERHEAD[known.version if known else 4]

    @property
    def wiring(self) -> VirtualEthernet | Unsure:
        """The network of its number; which of several leads where is not told."""
        if self.id is None:
            return Unsure()
        remotes = (*self.peers, *([self.remote] if self.remote else ()))
        return VirtualEthernet(self.id, self.port, self.local, remotes, self.group, self.link)

    def words(self) -> Argv:
        """The VXLAN's number, and the other machines."""
        found = ["id", str(self.id)] if not self.vnis else ["external", "vnifilter"]
        for name, value in (("remote", self.remote), ("group", self.group), ("local", self.local)):
            found += [name, str(value)] if value is not None else []
        found += ["dev", self.link.device] if self.link is not None else []
        return (*found, "dstport", str(self.port))

    def wrong(self) -> Iterator[tuple[str, str]]:
        """There is one way of knowing the others."""
        yield from self._wrong_numbers()
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

    def _wrong_numbers(self) -> Iterator[tuple[str, str]]:
        if len(set(self.vnis.values())) < len(self.vnis):
            yield "vnis", "a VLAN has one number: two of these have the same"
        for name in ("remote", "group") if self.vnis else ():
            if getattr(self, name):
                yield name, "with 'vnis' the others are listed, as 'peers': write them there"

    def settings(self, node: str, name: str) -> Iterator[Op]:
        """The numbers of a VXLAN with several, and whom frames for everybody go to."""
        if self.vnis:
            yield SetLink(node, name, ("type", "bridge_slave", "vlan_tunnel", "on"))
        for vni, vlan in self.vnis.items():
            yield AddVni(node, name, int(vni))
            yield MapVlan(node, name, vlan, int(vni))
        for vni in self.vnis:
            yield from (AddPeer(node, name, str(peer), int(vni)) for peer in self.peers)
        yield from (AddPeer(node, name, str(peer)) for peer in self.peers if not self.vnis)
