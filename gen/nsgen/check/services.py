"""Services: what they are after, and by what they are ready; and units of systemd: each runs in one namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from nsgen.check.settings import check_command
from nsgen.check.view import View, by_range, hint, many
from nsgen.language.processes import Service
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.topology.started import Name, before, named
from nsgen.values import HOST, expand


def check_ready(view: View, report: Report) -> None:
    """A service is ready by a port or by a command."""
    for _, path, service in _services(view):
        ready = service.ready
        if ready is None:
            continue
        at: Path = (*path, "ready")
        if ready.command:
            command = (*at, "command")
            check_command(command, ready.command, report)
            if ready.port is not None:
                report.error(
                    command,
                    "give 'port' or 'command', not both: a command can ask for more",
                    on_key=True,
                )
        elif ready.port is None and not view.wrong(*at):
            report.error(at, "there is nothing to wait for: give a 'port' or a 'command'")


def check_after(view: View, report: Report) -> None:
    """What a service is after is there, and is not after itself."""
    services = list(_services(view))
    if not any(service.after for _, _, service in services):
        return
    paths: dict[Name, Path] = {}
    after: dict[Name, list[Name]] = {}
    for key, path, service in services:
        for node in (HOST,) if key == HOST else expand(key):
            paths[node, str(path[-1])] = path
            after[node, str(path[-1])] = list(before(node, service))
    for key, path, service in services:
        for index, (at, written) in enumerate(view.items((*path, "after"), service.after)):
            if written in service.after[:index]:
                report.error(at, f"{written!r} is there twice: remove one")
            _check_there(view, at, key if key == HOST else view.first(key), written, report, paths)
    while circle := _circle(after):
        first, *others = (".".join(one) for one in circle)
        text = ", which is after ".join([*others, first])
        at = (*paths[circle[0]], "after")
        report.error(at, f"a circle, in which none can be the first: {first} is after {text}")
        after[circle[0]] = []


def _circle(after: Mapping[Name, list[Name]]) -> list[Name]:
    """Services of which each is after the next, and the last after the first; nothing where there are no such."""
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        found: list[Name] = error.args[1][:0:-1]
        place = {name: index for index, name in enumerate(after)}
        first = found.index(min(found, key=lambda one: place[one]))
        return [*found[first:], *found[:first]]
    return []


def _services(view: View) -> Iterator[tuple[str, Path, Service]]:
    for key, path, node in view.spec.nodes():
        yield from ((key, (*path, "services", name), s) for name, s in node.services.items())


def _path(view: View, node: str) -> Path:
    return ("host",) if node == HOST else ("namespaces", view.names.get(node, node))


def _check_there(
    view: View, at: Path, node: str, written: str, report: Report, paths: dict[Name, Path]
) -> None:
    for where, name in named(node, written):
        if view.no_node(where):
            known = ["host", *view.names][:1000]
            report.error(at, f"there is no node {where!r}{hint(where, known, report)}")
        elif (where, name) not in paths and not view.doubtful(*_path(view, where), "services"):
            known = [name for other, name in paths if other == where]
            elsewhere = [other for other, one in paths if one == name]
            near = f"; {elsewhere[0]!r} has one: write {elsewhere[0]}.{name}" if elsewhere else ""
            text = f"{where!r} has no service {name!r}{near or hint(name, known, report)}"
            report.error(at, text)
        else:
            continue
        return


def check_units(view: View, report: Report) -> None:
    """A unit is named once, and no range puts it into several namespaces."""
    seen: dict[str, Path] = {}
    for key, namespace in view.spec.namespaces.items():
        for path, name in view.items(("namespaces", key, "units"), namespace.units):
            if many(key) > 1:
                text = f"{key!r} is {many(key)} namespaces, and {name} runs in one: {by_range(key)}"
                report.error(path, text)
            elif name in seen:
                text = f"{name} is at {path_text(seen[name])} already, and runs in one namespace"
                report.error(path, text)
            seen.setdefault(name, path)
