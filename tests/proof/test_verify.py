"""`nsgen verify`: every claim of a topology, tried in a rehearsal; and what it says of scripts that do not hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from compiling import ALL_EXAMPLES, compile_text
from nsgen.proof.claims.all import Claim
from nsgen.proof.rehearse import Result
from nsgen.proof.result import Format, Verified, show_all
from nsgen.topology.model import Topology
from verifying import CARDS, failures, verify

CHECKOUT = Path(__file__).resolve().parents[2]
BY_HAND = CHECKOUT / "tests/verify"
SMALL = """\
name: small
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red: {networks: {bridge0: 10.1.0.2}, publish: ["8080:80"]}
"""


@pytest.mark.parametrize("topology", ALL_EXAMPLES, ids=lambda path: path.stem)
def test_what_we_render_holds(topology: Path) -> None:
    """Every claim of every example holds, up twice is once, check is silent, and down leaves nothing.

    What is in tests/topologies, `make test-claims` tries.
    """
    done = verify(topology)
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    assert (
        done.stdout.endswith(" hold; up, up again, check, down: ok\n") or "not tried" in done.stdout
    )


def test_the_article_by_hand() -> None:
    """The article's own commands do what the article says, and what it does not say."""
    done = verify(BY_HAND / "by-hand.yaml", "--against", str(BY_HAND / "by-hand.sh"))
    assert done.returncode == 1
    found = failures(done)
    hijacked = "lacks -m addrtype --dst-type LOCAL"
    for claim, said in {
        "host -> 172.16.1.5:8080 must be answered by outside": hijacked,
        "red -> 203.0.113.10:8080 must be answered by internet": hijacked,
        "blue -> 203.0.113.10:8080 must be answered by internet": hijacked,
        "green -> 203.0.113.10:8080 must be answered by internet": hijacked,
        "red -> 127.0.0.1:7002/forged must not be answered": "do not come from lo",
        "outside -> 203.0.113.11:7001 must not be answered": "neither from nor to a network",
        "red -> 203.0.113.10:7001/spoofed must not be answered": "comes from 172.16.1.66",
        "green -> 203.0.113.10:7001/spoofed must not be answered": "comes from 172.16.1.66",
        "red -> 203.0.113.10:7001/invalid must not be answered": "(INVALID)",
        "green -> 203.0.113.10:7001/invalid must not be answered": "(INVALID)",
        "red -> 192.168.15.1:7002/spoofed must not be answered": "comes from 127.0.0.2",
        "red -> ff02::1/neighbour must not be answered": "disable_ipv6",
        "green -> ff02::1/neighbour must not be answered": "disable_ipv6",
        "host -> ff02::1/neighbour must not be answered": "a device made itself an address",
        "red -> 127.0.0.1 must be answered": "lo of red is down",
        "blue -> 127.0.0.1 must be answered": "lo of blue is down",
        "green -> 127.0.0.1 must be answered": "lo of green is down",
    }.items():
        assert said in found.pop(claim)
    apart = {f"{a} -> {to}" for a, to in [("red", "192.168.16.2"), ("blue", "192.168.16.2")]}
    apart |= {f"green -> 192.168.15.{last}" for last in (2, 3)}
    apart |= {f"outside -> 192.168.{net}.2" for net in (15, 16)}
    assert set(found) == {
        f"{question}{port} must not be answered" for question in apart for port in ("", ":7002")
    }


