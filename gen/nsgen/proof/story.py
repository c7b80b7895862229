"""The way of one question, as `nsgen trace` tells it: devices, routes, rules with their reasons, what was rewritten."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nsgen.language.endpoint import Endpoint
from nsgen.proof.asked import Asked
from nsgen.proof.claims.all import Claims, Listener
from nsgen.proof.claims.scene import Option, choose
from nsgen.proof.rehearse import VerifyError, play
from nsgen.topology.model import Topology
from nsgen.values import HOST, INTERNET, OUTSIDE

BEFORE = ("PREROUTING", "OUTPUT")  # the built-in chains in which a packet has no route yet
INDENT = " " * 12
Found = dict[str, Any]


def trace(
    topology: Topology, script: str, asker: str, to: Endpoint, host: Sequence[Option] = ()
) -> Found:
    """Ask one question in a rehearsal; give what was seen of it."""
    nodes = (HOST, OUTSIDE, INTERNET, *(ns.name for ns in topology.namespaces))
    for name in (asker, to.node):
        if name and name not in nodes:
            raise VerifyError(f"there is no node {name!r}: expected one of {', '.join(nodes)}")
    scene = choose(topology, *([to.address] if to.address else []), host=tuple(host))
    claims = Claims(topology, scene)
    addresses = [str(to.address)] if to.address else claims.addresses_of(to.node, asker)
    if not addresses:
        raise VerifyError(f"{to.node} has no address")
    listeners = claims.listeners()
    if to.port and to.protocol != "ping":
        askable = (to.node,) if to.node and to.node != HOST else (INTERNET, OUTSIDE)
        listeners += [Listener(node, "*", to.port, to.protocol) for node in askable]
    question = [asker, addresses[0], to.port, to.protocol]
    job = {"script": script, "questions": [], "trace": question}
    for event in play(topology, scene, dict.fromkeys(listeners), job):
        if event["event"] == "failed" or (event["event"] == "phase" and not event["ok"]):
            raise VerifyError(event["text"])
        if event["event"] == "trace":
            return {**event, "question": question}
    raise VerifyError("the rehearsal ended without an answer")


class Leg(NamedTuple):
    """One node on the way of a request or its answer: the devices that it came and went by, and what was done there."""

    direction: str
    node: str
    ins: tuple[str, ...]
    outs: tuple[str, ...]
    did: tuple[str, ...]


class Story:
    """What was seen, in words."""

    def __init__(self, found: Found, asked: Asked) -> None:
        """Take over what `trace` gives, and what tells why each rule is there."""
        self.found = found
        self.asked = asked
        self.asker, self.to, self.port, self.protocol = found["question"]
        names = ("request", "answer")
        self.ways = [(n, w) for n, w in zip(names, found["ways"], strict=True) if w]

    @property
    def answered(self) -> bool:
        """Whether there was an answer."""
        return bool(self.found["verdict"].startswith("ok"))

    def json(self) -> str:
        """The packet's way, for programs."""
        told = {key: self.found[key] for key in ("question", "verdict")}
        ways = [
            {"direction": name, "nodes": [self._as_json(visit) for visit in way]}
            for name, way in self.ways
        ]
        flows = [{"node": node, "flow": line} for node, line in self.found["flows"]]
        return (
            json.dumps({**told, "result": self._result(), "ways": ways, "flows": flows}, indent=2)
            + "\n"
        )

    def _as_json(self, visit: Found) -> Found:
        kept = {key: visit[key] for key in ("node", "seen", "routes", "bridge")}
        reasons = [self.asked.of(visit["node"], met["rule"]) for met in visit["met"]]
        met = [
            {**one, "why": reason.why, "asked": reason.place}
            for one, reason in zip(visit["met"], reasons, strict=True)
        ]
        return {**kept, "rules": met}

    @property
    def question(self) -> str:
        """Who asked, and what came of it."""
        port = f" port {self.port}/{self.protocol}" if self.port else ", a ping"
        return f"{self.asker} asks {self.to}{port}: {self._result()}"

    def legs(self) -> Iterator[Leg]:
        """The packet's way, node by node, for a picture."""
        for direction, way in self.ways:
            before = ""
            for visit in way:
                ins = tuple(one["device"] for one in visit["seen"] if not one["out"])
                outs = tuple(one["device"] for one in visit["seen"] if one["out"])
                ends = self._ends(visit["seen"][-1]) if visit["seen"] else before
                now = (f"{'now ' if before else ''}{ends}",) if ends != before else ()
                met = (
                    f"{met['table']} {met['chain']}: {_target(met)}" for met in _told(visit["met"])
                )
                yield Leg(direction, visit["node"], ins, outs, (*met, *now))
                before = ends

    def text(self) -> str:
        """The packet's way, for people."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        port = f" port {self.port}/{self.protocol}" if self.port else ", a ping"
        yield f"{self.asker} asks {self.to}{port}"
        for name, way in self.ways:
            yield from ("", name)
            before = ""
            for visit in way:
                yield from self._visit(visit, before)
                before = self._ends(visit["seen"][-1]) if visit["seen"] else before
        yield ""
        for node, line in self.found["flows"]:
            yield f"conntrack   {node}: {' '.join(line.split())}"
        yield f"result      {self._result()}"

    def _visit(self, visit: Found, before: str) -> Iterator[str]:
        """One node, in the order of the kernel: the devices, and between them the rules and the route."""
        ins = [one for one in visit["seen"] if not one["out"]]
        outs = [one for one in visit["seen"] if one["out"]]
        for one in ins:
            yield self._sighting(one, before)
            before = self._ends(one)
        node, routes = visit["node"], list(visit["routes"])
        if not ins and routes:  # its own packet has a route before it meets a rule
            yield f"  {node:<9} route: {routes.pop(0)}"
        early = [met for met in visit["met"] if met["hook"] in BEFORE]
        yield from self._rules(node, early)
        if not any(met["verdict"].endswith("DROP") for met in early):
            if visit["bridge"]:
                yield f"  {node:<9} bridged: {visit['bridge']}"
            yield from (f"  {node:<9} route: {route}" for route in routes)
        yield from self._rules(node, [met for met in visit["met"] if met not in early])
        for one in outs:
            yield self._sighting(one, before)
            before = self._ends(one)

    def _sighting(self, one: Found, before: str) -> str:
        way = "leaves by" if one["out"] else "comes in by"
        ends = self._ends(one)
        changed = f"   now {ends}" if before and ends != before else "" if before else f"   {ends}"
        return f"  {one['node']:<9} {way} {one['device']}{changed}"

    def _rules(self, node: str, every: Sequence[Found]) -> Iterator[str]:
        """What each rule decided."""
        for met in _told(every):
            yield f"  {node:<9} {met['table']} {met['chain']}: {_target(met)}"
            if met["rule"] and "policy" not in met["verdict"]:
                yield f"{INDENT}{met['rule']}"
                reason = self.asked.of(node, met["rule"])
                why = textwrap.wrap(" ".join(reason.why.split()), 96)
                yield from (f"{INDENT}# {line}" for line in why)
                if reason.place:
                    yield f"{INDENT}# asked for in {reason.place}"

    def _result(self) -> str:
        kind, *rest = self.found["verdict"].split(" ")
        if kind == "ok" and rest[0] == "ping":
            return "answered"
        if kind == "ok":
            # A service of the topology's own does not say who it is.
            who = self._answerer() if rest[0] in ("http", "?") else rest[0]
            seen = f", who is asked from {rest[1]}" if rest[1] != "-" else ""
            return f"answered by {who}{seen}"
        dropped = [(v["node"], met) for _, way in self.ways for v in way for met in v["met"]]
        dropped = [(node, met) for node, met in dropped if met["verdict"].endswith("DROP")]
        if dropped:
            return f"{kind}: {self._dropped(*dropped[-1])}"
        out = self.asked.left_out(self.asker, self.to, self.port, self.protocol)
        why = out or self.found["lost"]
        return f"{kind}: {why}" if why else kind

    @staticmethod
    def _dropped(node: str, met: Found) -> str:
        where = f"{met['table']} {met['chain']}{f' of {node}' if node != HOST else ''}"
        if "policy" in met["verdict"]:
            return f"dropped by the policy of {where}"
        return f"{'rejected' if '-j REJECT' in met['rule'] else 'dropped'} in {where}"

    def _answerer(self) -> str:
        """Where the answer leaves before it comes in anywhere."""
        answers = [way for name, way in self.ways if name == "answer"]
        return str(answers[0][0]["node"]) if answers else HOST

    def _ends(self, one: Found) -> str:
        def end(address: str, port: int) -> str:
            if not self.port:  # a ping has a number, and no ports
                return address
            return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

        return f"{end(one['source'], one['sport'])} -> {end(one['to'], one['dport'])}"


def _told(every: Sequence[Found]) -> Iterator[Found]:
    """The rules that decided something, and none that only leads on."""
    for met in every:
        leads = met["verdict"].startswith(("JUMP", "GOTO")) or "TRACE" in met["rule"]
        # Of what goes on to the next rule, that which marks decides about the route.
        leads = leads or (met["verdict"] == "CONTINUE" and "MARK " not in met["rule"])
        silent = met["verdict"] in ("RETURN", "policy RETURN") and not met["rule"]
        if not (leads or silent or met["verdict"] == "policy ACCEPT"):
            yield met


def _target(met: Found) -> str:
    """What a rule does."""
    words = met["rule"].split()
    if "-j" in words and "policy" not in met["verdict"]:
        return str(words[words.index("-j") + 1])
    return str(met["verdict"])
