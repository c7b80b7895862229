"""A page as HTML: what its template is given."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

from markupsafe import Markup

from nsgen.script.markup import escaped
from nsgen.script.templates import template_text


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
    return escaped("page/review.html.j2", values | own)
