"""A page as HTML: what its template is given, and how its values are escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from nsgen.script.templates import template_folder, template_text

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


def review(values: dict[str, Any], svg: str) -> str:
    """The page of a topology, in one file; what it runs is named by its hash, and nothing else may run."""
    script = template_text("page/review.js")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {
        "picture": Markup(svg),  # noqa: S704 (its template has escaped it)
        "style": Markup(template_text("page/review.css")),  # noqa: S704 (ours)
        "script": Markup(script),  # noqa: S704 (ours)
        "digest": digest,
    }
    return _environment().get_template("page/review.html.j2").render(values | own)
