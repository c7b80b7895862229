"""The inner half of a rehearsal: makes the machine, runs the script, tries the claims, and tells what it sees.

    python -m nsgen.rehearsal.inside JOB EVENTS

JOB is a file of JSON, EVENTS the number of an open descriptor to which a line of JSON goes for each event. It runs as
process 1 of namespaces that :mod:`nsgen.rehearsal.outside` has made for it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsgen.rehearsal import inject, probe, strays, tracing
from nsgen.rehearsal.machine import NODES, Machine, RehearsalError, missing, output
from nsgen.rehearsal.nodes import file_of

TOGETHER = 500  # questions at a time: each has a socket
HOST = "host"
PATIENCE = 1.3  # seconds for an answer: longer than the first repetition of a SYN, RFC 6298
STARTING = 3.0  # seconds for a service to listen
SHOWN_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
)
SETTLING = 5.0  # seconds for IPv6 addresses to become usable


class Rehearsal:
    """One run."""

    def __init__(self, job: Mapping[str, Any], events: int) -> None:
        """Take the job over."""
        self.job = job
        self.events = events
        self.folder = Path(job["folder"])
        self.script = self.folder / "setup.sh"
        self.sctp = _knows_sctp()
        self.machine = Machine(self.folder, job["scene"])

    def tell(self, event: str, **values: object) -> None:
        """Tell the outer half."""
        os.write(self.events, (json.dumps({"event": event, **values}) + "\n").encode())

    def run(self) -> None:
        """All of it."""
        self.tell("step", text="making a host")
        self.machine.make()
        self.script.write_text(self.job["script"])
        self._stand_in()
        own = self.job["own"]
        lifecycle = own and self.job.get("lifecycle")
        before = self._snapshot() if lifecycle else ""
        self.tell("step", text="running the script")
        status, said = self._script("up" if own else "")
        if status and own:
            self.tell("phase", name="up", ok=False, text=f"exit status {status}: {said}")
            return
        self.tell("phase", name="up", ok=True, text="" if own else said)
        self._settle()
        self._listen()
        if self.job.get("trace"):
            self.tell("step", text="asking")
            nodes = [*NODES[1:], "host", *(path.name for path in Path("/run/netns").glob("*"))]
            self.tell("trace", **tracing.trace(nodes, tuple(self.job["trace"]), PATIENCE))
            return
        self.tell("step", text=f"asking {len(self.job['questions'])} questions")
        self._ask()
        self.tell("facts", **self._facts())
        if self.job["keep"]:
            self.tell("keep")
            self._shell()
        if lifecycle:
            self._lifecycle(before)

    def _stand_in(self) -> None:
        """What runs as somebody else runs as root here: there is nobody else. Programs of services may be missing."""
        self.machine.stand_in("runuser", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        self.machine.stand_in("modprobe", "exit 1")
        if self.job.get("trace"):
            self._prefer_nft()
        absent = missing(self.job["programs"])
        for program in absent:
            self.machine.stand_in(program, "exec sleep 100000")
        if absent:
            self.tell(
                "note",
                text=f"not installed here, and a stand-in ran in its place: {', '.join(absent)}",
            )

    def _prefer_nft(self) -> None:
        """Only rules of iptables-nft can be traced; both are installed, whichever is in use."""
        for name in ("iptables", "ip6tables"):
            for command in ("", "-save", "-restore"):
                path = shutil.which(f"{name}-nft{command}")
                if path is not None:
                    (self.machine.programs / f"{name}{command}").symlink_to(path)

    def _script(self, command: str) -> tuple[int, str]:
        words = ["bash", str(self.script), *([command] if command else [])]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False, timeout=600,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def _settle(self) -> None:
        """Wait until no address is tentative any more."""
        deadline = time.monotonic() + SETTLING
        nodes = ["host", *(p.name for p in Path("/run/netns").glob("*"))]
        while nodes and time.monotonic() < deadline:
            nodes = [n for n in nodes if self._tentative(n)]
            if nodes:
                time.sleep(0.1)

    @staticmethod
    def _tentative(node: str) -> bool:
        return bool(
            output(
                [
                    "nsenter",
                    f"--net={file_of(node)}",
                    "ip",
                    "-6",
                    "-o",
                    "address",
                    "show",
                    "tentative",
                ]
            )
        )

    def _listen(self) -> None:
        """Start who answers, where nobody of the topology's own does."""
        lines, taken = [], []
        busy = self._busy()
        for node, address, port, protocol in self.job["listeners"]:
            if not file_of(node).exists() or (protocol == "sctp" and not self.sctp):
                continue
            if (protocol, str(port)) in busy[node]:
                taken.append([node, port, protocol])
            else:
                lines.append(f"{node} {address} {port} {protocol}")
        self.tell("taken", ports=taken)
        done = subprocess.run(
            [sys.executable, "-m", "nsgen.rehearsal.responder", "--log", str(self.folder / "requests")],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RehearsalError(done.stderr.strip())

    def _busy(self) -> dict[str, set[tuple[str, str]]]:
        """Who listens already; a service that has just been started has a while to do so."""
        awaited = {(node, protocol, str(port)) for node, port, protocol in self.job["awaited"]}
        nodes = {node for node, *_ in self.job["listeners"] if file_of(node).exists()}
        deadline = time.monotonic() + STARTING
        while True:
            busy = {node: self._listening(node) for node in nodes}
            missed = [
                (n, p, port) for n, p, port in awaited if n in busy and (p, port) not in busy[n]
            ]
            if not missed or time.monotonic() > deadline:
                return busy
            time.sleep(0.1)

    @staticmethod
    def _listening(node: str) -> set[tuple[str, str]]:
        found = set()
        for line in output(
            ["nsenter", f"--net={file_of(node)}", "ss", "-H", "-l", "-n", "-t", "-u"]
        ).splitlines():
            words = line.split()
            found.add((words[0], words[4].rpartition(":")[2]))
        return found

    def _ask(self) -> None:
        """Try every claim; those that wait for an answer wait together."""
        questions = list(enumerate(self.job["questions"]))
        if not self.sctp:
            left = [index for index, question in questions if question[3] == "sctp"]
            questions = [(index, question) for index, question in questions if index not in left]
            for index in left:
                self.tell("verdict", index=index, verdict="skipped")
            if left:
                self.tell(
                    "note",
                    text=f"{len(left)} claims about sctp were not tried: this kernel has none",
                )
        stray = [(index, q) for index, q in questions if q[3] in strays.KINDS]
        self._send_strays(stray)
        questions = [(index, q) for index, q in questions if q[3] not in strays.KINDS]
        together = [(i, q[:4]) for i, q in questions if q[3] != "forged" and not q[4]]
        for start in range(0, len(together), TOGETHER):
            self._ask_some(together[start : start + TOGETHER])
        for index, (*question, alone) in questions:
            asker, to, port, protocol = question
            if protocol == "forged":
                self.tell("verdict", index=index, verdict=self._forge(asker, to, port))
            elif alone:
                self._ask_some([(index, question)])

    def _ask_some(self, questions: list[tuple[int, list[Any]]]) -> None:
        asked = []
        for index, (asker, to, port, protocol) in questions:
            try:
                one = probe.Probe(f"{asker} {to} {port or '-'} {protocol}")
            except FileNotFoundError:
                self.tell("verdict", index=index, verdict=f"there is no {asker}")
                continue
            except OSError as error:
                self.tell("verdict", index=index, verdict=f"cannot ask: {error.strerror}")
                continue
            asked.append((index, one))
        probe.run([one for _, one in asked], PATIENCE)
        for index, one in asked:
            silent = one.verdict == "timeout" and one.connected
            self.tell("verdict", index=index, verdict="ok ? -" if silent else one.verdict)

    def _forge(self, asker: str, to: str, port: int) -> str:
        """Send the host a frame for its 127.0.0.1, by way of each network that it shares with `asker`."""
        for device, source, gateway in self.job["neighbours"][asker]:
            mac = self._mac_of(asker, device, gateway)
            if not mac:
                continue
            words = argparse_of(asker, device, source, mac, to, port)
            with contextlib.suppress(OSError):
                answer = inject.inject(words)
                if answer != "nothing":
                    return f"ok {HOST} {source}"
        return "timeout"

    def _send_strays(self, questions: list[tuple[int, list[Any]]]) -> None:
        """Send what no honest kernel would send, all at once."""
        found = []
        for index, (asker, to, port, kind, _) in questions:
            one = self.job["strays"][str(index)]
            mac = self._mac_of(asker, one["device"], one["gateway"])
            if mac:
                sent = strays.Stray(
                    asker, one["device"], bytes.fromhex(mac.replace(":", "")), kind,
                    one["source"], to, port,
                )  # fmt: skip
                found.append((index, sent))
            else:
                self.tell("verdict", index=index, verdict="unreachable")
        verdicts = strays.send([sent for _, sent in found], (HOST, "internet"))
        for (index, _), verdict in zip(found, verdicts, strict=True):
            self.tell("verdict", index=index, verdict=verdict)

    def _mac_of(self, node: str, device: str, address: str) -> str:
        enter = ["nsenter", f"--net={file_of(node)}"]
        probe.run([probe.Probe(f"{node} {address} - ping")], 0.5)
        shown = output([*enter, "ip", "-j", "neigh", "show", address, "dev", device])
        with contextlib.suppress(ValueError, IndexError, KeyError):
            return str(json.loads(shown)[0]["lladdr"])
        return ""

    def _facts(self) -> dict[str, Any]:
        """What tells why something does not work."""
        sysctls = [Path("/proc/sys", key) for key in SHOWN_SYSCTLS]
        sysctls += Path("/proc/sys/net/ipv4/conf").glob("*/route_localnet")
        rules = {
            version: [line for line in output([tool]).splitlines() if line.startswith("-A ")]
            for version, tool in (("4", "iptables-save"), ("6", "ip6tables-save"))
        }
        ports = {
            link["ifname"]: link.get("linkinfo", {}).get("info_slave_data", {})
            for link in json.loads(output(["ip", "-j", "-d", "link", "show"]) or "[]")
            if link
        }
        return {
            "sysctls": {
                str(p)[len("/proc/sys/") :]: p.read_text().strip() for p in sysctls if p.exists()
            },
            "rules": rules,
            "ports": ports,
            "namespaces": {p.name: self._facts_of(p.name) for p in Path("/run/netns").glob("*")},
        }

    @staticmethod
    def _facts_of(node: str) -> dict[str, Any]:
        ip = ["nsenter", f"--net={file_of(node)}", "ip"]
        words = output([*ip, "-o", "address", "show"]).split()
        addresses = [
            after for word, after in itertools.pairwise(words) if word in ("inet", "inet6")
        ]
        defaults = {
            f"default{v}": output([*ip, f"-{v}", "route", "show", "default"]) for v in (4, 6)
        }
        return {"addresses": addresses, **defaults}

    def _shell(self) -> None:
        environment = os.environ | {"PS1": "rehearsal# "}
        shell = ["bash", "--norc", "-i"]
        subprocess.run(shell, env=environment, check=False)

    # -- up again, check, down ------------------------------------------------------------------

    def _lifecycle(self, before: str) -> None:
        self.tell("step", text="running it again, and removing it")
        subprocess.run(["pkill", "-f", "nsgen.rehearsal.responder"], check=False)
        built = self._snapshot()
        status, said = self._script("up")
        changed = _difference(built, self._snapshot())
        self.tell(
            "phase", name="up again", ok=not (status or said or changed), text=said or changed
        )
        status, said = self._script("check")
        self.tell("phase", name="check", ok=not status and not said, text=said)
        status, said = self._script("down")
        left = _difference(before, self._snapshot())
        for _ in range(10):
            if not left:
                break
            time.sleep(0.2)
            left = _difference(before, self._snapshot())
        self.tell("phase", name="down", ok=not (status or said or left), text=said or left)

    def _snapshot(self) -> str:
        return output([sys.executable, "-m", "nsgen.rehearsal.snapshot"])


def _knows_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, probe.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


def argparse_of(node: str, device: str, source: str, mac: str, to: str, port: int) -> Any:
    """What :func:`nsgen.rehearsal.inject.inject` takes."""
    import argparse

    return argparse.Namespace(
        node=node,
        device=device,
        source=source,
        mac=mac,
        to=to,
        port=port,
        protocol="tcp",
        timeout=0.3,
    )


def _difference(before: str, now: str) -> str:
    """What is in one of two snapshots alone, at most a few lines of it."""
    old, new = dict.fromkeys(before.splitlines()), dict.fromkeys(now.splitlines())
    lines = [f"gone: {line}" for line in old if line not in new]
    lines += [f"added: {line}" for line in new if line not in old]
    return "\n".join(lines[:10])


def main() -> None:
    """Do one job."""
    job, events = json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])
    rehearsal = Rehearsal(job, events)
    try:
        rehearsal.run()
    except (RehearsalError, OSError, subprocess.SubprocessError) as error:
        rehearsal.tell("failed", text=str(error))


if __name__ == "__main__":
    main()
