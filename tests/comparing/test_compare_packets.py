"""Who is asked, and how what is not answered alike is told: on small documents, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from machines import address, link, machine, node
from nsgen.comparing import compare
from nsgen.proof.named import NamedPort, named_ports
from nsgen.proof.observed import Observed, Question
from nsgen.proof.state import KernelNode
from nsgen.proof.survey import AskedMachine, survey

ASKED = ("outside~", "172.16.1.4", 8080, "tcp")


def host(*addresses: str) -> dict[str, Any]:
    """A host with these addresses."""
    return node(link("eth0"), addresses=[address("eth0", one) for one in addresses])


def member(text: str) -> dict[str, Any]:
    """A namespace with an address."""
    return node(link("eth0"), addresses=[address("eth0", text)])


NODES = {"host": host("172.16.1.4/24", "10.0.0.1/24"), "red": member("10.0.0.2/24")}


def told(a: dict[Any, str], b: dict[Any, str]) -> list[str]:
    """The lines about answers of one machine and those of another."""
    found = compare(machine(a, **NODES), machine(b, **NODES))
    assert found.same == (not list(found.lines()))
    return list(found.lines())


VERDICTS = [
    ("ok red 172.16.1.5", "timeout", "A answers from red, B does not"),
    ("refused", "ok host 172.16.1.5", "A does not, B answers"),
    ("ok red 1.2.3.4", "ok blue 1.2.3.4", "A answers from red, B answers from blue"),
    (
        "ok red 172.16.1.5",
        "ok red 10.0.0.1",
        "red answers, and is asked from 172.16.1.5 (outside) in A, from 10.0.0.1 (host) in B",
    ),
]
OTHER = ("outside~", "10.0.0.1", 8080, "tcp")


@pytest.mark.parametrize(("a", "b", "line"), VERDICTS)
def test_who_answers_is_the_main_fact(a: str, b: str, line: str) -> None:
    """And from which address it is asked."""
    assert told({ASKED: a, OTHER: "timeout"}, {ASKED: b, OTHER: "timeout"}) == [
        f"outside -> host:8080 (172.16.1.4) TCP: {line}"
    ]
    assert told({ASKED: a, OTHER: "timeout"}, {ASKED: a, OTHER: "timeout"}) == []


def test_silence_and_refusal_are_told_as_a_note() -> None:
    """Nobody answers, either way."""
    found = compare(machine({ASKED: "refused"}, **NODES), machine({ASKED: "timeout"}, **NODES))
    assert found.same
    assert list(found.remarks()) == [
        "1 question that neither answers: one refuses or knows no way, the other is silent"
    ]


def test_a_service_that_does_not_say_who_it_is_may_be_anybody() -> None:
    """That is said, and it is no difference."""
    found = compare(
        machine({ASKED: "ok http -"}, **NODES), machine({ASKED: "ok red 1.2.3.4"}, **NODES)
    )
    assert found.same
    assert list(found.remarks()) == [
        "1 answer of services: it cannot be told whose, and they are taken as alike"
    ]


def test_what_differs_alike_is_one_line() -> None:
    """Who asks, the addresses, and how; none of them is named where it is all of a node's."""
    asked = [
        (who, to, port, how)
        for who in ("red", "outside~")
        for to in ("172.16.1.4", "10.0.0.1")
        for port, how in ((0, "ping"), (45001, "tcp"), (45001, "udp"))
    ]
    a = {one: "ok ping 64" if one[3] == "ping" else "ok host 10.0.0.2" for one in asked}
    assert told(a, dict.fromkeys(asked, "timeout")) == [
        "red, outside -> host ping, TCP, UDP: A answers, B does not"
    ]
    one = ("red", "10.0.0.2", 45001, "tcp")
    assert told({one: "ok red 10.0.0.2"}, {one: "timeout"}) == [
        "red -> itself TCP: A answers, B does not"
    ]


def test_a_namespace_of_a_name_of_ours_is_told_apart() -> None:
    """A script may call one `internet`."""
    nodes = {**NODES, "internet": member("10.0.0.3/24")}
    asked = [("internet", "203.0.113.10", 0, "ping"), ("internet~", "10.0.0.3", 0, "ping")]
    a, b = (
        machine(dict.fromkeys(asked, verdict), **nodes) for verdict in ("ok ping 64", "timeout")
    )
    assert list(compare(a, b).lines()) == [
        "internet -> internet~ ping: A answers, B does not",
        "internet~ -> internet ping: A answers, B does not",
    ]


# -- who asks -----------------------------------------------------------------------------------


def asked_of(*machines: Observed, every: bool = False) -> set[Question]:
    """What is asked on these machines."""
    return set(survey([AskedMachine.of(one) for one in machines], every=every).questions)


def rules(text: str, **more: Any) -> dict[str, Any]:
    """A host with rules of nat, and two addresses."""
    return {**host("172.16.1.4/24", "10.0.0.1/24"), "iptables": f"*nat\n{text}\nCOMMIT\n", **more}


