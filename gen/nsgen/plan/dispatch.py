"""Chains for many published ports: a range of ports, or a block of addresses, each has a chain of its own.

A packet is compared with one rule after another. Of N rules for one port each it meets some 2 * sqrt(N), if sqrt(N)
rules choose among chains of sqrt(N) rules; and if those are divided once more, 3 times the cube root of N. No packet
meets two of these chains, and within each the rules keep their order, so that the first one that matches is the same as
in one long chain. Few ports stay one chain: that reads better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import isqrt

from nsgen.ops import RETURN, Match, RuleTarget
from nsgen.plan import why
from nsgen.topology.names import with_prefix
from nsgen.values import IPAddress, Ports

Line = tuple[
    str, Match, RuleTarget
]  # why there is a rule, for which packets, and what becomes of them
Part = tuple[list[Match], list[Line]]  # what leads to a chain, and what is in it

MANY = 32  # rules for one port each, beyond which they are dispatched; and twice, beyond its square
CHAINS = 900  # at most, of a kind: a number of three digits is what their names have room for


def dispatch(
    lines: Sequence[Line], name: Callable[[int], str]
) -> tuple[list[Line], dict[str, list[Line]]]:
    """The lines of a chain, with what was taken out of it: lines by the name of their chain, numbered from 1."""
    kept: list[Line] = []
    taken: dict[str, list[Line]] = {}
    for for_a_port, group in groupby(lines, lambda line: line[1].dport is not None):
        run = list(group)
        # In a chain of its own a RETURN leads back to here; that is the same only where nothing follows.
        returns = run[-1] is not lines[-1] and any(verdict == RETURN for *_, verdict in run)
        if not for_a_port or len(run) <= MANY or returns:
            kept += run
            continue
        kept += _divide(run, _sizes(len(run)), name, taken)
    return kept, taken


def _sizes(number: int) -> tuple[int, ...]:
    """How many of so many lines go into a chain, and how many of those into one of the next."""
    if number <= MANY * MANY:
        return (isqrt(number),)
    least = max(round(number ** (1 / 3)), number // CHAINS)
    return isqrt(number * least), least


def _divide(
    run: Sequence[Line],
    sizes: Sequence[int],
    name: Callable[[int], str],
    taken: dict[str, list[Line]],
) -> Iterator[Line]:
    """Move lines into chains; what is left are those that lead there."""
    for leading, members in _parts(run, sizes[0]):
        chain = name(len(taken) + 1)
        taken[chain] = members
        if len(sizes) > 1:
            leading_on = list(_divide(members, sizes[1:], name, taken))
            del taken[chain]  # to come behind those that it leads to
            taken[chain] = leading_on
        yield from ((why.DISPATCH, match, RuleTarget(chain)) for match in leading)


def _parts(run: Sequence[Line], size: int) -> Iterator[Part]:
    """By address where each is for a single one, and there are more of those than of ports."""
    matches = [match for _, match, _ in run]
    addresses = [match.dst for match in matches if isinstance(match.dst, IPAddress)]
    ports = [match.dport for match in matches if match.dport is not None]
    if len(addresses) == len(run) and len(set(addresses)) > len(set(ports)):
        yield from _by_address(run, addresses, size)
    else:
        yield from _by_port(run, ports, size)


def _by_address(run: Sequence[Line], addresses: Sequence[IPAddress], size: int) -> Iterator[Part]:
    """The smallest blocks that have so many lines each, on average."""
    numbers = [int(one) for one in addresses]
    bits = 0
    while len({number >> bits for number in numbers}) * size > len(run):
        bits += 1
    blocks: dict[int, list[int]] = {}
    for index, number in enumerate(numbers):
        blocks.setdefault(number >> bits, []).append(index)
    for members in blocks.values():
        first = addresses[members[0]]
        block = with_prefix(first, first.max_prefixlen - bits).network
        yield [Match(dst=block)], [run[index] for index in members]


def _by_port(run: Sequence[Line], ports: Sequence[Ports], size: int) -> Iterator[Part]:
    """Ranges of which none overlaps another."""
    chunk: list[int] = []
    last = 0
    for index in sorted(range(len(run)), key=lambda index: ports[index].first):
        if len(chunk) >= size and ports[index].first > last:
            yield _range(run, ports, chunk)
            chunk = []
        chunk.append(index)
        last = max(last, ports[index].last)
    yield _range(run, ports, chunk)


def _range(run: Sequence[Line], ports: Sequence[Ports], chunk: Sequence[int]) -> Part:
    """A range, by each protocol in it."""
    members = [run[index] for index in sorted(chunk)]
    whole = Ports(ports[chunk[0]].first, max(ports[index].last for index in chunk))
    protocols = dict.fromkeys(match.proto for _, match, _ in members)
    return [Match(proto=proto, dport=whole) for proto in protocols], members
