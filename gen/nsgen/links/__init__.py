"""Kinds of interfaces, a module for each; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from nsgen.links.kind import Interface, Loopback
from nsgen.report import Path, Report, nearest
from nsgen.schema import INVALID, Json, Record, Unknown, either, shape


@cache
def kinds() -> dict[str, type[Interface]]:
    """All of them by their names; loaded where a topology has any, because most have none."""
    from nsgen.links.bond import Bond
    from nsgen.links.bridge import Bridge
    from nsgen.links.dummy import Dummy
    from nsgen.links.macvlan import Ipvlan, Macvlan
    from nsgen.links.physical import Physical
    from nsgen.links.tunnel import Gre, Ipip, Sit
    from nsgen.links.vlan import Vlan
    from nsgen.links.vrf import Vrf
    from nsgen.links.vxlan import Vxlan
    from nsgen.links.wireguard import Wireguard

    return _registered(
        (
            *(Bridge, Dummy, Vlan, Vxlan, Macvlan, Ipvlan, Gre),
            *(Ipip, Sit, Wireguard, Bond, Vrf, Physical),
        )
    )


def _registered(kinds: Iterable[type[Interface]]) -> dict[str, type[Interface]]:
    found: dict[str, type[Interface]] = {}
    for kind in kinds:
        if found.setdefault(kind.KIND, kind) is not kind:
            raise ValueError(f"two kinds of interfaces are called {kind.KIND!r}")
    return found


class InterfaceKind:
    """Reads an interface by its `type`; `lo` needs none."""

    def read(self, value: object, path: Path, report: Report) -> Any:
        """Choose the record, and let it read."""
        if path[-1] == "lo":
            return Record(Loopback, nothing=True).read(value, path, report)
        if isinstance(value, Unknown):
            report.pass_over(path)
            return INVALID
        if not isinstance(value, dict):
            report.error(path, f"expected a map, got {shape(value)}")
            return INVALID
        written = value.get("type")
        if isinstance(written, Unknown):
            report.pass_over((*path, "type"))
            return INVALID
        if written is None:
            text = f"the key 'type' is missing: one of {either(list(kinds()))}"
            report.error(path, text, on_key=True)
            return INVALID
        kind = kinds().get(written) if isinstance(written, str) else None
        if kind is None:
            hint = nearest(written, kinds()) if isinstance(written, str) else ""
            text = f"expected {either(list(kinds()))}, got {shape(written)}{hint}"
            report.error((*path, "type"), text)
            return INVALID
        return Record(kind).read(value, path, report)

    def json(self) -> Json:
        """Any of the kinds, told by its type."""
        loopback = Record(Loopback, nothing=True).json()
        del loopback["properties"]["type"]
        return {"anyOf": [*(_tagged(name, kind) for name, kind in kinds().items()), loopback]}


def _tagged(name: str, kind: type[Interface]) -> Json:
    described = Record(kind).json()
    properties = {**described["properties"], "type": {"const": name}}
    required = [*described.get("required", []), "type"]
    return {**described, "properties": properties, "required": required}
