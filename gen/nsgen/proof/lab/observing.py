"""Look at a machine while it is as some script has made it: read its state, ask, and give both as one document.

    document = observe(machine, "setup.sh", alone())

The document is what :class:`nsgen.proof.observed.Observed` reads. Nothing of the machine is changed; what listens is
gone afterwards.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nsgen.proof.lab import probe, state
from nsgen.proof.lab.asking import PATIENCE
from nsgen.proof.lab.machine import Machine
from nsgen.proof.lab.nodes import file_of, namespace_of
from nsgen.proof.lab.programs import RehearsalError, output
from nsgen.proof.lab.responder import EVERYWHERE
from nsgen.proof.lab.starting import await_listening
from nsgen.proof.lab.still import SETTLING, settle
from nsgen.proof.lab.witness import Witnessed, witness
from nsgen.proof.observed import AROUND, Observed, Question, around, transit
from nsgen.proof.survey import AskedMachine, as_questions, survey
from nsgen.values import HOST

TOGETHER = 400  # questions at a time: each has a socket
SERVED = "ok ? -"  # what is said of a service that answers
TRIES = 5  # to listen, where a service that starts late is first
Document = dict[str, Any]
Job = Mapping[str, Any]  # of a survey, as JSON has it
Next = Callable[[Document], Job | None]


def observe(machine: Machine, name: str, then: Next, devices: Sequence[str] = ()) -> Document:
    """Look at a machine now.

    `then` is given what is known so far, and says what to ask next, as :meth:`nsgen.proof.survey.Survey.document` has
    it, or None: that is all. `devices` are those that the host had before anything was built: see `devices_of`.
    """
    observing = Observing(machine, name, devices)
    try:
        while (job := then(observing.document)) is not None:
            observing.ask(job)
    finally:
        observing.end()
    return observing.document


def alone(*, every: bool = False) -> Next:
    """What is asked of one machine by itself: everything, and once more what was silent."""
    rounds = iter(range(2))

    def following(document: Document) -> Job | None:
        number = next(rounds, None)
        if number == 0:
            seen = Observed.load(json.dumps(document))
            return survey([AskedMachine.of(seen)], every=every).document()
        silent = [
            q
            for q, v in zip(document["asked"], document["verdicts"], strict=True)
            if v == "timeout"
        ]
        return {"questions": silent} if number == 1 and silent else None

    return following


def devices_of(node: str = HOST) -> list[str]:
    """The devices of a node, as they are now."""
    shown = output(["nsenter", f"--net={file_of(node)}", "ip", "-j", "link", "show"])
    return [link["ifname"] for link in json.loads(shown or "[]")]


class Observing:
    """One look."""

    def __init__(self, machine: Machine, name: str, devices: Sequence[str]) -> None:
        """Wait until the machine is still, and read what it is."""
        restless = settle()
        await_listening()
        scene = machine.scene
        self.machine = machine
        self.responders: list[int] = []
        self.witnessed = 0  # connections
        self.state = state.read(everybody=True)
        self.document: Document = {
            "name": name,
            "uplink": scene["uplink"],
            "devices": list(devices),
            "around": around(scene),
            "transit": transit(scene),
            "state": self.state,
            "asked": [],
            "verdicts": [],
            "notes": [f"not still after {SETTLING:.0f} s: {what}" for what in restless],
        }
        self._lead()
        with contextlib.suppress(ValueError, OSError):
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def ask(self, job: Job) -> None:
        """Have somebody listen, ask, and keep the answers; those of a question that was asked before are replaced."""
        self._listen(job.get("listeners", ()))
        self.document["notes"] += job.get("notes", ())
        known = dict(
            zip(as_questions(self.document["asked"]), self.document["verdicts"], strict=True)
        )
        known |= self._verdicts(as_questions(job["questions"]))
        self.document |= {"asked": list(known), "verdicts": list(known.values())}

    def end(self) -> None:
        """End who listens."""
        for pid in self.responders:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.responders = []

    # -- the way to what was built --------------------------------------------------------------

    def _lead(self) -> None:
        """The machines around know a way to all that was built, so that what stops a packet is the host."""
        sides = self.machine.scene["sides"]
        for version, side in sides.items():
            lan = [
                ipaddress.ip_network(f"{side[one]}/{side[length]}", strict=False)
                for one, length in (("host", "lan"), ("internet", "beyond"))
            ]
            ways = [
                network for network in self._networks(int(version))
                if network.prefixlen and not any(network.overlaps(one) for one in lan)
            ]  # fmt: skip
            lines = "".join(f"route replace {network} via {side['host']}\n" for network in ways)
            for node in ("outside", "router~"):
                command = ["nsenter", f"--net={file_of(node)}", "ip", "-force", "-batch", "-"]
                subprocess.run(command, input=lines, capture_output=True, text=True, check=False)

    def _networks(self, version: int) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        found = {}
        for node in self.state["nodes"].values():
            for link in node["addresses"]:
                for address in link.get("addr_info", ()):
                    if "local" in address:
                        one = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}")
                        if one.version == version and not (one.is_loopback or one.is_link_local):
                            found[one.network] = True
        yield from found

    # -- who listens ----------------------------------------------------------------------------

    def _listen(self, listeners: Iterable[Sequence[Any]]) -> None:
        wanted = [one for one in listeners if file_of(_entry(one[0])).exists()]
        if not wanted:
            return
        processes, said = self.state["processes"], ""
        for _ in range(TRIES):
            said = self._try_to_listen(wanted, _busy(processes))
            if "already in use" not in said:
                break
            time.sleep(0.2)
            processes = state.read(everybody=True)["processes"]
        if said:
            raise RehearsalError(said)

    def _try_to_listen(
        self, wanted: Iterable[Sequence[Any]], busy: set[tuple[str, str, int, int]]
    ) -> str:
        lines = [
            f"{_entry(node)} {address} {port} {protocol} {node}"
            for node, port, protocol in wanted
            for address, version in zip(EVERYWHERE, (4, 6), strict=True)
            if (node, protocol, port, version) not in busy
        ]
        done = subprocess.run(
            [sys.executable, "-B", "-m", "nsgen.proof.lab.responder", "--log", os.devnull],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.returncode:
            self.responders.append(int(done.stdout))
        return done.stderr.strip()

    # -- who asks -------------------------------------------------------------------------------

    def _verdicts(self, questions: Sequence[Question]) -> dict[Question, str]:
        found: dict[Question, str] = {}
        for start in range(0, len(questions), TOGETHER):
            found |= self._ask_some(questions[start : start + TOGETHER])
        nodes = {name: _entry(name) for name in (*self.state["nodes"], *AROUND)}
        found = {q: _said(verdict, nodes) for q, verdict in found.items()}
        served = [q for q, v in found.items() if q.protocol == "tcp" and v == SERVED]
        asked = [Witnessed(nodes[q.asker], q.to, q.port) for q in served]
        found |= {
            q: f"ok {by} {source}"
            for q, (by, source) in zip(
                served, witness(asked, nodes, PATIENCE, self.witnessed), strict=True
            )
            if by
        }
        self.witnessed += len(asked)
        return found

    @staticmethod
    def _ask_some(questions: Iterable[Question]) -> dict[Question, str]:
        probes: dict[Question, probe.Probe] = {}
        found = {}
        for one in questions:
            try:
                probes[one] = probe.Probe(
                    f"{_entry(one.asker)} {one.to} {one.port or '-'} {one.protocol}"
                )
            except FileNotFoundError:  # noqa: PERF203 - of each by itself
                found[one] = "timeout"  # there is no such node here
            except OSError:
                found[one] = "unreachable"
        probe.run(list(probes.values()), PATIENCE)
        for one, asked in probes.items():
            silent = asked.verdict == "timeout" and asked.connected
            found[one] = SERVED if silent else asked.verdict
        return found


def _busy(processes: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, int, int]]:
    """Where somebody listens: the node, the protocol, the port and the IP version; `[::]` may be for both."""
    found = set()
    for process in processes:
        for text in process["listens"]:
            protocol, _, place = text.partition(" ")
            address, _, port = place.rpartition(":")
            versions = (4, 6) if address == "[::]" else (6 if ":" in address else 4,)
            found |= {(process["node"], protocol, int(port), version) for version in versions}
    return found


def _said(verdict: str, nodes: Container[str]) -> str:
    """A verdict; of an answer that names none of the nodes, that it is a service's."""
    kind, _, rest = verdict.partition(" ")
    name = rest.partition(" ")[0]
    return SERVED if kind == "ok" and name != "ping" and name not in nodes else verdict


def _entry(node: str) -> str:
    """What to enter a node by, :mod:`nsgen.proof.lab.nodes`: a script may have a namespace of a name of ours."""
    if node in AROUND:
        return node if node == "router~" else node.rstrip("~")
    return node if node == HOST else f"../netns/{namespace_of(node)}"