def test_everybody_asks_everybody() -> None:
    """By each address, by ping, TCP and UDP, and of all machines the same."""
    other = machine(host=NODES["host"], blue=member("10.0.0.3/24"))
    questions = asked_of(machine(**NODES), other)
    assert {(q.asker, q.to) for q in questions if q.protocol == "ping"} >= {
        *(
            ("red", "10.0.0.3"),
            ("blue", "10.0.0.2"),
            ("host", "10.0.0.3"),
            ("outside~", "10.0.0.2"),
        ),
        *(("red", "127.0.0.1"), ("red", "::1"), ("red", "203.0.113.10"), ("router~", "172.16.1.4")),
    }
    ways = {(q.port == 0, q.protocol) for q in questions if (q.asker, q.to) == ("red", "10.0.0.3")}
    assert ways == {(True, "ping"), (False, "tcp"), (False, "udp")}
    assert not {q for q in questions if q.asker == "outside~" and q.to == "203.0.113.10"}


def test_ports_of_translation_are_asked() -> None:
    """On all addresses of the node, on other machines, and where they lead to; the target's number there alone."""
    text = "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80"
    questions = asked_of(machine(host=rules(text), red=NODES["red"]))
    asked = {(q.to, q.port) for q in questions if q.asker == "red" and q.port in (80, 8080)}
    assert asked == {
        *(("172.16.1.4", 8080), ("10.0.0.1", 8080)),
        *(("172.16.1.5", 8080), ("203.0.113.10", 8080), ("10.0.0.2", 80)),
    }  # fmt: skip
    listeners = survey([AskedMachine.of(machine(host=rules(text), red=NODES["red"]))]).listeners
    assert ("red", 80, "tcp") in listeners
    assert ("internet~", 8080, "tcp") in listeners
    assert ("host", 8080, "tcp") not in listeners


def test_ports_of_services_are_asked() -> None:
    """Of TCP; one of UDP may not answer, and that is said."""
    listening = {"user": "root", "uid": 0, "cwd": "/", "pid": 5, "node": "red", "argv": ["x"]}
    served = machine(
        processes=({**listening, "listens": ["tcp 0.0.0.0:81", "udp 0.0.0.0:53"]},), **NODES
    )
    found = survey([AskedMachine.of(served), AskedMachine.of(machine(**NODES))])
    assert Question("outside~", "10.0.0.2", 81, "tcp") in found.questions
    assert Question("outside~", "10.0.0.2", 53, "udp") not in found.questions
    assert ("red", 81, "tcp") in found.listeners
    assert found.notes == ("not asked, because a service that may not answer has it: UDP port 53",)


def test_of_many_namespaces_not_every_pair_is_asked() -> None:
    """Unless it is asked for; and that is said."""
    many = machine(
        host=NODES["host"], **{f"n{i}": member(f"10.0.0.{10 + i}/24") for i in range(12)}
    )
    pairs = {(q.asker, q.to) for q in asked_of(many)}
    assert ("n5", "10.0.0.16") in pairs
    assert ("n0", "10.0.0.21") in pairs
    assert ("n5", "10.0.0.18") not in pairs
    assert ("n5", "10.0.0.18") in {(q.asker, q.to) for q in asked_of(many, every=True)}
    assert "--all" in survey([AskedMachine.of(many)]).notes[0]
    assert survey([AskedMachine.of(many)], every=True).notes == ()


NAMED = [
    (
        "-A P -d 1.2.3.4/32 -p tcp -m multiport --dports 80,90:95 -j DNAT --to-destination 10.0.0.2:8000-8015",
        NamedPort("host", ("tcp",), (80, 90, 95), "1.2.3.4", True, "10.0.0.2", (8000, 8015)),
    ),
    (
        "-A P -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353",
        NamedPort("host", ("udp",), (53,), translated=True, to_ports=(5353,)),
    ),
    (
        "-A P -d 1.2.3.4/32 -j DNAT --to-destination 10.0.0.2",
        NamedPort("host", ("tcp", "udp"), (), "1.2.3.4", translated=True, to="10.0.0.2"),
    ),
    ("-A P -p tcp -m tcp --dport 22 -j DROP", NamedPort("host", ("tcp",), (22,))),
    ("-A P -p tcp -m tcp ! --dport 22 -j DROP", None),
    ("-A P -s 10.0.0.0/24 -p icmp -j DROP", None),
]


@pytest.mark.parametrize(("rule", "named"), NAMED)
def test_ports_that_rules_name(rule: str, named: NamedPort | None) -> None:
    """Of iptables: matched, and translated to."""
    found = named_ports(KernelNode.of("host", node(iptables=f"*nat\n{rule}\nCOMMIT\n")))
    assert list(found) == ([named] if named else [])


def test_ports_that_nftables_names() -> None:
    """Matched, and translated to."""
    rules = (
        "tcp dport 8080 dnat to 10.0.0.2:80",
        "udp dport { 53, 54 } redirect to :5353",
        "tcp dport 22 drop",
    )
    text = "\n".join(["table ip nat {", *rules, "}"])
    assert list(named_ports(KernelNode.of("host", node(nft=text)))) == [
        NamedPort("host", ("tcp",), (8080,), "", translated=True, to="10.0.0.2", to_ports=(80,)),
        NamedPort("host", ("udp",), (53, 54), "", translated=True, to="", to_ports=(5353,)),
        NamedPort("host", ("tcp",), (22,)),
    ]
