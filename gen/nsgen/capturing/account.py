"""What becomes of each element of a state: said in the language, said by `exec`, or not said, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nsgen.capturing.elements import Element
from nsgen.language.yaml.excerpt import printable
from nsgen.words import count

MANY = 3  # elements with one reason, beyond which they stand on one line
UNKNOWN = "there is no word for it, and no command is known that makes it"


@dataclass
class Account:
    """The three lists, and what was decided; every element is in one of them, and what nobody has said is not said."""

    elements: Mapping[Element, None]
    said: dict[Element, str] = field(default_factory=dict)  # and where in the topology
    by_exec: dict[Element, str] = field(default_factory=dict)  # and the command
    unsaid: dict[Element, str] = field(default_factory=dict)  # and the reason
    told: dict[str, None] = field(default_factory=dict)

    def say(self, element: Element, where: str = "") -> None:
        """Note an element that the topology says."""
        self._put(self.said, element, where)

    def run(self, element: Element, command: Iterable[str]) -> None:
        """Note an element that a command under `exec` makes."""
        self._put(self.by_exec, element, " ".join(command))

    def leave(self, element: Element, reason: str) -> None:
        """Note an element that the topology does not say."""
        self._put(self.unsaid, element, reason)

    def tell(self, text: str) -> None:
        """Note what was decided here."""
        self.told[text] = None

    def open(self, element: Element) -> bool:
        """Whether nothing has become of an element yet."""
        return element in self.elements and not any(element in one for one in self._lists)

    def close(self) -> None:
        """What is left is not said."""
        for element in self.elements:
            if self.open(element):
                self.unsaid[element] = UNKNOWN

    @property
    def _lists(self) -> tuple[dict[Element, str], ...]:
        return self.said, self.by_exec, self.unsaid

    def _put(self, chosen: dict[Element, str], element: Element, text: str) -> None:
        if element in self.elements:
            for other in self._lists:
                other.pop(element, None)
            chosen[element] = text

    def shown(self) -> list[str]:
        """A line for each element that is not said or said by a command, by reason, and what was decided."""
        lines = [f"by exec: {printable(str(one))}" for one in self.by_exec]
        for reason in dict.fromkeys(self.unsaid.values()):
            alike = [str(one) for one, why in self.unsaid.items() if why == reason]
            if len(alike) > MANY:
                alike = [f"{len(alike)} elements: {'; '.join(alike)}"]
            lines += [f"not said: {printable(f'{one}: {reason}')}" for one in alike]
        return [*lines, *(f"note: {printable(text)}" for text in self.told)]

    def summary(self) -> str:
        """How much is in each of the lists."""
        said = f"{count(len(self.said), 'element')} said in the language"
        return f"{said}, {len(self.by_exec)} by exec, {len(self.unsaid)} not said"
