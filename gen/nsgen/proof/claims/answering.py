"""What uplinks claim: who asks by one of them is answered by it, by the node itself and by what it publishes."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.proof.claims.claim import Claim, answered
from nsgen.proof.claims.view import SceneView, samples, suffix
from nsgen.reach.ways import Reach
from nsgen.topology.model import Node, Uplink
from nsgen.values import HOST, INTERNET, IPAddress


def claims(view: SceneView) -> Iterator[Claim]:
    """From beyond each uplink: of a card, a machine of the scene; else the nodes of the topology that get there."""
    nodes = [node for node in view.topology.nodes if node.uplinks]
    reach = Reach(view.topology) if nodes else None
    for node in nodes:
        for uplink in node.uplinks:
            if node.name == HOST:
                for asker, asks, to in _machines(view, uplink):
                    yield from _asked(view, uplink, asker, asks, to)
            for to in _addresses(node, uplink):
                for namespace in view.topology.namespaces:
                    apart = namespace.name != node.name and not namespace.members
                    if reach and apart and reach.verdict(namespace.name, to).status == "ok":
                        yield from _asked(view, uplink, namespace.name, None, to, node.name)


def _machines(view: SceneView, uplink: Uplink) -> Iterator[tuple[str, IPAddress, IPAddress]]:
    """Who asks by a card, from which address, and what it asks."""
    side = view.scene.sides[uplink.version]
    if uplink.device == view.scene.uplink:
        yield INTERNET, side.internet, side.host
    for beyond in view.scene.beyond:
        if (beyond.device, beyond.via) == (uplink.device, uplink.via):
            yield beyond.node, beyond.asks, beyond.host


def _addresses(node: Node, uplink: Uplink) -> Iterator[IPAddress]:
    """The addresses of an uplink that the topology makes."""
    for interface in node.wired:
        if interface.name == uplink.device:
            own = (address.ip for address in interface.addresses)
            yield from (ip for ip in own if ip.version == uplink.version and not ip.is_link_local)


def _asked(
    view: SceneView,
    uplink: Uplink,
    asker: str,
    asks: IPAddress | None,
    to: IPAddress,
    node: str = HOST,
) -> Iterator[Claim]:
    why = f"{uplink.device} is an uplink of {node}: who asks by it is answered by it"
    column = f"by {uplink.device}"
    yield answered(asker, column, str(to), 0, "ping", why)
    for published in view.topology.publications if node == HOST else ():
        meant = published.host_ip in (None, to) and published.version == to.version
        if not meant or "outside" not in published.reach:
            continue
        peers = (str(asks),) if asks is not None and published.member.routed(to.version) else ()
        for offset in samples(published):
            port = published.published.first + offset
            yield Claim(
                *(asker, f"{port}{suffix(published)} {column}", str(to), port),
                *(published.protocol, True, why),
                by=published.member.namespace,
                peers=peers,
            )
