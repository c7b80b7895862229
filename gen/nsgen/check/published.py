"""Published ports: who publishes what on which address, and whether anybody could use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsgen.check.view import View, hint, many
from nsgen.language.networks import AUDIENCES, Publish
from nsgen.language.routing import Protocol
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.topology.names import Place, audiences, published_place, published_versions
from nsgen.values import IPAddress, Ports


def _publishes(view: View) -> Iterator[tuple[str, Path, Publish]]:
    """Every published port with its namespace and its path."""
    for key, namespace in view.spec.namespaces.items():
        for path, publish in view.items(("namespaces", key, "publish"), namespace.publish):
            yield key, path, publish


def place_of(view: View, key: str, publish: Publish) -> Place | None:
    """The attachment whose address is published, unless it may be one that could not be read."""
    if publish.network is None and not view.complete(key):
        return None
    return published_place(view.places[key], publish)


def check_place(view: View, report: Report) -> None:
    """A published port belongs to an address on a network where the host is, too."""
    for key, path, publish in _publishes(view):
        if publish.network is not None:
            _check_named(view, key, path, publish.network, report)
        elif view.complete(key) and place_of(view, key, publish) is None:
            where = " and ".join(_why_unreached(view.places[key])) or "it is on no network"
            report.error(path, f"the host cannot reach {key!r} to publish its port: {where}")


def _why_unreached(places: tuple[Place, ...]) -> Iterator[str]:
    """Why the host reaches a namespace by none of the networks that it is on."""
    apart = [repr(place.name) for place in places if not place.gateways]
    if apart:
        yield f"the host has no gateway on {' or '.join(apart)}"
    bare = [repr(place.name) for place in places if place.gateways and place.bare]
    if bare:
        yield f"it has no address on {' or '.join(bare)}"


def _check_named(view: View, key: str, path: Path, name: str, report: Report) -> None:
    place = next((place for place in view.places[key] if place.name == name), None)
    if place is not None:
        if not place.gateways:
            text = f"the host has no gateway on {name!r}, and cannot reach the port to publish it"
            report.error((*path, "network"), text)
        elif place.bare:
            text = f"{key!r} has no address on {name!r}, and a port is published by one"
            report.error((*path, "network"), text)
    elif view.missing(name):
        text = f"there is no network {name!r}{hint(name, view.spec.networks, report)}"
        report.error((*path, "network"), text)
    elif view.complete(key):
        names = [place.name for place in view.places[key]]
        report.error(
            (*path, "network"), f"{key!r} is not on the network {name!r}{hint(name, names, report)}"
        )


def check_ports(view: View, report: Report) -> None:
    """A range of ports maps one to one."""
    for _, path, publish in _publishes(view):
        if len(publish.published) != len(publish.target):
            text = (
                f"{publish.published} is {_ports(publish.published)}, and {publish.target} is"
                f" {_ports(publish.target)}:"
                " ranges map one to one"
            )
            report.error(path, text)


def _ports(ports: Ports) -> str:
    return "1 port" if len(ports) == 1 else f"{len(ports)} ports"


def check_host_ip(view: View, report: Report) -> None:
    """The address that answers can be the host's, of an IP version that the namespace has."""
    for key, path, publish in _publishes(view):
        ip, place = publish.host_ip, place_of(view, key, publish)
        if ip is None:
            continue
        at: Path = (*path, "host_ip")
        if ip.is_multicast or ip.is_link_local or str(ip) == "255.255.255.255":
            report.error(
                at,
                f"{ip} is no address on which the host can answer: give one of its own, or leave it"
                " out",
            )
        elif place is not None and not place.has(ip.version):
            text = (
                f"{ip} is IPv{ip.version}, and {key!r} has no IPv{ip.version} address on"
                f" {place.name!r}"
            )
            report.error(at, text)
        elif place is not None and place.gateway(ip.version) is None and place.gateways:
            report.error(
                at, f"{ip} is IPv{ip.version}, and {place.name!r} has no IPv{ip.version} gateway"
            )
        elif ip.is_loopback and ip.version == 6 and publish.via == "dnat":
            text = (
                f"the kernel cannot translate what is sent to {ip}: use 'via: proxy' (long form),"
                " or"
                " 127.0.0.1"
            )
            report.error(at, text)


def check_reach(view: View, report: Report) -> None:
    """Somebody can use the port."""
    own = {gateway for gateways in view.gateways.values() for gateway in gateways}
    for key, path, publish in _publishes(view):
        at: Path = (*path, "reach")
        place, ip = place_of(view, key, publish), publish.host_ip
        if not publish.reach:
            report.error(at, f"nobody could use the port: list some of {', '.join(AUDIENCES)}")
        elif why := _unused(place, publish, own):
            report.error(at, f"nobody could use the port: {why}")
        if "outside" in publish.reach and not (ip is not None and ip.is_loopback):
            _check_outside(place, path, publish, report)


