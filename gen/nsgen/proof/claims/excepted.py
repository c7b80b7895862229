"""What exceptions of masquerading claim: who is asked there sees the member's own address."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.proof.claims import translated
from nsgen.proof.claims.claim import Claim
from nsgen.proof.claims.view import SceneView, led
from nsgen.reach.ways import Reach
from nsgen.topology.networks import Member
from nsgen.values import INTERNET, IPAddress


def claims(view: SceneView) -> Iterator[Claim]:
    """One member of each network asks a machine behind the router in each range, and the topology's nodes there."""
    reach: Reach | None = None
    for member in view.one_of_each():
        for version in (4, 6):
            own = member.address(version)
            way = view.way_out(view.namespace(member.namespace), version)
            kept = view.topology.kept_from(member.bridge, version) if member == way else []
            if own is None or not kept:
                continue
            for address in view.scene.kept:
                if any(address in network for network in kept):
                    yield from _asks(view, member, address, INTERNET, view.known)
            reach = reach or Reach(view.topology)
            for name, address in _nodes(view):
                meant = any(address in network for network in kept)
                if (
                    meant
                    and not _asked(view, member, name)
                    and reach.verdict(member.namespace, address).status == "ok"
                ):
                    yield from _asks(view, member, address, name, view.closed)


def _asks(view: SceneView, member: Member, to: IPAddress, by: str, port: int) -> Iterator[Claim]:
    """By its own address; unless an entry of `nat` gives it another one, as for what leaves by another device.

    Who is at the other end of a cable of its own is asked by that. What a member's policies or commands make of the way
    there is the author's business, as its own routes are.
    """
    namespace, own = view.namespace(member.namespace), member.address(to.version)
    beside = any(to in address.network for i in namespace.wired for address in i.addresses)
    if beside or led(namespace, to) or namespace.policies or namespace.execs:
        return
    written = translated.source(view, member, to) if by == INTERNET else None
    if written is None and not member.bridge.masquerades(to):
        written = (str(own),)
    if written is not None:
        why = f"what {member.bridge.name} sends to {to} keeps its source"
        column = f"{by} unmasqueraded"
        yield Claim(
            *(member.namespace, column, str(to), port, "tcp", True, why), by=by, peers=written
        )


def _asked(view: SceneView, member: Member, name: str) -> bool:
    """Whether a namespace is on the same network, where nothing is masqueraded."""
    return any(m.bridge == member.bridge for m in view.namespace(name).members)


def _nodes(view: SceneView) -> Iterator[tuple[str, IPAddress]]:
    """The addresses that namespaces have on links and interfaces."""
    for namespace in view.topology.namespaces:
        for interface in namespace.wired:
            yield from ((namespace.name, address.ip) for address in interface.addresses)
