"""What a change does, for people, for programs, and as a comment of a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from nsgen.change.compare import Change, Difference
from nsgen.change.details import Detail, details, inside
from nsgen.change.interrupted import Interruption, interrupted
from nsgen.change.reaches import Reached, Reaches, reaches
from nsgen.change.rehearsed import Rehearsed
from nsgen.ops import WriteFile
from nsgen.proof.result import shown
from nsgen.words import listed

Format = Literal["text", "json", "markdown"]
COUNTED = {"add": "added", "change": "changed in place", "rebuild": "rebuilt", "remove": "removed"}
MARKS = {"add": "+", "change": "~", "rebuild": "-/+", "remove": "-"}
SAMPLED = "Of so many namespaces, only some pairs were looked at."
NOW, GONE = "From now on", "No longer"


class Told:
    """A change, told."""

    def __init__(self, change: Change) -> None:
        """Take it over."""
        self.change = change
        self.name = change.new.topology.name
        self.rehearsed: Rehearsed | None = None

    @property
    def changes(self) -> bool:
        """Whether `up` of the new topology changes anything."""
        return bool(self.change.differences)

    @cached_property
    def interrupted(self) -> list[Interruption]:
        """Whose connections are interrupted."""
        return interrupted(self.change)

    @cached_property
    def reaches(self) -> Reaches:
        """Who reaches what from now on, and no longer."""
        if not self.changes:
            return Reaches([], [], sampled=False)
        return reaches(self.change.old.topology, self.change.new.topology)

    @cached_property
    def counted(self) -> list[Difference]:
        """What is told as one thing each: not what comes and goes with its namespace, nor files for other programs."""
        whole = self._whole
        return [
            one for one in self.change.differences
            if (one.key.noun == "namespace" or one.key.node not in whole) and not for_others(one)
        ]  # fmt: skip

    @cached_property
    def _whole(self) -> set[str]:
        """The namespaces that come or go."""
        return {one.key.node for one in self.change.differences if one.key.noun == "namespace"}

    def show(self, form: Format) -> str:
        """The change in one of the formats."""
        if form == "json":
            return json.dumps(self.json(), indent=2) + "\n"
        return "\n".join(self._text() if form == "text" else self._markdown()) + "\n"

    def summary(self) -> str:
        """How many things are added, changed in place, rebuilt and removed, and whose connections are interrupted."""
        if not self.changes:
            return "nothing changes"
        parts = [f"{self.count(action)} {word}" for action, word in COUNTED.items()]
        names = [
            f"{one.node}{' and what it passes on' if one.passes else ''}"
            for one in self.interrupted
        ]
        return (
            f"{', '.join(parts)}, {len(names)} interrupted{f' ({listed(names)})' if names else ''}"
        )

    def count(self, action: str) -> int:
        """How many things one of these becomes of."""
        return sum(one.action == action for one in self.counted)

    # -- formats --------------------------------------------------------------------------------

    def json(self) -> dict[str, Any]:
        """The change for programs: every line that is undone and done, too."""
        found = self._json()
        return found if self.rehearsed is None else {**found, "rehearsed": self.rehearsed.json()}

    def _json(self) -> dict[str, Any]:
        return {
            "topology": self.name,
            "changes": self.changes,
            "counts": {
                **{word.replace(" ", "_"): self.count(action) for action, word in COUNTED.items()},
                "interrupted": len(self.interrupted),
            },
            "differences": [
                {
                    "node": one.key.node,
                    "what": one.key.noun,
                    "name": one.key.name,
                    "action": one.action,
                    "counted": one in self.counted,
                    "why": one.why or None,
                    "undone": [str(line) for line in one.gone],
                    "done": [str(line) for line in one.new],
                }
                for one in self.change.differences
            ],
            "interrupted": [
                {"node": o.node, "passes": o.passes, "causes": o.causes} for o in self.interrupted
            ],
            "reaches": {
                "from_now_on": [
                    {"from": shown(way.asker), "to": way.to} for way in self.reaches.now
                ],
                "no_longer": [
                    {"from": shown(way.asker), "to": way.to} for way in self.reaches.gone
                ],
                "sampled": self.reaches.sampled,
            },
        }

    def _text(self) -> Iterator[str]:
        yield f"{self.name}: {self.summary()}"
        node = ""
        for one in self.counted:
            if one.key.node != node:
                node = one.key.node
                yield from ("", node)
            yield f"  {MARKS[one.action]:<4}{self.title(one)}"
            for mark, text in self.details(one):
                yield f"          {f'{mark} ' if mark else ''}{text}"
        for title, ways in ((NOW, self.reaches.now), (GONE, self.reaches.gone)):
            if ways:
                yield from ("", f"{title}:")
                yield from (f"  {line}" for line in grouped(ways))
        if self.reaches.sampled:
            yield from ("", SAMPLED)
        if self.rehearsed is not None:
            yield from ("", *self.rehearsed.lines())

    def _markdown(self) -> Iterator[str]:
        yield f"### {self.name}: {self.summary()}"
        node = ""
        for one in self.counted:
            if one.key.node != node:
                node = one.key.node
                yield from ("", f"**{node}**", "")
            yield f"- `{MARKS[one.action]}` {self.title(one, code=True)}"
            block = [f"{mark or ' '} {text}" for mark, text in self.details(one)]
            if block:
                longest = max((len(run) for run in re.findall("`+", "\n".join(block))), default=0)
                fence = "`" * max(3, longest + 1)
                yield from ("", *(f"  {line}" for line in (f"{fence}diff", *block, fence)), "")
        for title, ways in ((NOW, self.reaches.now), (GONE, self.reaches.gone)):
            if ways:
                yield from ("", f"**{title}**", "")
                yield from (f"- {line}" for line in grouped(ways))
        if self.reaches.sampled:
            yield from ("", SAMPLED)
        if self.rehearsed is not None:
            yield from ("", "```", *self.rehearsed.lines(), "```")

    # -- one thing ------------------------------------------------------------------------------

    def title(self, one: Difference, *, code: bool = False) -> str:
        """A thing's name, and why it is made anew."""
        name = f"`{one.key.name}`" if code else one.key.name
        return f"{one.key.noun} {name}{f': {one.why}' if one.why else ''}"

    def details(self, one: Difference) -> list[Detail]:
        """What changes of it; of a namespace that comes or goes, what is in it."""
        if one.key.noun != "namespace":
            return details(one)
        within = (other for other in self.change.differences if other.key.node == one.key.node)
        return [detail for other in within for detail in inside(other)]


def for_others(one: Difference) -> bool:
    """Whether it is a file by which a service of the host is told of our devices, where that runs."""
    return any(isinstance(line.op, WriteFile) and line.op.reader for line in (*one.gone, *one.new))


def grouped(ways: list[Reached]) -> Iterator[str]:
    """Who reaches what, a line for each who asks."""
    by_asker: dict[str, dict[str, list[str]]] = {}
    for way in ways:
        what, _, place = way.to.partition(" by ")
        by_asker.setdefault(way.asker, {}).setdefault(what, []).append(place)
    for asker, reached in by_asker.items():
        yield f"{shown(asker)} -> {', '.join(_by(what, places) for what, places in reached.items())}"


def _by(what: str, places: list[str]) -> str:
    by = [place for place in places if place]
    return (
        f"{what} by {listed(by)}"
        if by and len(by) == len(places)
        else what + (f" (and by {listed(by)})" if by else "")
    )
