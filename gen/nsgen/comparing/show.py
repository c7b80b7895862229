"""A comparison for people, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from nsgen.comparing.compare import Comparison, StateLine
from nsgen.comparing.packets import AddressOwners
from nsgen.proof.observed import Answer
from nsgen.words import count

ComparisonFormat = Literal["text", "json"]


def show(comparison: Comparison, style: ComparisonFormat) -> str:
    """The comparison in one of the formats."""
    if style == "json":
        return json.dumps(document(comparison), indent=2) + "\n"
    return "".join(f"{line}\n" for line in text(comparison))


def text(comparison: Comparison) -> Iterator[str]:
    """The comparison, a line each."""
    yield f"A: {comparison.a.name}"
    yield f"B: {comparison.b.name}"
    yield ""
    lines = list(comparison.lines())
    yield from lines
    if lines:
        yield ""
    yield from comparison.remarks()
    yield summary(comparison)


def summary(comparison: Comparison) -> str:
    """What came of it, in one line."""
    asked = len(comparison.a.answers.keys() & comparison.b.answers.keys())
    if comparison.same:
        return f"same: state, and the answers to {count(asked, 'question')}"
    parts = []
    if comparison.state:
        parts.append(f"{count(len(comparison.state), 'line')} of state")
    if comparison.packets:
        parts.append(f"{len(comparison.packets)} of {count(asked, 'question')}")
    return f"different: {', '.join(parts)}"


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON has it."""
    place = AddressOwners(comparison.a, comparison.b)
    packets = [
        {
            "from": place.shown(one.question.asker),
            "to": place.shown(place.of(one.question)) or None,
            "address": one.question.to,
            "port": one.question.port or None,
            "protocol": one.question.protocol,
            "a": _answer(one.a, place),
            "b": _answer(one.b, place),
        }
        for one in comparison.packets
    ]
    return {
        "same": comparison.same,
        "a": comparison.a.name,
        "b": comparison.b.name,
        "state": _lines(comparison.state),
        "deciding": _lines(comparison.deciding),
        "packets": packets,
        "told": list(comparison.told),
        "asked": len(comparison.a.answers.keys() & comparison.b.answers.keys()),
        "notes": list(comparison.notes),
    }


def _lines(lines: Iterable[StateLine]) -> list[dict[str, str]]:
    return [{"only": "ab"[one.mark == "+"], "node": one.node, "text": one.text} for one in lines]


def _answer(answer: Answer, place: AddressOwners) -> dict[str, str | None]:
    by = place.shown(answer.by) if answer.by else None
    return {"outcome": answer.outcome, "by": by, "source": answer.source or None}
