"""Check a topology as written for what only several of its records together can get wrong.

A new check is a function in one of the modules of :mod:`nsgen.check`, and its name in `CHECKS`, or in
`RESOLVED_CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable

from nsgen.check import (
    attachments,
    devices,
    expectations,
    joined,
    links,
    neighbours,
    networks,
    precedence,
    published,
    routers,
    routes,
    services,
    settings,
    translation,
    wires,
)
from nsgen.check.view import View
from nsgen.language.spec import Spec
from nsgen.report import Report
from nsgen.topology.model import Topology

CHECKS: tuple[Callable[[View, Report], None], ...] = (
    networks.check_subnets,
    networks.check_overlaps,
    networks.check_overlaps_inside,
    networks.check_gateways,
    networks.check_needs_gateway,
    networks.check_mtu,
    networks.check_size,
    networks.check_macs,
    attachments.check_names,
    joined.check_joins,
    services.check_units,
    attachments.check_networks,
    attachments.check_ranges,
    attachments.check_devices,
    attachments.check_default_routes,
    attachments.check_addresses,
    published.check_place,
    published.check_ports,
    published.check_host_ip,
    published.check_reach,
    published.check_isolated,
    published.check_twice,
    links.check_link_nodes,
    links.check_link_form,
    wires.check_kinds,
    devices.check_device_names,
    devices.check_taken,
    wires.check_parents,
    wires.check_masters,
    wires.check_ports,
    wires.check_numbers,
    links.check_wire_addresses,
    links.check_ends_agree,
    links.check_opposite,
    wires.check_tables,
    wires.check_peers,
    neighbours.check_neighbours,
    neighbours.check_their_devices,
    neighbours.check_proxies,
    translation.check_policies,
    translation.check_nat,
    translation.check_proxies,
    precedence.check_nat_of_networks,
    translation.check_exceptions,
    translation.check_marks,
    routes.check_routing,
    routes.check_ways,
    routes.check_versions,
    routers.check_routers,
    routes.check_devices,
    routes.check_ipv6,
    routes.check_sources,
    routes.check_twice,
    settings.check_sysctls,
    settings.check_commands,
    services.check_ready,
    services.check_after,
    settings.check_files,
    settings.check_modules,
    expectations.check_nodes,
    expectations.check_answers,
    expectations.check_addresses,
)

# Those that need what the author has left out: nothing else is wrong by then.
RESOLVED_CHECKS: tuple[Callable[[Spec, Topology, Report], None], ...] = (
    settings.check_contradictions,
)

# Of what could be built: where there are errors, there is enough to say.
ADVICE: tuple[Callable[[View, Report], None], ...] = (
    networks.check_unused,
    attachments.check_alone,
    networks.check_public,
    wires.check_endpoints,
)


def run_checks(spec: Spec, report: Report) -> None:
    """Run every check; what could not be read is left out, and so is what depends on it."""
    view = View(spec, report)
    for run in CHECKS:
        run(view, report)
    for run in ADVICE if not report.failed else ():
        run(view, report)


def run_resolved_checks(spec: Spec, topology: Topology, report: Report) -> None:
    """Run every check of the resolved topology."""
    for run in RESOLVED_CHECKS:
        run(spec, topology, report)
