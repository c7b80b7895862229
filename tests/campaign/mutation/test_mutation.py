"""A script that lacks one rule, kernel parameter, address, route or flag is noticed by `nsgen verify`, and by `check`.

Where that is the only thing that is wrong, nobody notices what has no effect on a new machine. So a mutant that holds
there is tried on machines of other kinds, and is noticed if it does not do there what the whole script does. What says
whose a device is has its effect on a machine that has lost /run: there `down` knows by it what to remove.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mutants import Mutant, mutants
from nsgen.compiler import compile_topology
from nsgen.plan.make import make_plan
from nsgen.proof.claims.scene import Option
from nsgen.proof.rehearse import Result, rehearse
from nsgen.script import targets
from nsgen.topology.model import Topology
from parts import halved
from sandboxed import unshare
from survivors import BY_MACHINE, SURVIVORS, UNCHECKED

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
EXAMPLES = [CHECKOUT / f"examples/{name}.yaml" for name in ("article", "proxy", "dual-stack")]
FILES = [*EXAMPLES, HERE / "isolated.yaml", HERE / "routed.yaml"]
HOSTS: tuple[tuple[Option, ...], ...] = (
    ("router",),
    ("drop",),
    ("open",),
    ("router", "raw"),
    ("between",),
    ("netfilter",),
    ("drop", "netfilter"),
)
LISTED = [name for names in SURVIVORS.values() for name in names]


@cache
def topology_of(name: str) -> Topology:
    """Read one of the topologies, without its services: who answers in their place tells who it is that asks."""
    path = next(path for path in FILES if path.stem == name)
    found = compile_topology(path.name, path.read_bytes()).topology
    assert found is not None
    namespaces = tuple(replace(namespace, services={}) for namespace in found.namespaces)
    return replace(found, namespaces=namespaces)


@cache
def script_of(name: str) -> str:
    """Render one of the topologies."""
    return targets.script(make_plan(topology_of(name)))


@cache
def whole(name: str, host: tuple[Option, ...]) -> Result:
    """Rehearse the whole script of a topology on a machine."""
    return rehearse(topology_of(name), script_of(name), lifecycle=False, host=host)


def broken() -> Iterator[tuple[str, Mutant]]:
    """Give every mutant of every topology."""
    for path in FILES:
        for mutant in mutants(script_of(path.stem)):
            yield path.stem, mutant


# What the whole script does on other machines is asked once by each group: as few as keep all processes busy.
GROUPS = 2  # of a topology

MUTANTS = {f"{topology}: {mutant.name}": (topology, mutant) for topology, mutant in broken()}


def on_another_machine(name: str, script: str) -> str:
    """Say on which machine a mutant does not do what the whole script does, if on any."""
    for host in HOSTS:
        result = rehearse(topology_of(name), script, lifecycle=False, host=host)
        if result.failures != whole(name, host).failures:
            return ", ".join(host)
    return ""


AFTER_A_LOSS = """
mount -t tmpfs none /run
mount -t sysfs none /sys
bash "$0" up
rm -r /run/nsgen
bash "$0" down
ip -o link show | cut -d : -f 2
ls /run/netns
"""


def left_after_a_loss(script: str, folder: Path) -> str:
    """Name the devices and namespaces that there are when `down` had nothing to go by but what it found."""
    (folder / "setup.sh").write_text(script)
    command = [*unshare(), "bash", "-ec", AFTER_A_LOSS, str(folder / "setup.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(f"{MUTANTS[name][0]} {number % GROUPS}"))
        for number, name in enumerate(halved(list(MUTANTS)))
    ],
)
def test_a_mutant_is_noticed(mutant: str, tmp_path: Path) -> None:
    """It fails, or a claim does not hold, on one machine or another; and `check` of the whole script tells."""
    name, broken = MUTANTS[mutant]
    topology, script = topology_of(name), script_of(name)
    result = rehearse(topology, broken.script, lifecycle=False, original=script)
    if not all(ok for _, ok, _ in result.phases):
        assert mutant not in LISTED, "the script itself fails"
        return
    if mutant in BY_MACHINE:
        return
    assert bool(result.drift) == (mutant not in UNCHECKED), result.drift
    where = "here" if result.failures else on_another_machine(name, broken.script)
    if not where and " alias " in mutant:
        left = (left_after_a_loss(text, tmp_path) for text in (broken.script, script))
        where = "where /run was lost" if next(left) != next(left) else ""
    assert bool(where) == (mutant not in LISTED), where


def test_what_is_listed_is_made() -> None:
    """Every survivor is a mutant, and listed once."""
    assert sorted(set(LISTED)) == sorted(LISTED)
    assert {*LISTED, *UNCHECKED, *BY_MACHINE} <= set(MUTANTS)
    assert set(BY_MACHINE) <= set(LISTED)


def test_the_readme_has_the_score() -> None:
    """The numbers of the README are those of the tests above."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"(\d+) of (\d+) mutants", readme)
    assert found is not None
    assert [int(n) for n in found.groups()] == [len(MUTANTS) - len(LISTED), len(MUTANTS)]
