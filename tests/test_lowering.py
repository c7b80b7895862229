"""What a topology is lowered to, as far as it shows without a kernel."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiling import compile_data, compile_text
from firewall import Machine, Packet
from nsgen.ops import (
    Chain,
    ForgetUdp,
    Jump,
    Op,
    Rule,
    RunCommand,
    SetLink,
    StartService,
    WriteFile,
)
from nsgen.plan import Plan
from nsgen.resolve import derived_mac, device_name
from strays import astray
from vantage import (
    AUDIENCES,
    REACHES,
    UPLINK,
    Case,
    address,
    asks,
    compiled,
    expected,
    observed,
    proxies,
    source,
)

HERE = Path(__file__).resolve().parent
INTERNET = {"internet": "true"}
ROUTED = {"internet": "true", "masquerade": "false"}
INTERNAL: dict[str, str] = {}
ISOLATED = {"internet": "true", "isolate": "true", "bridge_netfilter": "off"}
NETWORKS = {"internet": INTERNET, "routed": ROUTED, "internal": INTERNAL}
FILTERS = ("host", "bridge", "off")
HOST_IPS = {
    4: ("172.16.1.4", "192.168.15.1", "192.168.16.1", "127.0.0.1", "0.0.0.0"),
    6: ("fd00:1::4", "fd00:15::1", "::1", "::"),
}

each_via = pytest.mark.parametrize("via", ["dnat", "proxy"])
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
    else:
        yield " ".join(op.argv())


def written_cases() -> Iterator[Any]:
    """Read every case under tests/lowering."""
    for path in sorted((HERE / "lowering").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield pytest.param(case, id=f"{path.stem}: {case['it']}")


@pytest.mark.parametrize("case", list(written_cases()))
def test_lines(case: dict[str, Any]) -> None:
    """Of the lines with a certain text in them, a topology has exactly those that are listed."""
    found = list(lines(compile_text(case["topology"])))
    for text, listed in case["lines"].items():
        assert [line for line in found if text in line] == listed


# -- who reaches a published port ---------------------------------------------------------------


def mismatches(case: Case) -> Iterator[str]:
    """Give everything that a case's rules do to those who ask for the port, and should not."""
    plan = compiled(case)
    if plan is not None:
        yield from misled(case, plan)
    elif any(expected(case, ask) in ("translated", "proxied") for ask in asks(case)):
        yield f"{case}: refused, although somebody could use the port"


def misled(case: Case, plan: Plan) -> Iterator[str]:
    """Give what the rules of a plan do that they should not."""
    uplink = UPLINK[case.version]
    closed = Machine(plan, uplink, policy="DROP")
    machines = [closed, Machine(plan, uplink)]
    if case.network.get("isolate") != "true":
        machines.append(Machine(plan, uplink, policy="DROP", filtered=True))
    proxied = proxies(plan, case)
    for ask in asks(case):
        should = expected(case, ask)
        for machine in machines:
            does = observed(machine, case, ask, proxied=proxied)
            if does != should:
                yield f"{case}: {ask}: expected {should}, got {does}"
        if should == "translated" and not case.also:
            src = closed.send(ask.packet(case)).packet.src
            if src != source(case, ask):
                yield f"{case}: {ask}: red sees {src}, expected {source(case, ask)}"
        if should == "translated" and ask.audience == "self":
            port = closed.cable("red", "veth-red")
            if not closed.port_flag(port, "hairpin"):
                yield f"{case}: {ask}: hairpin mode of {port} is off"


def all_of(cases: Iterator[Case]) -> list[str]:
    """Try many cases; the same mistake is shown once."""
    shown: dict[str, str] = {}
    for case in cases:
        for text in mismatches(case):
            shown.setdefault(text.partition(": expected ")[2] or text, text)
    return list(shown.values())


@each_via
@each_version
@pytest.mark.parametrize("network", NETWORKS)
def test_each_reach_is_who_is_answered(via: str, version: int, network: str) -> None:
    """Each of the 31 subsets of `reach` is answered, nobody else is, and red sees who asks where it can."""
    assert not all_of(
        Case(
            reach=reach,
            via=via,
            version=version,
            network=NETWORKS[network] | {"bridge_netfilter": filters},
        )
        for reach in REACHES
        for filters in FILTERS
        if network != "internal" or "outside" not in reach  # refused: nobody there is answered
    )


@each_via
@each_version
def test_host_ip_is_the_only_address_that_answers(via: str, version: int) -> None:
    """A port published on one address of the host leaves all its other addresses alone."""
    assert not all_of(
        Case(reach=reach, via=via, version=version, host_ip=host_ip)
        for reach in REACHES
        for host_ip in HOST_IPS[version]
    )


