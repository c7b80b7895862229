"""Who gets what a node sends by one of its devices: a neighbour on the segment, or the other end of a tunnel."""

from __future__ import annotations

from collections.abc import Callable

from nsgen.links.kind import Interface as Written
from nsgen.links.tunnel import Ipip, Sit
from nsgen.links.wireguard import Peer, Wireguard
from nsgen.overlays import Carrier, place
from nsgen.segments import Device, Segments
from nsgen.values import IPAddress
from nsgen.verdict import UNKNOWN, State, Verdict, named


class Neighbours:
    """Those of every device."""

    def __init__(self, segments: Segments, verdict: Callable[[str, IPAddress], Verdict]) -> None:
        """Take over the segments, and what tells whether a tunnel's other end is reached outside."""
        self._segments = segments
        self._verdict = verdict

    def of(self, state: State, out: str, via: IPAddress) -> Device | Verdict:
        """Who gets what is sent to an address by a device."""
        device = self._segments.at.get((state.node, out))
        if device is None or self._segments.is_unsure(device):
            return UNKNOWN
        if isinstance(device.written, Wireguard):
            return self._peer(device, device.written, state)
        if not carries(device.written, via.version):
            return UNKNOWN
        for carrier in self._segments.carriers(device):
            outside = self._verdict(carrier.node, carrier.remote)
            if outside.status != "ok":
                return self._not_carried(device, carrier, outside)
        found = (
            list(self._segments.near(device))
            if device.pointed
            else self._segments.having(device, via)
        )
        if len(found) == 1:
            return found[0]
        if found or via.is_link_local or self._segments.is_open(*device.spot):
            return UNKNOWN
        kept = self._segments.kept_apart(device, via)
        if kept is not None:
            text = f"{named(state.node)} and {named(kept.node)} are kept apart on their link"
            return Verdict("apart", state.node, text, "interfaces", to=str(state.dst))
        if device.pointed:
            text = f"the other end of {out} of {named(state.node)} is not there"
            return Verdict("broken", state.node, text, "interfaces", to=str(state.dst))
        text = f"nobody on the link of {named(state.node)} has {via}"
        return Verdict("broken", state.node, text, to=str(state.dst))

    def _not_carried(self, device: Device, carrier: Carrier, outside: Verdict) -> Verdict:
        """A tunnel that is not carried; of several in one segment, it is not told which one is needed."""
        ends = {c.node for c in self._segments.carriers(device)}
        if outside.status != "broken" or len(ends) > 2:
            return UNKNOWN
        text = f"{carrier.device} of {named(carrier.node)} is not carried: {outside.text}"
        return Verdict("broken", outside.node, text, outside.mend)

    def _peer(self, device: Device, written: Wireguard, state: State) -> Device | Verdict:
        """The peer to which an address is allowed, and from which the other end takes the answer."""
        peer = allowed(written, state.dst)
        there = self._segments.at.get(place(peer)) if peer is not None else None
        if peer is None:
            text = f"no peer of {device.name} of {named(device.node)} is allowed {{to}}"
            return Verdict("broken", device.node, text, "interfaces", to=str(state.dst))
        if there is None or not isinstance(there.written, Wireguard):
            return UNKNOWN
        mutual = next((p for p in there.written.peers if place(p) == device.spot), None)
        src = state.src
        if mutual is None or src is None or allowed(there.written, src) is not mutual:
            return UNKNOWN if src is None else Verdict(
                "broken", there.node, f"{there.name} of {named(there.node)} takes nothing from {src}", "interfaces"
            )  # fmt: skip
        for end, towards, other in ((device, peer, there), (there, mutual, device)):
            if towards.endpoint is not None and not self._finds(end, towards, other):
                return UNKNOWN
        starts = peer.endpoint is not None or (mutual.endpoint and mutual.persistent_keepalive)
        return there if starts else UNKNOWN

    def _finds(self, end: Device, peer: Peer, other: Device) -> bool:
        """Whether an endpoint is where the other end listens, and is reached."""
        address, port = peer.outside, (peer.endpoint or "").rpartition(":")[2]
        if address is None:
            return False
        own = any(d.node == other.node for d in self._segments.owners.get(address, ()))
        listens = getattr(other.written, "listen_port", None) == int(port)
        return own and listens and self._verdict(end.node, address).status == "ok"


def carries(written: Written, version: int) -> bool:
    """Whether a tunnel is for packets of an IP version."""
    return not (
        (isinstance(written, Ipip) and version == 6) or (isinstance(written, Sit) and version == 4)
    )


def allowed(written: Wireguard, address: IPAddress) -> Peer | None:
    """The peer to which an address is allowed: by the longest prefix."""
    found = [
        (network.prefixlen, -index, peer)
        for index, peer in enumerate(written.peers)
        for network in peer.allowed_ips
        if address in network
    ]
    return max(found, key=lambda one: one[:2])[2] if found else None
