"""The whole way of an import: files, a tree, a topology's text, and where each part of it comes from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nsgen.importing.convert import convert
from nsgen.importing.loading import Loader, Read
from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.importing.writing import document
from nsgen.language.yaml.excerpt import Paint, Text
from nsgen.report import Finding


@dataclass
class Imported:
    """A topology's text, none where nothing could be read, and what was noted on the way."""

    text: str
    notes: Notes
    tree: SourceNode | None
    names: dict[tuple[str, str], str]  # of networks and namespaces: what each is in the source

    def about(self, finding: Finding, paint: Paint) -> str:
        """A finding about the topology, at the element of the source that it comes from."""
        kind, name = (str(step) for step in (*finding.path, "", "")[:2])
        own = self.names.get((kind, name), name)
        if kind == "host" and len(finding.path) > 2:
            own = str(finding.path[2])  # a process
        steps = ("networks" if kind == "networks" else "services", own)
        node = self.tree.get(*steps) if self.tree else None
        at = node.key_at if node else None
        moved = finding._replace(at=at, file=0)
        file = node.file if node else "the topology"
        return self.notes.texts.get(file, Text(file, "")).show(moved, paint)


def import_compose(
    files: list[str],
    read: Read,
    environment: Mapping[str, str],
    profiles: Collection[str],
    *,
    folder: str,
    name: str,
    processes: bool,
) -> Imported:
    """Read Compose files and make a topology of them; what is wrong is noted."""
    notes = Notes()
    loader = Loader(read, environment, notes)
    variables = loader.variables([f"{folder}/.env" if folder else ".env"])
    own = {"COMPOSE_PROJECT_NAME": variables.get("COMPOSE_PROJECT_NAME") or name}
    tree = Loader(read, {**environment, **own}, notes).application(files, folder)
    if tree is None or notes.errors:
        return Imported("", notes, None, {})
    wanted = [*profiles, *variables.get("COMPOSE_PROFILES", "").split(",")]
    own_name = own["COMPOSE_PROJECT_NAME"]
    topology, names = convert(tree, own_name, wanted, notes, processes=processes)
    text = document(topology, _head(files)) if not _empty(topology, tree, notes) else ""
    return Imported(text, notes, tree, names)


def _empty(topology: dict[str, Any], tree: SourceNode, notes: Notes) -> bool:
    if topology.keys() & {"namespaces", "networks", "host"}:
        return False
    if not notes.errors:
        notes.error(tree, (), "no service has a namespace here: there is nothing to write")
    return True


def _head(files: list[str]) -> list[str]:
    return [f"From {', '.join(files)}, by nsgen import compose."]
