"""A model of a Linux host with rules: packets in, what becomes of them out.

It knows of iptables what nsgen's rules use, and raises an error for anything else. It is written from the manual pages
and from the way of a packet through netfilter, not from nsgen: what it takes from a plan is commands.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from nsgen.ops import AddAddress, AddBridge, AddVeth, Chain, Jump, LoadModule, SetLink, SetSysctl
from nsgen.plan.steps import Plan
from nsgen.topology.needs import BRIDGE_NF, FORWARD
from nsgen.values import IPAddress, IPNetwork

Policy = Literal["ACCEPT", "DROP"]
Fate = Literal["arrives", "local", "rejected", "dropped"]
BUILTIN = (
    ("raw", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("nat", "OUTPUT"),
    ("nat", "POSTROUTING"),
    ("filter", "INPUT"),
    ("filter", "FORWARD"),
)
# Another program's bridge on the same host, as Docker's.
OTHER_BRIDGE = {4: ("docker0", "10.99.0.1/24"), 6: ("docker0", "fd00:99::1/64")}
FLAGS = ("--physdev-is-bridged",)  # options without a value
FINAL = ("ACCEPT", "DROP", "REJECT", "DNAT", "REDIRECT", "MASQUERADE")


@dataclass(frozen=True)
class Packet:
    """A packet on its way; `iif` is empty where the host itself sends it."""

    src: IPAddress
    dst: IPAddress
    dport: int
    iif: str = ""
    oif: str = ""
    proto: str = "tcp"
    state: str = "NEW"
    translated: bool = False  # its destination

    @property
    def states(self) -> set[str]:
        """What `--ctstate` finds it to be."""
        return {self.state, "DNAT"} if self.translated else {self.state}


@dataclass(frozen=True)
class Outcome:
    """What became of a packet: it left by a device, the host itself has it, or nobody has."""

    fate: Fate
    packet: Packet


@dataclass(frozen=True)
class Rule:
    """A rule: what it matches, and its target with the target's options."""

    matches: tuple[tuple[bool, str, str], ...]  # negated, option, value
    target: str
    options: Mapping[str, str]


def parse(words: Iterable[str]) -> Rule:
    """Read a rule as iptables(8) and iptables-extensions(8) do."""
    rest = iter(words)
    matches: list[tuple[bool, str, str]] = []
    negated = False
    for word in rest:
        if word == "!":
            negated = True
            continue
        if word == "-j":
            return Rule(tuple(matches), next(rest), dict(_options(rest)))
        if word in FLAGS:
            matches.append((negated, word, ""))
            negated = False
            continue
        matches.append((negated, word, next(rest)))
        negated = False
    raise ValueError(f"no target in {list(words)}")


