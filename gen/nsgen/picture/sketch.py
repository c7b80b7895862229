"""What there is to draw of a topology, before anything has its place: boxes, lines between them, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nsgen.picture.shapes import Look

State = Literal[
    "open", "shut", "failed"
]  # of a line: somebody is answered by it, nobody is, or not as claimed
EdgeKind = Literal["member", "link", "tunnel", "macvlan", "way", "port", "uplink", "tie"]


@dataclass(frozen=True)
class Socket:
    """A device at the edge of its node's box: what is said there, its name first."""

    node: str
    device: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Cable:
    """What joins two namespaces: a veth pair, a tunnel, or a macvlan and the device that it is made on."""

    kind: EdgeKind
    near: Socket
    far: Socket
    title: str


@dataclass(frozen=True)
class Drop:
    """What joins a namespace and the host: `rail` is the host's bridge, or empty for the host itself.

    `device` and `rows` are those of the host's end.
    """

    kind: EdgeKind
    socket: Socket
    rail: str
    device: str
    rows: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class WayOut:
    """How what a network sends to the internet leaves the host: masqueraded, or as it is."""

    rows: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class Rail:
    """A bridge of the host; `cut`: its members are kept apart."""

    name: str
    rows: tuple[str, ...]
    title: str
    network: bool = True
    cut: bool = False
    way: WayOut | None = None


@dataclass(frozen=True)
class PublishedPort:
    """A published port in words; `key` is the host's side with its protocol."""

    key: str
    text: str
    title: str
    outside: bool


@dataclass(frozen=True)
class PortPanel:
    """What one namespace publishes."""

    node: str
    ports: tuple[PublishedPort, ...]

    @property
    def outside(self) -> bool:
        """Whether other machines are answered on any of them."""
        return any(port.outside for port in self.ports)


class Note(NamedTuple):
    """What is said of a node besides what is in it: whom it reaches."""

    text: str
    look: Look


@dataclass(frozen=True)
class Station:
    """A namespace, or the host: its name, and what is in it."""

    name: str
    rows: tuple[str, ...]
    title: str
    count: int = 1
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Sketch:
    """Everything that is to be drawn; `uplink` is what the host's way out is called, or empty if none is drawn.

    `states`: what is known of lines, if that is to be drawn.
    """

    name: str
    host: Station | None
    rails: tuple[Rail, ...]
    ties: tuple[tuple[str, str, str], ...]  # two rails that a cable joins, and what is said of it
    panels: tuple[PortPanel, ...]
    stations: tuple[Station, ...]
    drops: tuple[Drop, ...]
    cables: tuple[Cable, ...]
    uplink: str = ""
    states: Mapping[frozenset[str], State] = field(default_factory=dict)  # by the ends of a line

    @property
    def outside(self) -> bool:
        """Whether other machines reach a published port."""
        return any(panel.outside for panel in self.panels)
