"""The ways of a page: whoever is to be answered gets through, and to whom has to answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiling import ALL_EXAMPLES
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology
from nsgen.language.yaml.include import Inputs
from nsgen.page.walk import way_of
from nsgen.page.ways import Ways
from nsgen.plan.make import make_plan
from nsgen.proof.claims.all import Claims
from nsgen.proof.claims.claim import Claim
from nsgen.proof.claims.scene import choose
from nsgen.reach.ways import Reach
from nsgen.topology import needs

CHECKOUT = Path(__file__).resolve().parents[2]
TOPOLOGIES = sorted((CHECKOUT / "tests/topologies").glob("*.yaml"))


def ways_of(topology: Path) -> tuple[Ways, list[Claim]]:
    """The ways of a topology, and what it claims."""
    inputs = Inputs(folder=str(topology.parent), read=read_file, identity=identity)
    found = compile_topology(str(topology), topology.read_bytes(), inputs).topology
    assert found is not None
    plan = make_plan(found)
    scene = choose(plan.topology)
    return Ways(plan, scene, Reach(plan.topology)), Claims(plan.topology, scene).all()


@pytest.mark.parametrize("topology", [*ALL_EXAMPLES, *TOPOLOGIES], ids=lambda path: path.stem)
def test_who_is_answered_gets_through(topology: Path) -> None:
    """No rule stops a question that is to be answered; and its way, if it is known to the end, ends where it should."""
    ways, claims = ways_of(topology)
    for claim in claims:
        if not claim.answered:
            continue
        way = way_of(claim, ways)
        assert not way.stopped, (claim, way)
        if claim.by and not (way.over or len(way.stops) < 2 or by_a_process(claim, ways)):
            assert way.stops[-1].node == claim.by, (claim, way)


def by_a_process(claim: Claim, ways: Ways) -> bool:
    """Whether a proxy on the host may get the connection, and asks on by itself."""
    return any(
        needs.proxied(p) and p.published.first <= claim.port <= p.published.last
        for p in ways.topology.publications
    )
