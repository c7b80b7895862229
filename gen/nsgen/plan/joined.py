"""Namespaces that somebody else made: how they are joined, and what may not be there before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsgen.ops import HOST, JoinNamespace, asked_for
from nsgen.plan import why
from nsgen.plan.steps import Section, Step
from nsgen.topology.model import Topology


def steps(topology: Topology, sections: Iterable[Section]) -> Iterator[Step]:
    """Each namespace that is joined, with what the others of its steps bring into it."""
    joined = [namespace for namespace in topology.namespaces if namespace.join]
    ops = [op for part in sections for step in part.steps for op in step.ops] if joined else []
    made = (
        JoinNamespace(HOST, one.name, one.join, tuple(dict.fromkeys(asked_for(one.name, ops))))
        for one in joined
    )
    yield Step(why.JOINED, tuple(made))
