"""YAML as Compose has it, with merge keys and the tags ``!reset`` and ``!override``.

A topology has neither; what else :mod:`nsgen.language.yaml.compose` refuses is refused here, too.
"""

from __future__ import annotations

import yaml

from nsgen.language.yaml.compose import Marks, OpenMap, Plain, StopError, YamlComposer
from nsgen.language.yaml.excerpt import Text
from nsgen.report import Report

TAGS = ("!reset", "!override")
NULLS = ("null", "Null", "NULL", "~")
TYPES = "tag:yaml.org,2002:"  # !!str and the like: everything is text here


def read_fragments(
    text: Text, report: Report
) -> tuple[list[tuple[Plain, int]], Marks, dict[int, str]] | None:
    """Read documents, each with its offset, and the tags by theirs; None, and an error filed, where that cannot be."""
    composer = _Fragments(text, report)
    try:
        composer.read()
    except StopError:
        return None
    return composer.documents, composer.marks, composer.tags


class _Fragments(YamlComposer):
    nothing = "there is nothing in it: expected 'services' and 'networks'"

    def __init__(self, text: Text, report: Report) -> None:
        super().__init__(text, report)
        self.tags: dict[int, str] = {}
        self.documents: list[tuple[Plain, int]] = []

    def _document(self, at: int) -> None:  # noqa: ARG002 - where a topology refuses it
        """Of several documents each has its own anchors; those with nothing in them are passed over."""
        self._keep()
        self._anchors = {}

    def _keep(self) -> None:
        if self.data is not None:
            self.documents.append((self.data, self.marks.start))
        self.data = None

    def _end(self) -> None:
        self._keep()
        if not self.documents:
            super()._end()

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, at: int) -> None:
        if event.tag in TAGS:
            self.tags[at] = event.tag
        elif event.tag is not None and not event.tag.startswith(TYPES):
            self._error(
                at, f"the tag {event.tag!r} is not one of Compose: {' and '.join(TAGS)} are"
            )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        waiting = self._stack[-1] if self._stack else None
        is_key = getattr(waiting, "waiting", None) is False
        if not event.style and event.value in NULLS and not is_key and event.anchor is None:
            at = event.start_mark.index if event.start_mark else 0
            self._count(1, at)
            self._refuse_tag(event, at)
            self._put(None, at)
        else:
            super()._scalar(event)

    def _entry(self, parent: OpenMap, node: Plain, at: int) -> None:
        if node is None and at in self.tags:
            self.tags[parent.key_at] = self.tags.pop(at)  # where an empty value's mark is
        super()._entry(parent, node, at)

    def _refuse_merge(self, at: int) -> None:
        """A merge key is one here."""
