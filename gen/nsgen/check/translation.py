"""Policy rules and NAT of nodes: what contradicts itself, or names what is not there."""

from __future__ import annotations

from nsgen.check.devices import named_devices
from nsgen.check.precedence import check_order
from nsgen.check.view import View
from nsgen.language.networks import Masquerade
from nsgen.language.policy import OF_VERSION, WITH_PORTS, Policy, policy_versions
from nsgen.language.routing import Nat
from nsgen.language.spec import WrittenNode
from nsgen.report import Path, Report
from nsgen.topology.names import ip_of
from nsgen.topology.needs import FORWARD, sysctl_key, sysctl_path
from nsgen.topology.resolve import priority
from nsgen.values import HOST
from nsgen.words import either

ONES = ("masquerade", "snat", "dnat", "redirect", "tproxy")
INTO = ("dnat", "redirect", "tproxy")
BELONGS = {"out": ("snat",), "in": INTO, "to": INTO, "port": INTO}
BELONGS |= {"except": (*ONES[:2], *INTO[1:]), "proxy_uid": INTO[1:2]}


def check_policies(view: View, report: Report) -> None:
    """A rule says which packets it is for, and no two have the same priority."""
    for key, at, node in view.spec.nodes():
        seen: dict[int, Path] = {}
        for index, (path, rule) in enumerate(view.items((*at, "rules"), node.rules)):
            _check_policy(rule, path, report)
            named_devices(view, key, {"iif": rule.iif, "oif": rule.oif}, path, report)
            number = priority(rule, index)
            if number in seen:
                text = f"rules[{seen[number][-1]}] has the priority {number} already"
                report.error(path, f"{text}: give one of them another 'priority'")
            seen.setdefault(number, path)


def _check_policy(rule: Policy, path: Path, report: Report) -> None:
    selected = (
        *(rule.from_, rule.to, rule.iif, rule.oif, rule.mark),
        *(rule.uidrange, rule.ipproto),
    )
    selects = any(one is not None for one in (*selected, rule.sport, rule.dport))
    if not selects and (rule.not_ or rule.suppress_prefixlength is None):
        report.error(path, "a rule is for some packets: add 'from', 'to', 'iif', 'oif' or 'mark'")
    ported = rule.sport or rule.dport
    if rule.ipproto is not None and rule.ipproto not in WITH_PORTS and ported is not None:
        text = "this protocol has no ports: remove 'sport' and 'dport', or say tcp, udp or sctp"
        report.error((*path, "ipproto"), text)
    network = rule.from_ or rule.to
    if (
        network is not None
        and OF_VERSION.get(rule.ipproto or 0, network.version) != network.version
    ):
        text = f"{network} is IPv{network.version}, which has another protocol of that name"
        report.error((*path, "ipproto"), f"{text}: icmp is IPv4's, and ipv6-icmp IPv6's")
    if (rule.suppress_prefixlength or 0) >= 32 and policy_versions(rule) == (4,):
        text = "this leaves no route of IPv4: expected a whole number from 0 to 31"
        report.error((*path, "suppress_prefixlength"), text)
    if rule.from_ is not None and rule.to is not None and rule.from_.version != rule.to.version:
        text = f"{rule.to} is IPv{rule.to.version}, and {rule.from_} is IPv{rule.from_.version}"
        report.error((*path, "to"), f"{text}: a rule has one IP version")


def check_nat(view: View, report: Report) -> None:
    """An entry does one thing, and has what belongs to it."""
    for key, at, node in view.spec.nodes():
        sound: list[tuple[Path, Nat]] = []
        for path, nat in view.items((*at, "nat"), node.nat):
            before = len(report.findings)
            done = [name for name in ONES if getattr(nat, name) is not None]
            if len(done) != 1:
                report.error(path, f"expected one of {either(map(repr, ONES))} in each entry")
                continue
            _check_nat(nat, done[0], path, report)
            devices = {"masquerade": nat.masquerade, "out": nat.out, "in": nat.in_}
            named_devices(view, key, devices, path, report)
            if len(report.findings) == before:
                sound.append((path, nat))
        check_order(sound, report)
        idle = (
            key != HOST
            and not _may_forward(node)
            and any(_of_others(view, key, n) for n in node.nat)
        )
        if idle:
            text = "this node does not forward, and translates its own packets alone: add 'forwarding: true'"
            report.warning((*at, "nat"), text, on_key=True)


