"""Whom a service knows by which name: service names, aliases, links and hosts of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from nsgen.importing.networks import ComposeNetwork
from nsgen.importing.notes import Notes
from nsgen.importing.services import BRIDGE, ComposeService, NetworkPlace, in_order
from nsgen.importing.tree import SourceNode
from nsgen.values import WORD, IPAddress


def simple(services: dict[str, ComposeService]) -> bool:
    """Whether the names of the namespaces are all that anybody is known by."""
    own = ("hostname", "domainname", "container_name", "links", "extra_hosts")
    return not any(
        len(service.names) != 1
        or service.names[0] != service.key
        or any(key in service.node.map for key in own)
        or any("aliases" in place.node.map for places in service.attachments for place in places)
        for service in services.values()
        if service.attachments
    )


def hosts_of(
    service: ComposeService,
    replica: int,
    services: dict[str, ComposeService],
    networks: dict[str, ComposeNetwork],
    notes: Notes,
) -> dict[str, list[str]]:
    """Names and addresses for one namespace: of those that it shares a network with, and its own.

    Of several networks Docker's name server takes the first one on which a name is known.
    """
    places = service.attachments[replica]
    mine = [place.key for place in in_order(places, networks, notes)]
    named = [network for network in mine if network != BRIDGE]
    known: dict[str, dict[str, dict[IPAddress, None]]] = {}
    for other in services.values():
        for index, place in _beside(other, named):
            for name in _names(other, index, place, notes, own=other is service):
                there = known.setdefault(name, {}).setdefault(place.key, {})
                there.update(dict.fromkeys(place.addresses))
    links = service.node.get("links")
    for step, link in enumerate(links.list if links else ()):
        key, _, alias = link.text.partition(":")
        linked = services.get(key)
        if linked is None:
            path = (*service.path, "links", step)
            notes.error(link, path, f"there is no service {key!r} here to be linked with")
            continue
        for _, place in _beside(linked, mine):
            there = known.setdefault(alias or key, {}).setdefault(place.key, {})
            there.update(dict.fromkeys(place.addresses))
    first = {name: next(on[key] for key in mine if key in on) for name, on in known.items()}
    entries = {name: [str(address) for address in found] for name, found in first.items()}
    entries.update(_extra(service, places, networks, notes))
    return entries


def _beside(service: ComposeService, networks: list[str]) -> Iterator[tuple[int, NetworkPlace]]:
    """The places of a service's replicas on some networks, each with the replica's number."""
    for index, places in enumerate(service.attachments):
        yield from ((index, place) for place in places if place.key in networks)


def _names(
    service: ComposeService, index: int, place: NetworkPlace, notes: Notes, *, own: bool
) -> list[str]:
    """What the others on a network call it; with its domain only it calls itself."""
    aliases = place.node.get("aliases")
    host = service.node.text_of("hostname")
    domain = service.node.text_of("domainname")
    names = [service.key, service.names[index], service.node.text_of("container_name")]
    names += [host, f"{host}.{domain}" if own and host and domain else ""]
    places = [(name, service.node, service.path) for name in names if name]
    for step, node in enumerate(aliases.list if aliases else ()):
        places.append((node.text, node, (*place.path, "aliases", step)))
    found: dict[str, None] = {}
    for name, node, path in places:
        if WORD.fullmatch(name):
            found[name] = None
        else:
            notes.not_said(node, path, f"the name {name!r} cannot be in a hosts file")
    return list(found)


def _extra(
    service: ComposeService,
    places: list[NetworkPlace],
    networks: dict[str, ComposeNetwork],
    notes: Notes,
) -> dict[str, list[str]]:
    """What `extra_hosts` adds: a map, or a list of ``NAME:ADDRESS`` or ``NAME=ADDRESS``."""
    written = service.node.get("extra_hosts")
    found: dict[str, list[str]] = {}
    pairs: list[tuple[str, SourceNode]] = []
    for item in written.list if written else ():
        name, _, address = item.text.replace("=", ":", 1).partition(":")
        pairs.append((name, item.with_value(address)))
    for name, item in written.map.items() if written else ():
        pairs += [(name, one) for one in item.list]
    for name, item in pairs:
        text = item.text.strip().removeprefix("[").removesuffix("]")
        if text == "host-gateway":
            on = [networks[place.key] for place in places if place.key in networks]
            gateways = [str(gateway) for network in on[:1] for gateway in network.gateways]
            found.setdefault(name, []).extend(gateways)
            continue
        try:
            found.setdefault(name, []).append(str(ipaddress.ip_address(text)))
        except ValueError:
            path = (*service.path, "extra_hosts")
            notes.error(item, path, f"expected NAME:ADDRESS or NAME=ADDRESS, got {text!r}")
    return found
