"""Links: that both ends are there, and agree."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from nsgen.check.view import View, hint, reserved, usable
from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.link import End
from nsgen.language.opposite import Given, PeerAddress
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.topology.names import ip_of, subnets_of
from nsgen.topology.wires import ALONE
from nsgen.values import HOST, IPAddress, IPInterface, IPNetwork
from nsgen.words import listed


def check_link_nodes(view: View, report: Report) -> None:
    """A link leads from node to node."""
    for index, link in view.spec.links:
        path: Path = ("links", index)
        ends = [place for place, _ in link.endpoints or ()] + list(link.mesh)
        for place in ends:
            if place.node != HOST and place.node not in view.names and view.no_node(place.node):
                known = [*view.names, HOST] if len(view.names) <= 1000 else []
                at = (*path, "endpoints" if link.endpoints else "mesh")
                report.error(
                    at, f"there is no node {place.node!r}{hint(place.node, known, report)}"
                )
            elif place.node in ("outside", "internet"):
                text = (
                    f"{place.node!r} is a machine elsewhere: a cable leads to 'host' or a namespace"
                )
                report.error((*path, "endpoints"), text)


def check_link_form(view: View, report: Report) -> None:
    """A link has two ends, or is a mesh, and room for the addresses of both ends."""
    for index, link in view.spec.links:
        path: Path = ("links", index)
        if (link.endpoints is None) == (not link.mesh):
            report.error(path, "a link has either 'endpoints' or 'mesh': give one of the two")
            continue
        if link.mesh and len({place.node for place in link.mesh}) < max(2, len(link.mesh)):
            report.error((*path, "mesh"), "a mesh connects two nodes or more, each listed once")
        needed = 1 if link.endpoints else len(link.mesh) * (len(link.mesh) - 1) // 2
        versions = [subnet.version for subnet in link.subnet]
        for step, subnet in enumerate(link.subnet):
            at = (*path, "subnet", step)
            alone = ALONE[subnet.version]
            room = 2 ** max(0, alone - subnet.prefixlen) if subnet.prefixlen <= alone else 0
            if versions.index(subnet.version) != step:
                report.error(
                    at, f"a link has one subnet of IPv{subnet.version}: write it as another link"
                )
            elif room < needed:
                text = (
                    f"{subnet} has room for {room} links of two addresses, and this takes {needed}"
                )
                report.error(at, text)
        if link.mtu and link.endpoints and all(end.mtu for _, end in link.endpoints):
            report.error((*path, "mtu"), "both ends have an 'mtu' of their own: remove this one")
        impaired((*path, "impair"), link.impair, report)


def impaired(path: Path, impair: Impair | None, report: Report) -> None:
    """What is wrong with the impairments of a device."""
    for key, text in impair.wrong() if impair is not None else ():
        report.error((*path, key) if key else path, text)


def check_wire_addresses(view: View, report: Report) -> None:
    """An address is one that an interface can have, with its prefix, and once in a node and on a link."""
    for node, devices in view.devices.items():
        own: dict[tuple[str, IPAddress], Path] = {}
        for device in devices:
            for path, address in device.addresses:
                ip = ip_of(address)
                for text in _wrong_address(address, device.subnets_given):
                    report.error(path, text)
                # A link-local address is for one link: RFC 4291, 2.5.6.
                lone = ip.version == 6 and ip.is_link_local
                domain = f"{device.name}/" if lone else view.vrf(node, device.name)
                first = own.setdefault((domain, ip), path)
                if isinstance(address, PeerAddress):
                    continue  # one address may be that of many links, each with its peer
                if first is not path and first != path:
                    text = f"{ip} is an address of {node!r} already: {path_text(first)}"
                    report.warning(path, f"{text}; replies may leave by either")


def _wrong_address(address: Given, given: tuple[IPNetwork, ...]) -> Iterator[str]:
    ip = ip_of(address)
    subnet = next(subnets_of(address, given), None)
    if given and not any(ip in s for s in given):
        yield f"{ip} is outside {listed(given)}, the subnet of this link"
    elif subnet is None:
        yield f"{ip} needs a prefix, such as {ip}/{24 if ip.version == 4 else 64}: nothing else says it"
    elif reserved(ip, subnet):
        yield f"{ip} is {reserved(ip, subnet)} of {subnet}: choose one of {usable(subnet)}"
    elif ip.is_multicast or ip.is_unspecified:
        yield f"{ip} cannot be an interface's address"


def check_ends_agree(view: View, report: Report) -> None:
    """The two ends of a link are in one subnet, with different addresses."""
    for index, link in view.spec.links:
        if link.endpoints is None:
            continue
        (here, one), (place, other) = link.endpoints
        at: Path = ("links", index, "endpoints", str(place), "address")
        for version in (4, 6):
            firsts, seconds = (_with_prefixes(end, version) for end in (one, other))
            peers = any(peer.version == version for peer in (*one.peer, *other.peer))
            if not firsts or not seconds:
                continue
            same = [a.ip for a in firsts for b in seconds if a.ip == b.ip]
            if same:
                report.error(at, f"{same[0]} is the address of both ends: {here} has it too")
            elif not peers and not any(
                a.ip in b.network and b.ip in a.network for a in firsts for b in seconds
            ):
                text = f"the ends disagree: {seconds[0]} and {firsts[0]}, of {here}, are not in one subnet"
                alone = all(a.network.num_addresses == 1 for a in (*firsts, *seconds))
                also = "; give each the other one as its 'peer'" if alone else ""
                report.error(at, text + also)


def check_opposite(view: View, report: Report) -> None:
    """A peer is the address of another machine, the one at the other end."""
    ends = (end for _, link in view.spec.links for _, end in link.endpoints or ())
    if any(end.peer for end in ends) or any(one.peer for *_, one in view.interfaces()):
        from nsgen.check.opposite import check_peers  # few topologies have any

        check_peers(view, report)


def _with_prefixes(end: End, version: int) -> list[IPInterface]:
    kinds = ipaddress.IPv4Interface | ipaddress.IPv6Interface
    return [a for a in end.address if isinstance(a, kinds) and a.version == version]
