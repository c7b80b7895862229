"""What was seen of a machine that a script has built: what the kernel says of it, and who was answered by whom.

The inner half, :mod:`nsgen.proof.lab.observing`, writes it as JSON; :mod:`nsgen.comparing` holds one against another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from nsgen.proof.state import State, StateError

# The machines around the host; as no namespace can be called, so that a script may have one of the name.
AROUND = ("outside~", "router~", "internet~")
Outcome = Literal["answered", "refused", "unreachable", "silent"]
OUTCOMES: dict[str, Outcome] = {
    "ok": "answered",
    "refused": "refused",
    "unreachable": "unreachable",
}


class Question(NamedTuple):
    """Who asks which address, on which port (0 for a ping), and how: `tcp`, `udp` or `ping`."""

    asker: str
    to: str
    port: int
    protocol: str


@dataclass(frozen=True)
class Answer:
    """What came of a question; `by`: the node that answered, `source`: by whom that was asked, as it saw it.

    Both are empty of a ping, which anybody answers alike, and where a service answered of which that cannot be told.
    """

    outcome: Outcome
    by: str = ""
    source: str = ""

    @property
    def answered(self) -> bool:
        """Whether anybody answered."""
        return self.outcome == "answered"

    @classmethod
    def of(cls, verdict: str) -> Answer:
        """Take a verdict of :mod:`nsgen.proof.lab.probe`."""
        kind, *rest = verdict.split(" ")
        known = rest[:2] if kind == "ok" and rest[0] not in ("ping", "http", "?") else []
        return cls(OUTCOMES.get(kind, "silent"), *known)


@dataclass(frozen=True)
class Observed:
    """A machine: its state, and the answers to what was asked while it was so.

    `uplink` is the host's device on the LAN; `devices` are those that the host had before; `around` are the addresses
    of the machines around it, and `transit` what `outside~` asks by way of the host.
    """

    name: str
    uplink: str
    devices: tuple[str, ...]
    around: Mapping[str, tuple[str, ...]]
    transit: tuple[str, ...]
    state: State
    answers: Mapping[Question, Answer]
    notes: tuple[str, ...] = ()

    @classmethod
    def load(cls, text: str) -> Observed:
        """Read the document. Raises StateError where it is none."""
        try:
            raw = json.loads(text)
            return cls(
                name=raw["name"],
                uplink=raw["uplink"],
                devices=tuple(raw["devices"]),
                around={node: tuple(found) for node, found in raw["around"].items()},
                transit=tuple(raw["transit"]),
                state=State.load(json.dumps(raw["state"])),
                answers={
                    Question(*asked): Answer.of(verdict)
                    for asked, verdict in zip(raw["asked"], raw["verdicts"], strict=True)
                },
                notes=tuple(raw["notes"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(f"this is nothing that was seen of a machine: {error!r}") from error


def around(scene: Mapping[str, Any]) -> dict[str, list[str]]:
    """The addresses of the machines around the host, of a scene as JSON has it."""
    sides: Sequence[Mapping[str, Any]] = list(scene["sides"].values())
    return {
        "outside~": [side["outside"] for side in sides],
        "router~": [*(side["router"] for side in sides), *scene["routers"]],
        "internet~": [*(side["internet"] for side in sides), *scene["remote"]],
    }


def transit(scene: Mapping[str, Any]) -> list[str]:
    """What another machine asks by way of the host, as if that were its router."""
    return [side["second"] for side in scene["sides"].values()]
