"""Kinds of interfaces, a module for each; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from nsgen.language.described import Json
from nsgen.language.kinds.kind import Loopback, WrittenInterface
from nsgen.language.schema import INVALID, Invalid, Kind, Record, Unknown, shape
from nsgen.report import Path, Report, nearest
from nsgen.words import either


@cache
def kinds() -> dict[str, type[WrittenInterface]]:
    """The kinds of interfaces by their names; loaded where a topology has any, because most have none."""
    from nsgen.language.kinds.bond import Bond
    from nsgen.language.kinds.bridge import BridgeInterface
    from nsgen.language.kinds.dummy import Dummy
    from nsgen.language.kinds.macvlan import Ipvlan, Macvlan
    from nsgen.language.kinds.physical import Physical
    from nsgen.language.kinds.tap import Tap
    from nsgen.language.kinds.tunnel import Gre, Ipip, Sit
    from nsgen.language.kinds.vlan import Vlan
    from nsgen.language.kinds.vrf import Vrf
    from nsgen.language.kinds.vxlan import Vxlan
    from nsgen.language.kinds.wireguard import Wireguard

    return _registered(
        (
            *(BridgeInterface, Dummy, Vlan, Vxlan, Macvlan, Ipvlan, Gre),
            *(Ipip, Sit, Wireguard, Bond, Vrf, Tap, Physical),
        )
    )


def _registered(kinds: Iterable[type[WrittenInterface]]) -> dict[str, type[WrittenInterface]]:
    found: dict[str, type[WrittenInterface]] = {}
    for kind in kinds:
        if found.setdefault(kind.KIND, kind) is not kind:
            raise ValueError(f"two kinds of interfaces are called {kind.KIND!r}")
    return found


class InterfaceKind(Kind[WrittenInterface]):
    """Reads an interface by its `type`; `lo` needs none."""

    def take(self, value: object, path: Path, report: Report) -> WrittenInterface | Invalid:
        """Choose the record, and let it read."""
        if path[-1] == "lo":
            return Record(Loopback, nothing=True).read(value, path, report)
        if not isinstance(value, dict):
            report.error(path, f"expected a map, got {shape(value)}")
            return INVALID
        written = value.get("type")
        if isinstance(written, Unknown):
            report.pass_over((*path, "type"))
            return INVALID
        if written is None:
            text = f"the key 'type' is missing: one of {either(kinds())}"
            report.error(path, text, on_key=True)
            return INVALID
        kind = kinds().get(written) if isinstance(written, str) else None
        if kind is None:
            hint = nearest(written, kinds()) if isinstance(written, str) else ""
            text = f"expected {either(kinds())}, got {shape(written)}{hint}"
            report.error((*path, "type"), text)
            return INVALID
        return Record(kind).read(value, path, report)

    def json(self) -> Json:
        """Any of the kinds, told by its type."""
        loopback = Record(Loopback, nothing=True).json()
        del loopback["properties"]["type"]
        return {"anyOf": [*(_tagged(name, kind) for name, kind in kinds().items()), loopback]}


def _tagged(name: str, kind: type[WrittenInterface]) -> Json:
    described = Record(kind).json()
    properties = {**described["properties"], "type": {"const": name}}
    required = [*described.get("required", []), "type"]
    return {**described, "properties": properties, "required": required}
