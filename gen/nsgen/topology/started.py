"""The order in which services start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter

from nsgen.language.processes import Service
from nsgen.values import expand

Name = tuple[str, str]  # a node, and a service of it


def named(node: str, written: str) -> Iterator[Name]:
    """The services that an entry of `after` means, in a node."""
    where, dot, name = written.rpartition(".")
    yield from ((one, name) for one in (expand(where) if dot else (node,)))


def before(node: str, service: Service) -> tuple[Name, ...]:
    """The services that one of a node is started after."""
    return tuple(one for written in service.after for one in named(node, written))


def rounds(after: Mapping[Name, Collection[Name]]) -> Iterator[list[Name]]:
    """The services in rounds, each with those that are only after earlier ones, as they stand; there is no circle."""
    place = {name: number for number, name in enumerate(after)}
    sorter = TopologicalSorter(after)
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield sorted(ready, key=place.__getitem__)
        sorter.done(*ready)
