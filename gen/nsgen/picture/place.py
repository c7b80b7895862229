"""Where boxes of one row stand: in order, apart, and each as near as possible to where it would like to be."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor


def placed(
    wanted: Sequence[float | None], widths: Sequence[int], gaps: Sequence[int], most: int
) -> list[int]:
    """The left borders of boxes, given where their middles would be best; None wants to be between its neighbours.

    `gaps` are those behind each box. They stand between 0 and `most`, if that is room enough, and the sum of squares
    of how far they are from where they would be best is the least that there is (isotonic regression, by pooling
    adjacent violators).
    """
    offsets, at = [], 0
    for width, gap in zip(widths, gaps, strict=True):
        offsets.append(at)
        at += width + gap
    middles = _between(wanted, [o + w / 2 for o, w in zip(offsets, widths, strict=True)])
    pools: list[tuple[float, float, int]] = []  # the mean, its weight, how many
    for index, middle in enumerate(middles):
        weight = 0.01 if wanted[index] is None else 1.0
        mean, number = middle - widths[index] / 2 - offsets[index], 1
        while pools and pools[-1][0] > mean:
            before, heavy, many = pools.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, number = weight + heavy, number + many
        pools.append((mean, weight, number))
    room = max(0, most - offsets[-1] - widths[-1])
    shifts = [min(max(0, mean), room) for mean, _, number in pools for _ in range(number)]
    return [floor(shift + 0.5) + offset for shift, offset in zip(shifts, offsets, strict=True)]


def _between(wanted: Sequence[float | None], own: Sequence[float]) -> list[float]:
    """Places for those that want none: between the nearest that do, as they would stand by themselves."""
    known = [(index, place) for index, place in enumerate(wanted) if place is not None]
    if not known:
        return list(own)
    found = []
    for index, place in enumerate(wanted):
        before = [pair for pair in known if pair[0] <= index]
        after = [pair for pair in known if pair[0] >= index]
        if place is not None:
            found.append(place)
        elif not before:
            found.append(after[0][1] - (own[after[0][0]] - own[index]))
        elif not after:
            found.append(before[-1][1] + (own[index] - own[before[-1][0]]))
        else:
            (left, start), (right, end) = before[-1], after[0]
            share = (own[index] - own[left]) / (own[right] - own[left])
            found.append(start + share * (end - start))
    return found
