"""What the host's own rules and parameters let it pass on between its devices, for a ping."""

from __future__ import annotations

from typing import Literal

from nsgen.topology import needs
from nsgen.topology.model import Topology
from nsgen.topology.networks import Bridge
from nsgen.values import IPAddress

Passing = Literal["passes", "apart", "stays", "unknown"]


class Crossing:
    """The host as a router; networks are apart, docs/safety.md."""

    def __init__(self, topology: Topology) -> None:
        """Note the networks, and whether it forwards."""
        self._bridges = {bridge.name: bridge for bridge in topology.bridges}
        host = topology.host
        self._routes = host.forwarding
        self._forwards = {
            v: needs.asked_to_forward(host, v) is not False or needs.forwards(topology, v)
            for v in (4, 6)
        }

    def passes(
        self, came: str, out: str, src: IPAddress | None, *, back: bool, translated: bool = False
    ) -> Passing:
        """Whether what came by one device leaves by another; `back`: an answer; `translated`: to a member, by `nat`."""
        version = 4 if src is None else src.version
        one, other = self._bridges.get(came), self._bridges.get(out)
        if one is None and other is None:
            # The host may forward for others, and then its own guard is not there either.
            return "passes" if self._routes else "unknown" if self._forwards[version] else "stays"
        if not self._forwards[version]:
            return "apart" if one is not None and other is not None else "stays"
        if translated and not back and one is not None and one.own_ports and one is not other:
            return "apart"
        if back or (translated and other is not None):
            return "passes"
        if other is not None:
            if one is other:
                return "apart" if one.isolate else "passes"
            return "passes" if other.routed and one is None else "apart"
        known = one is not None and one.internet and src is not None and _has(one, src)
        return "passes" if known else "apart"

    def masquerades(self, out: str, src: IPAddress | None, dst: IPAddress) -> bool:
        """Whether what leaves by a device gets the host's address there as its source."""
        return src is not None and any(
            b.masquerades(dst)
            and b.name != out
            and b.gateway(src.version) is not None
            and _has(b, src)
            for b in self._bridges.values()
        )


def _has(bridge: Bridge, address: IPAddress) -> bool:
    return any(address in subnet.network for subnet in bridge.subnets)
