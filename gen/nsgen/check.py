"""Check a topology as written for what only several of its records together can get wrong.

A new check is a function in one of the modules of :mod:`nsgen.checks`, and its name in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable

from nsgen.checks import (
    attachments,
    expectations,
    networks,
    published,
    routes,
    settings,
    translation,
    wires,
)
from nsgen.checks.view import View
from nsgen.report import Report
from nsgen.spec import Spec

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
    wires.check_link_nodes,
    wires.check_link_form,
    wires.check_kinds,
    wires.check_device_names,
    wires.check_parents,
    wires.check_masters,
    wires.check_wire_addresses,
    wires.check_ends_agree,
    wires.check_tables,
    wires.check_peers,
    translation.check_policies,
    translation.check_nat,
    routes.check_routing,
    routes.check_ways,
    routes.check_versions,
    routes.check_routers,
    routes.check_devices,
    routes.check_sources,
    routes.check_twice,
    settings.check_sysctls,
    settings.check_contradictions,
    settings.check_commands,
    settings.check_files,
    settings.check_modules,
    expectations.check_nodes,
    expectations.check_answers,
    expectations.check_addresses,
)


def check(spec: Spec, report: Report) -> None:
    """Run every check; what could not be read is left out, and so is what depends on it."""
    view = View(spec, report)
    for run in CHECKS:
        run(view, report)
