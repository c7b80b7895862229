"""The files of a Compose application, with what they include and extend, as one tree."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nsgen.importing.interpolation import interpolate, read_environment
from nsgen.importing.merging import merge, without_resets
from nsgen.importing.notes import Notes
from nsgen.importing.reading import read_trees
from nsgen.importing.tree import SourceNode
from nsgen.report import FileError, Finding, Path, nearest

MAX_DEPTH = 20  # files that include or extend each other
MAX_FILES = 1000
APPLICATION = ("services", "networks", "volumes", "configs", "secrets", "models")

Read = Callable[[str], bytes]


@dataclass
class Loader:
    """Reads files: with what, with which variables, and where it notes what is wrong."""

    read: Read
    environment: Mapping[str, str]
    notes: Notes
    _trees: dict[tuple[str, tuple[tuple[str, str], ...]], SourceNode | None] = field(
        default_factory=dict
    )

    def application(self, names: list[str], folder: str, depth: int = 0) -> SourceNode | None:
        """Some files, the later ones over the earlier ones, with what they include."""
        variables = self.variables([posixpath.join(folder, ".env")])
        return self._application(names, folder, variables, depth)

    def variables(self, files: list[str], *, needed: bool = False) -> dict[str, str]:
        """What is in files such as ``.env``, and the environment over it."""
        found: dict[str, str] = {}
        for name in files:
            try:
                text = self.read(name).decode("utf-8", "replace")
            except FileError as error:
                if needed:
                    self.notes.take(name, Finding("error", (), str(error)))
                continue
            found.update(read_environment(text, {**found, **self.environment}))
        return {**found, **self.environment}

    def _application(
        self,
        names: list[str],
        folder: str,
        variables: dict[str, str],
        depth: int,
        asked: tuple[SourceNode, Path] | None = None,
    ) -> SourceNode | None:
        whole: SourceNode | None = None
        for name in names:
            tree = self._tree(name, variables, asked)
            if tree is None:
                return None
            tree = self._extended(tree, name, variables)
            whole = merge(whole, tree) if whole else tree
        if whole is None:
            return None
        whole = without_resets(whole)
        included = whole.get("include")
        for step, entry in enumerate(included.list if included else ()):
            whole = self._with(whole, entry, step, folder, depth)
        return whole

    def _tree(
        self, name: str, variables: dict[str, str], asked: tuple[SourceNode, Path] | None = None
    ) -> SourceNode | None:
        key = (name, tuple(sorted(variables.items())))
        if key in self._trees:
            return self._trees[key]
        if len(self._trees) >= MAX_FILES:
            self.notes.take(name, Finding("error", (), f"this is more than {MAX_FILES} files"))
            return None
        try:
            data = self.read(name)
        except FileError as error:
            if asked is None:
                self.notes.take(name, Finding("error", (), str(error)))
            else:
                self.notes.error(*asked, f"cannot read {name}: {error}")
            return None
        found: SourceNode | None = None
        for document in read_trees(name, data, self.notes):
            if not isinstance(document.value, dict):
                self.notes.error(document, (), "expected a map with 'services' and 'networks'")
                return None
            tree = interpolate(document, variables, self.notes)
            found = merge(found, tree) if found else tree
        self._trees[key] = found
        return found

    def _with(
        self, whole: SourceNode, entry: SourceNode, step: int, folder: str, depth: int
    ) -> SourceNode:
        """An application with another one that it includes."""
        path: Path = ("include", step)
        if depth >= MAX_DEPTH:
            self.notes.error(entry, path, f"files include each other more than {MAX_DEPTH} deep")
            return whole
        paths = entry.get("path") if entry.map else entry
        names = [posixpath.join(folder, item.text) for item in (paths.list if paths else ())]
        if not names:
            self.notes.error(entry, path, "expected a file, or a map with 'path'")
            return whole
        own = entry.text_of("project_directory")
        place = posixpath.join(folder, own) if own else posixpath.dirname(names[0])
        given = entry.get("env_file")
        files = [posixpath.join(folder, item.text) for item in (given.list if given else ())]
        variables = self.variables(files or [posixpath.join(place, ".env")], needed=bool(files))
        other = self._application(names, place, variables, depth + 1, (entry, path))
        if other is None:
            return whole
        found = dict(whole.map)
        for kind in APPLICATION:
            more = other.get(kind)
            if more is None:
                continue
            here = found.get(kind, more.with_value({}))
            for key, item in more.map.items():
                before = here.map.get(key)
                if before is not None and (before.file, before.at) != (item.file, item.at):
                    there = f"{before.file}:{before.key_at[0]}"
                    text = f"{key!r} is in {there} too: what is included adds, and changes nothing"
                    self.notes.error(item, (kind, key), text, on_key=True)
            found[kind] = here.with_value({**more.map, **here.map})
        return whole.with_value(found)

    def _extended(self, tree: SourceNode, name: str, variables: dict[str, str]) -> SourceNode:
        """A file whose services have what they extend."""
        services = tree.get("services")
        if services is None or not any("extends" in item.map for item in services.map.values()):
            return tree
        whole = {key: self._base(tree, name, key, variables, ()) for key in services.map}
        known = {key: item for key, item in whole.items() if item is not None}
        return tree.with_value({**tree.map, "services": services.with_value(known)})

    def _base(
        self,
        tree: SourceNode,
        name: str,
        service: str,
        variables: dict[str, str],
        seen: tuple[tuple[str, str], ...],
    ) -> SourceNode | None:
        """A service with what it extends, and what that extends."""
        own = tree.get("services", service)
        extends = own and own.get("extends")
        if own is None or extends is None:
            return own
        path = ("services", service, "extends")
        if (name, service) in seen:
            self.notes.error(extends, path, f"{service!r} extends itself, by others")
            return None
        of = extends.text or extends.text_of("service")
        file = extends.text_of("file")
        other = posixpath.join(posixpath.dirname(name), file) if file else name
        there = self._tree(other, variables, (extends, path)) if file else tree
        if there is None:
            return None
        known = there.get("services")
        if known is None or of not in known.map:
            near = nearest(of, known.map if known else ())
            self.notes.error(extends, path, f"there is no service {of!r} in {other}{near}")
            return None
        base = self._base(there, other, of, variables, (*seen, (name, service)))
        if base is None:
            return None
        rest = own.with_value({key: item for key, item in own.map.items() if key != "extends"})
        self.notes.said[path] = None
        return merge(base, rest, ("services", service))
