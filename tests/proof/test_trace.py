"""`nsgen trace`: the way of one packet, told by the kernel."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest

from compiling import ALL_EXAMPLES
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology
from nsgen.language.yaml.include import Inputs
from nsgen.ops import Chain
from nsgen.page.walk import way_of
from nsgen.page.ways import Ways
from nsgen.plan import why
from nsgen.plan.make import make_plan
from nsgen.proof.asked import Asked
from nsgen.proof.claims.claim import Claim
from nsgen.proof.claims.scene import choose
from nsgen.reach.ways import Reach
from nsgen.script.lines import rule_line

ARTICLE = "examples/article.yaml"
CHECKOUT = Path(__file__).resolve().parents[2]
TOPOLOGIES = sorted((CHECKOUT / "tests/topologies").glob("*.yaml"))

pytestmark = pytest.mark.xdist_group("trace")  # what was told once is asked of again


@cache
def nsgen(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as users do."""
    command = [sys.executable, "-m", "nsgen", "trace", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)


def told(*words: str, status: int = 0) -> str:
    """Give what a trace prints; the exit status is 0 where there is an answer, and else 1."""
    done = nsgen(*words)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def in_order(text: str, *parts: str) -> None:
    """Every part is there, behind the one before it."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"not told, or not there: {part}\n{text}"
        at = found + len(part)


def test_a_sibling_asks_the_host() -> None:
    """What is translated to a sibling crosses the bridge, and so does the answer: neither is routed."""
    text = told(ARTICLE, "blue", "host:8080")
    in_order(
        text,
        "blue      route: 192.168.15.1 dev veth-blue (table main, rule 32766)",
        "blue      leaves by veth-blue   192.168.15.3:45678 -> 192.168.15.1:8080",
        "host      comes in by veth-blue-br",
        "nat NSGEN-article-PRE: DNAT",
        "# To a published port of this host",
        "# asked for in examples/article.yaml:14",
        "host      bridged: bridge0",
        "filter NSGEN-article-INTO: ACCEPT",
        "now 192.168.15.3:45678 -> 192.168.15.2:80",
        "red       comes in by veth-red",
        "red       route: 192.168.15.2 is its own (table local, rule 0)",
        "answer",
        "red       leaves by veth-red   192.168.15.2:80 -> 192.168.15.3:45678",
        "host      bridged: bridge0",
        "leaves by veth-blue-br   now 192.168.15.1:8080 -> 192.168.15.3:45678",
        "blue      comes in by veth-blue",
        "conntrack   host: tcp",
        "result      answered by red",
    )
    assert "host      route:" not in text


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
    text = told(ARTICLE, "outside", "192.168.15.2:80", status=1)
    in_order(
        text,
        "outside   leaves by eth0   172.16.1.5:45678 -> 192.168.15.2:80",
        "raw NSGEN-article-RAW: DROP",
        "# Other machines may use what is published",
        "# asked for in examples/article.yaml:8",
        "result      timeout: dropped in raw NSGEN-article-RAW",
    )
    assert "answer\n" not in text


def test_a_ping_to_the_internet() -> None:
    """Whatever address is asked, somebody on the internet has it; the host's address is what is seen there."""
    in_order(
        told(ARTICLE, "red", "8.8.8.8"),
        "host      comes in by bridge0",
        "route: 8.8.8.8 via 172.16.1.1 dev eth0 (table main, rule 32766)",
        "filter NSGEN-article-FROM: ACCEPT",
        "nat NSGEN-article-POST: MASQUERADE",
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
        "request\n  host      route: 127.0.0.1 is its own (table local, rule 0)",
        "host      nat NSGEN-article-OUTPUT: DNAT",
        "host      route: 192.168.15.2 dev bridge0",
        "nat NSGEN-article-POST: MASQUERADE",
        "host      leaves by bridge0   192.168.15.1:45678 -> 192.168.15.2:80",
        "result      answered by red",
    )


def test_for_programs() -> None:
    """As JSON it is the same: devices, rules and routes of each node, of the request and of the answer."""
    found = json.loads(told(ARTICLE, "blue", "host:8080", "--format", "json"))
    request, answer = found["ways"]
    assert [way["direction"] for way in found["ways"]] == ["request", "answer"]
    met = [rule for node in request["nodes"] for rule in node["rules"]]
    assert any("-j DNAT" in rule["rule"] and rule["why"] and rule["asked"] for rule in met)
    assert [node["node"] for node in request["nodes"]] == ["blue", "host", "red"]
    assert [node["bridge"] for node in answer["nodes"]] == ["", "bridge0", ""]
    assert found["result"].startswith("answered by red")


