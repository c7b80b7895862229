"""A topology's bytes through the stages, each as far as the one before it allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from nsgen import check, resolve, source, spec
from nsgen.excerpt import Paint, Text
from nsgen.report import Finding, Path, Report
from nsgen.topology import Topology


@dataclass
class Compiled:
    """A topology, as far as it could be read, and what is wrong with it."""

    text: Text
    report: Report = field(default_factory=Report)
    source: source.Source | None = None
    written: spec.Spec | None = None
    topology: Topology | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.text.filename

    def findings(self) -> list[Finding]:
        """What is wrong, in the order of the file, each with its position and its path as written."""
        found = self.report.findings
        if self.source is not None:
            found = [self.source.placed(finding) for finding in found]
        return sorted(found, key=lambda finding: finding.at or (0, 0))

    def place(self, path: Path) -> str:
        """Where something is written, as ``file:line``."""
        at = None if self.source is None else self.source.mark(path)
        return self.name if at is None else f"{self.name}:{at[0]}"

    def show(self, most: int, paint: Paint) -> list[str]:
        """At most so many findings, printed, and how many there are besides."""
        findings = self.findings()
        shown = [self.text.show(finding, paint) for finding in findings[:most]]
        if len(findings) > most:
            shown.append(f"{self.name}: and {len(findings) - most} more errors and warnings")
        return shown


def unreadable(name: str, why: str) -> Compiled:
    """What becomes of a file that cannot be read."""
    found = Compiled(Text(name, ""))
    found.report.error((), why)
    return found


def compile_topology(name: str, data: bytes) -> Compiled:
    """Read, check and resolve a topology."""
    report = Report()
    text = source.decode(data, report)
    if text is None:
        return Compiled(Text(name, data.decode("utf-8", "replace")), report)
    found = Compiled(Text(name, text), report, source.parse(text, name, report))
    written = None if found.source is None else spec.read(found.source.data, report)
    if written is not None:
        found.written = written
        check.check(written, report)
        if not report.failed:
            found.topology = resolve.resolve(written, report)
    return found
