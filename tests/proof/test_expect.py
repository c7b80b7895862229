"""What becomes of `expect`: claims for a rehearsal, and not a byte of the script."""

from __future__ import annotations

from dataclasses import astuple
from ipaddress import ip_address
from pathlib import Path

import pytest

from compiling import compile_text
from nsgen.script import targets

GOOD = Path(__file__).resolve().parents[1] / "good" / "expect.yaml"
TOPOLOGY = """\
name: demo
networks: {br0: {subnet: [10.0.0.0/24, "fd00::/64"], internet: true}}
namespaces:
  red: {networks: [br0], publish: ["8080:80"]}
  web[1-2]: {networks: [br0]}
"""
V4, V6 = ip_address("203.0.113.10"), ip_address("2001:db8::10")

# What is written, and what it means: who asks, node, address, port, protocol, who answers, whether.
CASES = [
    ("{from: red, to: web2}", ("red", "web2", None, 0, "ping", "", True)),
    ("{from: red, to: web2, reach: false}", ("red", "web2", None, 0, "ping", "", False)),
    ("{from: red, to: host}", ("red", "host", None, 0, "ping", "", True)),
    ("{from: red, to: 'web2:80'}", ("red", "web2", None, 80, "tcp", "web2", True)),
    ("{from: red, to: 'web2:80', by: web1}", ("red", "web2", None, 80, "tcp", "web1", True)),
    ("{from: red, to: 'web2:80', reach: false}", ("red", "web2", None, 80, "tcp", "", False)),
    ("{from: outside, to: 'host:8080'}", ("outside", "host", None, 8080, "tcp", "", True)),
    (
        "{from: outside, to: 'host:8080', by: red}",
        ("outside", "host", None, 8080, "tcp", "red", True),
    ),
    ("{from: red, to: 'internet:53/udp'}", ("red", "internet", None, 53, "udp", "internet", True)),
    ("{from: internet, to: 203.0.113.10}", ("internet", "", V4, 0, "ping", "", True)),
    ("{from: red, to: '203.0.113.10:80/tcp'}", ("red", "", V4, 80, "tcp", "", True)),
    (
        "{from: red, to: '203.0.113.10:80', by: outside}",
        ("red", "", V4, 80, "tcp", "outside", True),
    ),
    ("{from: red, to: '203.0.113.10:53/udp'}", ("red", "", V4, 53, "udp", "", True)),
    ("{from: red, to: '2001:db8::10'}", ("red", "", V6, 0, "ping", "", True)),
    ("{from: red, to: '[2001:db8:0::10]'}", ("red", "", V6, 0, "ping", "", True)),
    ("{from: red, to: '[2001:db8::10]:65535/udp'}", ("red", "", V6, 65535, "udp", "", True)),
]


@pytest.mark.parametrize(("written", "meant"), CASES, ids=[written for written, _ in CASES])
def test_meaning(written: str, meant: tuple[object, ...]) -> None:
    """An item means one question, with what has to come of it, and knows its place."""
    text = f"{TOPOLOGY}expect: [{{from: red, to: red}}, {written}]\n"
    found = compile_text(text).topology.expects
    assert [expectation.index for expectation in found] == [0, 1]
    assert astuple(found[1]) == (*meant, 1)


def test_nothing_is_expected_by_default() -> None:
    """A topology without the key expects nothing."""
    assert compile_text(TOPOLOGY).topology.expects == ()


def test_the_script_is_the_same() -> None:
    """No file that is rendered knows what was expected, but for the one that asks."""
    text = GOOD.read_text(encoding="utf-8")
    # Whom nobody asks, `nsgen check` warns of where it has no interface.
    text = text.replace("  alone:", "  alone: {interfaces: {lo: {address: 10.8.0.1/32}}}")
    without = text.partition("expect:\n")[0]
    assert without != text
    expecting, plain = compile_text(text), compile_text(without)
    assert expecting.topology.expects
    files, others = targets.tree(expecting), targets.tree(plain)
    assert files.pop("verify.bats") != others.pop("verify.bats")
    assert files == others
    for style in ("batch", "plain"):
        assert targets.script(expecting, style) == targets.script(plain, style)
