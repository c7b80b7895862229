"""`nsgen inspect`: what it tells is what the kernel then has, by a schema, in every format."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from compiling import ALL_EXAMPLES, EXAMPLES
from nsgen.cli.commands import main
from nsgen.inventory.schema import SCHEMA

TOPOLOGIES = Path(__file__).parent.parent / "topologies"
EVERY = [*ALL_EXAMPLES, *sorted(TOPOLOGIES.glob("*.yaml"))]
SMALL = "name: small\nnetworks: {br0: {subnet: 10.1.0.0/24}}\nnamespaces:\n"


def told(*words: object, said: str = "") -> str:
    """What it prints."""
    done = CliRunner().invoke(main, ["inspect", *map(str, words)], input=said)
    assert done.exit_code == 0, done.output
    return done.stdout


def inspected(*words: object) -> dict[str, Any]:
    """What it tells programs."""
    found: dict[str, Any] = json.loads(told(*words, "--format", "json"))
    return found


@pytest.mark.parametrize("topology", EVERY, ids=lambda path: path.stem)
def test_schema(topology: Path) -> None:
    """Its JSON is as `nsgen schema inspect` says, of every topology; and each format has something to tell."""
    jsonschema.validate(inspected(topology), SCHEMA)
    assert told(topology).count("\n") > 2


def test_schema_command() -> None:
    """The schema is printed, and is one."""
    printed = json.loads(CliRunner().invoke(main, ["schema", "inspect"]).stdout)
    assert printed == SCHEMA
    jsonschema.Draft202012Validator.check_schema(printed)


@pytest.mark.parametrize("example", ["router", "two-networks", "dual-stack", "macvlan"])
def test_kernel(example: str, program: Callable[[str], str]) -> None:
    """Devices with MAC, MTU, master, other end and addresses, and routes: all that is told is there."""
    if subprocess.run(
        [program("unshare"), "--user", "--map-root-user", "--net", "--mount", "true"],
        check=False, capture_output=True,
    ).returncode:  # fmt: skip
        pytest.skip("this user cannot make namespaces here")
    file = EXAMPLES / f"{example}.yaml"
    facts = inspected(file)
    asked = "; ".join(
        f"ip {where}-j -d address; ip {where}-j route; ip {where}-6 -j route; ip {where}-j link"
        for where in ("" if n["name"] == "host" else f"-n {n['name']} " for n in facts["nodes"])
    )
    nsgen = [sys.executable, "-B", "-m", "nsgen", "run", str(file), "--", "sh", "-c", asked]
    printed = subprocess.run(nsgen, capture_output=True, text=True, check=True).stdout
    decoder, said, at = json.JSONDecoder(), [], 0
    while at < len(printed.rstrip()):
        value, at = decoder.raw_decode(printed, at)
        said.append(value)
        at = len(printed) - len(printed[at:].lstrip())
    assert len(said) == 4 * len(facts["nodes"])
    for index, node in enumerate(facts["nodes"]):
        links, routes4, routes6, _ = said[4 * index : 4 * index + 4]

        for device in node["devices"]:
            link = next(link for link in links if link["ifname"] == device["name"])
            has = {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]}
            assert set(device["addresses"]) <= has
            assert device["mac"] in ("", link["address"])
            assert device["mtu"] in (0, link["mtu"])
            assert device["master"] == link.get("master", "")
            kind = link.get("linkinfo", {}).get("info_kind")
            assert device["kind"] == (
                kind or ("loopback" if device["name"] == "lo" else "physical")
            )
            if device["peer"]:
                there = next(
                    i for i, n in enumerate(facts["nodes"]) if n["name"] == device["peer"]["node"]
                )
                ends = {link["ifindex"]: link["ifname"] for link in said[4 * there]}
                assert ends[link["link_index"]] == device["peer"]["device"]
        ways = {(r["dst"], r.get("gateway")) for r in (*routes4, *routes6)}
        for words in (route.split() for route in node["routes"]):
            if "table" not in words and "via" in words and "inet6" not in words:
                assert (words[0], words[words.index("via") + 1]) in ways


def test_one_node() -> None:
    """One node of it: its own, and what concerns it."""
    found = inspected(EXAMPLES / "article.yaml", "blue")
    assert [node["name"] for node in found["nodes"]] == ["blue"]
    assert [net["name"] for net in found["networks"]] == ["bridge0"]
    assert found["published"] == []
    assert [port["node"] for port in inspected(EXAMPLES / "article.yaml", "red")["published"]] == [
        "red"
    ]
    done = CliRunner().invoke(main, ["inspect", str(EXAMPLES / "article.yaml"), "green"])
    assert done.exit_code == 2
    assert "no node 'green': there are host, red, blue" in done.output


def test_hosts() -> None:
    """Every address that others can mean, with its node."""
    lines = told(EXAMPLES / "dual-stack.yaml", "--format", "hosts").splitlines()
    assert "192.168.15.2\tred" in lines
    assert "fd00:15::2\tred" in lines


def test_env() -> None:
    """Assignments that a shell reads, of names that are variables."""
    text = told(EXAMPLES / "dual-stack.yaml", "--format", "env")
    assert all(re.fullmatch(r"NSGEN_[A-Z0-9_]+=[0-9a-f.:]+", line) for line in text.splitlines())
    read = subprocess.run(
        ["sh", "-euc", f'{text}\necho "$NSGEN_RED $NSGEN_RED_6 $NSGEN_RED_VETH_RED"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert read.stdout == "192.168.15.2 fd00:15::2 192.168.15.2\n"


def test_env_of_one_name() -> None:
    """Two nodes that would have one variable are told, and nothing is printed."""
    two = f"{SMALL}  a-b: {{networks: [br0]}}\n  a_b: {{networks: [br0]}}\n"
    done = CliRunner().invoke(main, ["inspect", "-", "--format", "env"], input=two)
    assert done.exit_code == 1
    assert "NSGEN_A_B would be the name of a-b and of a_b: rename one" in done.output
    assert not done.stdout


def test_ssh_config() -> None:
    """Each namespace is an entry, which is entered by its name."""
    text = told(EXAMPLES / "dual-stack.yaml", "--format", "ssh-config")
    assert "Host red\n  HostName 192.168.15.2\n  ProxyCommand ip netns exec red socat" in text


def test_all_of_it() -> None:
    """What few topologies have is told, too: a proxied neighbour, an impaired cable, a rule, a command, a file."""
    given = """\