@pytest.mark.parametrize(
    ("gone", "claim", "said"),
    [
        ("address replace 10.1.0.1/24", "red -> 10.1.0.1", "this host has no address 10.1.0.1/24"),
        ("hairpin on", "red -> 10.1.0.1:8080", "hairpin mode of veth-red-br is off"),
        ("route_localnet = 1", "host -> 127.0.0.1:8080", "route_localnet of bridge0 is off"),
        ("net.ipv4.ip_forward = 1", "red -> 203.0.113.10:7001", "this host does not forward"),
        ("route replace default", "red -> 203.0.113.10:7001", "red has no default route"),
        ("! -d 224.0.0.0/4", "red -> 203.0.113.10:7001", "no rule masquerades 10.1.0.0/24"),
        ("-A NSGEN-small-PRE -p tcp", "outside -> 172.16.1.4:8080", "no rule translates port 8080"),
    ],
)
def test_reasons(tmp_path: Path, gone: str, claim: str, said: str) -> None:
    """A script that lacks something is caught, and the reason is said in words."""
    compiled = subprocess.run(
        [sys.executable, "-m", "nsgen", "render", "-"],
        input=SMALL,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = compiled.stdout.splitlines(keepends=True)
    edited = tmp_path / "edited.sh"
    edited.write_text("".join(line for line in lines if gone not in line))
    assert len(edited.read_text()) < len(compiled.stdout)
    done = verify(SMALL, "--against", str(edited))
    assert done.returncode == 1
    found = {title.partition(" must ")[0]: text for title, text in failures(done).items()}
    assert said in found[claim]


def test_a_reason_was_tried() -> None:
    """That the host does not forward is no reason for what would not be answered if it did."""
    done = verify(
        """\
name: silent
networks: {bridge0: {subnet: 10.1.0.0/24}}
namespaces:
  red: {networks: [bridge0], sysctls: {net.ipv4.icmp_echo_ignore_all: 1}}
  blue: {networks: [bridge0]}
links: [{endpoints: {"red:eth0": 10.2.0.1/30, "blue:eth0": 10.2.0.2/30}}]
expect: [{from: blue, to: 10.2.0.1}]
"""
    )
    found = failures(done)
    assert found["red -> 127.0.0.1 must be answered"] == "timeout"
    assert found["blue -> 10.1.0.2 must be answered"] == "timeout"
    assert "forward" not in done.stdout


def test_reasons_that_the_topology_shows() -> None:
    """What the topology itself shows is the first reason: a way back that is missing."""
    done = verify(
        """\
name: ways
namespaces:
  red: {routes: [{to: default, via: 10.0.1.2}]}
  rt: {forwarding: true}
  blue:
links:
  - {endpoints: ["red:up", "rt:a"], subnet: 10.0.1.0/24}
  - {endpoints: ["rt:b", "blue:up"], subnet: 10.0.2.0/24}
expect: [{from: red, to: blue}]
"""
    )
    assert done.returncode == 1
    assert failures(done) == {
        "red -> 10.0.2.2 must be answered": "timeout: blue has no way back to 10.0.1.1: blue has no route to it"
    }


def test_what_the_author_expects() -> None:
    """What `expect` claims is tried too, and what does not hold is named by its line."""
    expect = """\
expect:
  - {from: red, to: 198.51.100.7}
  - {from: outside, to: "host:8080", by: red}
  - {from: red, to: "9.9.9.9:53/udp", reach: false}
  - {from: outside, to: red}
"""
    done = verify(SMALL + expect)
    assert done.returncode == 1
    assert failures(done) == {"outside -> 10.1.0.2 must be answered": "timeout"}
    assert "(expected in <stdin>:9)" in done.stdout


def test_a_detour(tmp_path: Path) -> None:
    """Isolated members reach each other by way of the host, where no rule drops that; and it is told."""
    isolated = CHECKOUT / "examples/isolated.yaml"
    script = (CHECKOUT / "out/isolated/setup.sh").read_text()
    edited = tmp_path / "edited.sh"
    edited.write_text(script.replace("-A NSGEN-isolated-INTO -i tenants -o tenants -j DROP\n", ""))
    done = verify(isolated, "--against", str(edited), "--host", "router")
    claim = "tenant1 -> 10.20.0.3/detour must not be answered"
    said = "answered by tenant2, which sees 10.20.0.2: host passes it on"
    assert failures(done) == {claim: said}


@pytest.mark.parametrize("host", ["drop", "strict"])
def test_uplinks_and_exceptions(host: str) -> None:
    """Behind each card that is an uplink somebody asks, and in each range that is excepted somebody is asked."""
    done = verify(CARDS, "--host", host)
    assert (done.returncode, failures(done)) == (0, {}), done.stdout + done.stderr


@pytest.mark.parametrize("host", [(), ("--host", "netfilter")])
@pytest.mark.parametrize("others", [True, False])
def test_an_isolated_publisher(host: tuple[str, ...], *, others: bool) -> None:
    """Its members are let through by the host, unless iptables sees what crosses bridges, for whomever that may be."""
    topology = (CHECKOUT / "tests/bad/warning-publish-isolated-beside.yaml").read_text()
    topology = topology if others else re.sub("  front: .*|  web: .*", "", topology)
    done = verify(topology, *host, "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = [c for c in json.loads(done.stdout)["claims"] if (c["from"], c["by"]) == ("app", "app")]
    assert bool(asked) != (others or bool(host))


def test_a_command_leads_an_exception_away() -> None:
    """What a namespace's own commands make of the way to what is excepted is not claimed."""
    topology = CARDS.replace('["8080:80"]}', '["8080:80"], exec: [{up: LEAD, down: LEAVE}]}', 1)
    for word, what in (("LEAD", "add"), ("LEAVE", "del")):
        topology = topology.replace(word, f"[ip, route, {what}, blackhole, 10.9.0.0/24]")
    done = verify(topology)
    assert (done.returncode, failures(done)) == (0, {}), done.stdout + done.stderr


@pytest.mark.parametrize("host", ["drop", "router", "netfilter", "strict"])
def test_another_host(host: str) -> None:
    """What is rendered holds on hosts of other kinds, too."""
    done = verify(SMALL, "--host", host)
    assert (done.returncode, failures(done)) == (0, {}), done.stdout + done.stderr


def test_names_and_addresses_of_the_surroundings() -> None:
    """The surroundings make way for a topology that has their names and addresses, and have those that it needs."""
    done = verify(
        """\
name: odd
networks:
  bridge0: {subnet: [172.16.1.0/24, "fd00:1::/64"], internet: true}
  bridge1: {subnet: 203.0.113.0/24}
namespaces:
  router: {networks: [bridge0], publish: ["192.0.2.77:8080:80"]}
  lan: {networks: [bridge1]}
host:
  routes: [{to: 10.77.0.0/16, via: 192.0.2.1, dev: ens3}]
"""
    )
    assert (done.returncode, failures(done)) == (0, {}), done.stdout + done.stderr


def test_a_program_that_is_not_installed() -> None:
    """A service's program need not be on this machine."""
    service = '    services: {web: {command: [no-such-server, "-p", "80"]}}\n'
    done = verify(SMALL.replace('"]}\n', '"],\n' + service.strip() + "}\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a stand-in ran in its place: no-such-server" in done.stdout


def test_where_namespaces_are_forbidden(tmp_path: Path) -> None:
    """It is said what is forbidden, and what to do."""
    fake = tmp_path / "unshare"
    fake.write_text(
        '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    done = verify(SMALL, path=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "namespaces cannot be made here (unshare: unshare failed:" in done.stderr
    assert "docker run --privileged" in done.stderr


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("name: a\nnetworks: {x y: {}}\n", (), "error"),
        (SMALL, ("--against", "/nowhere.sh"), "/nowhere.sh: no such file"),
    ],
)
def test_nothing_is_tried(text: str, words: tuple[str, ...], said: str) -> None:
    """What cannot be read is told, and nothing is rehearsed."""
    done = verify(text, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "making a host" not in done.stderr


def test_a_script_that_fails(tmp_path: Path) -> None:
    """A script of ours that fails is told with what it said, and nothing is asked."""
    script = (CHECKOUT / "out/steps/4-internet/setup.sh").read_text()
    edited = tmp_path / "edited.sh"
    edited.write_text(script.replace("netns add blue", "netns add blue/x"))
    done = verify(CHECKOUT / "examples/steps/4-internet.yaml", "--against", str(edited))
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL up builds it\n")
    assert done.stdout.endswith("\narticle: up: not ok; nothing was asked\n")
    assert done.stdout.count("FAIL") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_nothing_outside_is_touched() -> None:
    """Whatever the script does, this machine is as before."""

    def machine() -> str:
        shown = [
            ["ip", "-j", "link"],
            ["ip", "netns", "list"],
            ["sysctl", "-a", "--pattern", "^net"],
        ]
        lines = [
            subprocess.run(c, capture_output=True, text=True, check=False).stdout for c in shown
        ]
        return "\n".join([*lines, *sorted(str(p) for p in Path("/run/nsgen").glob("*"))])

    if shutil.which("ip") is None:
        pytest.skip("ip is not installed")
    leak = "/var/tmp/nsgen-leak"  # noqa: S108 - a name that nobody else has
    before = machine()
    done = verify(SMALL + f'host: {{exec: [{{up: [sh, -c, "touch {leak} || true"]}}]}}\n')
    assert done.returncode == 0, done.stdout
    assert not Path(leak).exists()
    assert machine() == before


# -- formats ------------------------------------------------------------------------------------


def small() -> Topology:
    """Give the small topology."""
    found = compile_text(SMALL).topology
    assert isinstance(found, Topology)
    return found


def result() -> Result:
    """Give what came of four claims: one that holds, one each way that does not, and one that was not tried."""
    claims = [
        Claim(
            "red", "internet", "203.0.113.10", 7001, "tcp", answered=True, why="a", by="internet"
        ),
        Claim("host", "8080 at eth0", "::1", 8080, "tcp", answered=True, why='<b> & "c"', by="red"),
        Claim("outside", "red itself", "10.1.0.2", 0, "ping", answered=False, why="d"),
        Claim("red", "gateway", "10.1.0.1", 9, "sctp", answered=True, why="e", by="red"),
    ]
    verdicts = {0: "ok internet 172.16.1.4", 1: "ok blue 10.1.0.1", 2: "ok ping 63", 3: "skipped"}
    return Result(claims, verdicts, phases=[("up", True, ""), ("down", False, "added: x\ngone: y")])


def test_text() -> None:
    """For people: failures first, then the matrix, then all of it in one line."""
    lines = Verified(small(), result()).show("text").splitlines()
    assert lines[0] == 'FAIL host -> [::1]:8080 must be answered by red (<b> & "c")'
    assert lines[1] == "     answered by blue, not by red"
    assert lines[2] == "FAIL outside -> 10.1.0.2 must not be answered (d)"
    assert lines[4:7] == ["FAIL down leaves the machine as it was", "     added: x", "     gone: y"]
    assert lines[-1] == "small: 1 of 3 claims hold; 1 not tried; up: ok; down: not ok"
    assert any(line.split() == ["red", "ok", "?"] for line in lines)


def test_tap() -> None:
    """For bats' and prove's readers: a line for each claim and each run."""
    lines = Verified(small(), result()).show("tap").splitlines()
    assert lines[0] == "1..6"
    assert [line.partition(" - ")[0][:6] for line in lines if "ok " in line[:7]] == [
        *("ok 1 r", "not ok", "not ok", "ok 4 r", "ok 5 u", "not ok")
    ]


def test_junit() -> None:
    """For CI: XML that can be parsed, whatever a claim says."""
    suite = ET.fromstring(Verified(small(), result()).show("junit"))  # noqa: S314 - made just now
    assert (suite.get("tests"), suite.get("failures")) == ("6", "3")
    assert len(suite.findall("testcase/failure")) == 3


def test_json() -> None:
    """For programs: every claim with its verdict."""
    found = json.loads(Verified(small(), result()).show("json"))
    assert (found["ok"], len(found["claims"])) == (False, 4)
    assert found["claims"][1]["wrong"] == "answered by blue, not by red"
    assert found["claims"][0]["wrong"] is None


def test_several() -> None:
    """Of several topologies: one document in each format, whose numbers go on."""
    both = [Verified(small(), result()), Verified(small(), result())]
    tests = show_all(both, "tap").splitlines()
    assert tests[0] == "1..12"
    numbers = [
        line.removeprefix("not ").split()[1]
        for line in tests
        if line.startswith(("ok ", "not ok "))
    ]
    assert numbers == [str(number) for number in range(1, 13)]
    suites = ET.fromstring(show_all(both, "junit"))  # noqa: S314 - made just now
    assert [suite.get("failures") for suite in suites.findall("testsuite")] == ["3", "3"]
    assert [found["topology"] for found in json.loads(show_all(both, "json"))] == ["small", "small"]
    assert show_all(both, "text").count("1 of 3 claims hold") == 2
    forms: tuple[Format, ...] = ("text", "tap", "junit", "json", "markdown")
    for form in forms:
        assert show_all(both[:1], form) == both[0].show(form)


def test_several_topologies(tmp_path: Path) -> None:
    """Each is rehearsed in a host of its own; what is for one alone is refused."""
    (tmp_path / "one.yaml").write_text("name: one\nnamespaces: {red: {}}\n")
    (tmp_path / "two.yaml").write_text("name: two\nnamespaces: {red: {}}\n")
    done = verify(tmp_path / "one.yaml", str(tmp_path / "two.yaml"))
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if " hold; " in line] == [
        "one",
        "two",
    ]
    done = verify(tmp_path / "one.yaml", str(tmp_path / "two.yaml"), "--against", "x.sh")
    assert done.returncode == 2
    assert "--against is for one topology, and 2 are given" in done.stderr


def test_markdown() -> None:
    """For a page: a table that has a row for each who asks."""
    shown = Verified(small(), result()).show("markdown")
    assert "| who | internet | 8080 at eth0 | red itself | gateway |" in shown
    assert "| red | ok |  |  | ? |" in shown


def test_the_readme_shows_the_matrix() -> None:
    """What the README shows for the article is what is printed."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    done = verify(CHECKOUT / "examples/article.yaml")
    assert done.stdout in readme


def test_the_documentation_shows_what_is_said() -> None:
    """The failure in docs/verify.md is one that is printed."""
    page = (CHECKOUT / "docs/verify.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0]
    done = verify(BY_HAND / "by-hand.yaml", "--against", str(BY_HAND / "by-hand.sh"))
    assert shown in done.stdout
