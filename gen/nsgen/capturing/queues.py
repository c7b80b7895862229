"""Queues of devices: netem is `impair`, and others are not said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_record
from nsgen.capturing.neighbours import written_at
from nsgen.capturing.usual import qdiscs
from nsgen.proof.state import Raw

SHARES = {
    "loss-random": "loss",
    "duplicate": "duplicate",
    "corrupt": "corrupt",
    "reorder": "reorder",
}
NO_COMMAND = "of tc's queues, with their classes and filters, only netem is read"


def take_queues(draft: Draft) -> None:
    """Say netem of a link where both ends have the same, and of an interface; of one end alone by a command."""
    for node in draft.nodes:
        before = draft.before(node.name)
        old = list(qdiscs(before)) if before else []
        for queue in qdiscs(node):
            element = of_record(node.name, "qdisc", queue)
            if queue in old or not draft.account.open(element):
                continue
            found = impair(queue)
            if found is None:
                draft.account.leave(element, NO_COMMAND)
                continue
            device = queue["dev"]
            link = node.link(device)
            there = draft.state.nodes.get(link.peer[0]) if link and link.peer else None
            other = _other(
                there.qdiscs if there else (), link.peer[1] if link and link.peer else ""
            )
            place = written_at(draft, node.name, device)
            if link is not None and link.kind == "veth":
                place = (
                    _cable(draft, node.name, device, place)
                    if other and impair(other) == found
                    else None
                )
            if place is not None:
                place["impair"] = found
                draft.account.say(element, "impair")
                if link and link.kind == "veth" and link.peer and other:
                    draft.account.say(of_record(link.peer[0], "qdisc", other), "impair")
                continue
            words = [word for key, value in found.items() for word in _words(key, value)]
            begin = ["tc", "qdisc"]
            up = [*begin, "replace", "dev", device, "root", "netem", *words]
            draft.execute(node.name, element, up, [*begin, "del", "dev", device, "root"])


def impair(queue: Raw) -> dict[str, str] | None:
    """What netem does, in the words of the language; None where it is another queue, or says more."""
    if queue["kind"] != "netem" or not queue.get("root"):
        return None
    options = dict(queue.get("options", {}))
    found: dict[str, str] = {}
    for key in ("limit", "gap", "ecn", "seed"):
        options.pop(key, None)
    delay = options.pop("delay", {})
    for key in ("delay", "jitter"):
        if delay.get(key):
            found[key] = _scaled(round(delay[key] * 1e6), ("us", "ms", "s"))
    for key, name in SHARES.items():
        share = options.pop(key, {})
        value = share.get(name) or share.get("loss") or 0
        if value:
            found[name] = f"{value * 100:g}%"
    rate = options.pop("rate", {})
    if rate.get("rate"):
        found["rate"] = _scaled(rate["rate"] * 8 // 1000, ("kbit", "mbit", "gbit"))
    return found if found and not any(options.values()) else None


def _scaled(value: int, units: Sequence[str]) -> str:
    """A whole number of the largest unit that it is one of."""
    for unit in units[:-1]:
        if value % 1000:
            return f"{value}{unit}"
        value //= 1000
    return f"{value}{units[-1]}"


def _words(key: str, value: str) -> list[str]:
    return [value] if key == "jitter" else [key, value]


def _other(queues: Any, device: str) -> Raw | None:
    return next((one for one in queues if one["dev"] == device and one["kind"] == "netem"), None)


def _cable(
    draft: Draft, node: str, device: str, place: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Where both ends of a cable are written: its entry of `links`, or the place on a network."""
    name = f"{draft.called(node)}:{device}"
    for link in draft.links:
        if name in link["endpoints"]:
            found: dict[str, Any] = link
            return found
    return place
