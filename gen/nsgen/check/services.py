"""Services: what they are after, and by what they are ready."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from nsgen.check.settings import check_command
from nsgen.check.view import View, hint
from nsgen.language.processes import Service
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
                report.error(command, "give 'port' or 'command', not both: a command can ask for more", on_key=True)
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
    while True:
        try:
            TopologicalSorter(after).prepare()
        except CycleError as error:
            circle = error.args[1][:0:-1]
            first = min(range(len(circle)), key=lambda index: list(after).index(circle[index]))
            circle = [*circle[first:], *circle[:first]]
            names = [".".join(one) for one in [*circle[1:], circle[0]]]
            text = f"a circle, of which none can be the first: {'.'.join(circle[0])} is after "
            report.error((*paths[circle[0]], "after"), text + ", which is after ".join(names))
            after[circle[0]] = []
        else:
            return


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
