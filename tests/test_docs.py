"""The README and the pages under docs/: their topologies, their commands, and the keys that they describe."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiling import ALL_EXAMPLES, compile_text
from nsgen.language import networks, spec
from nsgen.language.kinds import kinds
from nsgen.ops import StartService
from nsgen.script import targets, templates

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]

# Commands of the README that need root, or an environment of their own, and the tests that run them.
ELSEWHERE = {
    "make setup.sh": ["cli/test_packaging.py"],
    "make test": ["run.py"],  # this run is it
    "sudo bash setup.sh": ["lifecycle.bats"],
    "sudo bash setup.sh plan": ["plan.bats", "drift.bats"],
    "sudo bash setup.sh try 60": ["try.bats"],
    "sudo bash setup.sh confirm": ["try.bats"],
    "sudo bash setup.sh check": ["lifecycle.bats"],
    "sudo bash setup.sh status": ["services.bats"],
    "bash setup.sh logs red.web -f": ["services.bats"],
    "sudo bash setup.sh down": ["lifecycle.bats"],
}


def blocks(page: Path, language: str) -> Iterator[str]:
    """The code blocks of a page in one language."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


TOPOLOGIES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "yaml"))
    if block.startswith("name:")
]


@pytest.mark.parametrize("text", TOPOLOGIES)
def test_topologies(text: str) -> None:
    """A topology in the documentation is right, and bash reads what becomes of it in every style."""
    files = targets.tree(compile_text(text))
    scripts = [file.text for path, file in files.items() if path.endswith(".sh")]
    assert len(scripts) == 3
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


SAMPLES = [
    *((path.name, path.read_text()) for path in ALL_EXAMPLES),
    *(
        (name, templates.template_text(name))
        for name in ("builtin/article.yaml", "init/topology.yaml")
    ),
    *((str(sample.id), str(sample.values[0])) for sample in TOPOLOGIES),
]


def test_samples_serve_as_nobody() -> None:
    """No sample serves files as root, nor from a folder in which there is nothing to show."""
    served = {
        name: (op.user, op.directory)
        for name, text in SAMPLES
        for op in compile_text(text).of(StartService)
        if "http.server" in op.command
    }
    assert {"article.yaml", "init/topology.yaml", "README.md-0", "5-publish.yaml"} <= set(served)
    assert set(served.values()) == {("nobody", "/usr/share/doc")}


def test_included_files() -> None:
    """A file that a topology in the documentation includes is the one that is shown with it."""
    # The files of testing.md are tried by proof/test_testing.py.
    pages = [page for page in PAGES if page.name != "testing.md"]
    shown = [block for page in pages for block in blocks(page, "yaml") if block[0] == "#"]
    assert shown
    for block in shown:
        name, _, text = block.removeprefix("# ").partition("\n")
        assert (CHECKOUT / "examples" / name).read_text() == text


def test_the_readme_shows_the_built_in_topology() -> None:
    """The topology that the README begins with is the built-in one, less its comments."""
    shown = next(blocks(CHECKOUT / "README.md", "yaml"))
    built_in = templates.template_text("builtin/article.yaml")
    assert targets.script(compile_text(shown)) == targets.script(compile_text(built_in))


def test_the_readme_shows_the_script() -> None:
    """Every line of the excerpt in the README is a line of the script."""
    excerpt = next(blocks(CHECKOUT / "README.md", "bash")).splitlines()
    script = (CHECKOUT / "out/article/setup.sh").read_text().splitlines()
    assert [line for line in excerpt if line not in script] == ["…"]


def commands() -> Iterator[str]:
    """The commands in the README."""
    for language in ("sh", "console"):
        for block in blocks(CHECKOUT / "README.md", language):
            for line in block.splitlines():
                command = line.removeprefix("$ ").partition("#")[0].strip()
                if command and (language == "sh" or line.startswith("$ ")):
                    yield command


def test_commands(tmp_path: Path) -> None:
    """A command in the README works in an empty folder, in the order in which they stand, or is tested elsewhere."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT / "gen"), os.environ.get("PYTHONPATH")]))
    for command in commands():
        if command in ELSEWHERE:
            assert all((CHECKOUT / "tests" / test).exists() for test in ELSEWHERE[command])
            continue
        assert command.startswith("nsgen "), f"no test runs {command!r}"
        own = command.replace("nsgen", f"{shlex.quote(sys.executable)} -m nsgen", 1)
        env = os.environ | {"PYTHONPATH": path}
        subprocess.run(["bash", "-c", own], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "setup.sh").stat().st_size > 0


def keys(schema: Any) -> Iterator[str]:
    """Every key that a schema allows, but for the names that its author gives."""
    if isinstance(schema, dict):
        for name, below in schema.get("properties", {}).items():
            if below.get("not") != {}:
                yield name
        for below in schema.values():
            yield from keys(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from keys(below)


def test_every_key_is_described() -> None:
    """The reference names every key of the schema."""
    text = (CHECKOUT / "docs/language.md").read_text()
    assert [key for key in dict.fromkeys(keys(spec.json_schema())) if f"`{key}`" not in text] == []


def test_every_described_key_exists() -> None:
    """The reference describes no key that the schema does not have."""
    text = (CHECKOUT / "docs/language.md").read_text()
    described = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    known = {*keys(spec.json_schema()), *networks.AUDIENCES, *kinds()}
    assert described - known == set()


def test_every_kind_is_described() -> None:
    """The reference has a row for every kind of interface."""
    text = (CHECKOUT / "docs/language.md").read_text()
    rows = "".join(re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE))
    assert [kind for kind in kinds() if f"`{kind}`" not in rows] == []


def words(schema: Any) -> Iterator[str]:
    """Every word of the schema's enumerations."""
    if isinstance(schema, dict):
        yield from schema.get("enum", [])
        for below in schema.values():
            yield from words(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from words(below)


def test_every_allowed_word_is_described() -> None:
    """The reference names every word that a key takes where it takes only a few."""
    text = (CHECKOUT / "docs/language.md").read_text()
    assert [
        word for word in dict.fromkeys(words(spec.json_schema())) if f"`{word}`" not in text
    ] == []


def test_links() -> None:
    """What a page links to in the checkout is there."""
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_schema_is_json() -> None:
    """The schema can be printed."""
    assert json.loads(json.dumps(spec.json_schema()))["title"]
