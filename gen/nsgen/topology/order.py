"""What has to be there before something else comes first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush


def in_order(parents: Mapping[str, Collection[str]]) -> list[str]:
    """The names, each behind those of its parents that are among them, and else as they stand; there is no circle."""
    if not any(parents.values()):
        return list(parents)  # as it mostly is
    names = list(parents)
    place = {name: index for index, name in enumerate(names)}
    sorter = TopologicalSorter(
        {name: [above for above in own if above in place] for name, own in parents.items()}
    )
    sorter.prepare()
    found: list[str] = []
    ready: list[int] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, place[name])
        found.append(names[heappop(ready)])
        sorter.done(found[-1])
    return found
