"""A topology's bytes through the stages, each as far as the one before it allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from nsgen.check.table import run_checks, run_resolved_checks
from nsgen.language import spec
from nsgen.language.yaml.deal import deal
from nsgen.language.yaml.excerpt import Paint, Text, Texts
from nsgen.language.yaml.include import Inputs, gather
from nsgen.language.yaml.source import Source
from nsgen.report import Finding, Path, Report
from nsgen.topology import resolve
from nsgen.topology.model import Topology
from nsgen.topology.neighbours import has_proxies


@dataclass
class Compiled:
    """A topology, as far as it could be read, and what is wrong with it."""

    texts: Texts
    report: Report = field(default_factory=Report)
    source: Source | None = None
    written: spec.Spec | None = None
    topology: Topology | None = None
    unused: dict[str, str] = field(default_factory=dict)  # variables given: what is wrong with each

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.texts[0].filename

    def file(self, finding: Finding) -> str:
        """The name of the file that a finding is in."""
        return self.texts[finding.file].filename

    def findings(self) -> list[Finding]:
        """What is wrong, by file and line, each with its position and its path as written."""
        found = self.report.findings
        if self.source is not None:
            found = [self.source.placed(finding) for finding in found]
        # What one entry with a range gets wrong, all that it stands for do.
        return sorted(
            dict.fromkeys(found), key=lambda finding: (finding.file, finding.at or (0, 0))
        )

    def place(self, path: Path) -> str:
        """Where something is written, as ``file:line``."""
        return self.name if self.source is None else self.source.place(path)

    def show(self, most: int, paint: Paint) -> list[str]:
        """At most so many findings, printed, and how many there are besides."""
        findings = self.findings()
        shown = [self.texts.show(finding, paint) for finding in findings[:most]]
        if len(findings) > most:
            shown.append(f"{self.name}: and {len(findings) - most} more errors and warnings")
        return shown


def unreadable(name: str, why: str) -> Compiled:
    """What becomes of a file that cannot be read."""
    found = Compiled(Texts())
    found.texts.add(Text(name, ""))
    found.report.error((), why)
    return found


def resolve_topology(written: spec.Spec, report: Report) -> Topology | None:
    """Resolve what was read, check that, and work out the routes that `routing: auto` leaves to nsgen."""
    topology = resolve.resolve(written, report)
    if topology is not None:
        run_resolved_checks(written, topology, report)
    if topology is None or report.failed:
        return None
    if written.routing == "auto":
        from nsgen.reach.auto import routed  # a third of what there is to load, and few need it

        topology = routed(topology)
    if has_proxies(topology):
        from nsgen.reach.proxies import report_idle_proxies  # as few need this

        report_idle_proxies(topology, written, report)
    return None if report.failed else topology


def compile_topology(name: str, data: bytes, inputs: Inputs | None = None) -> Compiled:
    """Read, check and resolve a topology."""
    inputs, report = inputs or Inputs(), Report()
    gathered = gather(name, data, inputs, report)
    found = Compiled(gathered.texts, report, gathered.source)
    if gathered.source is None:
        return found
    found.unused = inputs.variables.unused()
    deal(gathered.source, report)
    written = spec.read(gathered.source.data, report)
    if written is not None:
        found.written = written
        run_checks(written, report)
        if not report.failed:
            found.topology = resolve_topology(written, report)
    return found
