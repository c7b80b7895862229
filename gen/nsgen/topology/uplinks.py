"""Uplinks, resolved: each with its table, its mark and the place of its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.language.marks import WrittenUplink
from nsgen.language.policy import Mark
from nsgen.language.routing import MAIN, Route, route_table, route_version
from nsgen.language.spec import WrittenNamespace
from nsgen.topology.model import Uplink
from nsgen.topology.networks import Member

FIRST_TABLE = 1001
MASK, SHIFT = 0xFF000000, 24  # bits that Kubernetes, Tailscale and wg-quick leave alone
FIRST_PRIORITY = 900  # ahead of the rules that are written, which begin with 1000
MOST = 50  # of which each takes two priorities


def uplink_table(written: WrittenUplink, index: int) -> int:
    """The table of the uplink at this place of its node's."""
    return written.table or FIRST_TABLE + index


def uplink_mark(written: WrittenUplink, index: int) -> Mark:
    """The mark of the uplink at this place of its node's."""
    return written.mark or Mark((index + 1) << SHIFT, MASK)


def uplink_priority(index: int) -> int:
    """The priority of the first rule of the uplink at this place of its node's."""
    return FIRST_PRIORITY + 2 * index


def resolved_uplinks(written: Mapping[str, WrittenUplink]) -> tuple[Uplink, ...]:
    """The uplinks of a node, by IP version, in the order of the file."""
    return tuple(
        Uplink(
            *(device, via, uplink_table(uplink, index)),
            *(uplink_mark(uplink, index), uplink_priority(index)),
        )
        for index, (device, uplink) in enumerate(written.items())
        for via in uplink.via
    )


def first_uplinks(namespace: WrittenNamespace, members: tuple[Member, ...]) -> Iterator[Route]:
    """The default routes by the first uplinks, of a namespace that has none: what it asks leaves by them.

    The host has its own, from its installation or by DHCP.
    """
    for version in (4, 6):
        written = any(
            route_version(route) == version
            and route_table(route) == MAIN
            and (route.to is None or route.to.prefixlen == 0)
            for route in namespace.routes
        )
        found = (
            Route(to=None, via=via, dev=device)
            for device, uplink in namespace.uplinks.items()
            for via in uplink.via
            if via.version == version
        )
        first = next(found, None)
        if first is not None and not (written or any(m.routed(version) for m in members)):
            yield first
