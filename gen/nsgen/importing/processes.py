"""Commands of Compose as services of a topology, where they are asked for."""

from __future__ import annotations

import shlex
from typing import Any

from nsgen.importing.health import dependencies, ready, waited_for
from nsgen.importing.notes import Notes
from nsgen.importing.services import ComposeService, owner
from nsgen.values import HOST

PROCESS_KEYS = (
    "command",
    "entrypoint",
    "environment",
    "working_dir",
    "user",
    "restart",
    "depends_on",
    "healthcheck",
)
NOT_ASKED = "commands are written with --services"
RESTART = {"always": "always", "unless-stopped": "always", "on-failure": "on-failure"}
NAME = "main"  # of the one process of a namespace


def add_processes(
    topology: dict[str, Any], services: dict[str, ComposeService], notes: Notes, *, asked: bool
) -> None:
    """Write what services run, into their namespaces or onto the host; or note that it is not said."""
    commands = {key: _command(one, notes) for key, one in services.items()} if asked else {}
    waited = waited_for(services, notes) if asked else set()
    started: dict[str, tuple[str, str]] = {}
    spaces = topology.get("namespaces", {})
    for key, service in services.items():
        own = owner(service, services)
        name = service.key.replace(".", "-") if own is not service or own.on_host else NAME
        if commands.get(key):
            started[key] = (own.names[0] if own.names and not own.on_host else HOST, name)
    for service in services.values():
        words = commands.get(service.key, [])
        if not words:
            reason = "there is no command here: it is that of the image" if asked else NOT_ASKED
            for key in PROCESS_KEYS:
                if key in service.node.map:
                    notes.not_said(service.node.map[key], (*service.path, key), reason)
            continue
        own = owner(service, services)
        _, name = started[service.key]
        if own.on_host:
            nodes = [topology.setdefault("host", {})]
        else:
            nodes = [spaces[space] for space in own.names if space in spaces]
        for node in nodes:
            process = _process(service, words, started, notes)
            check = ready(service, notes, waited=service.key in waited)
            if check:
                process["ready"] = check
            node.setdefault("services", {})[name] = process


def _command(service: ComposeService, notes: Notes) -> list[str]:
    words: list[str] = []
    for key in ("entrypoint", "command"):
        node = service.node.get(key)
        if node is None or node.value is None:
            continue
        if isinstance(node.value, list):
            words += [item.text for item in node.value]
            continue
        try:
            words += shlex.split(node.text)
        except ValueError as error:
            path = (*service.path, key)
            notes.error(node, path, f"this is no command of a shell: {str(error).lower()}")
    return words


def _process(
    service: ComposeService, words: list[str], started: dict[str, tuple[str, str]], notes: Notes
) -> dict[str, Any]:
    found: dict[str, Any] = {"command": words}
    node = service.node
    if node.text_of("working_dir"):
        found["directory"] = node.text_of("working_dir")
    environment = node.get("environment")
    variables = {name: item.text for name, item in environment.pairs()} if environment else {}
    if variables:
        found["environment"] = variables
    if node.text_of("user"):
        found["user"] = node.text_of("user").partition(":")[0]
    restart = RESTART.get(node.text_of("restart").partition(":")[0])
    if restart:
        found["restart"] = restart
    after = []
    for key, item, _ in dependencies(service):
        if key in started:
            after.append(".".join(started[key]))
        else:
            path = (*service.path, "depends_on", key)
            notes.not_said(item, path, "that service has no command here")
    if after:
        found["after"] = after[0] if len(after) == 1 else after
    return found
