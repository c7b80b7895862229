"""Health checks of Compose as `ready` of a service, where another one waits for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from nsgen.importing.notes import Notes
from nsgen.importing.services import ComposeService
from nsgen.importing.tree import SourceNode
from nsgen.report import Path, nearest

HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"
CONDITIONS = ("service_started", HEALTHY, COMPLETED)
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|ns|m|s)")
SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
INTERVAL, RETRIES = 30.0, 3  # Docker's
USUAL, LONGEST = 30, 300  # seconds of `within`


def dependencies(service: ComposeService) -> list[tuple[str, SourceNode, str]]:
    """Give the services that one depends on, with their places and the conditions."""
    node = service.node.get("depends_on")
    if node is None:
        return []
    if node.map:
        return [(key, item, item.text_of("condition")) for key, item in node.map.items()]
    return [(item.text, item, "") for item in node.list]


def waited_for(services: Mapping[str, ComposeService], notes: Notes) -> set[str]:
    """Say which services another one waits for until they are healthy; a condition that is none is an error."""
    found = set()
    for service in services.values():
        for key, item, condition in dependencies(service):
            path = (*service.path, "depends_on", key, "condition")
            if condition and condition not in CONDITIONS:
                text = f"expected one of {', '.join(CONDITIONS)}, got {condition!r}"
                notes.error(item.map["condition"], path, text + nearest(condition, CONDITIONS))
            if condition == HEALTHY:
                found.add(key)
            elif condition == COMPLETED:
                reason = (
                    "it is started after that is: what has to end first is a command under 'exec'"
                )
                notes.not_said(item.map["condition"], path, reason)
    return found


def ready(service: ComposeService, notes: Notes, *, waited: bool) -> Any:
    """Give `ready` of a service, or None."""
    node = service.node.get("healthcheck")
    path = (*service.path, "healthcheck")
    command = _test(service, notes)
    if not waited:
        if node is not None and node.map:
            notes.not_said(node, path, "no service waits for it with 'condition: service_healthy'")
        return None
    if not command:
        notes.tell(
            f"who waits for {service.key!r} is started after it: its health check is not here"
        )
        return None
    assert node is not None  # noqa: S101 - the command is from there
    retries = node.text_of("retries")
    if retries and not retries.isdecimal():
        notes.error(node.map["retries"], (*path, "retries"), f"expected a number, got {retries!r}")
        return None
    checks = int(retries or RETRIES) * _seconds(node, "interval", INTERVAL, path, notes)
    patience = math.ceil(_seconds(node, "start_period", 0, path, notes) + checks)
    within = min(max(patience, 1), LONGEST)
    if within < patience:
        notes.tell(
            f"{service.key!r} is waited for {within} s, and not {patience}: that is the most"
        )
    return command if within == USUAL else {"command": command, "within": f"{within}s"}


def _test(service: ComposeService, notes: Notes) -> list[str]:
    """The command of a health check, if there is one."""
    node = service.node.get("healthcheck")
    test = node.get("test") if node is not None else None
    if node is None or test is None or node.true("disable"):
        return []
    if not isinstance(test.value, list):
        return ["sh", "-c", test.text] if test.text else []
    kind, *words = [item.text for item in test.list] or ["NONE"]
    if kind == "CMD" and words:
        return words
    if kind == "CMD-SHELL" and len(words) == 1:
        return ["sh", "-c", *words]
    if kind != "NONE" or words:
        text = "expected a text, [CMD, PROGRAM, ...], [CMD-SHELL, TEXT] or [NONE]"
        notes.error(test, (*service.path, "healthcheck", "test"), text)
    return []


def _seconds(node: SourceNode, key: str, usual: float, path: Path, notes: Notes) -> float:
    """A duration such as 1m30s."""
    text = node.text_of(key)
    if not text:
        return usual
    parts = DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        notes.error(node.map[key], (*path, key), f"expected a duration such as 1m30s, got {text!r}")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)
