"""Namespaces that somebody else made: each is one of its own, and none of the topology's."""

from __future__ import annotations

from nsgen.check.view import View, by_range, many
from nsgen.language.join import NAMED
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report


def check_joins(view: View, report: Report) -> None:
    """A namespace that is joined is written once, and is none that the script makes."""
    seen: dict[str, Path] = {}
    for key, namespace in view.spec.namespaces.items():
        joined, path = namespace.join, ("namespaces", key, "join")
        if joined is None:
            continue
        name = joined.removeprefix(NAMED)
        if many(key) > 1:
            text = f"{key!r} is {many(key)} namespaces, and {joined} is one: {by_range(key)}"
            report.error(path, text, on_key=True)
        elif joined in seen:
            text = f"{joined} is {path_text(seen[joined])} already: write all that goes there in one place"
            report.error(path, text)
        elif joined != name != key and name in view.names:
            own = view.spec.namespaces[view.names[name]].join is None
            text = "which the script makes" if own else "which has another 'join'"
            report.error(path, f"{joined} is the namespace {name!r} of this topology, {text}")
        seen.setdefault(joined, path)
