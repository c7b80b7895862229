"""`nsgen trace`: the way of one packet, told by the kernel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ARTICLE = "examples/article.yaml"
CHECKOUT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.xdist_group("trace")  # what was told once is asked of again


@cache
def nsgen(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as users do."""
    command = [sys.executable, "-m", "nsgen", "trace", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)


def told(*words: str) -> str:
    """Give what a trace prints."""
    done = nsgen(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_order(text: str, *parts: str) -> None:
    """Every part is there, behind the one before it."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"not told, or not there: {part}\n{text}"
        at = found + len(part)


def test_a_sibling_asks_the_host() -> None:
    """The answer crosses the bridge, where connection tracking translates it back."""
    in_order(
        told(ARTICLE, "blue", "host:8080"),
        "blue      leaves by veth-blue   192.168.15.3:45678 -> 192.168.15.1:8080",
        "host      comes in by veth-blue-br",
        "nat NSGEN-article-PRE: DNAT",
        "# To a published port of this host",
        "filter NSGEN-article-INTO: ACCEPT",
        "route: 192.168.15.2 dev bridge0",
        "now 192.168.15.3:45678 -> 192.168.15.2:80",
        "red       comes in by veth-red",
        "answer",
        "red       leaves by veth-red   192.168.15.2:80 -> 192.168.15.3:45678",
        "leaves by veth-blue-br   now 192.168.15.1:8080 -> 192.168.15.3:45678",
        "blue      comes in by veth-blue",
        "conntrack   tcp",
        "result      answered by red",
    )


def test_hairpin() -> None:
    """A namespace that asks for its own port is asked from the host's address, by the port that it came from."""
    in_order(
        told(ARTICLE, "red", "192.168.15.1:8080"),
        "host      comes in by veth-red-br",
        "nat NSGEN-article-POST: MASQUERADE",
        "# A namespace asking for its own published port",
        "host      leaves by veth-red-br   now 192.168.15.1:45678 -> 192.168.15.2:80",
        "red       comes in by veth-red",
        "result      answered by red",
    )


def test_without_br_netfilter(tmp_path: Path) -> None:
    """The sibling's request is masqueraded, so that the answer comes by way of the host."""
    text = (CHECKOUT / ARTICLE).read_text()
    keys = "internet: true\n    bridge_netfilter: off"
    topology = tmp_path / "off.yaml"
    topology.write_text(text.replace("internet: true", keys))
    in_order(
        told(str(topology), "blue", "host:8080"),
        "nat NSGEN-article-POST: MASQUERADE",
        "# A sibling's request would be answered straight through the bridge",
        "now 192.168.15.1:45678 -> 192.168.15.2:80",
        "red       leaves by veth-red   192.168.15.2:80 -> 192.168.15.1:45678",
        "result      answered by red",
    )


def test_dropped() -> None:
    """It is said which rule drops a packet, and why that is there."""
    text = told(ARTICLE, "outside", "192.168.15.2:80")
    in_order(
        text,
        "outside   leaves by eth0   172.16.1.5:45678 -> 192.168.15.2:80",
        "raw NSGEN-article-RAW: DROP",
        "# Other machines may use what is published",
        "result      timeout: dropped in raw NSGEN-article-RAW",
    )
    assert "answer\n" not in text


def test_a_ping_to_the_internet() -> None:
    """Whatever address is asked, somebody on the internet has it; the host's address is what is seen there."""
    in_order(
        told(ARTICLE, "red", "8.8.8.8"),
        "nat NSGEN-article-POST: MASQUERADE",
        "route: 8.8.8.8 via 172.16.1.1 dev eth0",
        "host      leaves by eth0   now 172.16.1.4 -> 8.8.8.8",
        "internet  comes in by eth0",
        "answer",
        "result      answered",
    )


def test_ipv6() -> None:
    """By IPv6 the rules are told, too, with the reasons that the script says once, for IPv4."""
    in_order(
        told("examples/dual-stack.yaml", "blue", "[fd00:15::1]:8080"),
        "nat NSGEN-dual-stack-PRE: DNAT",
        "--to-destination [fd00:15::2]:80",
        "# To a published port of this host",
        "now [fd00:15::3]:45678 -> [fd00:15::2]:80",
        "result      answered by red",
    )


def test_from_the_host_itself() -> None:
    """What the host asks of 127.0.0.1 meets the rules before any device."""
    in_order(
        told(ARTICLE, "host", "127.0.0.1:8080"),
        "request\n  host      nat NSGEN-article-OUTPUT: DNAT",
        "nat NSGEN-article-POST: MASQUERADE",
        "host      leaves by bridge0   192.168.15.1:45678 -> 192.168.15.2:80",
        "result      answered by red",
    )


def test_for_programs() -> None:
    """As JSON it is the same: devices and rules of the request and of the answer."""
    found = json.loads(told(ARTICLE, "blue", "host:8080", "--format", "json"))
    request, answer = found["ways"]
    assert [way["direction"] for way in found["ways"]] == ["request", "answer"]
    assert any("-j DNAT" in rule["rule"] and rule["why"] for rule in request["rules"])
    assert request["devices"][0]["node"] == answer["devices"][-1]["node"] == "blue"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((ARTICLE, "nobody", "red"), 1, "there is no node 'nobody': expected one of host, outside"),
        ((ARTICLE, "red", "host:0"), 1, "ports go from 1 to 65535"),
        ((ARTICLE, "red", "host:80/icmp"), 1, "expected tcp or udp"),
        (("red",), 2, "expected [TOPOLOGY] FROM TO"),
        (("no.yaml", "red", "blue"), 1, "no such file"),
    ],
)
def test_what_cannot_be_asked(words: tuple[str, ...], status: int, said: str) -> None:
    """One message, and nothing is tried."""
    done = nsgen(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_documentation_shows_what_is_printed() -> None:
    """Both traces in docs/trace.md are what is printed, but for what conntrack counts."""
    text = (CHECKOUT / "docs/trace.md").read_text(encoding="utf-8")
    shown = re.findall(r"```console\n\$ nsgen trace (.*)\n((?:.*\n)*?)```", text)
    assert len(shown) == 2
    for words, printed in shown:
        assert _steady(printed) == _steady(told(ARTICLE, *words.split()))


def _steady(text: str) -> str:
    return re.sub(r"(conntrack +tcp 6) \d+ \w+", r"\1", text)
