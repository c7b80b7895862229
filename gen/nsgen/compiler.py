"""A topology's bytes through the stages, each as far as the one before it allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from nsgen import check, resolve, spec
from nsgen.excerpt import Paint, Text, Texts
from nsgen.include import Inputs, gather
from nsgen.report import Finding, Path, Report
from nsgen.source import Source
from nsgen.topology import Topology


@dataclass
class Compiled:
    """A topology, as far as it could be read, and what is wrong with it."""

    texts: Texts
    report: Report = field(default_factory=Report)
    source: Source | None = None
    written: spec.Spec | None = None
    topology: Topology | None = None
    unused: list[str] = field(default_factory=list)  # what is wrong with the variables given

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
        return sorted(found, key=lambda finding: (finding.file, finding.at or (0, 0)))

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


def compile_topology(name: str, data: bytes, inputs: Inputs | None = None) -> Compiled:
    """Read, check and resolve a topology."""
    inputs, report = inputs or Inputs(), Report()
    gathered = gather(name, data, inputs, report)
    found = Compiled(gathered.texts, report, gathered.source)
    if gathered.source is None:
        return found
    found.unused = inputs.variables.unused()
    written = spec.read(gathered.source.data, report)
    if written is not None:
        found.written = written
        check.check(written, report)
        if not report.failed:
            found.topology = resolve.resolve(written, report)
    return found
