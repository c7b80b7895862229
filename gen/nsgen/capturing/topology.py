"""The state of a machine as the text of a topology, with what becomes of each element."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nsgen.capturing.account import Account
from nsgen.capturing.attributes import take_attributes
from nsgen.capturing.cables import add_refused, leave_link_local
from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import GONE, Element, elements
from nsgen.capturing.firewall import names_of_owners, read, take_own, take_rest
from nsgen.capturing.interfaces import take_interfaces
from nsgen.capturing.neighbours import take_neighbours
from nsgen.capturing.networks import take_cables
from nsgen.capturing.parameters import remove_refused, take_forwarding, take_sysctls
from nsgen.capturing.passing import apart, plain_bridges, take_forward, take_networks
from nsgen.capturing.policies import take_rules
from nsgen.capturing.programs import take_files, take_processes
from nsgen.capturing.proxied import take_proxied
from nsgen.capturing.published import take_published
from nsgen.capturing.queues import take_queues
from nsgen.capturing.refused import take_back
from nsgen.capturing.routing import take_routes
from nsgen.capturing.steering import take_steering
from nsgen.capturing.translation import take_nat
from nsgen.compiler import Compiled, compile_topology
from nsgen.importing.writing import document
from nsgen.plan.make import make_plan
from nsgen.plan.steps import Plan
from nsgen.proof.state import KernelNode, State
from nsgen.values import HOST, TOPOLOGY_NAME
from nsgen.words import listed

FILE = "the topology"


@dataclass(frozen=True)
class Captured:
    """A topology as text and as a map, and the account of each element of the state."""

    text: str
    topology: dict[str, Any]
    notes: Account
    compiled: Compiled


def capture(
    state: State, baseline: State, name: str = "", *, head: tuple[str, ...] = ()
) -> Captured:
    """Write what is in a state, and was not in the baseline, as a topology.

    The baseline has the host as it was before, and as :data:`~nsgen.capturing.elements.EMPTY` a namespace as a new one
    is. Without a name the topology is called as one of nsgen's that has left its name there, or `captured`.
    """
    owners = names_of_owners(list(state.nodes.values()))
    chosen = name or (owners[0] if len(owners) == 1 else "captured")
    account = Account(elements(state, baseline))
    draft = Draft(topology_name(chosen, account), state, baseline, account)
    draft.uplink = _uplink(baseline) or _uplink(state)
    for node in draft.nodes:
        if node.name != HOST:
            draft.namespaces[node.name] = {}
            account.say(Element(node.name, "namespace", ""), f"namespaces.{node.name}")
    for node_name, own in state.renamed.items():
        account.tell(f"the namespace {own!r} is called {node_name!r} here")
    draft.ours = bool(owners)
    walls = {node.name: read(draft, node) for node in draft.nodes}
    draft.apart = apart(walls[HOST])
    draft.plain = plain_bridges(draft, walls[HOST])
    take_cables(draft)
    take_interfaces(draft)
    take_networks(draft, walls[HOST])
    take_published(draft, walls[HOST])
    take_forwarding(draft)
    take_forward(draft, walls[HOST])
    for wall in walls.values():
        take_steering(draft, wall)
        take_proxied(draft, wall)
        take_nat(draft, wall)
    take_routes(draft)
    take_rules(draft)
    take_neighbours(draft)
    take_queues(draft)
    take_files(draft)
    take_processes(draft)
    take_attributes(draft)
    add_refused(draft)
    leave_link_local(draft)
    plan = _plan(draft)
    take_sysctls(draft, plan)
    plan = _without_refused(draft) or plan
    for wall in walls.values():
        take_own(draft, wall, plan)
        take_rest(draft, wall)
    for element in account.elements:
        if element.kind.startswith(GONE):
            account.leave(element, "it was there before, and a topology takes nothing away")
    off = [n.name for n in draft.nodes if n.name != HOST and not _loopback_is_up(n)]
    if off:
        account.tell(f"lo is off in {listed(off)}: in the namespaces of a topology it is on")
    for unread, why in state.unreadable.items():
        account.tell(f"the namespace {unread!r} could not be read: {why}")
    account.close()
    topology = assembled(draft)
    text = document(topology, head)
    return Captured(text, topology, account, compile_topology(FILE, text.encode()))


def _loopback_is_up(node: KernelNode) -> bool:
    link = node.link("lo")
    return link is None or link.up


def topology_name(wished: str, account: Account) -> str:
    """A name that a topology can have."""
    name = re.sub(r"[^a-z0-9-]", "-", wished.lower()).strip("-")
    name = re.sub(r"^[^a-z]+", "", name)[:15].rstrip("-") or "captured"
    if name != wished or not TOPOLOGY_NAME.fullmatch(name):
        account.tell(
            f"the topology is called {name!r}, of {wished!r}: a name has at most 15 letters"
        )
    return name


def assembled(draft: Draft) -> dict[str, Any]:
    """The parts in their order; what a place or an end of a link says in a word is written so."""
    found: dict[str, Any] = {"name": draft.name}
    if draft.networks:
        found["networks"] = draft.networks
    if draft.namespaces:
        found["namespaces"] = {name: _ordered(one) for name, one in draft.namespaces.items()}
    if draft.links:
        found["links"] = draft.links
    if draft.host:
        found["host"] = _ordered(draft.host)
    return found


ORDER = (
    "networks", "publish", "interfaces", "forwarding", "uplinks", "routes", "rules", "nat", "marks",
    "sysctls", "dns", "hosts", "services", "exec",
)  # fmt: skip


def _ordered(own: dict[str, Any]) -> dict[str, Any]:
    found = {key: own[key] for key in ORDER if own.get(key)}
    if "networks" in found:
        found["networks"] = {name: _shortest(place) for name, place in found["networks"].items()}
    return found


def _shortest(place: dict[str, Any]) -> Any:
    return place["address"] if set(place) == {"address"} and place["address"] else place


def _uplink(state: State) -> str:
    """The device of the host by which its default route goes."""
    for route in state.nodes[HOST].routes:
        if route.to == "default" and route.table == "main" and route.device:
            return route.device
    return ""


def _plan(draft: Draft) -> Plan | None:
    """What the script of the topology would do, as far as it is written by now."""
    compiled = compile_topology(FILE, document(assembled(draft), ()).encode())
    if compiled.topology is None and take_back(draft, compiled):
        return _plan(draft)
    return make_plan(compiled.topology) if compiled.topology is not None else None


def _without_refused(draft: Draft) -> Plan | None:
    """Take out parameters that contradict the rest, as what is left of a topology that was here before may."""
    for _ in range(20):
        compiled = compile_topology(FILE, document(assembled(draft), ()).encode())
        if compiled.topology is not None:
            return make_plan(compiled.topology)
        refused = []
        for finding in compiled.findings():
            path = [str(part) for part in finding.path]
            if finding.severity == "error" and "sysctls" in path[:-1]:
                node = HOST if path[0] == HOST else path[1]
                name = path[path.index("sysctls") + 1]
                own = draft.host if node == HOST else draft.namespaces.get(node, {})
                if name in own.get("sysctls", {}):
                    refused.append((node, name, finding.text))
        if not refused:
            return None
        for node, name, text in refused:
            remove_refused(draft, [(node, name)], f"refused: {text}")
    return None
