"""What `nsgen check` prints: the findings for programs, or one line on what is there."""

from __future__ import annotations

import json

from nsgen.compiler import Compiled
from nsgen.describe import count
from nsgen.topology import Topology


def as_json(loaded: Compiled, *, ok: bool) -> str:
    """The findings as JSON, each with its file."""
    findings = []
    for finding in loaded.findings():
        line, column = finding.at or (None, None)
        place = {"file": loaded.file(finding), "line": line, "column": column, "path": finding.path}
        findings.append({"severity": finding.severity, **place, "message": finding.text})
    return json.dumps({"file": loaded.name, "ok": ok, "findings": findings}, indent=2) + "\n"


def summary(topology: Topology, warnings: int) -> str:
    """What a topology has, in one line."""
    parts = [count(len(topology.namespaces), "namespace"), count(len(topology.bridges), "network")]
    published = {
        (p.member.namespace, p.published, p.protocol, p.host_ip) for p in topology.publications
    }
    services = [
        service for node in (topology.host, *topology.namespaces) for service in node.services
    ]
    for number, noun in (
        (len(published), "published port"),
        (len(services), "service"),
        (warnings, "warning"),
    ):
        parts += [count(number, noun)] if number else []
    return f"{topology.name}: ok, {', '.join(parts)}"
