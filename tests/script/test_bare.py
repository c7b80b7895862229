"""What the plain style leaves out: marks, what is so anyway, and guards where there is nobody to guard."""

from __future__ import annotations

import pytest

from compiling import STEPS, compile_text
from nsgen.ops import HOST, AddBridge, Chain, SetLink, SetSysctl
from nsgen.plan.steps import Plan
from nsgen.script import targets
from nsgen.script.bare import bare

# "Set up the environment", the article's first section: its commands.
FIRST_SECTION = """\
ip netns add red
ip netns add blue
ip link add bridge0 type bridge
ip link add veth-red type veth peer name veth-red-br
ip link set veth-red netns red
ip link set veth-red-br master bridge0
ip -n red link set veth-red up
ip link set veth-red-br up
ip link add veth-blue type veth peer name veth-blue-br
ip link set veth-blue netns blue
ip link set veth-blue-br master bridge0
ip -n blue link set veth-blue up
ip link set veth-blue-br up
ip link set bridge0 up
"""


def commands(plan: Plan) -> list[str]:
    """The commands of the plain script, without the line with which it begins."""
    lines = targets.script(plan, "plain").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "set -e"))]


def test_the_first_step_is_the_articles_first_section() -> None:
    """A command of ours for each of the article's, or for two, and two for which it has none."""
    ours = commands(compile_text(STEPS[0].read_text()))
    assert all(line.startswith("ip ") for line in ours)
    assert len(ours) <= len(FIRST_SECTION.splitlines()) + 2
    beyond = [line for line in ours if " lo " in line or line.endswith("addrgenmode none")]
    assert beyond == [
        f"ip -n {name} link set dev {words}"
        for name in ("red", "blue")
        for words in ("lo up", f"veth-{name} addrgenmode none")
    ]
    assert [line.replace("addrgenmode none ", "") for line in ours if line not in beyond] == [
        "ip netns add red",
        "ip netns add blue",
        "ip link add name bridge0 type bridge",
        "ip link add name veth-red-br type veth peer name veth-red netns red",
        "ip link set dev veth-red-br master bridge0",
        "ip link set dev veth-red-br up",
        "ip link add name veth-blue-br type veth peer name veth-blue netns blue",
        "ip link set dev veth-blue-br master bridge0",
        "ip link set dev veth-blue-br up",
        "ip link set dev bridge0 up",
        "ip -n red link set dev veth-red up",
        "ip -n blue link set dev veth-blue up",
    ]


@pytest.mark.parametrize(
    "speaking",
    [
        "namespaces: {red: {networks: {bridge0: 10.0.0.2/24}}}",
        "namespaces: {red: {networks: [bridge0], services: {dhcp: {command: [dhclient]}}}}",
        "namespaces: {red: {networks: [bridge0], exec: [{up: [dhclient]}]}}",
        "namespaces: {red: {networks: [bridge0], interfaces: {eth9: {type: physical}}}}",
        "namespaces: {red: {networks: [bridge0], interfaces: {m: {type: macvlan, link: 'host:eth0'}}}}",
    ],
)
def test_guards_stay_where_somebody_could_have_an_address(speaking: str) -> None:
    """One address, or a program that could give one, and every rule is there."""
    plan = compile_text("name: a\nnetworks: {bridge0: {}}\n" + speaking)
    kept = [op for op in bare(plan).ops if isinstance(op, Chain | SetSysctl)]
    assert kept == [op for op in plan.ops if isinstance(op, Chain | SetSysctl)]
    assert len(kept) >= 3


def test_guards_go_where_nobody_has_an_address() -> None:
    """Without addresses there is nothing to let through, and nothing to keep out; what the author asks for stays."""
    plan = compile_text(
        "name: a\nnetworks: {bridge0: {}}\nnamespaces: {red: {networks: [bridge0]}}\n"
        "host: {sysctls: {net.ipv4.conf.bridge0.rp_filter: 1}}\n"
    )
    kept = [op for op in bare(plan).ops if isinstance(op, Chain | SetSysctl)]
    assert kept == [SetSysctl(HOST, "net.ipv4.conf.bridge0.rp_filter", "1")]


def test_marks() -> None:
    """No device has a mark, but for one that is called by a name too long for it."""
    plan = compile_text(
        "name: a\nnetworks: {bridge0: {}}\n"
        "namespaces: {red: {networks: [bridge0]}, with-a-long-name: {networks: [bridge0]}}\n"
    )
    marks = [op.settings[1] for op in bare(plan).of(SetLink) if op.settings[0] == "alias"]
    assert marks == [
        "nsgen:a:veth-with-a-long-name-br",
        "nsgen:a:veth-with-a-long-name",
    ]
    assert len([op for op in plan.of(SetLink) if op.settings[0] == "alias"]) == 6


def test_a_bridge_has_a_mac_address_where_the_host_has_an_address() -> None:
    """Nobody looks for the host where it has none; STP is named where it is on."""
    plan = compile_text(
        "name: a\nnetworks: {one: {}, two: {subnet: 10.0.0.0/24, stp: true},"
        " three: {subnet: 10.0.1.0/24, gateway: false}}\n"
    )
    assert [(op.name, bool(op.mac), op.stp) for op in bare(plan).of(AddBridge)] == [
        ("one", False, None),
        ("two", True, True),
        ("three", False, None),
    ]
    assert "Its MAC address is fixed here" not in targets.script(
        compile_text("name: a\nnetworks: {one: {}}\n"), "plain"
    )
