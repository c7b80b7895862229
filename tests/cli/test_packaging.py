"""However nsgen is installed, it finds its templates and renders the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

# All in one process, one after the other: they share what they build, and wait for the network.
pytestmark = pytest.mark.xdist_group("packaging")

PACKAGED = (
    "gen",
    "templates",
    "docs",
    "examples",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
)
TOPOLOGY = "name: {name}\nnamespaces: {{red: {{}}}}\n"
NOT_PACKAGED = shutil.ignore_patterns("__pycache__")
SEEDS = range(1, 21)

Run = Callable[..., bytes]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a function that runs a command in an empty folder and returns what it prints."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run_there(*command: str | Path, **variables: str) -> bytes:
        return run_in(elsewhere, *command, **variables)

    return run_there


def run_in(folder: Path, *command: str | Path, **variables: str) -> bytes:
    """Run a command in a folder, as somebody does who has no other nsgen."""
    outside = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    # uv takes this Python, and does not look for another one.
    env = outside | {"UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"} | variables
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout.decode()}\n{result.stderr.decode()}"
    return result.stdout


@pytest.fixture(scope="session")
def source(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the checkout, so that what installing from it leaves there disturbs nobody."""
    return copy_source(checkout, tmp_path_factory.mktemp("source"))


def copy_source(checkout: Path, folder: Path) -> Path:
    """Copy what a distribution is built from."""
    for name in PACKAGED:
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, folder / name, ignore=NOT_PACKAGED)
        else:
            shutil.copy2(checkout / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def distributions(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and from it the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run_in(folder, sys.executable, "-m", "build", "--outdir", folder, source)
    return folder


@pytest.fixture(scope="session")
def expected(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Render the built-in topology with the code of the checkout."""
    command = (sys.executable, "-m", "nsgen", "render")
    script = run_in(tmp_path_factory.mktemp("empty"), *command, PYTHONPATH=str(checkout / "gen"))
    assert script.startswith(b"#!")
    return script


@pytest.fixture(scope="session")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and give the path of its nsgen."""
    return install(tmp_path_factory.mktemp("wheel"), one(distributions, "*.whl"))


def install(folder: Path, *what: str | Path) -> Path:
    """Install something with pip in a fresh virtual environment, and give the path of its nsgen."""
    run_in(folder, sys.executable, "-m", "venv", "venv")
    run_in(folder, "venv/bin/python", "-m", "pip", "install", *what)
    return folder / "venv/bin/nsgen"


def one(folder: Path, pattern: str) -> Path:
    """Give the only file of that name."""
    (found,) = folder.glob(pattern)
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def test_wheel_holds_the_sources(source: Path, distributions: Path) -> None:
    """The wheel holds every template and every module as it is, and no other file."""
    with zipfile.ZipFile(one(distributions, "*.whl")) as wheel:
        packed = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    package = {f"nsgen/{name}": text for name, text in files(source / "gen/nsgen").items()}
    templates = {
        f"nsgen/templates/{name}": text for name, text in files(source / "templates").items()
    }
    assert templates
    language = {"nsgen/docs/language.md": (source / "docs/language.md").read_bytes()}
    assert packed == package | templates | language


def test_wheel_renders(installed: Path, run: Run, expected: bytes) -> None:
    """The wheel renders what the checkout does."""
    assert run(installed, "render") == expected


def test_wheel_prints_the_language(checkout: Path, installed: Path, run: Run) -> None:
    """The reference of the language comes with the wheel."""
    assert run(installed, "language") == (checkout / "docs/language.md").read_bytes()


def test_sdist_renders(distributions: Path, tmp_path: Path, run: Run, expected: bytes) -> None:
    """The sdist can be installed, and renders what the checkout does."""
    assert run(install(tmp_path, one(distributions, "*.tar.gz")), "render") == expected


def test_editable_install_renders(source: Path, tmp_path: Path, run: Run, expected: bytes) -> None:
    """An editable install renders with the templates of the checkout."""
    assert run(install(tmp_path, "--editable", source), "render") == expected


def test_uv_run_renders(source: Path, run: Run, expected: bytes) -> None:
    """`uv run nsgen` renders what the checkout does."""
    assert run(uv("uv"), "run", "--project", source, "nsgen", "render") == expected


def test_uvx_renders_and_notices_changes(
    checkout: Path, tmp_path: Path, run: Run, expected: bytes
) -> None:
    """`uvx --from .` renders what the checkout does, and uses a changed template at once."""
    changing = tmp_path / "changing"
    changing.mkdir()
    copy_source(checkout, changing)
    command = (uv("uvx"), "--from", changing, "nsgen", "render")
    assert run(*command) == expected
    for template in (changing / "templates").rglob("*.j2"):
        template.write_text("# changed\n" + template.read_text())
    assert b"# changed\n" in run(*command)


def test_oldest_dependencies_render(source: Path, run: Run, expected: bytes) -> None:
    """The oldest releases that the dependencies allow are enough."""
    if sys.version_info >= (3, 13):
        pytest.skip("the oldest releases were built for Python 3.12 and older")
    oldest = ("--resolution", "lowest-direct")
    assert run(uv("uvx"), *oldest, "--from", source, "nsgen", "render") == expected


def uv(name: str) -> Path:
    """Give the path of a program of uv, which is installed beside Python."""
    return Path(sys.executable).parent / name


def test_make_renders(checkout: Path, tmp_path: Path, expected: bytes) -> None:
    """`make setup.sh` renders the built-in topology or SPEC, anew after a change, whole or not."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy2(checkout / "Makefile", copy_source(checkout, folder))
    script, spec = folder / "setup.sh", folder / "my topology.yaml"

    def make(*variables: str) -> bool:
        # Not what an outer make was told.
        env = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "PYTHON", "SPEC"}}
        command = ["make", "setup.sh", f"PYTHON={sys.executable}", *variables]
        result = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        return result.returncode == 0

    assert make()
    assert script.read_bytes() == expected
    assert os.access(script, os.X_OK)
    spec.write_text(TOPOLOGY.format(name="first"))
    assert make(f"SPEC={spec.name}")
    assert "first" in script.read_text()
    spec.write_text(TOPOLOGY.format(name="second"))
    assert make(f"SPEC={spec.name}")
    whole = script.read_text()
    assert "second" in whole
    spec.write_text(TOPOLOGY.format(name="NOT A NAME"))
    assert not make(f"SPEC={spec.name}")
    assert script.read_text() == whole
    assert not [path for path in folder.iterdir() if path.name.startswith(".setup.sh")]


@pytest.mark.parametrize("seed", SEEDS)
def test_hash_seed_changes_nothing(
    seed: int, checkout: Path, installed: Path, run: Run, expected: bytes
) -> None:
    """Another PYTHONHASHSEED gives the same bytes."""
    examples = sorted((checkout / "examples").glob("*.yaml"))
    example = examples[seed % len(examples)]
    rendered = run(installed, "render", example, PYTHONHASHSEED=str(seed))
    assert rendered == (checkout / "out" / example.stem / "setup.sh").read_bytes()
    assert run(installed, "render", PYTHONHASHSEED=str(seed)) == expected
