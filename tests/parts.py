"""What a generated topology is put together from: choices by a seed, and who has which address."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

from nsgen.values import IPAddress, IPNetwork

Data = dict[str, Any]
Item = TypeVar("Item")


def halved(items: Sequence[Item]) -> Sequence[Item]:
    """All items; where HALF is 0 or 1, as in CI, the even or the odd ones."""
    half = os.environ.get("HALF")
    return items if half is None else items[int(half) :: 2]


@dataclass
class Subnet:
    """A subnet. Automatic addresses are dealt from below, so written ones are taken from above."""

    network: IPNetwork
    gateway: IPAddress | None = None
    gone: int = 0  # addresses of members, and of routers that are not there
    above: int = 0  # those of them that are above all others

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.network.version

    @property
    def _edge(self) -> int:
        """How many addresses at its beginning no interface has; RFC 3021, RFC 6164."""
        return int(self.network.prefixlen < self.network.max_prefixlen - 1)

    def room(self) -> int:
        """How many addresses are left, besides one for the host."""
        last = self._edge if self.version == 4 else 0
        return self.network.num_addresses - self._edge - last - 1 - self.gone

    def first(self) -> IPAddress:
        """The first address."""
        return self.network.network_address + self._edge

    def take(self) -> IPAddress:
        """The last address that nobody has."""
        last = self.network.broadcast_address - (self._edge if self.version == 4 else 0)
        if last - self.above == self.gateway:
            self.above += 1
        self.above += 1
        self.gone += 1
        return last - self.above + 1


@dataclass
class Network:
    """A network, as its members see it."""

    name: str
    group: int  # networks of one group have the same addresses: no namespace is on two of them
    subnets: list[Subnet] = field(default_factory=list)
    bare: bool = False  # the subnets are not written, and every member says its prefix
    internet: bool = False

    def gateways(self) -> list[Subnet]:
        """The subnets in which the host has an address."""
        return [subnet for subnet in self.subnets if subnet.gateway is not None]


@dataclass
class Place:
    """Where a node is on a network."""

    network: Network
    device: str | None  # None: a name that is made of others
    subnets: list[Subnet]  # in which it has an address
    own: list[IPAddress]  # those that are written


class Draw:
    """Chooses. With `here`, only what the machine of the tests can have."""

    def __init__(self, rng: random.Random, *, here: bool) -> None:
        self.rng = rng
        self.here = here
        self._number = 0

    def maybe(self, chance: float) -> bool:
        """Say yes, this often."""
        return self.rng.random() < chance

    def one(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[self.rng.randrange(len(items))]

    def some(self, items: Sequence[Item], most: int, least: int = 0) -> list[Item]:
        """Some of them, in any order."""
        return self.rng.sample(list(items), self.rng.randint(least, min(most, len(items))))

    def shuffled(self, data: Data) -> Data:
        """The same in another order."""
        return dict(self.some(list(data.items()), len(data), len(data)))

    def lone(self, items: list[Any]) -> Any:
        """A list, or what stands for it if there is one of them."""
        return items[0] if len(items) == 1 and self.maybe(0.6) else items

    def number(self) -> int:
        """Give a number that this topology has nowhere else."""
        self._number += 1
        return self._number

    def mac(self) -> str:
        """Give a MAC address that nobody has."""
        n = self.number()
        text = f"02:{self.rng.randrange(256):02x}:00:aB:{n >> 8:02x}:{n & 255:02x}"
        return text.upper() if self.maybe(0.3) else text


def keys_of(record: Any) -> Iterator[str]:
    """Name the keys of what was read that are not as if they had been left out."""
    if is_dataclass(record):
        for known in fields(record):
            value = getattr(record, known.name)
            if value not in (known.default, (), {}):
                yield f"{type(record).__name__}.{known.name}"
            yield from keys_of(value)
    elif isinstance(record, dict | list | tuple):
        for item in record.values() if isinstance(record, dict) else record:
            yield from keys_of(item)
