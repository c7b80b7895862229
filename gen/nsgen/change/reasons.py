"""Why something cannot become what it is to be, and is made anew."""

from __future__ import annotations

from nsgen.change.things import End
from nsgen.ops import AddBridge, AddLink, AddTap, AddVeth, NewDevice, Op, Rule
from nsgen.values import assert_never
from nsgen.words import listed, named

TAKEN, GIVEN_BACK = (
    "a device of this host's own takes its place",
    "it was a device of this host's own",
)
BELOW = "it is made on {below}, and goes with that"
SERVICE = "a process has its command from its start: it is stopped, and started anew"
COMMAND = "it is another command: the old one is undone, and the new one run"
KINDS = {"veth": "an end of a cable", "bridge": "a bridge", "tap": "a tap device"}


def of_device(end: End, old: Op | Rule, new: Op | Rule) -> str:
    """Why a device is made anew, as one of its node and name."""
    if not (isinstance(old, NewDevice) and isinstance(new, NewDevice)):
        return TAKEN if isinstance(old, NewDevice) else GIVEN_BACK
    if _kind(old) != _kind(new):
        return f"it was {_shown(_kind(old))}, and is to be {_shown(_kind(new))}"
    before, after = dict(_fixed(end, old)), dict(_fixed(end, new))
    if before.get("its cable") != after.get("its cable"):
        return f"the cable leads to {_where(after['its cable'])}, and no longer to {_where(before['its cable'])}"
    other = [
        name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)
    ]
    if not other:
        return "its cable is made from its other end"
    what = listed(other)
    return f"{what} {'are' if ' and ' in what else 'is'} fixed when it is made"


def _kind(op: NewDevice) -> str:
    if isinstance(op, AddBridge):
        return "bridge"
    if isinstance(op, AddVeth):
        return "veth"
    if isinstance(op, AddLink):
        return op.kind
    if isinstance(op, AddTap):
        return "tap"
    return assert_never(op)


def _shown(kind: str) -> str:
    return KINDS.get(kind, f"of the kind {kind}")


def _where(end: object) -> str:
    node, _, name = str(end).partition(":")
    return f"{name} of {named(node)}"


def _fixed(end: End, op: NewDevice) -> list[tuple[str, object]]:
    """What is fixed of a device when it is made, in words; of a cable, as this end sees it."""
    if isinstance(op, AddBridge):
        return [
            ("its MAC address", op.mac),
            ("its MTU", op.mtu),
            ("whether it speaks the spanning tree protocol", op.stp),
        ]
    if isinstance(op, AddVeth):
        first, second = (op.node, op.name), (op.peer_into or op.node, op.peer)
        macs = [("its MAC address", op.mac), ("its peer's MAC address", op.peer_mac)]
        if end != first:
            macs = [("its MAC address", op.peer_mac), ("its peer's MAC address", op.mac)]
        other = second if end == first else first
        return [("its cable", ":".join(other)), *macs, ("its MTU and its peer's", op.mtu)]
    if isinstance(op, AddLink):
        parent = f"{op.node}:{op.parent}"
        words = dict(zip(op.words[::2], op.words[1::2], strict=False))
        found = [("its MAC address", op.mac), ("its MTU", op.mtu), ("the device below it", parent)]
        return [*found, *((f"its `{name}`", value) for name, value in words.items())]
    if isinstance(op, AddTap):
        return [("its user", op.user)]
    return assert_never(op)
