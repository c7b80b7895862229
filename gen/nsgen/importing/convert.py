"""A Compose application to a topology: what differs from the defaults, in the source's names and order."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from nsgen.importing.keys import audit
from nsgen.importing.naming import hosts_of, simple
from nsgen.importing.networks import ComposeNetwork, convert_networks
from nsgen.importing.notes import Notes
from nsgen.importing.ports import read_ports
from nsgen.importing.processes import add_processes
from nsgen.importing.services import (
    ComposeService,
    NetworkPlace,
    check_networks,
    chosen,
    deal,
    in_order,
    read_services,
)
from nsgen.importing.tree import SourceNode
from nsgen.values import TOPOLOGY_NAME

# What a service does not have by itself where it has no namespace by itself.
NOT_SHARED = (
    *("ports", "dns", "dns_search", "dns_opt", "sysctls", "extra_hosts", "links", "scale"),
    *("hostname", "domainname", "mac_address"),
)


def convert(
    tree: SourceNode, name: str, profiles: Collection[str], notes: Notes, *, processes: bool
) -> tuple[dict[str, Any], dict[tuple[str, str], str]]:
    """Convert an application, and give each part its name in the source; errors are noted, and what is not said."""
    audit(tree, notes)
    nodes = chosen(tree, profiles, notes)
    services = read_services(nodes, notes)
    check_networks(services, tree, notes)
    used = [
        place.key for one in services.values() for places in one.attachments for place in places
    ]
    networks = convert_networks(tree, list(dict.fromkeys(used)), notes)
    deal(services, networks, notes)
    wished = tree.text_of("name") or name
    topology: dict[str, Any] = {"name": _topology_name(wished, notes)}
    if networks:
        topology["networks"] = {network.name: network.written for network in networks.values()}
    namespaces: dict[str, Any] = {}
    by_name = simple(services)
    for service in services.values():
        _tell_shared(service, notes)
        for replica, own in enumerate(service.names if not service.shares else ()):
            if not service.on_host:
                namespaces[own] = _namespace(
                    service, replica, services, networks, notes, by_name=by_name
                )
    if namespaces:
        topology["namespaces"] = namespaces
    _keep_to_own_ports(topology, networks)
    _let_through(topology, notes)
    add_processes(topology, services, notes, asked=processes)
    places = {("networks", network.name): key for key, network in networks.items()}
    places |= {("namespaces", own): key for key, one in services.items() for own in one.names}
    return topology, places


def _keep_to_own_ports(topology: dict[str, Any], networks: dict[str, ComposeNetwork]) -> None:
    """Where ports are published, keep them from networks that Docker drops them from: translated, they are apart."""
    published = any("publish" in space for space in topology.get("namespaces", {}).values())
    for network in networks.values() if published and len(networks) > 1 else ():
        if network.own_ports:
            network.written["published_ports"] = "own"


def _let_through(topology: dict[str, Any], notes: Notes) -> None:
    """Let who is isolated use what its siblings publish: Docker relays that.

    Where br_netfilter is on, for any network, the bridge would drop it.
    """
    networks = topology.get("networks", {})
    isolated = {name for name, network in networks.items() if "isolate" in network}
    publishing = [space for space in topology.get("namespaces", {}).values() if "publish" in space]
    if any(isolated & set(space["networks"]) for space in publishing):
        for network in networks.values():
            network["bridge_netfilter"] = "off"
        notes.tell(
            "ports are published on a network without 'enable_icc': all networks get 'bridge_netfilter: off',"
            " so that its services reach them, too"
        )


def _topology_name(wished: str, notes: Notes) -> str:
    name = re.sub(r"[^a-z0-9-]", "-", wished.lower()).strip("-")
    name = re.sub(r"^[^a-z]+", "", name)[:15].rstrip("-") or "compose"
    if name != wished or not TOPOLOGY_NAME.fullmatch(name):
        notes.tell(f"the topology is called {name!r}, of {wished!r}: a name has at most 15 letters")
    return name


def _tell_shared(service: ComposeService, notes: Notes) -> None:
    """Say what nobody knows a service by, and what one without a namespace of its own cannot have."""
    node = service.node
    if node.text_of("domainname") and not node.text_of("hostname"):
        path = (*service.path, "domainname")
        notes.not_said(node.map["domainname"], path, "it stands behind a hostname: there is none")
    if not service.shares and not service.on_host:
        return
    where = "on the host" if service.on_host else f"in the namespace of {service.shares!r}"
    for key in NOT_SHARED:
        if key in service.node.map:
            reason = f"the service is {where}, and what that has is what it has"
            notes.not_said(service.node.map[key], (*service.path, key), reason)


def _namespace(
    service: ComposeService,
    replica: int,
    services: dict[str, ComposeService],
    networks: dict[str, ComposeNetwork],
    notes: Notes,
    *,
    by_name: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    places = [place for place in service.attachments[replica] if place.key in networks]
    way = _way_out(places, networks, notes)
    written = {
        networks[place.key].name: _attachment(
            service,
            place,
            networks[place.key],
            pinned=not by_name,
            wanted=place is way and index > 0,
            first=index == 0,
        )
        for index, place in enumerate(places)
    }
    usual = next((place for place in places if networks[place.key].internet), None)
    if way is not None and way is not usual:
        written[networks[way.key].name]["default_route"] = True
    else:
        for entry in written.values():
            entry.pop("default_route", None)
    if any(written.values()):
        found["networks"] = {name: _shortened(entry) for name, entry in written.items()}
    elif written:
        found["networks"] = list(written)
    publish = _publish(service, replica, places, networks, notes)
    if publish:
        found["publish"] = publish
    found.update(_settings(service, notes))
    if by_name:
        if places and len(services) > 1:
            found["hosts"] = True
    else:
        hosts = hosts_of(service, replica, services, networks, notes)
        if hosts:
            found["hosts"] = {
                name: known[0] if len(known) == 1 else known for name, known in hosts.items()
            }
    return found


def _way_out(
    places: list[NetworkPlace], networks: dict[str, ComposeNetwork], notes: Notes
) -> NetworkPlace | None:
    """The network of the default route: the first one of Docker's order, if it has a way out."""
    first = next(iter(in_order(places, networks, notes)), None)
    return first if first is not None and networks[first.key].internet else None


