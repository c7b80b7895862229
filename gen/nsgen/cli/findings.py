"""What `nsgen check` prints: the findings for programs, or one line on what is there."""

from __future__ import annotations

import json
from collections.abc import Sequence

from nsgen.compiler import Compiled
from nsgen.topology.model import Topology
from nsgen.words import count


def as_json(found: Sequence[Compiled], right: Sequence[bool]) -> str:
    """The findings of a topology as JSON, each with its file; of several, a list of the same."""
    results = []
    for loaded, ok in zip(found, right, strict=True):
        findings = []
        for finding in loaded.findings():
            line, column = finding.at or (None, None)
            place = {"file": loaded.file(finding), "line": line, "column": column}
            said = {"path": finding.path, "message": finding.text}
            findings.append({"severity": finding.severity, **place, **said})
        results.append({"file": loaded.name, "ok": ok, "findings": findings})
    return json.dumps(results if len(results) > 1 else results[0], indent=2) + "\n"


def summary(topology: Topology, warnings: int) -> str:
    """What a topology has, in one line."""
    parts = [count(len(topology.namespaces), "namespace"), count(len(topology.bridges), "network")]
    services = [service for node in topology.nodes for service in node.services]
    for number, noun in (
        (topology.published_ports, "published port"),
        (len(services), "service"),
        (warnings, "warning"),
    ):
        parts += [count(number, noun)] if number else []
    return f"{topology.name}: ok, {', '.join(parts)}"
