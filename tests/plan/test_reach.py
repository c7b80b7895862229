"""Who reaches a published port, and who does not, by the rules alone: each `reach`, and each packet beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import pytest
from click.testing import CliRunner

from compiling import compile_text
from firewall import Machine
from nsgen.cli.commands import main
from nsgen.language.kinds import kinds
from nsgen.language.kinds.kind import Port, WrittenInterface
from nsgen.language.kinds.place import NEAR, NodeDevice
from nsgen.language.scalars import DEVICE
from nsgen.language.schema import ListOf, key
from nsgen.ops import Chain, Jump, Op, Rule, SetLink
from nsgen.plan.steps import Plan
from nsgen.reach.ways import Reach
from strays import astray
from vantage import (
    AUDIENCES,
    REACHES,
    UPLINK,
    Case,
    asks,
    compiled,
    expected,
    observed,
    proxies,
    source,
)

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


def agree(cases: Iterator[Case]) -> None:
    """Try many cases, and fail with every mistake, the same one shown once."""
    shown: dict[str, str] = {}
    for case in cases:
        for text in mismatches(case):
            shown.setdefault(text.partition(": expected ")[2] or text, text)
    if shown:
        pytest.fail("\n".join(shown.values()), pytrace=False)


@each_via
@each_version
@pytest.mark.parametrize("network", NETWORKS)
def test_each_reach_is_who_is_answered(via: str, version: int, network: str) -> None:
    """Each of the 31 subsets of `reach` is answered, nobody else is, and red sees who asks where it can."""
    agree(
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
    agree(
        Case(reach=reach, via=via, version=version, host_ip=host_ip)
        for reach in REACHES
        for host_ip in HOST_IPS[version]
    )


@each_via
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("also", ["16", "17"])
def test_reach_of_a_namespace_on_two_networks(via: str, filters: str, also: str) -> None:
    """Who is on another network of the publishing namespace is answered like everybody else."""
    agree(
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
    agree(Case(reach=reach, via=via, protocol=protocol) for reach in REACHES)


@each_via
def test_reach_beside_networks_of_other_kinds(via: str) -> None:
    """How a client's own network leads out changes nothing about who is answered."""
    agree(
        Case(reach=reach, via=via, network=network, green=green)
        for reach in REACHES
        for network in (INTERNET, ROUTED, ISOLATED)
        for green in (ROUTED, INTERNAL)
    )


@each_via
@each_version
@pytest.mark.parametrize("also", [(), ("16",)])
def test_members_that_are_answered_by_their_own_ports_alone(
    via: str, version: int, also: tuple[str, ...]
) -> None:
    """Who asks by such a network gets no port of another one, not even his own; and all others are as they were."""
    closed = {"published_ports": "own"}
    agree(
        Case(
            reach=reach, via=via, version=version, network=network, green=green | closed, also=also
        )
        for reach in REACHES
        for network in (INTERNET, INTERNAL)
        for green in (INTERNET, ROUTED, INTERNAL)
        if network or "outside" not in reach
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
    if found:
        pytest.fail("\n".join(found.values()), pytrace=False)


def without(plan: Plan, gone: Op | Rule) -> Plan:
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
    [
        Case(),
        Case(version=6),
        Case(network=ISOLATED),
        Case(network=ROUTED, green=INTERNAL),
        Case(green={"published_ports": "own"}, also=("16",)),
    ],
    ids=["IPv4", "IPv6", "isolated", "routed", "own"],
)
def test_no_rule_is_idle(case: Case) -> None:
    """Without any one rule of raw or nat, jump or flag of a port, these tests find something wrong."""
    plan = compiled(case)
    assert plan is not None
    before = {*misled(case, plan), *astray(case, plan)}
    idle = [
        " ".join(part.argv())
        for part in parts(plan)
        if {*misled(case, less := without(plan, part)), *astray(case, less)} <= before
    ]
    assert idle == []


# -- many ports ---------------------------------------------------------------------------------


@each_via
@each_version
@pytest.mark.parametrize("network", NETWORKS)
def test_chains_for_ranges_of_ports_let_the_same_pass(
    via: str, version: int, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were one port many, its rules in chains of their own, everybody would be answered as before, and nobody else."""
    monkeypatch.setattr("nsgen.plan.dispatch.MANY", 0)
    test_each_reach_is_who_is_answered(via, version, network)
    test_everything_else_is_left_alone(via, version, network)


# -- a kind that says nothing of its wiring -----------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeUp(WrittenInterface):
    """A kind of interface that is nobody's."""

    link: NodeDevice | None = key(NEAR, "The device below.", default=None)
    ports: tuple[str, ...] = key(ListOf(DEVICE, lone=True), "Its ports.", default=())

    KIND: ClassVar[str] = "made-up"

    @property
    def parent(self) -> NodeDevice | None:
        """The device below."""
        return self.link

    @property
    def members(self) -> dict[str, Port]:
        """Its ports."""
        return dict.fromkeys(self.ports, Port())


ALONE = """\
name: alone
namespaces:
  red: {interfaces: {mu0: {type: made-up, address: 10.0.0.1/24}}}
  blue: {interfaces: {mu0: {type: made-up, address: 10.0.0.2/24}}}
links: [{endpoints: {red:eth1: 10.1.0.1/24, blue:eth1: 10.1.0.2/24}}]
"""
ABOVE = """\
name: above
namespaces:
  red: {interfaces: {mu0: {type: made-up, link: eth1, address: 10.0.0.1/24}}}
  blue: {}
links: [{endpoints: {red:eth1: [], blue:eth1: 10.0.0.2/24}}]
"""
PORTS = """\
name: ports
namespaces:
  red: {}
  blue: {}
  switch: {interfaces: {mu0: {type: made-up, ports: [eth1, eth2], address: 10.0.0.3/24}}}
links:
  - endpoints: {switch:eth1: 10.0.0.4/24, red:eth1: 10.0.0.1/24}
  - endpoints: {switch:eth2: [], blue:eth1: 10.0.0.2/24}
"""


@pytest.mark.parametrize("text", [ALONE, ABOVE, PORTS], ids=["alone", "above", "ports"])
def test_of_a_kind_that_says_nothing_nothing_is_told(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is reached by such an interface is not known: there is no warning, and no claim."""
    monkeypatch.setitem(kinds(), MadeUp.KIND, MadeUp)
    done = CliRunner().invoke(main, ["check", "--reach", "--strict", "-"], input=text)
    assert (done.exit_code, done.stderr) == (0, "")
    topology = compile_text(text).topology
    reach = Reach(topology)
    for device in reach.segments.devices:
        for asker in topology.namespaces:
            for address in device.addresses if asker.name != device.node else ():
                known = text == ALONE and device.name == "eth1"
                status = reach.verdict(asker.name, address.ip).status
                assert status == ("ok" if known else "unknown"), (asker.name, address)
