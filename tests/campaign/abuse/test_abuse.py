"""Ten thousand topologies, right, broken and mangled: each is refused with reasons, or what is rendered is bash."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from damage import broken, mangled
from nsgen.compiler import Compiled, compile_topology
from nsgen.language import spec
from nsgen.language.yaml.excerpt import unpainted
from nsgen.plan.make import make_plan
from nsgen.report import Report
from nsgen.script import targets
from nsgen.script.targets import File
from parts import halved, keys_of
from topologies import text, valid
from wires import wired

CHUNKS, SIZE = 100, 100
KINDS = ("valid",) * 4 + ("broken",) * 3 + ("mangled",) * 3
SECONDS = 10
STDERR = 60_000  # bytes: fifty findings, and how many more there are
SAMPLE = range(0, CHUNKS * SIZE, SIZE + 1)  # of each kind


def kind_of(seed: int) -> str:
    """Say what is made from a seed."""
    return KINDS[seed % len(KINDS)]


def made(seed: int) -> bytes:
    """Make a topology from a seed."""
    rng = random.Random(seed)
    data: Any = wired(rng, valid(rng))
    if kind_of(seed) == "broken":
        data = broken(rng, data)
    written = text(rng, data)
    return mangled(rng, written) if kind_of(seed) == "mangled" else written.encode()


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail what takes longer."""

    def late(_signum: int, _frame: FrameType | None) -> None:
        pytest.fail(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def compiled(data: bytes) -> Compiled:
    """Compile a topology; it has errors just if nothing comes of it, and all findings can be printed."""
    with at_most(SECONDS):
        found = compile_topology("topology.yaml", data)
        findings = found.findings()
        shown = found.show(len(findings), unpainted)
    errors = [finding for finding in findings if finding.severity == "error"]
    assert bool(errors) == (found.topology is None), shown
    assert len(shown) == len(findings)
    for finding, said in zip(findings, shown, strict=True):
        assert finding.text
        assert said.startswith("topology.yaml:"), said
        assert "Traceback" not in said
    return found


def rendered(found: Compiled) -> dict[str, File]:
    """Render a topology to all of its files, twice, the same each time."""
    assert found.topology is not None
    with at_most(SECONDS):
        files = targets.tree(make_plan(found.topology))
        assert targets.tree(make_plan(found.topology)) == files
    return files


def write_scripts(files: dict[str, File], folder: Path, seed: int) -> None:
    """Write the scripts of a topology to a folder, under its seed."""
    for name, file in files.items():
        if name.endswith(".sh"):
            (folder / f"{seed}.{name}").write_text(file.text)


def read_by_bash(folder: Path) -> None:
    """Have bash read all scripts of a folder to their ends."""
    reading = 'for script; do bash -n "$script" || echo "$script"; done'
    scripts = sorted(folder.iterdir())
    result = subprocess.run(
        ["bash", "-c", reading, "bash", *scripts], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize("chunk", halved(range(CHUNKS)))
def test_refused_or_rendered(chunk: int, tmp_path: Path) -> None:
    """Each of a hundred topologies is refused with reasons, or rendered; nearly all of the right ones are rendered."""
    accepted: Counter[str] = Counter()
    seeds = range(chunk * SIZE, (chunk + 1) * SIZE)
    for seed in seeds:
        found = compiled(made(seed))
        if found.topology is not None:
            accepted[kind_of(seed)] += 1
            write_scripts(rendered(found), tmp_path, seed)
    read_by_bash(tmp_path)
    assert accepted["valid"] > 0.95 * [kind_of(seed) for seed in seeds].count("valid")
    assert accepted["broken"] + accepted["mangled"] < 0.6 * SIZE


def test_every_key_is_used() -> None:
    """The right topologies have, together, every key of the language, with another value than its default."""
    records = [
        record
        for record in vars(spec).values()
        if isinstance(record, type) and is_dataclass(record) and record.__module__ == spec.__name__
    ]
    known = {f"{record.__name__}.{key.name}" for record in records for key in fields(record)}
    used: set[str] = set()
    for seed in range(0, 1000, len(KINDS)):
        source = compiled(made(seed)).source
        assert source is not None
        used.update(keys_of(spec.read(source.data, Report())))
    # What takes files, a router on the host's card, or a namespace of somebody else's has tests of its own:
    # tests/language/test_include.py, tests/uplinks.bats and tests/join.bats.
    assert known - used == {"Spec.include", "Host.uplinks", "WrittenNamespace.join"}


def nsgen(*arguments: str, stdin: bytes) -> tuple[int, bytes, bytes]:
    """Run nsgen in a process of its own: its exit status, and what it prints."""
    path = str(Path(spec.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-m", "nsgen", *arguments],
        env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"},
        input=stdin,
        capture_output=True,
        timeout=10 * SECONDS,  # Python starts, too, and others use the machine
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("first", range(0, len(SAMPLE), 10))
def test_the_command_ends_well(first: int) -> None:
    """The command says yes or no, the same as the compiler, and prints a script or nothing."""
    for seed in SAMPLE[first : first + 10]:
        data = made(seed)
        found = compiled(data)
        status, out, err = nsgen("check", "-", stdin=data)
        assert status == (found.topology is None), err
        assert b"Traceback" not in err
        assert len(err) < STDERR
        assert bool(out) == (status == 0)
        again, script, said = nsgen("render", "-", stdin=data)
        assert (again, said) == (status, err)
        expected = "" if found.topology is None else targets.script(make_plan(found.topology))
        assert script.decode() == expected


def test_the_sample_has_every_kind() -> None:
    """What is tried as a command is right, broken and mangled."""
    kinds = Counter(kind_of(seed) for seed in SAMPLE)
    assert min(kinds[kind] for kind in KINDS) >= 20


@pytest.mark.parametrize("first", halved(range(0, CHUNKS * SIZE, CHUNKS * SIZE // 20)))
def test_shellcheck_passes(first: int, tmp_path: Path, program: Callable[[str], str]) -> None:
    """ShellCheck has no objection to the scripts of two topologies, with nothing switched off."""
    for seed in (first, first + 1):
        write_scripts(rendered(compiled(made(seed))), tmp_path, seed)
    scripts = sorted(tmp_path.iterdir())
    command = [program("shellcheck"), "--norc", "--severity=style", "--format=gcc"]
    result = subprocess.run([*command, *scripts], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("", "")
    assert not any("shellcheck disable" in script.read_text() for script in scripts)
