"""Scripts that people write by hand, built, read and written as topologies."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from buildings import SCRIPTS, built, facts, loaded, plain

from nsgen.capturing.topology import Captured, capture
from nsgen.plan.make import make_plan
from nsgen.script import targets

pytestmark = pytest.mark.xdist_group("scripts")  # which are built once
WANTED = Path(__file__).resolve().parent / "wanted"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.sh"))
# What is not built again: the script refuses a device that is in use, as the uplink of the machine is.
TAKES = {"takes"}
REWRITE = bool(os.environ.get("NSGEN_WANTED"))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of what each script has built."""
    return built(tmp_path_factory.mktemp("built"), sorted(SCRIPTS.glob("*.sh")))


def captured(place: Path) -> Captured:
    """The topology of a machine, called as the script."""
    return capture(*loaded(place), place.stem)


def shown(found: Captured) -> str:
    """The topology and its notes, without the addresses that the kernel draws."""
    notes = "".join(f"# {line}\n" for line in (*found.notes.shown(), found.notes.summary()))
    return re.sub(r"fe80::\S+", "fe80::…", found.text + notes)


@pytest.mark.parametrize("name", NAMES)
def test_scripts(places: dict[str, Path], name: str) -> None:
    """The topology of each script, and what is said of what it does not say, are as they were agreed on."""
    found = captured(places[name])
    wanted = WANTED / f"{name}.yaml"
    if REWRITE:
        wanted.write_text(shown(found))
    assert shown(found) == wanted.read_text()
    assert found.compiled.topology is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_element_is_in_one_list(places: dict[str, Path], name: str) -> None:
    """Nothing is silent, and nothing is told twice."""
    notes = captured(places[name]).notes
    lists = [*notes.said, *notes.by_exec, *notes.unsaid]
    assert len(lists) == len(set(lists))
    assert set(lists) == set(notes.elements)
    assert len(lists) > 10


@pytest.fixture(scope="module")
def again(places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of what the scripts of those topologies build."""
    folder = tmp_path_factory.mktemp("again")
    scripts = []
    for name, place in places.items():
        if name in TAKES:
            continue
        found = captured(place)
        assert found.compiled.topology is not None
        scripts.append(folder / f"{name}.sh")
        scripts[-1].write_text(targets.script(make_plan(found.compiled.topology)))
    return built(folder, scripts)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TAKES])
def test_what_is_said_is_built_again(
    places: dict[str, Path], again: dict[str, Path], name: str
) -> None:
    """The script of the topology makes every element that is said, or made by a command; rules are folded."""
    notes = captured(places[name]).notes
    have = facts(*loaded(again[name]))
    folded = [one for one in notes.said if one.kind in ("iptables", "ip6tables", "file")]
    wanted = [one for one in (*notes.said, *notes.by_exec) if one not in folded]
    assert [str(one) for one in wanted if plain(str(one)) not in have] == []
