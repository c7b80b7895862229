"""Namespaces, and how they are attached to networks: names, devices, addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from nsgen.check.networks import special
from nsgen.check.view import View, by_range, hint, many, reserved, usable
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.topology.names import Place, ip_of
from nsgen.values import MAX_NAMESPACES, IPAddress, IPInterface, IPNetwork, expand
from nsgen.words import listed


def check_names(view: View, report: Report) -> None:
    """No namespace comes from two keys, and there are not too many."""
    if not any("[" in key for key in view.spec.namespaces):
        return
    total, owners = 0, dict[str, str]()
    for key in view.spec.namespaces:
        path: Path = ("namespaces", key)
        total += many(key)
        if total > MAX_NAMESPACES:
            report.error(
                path, f"with these there are more than {MAX_NAMESPACES} namespaces", on_key=True
            )
            return
        for name in expand(key):
            if name in owners:
                text = (
                    f"the namespace {name!r} comes from {owners[name]!r} already: remove it from"
                    " one"
                    " of them"
                )
                report.error(path, text, on_key=True)
                break
            owners[name] = key


def check_networks(view: View, report: Report) -> None:
    """A namespace is attached to networks that are there, and once to each."""
    for key, namespace in view.spec.namespaces.items():
        seen: dict[str, Path] = {}
        for step, name, _ in namespace.attachments():
            path: Path = ("namespaces", key, "networks", step)
            if view.missing(name):
                near = hint(name, view.spec.networks, report) or ": 'networks' has none"
                report.error(path, f"there is no network {name!r}{near}", on_key=True)
            elif name in seen:
                report.error(
                    path,
                    f"this namespace is on {name!r} already: a network is listed once",
                    on_key=True,
                )
            seen[name] = path


def check_ranges(view: View, report: Report) -> None:
    """What can be only once is not given to many namespaces at a time."""
    for key, namespace in view.spec.namespaces.items():
        number = many(key)
        if number == 1:
            continue
        for step, _, attachment in namespace.attachments():
            for field in ("address", "peer", "mac"):
                if getattr(attachment, field):
                    text = (
                        f"{key!r} is {number} namespaces, and each needs {_own(field)}: leave it"
                        f" out, or {by_range(key)}"
                    )
                    report.error(("namespaces", key, "networks", step, field), text, on_key=True)
        if namespace.publish:
            text = (
                f"{key!r} is {number} namespaces, which cannot all be published on one port:"
                f" {by_range(key)}"
            )
            report.error(("namespaces", key, "publish"), text, on_key=True)


def _own(field: str) -> str:
    words = {"address": "an address", "peer": "a device on the host", "mac": "a MAC address"}
    return f"{words[field]} of its own"


def check_devices(view: View, report: Report) -> None:
    """No two devices of a node have the same name, as far as the names are written."""
    host: dict[str, str] = {name: f"the network {name!r}" for name in view.spec.networks}
    for places in view.places.values():
        inside: dict[str, Place] = {}
        for place in places:
            peer = place.attachment.peer
            if peer is not None:
                if peer in host:
                    text = f"{peer!r} is {host[peer]} on the host already: choose another name"
                    report.error((*place.path, "peer"), text)
                host.setdefault(peer, path_text((*place.path, "peer")))
            if place.device in inside:
                text = (
                    f"{place.device!r} is the interface on {inside[place.device].name!r} already:"
                    " choose another name"
                )
                report.error((*place.path, "interface"), text)
            inside.setdefault(place.device, place)


def check_default_routes(view: View, report: Report) -> None:
    """The default route goes one way, and there is a gateway."""
    for key, places in view.places.items():
        first: Place | None = None
        for place in places:
            if not place.attachment.default_route:
                continue
            path: Path = (*place.path, "default_route")
            if not place.gateways:
                report.error(
                    path, f"the host has no gateway on {place.name!r}: a default route needs one"
                )
            elif place.bare:
                text = f"{key!r} has no address on {place.name!r}: a default route needs one"
                report.error(
                    path,
                    f"{text}, written here, or asked for by a DHCP client, which sets its own route",
                )
            elif first is not None:
                report.error(
                    path,
                    f"the default route of {key!r} goes through {first.name!r} already: remove one",
                )
            first = first or place


def check_addresses(view: View, report: Report) -> None:
    """An address is one that an interface on the network can have, and nobody else has it."""
    taken: dict[tuple[str, IPAddress], Path] = {}
    for places in view.places.values():
        own: dict[IPAddress, Place] = {}
        for place in places:
            for path, address in place.addresses:
                ip = ip_of(address)
                for text in _wrong(place, address):
                    report.error(path, text)
                first = taken.setdefault((place.name, ip), path)
                if first is not path:
                    report.error(path, f"{ip} is taken: {path_text(_written(view, first))} has it")
                elif own.setdefault(ip, place) is not place and not _is_of_a_link(ip):
                    text = (
                        f"{ip} is this namespace's address on {own[ip].name!r} too: replies may"
                        " leave by either"
                    )
                    report.warning(path, text)


def _is_of_a_link(ip: IPAddress) -> bool:
    """Whether an address is for one link, and may be on another one, too: RFC 4291, 2.5.6."""
    return ip.version == 6 and ip.is_link_local


def _written(view: View, path: Path) -> Path:
    """The path of an address as far as it was written: a lone one is no list."""
    key, step = str(path[1]), path[3]
    networks = view.spec.namespaces[key].networks
    lone = not isinstance(networks, dict) or len(networks[str(step)].address) == 1
    return path[:4] if lone else path


def _wrong(place: Place, address: IPAddress | IPInterface) -> Iterator[str]:
    """What is wrong with an address by itself."""
    ip, name = ip_of(address), place.name
    written = (
        address.network
        if isinstance(address, ipaddress.IPv4Interface | ipaddress.IPv6Interface)
        else None
    )
    subnets = place.network.subnet
    subnet = next((subnet for subnet in subnets if ip in subnet), None)
    if not subnets:
        yield from _wrong_alone(name, ip, written)
    elif subnet is None:
        yield (
            f"{ip} is outside {listed(subnets)}, the subnet{'s' if len(subnets) > 1 else ''} of"
            f" {name!r}"
        )
    elif ip in place.gateways:
        yield (
            f"{ip} is the gateway of {name!r}, which is the host: choose another of"
            f" {usable(subnet)}"
        )
    elif reserved(ip, subnet):
        yield f"{ip} is {reserved(ip, subnet)} of {subnet}: choose one of {usable(subnet)}"
    elif written is not None and written != subnet:
        if reserved(ip, written):
            yield f"{ip} is {reserved(ip, written)} of {written}"
        yield (
            f"the prefix /{written.prefixlen} is not that of {subnet}, the subnet of {name!r}:"
            " leave"
            " it out"
        )


def _wrong_alone(name: str, ip: IPAddress, written: IPNetwork | None) -> Iterator[str]:
    """What is wrong with an address on a network without a subnet."""
    if written is None:
        yield (
            f"{ip} needs a prefix, such as {ip}/{24 if ip.version == 4 else 64}: {name!r} has no"
            " subnet to take it from"
        )
    elif ip.is_loopback or ip.is_multicast or ip.is_unspecified:
        yield f"{ip} cannot be an interface's address: {special(ipaddress.ip_network(ip))}"
    elif reserved(ip, written):
        yield f"{ip} is {reserved(ip, written)} of {written}: choose one of {usable(written)}"


def check_alone(view: View, report: Report) -> None:
    """A namespace has an interface, unless it is there for a process, or to be asked in vain."""
    spec = view.spec
    if view.wrong("links") or not (spec.networks or spec.links):
        return  # namespaces and nothing else: that is what was meant
    asked = {name for expect in view.spec.expect for name in (expect.from_, expect.to.node)}
    for key, namespace in view.spec.namespaces.items():
        at: Path = ("namespaces", key)
        own = namespace.join or view.devices.get(view.first(key))
        read = view.complete(key) and not view.wrong(*at)
        meant = namespace.exec or namespace.services or view.first(key) in asked
        if read and not (own or view.places[key] or meant):
            text = "it has no interface, so that it reaches nobody: give it 'networks', 'interfaces' or a link"
            report.warning(at, text, on_key=True)
