"""A way of a question, as it is told: where it stops, what of the picture it is, and which rules decide about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nsgen.ops import Rule


class PicturePart(NamedTuple):
    """Something of the picture: a node, a network, a line between two, or a published port of a node."""

    kind: Literal["node", "network", "edge", "port"]
    one: str
    other: str = ""


class Stop(NamedTuple):
    """A node that the question comes to, or starts from, and the device there; none, where it is not known."""

    node: str
    device: str = ""


@dataclass
class QuestionWay:
    """A way, as far as it is known: its stops in order, what of the picture it is, and the rules that decide.

    `stopped`: a rule ends it. `over`: it ends for that, or because a process gets the packet, or because from there on
    it is not known.
    """

    stops: list[Stop] = field(default_factory=list)
    parts: dict[PicturePart, None] = field(default_factory=dict)
    rules: dict[Rule, None] = field(default_factory=dict)
    stopped: bool = False
    over: bool = False

    def visit(self, node: str, device: str = "") -> None:
        """Come to a node, or leave it by a device."""
        stop = Stop(node, device)
        if self.stops and self.stops[-1] in (stop, Stop(node)):
            self.stops.pop()
        self.stops.append(stop)
        self.parts[PicturePart("node", node)] = None

    def line(self, one: str, other: str) -> None:
        """Go along a line of the picture."""
        self.parts[PicturePart("edge", one, other)] = None

    def network(self, name: str) -> None:
        """Cross a network."""
        self.parts[PicturePart("network", name)] = None
