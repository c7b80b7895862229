"""Routes to peers of IPv6."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.language.opposite import PeerAddress
from nsgen.ops import AddRoute
from nsgen.topology.model import Interface, Node
from nsgen.values import IPInterface


def peer_routes(node: Node) -> Iterator[AddRoute]:
    """Routes to peers of IPv6: Linux makes its own only once the cable carries, too late for the routes by them."""
    tables = {i.name: i.written.own_table for i in node.interfaces if i.written.own_table}
    for device in node.wired:
        table = tables.get(device.master)
        for peer in _peers(device) if device.written.up else ():
            where = ("table", str(table)) if table else ()
            yield AddRoute(node.name, (str(peer.network), "dev", device.name, *where))


def _peers(device: Interface) -> Iterator[IPInterface]:
    for address in device.addresses:
        if isinstance(address, PeerAddress) and address.version == 6:
            yield address.peer
