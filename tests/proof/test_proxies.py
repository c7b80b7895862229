"""Transparent proxies in `nsgen verify` and `nsgen trace`: what is said of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TRANSPARENT = CHECKOUT / "examples/transparent.yaml"


def nsgen(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as users do."""
    command = [sys.executable, "-m", "nsgen", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_proxy_gets_is_not_claimed_of_others(tmp_path: Path) -> None:
    """A proxy for all ports of a network answers in place of the internet; what is not asked is counted."""
    topology = tmp_path / "all.yaml"
    topology.write_text("""\
name: all
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}, bridge1: {subnet: 10.2.0.0/24, internet: true}}
namespaces:
  red: {networks: [bridge0], publish: ["8080:80"]}
  blue: {networks: [bridge0]}
  green: {networks: [bridge1]}
host: {nat: [{redirect: 15001, in: bridge0}]}
""")
    done = nsgen("verify", str(topology))
    assert done.returncode == 0, done.stdout
    assert "not asked, because a transparent proxy may get the connection: " in done.stdout
    assert "a proxy" in done.stdout  # the column's head, which has two lines


def test_a_trace_shows_how_a_packet_gets_to_the_proxy() -> None:
    """The rule with its reason, the table that makes the node the destination, and the answer as the server."""
    text = nsgen("trace", str(TRANSPARENT), "client", "10.2.0.2:80").stdout
    at = 0
    for line in (
        "gate      mangle NSGEN-transparent-P0: TPROXY",
        "# A transparent proxy that sees who asks, and whom",
        "transparent.yaml:14",
        "gate      route: 10.2.0.2 is its own (table 8192, rule 2: from all fwmark 0x2000/0x2000 lookup 8192)",
        "answer",
        "gate      route: 10.1.0.2 dev in0",
        "gate      leaves by in0   10.2.0.2:80 -> 10.1.0.2:45678",
        "result      answered by gate, who is asked from 10.1.0.2",
    ):
        assert line in text[at:], text
        at += text[at:].index(line)
