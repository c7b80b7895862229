"""The keys and peers of a node's WireGuard interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.language.kinds.wireguard import Wireguard
from nsgen.ops import Op, SetPeer, SetWireguard
from nsgen.topology.model import Node


def wireguard(node: Node, key_files: Mapping[tuple[str, str], str]) -> Iterator[Op]:
    """Each interface with its key, and its peers; `key_files` are those of all nodes, by node and device."""
    for interface in node.interfaces:
        if not isinstance(interface.written, Wireguard):
            continue
        written, name = interface.written, interface.name
        port = written.listen_port or 0
        yield SetWireguard(node.name, name, written.private_key_file, port)
        for peer in written.peers:
            place = peer.interface
            key_file = key_files[place.node, place.device] if place is not None else ""
            allowed = ",".join(map(str, peer.allowed_ips))
            keepalive = peer.persistent_keepalive or 0
            yield SetPeer(
                *(node.name, name, peer.public_key or "", key_file, allowed),
                *(peer.endpoint or "", keepalive),
            )
