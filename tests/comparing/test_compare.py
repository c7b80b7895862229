"""`nsgen compare` on a kernel: machines that differ in one thing, which is named, and in nothing, which is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compiling import compile_text
from nsgen.comparing import compare
from nsgen.proof.observe import BuildSource, observe
from nsgen.proof.observed import Observed
from nsgen.script import targets

pytestmark = pytest.mark.xdist_group("compare")  # which are built once
HAND = (Path(__file__).parent / "by-hand.sh").read_text()
TOPOLOGY = """\
name: hand
networks:
  br0: {subnet: 10.7.0.0/24, internet: true}
namespaces:
  red: {networks: {br0: 10.7.0.2}, publish: ["8080:80"]}
  blue: {networks: {br0: 10.7.0.3}}
"""
DNAT = next(line for line in HAND.splitlines() if "DNAT" in line)
MASQUERADE = next(line for line in HAND.splitlines() if "MASQUERADE" in line)
# One thing is changed: what by what.
CHANGES = {
    "renamed": ('"v-$name"', '"w$name"'),
    "port": (DNAT, ""),
    "masquerade": (MASQUERADE, ""),
    "other": ("10.7.0.2:80", "10.7.0.3:80"),
    "mtu": ("ip -n red address", "ip -n red link set eth0 mtu 1400\nip -n red address"),
    "address": ("ip -n red route", "ip -n red address add 10.7.0.9/24 dev eth0\nip -n red route"),
    "apart": ("br0 up\n  ip -n", 'br0 up\n  ip link set "v-$name" type bridge_slave isolated on\n  ip -n'),
}  # fmt: skip


def by_topology(name: str, text: str) -> BuildSource:
    """What a topology is built by."""
    plan = compile_text(text)
    return BuildSource(name, targets.script(plan), plan.topology)


@pytest.fixture(scope="module")
def seen() -> dict[str, Observed]:
    """All machines, built at once and asked the same."""
    nothing = compile_text("name: script\n").topology
    sources = [BuildSource("hand", HAND, nothing)]
    for name, (before, after) in CHANGES.items():
        assert before in HAND
        sources.append(BuildSource(name, HAND.replace(before, after), nothing))
    isolated = TOPOLOGY.replace(
        "internet: true", "internet: true, isolate: true, bridge_netfilter: off"
    )
    sources += [by_topology("topology", TOPOLOGY), by_topology("isolated", isolated)]
    plain = targets.tree(compile_text(TOPOLOGY))["plain.sh"].text
    sources.append(BuildSource("plain", plain, nothing))
    found = observe(sources)
    return {one.name: one for one in found}


def lines(seen: dict[str, Observed], b: str, a: str = "hand") -> list[str]:
    """How one of the machines differs from the hand-written one, in state and answers."""
    return list(compare(seen[a], seen[b]).lines())


def test_other_names_of_cables_are_no_difference(seen: dict[str, Observed]) -> None:
    """The same script with other names of devices builds the same."""
    found = compare(seen["hand"], seen["renamed"])
    assert list(found.lines()) == []
    assert found.same
    # Who has no neighbour on a busy machine hears of it, or has waited long enough before.
    told = [line for line in found.remarks() if "that neither answers" not in line]
    assert told == ["host: wred of B is v-red of A", "host: wblue of B is v-blue of A"]
    assert len(found.a.answers) > 150


def test_a_published_port_is_missing(seen: dict[str, Observed]) -> None:
    """Nobody answers in its place; the rule is named, too."""
    way = f"({address(seen, 'host')}, 10.7.0.1) TCP: A answers from red, B does not"
    assert lines(seen, "port") == [f"outside, router, internet -> host:8080 {way}"]
    deciding = list(map(str, compare(seen["hand"], seen["port"]).deciding))
    rule = "iptables -t nat -A PREROUTING -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 8080 -j DNAT"
    assert deciding == [f"- host: {rule} --to-destination 10.7.0.2:80"]


def test_a_published_port_leads_elsewhere(seen: dict[str, Observed]) -> None:
    """It is told who answers, though one of them is a web server that does not say so."""
    way = f"({address(seen, 'host')}, 10.7.0.1) TCP: A answers from red, B answers from blue"
    assert f"outside, router, internet -> host:8080 {way}" in lines(seen, "other")


def test_masquerading_is_missing(seen: dict[str, Observed]) -> None:
    """The others see who asks; both are answered, because the surroundings know the way back."""
    host = address(seen, "host")
    sees = "internet answers, and is asked from {} (host) in A, from {} in B"
    told = lines(seen, "masquerade")
    assert f"red -> internet TCP, UDP: {sees.format(host, '10.7.0.2 (red)')}" in [
        line.replace(f" ({address(seen, 'internet~')})", "") for line in told
    ]
    assert all("answers, and is asked from" in line for line in told)


def test_another_mtu(seen: dict[str, Observed]) -> None:
    """No packet of ours is long enough to tell; the device does."""
    assert lines(seen, "mtu") == ["- red: dev eth0 mtu 1500", "+ red: dev eth0 mtu 1400"]


def test_an_address_more(seen: dict[str, Observed]) -> None:
    """It is named, and it is answered."""
    told = lines(seen, "address")
    assert told[0] == "+ red: 10.7.0.9/24 dev eth0"
    assert (
        "host, blue, outside, router, internet -> red (10.7.0.9) ping, TCP, UDP: A does not, B answers"
        in told
    )


def test_ports_that_are_apart(seen: dict[str, Observed]) -> None:
    """By a flag of the ports, and by `isolate` of a topology."""
    told = lines(seen, "apart")
    assert told[:2] == ["- host: dev v-blue isolated off", "+ host: dev v-blue isolated on"]
    assert "red -> blue ping, TCP, UDP: A answers, B does not" in told
    told = lines(seen, "isolated", "topology")
    assert "red -> blue ping, TCP, UDP: A answers, B does not" in told


def test_a_topology_and_its_commands_for_pasting_are_the_same(seen: dict[str, Observed]) -> None:
    """They are two scripts, one of which batches and keeps accounts."""
    found = compare(seen["topology"], seen["plain"])
    assert (list(found.lines()), list(map(str, found.deciding))) == ([], [])


def test_a_topology_beside_the_script_that_it_replaces(seen: dict[str, Observed]) -> None:
    """What is built is the same, but for the server; what nsgen closes, it closes."""
    found = compare(seen["hand"], seen["topology"])
    assert list(map(str, found.state)) == [
        "- red: process python3 -m http.server 80, listens on tcp 0.0.0.0:80"
    ]
    assert "outside, router, internet -> blue ping, TCP, UDP: A answers, B does not" in found.told
    host = address(seen, "host")
    assert (
        f"host -> itself:8080 (127.0.0.1, {host}, 10.7.0.1) TCP: A does not, B answers from red"
        in found.told
    )
    assert "host: veth-red-br of B is v-red of A" in found.notes


def address(seen: dict[str, Observed], node: str) -> str:
    """An address of the surroundings."""
    hand = seen["hand"]
    if node in hand.around:
        return hand.around[node][0]
    own = hand.state.nodes[node].addresses
    return next(one.local for one in own if one.device == hand.uplink and one.version == 4)


# -- the command --------------------------------------------------------------------------------


def run(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `nsgen compare`."""
    command = [sys.executable, "-m", "nsgen", "compare", *words]
    return subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, check=False
    )