def _unused(place: Place | None, publish: Publish, own: set[IPAddress]) -> str:
    """Why nobody could use a port, or nothing."""
    ip = publish.host_ip
    if ip is not None and ip.is_loopback:
        out = "loopback" not in publish.reach
        return f"{ip} is for 'loopback' alone, and 'reach' leaves it out" if out else ""
    if ip is not None and not ip.is_unspecified and set(publish.reach) == {"loopback"}:
        return f"{ip} is no loopback address"
    if place is None or (ip not in own and set(publish.reach) != {"loopback"}):
        return ""
    versions = published_versions(place, publish)
    if not versions or any(audiences(publish, version, own) for version in versions):
        return ""
    if ip in own:
        return f"{ip} is the host's address on a network: list 'host', 'network' or 'self'"
    return "the kernel cannot translate what is sent to ::1; use 'via: proxy'"


def _check_outside(place: Place | None, path: Path, publish: Publish, report: Report) -> None:
    if place is None or place.network.internet or not place.gateways:
        return
    others = [audience for audience in publish.reach if audience != "outside"]
    instead = f" or say 'reach: [{', '.join(others)}]'" if others else ""
    text = (
        f"other machines could not be answered from {place.name!r}: add 'internet: true' to"
        f" it{instead}"
    )
    report.error((*path, "reach"), text)


def check_isolated(view: View, report: Report) -> None:
    """On an isolated network, siblings use a published port only if their packets pass the host."""
    if not any(network.isolate for network in view.spec.networks.values()):
        return
    filtering = _filtering_all(view)
    for key, path, publish in _publishes(view):
        place = place_of(view, key, publish)
        among = [audience for audience in publish.reach if audience in ("network", "self")]
        if place is None or not place.network.isolate or not among or publish.via == "proxy":
            continue
        on = filtering if place.network.bridge_netfilter == "off" else [place.name]
        if on and not (publish.host_ip and publish.host_ip.is_loopback):
            off = "it" if on == [place.name] else " and ".join(map(repr, on))
            text = (
                f"{place.name!r} is isolated, and its bridge will drop what"
                f" {' and '.join(map(repr, among))}"
                f" would send here: set 'bridge_netfilter: off' on {off}, or leave them out of 'reach'"
            )
            report.warning((*path, "reach"), text)


def _filtering_all(view: View) -> list[str]:
    """The networks for whose published ports iptables is to see what crosses any bridge of the host."""
    places = (
        place_of(view, key, publish)
        for key, _, publish in _publishes(view)
        if publish.via == "dnat" and "network" in publish.reach
    )
    return list(dict.fromkeys(p.name for p in places if p and p.network.bridge_netfilter == "host"))


class _Claim(NamedTuple):
    """A port of the host, for one protocol and IP version."""

    order: int
    path: Path
    ports: Ports
    host: IPAddress | None  # None: every address


def check_twice(view: View, report: Report) -> None:
    """A port of an address of the host is published once."""
    claims: dict[tuple[Protocol, int], list[_Claim]] = {}
    for order, (key, path, publish) in enumerate(_publishes(view)):
        place = place_of(view, key, publish)
        if place is None or many(key) > 1:
            continue
        ip = publish.host_ip
        for version in published_versions(place, publish):
            host = None if ip is None or ip.is_unspecified else ip
            claim = _Claim(order, path, publish.published, host)
            claims.setdefault((publish.protocol, version), []).append(claim)
    for (protocol, _), made in claims.items():
        for first, second in _clashes(made):
            ports = (
                second.ports
                if len(second.ports) > 1
                else first.ports
                if len(first.ports) == 1
                else second.ports
            )
            text = (
                f"port {ports}/{protocol} of the host is published already: {path_text(first.path)} has"
                f" {first.ports}"
            )
            report.error(second.path, text)


def _clashes(claims: list[_Claim]) -> Iterator[tuple[_Claim, _Claim]]:
    """Pairs that share a port of an address, the first of the file first.

    In the order of their first ports, a claim shares one with an earlier one just if that one's
    last port is not below its first: the earlier one that reaches furthest is enough to compare
    with.
    """
    furthest: dict[IPAddress | None, _Claim] = {}
    anywhere: _Claim | None = None
    for claim in sorted(claims, key=lambda claim: (claim.ports, claim.order)):
        rivals = (
            [anywhere] if claim.host is None else [furthest.get(claim.host), furthest.get(None)]
        )
        for rival in rivals:
            if rival is not None and rival.ports.overlaps(claim.ports):
                first, second = sorted((rival, claim), key=lambda claim: claim.order)
                yield first, second
                break
        before = furthest.get(claim.host)
        if before is None or claim.ports.last > before.ports.last:
            furthest[claim.host] = claim
        if anywhere is None or claim.ports.last > anywhere.ports.last:
            anywhere = claim