def test_on_a_picture() -> None:
    """The way of a packet is drawn on the picture of the topology, and what became of it stands below."""
    image = told(ARTICLE, "blue", "host:8080", "--format", "svg")
    assert re.findall(r'data-edge="([^"]+)"[^>]* data-state="lit"', image) == [
        "red bridge0",
        "blue bridge0",
    ]
    assert ">blue asks 192.168.15.1 port 8080/tcp: answered by red</text>" in image


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((ARTICLE, "nobody", "red"), 1, "there is no node 'nobody': expected one of host, outside"),
        ((ARTICLE, "red", "host:0"), 1, "ports go from 1 to 65535"),
        ((ARTICLE, "red", "host:80/icmp"), 1, "expected tcp or udp"),
        (("red",), 2, "TO is missing: expected [TOPOLOGY] FROM TO"),
        ((ARTICLE, "red"), 2, "TO is missing: expected [TOPOLOGY] FROM TO"),
        ((ARTICLE,), 2, "FROM and TO are missing: expected [TOPOLOGY] FROM TO"),
        ((ARTICLE, "red", "fd00::1:80"), 1, "write '[fd00::1]:80' for the port, or '[fd00::1:80]'"),
        ((ARTICLE, "red", "blue", "--against", "no.sh"), 1, "no.sh: no such file"),
        (("no.yaml", "red", "blue"), 1, "no such file"),
    ],
)
def test_what_cannot_be_asked(words: tuple[str, ...], status: int, said: str) -> None:
    """One message, and nothing is tried."""
    done = nsgen(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


WAYS = """\
name: ways
namespaces:
  pc: {routes: [{to: default, via: 10.0.1.1}]}
  rt:
    forwarding: true
    nat: [{snat: "10.0.2.1:2000-2010", out: b, protocol: tcp}, {dnat: "10.0.2.2:80", port: 8080}]
    rules: [{from: 10.0.1.0/24, table: 100}]
    routes:
      - {to: 10.9.0.0/24, via: 10.0.2.9}
      - {to: 10.8.0.0/24, type: prohibit}
      - {to: 10.7.0.0/24, type: blackhole}
      - {to: 10.6.0.0/24, via: 10.0.2.2}
      - {to: 10.4.0.0/24, via: 10.0.1.2}
      - {to: 10.0.2.0/24, dev: b, table: 100}
    sysctls: {net.ipv4.conf.b.rp_filter: 1}
  web:
    routes: [{to: 10.4.0.0/24, via: 10.0.2.1, src: 10.0.1.77}]
    sysctls: {net.ipv4.conf.eth0.arp_announce: 2}  # it asks for its neighbour from another address
  lone: {routes: [{to: default, via: 10.0.3.1}]}
links:
  - endpoints: {"pc:eth0": 10.0.1.2/24, "rt:a": 10.0.1.1/24}
  - endpoints: {"rt:b": 10.0.2.1/24, "web:eth0": [10.0.2.2/24, 10.0.1.77/32]}
  - endpoints: {"lone:eth0": 10.0.3.2/24, "web:eth1": 10.0.3.1/24}
"""


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A topology in which much is lost."""
    path = tmp_path_factory.mktemp("ways") / "ways.yaml"
    path.write_text(WAYS)
    return str(path)


def test_the_nat_and_the_rules_of_a_namespace(ways: str) -> None:
    """A namespace's own translation is told, beyond it a connection with other ports, and which table chose the way."""
    in_order(
        told(ways, "pc", "10.0.1.1:8080"),
        "rt        comes in by a",
        "rt        nat NSGEN-ways-DNAT: DNAT",
        f"# asked for in {ways}:6",
        "rt        route: 10.0.2.2 dev b (table 100, rule 1000: from 10.0.1.0/24 lookup 100)",
        "rt        nat NSGEN-ways-SNAT: SNAT",
        "rt        leaves by b   now 10.0.2.1:20",
        "web       comes in by eth0",
        "answer",
        "web       leaves by eth0   10.0.2.2:80 -> 10.0.2.1:20",
        "rt        route: 10.0.1.2 dev a (table main, rule 32766)",
        "rt        leaves by a   now 10.0.1.1:8080 -> 10.0.1.2:45678",
        "pc        comes in by eth0",
        "conntrack   rt: tcp",
        "result      answered by web, who is asked from 10.0.2.1",
    )


def test_marks() -> None:
    """Who sets the mark by which a packet is routed is told, and where it is asked for."""
    in_order(
        told("examples/uplinks.yaml", "client2", "172.20.2.2:8080"),
        "gate      mangle NSGEN-uplinks-MARK: CONNMARK",
        "-A NSGEN-uplinks-MARK -i wan2 -m conntrack --ctstate NEW",
        "# asked for in examples/uplinks.yaml:7",
        "gate      route: 192.168.0.10 dev lan (table main, rule 902: from all fwmark 0x2000000/0xff000000",
        "answer",
        "gate      mangle NSGEN-uplinks-MARK: CONNMARK",
        "gate      route: 10.2.0.2 via 172.20.2.1 dev wan2 (table 1002, rule 903: from all fwmark 0x2000000",
        "result      answered by server, who is asked from 10.2.0.2",
    )


@pytest.mark.parametrize(
    ("asker", "to", "result"),
    [
        ("pc", "10.9.0.1", "timeout: nobody answers for 10.0.2.9 on b of rt"),
        ("pc", "10.8.0.1", "unreachable: rt has a prohibit route to 10.8.0.1"),
        ("pc", "10.7.0.1", "timeout: rt has a blackhole route to 10.7.0.1"),
        ("pc", "10.6.0.1", "timeout: web does not forward"),
        ("pc", "9.9.9.9", "unreachable: rt has no route to 9.9.9.9"),
        ("pc", "10.0.2.2", "timeout: no answer finds its way: web has no route to 10.0.1.2"),
        ("pc", "10.0.1.9:80", "timeout: nobody answers for 10.0.1.9 on eth0 of pc"),
        ("web", "10.0.1.2", "unreachable: web has no route to 10.0.1.2"),
        ("lone", "10.0.2.1", "timeout: web does not forward"),
        (
            "web",
            "10.4.0.1",
            "timeout: rt does not take 10.0.1.77 by b: rp_filter wants its own way there to be the same",
        ),
        ("lone", "10.0.3.1:4444/udp", "refused: nobody listens there in web"),
        ("lone", "10.0.3.1:4444", "refused: nobody listens there in web"),
    ],
)
def test_what_is_lost_outside_of_rules(ways: str, asker: str, to: str, result: str) -> None:
    """The kernel's own reason is the result, and the exit status is 1."""
    assert f"result      {result}\n" in told(ways, asker, to, status=1)


TO_ITSELF = """\
name: itself
namespaces:
  red:
  blue: {nat: [{dnat: "10.0.0.2:80", port: 8080, in: eth0}, {dnat: "10.0.0.1:80", port: 8081}]}
links: [{endpoints: {"red:eth0": 10.0.0.1/24, "blue:eth0": 10.0.0.2/24}}]
"""


def test_a_dnat_that_needs_no_forwarding(tmp_path: Path) -> None:
    """One that leads to the node itself works, and so does one for its own requests: neither is warned of."""
    path = tmp_path / "itself.yaml"
    path.write_text(TO_ITSELF)
    for words in (("red", "10.0.0.2:8080"), ("blue", "10.0.0.2:8081")):
        done = nsgen(str(path), *words)
        assert (done.returncode, done.stderr) == (0, "")
        in_order(done.stdout, "blue      nat NSGEN-itself-DNAT: DNAT", "result      answered by")


REACH = """\
name: reach
networks:
  front: {subnet: 10.1.0.0/24, internet: true}
namespaces:
  red:
    networks: [front]
    publish:
      - {published: 8080, target: 80, reach: [outside, host]}
      - {published: 8081, target: 80, reach: [network], via: proxy}
  blue: {networks: [front]}
"""


@pytest.fixture(scope="module")
def reach(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A topology whose ports are not for everybody."""
    path = tmp_path_factory.mktemp("reach") / "reach.yaml"
    path.write_text(REACH)
    return str(path)


def test_who_is_left_out(reach: str) -> None:
    """A rule that lets a packet go on as it is, or rejects it, is told with whom it leaves out, and where."""
    in_order(
        told(reach, "blue", "host:8080", status=1),
        "nat NSGEN-reach-PRE: RETURN",
        "# 8080's `reach` leaves out network.",
        f"# asked for in {reach}:8",
        f"result      refused: 8080's `reach` leaves out network, {reach}:8",
    )
    in_order(
        told(reach, "outside", "host:8081", status=1),
        "host      route: 172.16.1.4 is its own",
        "filter NSGEN-reach-INPUT: REJECT",
        "# 8081's `reach` leaves out outside.",
        f"# asked for in {reach}:9",
        "result      refused: rejected in filter NSGEN-reach-INPUT",
    )


def test_another_host_and_another_script() -> None:
    """Beside Docker a script by hand gets no further than the policy of FORWARD, and ours does."""
    words = ("red", "8.8.8.8", "--host", "drop")
    by_hand = ("tests/verify/by-hand.yaml", *words, "--against", "tests/verify/by-hand.sh")
    in_order(
        told(*by_hand, status=1),
        "filter FORWARD: policy DROP",
        "result      timeout: dropped by the policy of filter FORWARD",
    )
    in_order(told(ARTICLE, *words), "filter NSGEN-article-FROM: ACCEPT", "result      answered")


@pytest.mark.parametrize("path", [*ALL_EXAMPLES, *TOPOLOGIES], ids=lambda path: path.stem)
def test_each_rule_has_its_line(path: Path) -> None:
    """Of every rule it is known where the topology asks for it, but of those that choose among chains."""
    inputs = Inputs(folder=str(path.parent), read=read_file, identity=identity)
    found = compile_topology(str(path), path.read_bytes(), inputs)
    assert found.topology is not None
    assert found.written is not None
    asked = Asked(found.topology, found.written, found.place)
    chains = make_plan(found.topology).of(Chain)
    for rule in (rule for chain in chains for rule in chain.rules if rule.why != why.DISPATCH):
        words = f"-A {rule.chain} {shlex.join(rule.words())}"
        assert asked.of(rule.node, words).place, words


def test_the_documentation_shows_what_is_printed() -> None:
    """Both traces in docs/trace.md are what is printed, but for what conntrack counts."""
    text = (CHECKOUT / "docs/trace.md").read_text(encoding="utf-8")
    shown = re.findall(r"```console\n\$ nsgen trace (.*)\n((?:.*\n)*?)```", text)
    assert len(shown) == 2
    for words, printed in shown:
        status = 0 if "result      answered" in printed else 1
        assert _steady(printed) == _steady(told(ARTICLE, *words.split(), status=status))


def _steady(text: str) -> str:
    return re.sub(r"(conntrack +host: tcp 6) \d+ \w+", r"\1", text)


# -- and as a page tells it, without a kernel ---------------------------------------------------

DECIDES = re.compile(r"^  (\S+) +\w+ NSGEN\S+: (?!CONNMARK|MARK)\w+\n +(-A .+)$", re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((ARTICLE, "blue", "host:8080"), 0),
        ((ARTICLE, "red", "192.168.15.1:8080"), 0),
        ((ARTICLE, "outside", "192.168.15.2:80"), 1),
        ((ARTICLE, "red", "8.8.8.8"), 0),
        ((ARTICLE, "host", "127.0.0.1:8080"), 0),
        (("examples/dual-stack.yaml", "blue", "[fd00:15::1]:8080"), 0),
        (("examples/uplinks.yaml", "client2", "172.20.2.2:8080"), 0),
    ],
    ids=str,
)
def test_the_rules_that_decide_are_those_of_a_page(words: tuple[str, ...], status: int) -> None:
    """What `nsgen page` says of a question, the kernel says: the same rules decide, in the same order."""
    request = told(*words, status=status).partition("\nanswer")[0]
    asker, to, port, protocol = re.findall(
        r"^(\S+) asks (\S+?)(?: port (\d+)/(\w+)|, a ping)$", request, re.MULTILINE
    )[0]
    found = compile_topology(words[0], (CHECKOUT / words[0]).read_bytes()).topology
    assert found is not None
    ways = Ways(make_plan(found), choose(found, ip_address(to)), Reach(found))
    claim = Claim(asker, "", to, int(port or 0), protocol or "ping", answered=not status, why="")
    way = way_of(claim, ways)
    expected = [(node, sorted(shlex.split(rule))) for node, rule in DECIDES.findall(request)]
    assert [(rule.node, sorted(shlex.split(rule_line(rule)))) for rule in way.rules] == expected
    assert way.stopped == bool(status)
