"""Many published ports: which chains there are, and what a packet meets in them."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator

import pytest

from compiling import compile_text
from firewall import Machine, Packet
from nsgen.ops import ACCEPT, Chain, Match
from nsgen.plan import dispatch
from nsgen.plan.steps import Plan
from nsgen.values import Ports

UPLINK = "172.16.1.4"
OUTSIDE = ipaddress.ip_address("172.16.1.5")


def one_port_each(number: int) -> str:
    """Write a topology of namespaces that publish one port each, a thousand on a network."""
    networks, lines = ["networks:"], ["name: many", "namespaces:"]
    for lan in range(-(-number // 1000)):
        subnet = ipaddress.ip_address("10.64.0.0") + lan * 1024
        networks.append(f"  lan{lan}: {{subnet: {subnet}/22, internet: true}}")
        lines += [
            f"  n{index}: {{networks: {{lan{lan}: {subnet + 2 + index % 1000}}}, publish: ['{10001 + index}:80']}}"
            for index in range(lan * 1000, min(number, lan * 1000 + 1000))
        ]
    return "\n".join([*lines, *networks])


def many_of_one(number: int) -> str:
    """Write a topology with one namespace that publishes ports of two protocols, ranges among them."""
    ports = [f"{10001 + index * 3}:{1 + index}" for index in range(number)]
    ports += [
        f"{20001 + index * 30}-{20020 + index * 30}:80-99/udp" for index in range(number // 4)
    ]
    lines = [
        "name: many",
        "networks: {lan0: {subnet: 10.64.0.0/20, internet: true}}",
        "namespaces:",
    ]
    return "\n".join([*lines, f"  red: {{networks: [lan0], publish: {ports}}}"])


def met(machine: Machine, table: str, chain: str, packet: Packet) -> int:
    """Count the rules that a packet is compared with."""
    count = 0
    matches = machine._matches  # noqa: SLF001 - a count of what the model does anyhow
    rules = machine._chains  # noqa: SLF001

    def walk(name: str) -> bool:
        nonlocal count
        for rule in rules[table, name]:
            count += 1
            if all(matches(packet, *match) for match in rule.matches):
                if (table, rule.target) not in rules:
                    return True
                if walk(rule.target):
                    return True
        return False

    walk(chain)
    return count


def packets(plan: Plan) -> Iterator[Packet]:
    """Give packets to ports that are published, and to their neighbours that are not."""
    chosen = random.Random(1)  # noqa: S311 - the same ones each time
    published = [
        port for p in plan.topology.publications for port in (p.published.first, p.published.last)
    ]
    for port in chosen.sample(published, min(80, len(published))):
        for near in (port - 1, port, port + 1):
            for proto in ("tcp", "udp"):
                yield Packet(
                    src=OUTSIDE,
                    dst=ipaddress.ip_address(UPLINK),
                    proto=proto,
                    dport=near,
                    iif="eth0",
                )


@pytest.mark.parametrize(
    "text",
    [one_port_each(100), many_of_one(100), one_port_each(1200), many_of_one(1000)],
    ids=["each one", "one many", "each one, twice", "one many, twice"],
)
def test_chains_for_ranges_decide_as_one_chain_does(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ranges of ports and two protocols, every packet goes where it would go by one long chain."""
    split = compile_text(text)
    monkeypatch.setattr(dispatch, "MANY", 10**9)
    whole = compile_text(text)
    assert len(split.of(Chain)) > len(whole.of(Chain)) + 10
    by_range, by_one = Machine(split, UPLINK, policy="DROP"), Machine(whole, UPLINK, policy="DROP")
    fates = set()
    for packet in packets(split):
        assert by_range.send(packet) == by_one.send(packet)
        fates.add(by_one.send(packet).fate)
    assert len(fates) > 1


@pytest.mark.parametrize(("number", "bound"), [(100, 40), (1000, 100), (4000, 80)])
def test_a_packet_meets_few_rules(number: int, bound: int) -> None:
    """Of N ports, a packet is compared with few rules on each of its ways; of 4,000 with fewer than of 1,000."""
    plan = compile_text(one_port_each(number))
    machine = Machine(plan, UPLINK)
    last = Packet(
        src=OUTSIDE, dst=ipaddress.ip_address(UPLINK), proto="tcp", dport=10000 + number, iif="eth0"
    )
    inside = machine.send(last).packet
    assert inside.translated
    assert 2 < met(machine, "nat", "PREROUTING", last) <= bound
    assert 2 < met(machine, "filter", "FORWARD", inside) <= bound
    assert 2 < met(machine, "nat", "POSTROUTING", inside) <= bound


def apart(number: int) -> str:
    """Write a topology of networks that are far from each other, with one namespace each."""
    lines = ["name: abcdefghijklmno", "namespaces:"]
    networks = ["networks:"]
    for index in range(number):
        subnet = ipaddress.ip_address("10.0.0.0") + index * 4096
        networks.append(f"  l{index}: {{subnet: {subnet}/24, internet: true}}")
        lines.append(f"  n{index}: {{networks: [l{index}], publish: ['{10001 + index}:80']}}")
    return "\n".join([*lines, *networks])


def test_the_names_of_many_chains_fit() -> None:
    """As far apart as addresses may be, and however many they are, a chain has a number of three digits."""
    chains = compile_text(apart(1100)).of(Chain)
    assert len([chain for chain in chains if not chain.role]) > 100
    assert all(len(chain.name) <= 28 for chain in chains)
    for number in (1025, 10_000, 60_000, 120_000):
        run = [("", Match(proto="tcp", dport=Ports(port, port)), ACCEPT) for port in range(number)]
        kept, taken = dispatch.dispatch(run, "{:03}".format)
        assert len(kept) < 50
        assert max(map(len, taken)) == 3


def test_a_chain_is_made_before_another_leads_there() -> None:
    """As `iptables -A` wants it, in the plain style."""
    made: set[tuple[str, str]] = set()
    chains = compile_text(one_port_each(1200)).of(Chain)
    names = {(chain.table, chain.name) for chain in chains}
    for chain in chains:
        targets = {(chain.table, rule.verdict.target) for rule in chain.rules}
        assert targets & names <= made
        made.add((chain.table, chain.name))
    assert len(made) > 100


def test_few_ports_are_one_chain() -> None:
    """Up to 32 ports there is no other chain, and with one more there are."""
    few, more = compile_text(one_port_each(32)), compile_text(one_port_each(33))
    assert not [chain for chain in few.of(Chain) if not chain.role]
    assert [chain for chain in more.of(Chain) if not chain.role]
    assert all(len(chain.name) <= 28 for chain in more.of(Chain))  # XT_EXTENSION_MAXNAMELEN
