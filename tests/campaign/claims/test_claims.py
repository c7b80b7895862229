"""Whatever people ordinarily write, `nsgen verify` has nothing against the script that it becomes.

A claim that does not hold is a hole in the script, or a claim that is wrong. It is reported with the smallest topology
that still fails in the same way. `make test-claims N=1000 SEED=7` tries a thousand topologies, from that seed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

import ordinary
from nsgen.compiler import Compiled, compile_topology
from nsgen.language import spec
from nsgen.language.kinds.link import WrittenLink
from nsgen.language.networks import Attachment, Network, Publish
from nsgen.language.routing import Route
from nsgen.language.yaml.excerpt import unpainted
from nsgen.plan.make import make_plan
from nsgen.proof.claims.scene import Option
from nsgen.proof.rehearse import Result, VerifyError, rehearse
from nsgen.proof.result import Verified
from nsgen.report import Report
from nsgen.script import targets
from nsgen.topology.model import Topology
from parts import keys_of
from shrink import smallest

FIRST, HOW_MANY = int(os.environ.get("SEED") or 0), int(os.environ.get("N") or 120)


def compiled(data: Any) -> Compiled:
    """Compile a topology as it is written."""
    return compile_topology("topology.yaml", ordinary.text(data).encode())


def verified(topology: Topology, host: tuple[Option, ...]) -> Result:
    """Rehearse the script of a topology."""
    return rehearse(topology, targets.script(make_plan(topology)), host=host)


def faults(result: Result) -> set[tuple[str, ...]]:
    """In which ways it fails, whoever it is that asks."""
    phases = {("phase", name) for name, ok, _ in result.phases if not ok}
    claims = (result.claims[index] for index in result.failures)
    return phases | {("claim", c.protocol, str(c.answered), c.asker, c.column) for c in claims}


def fails_alike(data: Any, host: tuple[Option, ...], before: set[tuple[str, ...]]) -> bool:
    """Whether another topology is right, and fails in one of the same ways."""
    topology = compiled(data).topology
    try:
        return topology is not None and bool(faults(verified(topology, host)) & before)
    except VerifyError:
        return False


def told(data: Any, host: tuple[Option, ...]) -> Iterator[str]:
    """What `nsgen verify` says of the smallest topology that still fails, and of which."""
    options = "".join(f" --host {option}" for option in host)
    topology = compiled(data).topology
    assert topology is not None
    yield ordinary.text(data)
    yield f"nsgen verify -{options}"
    yield Verified(topology, verified(topology, host)).show("text")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HOW_MANY))
def test_every_claim_holds(seed: int) -> None:
    """A topology as people write it is right, every claim of it holds, and nothing is left of it."""
    data, host = ordinary.topology(seed), ordinary.host(seed)
    found = compiled(data)
    assert found.topology is not None, "\n".join([ordinary.text(data), *found.show(9, unpainted)])
    result = verified(found.topology, host)
    if result.failed:
        ways = faults(result)
        least = smallest(data, lambda tried: fails_alike(tried, host, ways))
        first = Verified(found.topology, result).show("text")
        again = "" if least != data else "as it is, it did not fail in the same way again\n"
        pytest.fail(f"{first}\n{again}" + "\n".join(told(least, host)), pytrace=False)


def test_every_key_is_used() -> None:
    """They have, together, every key of what people write most, but what a kernel may lack, and what few write."""
    records = (Network, spec.WrittenNamespace, Attachment, Publish, WrittenLink, Route)
    known = {f"{record.__name__}.{key.name}" for record in records for key in fields(record)}
    used: set[str] = set()
    for seed in range(500):
        source = compiled(ordinary.topology(seed)).source
        assert source is not None
        used.update(keys_of(spec.read(source.data, Report())))
    rare = {
        "impair",
        "join",
        "link_local",
        "marks",
        "neighbours",
        "peer_mtu",
        "proxy_neighbours",
        "routing",
        "units",
        "uplinks",
    }  # tests/topologies has them
    left = {name for name in known if name.partition(".")[2] in rare} | {"Route.mtu"}
    assert known - used == left


def test_the_smallest() -> None:
    """What is not needed for a failure is left out of it, inside of what is needed, too."""
    data = {"a": {"b": [1, 2, {"c": 3, "d": 4}], "e": 5}, "f": 6}
    assert smallest(data, lambda tried: "'d': 4" in str(tried)) == {"a": {"b": [{"d": 4}]}}
