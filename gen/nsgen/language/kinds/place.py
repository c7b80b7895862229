"""Where a device is: its node and its name, written ``NODE:DEVICE``."""

from __future__ import annotations

from typing import NamedTuple

from nsgen import values
from nsgen.language import described
from nsgen.language.endpoint import node
from nsgen.language.scalars import DEVICE
from nsgen.language.schema import Scalar


class NodeDevice(NamedTuple):
    """A device of a node; where the node is empty, of the node where this is written."""

    node: str
    device: str

    def __str__(self) -> str:
        return f"{self.node}:{self.device}" if self.node else self.device


def place(text: str) -> NodeDevice:
    """Read ``NODE:DEVICE``."""
    where, colon, device = text.partition(":")
    if not colon or not device:
        raise ValueError(f"expected NODE:DEVICE such as 'red:eth1', got {text!r}")
    return NodeDevice(node(where), values.device(device))


def near_or_far(text: str) -> NodeDevice:
    """Read ``DEVICE``, or ``NODE:DEVICE`` for a device of another node."""
    return place(text) if ":" in text else NodeDevice("", values.device(text))


def near(text: str) -> NodeDevice:
    """Read ``DEVICE``, one of the same node."""
    return NodeDevice("", values.device(text))


_PLACE = f"{described.NODE}:{described.DEVICE}"

PLACE = Scalar(place, described.text("place", _PLACE, "NODE:DEVICE such as red:eth1"))
NEAR = Scalar(near, DEVICE.schema)
NEAR_OR_FAR = Scalar(
    near_or_far,
    described.text(
        "near-or-far",
        f"({described.NODE}:)?{described.DEVICE}",
        "DEVICE, or NODE:DEVICE for a device of another node",
    ),
)
