"""Where IPv6 is wanted: on devices without an IPv6 address, told by what else is written of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.language.parameters import parameter
from nsgen.language.routing import Route, route_version
from nsgen.language.spec import Host, WrittenNamespace

OFF = {"disable_ipv6": "1", "accept_ra": "0", "addr_gen_mode": "1", "autoconf": "0"}


def wanted(node: Host | WrittenNamespace) -> set[str]:
    """The devices that have IPv6 and its link-local address because a route or a kernel parameter asks for it."""
    by_uplinks = (
        name for name, uplink in node.uplinks.items() if any(v.version == 6 for v in uplink.via)
    )
    return {*_by_routes(node.routes), *by_uplinks, *_by_sysctls(node.sysctls)}


def _by_routes(routes: tuple[Route, ...]) -> Iterator[str]:
    for route in routes:
        if route_version(route) == 6:
            yield from (dev for dev in (route.dev, *(hop.dev for hop in route.nexthops)) if dev)


def _by_sysctls(sysctls: Mapping[str, str]) -> Iterator[str]:
    for key, value in sysctls.items():
        one = parameter(key)
        if one is not None and one.folder == "ipv6/conf" and OFF.get(one.name, value) != value:
            yield one.device
