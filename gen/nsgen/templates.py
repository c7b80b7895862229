"""Where the templates are."""

from __future__ import annotations

from pathlib import Path


def template_folder() -> Path:
    """The templates: inside the installed package, or beside `gen/` in a checkout."""
    here = Path(__file__).resolve().parent
    packed = here / "templates"
    return packed if packed.is_dir() else here.parents[1] / "templates"


def template_text(name: str) -> str:
    """A file among the templates as it is."""
    return (template_folder() / name).read_text(encoding="utf-8")
