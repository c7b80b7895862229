"""A bridge inside a node, with what its ports may be told: ip-link(8), bridge(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nsgen.language.kinds.kind import Port, WrittenInterface
from nsgen.language.kinds.wiring import Switch
from nsgen.language.scalars import BOOLEAN, DEVICE, number
from nsgen.language.schema import Kind, ListOf, MapOf, Record, key
from nsgen.language.shapes import ByShape, Mapped
from nsgen.ops import Argv, Op, SetVlan

VLAN = number(1, 4094)  # IEEE 802.1Q: 0 and 4095 are reserved


@dataclass(frozen=True)
class BridgePort:
    """A port of a bridge."""

    untagged: int | None = key(
        VLAN, "The VLAN of frames that come without a tag, and leave without one.", default=None
    )
    tagged: tuple[int, ...] = key(
        ListOf(VLAN, lone=True), "The VLANs whose frames come and leave with a tag.", default=()
    )
    hairpin: bool = key(BOOLEAN, "A frame may leave by the port that it came from.", default=False)
    isolated: bool = key(
        BOOLEAN,
        "It exchanges frames with ports that are not isolated, and no others.",
        default=False,
    )


PORTS: Kind[Mapping[str, BridgePort]] = ByShape(
    items=Mapped(ListOf(DEVICE), lambda names: dict.fromkeys(names, BridgePort())),
    record=MapOf(DEVICE, Record(BridgePort, nothing=True)),
)


def settings_of(ports: Mapping[str, BridgePort]) -> dict[str, Port]:
    """Ports with what they are told, by device."""
    return {
        name: Port(port.untagged or 0, port.tagged, port.hairpin, port.isolated)
        for name, port in ports.items()
    }


@dataclass(frozen=True)
class BridgeInterface(WrittenInterface):
    """A bridge: a switch inside the node, and the node's own interface on it."""

    ports: Mapping[str, BridgePort] = key(
        PORTS,
        "The node's devices that are its ports: a list, or a map from device to settings.",
        default_factory=dict,
    )
    stp: bool = key(BOOLEAN, "Speak the spanning tree protocol.", default=False)
    vlan_filtering: bool = key(
        BOOLEAN, "Keep VLANs apart: a port carries only those that it is given.", default=False
    )

    KIND: ClassVar[str] = "bridge"
    STEADY: ClassVar[bool] = True  # left alone, its address would change with every port
    WHY: ClassVar[str] = """\
A switch inside the node: whatever has this bridge as its master is plugged into it."""

    @property
    def members(self) -> Mapping[str, Port]:
        """The bridge's ports."""
        return settings_of(self.ports)

    @property
    def wiring(self) -> Switch:
        """A switch, with its ports."""
        return Switch(filtering=self.vlan_filtering)

    def words(self) -> Argv:
        """No port is in any VLAN unless it is put there: by itself, a bridge puts all of them into VLAN 1."""
        filtering = ("vlan_filtering", "1", "vlan_default_pvid", "0")
        return ("stp_state", str(int(self.stp)), *(filtering if self.vlan_filtering else ()))

    def wrong(self) -> Iterator[tuple[str, str]]:
        """VLANs of ports mean nothing to a bridge that does not look at them."""
        for name, port in self.ports.items():
            if (port.untagged or port.tagged) and not self.vlan_filtering:
                text = f"the VLANs of {name!r} need 'vlan_filtering: true'"
                yield "ports", text
            if port.untagged in port.tagged:
                yield "ports", f"the VLAN {port.untagged} of {name!r} is both tagged and untagged"

    def settings(self, node: str, name: str) -> Iterator[Op]:  # noqa: ARG002 (every kind is asked alike)
        """The VLANs of each port."""
        for device, port in self.ports.items() if self.vlan_filtering else ():
            if port.untagged is not None:
                yield SetVlan(node, device, port.untagged, untagged=True)
            for vlan in port.tagged:
                yield SetVlan(node, device, vlan, untagged=False)
