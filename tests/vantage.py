"""Who asks for a published port, what they should get, and what a plan's rules give them instead.

The topology is always the same: red publishes, blue is its sibling, green and grey are on networks of their own, of
which grey's leads nowhere else. What differs is what the keys say (`Case`). What should happen (`expected`) is told
from the meaning of the keys in docs/language.md alone; `observed` sends a packet through the rules.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any

from compiling import compile_data
from firewall import Machine, Outcome, Packet
from nsgen.ops import StartService
from nsgen.plan.steps import Plan
from nsgen.values import IPAddress, IPNetwork

AUDIENCES = ("outside", "host", "loopback", "network", "self")
REACHES = [some for n in range(1, 6) for some in combinations(AUDIENCES, n)]
UPLINK = {4: "172.16.1.4", 6: "fd00:1::4"}
CLIENTS = {4: ("172.16.1.5", "203.0.113.10"), 6: ("fd00:1::5", "2001:db8::10")}
LOOPBACK = {4: ("127.0.0.1", "127.0.0.2"), 6: ("::1",)}
PREFIX = {4: "192.168.{}.", 6: "fd00:{}::"}
# red, blue, green and grey with the last part of their networks' prefixes and of their addresses.
PEOPLE = {"red": ("15", "2"), "blue": ("15", "3"), "green": ("16", "2"), "grey": ("17", "2")}
BRIDGES = {"15": "bridge0", "16": "bridge1", "17": "bridge2"}


@cache
def address(net: str, last: str, version: int) -> IPAddress:
    """An address in one of the networks."""
    return ipaddress.ip_address(PREFIX[version].format(net) + last)


@dataclass(frozen=True)
class Case:
    """What the keys say."""

    reach: tuple[str, ...] = AUDIENCES
    via: str = "dnat"
    version: int = 4
    host_ip: str = ""
    network: dict[str, str] = field(default_factory=lambda: {"internet": "true"})  # of bridge0
    green: dict[str, str] = field(default_factory=lambda: {"internet": "true"})  # of bridge1
    protocol: str = "tcp"
    also: tuple[str, ...] = ()  # the networks that red is on besides

    @property
    def routed(self) -> bool:
        """Whether red has a default route."""
        return self.network.get("internet") == "true"

    def topology(self) -> dict[str, Any]:
        """It as a topology."""
        publish: dict[str, Any] = {"published": "8080", "target": "80", "protocol": self.protocol}
        publish |= {"via": self.via, "reach": list(self.reach), "network": "bridge0"}
        publish |= {"host_ip": self.host_ip} if self.host_ip else {}
        settings = {"15": self.network, "16": self.green, "17": dict[str, str]()}
        prefix, length = PREFIX[self.version], {4: "0/24", 6: "/64"}[self.version]
        return {
            "name": "t",
            "networks": {
                bridge: {"subnet": prefix.format(net) + length, **settings[net]}
                for net, bridge in BRIDGES.items()
            },
            "namespaces": {
                name: {
                    "networks": {BRIDGES[net]: str(address(net, last, self.version))}
                    | {BRIDGES[n]: str(address(n, "9", self.version)) for n in self.networks(name)},
                    **({"publish": [publish]} if name == "red" else {}),
                }
                for name, (net, last) in PEOPLE.items()
            },
        }

    def networks(self, name: str) -> tuple[str, ...]:
        """The networks that somebody is on, besides the first."""
        return self.also if name == "red" else ()

    def __str__(self) -> str:
        said = {"host_ip": self.host_ip, **self.network, "red is also on": ", ".join(self.also)}
        keys = ", ".join(f"{key}: {value}" for key, value in said.items() if value)
        return f"IPv{self.version}, via: {self.via}, reach: [{', '.join(self.reach)}], {keys}"


def compiled(case: Case) -> Plan | None:
    """Its plan, or None where it is refused."""
    return compile_data(case.topology())[1]


@dataclass(frozen=True)
class Ask:
    """Somebody asks for port 8080 of an address of the host."""

    who: str
    audience: str
    src: IPAddress
    dst: IPAddress
    iif: str

    def packet(self, case: Case, dport: int = 8080) -> Packet:
        """Their first packet."""
        return Packet(self.src, self.dst, dport, self.iif, proto=case.protocol)

    def __str__(self) -> str:
        return f"{self.who} ({self.src}) asks {self.dst}"


def asks(case: Case) -> Iterator[Ask]:
    """Everybody, with every address of the host that they can ask."""
    version = case.version
    uplink = ipaddress.ip_address(UPLINK[version])
    gateways = {net: address(net, "1", version) for net in BRIDGES}
    for client in map(ipaddress.ip_address, CLIENTS[version]):
        for dst in (uplink, gateways["15"]):
            yield Ask("another machine", "outside", client, dst, "eth0")
    for dst in (uplink, *gateways.values()):
        yield Ask("the host", "host", dst, dst, "")
    for loopback in map(ipaddress.ip_address, LOOPBACK[version]):
        yield Ask("the host", "loopback", loopback, loopback, "")
    routed = {"red": case.routed, "blue": case.routed, "green": case.green.get("internet")}
    for name, (net, last) in PEOPLE.items():
        audience = "self" if name == "red" else "network"
        src = address(net, last, version)
        beyond = (uplink, *(g for n, g in gateways.items() if n != net)) if routed.get(name) else ()
        for dst in (gateways[net], *beyond):
            if not any(dst == gateways[other] for other in case.networks(name)):
                yield Ask(name, audience, src, dst, BRIDGES[net])
        for other in case.networks(name):
            src = address(other, "9", version)
            yield Ask(name, audience, src, gateways[other], BRIDGES[other])


def claims(case: Case, dst: IPAddress) -> bool:
    """Whether the port is published on an address of the host."""
    return not case.host_ip or ipaddress.ip_address(case.host_ip) in (dst, _any(case.version))


def _any(version: int) -> IPAddress:
    return ipaddress.ip_address({4: "0.0.0.0", 6: "::"}[version])


def expected(case: Case, ask: Ask) -> str:
    """What `reach` and `via` say: translated, proxied, refused by name, or left to the host alone."""
    allowed = ask.audience in case.reach and claims(case, ask.dst)
    if ask.audience == "outside" and case.host_ip == str(address("15", "1", case.version)):
        allowed = False  # an address on a bridge of ours is for those on the bridge
    if allowed and kept_to_own(case, ask):
        return "dropped" if case.via == "dnat" else "refused"
    if case.via == "dnat":
        loopback6 = case.version == 6 and ask.audience == "loopback"
        return "translated" if allowed and not loopback6 else "left alone"
    if allowed:
        return "translated" if ask.audience in ("outside", "host") else "proxied"
    return "refused" if listens(case) and claims(case, ask.dst) else "left alone"


def kept_to_own(case: Case, ask: Ask) -> bool:
    """Whether somebody asks by bridge1, whose members are answered by its own published ports alone."""
    return ask.iif == BRIDGES["16"] and case.green.get("published_ports") == "own"


def listens(case: Case) -> bool:
    """Whether there is somebody for whom a proxy has to listen."""
    served = {"loopback", "network", "self"} & set(case.reach)
    if case.host_ip and ipaddress.ip_address(case.host_ip) != _any(case.version):
        loopback = ipaddress.ip_address(case.host_ip).is_loopback
        served = served & {"loopback"} if loopback else served - {"loopback"}
    return bool(served)


def source(case: Case, ask: Ask) -> IPAddress:
    """From which address red is asked: the asking one, unless red's answer would not come back."""
    gateway = address("15", "1", case.version)
    near = ask.src in _subnet("15", case.version)
    if ask.audience in ("loopback", "self") or (not near and not case.routed):
        return gateway
    if ask.who == "blue" and case.network.get("bridge_netfilter") == "off":
        return gateway
    masqueraded = case.green.get("masquerade", case.green.get("internet")) == "true"
    from_green = ask.src in _subnet("16", case.version)
    return gateway if from_green and masqueraded else ask.src


