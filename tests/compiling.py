"""What tests of the compiler share: a topology through every stage, without the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nsgen.check.table import run_checks
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology, resolve_topology
from nsgen.language import spec
from nsgen.language.yaml.excerpt import unpainted
from nsgen.language.yaml.include import Inputs
from nsgen.plan.make import make_plan
from nsgen.plan.steps import Plan
from nsgen.report import Report

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STEPS = sorted(EXAMPLES.glob("steps/*.yaml"))  # of the article, in its order
ALL_EXAMPLES = [*sorted(EXAMPLES.glob("*.yaml")), *STEPS]  # parts/ has only parts of some


def compile_data(data: object) -> tuple[Report, Plan | None]:
    """Compile plain data: what was found, and the plan unless an error was found."""
    report = Report()
    read = spec.read(data, report)
    if read is not None:
        run_checks(read, report)
    if read is None or report.failed:
        return report, None
    resolved = resolve_topology(read, report)
    return report, None if resolved is None else make_plan(resolved)


def planned(data: dict[str, Any]) -> Plan | None:
    """Compile a topology; whatever is refused is refused with an error that says what and where."""
    report, plan = compile_data(data)
    if plan is None:
        errors = [finding for finding in report.findings if finding.severity == "error"]
        assert errors
        assert all(finding.text for finding in errors)
    return plan


def compile_text(text: str, filename: str = "topology.yaml") -> Plan:
    """Compile YAML that is right, and may include what the examples do; a finding fails the test."""
    inputs = Inputs(folder=str(EXAMPLES), read=read_file, identity=identity)
    found = compile_topology(filename, text.encode(), inputs)
    assert not found.findings(), "\n".join(found.show(10, unpainted))
    assert found.topology is not None
    return make_plan(found.topology)
