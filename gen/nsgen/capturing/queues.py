"""Queues of devices: netem is `impair`, and others, their classes and their filters are commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_traffic
from nsgen.capturing.neighbours import written_at
from nsgen.capturing.usual import qdiscs
from nsgen.proof.state import KernelNode, Raw
from nsgen.proof.traffic import MAKING, class_words, queue_words

SHARES = {
    "loss-random": "loss",
    "duplicate": "duplicate",
    "corrupt": "corrupt",
    "reorder": "reorder",
}
UNKNOWN = (
    "of tc's queues netem, ingress, clsact, htb, tbf, prio, pfifo and bfifo are read, and of its filters u32 and"
    " matchall, with mirred or a verdict"
)


def take_queues(draft: Draft) -> None:
    """Say queues, with their classes and filters: in the order in which they can be made."""
    for node in draft.nodes:
        before = draft.before(node.name)
        old = list(qdiscs(before)) if before else []
        fresh = [queue for queue in qdiscs(node) if queue not in old]
        for queue in fresh:
            if not _below_class(queue):
                _queue(draft, node, queue)
        known = before.classes if before else ()
        classes = [one for one in node.classes if one not in known]
        _made(draft, node.name, "class", _parents_first(classes))
        for queue in filter(_below_class, fresh):
            _queue(draft, node, queue)
        known = before.filters if before else ()
        _made(draft, node.name, "filter", [one for one in node.filters if one not in known])


def _below_class(queue: Raw) -> bool:
    return "parent" in queue and queue["kind"] not in ("ingress", "clsact")


def _parents_first(classes: list[Raw]) -> list[Raw]:
    """Classes in an order in which each one's parent is there."""
    words = {id(one): class_words(one) or ["parent", "", "classid", ""] for one in classes}
    found: list[Raw] = []
    while left := [one for one in classes if one not in found]:
        missing = {(one["dev"], words[id(one)][3]) for one in left}
        ready = [one for one in left if (one["dev"], words[id(one)][1]) not in missing]
        found += ready or left
    return found


def _queue(draft: Draft, node: KernelNode, queue: Raw) -> None:
    """Netem of a link where both ends have the same, and of an interface, is a key; all else is a command."""
    element = of_traffic(node.name, "qdisc", queue)
    if not draft.account.open(element):
        return
    found, device = impair(queue), queue["dev"]
    begin = ["tc", "qdisc"]
    if found is None:
        words = queue_words(queue)
        if words is None:
            draft.account.leave(element, UNKNOWN)
            return
        verb = "add" if len(words) == 1 else "replace"
        down = [*begin, "del", "dev", device, *words[: 2 if words[0] == "parent" else 1]]
        draft.execute(node.name, element, [*begin, verb, "dev", device, *words], down)
        return
    link = node.link(device)
    there = draft.state.nodes.get(link.peer[0]) if link and link.peer else None
    other = _other(there.qdiscs if there else (), link.peer[1] if link and link.peer else "")
    place = written_at(draft, node.name, device)
    if link is not None and link.kind == "veth":
        alike = other and impair(other) == found
        place = _cable(draft, node.name, device, place) if alike else None
    if place is not None:
        place["impair"] = found
        draft.account.say(element, "impair")
        if link and link.kind == "veth" and link.peer and other:
            draft.account.say(of_traffic(link.peer[0], "qdisc", other), "impair")
        return
    words = [word for key, value in found.items() for word in _words(key, value)]
    up = [*begin, "replace", "dev", device, "root", "netem", *words]
    draft.execute(node.name, element, up, [*begin, "del", "dev", device, "root"])


def _made(draft: Draft, node: str, kind: str, records: Iterable[Raw]) -> None:
    """Have commands make classes or filters; filters of one preference go together."""
    gone: list[list[str]] = []
    for record in records:
        element = of_traffic(node, kind, record)
        words = MAKING[kind](record)
        if words is None:
            draft.account.leave(element, UNKNOWN)
            continue
        own = ["dev", record["dev"], *words]
        known = own[: own.index("htb" if kind == "class" else record["kind"])]
        down = ["tc", kind, "del", *known] if known not in gone else []
        gone.append(known)
        draft.execute(node, element, ["tc", kind, "add", *own], down)


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
    name = f"{node}:{device}"
    for link in draft.links:
        if name in link["endpoints"]:
            found: dict[str, Any] = link
            return found
    return place
