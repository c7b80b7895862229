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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nsgen
from nsgen.proof import rights
from nsgen.proof.claims.all import Claim, Claims, Listener
from nsgen.proof.claims.scene import Option, Scene, choose
from nsgen.proof.job import answering, joined, questions, scene_of
from nsgen.topology import needs
from nsgen.topology.model import Topology
from nsgen.topology.needs import BRIDGE_NF, sysctl_path

SAMPLED = """\
Of so many namespaces each asks the next one on its network, and one of each network asks for published ports and for
other networks; `nsgen verify --all` has every one ask every other."""
OVERRULED = "not asked, because a transparent proxy may get the connection: {} claims"
BRIDGE_NETFILTER = Path("/proc/sys", sysctl_path(BRIDGE_NF[4]))
UNLOADED = (
    "this topology needs the kernel module br_netfilter, which a rehearsal cannot load:"
    " sudo modprobe br_netfilter, then again"
)
NEEDED = (
    *("unshare", "nsenter", "setpriv", "ip", "iptables", "ip6tables", "sysctl", "mount", "ss"),
    "bash",
)
INNER = "nsgen.proof.lab.main"


class VerifyError(Exception):
    """A script could not be tried; the message says why, and what to do."""


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
    def unbuilt(self) -> bool:
        """Whether the script failed, so that there was nothing to be asked."""
        return any(name == "up" and not ok for name, ok, _ in self.phases)

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.failures) or not all(ok for _, ok, _ in self.phases)


def untried(maker: Claims) -> Result:
    """What is claimed, before anybody has tried it, and which claims are left out."""
    result = Result(maker.all())
    if not maker.every:
        result.notes.append(SAMPLED)
    if maker.overruled:
        result.notes.append(OVERRULED.format(maker.overruled))
    return result


def rehearse(
    topology: Topology,
    script: str,
    *,
    every: bool = False,
    lifecycle: bool = True,
    host: Sequence[Option] = (),
    original: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Try a script in a private copy of a host.

    `lifecycle`: try what would mend a claim that fails; run the script again, have it check, and take it down.
    `host`: what the host is besides a new machine's default. `original`: another script, whose `check` is asked what
    it finds.
    """
    scene = choose(topology, host=tuple(host))
    maker = Claims(topology, scene, every=every)
    result = untried(maker)
    job = {"script": script, "lifecycle": lifecycle, "original": original}
    for event in play(topology, scene, maker.listeners(), job | questions(result.claims)):
        take(event, result, progress)
    if result.unbuilt:  # the cause is that, and no claim's
        result.claims = []
    return result


def play(
    topology: Topology,
    scene: Scene,
    listeners: Iterable[Listener],
    more: Mapping[str, Any],
    inner: str = INNER,
    stdin: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Make a rehearsal, and give its events; `inner`: the module that is the inner half, which reads `stdin`."""
    require(topology)
    with tempfile.TemporaryDirectory(prefix="nsgen-") as folder:
        # The machine's own /run, /etc and /proc are hidden from what runs inside, and so is what lies there.
        machine = Path(folder, "machine")
        machine.mkdir()
        job = {
            "folder": str(machine),
            "own": is_own(more["script"]),
            "scene": scene_of(scene, topology),
            "joined": joined(topology),
            **answering(topology, listeners),
            **more,
        }
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job))
        yield from _play(path, inner, stdin)


def require(topology: Topology) -> None:
    """What a private machine needs of this one; raises VerifyError where it is missing."""
    absent = [program for program in NEEDED if shutil.which(program, path=_path()) is None]
    if absent:
        raise VerifyError(f"to rehearse a script, these programs are needed: {', '.join(absent)}")
    if needs.br_netfilter(topology) and not BRIDGE_NETFILTER.exists():
        raise VerifyError(UNLOADED)


def is_own(script: str) -> bool:
    """Whether a script is one of ours, which knows `up`, `check` and `down`."""
    return re.search(r"^main \"\$@\"$", script, re.MULTILINE) is not None and "nsgen" in script


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def _play(job: Path, inner: str, stdin: int | None) -> Iterator[dict[str, Any]]:
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
    command += [sys.executable, "-B", "-m", inner, str(job), str(writer)]
    source = str(Path(nsgen.__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PATH": _path(),
        "LC_ALL": "C",
        "PYTHONPATH": f"{source}:{known}".rstrip(":"),
    }
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, env=environment, pass_fds=[writer], stdin=stdin, stderr=errors
        )
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


def take(event: dict[str, Any], result: Result, progress: Callable[[str], None]) -> None:
    """Take an event of a rehearsal over."""
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
