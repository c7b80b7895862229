"""What tc(8) says of queues, classes and filters, as the words that make them; None where that is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nsgen.proof.state import Raw

USUAL = {"htb": {"r2q": 10}}
# What tells of a filter or an action and makes none: numbers that the kernel gives, counters, where it is done.
TOLD = {
    "fh", "handle", "order", "key_ht", "bkt", "terminal", "not_in_hw", "in_hw", "in_hw_count", "index", "ref", "bind",
    "kind", "refcnt", "used_hw_stats", "used_hw_stats_details", "hw_stats",
}  # fmt: skip
COUNTERS = {"direct_packets_stat", "direct_qlen"}  # the second one follows from the device
# What becomes of a packet by mirred, where nobody says it.
AFTERWARDS = {"mirror": "pipe", "redirect": "stolen"}
VERDICTS = {"drop", "pass", "pipe", "reclassify", "continue"}


def same(device: str) -> str:
    """A device by its own name."""
    return device


def queue_words(queue: Raw) -> list[str] | None:
    """A queue, behind `dev`: where it is, its kind and what it is set to."""
    kind, options = queue["kind"], dict(queue.get("options", {}))
    if kind in ("ingress", "clsact"):
        return [kind]
    place = ["root"] if queue.get("root") else ["parent", queue.get("parent", "")]
    words = [*place, "handle", queue["handle"], kind]
    for key in COUNTERS:
        options.pop(key, None)
    for key, value in USUAL.get(kind, {}).items():
        if options.get(key) == value:
            del options[key]
    form = QUEUES.get(kind)
    if form is None or not set(options) <= set(form):
        return None
    for key, value in options.items():
        words += form[key](value)
    return words


QUEUES: Mapping[str, Mapping[str, Callable[[Any], list[str]]]] = {
    "htb": {
        "default": lambda value: ["default", str(value).removeprefix("0x")],
        "r2q": lambda value: ["r2q", str(value)],
    },
    "tbf": {
        "rate": lambda value: ["rate", f"{value * 8}bit"],
        "burst": lambda value: ["burst", f"{value}b"],
        "lat": lambda value: ["latency", f"{value}us"],
    },
    "prio": {
        "bands": lambda value: ["bands", str(value)],
        "priomap": lambda value: ["priomap", *map(str, value)],
    },
    "pfifo": {"limit": lambda value: ["limit", str(value)]},
    "bfifo": {"limit": lambda value: ["limit", str(value)]},
}  # fmt: skip


def class_words(found: Raw) -> list[str] | None:
    """A class of HTB, behind `dev`; `text` is a line of `tc class show`."""
    _, kind, name, *words = found["text"].split()
    if kind != "htb":
        return None
    parent = f"{name.partition(':')[0]}:"
    if words[:1] == ["root"]:
        words = words[1:]
    elif words[:1] == ["parent"]:
        parent, words = words[1], words[2:]
    if words[:1] == ["leaf"]:
        words = words[2:]
    return ["parent", parent, "classid", name, kind, *words]


def filter_words(found: Raw, name: Callable[[str], str] = same) -> list[str] | None:
    """A filter, behind `dev`: where it is, what it is for, and what it does; `name`: what a device is called."""
    options = {key: value for key, value in found.get("options", {}).items() if key not in TOLD}
    words = [
        *found["at"].split(),
        "protocol",
        found["protocol"],
        "pref",
        str(found["pref"]),
        found["kind"],
    ]
    if found["kind"] not in ("u32", "matchall") or found.get("chain", 0):
        return None
    for one in options.pop("match", []):
        at = f"{one['offmask']}{one['off']}"
        words += ["match", "u32", f"0x{one['value']}", f"0x{one['mask']}", "at", at]
    if "flowid" in options:
        words += ["flowid", options.pop("flowid")]
    for action in options.pop("actions", []):
        does = _action(action, name)
        if does is None:
            return None
        words += ["action", *does]
    return None if options else words


def _action(action: Raw, name: Callable[[str], str]) -> list[str] | None:
    rest = {key: value for key, value in action.items() if key not in TOLD}
    after = rest.pop("control_action", {}).get("type", "")
    if action["kind"] == "mirred":
        does, way = rest.pop("mirred_action", ""), rest.pop("direction", "")
        there = name(rest.pop("to_dev", ""))
        usual = AFTERWARDS.get(does) == after
        return (
            None
            if rest or not there
            else ["mirred", way, does, "dev", there, *([] if usual else [after])]
        )
    by_chance = rest.pop("prob", {}).get("random_type", "none") != "none"
    known = action["kind"] == "gact" and after in VERDICTS and not rest and not by_chance
    return [after] if known else None


def told(kind: str, raw: Raw, name: Callable[[str], str] = same) -> str:
    """A `qdisc`, `class` or `filter` as it is told, behind `dev`; of what is not known, all that was said."""
    words = filter_words(raw, name) if kind == "filter" else MAKING[kind](raw)
    if words is not None:
        return " ".join(words)
    rest = (f"{key} {value}" for key, value in raw.items() if key not in (*TOLD, "dev"))
    return " ".join((raw.get("kind", ""), *rest)).strip()


MAKING: Mapping[str, Callable[[Raw], list[str] | None]] = {
    "qdisc": queue_words,
    "class": class_words,
    "filter": filter_words,
}
