"""Watch one question on its way: the devices that its packets pass, the rules that they meet, and their routes.

The kernel is the witness: packet(7) sockets in every node see each device, nf_tables tells of each rule that a packet
meets which the TRACE target of iptables-nft has marked, and rtnetlink(7) of the route that it takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from nsgen.proof.lab import nftrace, probe
from nsgen.proof.lab.lookups import Lookup, Packet
from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import RehearsalError, output, run
from nsgen.proof.lab.visits import Flow, Visit, attach, decide, visits
from nsgen.proof.lab.watch import Sighting, Watch, in_order

PORTS = (45678, 45679)  # the asker's: the first that it does not ask for
AFTERWARDS = 0.4  # seconds for what is still on its way
Question = tuple[str, str, int, str]


def trace(
    nodes: list[str], ruled: list[str], question: Question, patience: float
) -> dict[str, Any]:
    """Ask one question, and give what was seen of it; `ruled` are the nodes that may have rules."""
    return _Trace(nodes, ruled, question).run(patience)


class _Trace:
    def __init__(self, nodes: list[str], ruled: list[str], question: Question) -> None:
        self.nodes, self.ruled = nodes, ruled
        self.asker, self.to, self.port, self.asked = question
        self.version = 6 if ":" in self.to else 4
        self.protocol = "icmp" if self.asked == "ping" else self.asked
        self.tool = "ip6tables" if self.version == 6 else "iptables"
        self.own_port = next(port for port in PORTS if port != self.port)

    def run(self, patience: float) -> dict[str, Any]:
        """Ask, and look."""
        if "nf_tables" not in output([self.tool, "-V"]):
            raise RehearsalError(
                "the kernel tells of rules only by iptables-nft, and this is another iptables"
            )
        self._mark("-I")
        monitors = {node: nftrace.Monitor(node, self.version) for node in self.ruled}
        watch = Watch(self.nodes, self.protocol)
        source = self._source()
        number = "" if self.asked == "ping" else f"#{self.own_port}"
        bound = f"@{source}{number}" if source and number else ""
        one = probe.Probe(f"{self.asker}{bound} {self.to} {self.port or '-'} {self.asked}")
        asked_from = one.identifier if self.asked == "ping" else self.own_port
        probe.run([one], patience)
        time.sleep(AFTERWARDS)
        seen = watch.end()
        flows = {node: self._flows(node) for node in self.ruled}
        passages = {node: monitor.end() for node, monitor in monitors.items()}
        ports = _askers_ports(asked_from, [flow for own in flows.values() for _, flow in own])
        ways = self._ways(
            seen, passages, ports, source, {n: [f for _, f in own] for n, own in flows.items()}
        )
        lost = "" if one.verdict.startswith("ok") else self._lost(ways, one.verdict)
        self._mark("-D")
        kept = [
            (node, line) for node, own in flows.items() for line, flow in own if _is_of(flow, ports)
        ]
        return {
            "verdict": one.verdict,
            "lost": lost,
            "ways": [[visit.told() for visit in way] for way in ways],
            "flows": kept,
        }

    def _source(self) -> str:
        """From which address it asks."""
        words = output([*self._enter(self.asker), "ip", "route", "get", self.to]).split()
        nothing = "::" if self.version == 6 else "0.0.0.0"
        return words[words.index("src") + 1] if "src" in words else nothing

    @staticmethod
    def _enter(node: str) -> list[str]:
        return ["nsenter", f"--net={file_of(node)}"]

    def _mark(self, action: str) -> None:
        """Have the kernel tell of the rules that packets of this protocol meet, wherever there may be some."""
        number = (
            self.protocol if self.protocol != "icmp" else {4: "icmp", 6: "ipv6-icmp"}[self.version]
        )
        matches: list[list[str]] = [[]]
        if number == "ipv6-icmp":
            matches = [["--icmpv6-type", kind] for kind in ("echo-request", "echo-reply")]
        for node in self.ruled:
            for chain in ("PREROUTING", "OUTPUT"):
                for match in matches:
                    rule = ("-t", "raw", action, chain, "-p", number, *match, "-j", "TRACE")
                    run(*self._enter(node), self.tool, "-w", *rule)

    def _flows(self, node: str) -> list[tuple[str, Flow]]:
        """What connection tracking knows of the protocol in a node."""
        command = ["conntrack", "-L", "-f", f"ipv{self.version}"]
        lines = output([*self._enter(node), *command]).splitlines()
        names = {"icmp": ("icmp", "icmpv6")}.get(self.protocol, (self.protocol,))
        return [
            (line, _flow(line)) for line in lines if line.split()[:1] and line.split()[0] in names
        ]

    def _ways(
        self,
        seen: list[Sighting],
        passages: dict[str, list[nftrace.Passage]],
        ports: set[int],
        source: str,
        flows: dict[str, list[Flow]],
    ) -> tuple[list[Visit], list[Visit]]:
        """The nodes that the first packet comes to, and those of the first answer."""
        request = visits(in_order(s for s in seen if s.sport in ports and s.flags in ("", "S")))
        theirs = {n: [p for p in own if p.sport in ports] for n, own in passages.items()}
        attach(request, theirs, self.asker)
        last = request[-1].node if request else ""
        start = (source if source not in ("::", "0.0.0.0") else "", self.to)
        self._decide(request, start, flows)
        replies = [one for one in seen if one.dport in ports]
        answer = visits(in_order(s for s in replies if not s.flags or {"R", "S"} & set(s.flags)))
        back = {n: [p for p in own if p.dport in ports] for n, own in passages.items()}
        attach(answer, back, last)
        taken = request[-1] if request and request[-1].ins else None
        ends = (
            (taken.lookups[0].packet.to, taken.ins[0].source)
            if taken and taken.lookups
            else ("", self.to)
        )
        if answer and answer[0].outs:
            # Its own rules have changed what is seen leave: its kernel was asked for what it answers.
            ends = (ends[0] or answer[0].outs[0].source, ends[1] if taken else answer[0].outs[0].to)
        self._decide(answer, ends, flows)
        return request, answer

    def _decide(
        self, way: list[Visit], start: tuple[str, str], flows: dict[str, list[Flow]]
    ) -> None:
        for index, visit in enumerate(way):
            if index and not visit.ins:
                continue  # by a device that is made on one of this node's: it does not pass its rules
            decide(visit, self.protocol, start, flows.get(visit.node, ()))

    def _lost(self, ways: tuple[list[Visit], list[Visit]], verdict: str) -> str:
        """Where the way ends outside of any rule, and why."""
        request, answer = ways
        way = answer or request
        if any(visit.ended for visit in way):
            return ""
        if verdict == "refused" and request and request[-1].taken:
            return f"nobody listens there in {request[-1].node.rstrip('~')}"
        if not way:
            packet = Packet("", self.to, "", self.protocol, self.own_port, self.port, 0)
            return Lookup(self.asker, packet).lost() or f"nothing has left {self.asker}"
        last = way[-1]
        if last.taken and way is request:
            return self._no_way_back(last)
        if last.taken:
            return f"the answer has come to {last.node.rstrip('~')}, and not to who asked"
        said = "" if last.outs or not last.lookups else last.lookups[-1].lost()
        if said or not last.seen:
            return said
        at = last.seen[-1]
        return f"last seen when it {'left' if at.out else 'came in'} by {at.device} of {last.node.rstrip('~')}"

    def _no_way_back(self, last: Visit) -> str:
        """Why who has taken a packet does not answer."""
        said = ""
        if last.lookups:
            one = last.lookups[-1].packet
            packet = Packet(one.to, one.source, "", self.protocol, one.dport, one.sport, 0)
            said = Lookup(last.node, packet).lost()
        silent = f"{last.node.rstrip('~')} has taken it, and answers nothing"
        return f"no answer finds its way: {said}" if said else silent


def _flow(line: str) -> Flow:
    """The two directions of a line of conntrack(8); a ping has its number in place of ports."""
    found: list[dict[str, str]] = []
    for word in line.split():
        key, given, value = word.partition("=")
        if key == "src" and given:
            found.append({})
        if given and found and key in ("src", "dst", "sport", "dport", "id"):
            found[-1].setdefault(key, value)
    found += [{}, {}]
    return found[0], found[1]


def _numbers(flow: Flow) -> set[int]:
    """By which numbers the asker of a flow is known, on both sides of a translation."""
    came, answered = flow
    shown = (came.get("sport", came.get("id")), answered.get("dport", answered.get("id")))
    return {int(number) for number in shown if number}


def _is_of(flow: Flow, ports: set[int]) -> bool:
    return bool(_numbers(flow) & ports)


def _askers_ports(first: int, flows: Iterable[Flow]) -> set[int]:
    """The asker's port, and what was put in place of it on the way."""
    found, left = {first}, [_numbers(flow) for flow in flows]
    while more := [numbers for numbers in left if numbers & found and numbers - found]:
        found |= set().union(*more)
    return found