def test_a_topology_and_itself_are_the_same(tmp_path: Path) -> None:
    """From standard input, and as the script that it becomes; the exit status is 0."""
    text = "name: small\nnamespaces: {red: {}}\n"
    (tmp_path / "setup.sh").write_text(targets.script(compile_text(text)))
    done = run(tmp_path, "-", "setup.sh", stdin=text)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("A: <stdin>\nB: setup.sh\n\nsame: state, and the answers to ")


def test_a_difference_is_exit_status_1(tmp_path: Path) -> None:
    """And in JSON, too."""
    (tmp_path / "a.sh").write_text("ip netns add red\n")
    (tmp_path / "b.yaml").write_text("name: b\nnamespaces: {red: {}, blue: {}}\n")
    done = run(tmp_path, "a.sh", "b.yaml", "--format", "json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert not found["same"]
    assert {"only": "b", "node": "blue", "text": "namespace blue"} in found["state"]
    assert {"only": "a", "node": "red", "text": "dev lo down"} in found["state"]
    ping = next(
        one for one in found["packets"] if one["protocol"] == "ping" and one["from"] == "red"
    )
    assert (ping["a"]["outcome"], ping["b"]["outcome"]) in {
        ("silent", "answered"),
        ("unreachable", "answered"),
    }


BROKEN = [
    ("echo so far\nfalse\n", "x.sh: it failed with exit status 1; its last lines:\n  so far\n"),
    ("if\n", "x.sh: line 2: syntax error"),
    ("echo begun\nsleep 50\n", "x.sh: it did not end within 1 s; its last lines:\n  begun\n"),
    ("", "x.sh: this is no script: it is empty\n"),
    ("#!/bin/sh\n\0", "x.sh: this is no script: it is no text\n"),
]


@pytest.mark.parametrize(("script", "said"), BROKEN)
def test_a_script_that_cannot_be_compared(tmp_path: Path, script: str, said: str) -> None:
    """It is named, with its last lines; the exit status is 2."""
    (tmp_path / "x.sh").write_text(script)
    (tmp_path / "good.sh").write_text("ip netns add red\n")
    done = run(tmp_path, "good.sh", "x.sh", "--timeout", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("error") <= 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("x.sh",), ("-", "-"), ("x.sh", "x.sh", "--set", "A=1"), ("gone.sh", "x.sh")]
)
def test_wrong_arguments_are_exit_status_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    """One is missing, both are standard input, there is nothing to set, and a file is not there."""
    (tmp_path / "x.sh").write_text("true\n")
    done = run(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