@each_via
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("also", ["16", "17"])
def test_reach_of_a_namespace_on_two_networks(via: str, filters: str, also: str) -> None:
    """Who is on another network of the publishing namespace is answered like everybody else."""
    assert not all_of(
        Case(
            reach=reach,
            via=via,
            network=network | {"bridge_netfilter": filters},
            green=ROUTED,
            also=(also,),
        )
        for reach in (("network",), ("self",), ("host", "network", "self"), AUDIENCES)
        for network in (INTERNET, INTERNAL)
        if network or "outside" not in reach
    )


@each_via
@pytest.mark.parametrize("protocol", ["udp", "sctp"])
def test_reach_by_other_protocols(via: str, protocol: str) -> None:
    """UDP and SCTP ports are published like TCP ports."""
    assert not all_of(Case(reach=reach, via=via, protocol=protocol) for reach in REACHES)


@each_via
def test_reach_beside_networks_of_other_kinds(via: str) -> None:
    """How a client's own network leads out changes nothing about who is answered."""
    assert not all_of(
        Case(reach=reach, via=via, network=network, green=green)
        for reach in REACHES
        for network in (INTERNET, ROUTED, ISOLATED)
        for green in (ROUTED, INTERNAL)
    )


# -- everybody else -----------------------------------------------------------------------------


@each_via
@each_version
@pytest.mark.parametrize("network", ["internet", "routed", "internal", "isolated"])
def test_everything_else_is_left_alone(via: str, version: int, network: str) -> None:
    """No connection to somewhere else is hijacked, no way in is open beside the published port, nothing is forged."""
    found: dict[str, str] = {}
    for reach in (AUDIENCES, ("outside",), ("host",), ("host", "loopback"), ("network", "self")):
        for green in (INTERNET, ROUTED):
            keys = {**NETWORKS, "isolated": ISOLATED}[network]
            case = Case(reach=reach, via=via, version=version, network=keys, green=green)
            plan = compiled(case)
            for text in astray(case, plan) if plan is not None else ():
                found.setdefault(text.removeprefix(str(case)), text)
    assert list(found.values()) == []


def without(plan: Plan, gone: Op) -> Plan:
    """Take a rule, a jump or a setting out of a plan."""

    def kept(op: Op) -> Op:
        if not isinstance(op, Chain):
            return op
        return dataclasses.replace(op, rules=tuple(r for r in op.rules if r is not gone))

    sections = [
        dataclasses.replace(
            section,
            steps=tuple(
                dataclasses.replace(step, ops=tuple(kept(op) for op in step.ops if op is not gone))
                for step in section.steps
            ),
        )
        for section in plan.sections
    ]
    return dataclasses.replace(plan, sections=tuple(sections))


def parts(plan: Plan) -> Iterator[Rule | Jump | SetLink]:
    """Give what no published port works without."""
    for op in plan.ops:
        if isinstance(op, Jump) or (isinstance(op, SetLink) and "bridge_slave" in op.settings):
            yield op
        elif isinstance(op, Chain) and op.table != "filter":
            yield from op.rules


@pytest.mark.parametrize(
    "case",
    [Case(), Case(version=6), Case(network=ISOLATED), Case(network=ROUTED, green=INTERNAL)],
    ids=["IPv4", "IPv6", "isolated", "routed"],
)
def test_no_rule_is_idle(case: Case) -> None:
    """Without any one of the rules in raw and nat, the jumps and the flags of ports, these tests find something wrong."""
    plan = compiled(case)
    assert plan is not None
    before = {*misled(case, plan), *astray(case, plan)}
    idle = [
        " ".join(part.argv())
        for part in parts(plan)
        if {*misled(case, less := without(plan, part)), *astray(case, less)} <= before
    ]
    assert idle == []


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
    report, plan = compile_data({"name": "t", "networks": networks, "namespaces": namespaces})
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
from nsgen import targets
for name in sys.argv[1:]:
    files = targets.tree(compile_text(Path(name).read_text()))
    for path, file in files.items():
        print(name, path, hashlib.sha256(file.text.encode()).hexdigest())
"""


def test_hash_seeds_change_nothing(tmp_path: Path) -> None:
    """A topology renders to the same bytes whatever order Python's sets have."""
    texts = [case.values[0]["topology"] for case in written_cases()]
    texts += [path.read_text() for path in sorted((HERE.parent / "examples").glob("*.yaml"))]
    names = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).write_text(text)
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS, *(str(tmp_path / name) for name in names)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{HERE}:{HERE.parent}/gen"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    ]
    assert digests[0].count("setup.sh") == len(texts)
    assert set(digests) == {digests[0]}
