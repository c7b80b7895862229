"""The routing tables of nodes as they will be, and what is found in them: ip-route(8), ip-rule(8)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.language.policy import Policy, policy_versions
from nsgen.language.routing import (
    DEFAULT_METRIC,
    LOCAL,
    MAIN,
    Route,
    route_metric,
    route_table,
    route_version,
)
from nsgen.reach.device import Device
from nsgen.reach.segments import Segments
from nsgen.reach.verdict import UNKNOWN, AtNode, Verdict
from nsgen.topology.model import Node, Topology
from nsgen.values import IPAddress, IPNetwork

CONNECTED = {4: 0, 6: 256}
EVERYWHERE: dict[int, IPNetwork] = {
    4: ipaddress.ip_network("0.0.0.0/0"),
    6: ipaddress.ip_network("::/0"),
}


@dataclass(frozen=True)
class Entry:
    """What a table says of a destination; `ways` is how many there are to choose from."""

    network: IPNetwork
    metric: int
    type: str = "unicast"
    via: IPAddress | None = None
    device: str = ""
    src: IPAddress | None = None
    ways: int = 1


PrefixTable = dict[int, dict[int, Entry]]  # by the prefix's length, then by the network as a number


class Tables:
    """The routing tables of every node."""

    def __init__(self, topology: Topology, segments: Segments) -> None:
        """Note who has which devices; tables are made when they are asked for."""
        self._nodes = {node.name: node for node in topology.nodes}
        self._at = segments.at
        self._devices: dict[str, list[Device]] = {}
        for device in segments.devices:
            self._devices.setdefault(device.node, []).append(device)
        self._made: dict[str, dict[tuple[int, int], PrefixTable]] = {}

    def devices(self, node: str) -> list[Device]:
        """The devices of a node."""
        return self._devices.get(node, [])

    def lookup(self, node: str, table: int, address: IPAddress) -> Entry | None:
        """What one table says: the longest prefix, and of these the least metric."""
        lengths = self._of(node).get((table, address.version), {})
        number, bits = int(address), address.max_prefixlen
        for length, entries in lengths.items():
            entry = entries.get(number >> (bits - length))
            if entry is not None:
                return entry
        return None

    def by_policy(self, node: str, policy: Policy, address: IPAddress) -> Entry | None:
        """What the table of a rule says, unless the rule passes over so short a prefix."""
        entry, shortest = self.lookup(node, policy.table, address), policy.suppress_prefixlength
        if entry is None or shortest is None or entry.network.prefixlen > shortest:
            return entry
        return None

    def device_to(self, node: str, table: int, entry: Entry) -> str:
        """The device by which a route's router is reached; empty where that cannot be told."""
        if entry.device or entry.via is None:
            return entry.device
        way = self.lookup(node, table, entry.via) or self.lookup(node, MAIN, entry.via)
        return "" if way is None or way.via is not None else way.device

    def address(
        self, node: str, out: str, via: IPAddress, dst: IPAddress | None = None
    ) -> IPAddress | None:
        """The address of a device towards a neighbour; of a device without one, the node's only one, if it has one."""
        device = self._at.get((node, out))
        own = [a for a in device.addresses if a.version == via.version] if device else []
        if own and via.version == 6 and dst is not None:  # RFC 6724, 5, rule 8
            return max(own, key=lambda a: _shared_bits(a.ip, dst)).ip
        near = next((a.ip for a in own if via in a.network), None)
        if near is not None or own:
            return near or own[0].ip
        others = [a.ip for d in self.devices(node) for a in d.addresses if a.version == via.version]
        return others[0] if len(others) == 1 else None

    def policies(self, node: str, version: int) -> list[Policy]:
        """The rules of a node that are for an IP version, in the order in which they are asked."""
        own = self._nodes[node]
        found = [p for p in own.policies if version in policy_versions(p)]
        found += [p for u in own.uplinks if u.version == version for p in u.policies]
        return sorted(found, key=lambda policy: policy.priority or 0)

    def _of(self, name: str) -> dict[tuple[int, int], PrefixTable]:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = {}
            for table, entry in self._entries(self._nodes[name]):
                version, length = entry.network.version, entry.network.prefixlen
                number = int(entry.network.network_address) >> (
                    entry.network.max_prefixlen - length
                )
                same = made.setdefault((table, version), {}).setdefault(length, {})
                if number not in same or entry.metric < same[number].metric:
                    same[number] = entry
            for key, lengths in made.items():
                made[key] = {length: lengths[length] for length in sorted(lengths, reverse=True)}
        return made

    def _entries(self, node: Node) -> Iterator[tuple[int, Entry]]:
        for device in self.devices(node.name):
            for address in device.addresses:
                network = address.network
                if network.prefixlen < address.max_prefixlen or address.ip not in network:
                    metric = CONNECTED[address.version]
                    table = device.domain or MAIN
                    yield table, Entry(network, metric, device=device.name, src=address.ip)
        for member in node.members:
            for via in member.default_routes:
                network, metric = EVERYWHERE[via.version], DEFAULT_METRIC[via.version]
                yield MAIN, Entry(network, metric, via=via, device=member.device)
        for route in (*node.routes, *(uplink.route for uplink in node.uplinks)):
            yield route_table(route), _entry(route)


