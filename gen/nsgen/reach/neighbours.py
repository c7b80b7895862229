"""Who gets what a node sends by one of its devices: a neighbour on the segment, or the other end of a tunnel."""

from __future__ import annotations

from collections.abc import Callable

from nsgen.language.kinds.peer import Peer
from nsgen.language.kinds.wiring import Peered
from nsgen.reach.device import Device
from nsgen.reach.overlays import Carrier, device_of
from nsgen.reach.segments import Segments
from nsgen.reach.verdict import UNKNOWN, AtNode, Verdict
from nsgen.values import IPAddress
from nsgen.words import named


class Neighbours:
    """The neighbours of every device."""

    def __init__(self, segments: Segments, verdict: Callable[[str, IPAddress], Verdict]) -> None:
        """Take over the segments, and what tells whether a tunnel's other end is reached outside."""
        self._segments = segments
        self._verdict = verdict

    def of(self, state: AtNode, out: str, via: IPAddress) -> Device | Verdict:
        """Who gets what is sent to an address by a device."""
        device = self._segments.at.get((state.node, out))
        if device is None or self._segments.is_unsure(device):
            return UNKNOWN
        if isinstance(device.wiring, Peered):
            return self._peer(device, device.wiring, state)
        if not device.wiring.carries(via.version):
            return UNKNOWN
        for carrier in self._segments.carriers(device):
            outside = self._verdict(carrier.node, carrier.remote)
            if outside.status != "ok":
                return self._not_carried(device, carrier, outside)
        found = self._answering(device, via)
        if len(found) == 1 and device.known_mac(via) in ("", found[0].mac):
            return UNKNOWN if self._segments.answers_oddly(found[0], via.version) else found[0]
        if (
            found
            or via.is_link_local
            or device.known_mac(via)
            or self._segments.is_open(*device.device_key)
        ):
            return UNKNOWN
        return self._nobody(device, state, via)

    def _nobody(self, device: Device, state: AtNode, via: IPAddress) -> Verdict:
        """Why nobody near a device has an address."""
        if any(self._segments.answers_oddly(d, via.version) for d in self._segments.near(device)):
            return UNKNOWN  # it may answer for others
        kept = self._segments.kept_apart(device, via)
        if kept is not None:
            text = f"{named(state.node)} and {named(kept.node)} are kept apart on their link"
            return Verdict("apart", state.node, text, "interfaces", to=str(state.dst))
        if device.pointed:
            text = f"the other end of {device.name} of {named(state.node)} is not there"
            return Verdict("broken", state.node, text, "interfaces", to=str(state.dst))
        text = f"nobody on the link of {named(state.node)} has {via}"
        return Verdict("broken", state.node, text, to=str(state.dst))

    def _answering(self, device: Device, via: IPAddress) -> list[Device]:
        """Who answers for an address on the device's segment: whoever has it, and routers in their place."""
        if device.pointed:
            return list(self._segments.near(device))
        return [
            *self._segments.having(device, via),
            *self._segments.answering_for(device, via),
        ]

    def _not_carried(self, device: Device, carrier: Carrier, outside: Verdict) -> Verdict:
        """A tunnel that is not carried; of several in one segment, it is not told which one is needed."""
        ends = {c.node for c in self._segments.carriers(device)}
        if outside.status != "broken" or len(ends) > 2:
            return UNKNOWN
        text = f"{carrier.device} of {named(carrier.node)} is not carried: {outside.text}"
        return Verdict("broken", outside.node, text, outside.mend)

    def _peer(self, device: Device, wiring: Peered, state: AtNode) -> Device | Verdict:
        """The peer to which an address is allowed, and from which the other end takes the answer."""
        peer = allowed(wiring, state.dst)
        there = self._segments.at.get(device_of(peer)) if peer is not None else None
        if peer is None:
            text = f"no peer of {device.name} of {named(device.node)} is allowed {{to}}"
            return Verdict("broken", device.node, text, "interfaces", to=str(state.dst))
        if there is None or not isinstance(there.wiring, Peered):
            return UNKNOWN
        mutual = next((p for p in there.wiring.peers if device_of(p) == device.device_key), None)
        src = state.src
        if mutual is None or src is None or allowed(there.wiring, src) is not mutual:
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
        listens = isinstance(other.wiring, Peered) and other.wiring.port == int(port)
        return own and listens and self._verdict(end.node, address).status == "ok"


def allowed(wiring: Peered, address: IPAddress) -> Peer | None:
    """The peer to which an address is allowed: by the longest prefix."""
    found = [
        (network.prefixlen, -index, peer)
        for index, peer in enumerate(wiring.peers)
        for network in peer.allowed_ips
        if address in network
    ]
    return max(found, key=lambda one: one[:2])[2] if found else None
