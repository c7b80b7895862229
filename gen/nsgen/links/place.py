"""Where a device is: its node and its name, written ``NODE:DEVICE``."""

from __future__ import annotations

from typing import NamedTuple

from nsgen import values
from nsgen.endpoint import node
from nsgen.scalars import STRING
from nsgen.schema import Scalar


class Place(NamedTuple):
    """A device of a node; where the node is empty, of the node where this is written."""

    node: str
    device: str

    def __str__(self) -> str:
        return f"{self.node}:{self.device}" if self.node else self.device


def place(text: str) -> Place:
    """Read ``NODE:DEVICE``."""
    where, colon, device = text.partition(":")
    if not colon or not device:
        raise ValueError(f"expected NODE:DEVICE such as 'red:eth1', got {text!r}")
    return Place(node(where), values.device(device))


def near_or_far(text: str) -> Place:
    """Read ``DEVICE``, or ``NODE:DEVICE`` for a device of another node."""
    return place(text) if ":" in text else Place("", values.device(text))


def near(text: str) -> Place:
    """Read ``DEVICE``, one of the same node."""
    return Place("", values.device(text))


PLACE = Scalar(place, STRING)
NEAR = Scalar(near, STRING)
NEAR_OR_FAR = Scalar(near_or_far, STRING)
