"""What is rendered to HTML or SVG: every value is escaped, and what cannot be printed is not."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from nsgen.script.templates import template_folder

KEPT = "\n\t"  # of what cannot be printed


def _finalize(value: object) -> object:
    """Put U+FFFD in place of what cannot be printed, or would reorder the rest, of all that is not marked as HTML."""
    if isinstance(value, Markup):
        return value
    return "".join(c if c.isprintable() or c in KEPT else "\ufffd" for c in str(value))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def escaped(template: str, values: dict[str, Any]) -> str:
    """A template with its values."""
    return _environment().get_template(template).render(values)
