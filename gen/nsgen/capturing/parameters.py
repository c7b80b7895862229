"""Kernel parameters: those that the rest of the topology brings, `forwarding`, and those that are written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import new_sysctls, of_sysctl
from nsgen.ops import SetSysctl
from nsgen.plan.steps import Plan
from nsgen.proof.state import KernelNode
from nsgen.topology import needs
from nsgen.topology.needs import sysctl_path
from nsgen.values import HOST

FORWARD = {version: sysctl_path(key) for version, key in needs.FORWARD.items()}
# What the kernel sets along with another one, or keeps for the machine as a whole.
FOLLOWS = re.compile(
    r"net/ipv4/conf/[^/]+/forwarding|net/ipv6/conf/[^/]+/forwarding|net/ipv4/conf/all/accept_redirects|"
    r"net/netfilter/nf_log.*|net/core/.*"
)


def forwards(node: KernelNode, version: int) -> bool:
    """Whether a node passes packets on."""
    return node.sysctls.get(FORWARD[version]) == "1"


def take_forwarding(draft: Draft) -> None:
    """Say `forwarding` of the nodes that pass packets on, but for a host whose networks ask for that themselves."""
    for node in draft.nodes:
        before = draft.before(node.name)
        if before is None or not forwards(node, 4) or forwards(before, 4):
            continue
        # A host that has nothing else has set a parameter.
        if node.name == HOST and (_asked_of_host(draft) or not draft.new_links(HOST)):
            continue
        if draft.ours and not forwards(node, 6):
            continue  # the key is for both versions
        speaks = any(
            one.version == 6 and one.scope == "global"
            for one in node.addresses
            if one.device != "lo"
        )
        if not forwards(node, 6) and speaks:
            continue
        draft.at(node.name)["forwarding"] = True
        for version in (4, 6):
            value = node.sysctls.get(FORWARD[version], "")
            draft.account.say(of_sysctl(node.name, FORWARD[version], value), "forwarding")
        if not forwards(node, 6):
            draft.account.tell(
                f"{node.name}: 'forwarding' is for IPv6, too, which this node does not speak"
            )


def _asked_of_host(draft: Draft) -> bool:
    """Whether networks or published ports have the host pass packets on; nsgen's then guards the rest."""
    guarded = "-GUARD" in draft.state.nodes[HOST].iptables + draft.state.nodes[HOST].ip6tables
    asked = any(one.get("internet") for one in draft.networks.values())
    published = any("publish" in one for one in draft.namespaces.values())
    return guarded if draft.ours else asked or published


def take_sysctls(draft: Draft, plan: Plan | None) -> None:
    """Say the parameters that are otherwise than usual, and that the script does not set by itself."""
    for node in draft.nodes:
        planned = _planned(plan, node.name)
        found = new_sysctls(node, draft.before(node.name))
        if draft.ours:
            found |= _otherwise(node, planned, found)
        forwarding = any(key in found for key in FORWARD.values()) or any(
            forwards(node, version) for version in (4, 6)
        )
        for key, value in found.items():
            element = of_sysctl(node.name, key, value)
            if element in draft.account.elements and not draft.account.open(element):
                continue
            if planned.get(key) == value:
                draft.account.say(element, "the script sets it")
            elif (
                FOLLOWS.fullmatch(key)
                and (forwarding or key.startswith("net/core"))
                and not (value == "0" and key.endswith("/forwarding"))
            ):
                draft.account.say(element, "the kernel sets it along with forwarding")
            elif _follows(key, value, found):
                draft.account.say(element, "it follows from that of all devices")
            elif (
                key.startswith("net/ipv6/conf/")
                and key.endswith("/disable_ipv6")
                and _own(draft, node, key)
            ):
                draft.account.say(element, "nsgen decides where IPv6 is")
            else:
                name = key.replace("/", ".") if "." not in key else key
                draft.at(node.name).setdefault("sysctls", {})[name] = value
                draft.account.say(element, "sysctls")


def _otherwise(node: KernelNode, planned: dict[str, str], found: dict[str, str]) -> dict[str, str]:
    """What is as in a new namespace, where the script or the kernel would set it otherwise."""
    more = {
        key: node.sysctls[key]
        for key, value in planned.items()
        if key in node.sysctls and node.sysctls[key] != value and key not in found
    }
    for link in node.links:
        for version in (4, 6):
            key = f"net/ipv{version}/conf/{link.name}/forwarding"
            if forwards(node, version) and node.sysctls.get(key) == "0":
                more[key] = "0"
    return more


def _follows(key: str, value: str, found: dict[str, str]) -> bool:
    """Whether a device's parameter came with that of all of them."""
    scoped = re.fullmatch(r"(net/ipv[46]/conf/)([^/]+)(/.+)", key)
    if scoped is None or scoped[2] == "all":
        return False
    switch = scoped[3] in ("/disable_ipv6", "/forwarding", "/accept_dad")
    return switch and found.get(f"{scoped[1]}all{scoped[3]}") == value


def _own(draft: Draft, node: KernelNode, key: str) -> bool:
    """Whether the parameter is of a device that nsgen has made: it decides again."""
    link = node.link(key.split("/")[3])
    return link is not None and bool(draft.own(link))


def _planned(plan: Plan | None, node: str) -> dict[str, str]:
    """What the script sets in a node, by path."""
    ops = plan.ops if plan else ()
    return {
        op.key if "/" in op.key else op.key.replace(".", "/"): op.value
        for op in ops
        if isinstance(op, SetSysctl) and op.node == node
    }


def remove_refused(draft: Draft, refused: Iterable[tuple[str, str]], why: str) -> None:
    """Take out parameters that the topology cannot have."""
    for node, name in refused:
        own = draft.at(node)
        value = own["sysctls"].pop(name)
        if not own["sysctls"]:
            del own["sysctls"]
        draft.account.leave(of_sysctl(node, name.replace(".", "/"), value), why)
