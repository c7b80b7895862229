"""From a topology to its sketch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from nsgen.picture.alike import gathered, short
from nsgen.picture.joins import Joins
from nsgen.picture.said import (
    few,
    inner_rows,
    kind_words,
    node_rows,
    published_port,
    rail_of,
)
from nsgen.picture.sketch import PortPanel, PublishedPort, Rail, Sketch, Station
from nsgen.topology.model import Interface, Namespace, Publication, Topology
from nsgen.values import HOST
from nsgen.words import count


def sketch(topology: Topology) -> Sketch:
    """Everything that there is to draw."""
    joins = Joins(topology)
    rails = (*_networks(topology), *_bridges(topology))
    ties, plugged = _within(topology, joins)
    rails = tuple(_with_rows(rail, plugged.get(rail.name, ())) for rail in rails)
    ways = any(rail.way for rail in rails) or bool(topology.host.uplinks)
    host = _host(topology, joins, plugged.get("", ()))
    published = _published(topology)
    panels = tuple(_panels(published))
    is_drawn = bool(rails or joins.drops or panels or ways or host.rows)
    every = Sketch(
        topology.name,
        host if is_drawn else None,
        rails,
        tuple(ties),
        panels,
        tuple(_namespace(node, published[node.name], joins) for node in topology.namespaces),
        tuple(joins.drops),
        tuple(joins.cables),
        _uplink(topology) if ways else "",
    )
    return gathered(every)


def _networks(topology: Topology) -> Iterator[Rail]:
    for bridge in topology.bridges:
        cards = (card.name for card in topology.host.cards if card.master == bridge.name)
        yield rail_of(bridge, cards)


def _bridges(topology: Topology) -> Iterator[Rail]:
    """Bridges that are no networks, of the host."""
    for interface in topology.host.interfaces:
        if interface.written.KIND == "bridge":
            own = few(f"host {address}" for address in interface.addresses)
            rows = (interface.name, "bridge", *own)
            yield Rail(interface.name, rows, f"bridge {interface.name} of the host", network=False)


def _with_rows(rail: Rail, rows: Iterable[str]) -> Rail:
    return replace(rail, rows=(*rail.rows, *rows))


def _within(
    topology: Topology, joins: Joins
) -> tuple[list[tuple[str, str, str]], dict[str, list[str]]]:
    """What joins two places of the host: rails that a cable joins, and by rail what else is plugged in."""
    ties: list[tuple[str, str, str]] = []
    rows: dict[str, list[str]] = {}
    for first, second in joins.inner:
        if first.node != topology.host.name:
            continue
        ends = [end for end in (first, second) if end.master in joins.rails]
        if len(ends) == 2:
            title = f"cable: host:{first.name} to host:{second.name}"
            ties.append((first.master, second.master, title))
        elif ends:
            other = second if ends[0] is first else first
            own = ", ".join(map(str, other.addresses))
            rows.setdefault(ends[0].master, []).append(f"host {own} by {other.name}")
        else:
            rows.setdefault("", []).append(f"cable {first.name} to {second.name}")
    for interface in topology.host.interfaces:
        drawn = (interface.node, interface.name) in joins.drawn
        if interface.master in joins.rails and not drawn:
            rows.setdefault(interface.master, []).append(f"port {kind_words(interface)}")
    return ties, rows


def _host(topology: Topology, joins: Joins, cables: Iterable[str]) -> Station:
    host = topology.host
    inner = (
        row
        for interface in host.interfaces
        if interface.name not in joins.rails and interface.master not in joins.rails
        for row in _inner(interface, joins)
    )
    parameters = (f"{key} = {value}" for key, value in host.sysctls.items())
    modules = (f"module {name}" for name in topology.modules) if not topology.bridges else ()
    rows = (*node_rows(host), *cables, *few(inner, 12), *few(modules, 4), *few(parameters, 4))
    return Station(HOST, rows, "the host")


def _inner(interface: Interface, joins: Joins) -> tuple[str, ...]:
    """An interface that no line leads to."""
    return () if (interface.node, interface.name) in joins.drawn else inner_rows(interface)


def _published(topology: Topology) -> dict[str, list[Publication]]:
    """What each namespace publishes."""
    found: dict[str, list[Publication]] = {node.name: [] for node in topology.namespaces}
    for publication in topology.publications:
        found[publication.member.namespace].append(publication)
    return found


def _namespace(node: Namespace, published: list[Publication], joins: Joins) -> Station:
    ports = few((f"{p.target} published as {p.published}" for p in published), 4)
    inner = (row for interface in node.interfaces for row in _inner(interface, joins))
    cables = (f"cable {a.name} to {b.name}" for a, b in joins.inner if a.node == node.name)
    joined = ("made by somebody else",) if node.join else ()
    lone = ("no interface",) if not (node.members or node.wired) else ()
    rows = (*joined, *lone, *node_rows(node), *ports, *cables, *few(inner, 12))
    devices = count(len(node.members) + len(node.wired), "device")
    return Station(node.name, rows, f"namespace {node.name}, {devices}")


def _panels(published: Mapping[str, list[Publication]]) -> Iterator[PortPanel]:
    for node, own in published.items():
        ports: dict[str, PublishedPort] = {}  # one of both IP versions is told of the first
        for port in map(published_port, own):
            first = ports.setdefault(port.key, port)
            outside = first.outside or port.outside
            ports[port.key] = replace(first, outside=outside)
        if ports:
            yield PortPanel(node, short(list(ports.values())))


def _uplink(topology: Topology) -> str:
    devices = dict.fromkeys(uplink.device for uplink in topology.host.uplinks)
    return f"uplinks {', '.join(devices)}" if len(devices) > 1 else "uplink"
