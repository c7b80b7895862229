"""What becomes of each element of a source: said in the language, or not, with its line and the reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from nsgen.importing.tree import SourceNode
from nsgen.language.yaml.excerpt import Paint, Text, path_text, printable
from nsgen.report import Finding, Path
from nsgen.words import count


@dataclass(frozen=True)
class Unsaid:
    """An element that the topology does not say."""

    file: str
    at: tuple[int, int]
    path: Path
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.at[0]}:{self.at[1]}"
        return f"{place}: not said: {printable(path_text(self.path))}: {printable(self.reason)}"


@dataclass
class Notes:
    """Elements said and not said, errors and decisions, in the order in which they were found."""

    texts: dict[str, Text] = field(default_factory=dict)
    errors: list[tuple[str, Finding]] = field(default_factory=list)
    warnings: list[tuple[str, Finding]] = field(default_factory=list)
    unsaid: dict[Unsaid, None] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)
    said: dict[Path, None] = field(default_factory=dict)

    def take(self, file: str, finding: Finding) -> None:
        """Note what is wrong with the text of a file."""
        self.errors.append((file, finding))

    def error(self, node: SourceNode, path: Path, text: str, *, on_key: bool = False) -> None:
        """Note something without which nothing is written."""
        at = node.key_at if on_key else node.at
        found = (node.file, Finding("error", path, text, on_key, at))
        if found not in self.errors:
            self.errors.append(found)

    def warn(self, node: SourceNode, path: Path, text: str) -> None:
        """Note something that may not be meant."""
        self.warnings.append((node.file, Finding("warning", path, text, at=node.at)))

    def not_said(self, node: SourceNode, path: Path, reason: str) -> None:
        """Note an element that the topology does not say."""
        for known in [known for known in self.said if known[: len(path)] == path]:
            del self.said[known]
        self.unsaid[Unsaid(node.file, node.key_at, path, reason)] = None

    def tell(self, text: str) -> None:
        """Note what was decided here, such as a name or a subnet."""
        self.told[text] = None

    def shown(self, paint: Paint) -> list[str]:
        """All lines: errors and warnings with their excerpt, then one for each element not said, by reason."""
        lines = []
        for file, finding in (*self.errors, *self.warnings):
            lines.append(self.texts.get(file, Text(file, "")).show(finding, paint))
        reasons = dict.fromkeys(unsaid.reason for unsaid in self.unsaid)
        for reason in reasons:
            lines += [str(unsaid) for unsaid in self.unsaid if unsaid.reason == reason]
        return [*lines, *(f"note: {printable(text)}" for text in self.told)]

    def summary(self) -> str:
        """How much is in each of the lists."""
        said = f"{count(len(self.said), 'element')} said in the language"
        return f"{said}, none by exec, {len(self.unsaid)} not said"