def check_proxies(view: View, report: Report) -> None:
    """A proxy is given what comes in by one device, or what its own node sends; the rest of the node leaves it that."""
    nodes = [(at, node) for _, at, node in view.spec.nodes() if any(n.proxied for n in node.nat)]
    if nodes:
        from nsgen.check.proxied import check_node  # few topologies need it

        for at, node in nodes:
            check_node(view, at, node, report)


def check_exceptions(view: View, report: Report) -> None:
    """Exceptions of masquerading name who is meant, and have an effect."""
    nodes: list[WrittenNode] = [view.spec.host, *view.spec.namespaces.values()]
    networks = [n for n in view.networks.values() if isinstance(n.masquerade, Masquerade)]
    entries = [nat for node in nodes for nat in node.nat if nat.except_]
    if networks or entries:
        from nsgen.check import exceptions  # few topologies need it

        exceptions.check_networks(view, report)
        exceptions.check_nat(view, report)


def check_marks(view: View, report: Report) -> None:
    """Marks and uplinks have what they need, and do not take what another has."""
    nodes: list[WrittenNode] = [view.spec.host, *view.spec.namespaces.values()]
    if [node for node in nodes if node.marks or node.uplinks]:
        from nsgen.check import marks  # few topologies need it

        marks.check_marks(view, report)
        marks.check_uplinks(view, report)


def _may_forward(node: WrittenNode) -> bool:
    """Whether a namespace passes packets on by its author's word, or by a parameter of its own."""
    return node.forwarding or any(
        key in FORWARD.values() or sysctl_path(key).endswith("/forwarding")
        for key in map(sysctl_key, node.sysctls)
    )


def _of_others(view: View, key: str, nat: Nat) -> bool:
    """Whether an entry is for packets of others that are to go on: a dnat may be for its own, or lead to itself."""
    if nat.dnat is None:
        return not nat.proxied
    node = view.first(key)
    places = view.places.get(key, ())
    own = {ip_of(one) for place in places for _, one in place.addresses}
    own |= {ip_of(one) for device in view.devices.get(node, ()) for _, one in device.addresses}
    address = nat.dnat.address
    dealt = any(address in subnet for place in places if place.dealt for subnet in place.subnets)
    itself = address.is_loopback or dealt or address in own
    return nat.in_ not in (None, "lo") and not itself


def _check_nat(nat: Nat, what: str, path: Path, report: Report) -> None:
    given: dict[str, object] = {"out": nat.out, "in": nat.in_, "to": nat.to, "port": nat.port}
    given |= {"except": nat.except_ or None, "proxy_uid": nat.proxy_uid}
    for field, value in given.items():
        if value is not None and what not in BELONGS[field]:
            whose = either(map(repr, BELONGS[field]))
            text = f"{field!r} belongs to {whose}, and this is {what!r}: remove it"
            report.error((*path, field), text, on_key=True)
    networks = [n for n in (nat.from_, nat.to) if n is not None]
    versions = [one.version for one in (*nat.targets, *networks)]
    for network in networks:
        if network.version != versions[0]:
            report.error(path, f"{network} is IPv{network.version}: an entry has one IP version")
    for address in nat.targets:
        if address.is_multicast or (address.is_unspecified and nat.tproxy is None):
            report.error((*path, what), f"{address} is no machine's address")
    if nat.dnat is not None and nat.dnat.ports is not None and nat.port is not None:
        if len(nat.dnat.ports) not in (1, len(nat.port)):
            text = f"{nat.dnat.ports} is {len(nat.dnat.ports)} ports, and {nat.port} is {len(nat.port)}"
            report.error((*path, "dnat"), f"{text}: ranges map one to one")
        elif len(nat.port) > 1 and nat.dnat.ports != nat.port:
            report.error(
                (*path, "dnat"), "a range keeps its numbers here: leave the ports out of 'dnat'"
            )
