"""`nsgen capture SCRIPT`: scripts of each kind that people write, run where nothing is real, and what becomes of it."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from nsgen.capturing.faults import CaptureRequest
from nsgen.capturing.script import ScriptCapture, built, held_against
from nsgen.compiler import compile_topology

pytestmark = pytest.mark.xdist_group("written")  # which are built once
SCRIPTS = Path(__file__).resolve().parent.parent / "capture"
# What each is given besides its text; those of TRIED are held against what they build, too.
ASKED: dict[str, dict[str, object]] = {
    "bridge.sh": {},
    "publish.sh": {},
    "router.sh": {"arguments": ["2"]},
    "marked.sh": {},
    "fails.sh": {},
    "unable.sh": {},
    "stays.sh": {"timeout": 4.0},
    "screens.sh": {},
    "program.py": {},
    "refused.sh": {},
    "mirror.sh": {},
    "asks.sh": {"answers": b"2\nred\n\nyes\n"},
    "after.sh": {},
}
TRIED = ("bridge.sh", "publish.sh", "stays.sh", "refused.sh", "mirror.sh")


def request(name: str) -> CaptureRequest:
    """What is asked of a script."""
    path = SCRIPTS / name
    asked = CaptureRequest(path.read_text(), name, str(path), str(SCRIPTS))
    return replace(asked, **ASKED[name])  # type: ignore[arg-type]


def captured(name: str) -> ScriptCapture:
    """One script, captured."""
    found = built(request(name))
    if name in TRIED:
        held_against(found)
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, ScriptCapture]:
    """All scripts, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ASKED, pool.map(captured, ASKED), strict=True))


def text(found: ScriptCapture) -> str:
    """The topology of a script."""
    assert found.captured is not None
    return found.captured.text


def test_a_lab_that_removes_itself_is_taken_at_its_most(found: dict[str, ScriptCapture]) -> None:
    """The bridge, its members, their server and their resolver, and a way out where there was one to be looked for."""
    one = found["bridge.sh"]
    assert (
        text(one)
        == """\
name: bridge
networks:
  br0: {subnet: 10.40.0.0/24, internet: true}
namespaces:
  red:
    networks: {br0: {address: 10.40.0.2, interface: e-red, peer: v-red}}
    publish: [{published: 8080, target: 80, reach: [outside]}]
    dns: {nameservers: [9.9.9.9]}
    services:
      python3: {command: [python3, "-m", http.server, 80], user: nobody, directory: /usr/share}
  blue:
    networks: {br0: {address: 10.40.0.3, interface: e-blue, peer: v-blue}}
"""
    )
    assert one.accepted
    lines = list(one.lines())
    assert "note: bridge.sh:42: taken before `kill %1`, when the most was built" in lines
    assert "note: bridge.sh:20: not done, but asked for: apt-get install -y bridge-utils" in lines
    assert "note: bridge.sh:38: cut short: sleep 30" in lines
    assert "note: it read 1 line from its standard input, each of which was empty" in lines
    unsaid = [line.partition(": it is")[0] for line in lines if ": not said: iptables" in line]
    assert unsaid == [
        "bridge.sh:29: not said: iptables -t nat -F",
        "bridge.sh:30: not said: iptables -P FORWARD ACCEPT",
    ]
    assert any(line.startswith("note: closed by nsgen: outside") for line in lines)
    # DNAT without an address takes what is for others, too; a published port does not.
    taken = "note: not taken by nsgen: blue, red -> outside:8080 (172.16.1.5) TCP: A does not, B answers"
    assert taken in lines


def test_every_command_is_in_one_of_the_lists(found: dict[str, ScriptCapture]) -> None:
    """Whatever changed the network has a line and a list, and each element that the kernel has not made has a line."""
    one = found["bridge.sh"]
    run = one.run.commands[: one.run.upto]
    changing = [
        c for c in run if c.effect in ("builds", "removes") and not c.status and c.kind != "kill"
    ]
    assert len(one.outcomes) == len(changing) > 20
    assert all(outcome.place.startswith("bridge.sh:") for outcome in one.outcomes)
    lost = [element for element, place in one.places.items() if not place]
    assert {element.kind for element in lost} <= {"address", "sysctl"}  # which the kernel makes
    assert all(element.text.startswith(("fe80::", "net/")) for element in lost)


