"""What rendering costs, counted in calls of Python functions: the same on every machine, however busy it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from nsgen.compiler import compile_topology
from nsgen.plan.make import make_plan
from nsgen.script import targets

if TYPE_CHECKING:
    from _typeshed import TraceFunction

sys.path.append(str(Path(__file__).resolve().parent.parent / "bench"))
import compare
import report
import shape
from ways import WAYS

ARTICLE = Path(__file__).resolve().parent.parent / "examples/article.yaml"

# Calls for each namespace with an address, a default route and a published port; and what is allowed above that.
# When it is exceeded: profile, and either undo what costs so much or say here why it is worth it.
# Interfaces, links, routes, neighbours, parameters that ask for IPv6, rules of nat, marks, uplinks, peers and joined
# namespaces are looked for in each.
CALLS = 920  # by Python 3.11; 3.12 and newer count no comprehensions
MARGIN = 1.1

# What `nsgen render` of the article does in a new process, beyond loading the libraries it stands on. A dataclass takes
# as long as a small module: Python compiles six functions for it. Most of the calls are Jinja's, compiling templates.
# Each family of keys has a module of its own: neighbours, policy rules, what is described for editors; and no module
# more than 300 lines, which six had. Exceptions of masquerading, marks and uplinks are three records of the language; a
# VXLAN with several numbers takes two operations more, a namespace that somebody else made another one. What
# ranges deal, what services are after, and whom the ports of other networks do not answer, are modules, too.
STARTING = {"modules": 96, "dataclasses": 91, "calls": 78_000}
START = """
import dataclasses, io, sys
import click, jinja2, yaml

calls = 0

def note(_frame, event, _argument):
    global calls
    calls += event == "call"

sys.stdout = io.TextIOWrapper(io.BytesIO())
sys.setprofile(note)
from nsgen.cli.commands import main
main(["render", sys.argv[1]], standalone_mode=False)
sys.setprofile(None)
modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "nsgen"]
made = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
records = {thing for thing in made if dataclasses.is_dataclass(thing)}
sys.__stdout__.write(f"{len(modules)} {len(records)} {calls}")
"""


def count(run: Callable[[], object]) -> int:
    """Count the calls of Python functions."""
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return calls


def lines(run: Callable[[], object]) -> int:
    """Count the lines of Python that are run: those of loops, too, which call nothing."""
    number = 0

    def note(_frame: FrameType, event: str, _argument: object) -> TraceFunction:
        nonlocal number
        number += event == "line"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        run()
    finally:
        sys.settrace(before)
    return number


def render(number: int) -> str:
    """Render so many namespaces."""
    topology = compile_topology("topology.yaml", shape.text(number).encode()).topology
    assert topology is not None
    return targets.script(make_plan(topology))


def test_rendering_grows_with_the_number_of_namespaces_alone() -> None:
    """From 2,000 to 6,000 namespaces, on two to six bridges, each takes as many calls as the ones before."""
    render(1)  # the templates are compiled once
    # (Above 1,024 ports, because from there on they are dispatched twice.)
    few, some, many = (count(partial(render, number)) for number in (2000, 3000, 6000))
    assert (some - few) / 1000 < CALLS * MARGIN
    assert (many - some) / 3000 < CALLS * MARGIN
    assert (many - some) / 3000 < (some - few) / 1000 * 1.02


def test_nothing_looks_at_all_namespaces_for_each_of_them() -> None:
    """Of 1,000 namespaces each takes as many lines as of 500."""
    render(1)
    few, some, many = (lines(partial(render, number)) for number in (250, 500, 1000))
    assert (many - some) / 500 < (some - few) / 250 * 1.02


def test_starting_is_little_work() -> None:
    """`nsgen render` of the article loads few modules, makes few dataclasses and calls few functions."""
    command = [sys.executable, "-c", START, str(ARTICLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = dict(zip(STARTING, map(int, done.stdout.split()), strict=True))
    assert not {name: number for name, number in found.items() if number > STARTING[name]}


def test_a_script_is_not_much_larger_than_what_it_sets() -> None:
    """A namespace takes about a kilobyte of script, however many there are."""
    assert (len(render(2000)) - len(render(1000))) / 1000 < 1100


def test_the_comparison_runs() -> None:
    """Two namespaces are built by hand and by the script, and both can be told in a table and a plot."""
    runs = []
    for way in WAYS:
        if way.name not in ("limit", "batch", "by hand") or way.missing():
            continue
        found = compare.measure(way, 2, 120)
        if isinstance(found, str) and "unshare" in found:
            pytest.skip(found)
        assert not isinstance(found, str), f"{way.name}: {found}"
        assert {"up", "down"} <= set(found)
        runs.append(
            {
                "way": way.name,
                "namespaces": 2,
                "round": 0,
                "load": 0.0,
                "session": 0,
                "seconds": found,
            }
        )
    assert {"batch", "by hand"} <= {run["way"] for run in runs}
    if len(runs) == 3:
        result = {"machine": compare.machine(), "date": "2000-01-01", "not installed": {}}
        assert "| batch | " in report.tables(result, runs)
        assert (
            report.plot([*runs, *({**run, "namespaces": 10} for run in runs)]).count("<polyline")
            == 3
        )
