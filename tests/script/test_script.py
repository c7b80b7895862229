"""The script of the batch style: one runtime for all, and how long it is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from compiling import EXAMPLES
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology
from nsgen.language.yaml.include import Inputs
from nsgen.plan.make import make_plan
from nsgen.script import runtime, targets
from nsgen.topology.model import Topology

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = CHECKOUT / "templates/batch/runtime"
TOPOLOGIES = [
    file
    for pattern in ("examples/**/*.yaml", "tests/topologies/*.yaml", "tests/vm/kinds/*.yaml")
    for file in sorted(CHECKOUT.glob(pattern))
    if re.search("^name:", file.read_text(encoding="utf-8"), re.MULTILINE)  # others are included
]
LINE = "\n# " + "=" * 118 + "\n"

each_topology = pytest.mark.parametrize(
    "topology", TOPOLOGIES, ids=lambda file: file.relative_to(CHECKOUT).with_suffix("").as_posix()
)


@cache
def rendered(file: Path) -> str:
    """Render a topology; a warning is none of this."""
    inputs = Inputs(folder=str(file.parent), read=read_file, identity=identity)
    found = compile_topology(str(file), file.read_bytes(), inputs)
    assert found.topology is not None, found.findings()
    return targets.script(make_plan(found.topology))


def parts_of(script: str) -> list[str]:
    """The parts that a script says that it has."""
    found = re.search(r"^PARTS='?([a-z ]*)'?$", script, re.MULTILINE)
    assert found
    return found[1].split()


# -- one runtime --------------------------------------------------------------------------------


@each_topology
def test_one_runtime(topology: Path) -> None:
    """Below topology() stand the core and the parts that are named above it, byte for byte, and nothing else."""
    script = rendered(topology)
    own, line, below = script.rpartition(LINE)
    assert line
    parts = [(PARTS / f"{part}.bash").read_text() for part in ("core", *parts_of(script))]
    assert below == "\n".join([*parts, 'main "$@"\n}\n'])
    assert own.endswith("\n}\n")
    functions = re.findall(r"^(\w+) ?\(\)", own, re.MULTILINE)
    assert functions == ["topology"]


@each_topology
def test_the_header_names_the_runtime(topology: Path) -> None:
    """The comment at the top says by which digest the whole of it is known."""
    head, _, _ = rendered(topology).partition("\nset -euo pipefail\n")
    assert f" the runtime {runtime.digest()}, " in " ".join(head.split("\n# "))


def test_the_runtime_has_every_part() -> None:
    """Every file of the runtime is a part of some topology here, and the digest is of all of them."""
    files = {file.stem for file in PARTS.iterdir()}
    assert files == {"core", *runtime.PARTS}
    used = {part for topology in TOPOLOGIES for part in parts_of(rendered(topology))}
    assert used == set(runtime.PARTS)


# -- size ---------------------------------------------------------------------------------------

# What each has at most, in lines and in bytes. A bound is lowered when there is room below it, and raised for what
# every script can do from then on, as `plan`, `try` and `confirm`, or for a run that is quicker by a fifth; a part like
# `joined` is in those that need it alone.
SIZES = {
    "article": (1_760, 80_554),
    "containerd": (729, 30_374),
    # Of 28; six of them, on marks, uplinks and proxies, are longer than most.
    "median of the examples": (1_551, 70_088),
    "runtime with every part": (1_779, 80_593),
}


def size(text: str) -> tuple[int, int]:
    """Lines and bytes."""
    return text.count("\n"), len(text.encode())


def sizes() -> dict[str, tuple[int, int]]:
    """What each of the table has."""
    examples = [size(rendered(file)) for file in sorted(EXAMPLES.glob("*.yaml"))]
    lines, in_bytes = zip(*examples, strict=True)
    return {
        "article": size(rendered(EXAMPLES / "article.yaml")),
        "containerd": size(rendered(EXAMPLES / "containerd.yaml")),
        "median of the examples": (int(median(lines)), int(median(in_bytes))),
        "runtime with every part": size(runtime.whole()),
    }


def test_size() -> None:
    """No script is longer than the table has it."""
    found = sizes()
    assert found.keys() == SIZES.keys()
    longer = {
        name: f"{lines} lines, {in_bytes} bytes: more than {SIZES[name]}"
        for name, (lines, in_bytes) in found.items()
        if lines > SIZES[name][0] or in_bytes > SIZES[name][1]
    }
    assert longer == {}


def test_the_page_tells_how_long_each_part_is() -> None:
    """As docs/architecture.md has it, in the order of a script."""
    page = (EXAMPLES.parent / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    parts = ("core", *runtime.PARTS)
    assert rows == [(part, str(runtime.text(part).count("\n"))) for part in parts]


@pytest.mark.parametrize("name", ["function", "done"])
def test_every_name_is_a_name(name: str) -> None:
    """What a shell would take for a word of its own is quoted once, and not at all in files that no shell reads."""
    files = {one: targets.tree(make_plan(topology_called(one))) for one in (name, "plain-name")}
    assert f"\nNAME='{name}'\n" in files[name]["setup.sh"].text
    unit, like = (files[one][f"etc/systemd/system/nsgen-{one}.service"].text for one in files)
    assert unit.replace(name, "plain-name") == like


def topology_called(name: str) -> Topology:
    """A topology of this name."""
    text = f"name: {name}\nnamespaces: {{red: {{}}}}\n"
    found = compile_topology("topology.yaml", text.encode()).topology
    assert found is not None
    return found