def test_what_a_topology_refuses(found: dict[str, ScriptCapture]) -> None:
    """Namespaces called `host` and `internet` have other names; a command gives a device the network's own address."""
    one = found["refused.sh"]
    assert one.accepted
    assert one.captured is not None
    assert list(one.captured.topology["namespaces"]) == ["ns-host", "ns-internet", "red"]
    assert "note: the namespace 'internet' is called 'ns-internet' here" in list(one.lines())
    assert "dns: {nameservers: [10.43.0.1]}" in text(one)
    # What one has as a neighbour for good is written down, so that it is found again.
    mac = re.search(r'"ns-internet:up0": \{address: 10.43.0.1/24, mac: ("\S+")\}', text(one))
    assert mac
    assert f"neighbours: {{10.43.0.1: {mac[1]}}}" in text(one)
    own = {e.kind for e, place in one.places.items() if place and e.node.startswith("ns-")}
    assert own == {"namespace", "link", "address", "route", "neighbour", "file", "process"}
    executed = [str(element) for element in one.captured.notes.by_exec]
    assert executed == ["host: address 10.45.0.0/16 dev br0", "red: address 10.45.1.0/24 dev eth0"]


def test_queues(found: dict[str, ScriptCapture]) -> None:
    """Queues, their classes and their filters are commands, and the same is there when these have run."""
    one = found["mirror.sh"]
    assert one.accepted
    assert one.captured is not None
    assert not one.captured.notes.unsaid.keys() - {
        e for e in one.captured.notes.unsaid if e.kind == "address"
    }
    queues = [(e.kind, one.places[e]) for e in one.captured.notes.by_exec]
    assert queues == [
        ("qdisc", "mirror.sh:23"), ("class", "mirror.sh:24"), ("class", "mirror.sh:25"),
        ("qdisc", "mirror.sh:26"), ("filter", "mirror.sh:27"), ("qdisc", "mirror.sh:17"),
        ("qdisc", "mirror.sh:20"), ("filter", "mirror.sh:18"), ("filter", "mirror.sh:21"),
        ("filter", "mirror.sh:22"), ("qdisc", "mirror.sh:28"),
    ]  # fmt: skip


def test_answers(found: dict[str, ScriptCapture]) -> None:
    """A script reads what it is given."""
    one = found["asks.sh"]
    assert text(one) == "name: asks\nnamespaces:\n  red: {}\n  n2: {}\n"
    assert not one.errors
    assert "note: it read 4 lines of the answers that it was given" in list(one.lines())


def test_the_line_of_another_script(found: dict[str, ScriptCapture]) -> None:
    """A script that runs another one fails where that does."""
    said = found["after.sh"].errors[0]
    assert said.startswith("./fails.sh:5: the script ended with status 255")


def test_a_port_and_a_rule(found: dict[str, ScriptCapture]) -> None:
    """The card is called as the script has it, its rules are words of the language, and one inside is a command."""
    one = found["publish.sh"]
    assert one.accepted
    assert one.source.cards == ("ens3",)
    assert (
        '{masquerade: ens3, from: 10.42.0.0/24}, {dnat: "10.42.0.2:80", port: 8080, in: ens3}'
        in text(one)
    )
    assert [line for line in one.lines() if ": by exec: " in line] == [
        (
            "publish.sh:16: by exec: web: iptables -t filter -A INPUT -p tcp -m tcp --dport 81 -j DROP:"
            " iptables -w -A INPUT -p tcp -m tcp --dport 81 -j DROP"
        )
    ]


def test_what_differs_is_told_and_not_accepted(found: dict[str, ScriptCapture]) -> None:
    """A topology with another port is told from the script by a packet, and by its rule."""
    one = found["publish.sh"]
    other = text(one).replace("port: 8080", "port: 8081")
    assert one.captured is not None
    compiled = compile_topology("other", other.encode())
    changed = replace(one, captured=replace(one.captured, compiled=compiled), verdict=None)
    held_against(changed)
    assert changed.verdict is not None
    assert not changed.accepted
    told = [line for line in changed.verdict.differences if ":8080" in line or ":8081" in line]
    assert told[0].startswith("outside, router, internet -> host:8080 (")
    assert told[0].endswith(") TCP: A answers from web, B does not")


