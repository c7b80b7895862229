"""Topologies of ours: built, read, written as a topology, and built again: the same is there.

A few of them; all with NSGEN_ROUND_TRIPS=all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from buildings import built_topology, facts

from nsgen.capturing.topology import capture
from nsgen.proof.state import State

pytestmark = pytest.mark.xdist_group("round trips")  # which are built once
TOP = Path(__file__).resolve().parents[2]
FEW = (
    "examples/article.yaml", "examples/uplinks.yaml", "tests/topologies/peers.yaml",
    "tests/topologies/isolate.yaml", "examples/transparent.yaml", "tests/topologies/beside.yaml",
    "tests/topologies/published.yaml",
)  # fmt: skip
FOLDERS = ("examples", "examples/steps", "tests/topologies")
ALL = sorted(str(p.relative_to(TOP)) for folder in FOLDERS for p in (TOP / folder).glob("*.yaml"))
# What does not come back the same, and why.
OTHERWISE = {
    "tests/topologies/udp-proxy.yaml": "it wants a host with an uplink",
    "tests/topologies/uplinks-host.yaml": "it wants a host with an uplink",
}
CHOSEN = ALL if os.environ.get("NSGEN_ROUND_TRIPS") == "all" else FEW


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> State:
    """A machine on which nothing has been built."""
    topology = tmp_path_factory.mktemp("nothing") / "nothing.yaml"
    topology.write_text("name: nothing\nhost: {sysctls: {net.ipv4.ip_default_ttl: 64}}\n")
    return built_topology(topology)


@pytest.mark.parametrize("name", CHOSEN)
def test_round_trip(nothing: State, name: str, tmp_path: Path) -> None:
    """The same devices, addresses, routes, rules, parameters, files and processes, on the same nodes."""
    if name in OTHERWISE:
        pytest.skip(OTHERWISE[name])
    first = built_topology(TOP / name)
    found = capture(first, nothing)
    written = tmp_path / "topology.yaml"
    written.write_text(found.text)
    assert found.compiled.topology is not None, found.compiled.findings()
    assert not found.notes.by_exec, found.notes.by_exec
    second = built_topology(written)
    before, after = facts(first, nothing), facts(second, nothing)
    assert {"lost": before - after, "more": after - before} == {"lost": {}, "more": {}}
