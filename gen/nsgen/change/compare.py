"""What becomes of each thing when `up` of a new topology runs over an old one: it is what the lines of the two say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nsgen.change import reasons
from nsgen.change.things import Key, Thing, Things
from nsgen.ops import Argv, AwaitService, Chain, Jump, Rule, StartService
from nsgen.plan.steps import Plan
from nsgen.script.lines import Line
from nsgen.values import HOST

Action = Literal["add", "change", "rebuild", "remove"]


@dataclass(frozen=True)
class Difference:
    """What becomes of one thing: the lines of it that are undone and done, and of a rebuilt one the reason."""

    key: Key
    action: Action
    gone: tuple[Line, ...]
    new: tuple[Line, ...]
    why: str = ""


class Change:
    """Two topologies, and what `up` of the new one does over the old one."""

    def __init__(self, old: Plan, new: Plan) -> None:
        """Compare their lines."""
        self.old, self.new = Things(old), Things(new)
        self._before, self._after = set(map(str, self.old.lines)), set(map(str, self.new.lines))
        self._rebuilt = dict(self._remade())
        found = filter(
            None, map(self._difference, dict.fromkeys([*self.old.found, *self.new.found]))
        )
        order = {node: index for index, node in enumerate(self._nodes())}
        self.differences = sorted(found, key=lambda one: order[one.key.node])

    def _nodes(self) -> list[str]:
        """The host, the namespaces of the new topology, and those that only the old one has."""
        topologies = (self.new.topology, self.old.topology)
        return list(
            dict.fromkeys([HOST, *(ns.name for one in topologies for ns in one.namespaces)])
        )

    @property
    def undone(self) -> list[Line]:
        """The lines that are undone: those of the old topology that the new one has not."""
        return [line for line in self.old.lines if str(line) not in self._after]

    @property
    def done(self) -> list[Line]:
        """The lines that are done: those of the new topology that the old one had not."""
        return [line for line in self.new.lines if str(line) not in self._before]

    def _difference(self, key: Key) -> Difference | None:
        old, new = self.old.found.get(key), self.new.found.get(key)
        gone = tuple(line for line in (old.all if old else ()) if str(line) not in self._after)
        come = tuple(line for line in (new.all if new else ()) if str(line) not in self._before)
        why = self._rebuilt.get(key, "")
        if not (gone or come or why or _in_another_order(old, new)):
            return None
        if why:
            return Difference(key, "rebuild", gone, come, why)
        if key.noun == "device" and not _is_made(old) and not _is_made(new):
            return Difference(key, "change", gone, come)  # it is the machine's own, or lo
        if key.noun == "module" and new is None:
            return Difference(key, "change", gone, come)  # nobody unloads it
        if old is None or (new is not None and _is_made(new) and not _is_made(old)):
            return Difference(key, "add", gone, come)
        if new is None or (_is_made(old) and not _is_made(new)):
            return Difference(key, "remove", gone, come)
        return Difference(key, "change", gone, come)

    # -- what is made anew ----------------------------------------------------------------------

    def _remade(self) -> Iterator[tuple[Key, str]]:
        """The things of both that are taken away and made anew, with the reason."""
        made = {}
        for key, old in self.old.found.items():
            new = self.new.found.get(key)
            why = self._why(key, old, new) if new is not None else ""
            if why:
                made[key] = why
        yield from made.items()
        gone = set(made) | {
            key for key, thing in self.old.found.items()
            if thing.maker and str(thing.maker) not in self._after
        }  # fmt: skip
        # The kernel deletes a device together with the one that it is made on.
        while hanging := dict(self._hanging(gone)):
            yield from hanging.items()
            gone |= set(hanging)

    def _hanging(self, gone: set[Key]) -> Iterator[tuple[Key, str]]:
        for (node, name), (where, below) in self.old.below.items():
            key, parent = Key(node, "device", name), Key(where, "device", below)
            if parent in gone and key not in gone and key in self.new.found:
                yield key, reasons.BELOW.format(below=below)

    def _why(self, key: Key, old: Thing, new: Thing) -> str:
        """Why a thing is made anew: what makes it is another line, and cannot be put in the place of the old."""
        if old.maker and new.maker:
            if str(old.maker) == str(new.maker):
                return ""
            return reasons.of_device((key.node, key.name), old.maker.op, new.maker.op)
        if key.noun not in ("service", "command"):
            return ""
        lines = [[str(line) for line in thing.lines if _runs(line)] for thing in (old, new)]
        if lines[0] == lines[1]:
            return ""  # only how it is undone, or when it is ready
        return reasons.SERVICE if key.noun == "service" else reasons.COMMAND


def _runs(line: Line) -> bool:
    return not isinstance(line.op, AwaitService) and ".undo" not in line.text.split(" ")[0]


def _in_another_order(old: Thing | None, new: Thing | None) -> bool:
    """Whether the same rules are in another order, in which they are met; or a service is after others."""
    texts = [(_ruled(thing), _others(thing)) for thing in (old, new) if thing is not None]
    return len(texts) == 2 and texts[0] != texts[1]


def _ruled(thing: Thing) -> list[str]:
    """Its rules, table by table."""
    found = [
        (line.op.table, not isinstance(line.op, Chain), line.text)
        for line in thing.lines
        if isinstance(line.op, Chain | Rule | Jump)
    ]
    return [text for _, _, text in sorted(found, key=lambda one: one[:2])]


def _others(thing: Thing) -> list[Argv]:
    return [line.op.after for line in thing.lines if isinstance(line.op, StartService)]


def _is_made(thing: Thing | None) -> bool:
    return thing is not None and thing.maker is not None
