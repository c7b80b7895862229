"""The way of one question, as `nsgen trace` tells it: devices, rules with their reasons, what was rewritten."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsgen import rules
from nsgen.claims import HOST, INTERNET, OUTSIDE, Claims, Listener
from nsgen.endpoint import Endpoint
from nsgen.plan import Plan
from nsgen.rehearsal.outside import VerifyError, play
from nsgen.rehearsal.scene import choose
from nsgen.rehearsal.tracing import PORT

BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
INDENT = " " * 12


@dataclass(frozen=True)
class Met:
    """A rule that a packet met, or the policy that it fell to: `verdict` is what that said."""

    packet: str
    table: str
    chain: str
    rule: str
    verdict: str


def trace(plan: Plan, script: str, asker: str, to: Endpoint) -> dict[str, Any]:
    """Ask one question in a rehearsal; give what was seen of it."""
    topology = plan.topology
    nodes = (HOST, OUTSIDE, INTERNET, *(ns.name for ns in topology.namespaces))
    for name in (asker, to.node):
        if name and name not in nodes:
            raise VerifyError(f"there is no node {name!r}: expected one of {', '.join(nodes)}")
    scene = choose(topology, *([to.address] if to.address else []))
    claims = Claims(topology, scene)
    addresses = [str(to.address)] if to.address else claims.addresses_of(to.node, asker)
    if not addresses:
        raise VerifyError(f"{to.node} has no address")
    listeners = claims.listeners()
    if to.port and to.protocol != "ping":
        askable = (to.node,) if to.node and to.node != HOST else (INTERNET, OUTSIDE)
        listeners += [Listener(node, "*", to.port, to.protocol) for node in askable]
    question = [asker, addresses[0], to.port, to.protocol]
    job = {"script": script, "keep": False, "questions": [], "trace": question}
    for event in play(topology, scene, dict.fromkeys(listeners), job):
        if event["event"] == "failed" or (event["event"] == "phase" and not event["ok"]):
            raise VerifyError(event["text"])
        if event["event"] == "trace":
            return {**event, "question": question}
    raise VerifyError("the rehearsal ended without an answer")


class Story:
    """What was seen, put in order."""

    def __init__(self, plan: Plan, found: dict[str, Any]) -> None:
        """Take over what `trace` gives."""
        self.found = found
        self.asker, self.to, self.port, self.protocol = found["question"]
        self.whys = _reasons(plan)
        self.met = _met(found["rules"])
        self.packets = _first_packets(found["seen"], self.port)

    def json(self) -> str:
        """It for programs."""
        ways = [
            {"direction": name, "devices": seen, "rules": [self._as_json(one) for one in met]}
            for name, seen, met in self._ways()
        ]
        kept = ("question", "verdict", "routes", "flows")
        return json.dumps({**{key: self.found[key] for key in kept}, "ways": ways}, indent=2) + "\n"

    def _as_json(self, met: Met) -> dict[str, str]:
        found = {"table": met.table, "chain": met.chain, "rule": met.rule, "verdict": met.verdict}
        return {**found, "why": self.whys.get(_normal(met.rule), "")}

    def text(self) -> str:
        """It for people."""
        lines = list(self._lines())
        return "\n".join(lines) + "\n"

    def _lines(self) -> Iterator[str]:
        port = f" port {self.port}/{self.protocol}" if self.port else ", a ping"
        yield f"{self.asker} asks {self.to}{port}"
        for name, seen, met in self._ways():
            yield ""
            yield name
            yield from self._way(seen, met)
        yield ""
        for flow in self.found["flows"][:1]:
            yield f"conntrack   {' '.join(flow.split())}"
        yield f"result      {self._result()}"

    def _ways(self) -> Iterator[tuple[str, list[dict[str, Any]], list[Met]]]:
        """The request and the answer: the devices that each passes, and the rules that it met on the host."""
        request, answer = self.packets
        ids = list(dict.fromkeys(met.packet for met in self.met))
        back = [i for i in ids if self._is_answer(i)]
        for name, seen, group in (
            ("request", request, [i for i in ids if i not in back][:1]),
            ("answer", answer, back[:1]),
        ):
            met = [one for one in self.met if one.packet in group]
            if seen or met:
                yield name, seen, met

    def _is_answer(self, packet: str) -> bool:
        """Whether it goes to the port that was asked from; or, of pings, comes from somebody else than the first."""
        words = dict(word.split("=", 1) for word in packet.split() if "=" in word)
        if self.port:
            return words.get("DPORT") == str(PORT)
        first = self.met[0].packet.split()
        return f"SRC={words.get('SRC')}" not in first

    def _way(self, seen: list[dict[str, Any]], met: list[Met]) -> Iterator[str]:
        told = False
        before = ""
        for one in seen:
            if one["node"] == HOST and (one["out"] or one["last"]) and not told:
                if not one["out"]:
                    yield self._sighting(one, before)
                    before = _ends(one)
                yield from self._rules(met)
                told = True
                if not one["out"]:
                    continue
                yield f"  {HOST:<9} route: {self.found['routes'].get(one['to'], '')}"
            yield self._sighting(one, before)
            before = _ends(one)
        if not told:
            yield from self._rules(met)

    @staticmethod
    def _sighting(one: dict[str, Any], before: str) -> str:
        way = "leaves by" if one["out"] else "comes in by"
        ends = _ends(one)
        changed = (
            f"   now {ends}" if before and ends != before else ("" if before else f"   {ends}")
        )
        return f"  {one['node']:<9} {way} {one['device']}{changed}"

    def _rules(self, every: list[Met]) -> Iterator[str]:
        """What each rule decided; of those that only lead on, nothing."""
        for met in every:
            if "TRACE" in met.rule or met.verdict.startswith(("JUMP", "CONTINUE", "RETURN")):
                continue
            if met.verdict == "policy ACCEPT":
                continue
            yield f"  {HOST:<9} {met.table} {met.chain}: {_target(met)}"
            if met.rule:
                yield f"{INDENT}{met.rule}"
            why = self.whys.get(_normal(met.rule))
            if why:
                yield from (f"{INDENT}# {line}" for line in _wrapped(why))

    def _result(self) -> str:
        kind, *rest = self.found["verdict"].split(" ")
        if kind == "ok" and rest[0] == "ping":
            return "answered"
        if kind == "ok":
            # A service of the topology's own does not say who it is.
            who = self._answerer() if rest[0] in ("http", "?") else rest[0]
            return f"answered by {who}" + (
                f", who is asked from {rest[1]}" if rest[1] != "-" else ""
            )
        dropped = [met for met in self.met if met.verdict.endswith("DROP")]
        if dropped:
            last = dropped[-1]
            return f"{kind}: dropped in {last.table} {last.chain}"
        request, answer = self.packets
        last_seen = (answer or request or [{}])[-1]
        where = f", last seen at {last_seen['device']} of {last_seen['node']}" if last_seen else ""
        return f"{kind}{where}"

    def _answerer(self) -> str:
        """Where the answer leaves before it comes in anywhere."""
        first = {one["node"]: one["out"] for one in reversed(self.packets[1])}
        return next((node for node, out in first.items() if out), HOST)


def _reasons(plan: Plan) -> dict[str, str]:
    """Why each rule is there, by its words."""
    return {
        _normal(" ".join(("-A", rule.chain, *rule.words))): rule.why
        for version in (4, 6)
        for chain in rules.chains(plan.topology, version)
        for rule in chain.rules
    }


def _normal(rule: str) -> str:
    return " ".join(sorted(shlex.split(rule)))


def _met(rules: list[dict[str, str]]) -> list[Met]:
    """The rules in the order in which they were met; each packet begins with the rule that has it traced."""
    found: list[Met] = []
    packet = ""
    for one in rules:
        if one["rule"].endswith("-j TRACE"):
            packet = f"{len(found)} {one['packet']}"
        found.append(Met(packet, one["table"], one["chain"], one["rule"], one["verdict"]))
    return found


def _target(met: Met) -> str:
    """What a rule does."""
    words = met.rule.split()
    return (
        words[words.index("-j") + 1]
        if "-j" in words and "policy" not in met.verdict
        else met.verdict
    )


def _first_packets(
    seen: list[dict[str, Any]], port: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The devices that the first packet passes, and those that the first answer passes; each device once each way."""
    request: list[dict[str, Any]] = []
    answer: list[dict[str, Any]] = []
    for one in seen:
        back = one["flags"] == "reply" if not port else one["dport"] == PORT
        way = answer if back else request
        place = (one["node"], one["device"], one["out"])
        if one["device"] != "lan" and all((o["node"], o["device"], o["out"]) != place for o in way):
            way.append({**one, "last": False})
    for way in (request, answer):
        on_host = [one for one in way if one["node"] == HOST]
        if on_host:
            on_host[-1]["last"] = True
    return request, answer


def _ends(one: dict[str, Any]) -> str:
    def end(address: str, port: int) -> str:
        return (
            address
            if not port
            else f"{address}:{port}"
            if ":" not in address
            else f"[{address}]:{port}"
        )

    return f"{end(one['source'], one['sport'])} -> {end(one['to'], one['dport'])}"


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(text.split()), 96)