def _options(rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for option in rest:
        yield option, next(rest)


class Machine:
    """A host on which a plan was carried out, as far as packets of one IP version are concerned."""

    def __init__(
        self,
        plan: Plan,
        uplink: str,
        *,
        policy: Policy = "ACCEPT",
        router: bool = False,
        filtered: bool = False,
    ) -> None:
        """Take over what the plan sets.

        `uplink` is the host's own address beyond the networks, `policy` that of FORWARD; a `router`
        forwarded before; on a `filtered` one another program has let iptables see all bridges.
        """
        self.policy = policy
        self._router = router
        self._filtered = filtered
        self.uplink = ipaddress.ip_address(uplink)
        self.version = self.uplink.version
        self._all_bridges = [op.name for op in plan.ops if isinstance(op, AddBridge)]
        self._all_bridges.append(OTHER_BRIDGE[self.version][0])
        self.sysctls = {
            op.key: op.value for op in plan.ops if isinstance(op, SetSysctl) and op.node == "host"
        }
        self._modules = {op.name for op in plan.ops if isinstance(op, LoadModule)}
        self._links = [op for op in plan.ops if isinstance(op, SetLink)]
        self._cables = [op for op in plan.ops if isinstance(op, AddVeth)]
        self.addresses = {"eth0": [self.uplink]}
        self.subnets: dict[IPNetwork, str] = {}
        self._have(*OTHER_BRIDGE[self.version])
        for op in plan.ops:
            if isinstance(op, AddAddress) and op.node == "host":
                self._have(op.device, op.address)
        on_before = dict.fromkeys(FORWARD.values(), router)
        on_before |= dict.fromkeys(BRIDGE_NF.values(), filtered)
        self._chains: dict[tuple[str, str], list[Rule]] = {place: [] for place in BUILTIN}
        for op in plan.ops:
            if isinstance(op, Chain) and op.version == self.version:
                self._chains[op.table, op.name] = [parse(rule.words()) for rule in op.rules]
            elif isinstance(op, Jump) and op.version == self.version:
                chain = self._chains[op.table, op.builtin]
                if not on_before.get(op.unless):
                    chain.insert(0 if op.place == "first" else len(chain), parse(op.words()))

    def accept_all(self) -> None:
        """Let another program put a rule before all others in FORWARD that accepts every packet."""
        self._chains["filter", "FORWARD"].insert(0, Rule((), "ACCEPT", {}))

    def _have(self, device: str, address: str) -> None:
        found = ipaddress.ip_interface(address)
        if found.version == self.version:
            self.addresses.setdefault(device, []).append(found.ip)
            self.subnets[found.network] = device

    # -- what it is set to ----------------------------------------------------------------------

    @property
    def forwards(self) -> bool:
        """Whether it is a router."""
        key = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[self.version]
        return self._router or self.sysctls.get(key) == "1"

    def filters_bridge(self, bridge: str) -> bool:
        """Whether iptables sees what crosses a bridge."""
        tool = {4: "iptables", 6: "ip6tables"}[self.version]
        alone = self._flag(bridge, f"nf_call_{tool}")
        everywhere = self.sysctls.get(f"net.bridge.bridge-nf-call-{tool}") == "1"
        is_bridge = bridge in self._all_bridges
        loaded = "br_netfilter" in self._modules
        return is_bridge and (self._filtered or (loaded and (alone or everywhere)))

    def isolates(self, bridge: str) -> bool:
        """Whether the ports of a bridge exchange frames with the host alone."""
        ports = [link.device for link in self._links if ("master", bridge) == link.settings[-2:]]
        return bool(ports) and all(self._flag(port, "isolated") for port in ports)

    def port_flag(self, device: str, flag: str) -> bool:
        """Whether a port of a bridge has a flag such as `hairpin` or `isolated`."""
        return self._flag(device, flag)

    def _flag(self, device: str, flag: str) -> bool:
        on = (("on",), ("1",))
        return any(
            link.device == device and word == flag and link.settings[index + 1 : index + 2] in on
            for link in self._links
            for index, word in enumerate(link.settings)
        )

    def cable(self, namespace: str, inside: str) -> str:
        """The end on the host of a namespace's cable."""
        return next(
            op.name for op in self._cables if (op.peer_into, op.peer) == (namespace, inside)
        )

    def is_local(self, address: IPAddress) -> bool:
        """Whether the host has this address."""
        return address.is_loopback or any(address in own for own in self.addresses.values())

    def _way_to(self, address: IPAddress) -> str:
        if self.is_local(address):
            return "lo"
        return next((device for net, device in self.subnets.items() if address in net), "eth0")

    def _lets_loopback(self, device: str) -> bool:
        key = f"net.ipv4.conf.{device}.route_localnet"
        return self.version == 4 and self.sysctls.get(key) == "1"

    # -- the way of a packet --------------------------------------------------------------------

    def send(self, packet: Packet) -> Outcome:
        """Follow the first packet of a connection to where it leaves, is taken, or ends."""
        return self._receive(packet) if packet.iif else self._originate(packet)

    def _receive(self, packet: Packet) -> Outcome:
        martian = packet.iif != "lo" and (packet.dst.is_loopback or packet.src.is_loopback)
        if self.version == 6 and martian:  # ip6_rcv_core: ahead of every rule
            return Outcome("dropped", packet)
        if packet.iif == self._way_to(packet.dst) and packet.iif in self._all_bridges:
            if self.isolates(packet.iif):
                return Outcome("dropped", packet)
            if not self.filters_bridge(packet.iif):  # a frame among others: no rule sees it
                return Outcome("arrives", replace(packet, oif=packet.iif))
        if self._verdict("raw", "PREROUTING", packet)[0] == "DROP":
            return Outcome("dropped", packet)
        packet = self._translate("PREROUTING", packet)
        packet = replace(packet, oif=self._way_to(packet.dst))
        martian = packet.iif != "lo" and (packet.dst.is_loopback or packet.src.is_loopback)
        if martian and not self._lets_loopback(packet.iif):
            return Outcome("dropped", packet)
        if packet.oif == "lo":
            return self._take(replace(packet, oif=""))
        outcome = self.forward(packet)
        return replace(outcome, packet=self._masquerade(outcome.packet))

    def forward(self, packet: Packet) -> Outcome:
        """Pass on what is not for the host itself."""
        packet = replace(packet, oif=self._way_to(packet.dst))
        passes = (
            self._passes_on(packet) and self._verdict("filter", "FORWARD", packet)[0] == "ACCEPT"
        )
        return Outcome("arrives" if passes else "dropped", packet)

    def _passes_on(self, packet: Packet) -> bool:
        """Whether it is a router, or the bridge alone passes the packet on."""
        return self.forwards or (packet.iif == packet.oif and self.filters_bridge(packet.iif))

    def _originate(self, packet: Packet) -> Outcome:
        packet = self._translate("OUTPUT", replace(packet, oif=self._way_to(packet.dst)))
        packet = replace(packet, oif=self._way_to(packet.dst))
        if packet.oif == "lo":
            again = replace(packet, iif="lo", oif="")
            dropped = self._verdict("raw", "PREROUTING", again)[0] == "DROP"
            return Outcome("dropped", again) if dropped else self._take(again)
        from_loopback = packet.src.is_loopback
        packet = self._masquerade(packet)
        # Both the request on its way out and the answer to it would be martians.
        if from_loopback and (packet.src.is_loopback or not self._lets_loopback(packet.oif)):
            return Outcome("dropped", packet)
        return Outcome("arrives", packet)

    def _take(self, packet: Packet) -> Outcome:
        verdict = self._verdict("filter", "INPUT", packet)[0]
        fates: dict[str, Fate] = {"ACCEPT": "local", "DROP": "dropped", "REJECT": "rejected"}
        return Outcome(fates[verdict], packet)

    def _translate(self, builtin: str, packet: Packet) -> Packet:
        target, options = self._verdict("nat", builtin, packet)
        if target == "REDIRECT":
            return replace(packet, dst=self.addresses[packet.iif][0])
        if target != "DNAT":
            return packet
        address, first, last, base = _destination(options["--to-destination"])
        port = packet.dport
        if first:
            offset = packet.dport - base if base else 0
            port = first + offset % (last - first + 1)
        return replace(packet, dst=address, dport=port, translated=True)

    def _masquerade(self, packet: Packet) -> Packet:
        if self._verdict("nat", "POSTROUTING", packet)[0] != "MASQUERADE":
            return packet
        near = [net for net, device in self.subnets.items() if device == packet.oif]
        own = self.addresses[packet.oif]
        subnet = next((net for net in near if packet.dst in net), None)
        source = next((a for a in own if subnet is None or a in subnet), own[0])
        return replace(packet, src=source)

    # -- rules ----------------------------------------------------------------------------------

    def _verdict(self, table: str, chain: str, packet: Packet) -> tuple[str, Mapping[str, str]]:
        policy = self.policy if (table, chain) == ("filter", "FORWARD") else "ACCEPT"
        return self._walk(table, chain, packet) or (policy, {})

    def _walk(self, table: str, chain: str, packet: Packet) -> tuple[str, Mapping[str, str]] | None:
        for rule in self._chains[table, chain]:
            if not all(self._matches(packet, *match) for match in rule.matches):
                continue
            if rule.target == "RETURN":
                return None
            if rule.target in FINAL:
                return rule.target, rule.options
            found = self._walk(table, rule.target, packet)
            if found is not None:
                return found
        return None

    def _matches(self, packet: Packet, negated: bool, option: str, value: str) -> bool:
        return self._is(packet, option, value) != negated

    def _is(self, packet: Packet, option: str, value: str) -> bool:
        if option in ("-m", "--comment"):
            return True
        if option in ("-s", "-d"):
            return (packet.src if option == "-s" else packet.dst) in _network(value)
        if option in ("-i", "-o"):
            return (packet.iif if option == "-i" else packet.oif) == value
        if option == "--physdev-is-bridged":
            return packet.iif == packet.oif and self.filters_bridge(packet.iif)
        if option == "-p":
            return packet.proto == value
        if option == "--dport":
            first, _, last = value.partition(":")
            return int(first) <= packet.dport <= int(last or first)
        if option == "--ctstate":
            return bool(packet.states & set(value.split(",")))
        if (option, value) == ("--dst-type", "LOCAL"):
            return self.is_local(packet.dst)
        raise ValueError(f"the model does not know {option} {value}")


@cache
def _network(text: str) -> IPNetwork:
    return ipaddress.ip_network(text)


def _destination(text: str) -> tuple[IPAddress, int, int, int]:
    """Read ADDRESS[:FIRST[-LAST][/BASE]]: the address, the ports, and the port that maps to the first."""
    if text.startswith("["):
        address, _, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
    elif text.count(":") > 1:
        address, ports = text, ""
    else:
        address, _, ports = text.partition(":")
    ports, _, base = ports.partition("/")
    first, _, last = ports.partition("-")
    return ipaddress.ip_address(address), int(first or 0), int(last or first or 0), int(base or 0)
