"""Links: a veth pair between any two nodes, veth(4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nsgen.language import described
from nsgen.language.described import Json
from nsgen.language.kinds.impair import Impair
from nsgen.language.kinds.place import PLACE, NodeDevice, place
from nsgen.language.neighbours import LINK_LOCAL, NEIGHBOURS, PROXY_NEIGHBOURS
from nsgen.language.opposite import PEER
from nsgen.language.ranges import BRACKETS, at_step, steps
from nsgen.language.scalars import INTERFACE_ADDRESS, MAC, MTU, SUBNET
from nsgen.language.schema import (
    INVALID,
    Invalid,
    Kind,
    ListOf,
    Record,
    Scalar,
    Unknown,
    key,
    shape,
)
from nsgen.language.shapes import ByShape, Mapped
from nsgen.report import Path, Report
from nsgen.values import IPAddress, IPInterface, IPNetwork

MAX_MESH = 400  # nodes of a full mesh: 79,800 links


@dataclass(frozen=True)
class End:
    """One end of a link."""

    address: tuple[IPAddress | IPInterface, ...] = key(
        ListOf(INTERFACE_ADDRESS, lone=True),
        "Its address with the prefix, or a list of them.",
        default=(),
    )
    peer: tuple[IPAddress | IPInterface, ...] = PEER
    mac: str | None = key(MAC, "Its MAC address. Default: the kernel's choice.", default=None)
    mtu: int | None = key(MTU, "Its MTU in bytes. Default: the link's.", default=None)
    neighbours: Mapping[str, str] = NEIGHBOURS
    proxy_neighbours: tuple[IPAddress, ...] = PROXY_NEIGHBOURS
    link_local: bool = LINK_LOCAL


Ends = tuple[tuple[NodeDevice, End], tuple[NodeDevice, End]]
_ADDRESSES = Mapped(ListOf(INTERFACE_ADDRESS, lone=True), lambda found: End(address=found))
_END = ByShape(text=_ADDRESSES, items=_ADDRESSES, record=Record(End, nothing=True))


class Endpoints(Kind[Ends]):
    """Reads the two ends: a list of places, or a map from place to address."""

    def take(self, value: object, path: Path, report: Report) -> Ends | Invalid:
        """Two places, each with what it has."""
        if not isinstance(value, dict | list):
            report.error(path, f"expected a list or a map of two NODE:DEVICE, got {shape(value)}")
            return INVALID
        named = isinstance(value, dict)
        found: list[tuple[NodeDevice, End]] = []
        for step, written in enumerate(value):
            at: Path = (*path, written if named else step)
            if isinstance(written, Unknown):
                report.pass_over(at)
                return INVALID
            end = _END.read(value[written], at, report) if isinstance(value, dict) else End()
            try:
                where = place(written) if isinstance(written, str) else INVALID
            except ValueError as error:
                report.error(at, str(error), on_key=named)
                continue
            if where is INVALID:
                report.error(at, f"expected NODE:DEVICE such as 'red:eth1', got {shape(written)}")
            elif end is not INVALID:
                found.append((where, end))
        if len(found) < len(value):
            return INVALID
        if len(found) != 2:
            report.error(path, f"a link has two ends, each NODE:DEVICE, got {len(found)}")
            return INVALID
        return found[0], found[1]

    def json(self) -> Json:
        """A map or a list of two."""
        two = {"minItems": 2, "maxItems": 2}
        ends: Json = {"type": "object", "minProperties": 2, "maxProperties": 2}
        return {
            "anyOf": [
                {**ends, "additionalProperties": {"anyOf": [{"type": "null"}, _END.json()]}},
                {"type": "array", "items": PLACE.json(), **two},
            ]
        }


def _stem(text: str) -> NodeDevice:
    """NODE or NODE:STEM, of a full mesh."""
    node, colon, stem = text.partition(":")
    return place(f"{node}:{stem if colon else 'to-'}")


STEM = described.text(
    "mesh", f"{described.NODE}(:{described.DEVICE})?", "a node, or NODE:STEM such as node1:eth-"
)


@dataclass(frozen=True)
class WrittenLink:
    """A cable between two nodes, or with a range such as node[1-9], as many cables."""

    endpoints: Ends | None = key(
        Endpoints(),
        "Its two ends, NODE:DEVICE: a list, or a map from end to address.",
        default=None,
    )
    mesh: tuple[NodeDevice, ...] = key(
        ListOf(Scalar(_stem, STEM), lone=True),
        "In place of endpoints: nodes, each of which is linked with each other one; a node's device"
        " is called to-OTHER, or STEM and OTHER where NODE:STEM is written.",
        default=(),
    )
    subnet: tuple[IPNetwork, ...] = key(
        ListOf(SUBNET, lone=True),
        "The ends get its first two addresses; of a mesh, each link gets a part of it.",
        default=(),
    )
    mtu: int | None = key(MTU, "The MTU of both ends. Default: the kernel's.", default=None)
    impair: Impair | None = key(
        Record(Impair), "What happens to packets on it, both ways.", default=None
    )
    link_local: bool = LINK_LOCAL


LINK = Record(WrittenLink)


class Links(Kind[tuple[tuple[int, WrittenLink], ...]]):
    """Reads the list of links."""

    def take(
        self, value: object, path: Path, report: Report
    ) -> tuple[tuple[int, WrittenLink], ...] | Invalid:
        """Each link, with its place in the list."""
        if not isinstance(value, list):
            report.error(path, f"expected a list, got {shape(value)}")
            return INVALID
        found: list[tuple[int, WrittenLink]] = []
        for index, written in enumerate(value):
            one = written
            if isinstance(written, dict) and "mesh" in written:
                one = {**written, "mesh": _spread(written["mesh"])}
            read = LINK.read(one, (*path, index), report)
            if read is not INVALID:
                found.append((index, read))
        return tuple(found)

    def json(self) -> Json:
        """A list of links."""
        return {"type": "array", "items": LINK.json()}


def _spread(written: object) -> object:
    """The nodes of a mesh: a range is that many of them."""
    found: list[object] = []
    for item in written if isinstance(written, list) else [written]:
        found += _nodes(item) if isinstance(item, str) else [item]
    return found


def _nodes(text: str) -> list[str]:
    ranges = list(BRACKETS.finditer(text))
    try:
        number = len(steps(ranges[0]["dealt"])) if len(ranges) == 1 else 0
    except ValueError:
        number = 0
    if not 0 < number <= MAX_MESH:
        return [text]  # its brackets are refused as part of a name
    return [at_step(text, step) for step in range(number)]
