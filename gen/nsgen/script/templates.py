"""Where the templates are, and the reference of the language."""

from __future__ import annotations

from pathlib import Path


def template_folder() -> Path:
    """The templates."""
    return _folder("templates")


def reference() -> str:
    """docs/language.md."""
    return (_folder("docs") / "language.md").read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    """A folder inside the installed package, or beside `gen/` in a checkout."""
    here = Path(__file__).resolve().parents[1]
    packed = here / name
    return packed if packed.is_dir() else here.parents[1] / name


def template_text(name: str) -> str:
    """A file among the templates as it is."""
    return (template_folder() / name).read_text(encoding="utf-8")