name: every
networks: {br0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red:
    networks: {br0: {impair: {delay: 10ms}, mtu: 1400}}
    services: {web: {command: [sleep, "9"], environment: {A: "b=c"}, directory: /tmp}}
    exec: [{up: [ip, link], down: [true]}]
    dns: {nameservers: 9.9.9.9}
    rules: [{to: 10.9.0.0/16, table: 7}]
    routes: [{to: default, via: 10.1.0.1, table: 7}]
    interfaces: {v5: {type: vlan, link: veth-red, id: 5, address: 10.5.0.1/24}}
  blue: {networks: [br0]}
"""
    found = json.loads(told("-", "--format", "json", said=given))
    red = next(node for node in found["nodes"] if node["name"] == "red")
    devices = {device["name"]: device for device in red["devices"]}
    assert devices["veth-red"]["impair"] == "delay 10ms"
    assert devices["veth-red"]["mtu"] == 1400
    assert (devices["v5"]["kind"], devices["v5"]["on"]) == ("vlan", "veth-red")
    assert red["services"][0]["environment"] == {"A": "b=c"}
    assert red["commands"] == [["ip", "link"]]
    assert red["files"] == ["/etc/netns/red/resolv.conf"]
    assert any("table 7" in rule or "lookup 7" in rule for rule in red["rules"])
    table = told("-", said=given)
    for text in (
        "impaired: delay 10ms",
        "veth, MTU 1400",
        "ip link",
        "/etc/netns/red/resolv.conf",
        "sleep 9",
    ):
        assert text in table
