"""Where something new goes: tried by adding it in a copy of the package.

docs/architecture.md says which places a new key, kind, operation and target take. Those that nobody may forget are
asked for by mypy or by a test; these tests hold that they are.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
COPIED = ("gen", "templates", "tests", "docs", "examples", "out", "pyproject.toml", "README.md")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkout, with what mypy knows of it already."""
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__", "campaign", "vm")
            shutil.copytree(source, tmp_path / name, ignore=skip)
        else:
            shutil.copy2(source, tmp_path / name)
    if (CHECKOUT / ".mypy_cache").exists():
        shutil.copytree(CHECKOUT / ".mypy_cache", tmp_path / ".mypy_cache")
    return tmp_path


def replace(path: Path, before: str, after: str) -> None:
    """Put a text in the place of another one that is there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, (path, before)
    path.write_text(text.replace(before, after), encoding="utf-8")


def named_by_mypy(copy: Path) -> set[str]:
    """Run mypy over the package in a copy, and name the modules that it finds fault with."""
    command = [sys.executable, "-m", "mypy", "gen"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    return {
        found[1]
        for found in re.finditer(r"^gen/nsgen/(\S+)\.py:\d+: error", done.stdout, re.MULTILINE)
    }


def failing(copy: Path, *tests: str) -> set[str]:
    """Run some tests in a copy, and name those that fail."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy / "gen")}
    done = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, check=False, env=environment
    )
    return {found[1] for found in re.finditer(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)}


def test_an_operation_is_asked_for_by_mypy(copy: Path) -> None:
    """What prints operations has to know a new one: mypy names each of the places."""
    ops = copy / "gen/nsgen/ops.py"
    new = '@dataclass(frozen=True)\nclass Ring(Operation):\n    """A bell."""\n\n\n'
    replace(ops, "# An operation is one of these.", f"{new}# An operation is one of these.")
    replace(ops, "Op = (\n", "Op = (\n    Ring |\n")
    assert named_by_mypy(copy) == {
        "change/things",
        "inventory/facts",
        "script/bare",
        "script/batch",
        "script/lines",
        "script/plain",
        "script/programs",
        "script/runtime",
    }


def add_key(copy: Path) -> None:
    """Add a key of a network: a field of its record."""
    after = "    internet: bool = key("
    new = '    colour: str | None = key(DEVICE, "Its colour.", default=None)\n'
    replace(copy / "gen/nsgen/language/networks.py", after, new + after)


def add_kind(copy: Path) -> None:
    """Add a kind of interface: a module, and a line."""
    kinds = copy / "gen/nsgen/language/kinds"
    made = (kinds / "dummy.py").read_text(encoding="utf-8").replace("Dummy", "Bell")
    (kinds / "bell.py").write_text(made.replace('"dummy"', '"bell"'), encoding="utf-8")
    before = "    from nsgen.language.kinds.bond import Bond\n"
    imported = "    from nsgen.language.kinds.bell import Bell\n"
    replace(kinds / "__init__.py", before, imported + before)
    replace(kinds / "__init__.py", "*(BridgeInterface, Dummy,", "*(BridgeInterface, Bell, Dummy,")


def add_target(copy: Path) -> None:
    """Add a file of `render -o`: a template, and a line."""
    (copy / "templates/bell.j2").write_text("{{ name }}\n", encoding="utf-8")
    line = '    "topology.svg": _picture,\n'
    new = '    "bell": _named("bell.j2"),\n'
    replace(copy / "gen/nsgen/script/targets.py", line, line + new)


def test_a_key_a_kind_and_a_target_are_asked_for_by_tests(copy: Path) -> None:
    """They are known everywhere by being written down once; tests ask for what the docs and `out/` have of them."""
    for add in (add_key, add_kind, add_target):
        add(copy)
    assert named_by_mypy(copy) == set()
    docs = ("test_every_key_is_described", "test_every_kind_is_described")
    tests = [f"tests/test_docs.py::{name}" for name in docs]
    out = "test_out_is_up_to_date"
    assert failing(copy, *tests, f"tests/test_out.py::{out}") == {*docs, out}


# What a docstring begins with that does not name its subject.
VAGUE = re.compile(r"(Its?|They|Their|Them|Those|This|What it|All of (it|them)|Each of them)\b")


def test_docstrings_name_their_subject() -> None:
    """No public function or class is described by a pronoun."""
    described = {
        f"{file.name}: {node.name}": ast.get_docstring(node) or ""
        for file in sorted((CHECKOUT / "gen").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name[0] != "_"
    }
    assert [name for name, text in described.items() if VAGUE.match(text)] == []


def test_modules_are_read_whole() -> None:
    """A module of more than 300 lines says in its first ones why it is long."""
    modules = {str(file): file.read_text() for file in (CHECKOUT / "gen").rglob("*.py")}
    long = {name: text for name, text in modules.items() if text.count("\n") > 300}
    said = {name for name, text in long.items() if "It is long because" in text[:1000]}
    assert set(long) == said


def test_a_name_is_of_one_class() -> None:
    """No two public classes have the same name."""
    names = Counter(
        node.name
        for file in (CHECKOUT / "gen").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name[0] != "_"
    )
    assert [name for name, count in names.items() if count > 1] == []
