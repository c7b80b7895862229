"""The smallest topology that still fails: what a failure is reported with."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[Any, ...]
SECONDS = 180  # in which the smallest one so far is found


def smallest(data: Any, fails: Callable[[Any], bool]) -> Any:
    """Remove one element after another, the largest first, as long as it fails without."""
    deadline = time.monotonic() + SECONDS
    removed = True
    while removed:
        removed = False
        for path in sorted(_paths(data), key=len):
            if time.monotonic() > deadline:
                return data
            tried = _without(data, path)
            if tried is not None and fails(tried):
                data, removed = tried, True
    return data


def _paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """Where each element is; those of a list from its end, so that the others stay where they are."""
    keys = list(data) if isinstance(data, dict) else []
    for step in keys or (reversed(range(len(data))) if isinstance(data, list) else ()):
        yield (*path, step)
        yield from _paths(data[step], (*path, step))


def _without(data: Any, path: Path) -> Any:
    """A copy without one element; nothing where it is gone already."""
    found = copy.deepcopy(data)
    around = found
    try:
        for step in path[:-1]:
            around = around[step]
        del around[path[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    return found
