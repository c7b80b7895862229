"""What a topology is, in words: the header of a script."""

from __future__ import annotations

from collections.abc import Sequence

from nsgen.plan.steps import Plan
from nsgen.script import runtime
from nsgen.topology.model import Publication, Topology
from nsgen.words import count


def _names(names: Sequence[str]) -> str:
    shown = names if len(names) <= 4 else [*names[:2], "…", names[-1]]
    return ", ".join(shown).replace(", …,", " …")


def summary(topology: Topology) -> str:
    """One sentence: what is built."""
    namespaces = [namespace.name for namespace in topology.namespaces if not namespace.join]
    joined = [namespace.name for namespace in topology.namespaces if namespace.join]
    networks = [bridge.name for bridge in topology.bridges]
    kinds = (("network namespace", namespaces), ("joined namespace", joined))
    found = [f"{count(len(names), kind)} ({_names(names)})" for kind, names in kinds if names]
    parts = [" and ".join(found)] if found else []
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
    if topology.publications:
        text += f", {count(topology.published_ports, 'published port')}"
    return text + "."


def counts(topology: Topology) -> str:
    """What is built, in numbers."""
    joined = sum(bool(namespace.join) for namespace in topology.namespaces)
    numbers = (
        (len(topology.namespaces) - joined, "namespace"),
        (len(topology.bridges), "network"),
        (len(topology.links), "link"),
        (topology.published_ports, "published port"),
    )
    found = [count(number, noun) for number, noun in numbers if number]
    alone = f"what is in {count(joined, 'joined namespace')}" if joined else ""
    return ", ".join(found) or alone or "kernel settings of this host"


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
  sudo ./setup.sh plan     tell what that would undo and run now, and do none of it
  sudo ./setup.sh try      the same on trial: unless it is confirmed, it goes back
  sudo ./setup.sh check    tell what is missing, changed or besides, node by node
  sudo ./setup.sh status   that on one screen, with since when it is up, and which services run
  sudo ./setup.sh down     remove it, and put back what it changed

Made by nsgen from a topology: change that and render again. To review it, read topology(): every
change to the machine is there, with its reason. What follows is the runtime {runtime}, the same in
every script, less the parts that this one does not need; `nsgen runtime` prints it.""",
    "plain.sh": """\
One command a line, for learning and for pasting. It stops at the first error, undoes nothing by
itself and can be run once; setup.sh does the same with checks, repeatably, and removes it again. To
undo: plain-teardown.sh. Made by nsgen from a topology: change that and render again.""",
    "plain-teardown.sh": """\
Undoes plain.sh, the last thing first. Made by nsgen from a topology.""",
    "verify.bats": """\
  sudo bash setup.sh       build it
  sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer

Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections,
from this host and from its namespaces, and changes nothing. What takes another machine, and other
protocols, it leaves out: `nsgen verify` tries those too, in a rehearsal.""",
}
