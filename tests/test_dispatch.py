"""Many published ports: which chains there are, and what a packet meets in them."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from math import isqrt

import pytest

from compiling import compile_text
from firewall import Machine, Packet
from nsgen import dispatch
from nsgen.ops import Chain
from nsgen.plan import Plan

UPLINK = "172.16.1.4"
OUTSIDE = ipaddress.ip_address("172.16.1.5")


def one_port_each(number: int) -> str:
    """Write a topology of namespaces that publish one port each."""
    lines = [
        "name: many",
        "networks: {lan0: {subnet: 10.64.0.0/20, internet: true}}",
        "namespaces:",
    ]
    for index in range(number):
        address = ipaddress.ip_address("10.64.0.2") + index
        lines.append(
            f"  n{index}: {{networks: {{lan0: {address}}}, publish: ['{10001 + index}:80']}}"
        )
    return "\n".join(lines)


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
    "text", [one_port_each(100), many_of_one(100)], ids=["each one", "one many"]
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


@pytest.mark.parametrize("number", [100, 1000])
def test_a_packet_meets_few_rules(number: int) -> None:
    """Of N ports, a packet is compared with the rules of about 2 * sqrt(N) at most, on each of its ways."""
    plan = compile_text(one_port_each(number))
    machine = Machine(plan, UPLINK)
    last = Packet(
        src=OUTSIDE, dst=ipaddress.ip_address(UPLINK), proto="tcp", dport=10000 + number, iif="eth0"
    )
    inside = machine.send(last).packet
    assert inside.translated
    bound = 3 * isqrt(number) + 10
    assert 2 < met(machine, "nat", "PREROUTING", last) <= bound
    assert 2 < met(machine, "filter", "FORWARD", inside) <= bound
    assert 2 < met(machine, "nat", "POSTROUTING", inside) <= bound


def test_few_ports_are_one_chain() -> None:
    """Up to 32 ports there is no other chain, and with one more there are."""
    few, more = compile_text(one_port_each(32)), compile_text(one_port_each(33))
    assert not [chain for chain in few.of(Chain) if chain.name[-1].isdigit()]
    assert [chain for chain in more.of(Chain) if chain.name[-1].isdigit()]
    assert all(len(chain.name) <= 28 for chain in more.of(Chain))  # XT_EXTENSION_MAXNAMELEN
