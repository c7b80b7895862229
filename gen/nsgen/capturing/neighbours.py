"""Neighbours that are not asked for, and those that somebody answers for."""

from __future__ import annotations

from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_record
from nsgen.proof.state import SET, Raw
from nsgen.values import HOST


def take_neighbours(draft: Draft) -> None:
    """Say permanent neighbours, and those that somebody answers for, where the device is written."""
    for node in draft.nodes:
        before = draft.before(node.name)
        for kind, records, old in (
            ("neighbour", node.neighbours, before.neighbours if before else ()),
            ("proxy", node.proxies, before.proxies if before else ()),
        ):
            for record in records:
                if record in old:
                    continue
                element = of_record(node.name, kind, record)
                place = written_at(draft, node.name, record["dev"])
                if place is None:
                    draft.execute(node.name, element, *_commands(kind, record))
                    continue
                if kind == "neighbour":
                    _keep_mac(draft, record["lladdr"])
                    place.setdefault("neighbours", {})[record["dst"]] = record["lladdr"]
                else:
                    place.setdefault("proxy_neighbours", []).append(record["dst"])
                draft.account.say(element, record["dev"])


def _keep_mac(draft: Draft, mac: str) -> None:
    """Write the MAC address of a device down that somebody has as a neighbour: another one would be drawn."""
    for node in draft.nodes:
        for link in node.links:
            if link.mac == mac and link.assigned != SET:
                here = node.name == HOST and draft.networks.get(link.name)
                place = here or written_at(draft, node.name, link.name)
                if place is not None:
                    place["mac"] = mac


def _commands(kind: str, record: Raw) -> tuple[list[str], list[str]]:
    if kind == "proxy":
        words = ["proxy", record["dst"], "dev", record["dev"]]
        return ["ip", "neighbour", "add", *words], ["ip", "neighbour", "del", *words]
    words = [record["dst"], "dev", record["dev"]]
    lladdr = ["lladdr", record["lladdr"], "nud", "permanent"]
    return ["ip", "neighbour", "replace", *words, *lladdr], ["ip", "neighbour", "del", *words]


def written_at(draft: Draft, node: str, device: str) -> dict[str, Any] | None:
    """Where a device is written, as a map that can take more keys."""
    for link in draft.links:
        ends = link["endpoints"]
        name = f"{node}:{device}"
        if name in ends:
            if isinstance(ends, list):
                link["endpoints"] = ends = {end: {} for end in ends}
            if not isinstance(ends[name], dict):
                ends[name] = {"address": ends[name]}
            found: dict[str, Any] = ends[name]
            return found
    interfaces = draft.at(node).get("interfaces", {})
    if device in interfaces and device != "lo":
        return dict.__getitem__(interfaces, device)  # type: ignore[no-any-return]
    peer = draft.state.nodes[node].link(device)
    for network, place in draft.at(node).get("networks", {}).items() if node != HOST else ():
        port = draft.state.nodes[HOST].link(peer.peer[1]) if peer and peer.peer else None
        if port and port.master == network:
            return place  # type: ignore[no-any-return]
    return None