def test_arguments_and_old_programs(found: dict[str, ScriptCapture]) -> None:
    """What is behind `--` is given to the script; ifconfig and route are run, or done by ip."""
    one = found["router.sh"]
    assert not one.errors
    assert "middle: {forwarding: true}" in text(one)
    assert '{endpoints: {"middle:m2": 10.41.2.1/24, "n2:eth2": 10.41.2.2/24}}' in text(one)
    assert "n1: {routes: [{to: default, via: 10.41.1.1}]}" in text(one)


def test_a_mark_says_when(found: dict[str, ScriptCapture]) -> None:
    """What is there at the comment is taken, and what comes behind it does not run."""
    one = found["marked.sh"]
    assert one.run.marked
    assert text(one) == "name: marked\nnamespaces:\n  first: {}\n"
    assert "third" not in str(one.run.commands)


def test_what_stays_is_a_service(found: dict[str, ScriptCapture]) -> None:
    """A server in the foreground ends with the time; one that nobody has installed is stood in for."""
    one = found["stays.sh"]
    assert one.accepted
    assert one.captured is not None
    services = one.captured.topology["namespaces"]["red"]["services"]
    assert {name: " ".join(map(str, service["command"])) for name, service in services.items()} == {
        "dnsmasq": "dnsmasq --no-daemon --port 5353",
        "python3": "python3 -m http.server 8000",
    }
    assert "note: stays.sh was still running after 4 s; what it had built then is taken" in list(
        one.lines()
    )


def test_nothing_is_real(found: dict[str, ScriptCapture]) -> None:
    """What has no screen runs, what is for other users runs as root, and what is written is gone."""
    one = found["screens.sh"]
    assert not one.errors
    assert sorted(p.argv[1] for p in one.run.commands if p.argv[0] == "sleep" and p.node == "red") == [
        "1001", "1002", "1003", "1004", "1005",
    ]  # fmt: skip
    assert text(one).count("command: [sleep, 100") == 5
    assert "{command: [sleep, 1005], user: nobody" in text(one)
    assert "  web: {}\n" in text(one)
    assert "  late: {}\n" in text(one)  # by /sbin/ip, without PATH
    assert not Path("/tmp/written-by-a-captured-script").exists()  # noqa: S108 - the script has it so


def test_a_script_that_fails(found: dict[str, ScriptCapture]) -> None:
    """The line is told, and what the script said."""
    one = found["fails.sh"]
    assert not one.accepted
    assert one.errors == [
        (
            "fails.sh:5: the script ended with status 255; its last lines:\n"
            '  Error: argument "nobody" is wrong: Invalid "netns" value'
        )
    ]


def test_what_this_machine_cannot_build(found: dict[str, ScriptCapture]) -> None:
    """A kind of device that the kernel does not have, a missing program that would make something, an unknown form."""
    one = found["unable.sh"]
    assert not one.accepted
    assert [error.partition(":")[2][:40] for error in one.errors[:3]] == [
        "3: ip link add q0 type quantum: this mac",
        "5: brctl sing br0: this machine cannot b",
        "4: ovs-vsctl is not installed, and what ",
    ]


def test_lines_where_no_shell_tells_them(found: dict[str, ScriptCapture]) -> None:
    """Of a script of another language a line is found by what is in it."""
    one = found["program.py"]
    assert not one.errors
    places = {str(element): place for element, place in one.places.items()}
    assert places["red: link r0 (veth)"] == "program.py:9"


def test_the_command_line(tmp_path: Path) -> None:
    """A script that wants arguments is told so, nothing is written, and a wrong mark is one message."""
    script = str(SCRIPTS / "router.sh")
    command = [sys.executable, "-m", "nsgen", "capture"]
    done = subprocess.run(
        [*command, script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"error: {script}: it ended with status 0 and has built nothing; what it needs as arguments goes"
        in done.stderr
    )
    assert f"usage: {script} NUMBER" in done.stderr
    for words, said in (
        ([script, "--at", "99"], f"{script}: there is no line 99: the script has 14"),
        (["nothing.sh"], "nothing.sh: no such file or directory"),
        ([str(SCRIPTS / "program.py"), "--at", "8"], "a mark can be in a script of a shell alone"),
    ):
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (done.returncode, done.stdout) == (1, ""), words
        assert said in done.stderr
        assert "Traceback" not in done.stderr
