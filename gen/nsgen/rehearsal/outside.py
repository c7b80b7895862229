"""The outer half of a rehearsal: what is to be tried, the namespaces to try it in, and what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nsgen
from nsgen import needs
from nsgen.claims import Claim, Claims, Listener
from nsgen.rehearsal import rights
from nsgen.rehearsal.scene import Option, Scene, choose
from nsgen.topology import Topology

SAMPLED = """\
Of so many namespaces each asks the next one on its network, and one of each network asks for published ports and for
other networks; --all has every one ask every other."""
BRIDGE_NETFILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
UNLOADED = (
    "this topology needs the kernel module br_netfilter, which a rehearsal cannot load:"
    " sudo modprobe br_netfilter, then again"
)
NEEDED = (
    "unshare",
    "nsenter",
    "setpriv",
    "ip",
    "iptables",
    "ip6tables",
    "sysctl",
    "mount",
    "ss",
    "bash",
)


class VerifyError(Exception):
    """It could not be tried; the message says why, and what to do."""


@dataclass
class Result:
    """What came of a rehearsal: a verdict for each claim, and of each run of the script whether all was well."""

    claims: list[Claim]
    verdicts: dict[int, str] = field(default_factory=dict)
    phases: list[tuple[str, bool, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    taken: set[tuple[str, int, str]] = field(
        default_factory=set
    )  # where a service of the topology's own answers

    drift: str = ""  # what the `check` of another script found

    def wrong(self, index: int) -> str:
        """Why a claim does not hold, in words; or nothing."""
        claim, verdict = self.claims[index], self.verdicts.get(index, "not asked")
        kind, *rest = verdict.split(" ")
        if kind == "skipped":
            return ""
        if not claim.answered:
            if kind != "ok":
                return ""
            return (
                "answered" if rest[0] == "ping" else f"answered by {rest[0]}, which sees {rest[1]}"
            )
        if kind != "ok":
            return verdict
        name, peer = rest
        if claim.protocol == "ping" or (claim.expects >= 0 and not claim.by):
            return ""
        if name in ("http", "?"):
            own = any(node == claim.by for node, _, _ in self.taken)
            return "" if own else f"answered by somebody who is not {claim.by}"
        if name != claim.by:
            return f"answered by {name}, not by {claim.by}"
        if claim.peers and peer not in claim.peers:
            return f"{name} was asked from {peer}, not from {' or '.join(claim.peers)}"
        return ""

    @property
    def failures(self) -> list[int]:
        """The claims that do not hold."""
        return [index for index in range(len(self.claims)) if self.wrong(index)]

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.failures) or not all(ok for _, ok, _ in self.phases)


def rehearse(
    topology: Topology,
    script: str,
    *,
    every: bool = False,
    keep: bool = False,
    lifecycle: bool = True,
    host: Sequence[Option] = (),
    original: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Try a script in a private copy of a host.

    `lifecycle`: run it again, have it check, and take it down, too. `host`: what the host is besides a new machine's
    default. `original`: another script, whose `check` is asked what it finds.
    """
    scene = choose(topology, host=tuple(host))
    maker = Claims(topology, scene, every=every)
    result = Result(maker.all())
    if not maker.every:
        result.notes.append(SAMPLED)
    questions = [[c.asker, c.to, c.port, c.protocol, c.answered] for c in result.claims]
    job = {
        "script": script,
        "keep": keep,
        "lifecycle": lifecycle,
        "original": original,
        "questions": questions,
        "alone": [i for i, c in enumerate(result.claims) if c.alone],
        "targets": sorted({c.stray.target for c in result.claims if c.stray and c.stray.target}),
        "strays": {i: asdict(c.stray) for i, c in enumerate(result.claims) if c.stray},
    }
    for event in play(topology, scene, maker.listeners(), job):
        _take(event, result, progress)
    return result


