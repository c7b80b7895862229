"""What a topology is, in words: the header of a script."""

from __future__ import annotations

from collections.abc import Sequence

from nsgen import runtime
from nsgen.plan import Plan
from nsgen.topology import Publication, Topology


def count(number: int, noun: str) -> str:
    """``1 network``, ``2 networks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(names: Sequence[str]) -> str:
    shown = names if len(names) <= 4 else [*names[:2], "…", names[-1]]
    return ", ".join(shown).replace(", …,", " …")


def summary(topology: Topology) -> str:
    """One sentence: what is built."""
    namespaces = [namespace.name for namespace in topology.namespaces]
    networks = [bridge.name for bridge in topology.bridges]
    parts = []
    if namespaces:
        parts.append(f"{count(len(namespaces), 'network namespace')} ({_names(namespaces)})")
    if networks:
        parts.append(f"{count(len(networks), 'network')} ({_names(networks)})")
    if not parts:
        parts.append("kernel settings of this host")
    text = " on ".join(parts)
    internet = [bridge.name for bridge in topology.bridges if bridge.internet]
    if internet and len(internet) < len(networks):
        text += f", internet access from {_names(internet)}"
    elif internet:
        text += ", with internet access"
    ports = len(
        {(p.member.namespace, p.published, p.protocol, p.host_ip) for p in topology.publications}
    )
    if ports:
        text += f", {count(ports, 'published port')}"
    return text + "."


def counts(topology: Topology) -> str:
    """What is built, in numbers."""
    ports = {
        (p.member.namespace, p.published, p.protocol, p.host_ip) for p in topology.publications
    }
    numbers = (
        (len(topology.namespaces), "namespace"),
        (len(topology.bridges), "network"),
        (len(topology.links), "link"),
        (len(ports), "published port"),
    )
    found = [count(number, noun) for number, noun in numbers if number]
    return ", ".join(found) or "kernel settings of this host"


def _published(publication: Publication) -> str:
    host = "" if publication.host_ip is None else f"{publication.host_ip}:"
    return (
        f"  {host}{publication.published}/{publication.protocol} -> {publication.member.namespace},"
        f" {publication.address} port {publication.target}"
    )


def header(plan: Plan, script: str) -> str:
    """The comment at the top of a script."""
    topology = plan.topology
    paragraphs = [f"{topology.name}: {summary(topology)}"]
    shown = [_published(publication) for publication in topology.publications]
    if shown:
        hidden = [f"  and {len(shown) - 8} more"] if len(shown) > 8 else []
        paragraphs.append("\n".join([*shown[:8], *hidden]))
    return "\n\n".join([*paragraphs, _USAGE[script].format(runtime=runtime.digest())])


_USAGE = {
    "setup.sh": """\
  sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
  sudo ./setup.sh check    tell what is missing, changed or besides, node by node
  sudo ./setup.sh down     remove it, and put back what it changed

Made by nsgen from a topology: change that and render again. To review it, read topology(): every
change to the machine is there, with its reason. What follows is the runtime {runtime}, the same in
every script, less the parts that this one does not need; `nsgen runtime` prints it.""",
    "plain.sh": """\
One command a line, for learning and for pasting. It stops at the first error, undoes nothing by
itself and can be run once; setup.sh does the same with checks, repeatably, and removes it again. To
undo: plain-teardown.sh.""",
    "plain-teardown.sh": """\
Undoes plain.sh, the last thing first.""",
    "verify.bats": """\
  sudo bash setup.sh       build it
  sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer

Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections,
from this host and from its namespaces, and changes nothing. What takes another machine, and other
protocols, it leaves out: `nsgen verify` tries those too, in a rehearsal.""",
}