def observed(machine: Machine, case: Case, ask: Ask, *, proxied: bool) -> str:
    """What becomes of the request, in the words of `expected`; or what is wrong with it.

    `proxied`: a process of the host listens on the port, of every address that is published.
    """
    sent = ask.packet(case)
    outcome = machine.send(sent)
    packet, (red, way) = outcome.packet, place(case, ask)
    if outcome.fate == "rejected":
        return "refused"
    if outcome.fate == "local":
        # UDP from a namespace is led to the address by which the proxy answers it.
        led = case.protocol == "udp" and proxied and machine.is_local(sent.dst) and bool(sent.iif)
        asked = packet.dst if led else sent.dst
        same = (packet.src, packet.dst, packet.dport) == (sent.src, asked, sent.dport)
        taken = "proxied" if proxied and claims(case, ask.dst) else "left alone"
        return taken if same else f"translated to the host itself: {packet}"
    if outcome.fate == "dropped":
        return "dropped" if kept_to_own(case, ask) else f"dropped: {packet}"
    if (packet.dst, packet.dport, packet.oif) != (red, 80, way) or not packet.translated:
        return f"sent elsewhere: {packet}"
    wrong = answer_lost(machine, case, outcome)
    return wrong or "translated"


def place(case: Case, ask: Ask) -> tuple[IPAddress, str]:
    """By which of its addresses red is asked, and by which bridge: where both are on a network, by that one."""
    filters = case.network.get("bridge_netfilter", "host")
    for net in case.also if ask.audience == "network" and filters == "host" else ():
        if ask.iif == BRIDGES[net]:
            return address(net, "9", case.version), ask.iif
    return address(*PEOPLE["red"], case.version), "bridge0"


def answer_lost(machine: Machine, case: Case, request: Outcome) -> str:
    """Why red's answer would not come back as it should, or nothing."""
    src, version = request.packet.src, case.version
    own = {net: address(net, "9", version) for net in case.also}
    own["15"] = address(*PEOPLE["red"], version)
    if src in own.values():
        return f"red is asked from its own address {src}"
    if src.is_loopback:
        return f"red is asked from {src}"
    net = next((n for n in own if src in _subnet(n, version)), None)
    if net is None and not case.routed:
        return f"red is asked from {src}, to which it has no route"
    if net is not None and not machine.is_local(src) and not machine.filters_bridge(BRIDGES[net]):
        return f"red answers {src} through the bridge, where nothing translates the answer back"
    way = "bridge0" if net is None else BRIDGES[net]
    asked = request.packet.dst
    answer = Packet(asked, src, 40000, way, proto=case.protocol, state="ESTABLISHED")
    if not machine.is_local(src) and machine.send(answer).fate != "arrives":
        return f"red's answer to {src} is dropped"
    return ""


@cache
def _subnet(net: str, version: int) -> IPNetwork:
    return ipaddress.ip_network(f"{address(net, '0', version)}/{ {4: 24, 6: 64}[version] }")


def proxies(plan: Plan, case: Case) -> bool:
    """Whether a process of the host listens on the published port, for this IP version."""
    listener = f"{case.protocol.upper()}{case.version}-LISTEN:8080,"
    commands: Sequence[tuple[str, ...]]
    commands = [op.command for op in plan.ops if isinstance(op, StartService) and op.node == "host"]
    return any(word.startswith(listener) for command in commands for word in command)