def play(
    topology: Topology, scene: Scene, listeners: Iterable[Listener], more: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Make a rehearsal, and give its events."""
    absent = [program for program in NEEDED if shutil.which(program, path=_path()) is None]
    if absent:
        raise VerifyError(f"to rehearse a script, these programs are needed: {', '.join(absent)}")
    if needs.bridged(topology) and not BRIDGE_NETFILTER.exists():
        raise VerifyError(UNLOADED)
    with tempfile.TemporaryDirectory(prefix="nsgen-") as folder:
        # The machine's own /run, /etc and /proc are hidden from what runs inside, and so is what lies there.
        inner = Path(folder, "machine")
        inner.mkdir()
        job = {
            "folder": str(inner),
            "own": is_own(more["script"]),
            "scene": _scene(scene, topology),
            "programs": _programs(topology),
            "listeners": [[x.node, x.address, x.port, x.protocol] for x in listeners],
            "awaited": _awaited(topology),
            **more,
        }
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job))
        yield from _play(path)


def is_own(script: str) -> bool:
    """Whether a script is one of ours, which knows `up`, `check` and `down`."""
    return re.search(r"^main \"\$@\"$", script, re.MULTILINE) is not None and "nsgen" in script


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def _play(job: Path) -> Iterator[dict[str, Any]]:
    reader, writer = os.pipe()
    command = [
        *rights.own_root(),
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
    ]
    # bash is process 1: it takes leave of the processes that the script leaves behind.
    command += ["bash", "-c", '"$@"; exit "$?"', "rehearsal"]
    command += [sys.executable, "-B", "-m", "nsgen.rehearsal.inside", str(job), str(writer)]
    source = str(Path(nsgen.__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PATH": _path(),
        "LC_ALL": "C",
        "PYTHONPATH": f"{source}:{known}".rstrip(":"),
    }
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=environment, pass_fds=[writer], stderr=errors)
        os.close(writer)
        try:
            with os.fdopen(reader) as events:
                yield from map(json.loads, events)
        finally:
            if sys.exc_info()[0]:
                process.kill()  # and with it goes all that it has made
            status = process.wait()
        errors.seek(0)
        said = errors.read().strip()
    if status and said.startswith("unshare:"):
        raise VerifyError(rights.advice(said.splitlines()[0]))
    if status:
        raise VerifyError(f"the rehearsal ended with status {status}: {said}")


def _take(event: dict[str, Any], result: Result, progress: Callable[[str], None]) -> None:
    kind = event["event"]
    if kind == "step":
        progress(event["text"])
    elif kind == "verdict":
        result.verdicts[event["index"]] = event["verdict"]
    elif kind == "phase":
        result.phases.append((event["name"], event["ok"], event["text"]))
    elif kind == "note":
        result.notes.append(event["text"])
    elif kind == "facts":
        result.facts = event
    elif kind == "drift":
        result.drift = event["text"]
    elif kind == "taken":
        result.taken = {(node, port, protocol) for node, port, protocol in event["ports"]}
    elif kind == "failed":
        raise VerifyError(event["text"])


def _programs(topology: Topology) -> list[str]:
    """The programs of services: what is to run on the real machine need not be installed on this one."""
    nodes = (topology.host, *topology.namespaces)
    names = [service.command[0] for node in nodes for service in node.services.values()]
    return list(dict.fromkeys(name for name in names if "/" not in name))


def _awaited(topology: Topology) -> list[tuple[str, int, str]]:
    """The targets of published ports in namespaces that run services: it is these that are to answer."""
    serving = {namespace.name for namespace in topology.namespaces if namespace.services}
    return [
        (p.member.namespace, p.target.first, p.protocol)
        for p in topology.publications
        if p.member.namespace in serving
    ]


def _scene(scene: Scene, topology: Topology) -> dict[str, Any]:
    subnets = [(s, b) for b in topology.bridges for s in b.subnets]
    return {
        "host": scene.host,
        "uplink": scene.uplink,
        "host_addresses": [str(a) for a in scene.host_addresses],
        "routers": [str(a) for a in scene.routers],
        "remote": [str(a) for a in scene.remote],
        "sides": {
            str(version): {
                "lan": side.lan.prefixlen,
                "beyond": side.beyond.prefixlen,
                "router": str(side.router),
                "host": str(side.host),
                "outside": str(side.outside),
                "gate": str(side.beyond[1]),
                "internet": str(side.internet),
                "second": str(side.beyond[11]),
                "guests": [str(guest) for guest in side.guests],
            }
            for version, side in scene.sides.items()
        },
        "subnets": {
            str(v): [str(s.network) for s, _ in subnets if s.version == v] for v in scene.sides
        },
        "known": {
            str(v): [
                str(s.network)
                for s, b in subnets
                if s.version == v and b.internet and not b.masquerade
            ]
            for v in scene.sides
        },
    }
