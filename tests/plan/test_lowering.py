"""What a topology is lowered to, as far as it shows without a kernel."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiling import ALL_EXAMPLES, compile_data, compile_text
from firewall import Machine, Packet
from nsgen.ops import (
    Chain,
    ForgetUdp,
    KeepAdvertisements,
    Op,
    RunCommand,
    StartService,
    WriteFile,
)
from nsgen.plan.steps import Plan
from nsgen.topology.names import derived_mac, device_name
from vantage import (
    UPLINK,
    Case,
    address,
)

TESTS = Path(__file__).resolve().parents[1]
each_version = pytest.mark.parametrize("version", [4, 6])


# -- lines --------------------------------------------------------------------------------------


def lines(plan: Plan) -> Iterator[str]:
    """Give what a plan does, an action a line, with the node in front."""
    for op in plan.ops:
        yield from (f"{op.node}: {line}" for line in _lines(op))


def _lines(op: Op) -> Iterator[str]:
    if isinstance(op, Chain):
        yield from (" ".join(rule.argv()) for rule in op.rules)
    elif isinstance(op, WriteFile):
        yield from (f"write {op.path}: {line}" for line in op.text.splitlines())
    elif isinstance(op, ForgetUdp):
        yield from map(" ".join, op.each())
    elif isinstance(op, StartService):
        yield f"service {op.name}: {' '.join(op.argv())}"
    elif isinstance(op, RunCommand):
        yield f"run: {' '.join(op.argv())}"
        yield from (f"undo: {' '.join(argv)}" for argv in op.undo())
    elif isinstance(op, KeepAdvertisements):
        yield "keep router advertisements"
    else:
        yield " ".join(op.argv())


def written_cases() -> Iterator[Any]:
    """Read every case under tests/lowering."""
    for path in sorted((TESTS / "lowering").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield pytest.param(case, id=f"{path.stem}: {case['it']}")


@pytest.mark.parametrize("case", list(written_cases()))
def test_lines(case: dict[str, Any]) -> None:
    """Of the lines with a certain text in them, a topology has exactly those that are listed."""
    found = list(lines(compile_text(case["topology"])))
    for text, listed in case["lines"].items():
        assert [line for line in found if text in line] == listed


# -- ranges of ports and of namespaces ----------------------------------------------------------


@each_version
@pytest.mark.parametrize(
    ("published", "target"),
    [
        ("8000-8002", "8000-8002"),
        ("8000-8002", "9000-9002"),
        ("8000-8002", "80-82"),
        ("8000", "80"),
    ],
)
def test_ports_map_one_to_one(version: int, published: str, target: str) -> None:
    """Each port of a range is translated to its own, also where the ranges differ."""
    data = Case(version=version).topology()
    data["namespaces"]["red"]["publish"] = [f"{published}:{target}"]
    _, plan = compile_data(data)
    assert plan is not None
    machine = Machine(plan, UPLINK[version], policy="DROP")
    uplink, red = machine.uplink, address("15", "2", version)
    first, last = (int(port) for port in (published.split("-") * 2)[:2])
    shift = int(target.partition("-")[0]) - first
    for port in range(first - 1, last + 2):
        outcome = machine.send(Packet(uplink + 1, uplink, port, "eth0"))
        if first <= port <= last:
            assert (outcome.fate, outcome.packet.dst) == ("arrives", red)
            assert outcome.packet.dport == port + shift
        else:
            assert (outcome.fate, outcome.packet.dport) == ("local", port)


def test_a_hundred_namespaces() -> None:
    """`NAME[1-100]` is a hundred namespaces, each with an address and a device of its own."""
    plan = compile_text("""
name: demo
networks: {bridge0: {subnet: [192.168.15.0/24, "fd00:15::/64"], internet: true}}
namespaces: {"node[1-100]": {networks: [bridge0]}}
""")
    namespaces = plan.topology.namespaces
    assert [namespace.name for namespace in namespaces] == [f"node{n}" for n in range(1, 101)]
    members = [member for namespace in namespaces for member in namespace.members]
    assert [str(member.addresses[0]) for member in members] == [
        f"192.168.15.{n}/24" for n in range(2, 102)
    ]
    assert len({member.addresses[1] for member in members}) == 100
    assert len({member.peer for member in members}) == 100
    assert all(member.device == f"veth-{member.namespace}" for member in members)


# -- names and addresses that are made ----------------------------------------------------------


def test_shortened_device_names_differ() -> None:
    """Device names that are too long become names that the kernel takes, and ten thousand of them differ."""
    names = [f"veth-a-namespace-{number}-br" for number in range(10_000)]
    made = [device_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(len(name) == 15 and name.isascii() for name in made)
    assert [device_name("veth-worker1-br"), device_name("veth-worker10-b")] == [
        "veth-worker1-br",
        "veth-worker10-b",
    ]


@pytest.mark.parametrize(
    "namespaces",
    [
        {"a": {"networks": ["one"]}, "b": {"networks": {"one": {"peer": "veth-a-br"}}}},
        {"b": {"networks": {"one": {"peer": "veth-a-br"}}}, "a": {"networks": ["one"]}},
        {"a": {"networks": {"one": {}, "two": {}}}, "a-two": {"networks": ["one"]}},
        {"a": {"networks": {"one": {"peer": "two"}}}},
        {"a": {"networks": {"one": {"interface": "veth-a-two"}, "two": {}}}},
    ],
    ids=["written later", "written before", "made twice", "a bridge's", "inside"],
)
def test_device_names_that_collide_are_refused(namespaces: dict[str, Any]) -> None:
    """Two devices of one node never get one name: it is an error that says which."""
    networks: dict[str, Any] = {"one": {}, "two": {}}
    everybody = {**namespaces, "z": {"networks": ["two"]}}
    report, plan = compile_data({"name": "t", "networks": networks, "namespaces": everybody})
    assert plan is None
    assert [finding.severity for finding in report.findings] == ["error"]


def test_made_addresses_are_ones_that_a_device_can_have() -> None:
    """A derived MAC address is unicast and locally administered, and another for each name."""
    made = [derived_mac(f"demo/bridge{number}") for number in range(1000)]
    assert len(set(made)) == len(made)
    assert {int(mac[:2], 16) & 3 for mac in made} == {2}


# -- the same every time ------------------------------------------------------------------------

DIGESTS = """
import hashlib, sys
from pathlib import Path
from compiling import compile_text
from nsgen.script import targets
for name in sys.argv[1:]:
    files = targets.tree(compile_text(Path(name).read_text()))
    for path, file in files.items():
        print(name, path, hashlib.sha256(file.text.encode()).hexdigest())
"""


def test_hash_seeds_change_nothing(tmp_path: Path) -> None:
    """A topology renders to the same bytes whatever order Python's sets have."""
    texts = [case.values[0]["topology"] for case in written_cases()]
    texts += [path.read_text() for path in ALL_EXAMPLES]
    names = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).write_text(text)
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS, *(str(tmp_path / name) for name in names)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{TESTS}:{TESTS.parent}/gen"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    ]
    assert digests[0].count("setup.sh") == len(texts)
    assert set(digests) == {digests[0]}
