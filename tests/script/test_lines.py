"""The lines of a plan are those that its script takes: asked of bash, which reads `topology()` itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from compiling import ALL_EXAMPLES, EXAMPLES
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology
from nsgen.language.yaml.include import Inputs
from nsgen.plan.make import make_plan
from nsgen.script import targets
from nsgen.script.lines import lines

TOPOLOGIES = sorted((Path(__file__).resolve().parents[1] / "topologies").glob("*.yaml"))
# Instead of running: what depends on the machine is as if all of it were there, and the lines are printed.
PRINT = """\
where_off() { "${@:2}"; }
keep_router_advertisements() { :; }
file() { add host file "$1 ${2:--} $(in_one_line)"; }
ACTION=up
begin
topology
printf '%s\n' "${LINES[@]}"
}
"""


@pytest.mark.parametrize("topology", [*ALL_EXAMPLES, *TOPOLOGIES], ids=lambda path: path.stem)
def test_lines_are_the_scripts(topology: Path) -> None:
    """Every line, in order."""
    inputs = Inputs(folder=str(EXAMPLES), read=read_file, identity=identity)
    found = compile_topology(topology.name, topology.read_bytes(), inputs).topology
    assert found is not None
    plan = make_plan(found)
    script = targets.script(plan).removesuffix('main "$@"\n}\n') + PRINT
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    taken = [line for line in done.stdout.splitlines() if line]
    # The tables of one node and tool come as one text, and a chain's rules behind the names of all chains.
    assert sorted(taken) == sorted(map(str, lines(plan)))
    for kind in {(line.node, line.kind) for line in lines(plan)}:
        if not kind[1].endswith("tables"):
            mine = [str(line) for line in lines(plan) if (line.node, line.kind) == kind]
            assert mine == [line for line in taken if tuple(line.split(" ", 2)[:2]) == kind]
