"""VXLANs with several numbers: that a bridge tells them apart."""

from __future__ import annotations

from nsgen.check.view import View
from nsgen.language.kinds.bridge import BridgeInterface
from nsgen.language.kinds.vxlan import Vxlan
from nsgen.report import Report
from nsgen.words import listed


def check_vnis(view: View, report: Report) -> None:
    """Each number is that of a VLAN, and each VLAN has one, on a bridge that the VXLAN is a port of."""
    bridges = {
        (key, port): (name, one, one.ports[port])
        for key, _, name, one in view.interfaces()
        if isinstance(one, BridgeInterface)
        for port in one.ports
    }
    for key, path, name, interface in view.interfaces():
        if not isinstance(interface, Vxlan) or view.wrong(*path, "vnis") or view.wrong(*path, "id"):
            continue
        if (interface.id is None) == (not interface.vnis):
            text = "a vxlan has a number, 'id', or several, 'vnis': give one of the two"
            report.error((*path, "type"), text)
        if not interface.vnis:
            continue
        bridge, master, port = bridges.get((key, name), ("", None, None))
        if master is None or port is None or not master.vlan_filtering:
            text = f"its numbers are those of VLANs: make {name!r} a port of a bridge with 'vlan_filtering: true'"
            report.error((*path, "vnis"), text, on_key=True)
            continue
        for vni, vlan in interface.vnis.items():
            if vlan not in port.tagged:
                text = f"{name!r} is not in VLAN {vlan} of {bridge!r}: add it to 'tagged' there"
                report.error((*path, "vnis", vni), text)
        bare = [v for v in (port.untagged, *port.tagged) if v and v not in interface.vnis.values()]
        if bare:
            text = f"{listed(bare)} of {name!r} on {bridge!r} has no number: add it to 'vnis', or leave it out there"
            report.error((*path, "vnis"), f"the VLAN {text}", on_key=True)