def _entry(route: Route) -> Entry:
    version = route_version(route)
    hops = route.nexthops
    return Entry(
        network=EVERYWHERE[version] if route.to is None else route.to,
        metric=route_metric(route),
        type=route.type,
        via=hops[0].via if hops else route.via,
        device=(hops[0].dev if hops else route.dev) or "",
        src=route.src,
        ways=max(1, len(hops)),
    )


def fits(policy: Policy, state: AtNode, mark: int | None) -> bool | None:
    """Whether a rule is for a packet with this mark; None where it depends on how its sender sends it."""
    found = _selects(policy, state, mark)
    return found if found is None else found is not policy.not_


def _selects(policy: Policy, state: AtNode, mark: int | None) -> bool | None:
    if policy.to is not None and state.dst not in policy.to:
        return False
    if policy.oif is not None and not state.came:
        return None
    marked = _marked(policy, mark)
    if marked is False or policy.oif is not None:
        return False
    if policy.iif is not None and policy.iif != (state.came or "lo"):
        return False
    if marked is None or policy.uidrange or policy.ipproto or policy.sport or policy.dport:
        return None
    if policy.from_ is None:
        return True
    if not state.came and not state.back:
        # A ping has no source yet when its route is looked up, and a TCP connection has.
        return None if state.src is None or state.src in policy.from_ else False
    return state.src is not None and state.src in policy.from_


def _marked(policy: Policy, mark: int | None) -> bool | None:
    if policy.mark is None or mark is None:
        return None if policy.mark is not None else True
    return mark & policy.mark.mask == policy.mark.value


def _shared_bits(one: IPAddress, other: IPAddress) -> int:
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


def found(tables: Tables, state: AtNode, mark: int | None) -> Entry | Verdict | None:
    """What the tables say, in the order in which they are asked."""
    node, dst = state.node, state.dst
    local = tables.lookup(node, LOCAL, dst)
    if local is not None:
        return local
    policies = tables.policies(node, dst.version)
    if state.domain:
        entry = tables.lookup(node, state.domain, dst)
        # The rules go on behind that of VRFs, ip-vrf(8).
        beyond = entry is None and tables.lookup(node, MAIN, dst) is not None
        return UNKNOWN if policies or beyond else entry
    for policy in policies:
        fit = fits(policy, state, mark)
        if fit is None:
            return UNKNOWN
        entry = tables.by_policy(node, policy, dst) if fit else None
        if entry is not None:
            return entry
    return tables.lookup(node, MAIN, dst)