def _attachment(
    service: ComposeService,
    place: NetworkPlace,
    network: ComposeNetwork,
    *,
    pinned: bool,
    wanted: bool,
    first: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if place.addresses and (place.static or pinned or network.pinned):
        texts = [str(address) for address in place.addresses]
        found["address"] = texts[0] if len(texts) == 1 else texts
    mac = place.node.text_of("mac_address")
    if not mac and first:
        mac = service.node.text_of("mac_address")
    if mac:
        found["mac"] = mac.lower().replace("-", ":")
    if place.node.text_of("interface_name"):
        found["interface"] = place.node.text_of("interface_name")
    if wanted:
        found["default_route"] = True
    return found


def _shortened(entry: dict[str, Any]) -> Any:
    """An address alone stands for itself."""
    return entry["address"] if list(entry) == ["address"] else entry


def _publish(
    service: ComposeService,
    replica: int,
    places: list[NetworkPlace],
    networks: dict[str, ComposeNetwork],
    notes: Notes,
) -> list[str | dict[str, str]]:
    found: list[str | dict[str, str]] = []
    outside = [networks[place.key] for place in places if networks[place.key].internet]
    default = next((network.host_ip for network in outside if network.host_ip), "")
    path = (*service.path, "ports")
    for node, where, port in read_ports(service.node.get("ports"), path, notes):
        if not outside:
            reason = "nothing is published from internal networks, which Docker does not either"
            notes.not_said(node, where, reason)
        elif port.host_ip and not _has_version(port.host_ip, outside):
            reason = "that address needs one of its IP version inside: 'enable_ipv6' of a network"
            notes.not_said(node, where, reason)
        elif replica >= port.replicas():
            reason = "a port is published once: only the first replicas have it"
            notes.not_said(node, where, reason)
        else:
            own = port if port.host_ip else replace(port, host_ip=default)
            if port.replicas() > 1 and len(service.names) == 1:
                text = own.short(replica)
                notes.tell(f"of the ports that {service.key!r} may get, it has the first: {text}")
            found.append(own.written(replica))
    return [entry for index, entry in enumerate(found) if entry not in found[:index]]


def _has_version(host_ip: str, networks: list[ComposeNetwork]) -> bool:
    """Whether one of these networks has the IP version of an address of the host."""
    version = ip_address(host_ip).version
    return any(subnet.version == version for network in networks for subnet in network.subnets)


def _settings(service: ComposeService, notes: Notes) -> dict[str, Any]:
    """Give `sysctls` and `dns` of a service."""
    found: dict[str, Any] = {}
    written = service.node.get("sysctls")
    sysctls = {}
    for name, node in written.pairs() if written else ():
        if name.startswith("net."):
            sysctls[name] = node.text
        else:
            reason = "there is one for the whole machine: write it under 'host' of the topology"
            notes.not_said(node, (*service.path, "sysctls", name), reason)
    if sysctls:
        found["sysctls"] = sysctls
    dns: dict[str, Any] = {}
    for key, of in (("nameservers", "dns"), ("search", "dns_search"), ("options", "dns_opt")):
        servers = service.node.get(of)
        texts = (
            [item.text for item in servers.list if item.text not in ("", ".")] if servers else []
        )
        if texts:
            dns[key] = texts[0] if len(texts) == 1 else texts
    if dns:
        found["dns"] = dns
    return found
