"""Packets that are none of a published port's business, and what has to become of them.

They are what other programs got wrong: connections hijacked on their way, ways in beside the published port, forged
addresses. What must not pass is tried where FORWARD's policy is ACCEPT, on a host that forwarded before, too; what has
to pass, where the policy is DROP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from firewall import OTHER_BRIDGE, Machine, Packet, Policy
from nsgen.plan.steps import Plan
from nsgen.values import IPAddress
from vantage import BRIDGES, CLIENTS, PEOPLE, UPLINK, Case, address

ELSEWHERE = {4: "203.0.113.10", 6: "2001:db8::10"}
MULTICAST = {4: "224.0.0.251", 6: "ff0e::1"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
PING = {4: "icmp", 6: "ipv6-icmp"}


@dataclass(frozen=True)
class Stray:
    """A packet, and what has to become of it; `src` is the source that it has to have then.

    `firm`: whatever another program's rules say. `theirs`: another program decides, where it did before. `answer`: of a
    connection that is known, so that only FORWARD is asked.
    """

    why: str
    packet: Packet
    fate: str
    src: IPAddress | None = None
    firm: bool = False
    theirs: bool = False
    answer: bool = False


class Scene:
    """The topology of a case, by the names of those in it."""

    def __init__(self, case: Case) -> None:
        """Take the case over."""
        self.case = case
        self.far = ipaddress.ip_address(ELSEWHERE[case.version])
        self.uplink = ipaddress.ip_address(UPLINK[case.version])
        self.client = ipaddress.ip_address(CLIENTS[case.version][0])
        self.loopback = ipaddress.ip_address(LOOPBACK[case.version])
        self.device, own = OTHER_BRIDGE[case.version]
        self.container = ipaddress.ip_interface(own).ip + 1

    def place(self, name: str) -> tuple[IPAddress, str]:
        """Somebody's address and bridge."""
        net, last = PEOPLE[name]
        return address(net, last, self.case.version), BRIDGES[net]

    def says(self, name: str, key: str) -> bool:
        """What a key of somebody's network says."""
        keys = {"bridge0": self.case.network, "bridge1": self.case.green}
        network = keys.get(self.place(name)[1], {})
        default = network.get("internet", "false") if key == "masquerade" else "false"
        return network.get(key, default) == "true"

    def strays(self) -> Iterator[Stray]:
        """All of them."""
        for name in PEOPLE:
            yield from self._leaving(name)
            yield from self._entering(name)
        yield from self._open()
        yield from self._forged()
        yield from self._passing_by()
        yield from self._other_ports()

    def _leaving(self, name: str) -> Iterator[Stray]:
        src, bridge = self.place(name)
        internet, masquerade = self.says(name, "internet"), self.says(name, "masquerade")
        fate = "arrives" if internet else "dropped"
        for port in (8080, 80):
            why = f"{name} to somebody else's port {port}"
            source = self.uplink if masquerade else src
            yield Stray(why, Packet(src, self.far, port, bridge), fate, source)
        if not internet:
            return
        back = Packet(self.far, src, 40000, "eth0", state="ESTABLISHED")
        yield Stray(f"the answer to {name} from the internet", back, "arrives", answer=True)
        group = ipaddress.ip_address(MULTICAST[self.case.version])
        packet = Packet(src, group, 5353, bridge, proto="udp")
        yield Stray(f"multicast of {name} keeps its source", packet, "arrives", src)
        packet = Packet(self.client, self.far, 443, bridge)
        yield Stray(f"{name} as somebody else", packet, "dropped")
        packet = Packet(src, self.far, 443, bridge, state="INVALID")
        if masquerade:
            yield Stray(f"what {name} sends that no connection knows", packet, "dropped")

    def _entering(self, name: str) -> Iterator[Stray]:
        dst, own = self.place(name)
        firm = self.says(name, "masquerade")
        others = {who: self.place(who) for who in PEOPLE if self.place(who)[1] != own}
        others |= {
            "another machine": (self.client, "eth0"),
            "a container of another program": (self.container, self.device),
        }
        for port in (80, 81, 8080):
            for who, (src, bridge) in others.items():
                fate = "arrives" if self._is_open(name, port, who) else "dropped"
                packet = Packet(src, dst, port, bridge)
                yield Stray(f"{who} to {name}'s own address, port {port}", packet, fate, firm=firm)
            gateway = address(PEOPLE[name][0], "1", self.case.version)
            packet = Packet(gateway, dst, port)
            yield Stray(f"the host to {name}'s port {port}", packet, "arrives", gateway)
        src, bridge = self.place("blue")
        if own == bridge and name != "blue":
            fate = "dropped" if self.says(name, "isolate") else "arrives"
            yield Stray(f"blue to {name}, its sibling", Packet(src, dst, 81, bridge), fate, src)

    def _is_open(self, name: str, port: int, who: str) -> bool:
        """Whether a port is open by its own address: in a routed network the published ones are."""
        routed = self.says(name, "internet") and not self.says(name, "masquerade")
        audience = "network" if who in PEOPLE else "outside"
        return name == "red" and routed and port == 80 and audience in self.case.reach

    def _open(self) -> Iterator[Stray]:
        if self.says("red", "internet") and not self.says("red", "masquerade"):
            red, _ = self.place("red")
            packet = Packet(self.client, red, 0, "eth0", proto=PING[self.case.version])
            yield Stray("ping to an address of a routed network", packet, "arrives")
            green, bridge = self.place("green")
            packet = Packet(green, red, 0, bridge, proto=PING[self.case.version])
            yield Stray("ping from another network to a routed one", packet, "dropped")

    def _forged(self) -> Iterator[Stray]:
        others = {name: self.place(name) for name in ("red", "blue", "green")}
        others["another machine"] = (self.client, "eth0")
        for who, (src, bridge) in others.items():
            packet = Packet(src, self.loopback, 9000, bridge)
            yield Stray(f"{who} to what listens on the loopback address", packet, "dropped")
            if self.case.reach in (("host",), ("loopback",), ("host", "loopback")):
                packet = Packet(src, self.loopback, 8080, bridge)
                yield Stray(f"{who} to the port by the loopback address", packet, "dropped")
            packet = Packet(self.loopback, self.uplink, 9000, bridge)
            yield Stray(f"{who} as the loopback address", packet, "dropped")

    def _passing_by(self) -> Iterator[Stray]:
        for port in (8080, 80):
            packet = Packet(self.uplink, self.far, port)
            yield Stray(f"the host to somebody else's port {port}", packet, "arrives")
            packet = Packet(self.client, self.far, port, "eth0")
            yield Stray(
                f"a neighbour to somebody else's port {port}", packet, "dropped", theirs=True
            )
            packet = Packet(self.container, self.far, port, self.device)
            why = f"a container of another program to somebody else's port {port}"
            yield Stray(why, packet, "dropped", theirs=True)
        packet = Packet(self.container, self.container + 1, 80, self.device)
        yield Stray(
            "one container of another program to another", packet, "arrives", self.container
        )

    def _other_ports(self) -> Iterator[Stray]:
        other = "udp" if self.case.protocol == "tcp" else "tcp"
        for port, proto in ((8081, self.case.protocol), (80, self.case.protocol), (8080, other)):
            why = f"port {port}/{proto} of the host, which is not published"
            for src, iif in (
                (self.client, "eth0"),
                (self.uplink, ""),
                *map(self.place, ("red", "blue", "green")),
            ):
                yield Stray(why, Packet(src, self.uplink, port, iif, proto=proto), "local")


def astray(case: Case, plan: Plan) -> Iterator[str]:
    """Every stray packet that does not get what it should."""
    for stray in Scene(case).strays():
        for kind, machine, fate in _machines(plan, case, stray):
            wrong = _wrong(machine, stray, fate)
            if wrong:
                yield f"{case}: {stray.why}, {kind}: expected {fate}, {wrong}"


def _machines(plan: Plan, case: Case, stray: Stray) -> Iterator[tuple[str, Machine, str]]:
    uplink = UPLINK[case.version]
    if stray.fate != "dropped":
        theirs = stray.packet.iif == OTHER_BRIDGE[case.version][0]
        for filtered in (False, True):
            # What another program has iptables see the policy may stop: that is its own affair.
            policy: Policy = "ACCEPT" if theirs and filtered else "DROP"
            machine = Machine(plan, uplink, policy=policy, filtered=filtered)
            yield f"policy {policy}", machine, stray.fate
        return
    yield "policy ACCEPT", Machine(plan, uplink), stray.fate
    router = Machine(plan, uplink, router=True)
    yield "on a router", router, "arrives" if stray.theirs else stray.fate
    if stray.firm:
        router.accept_all()
        yield "behind another program's rule", router, stray.fate


def _wrong(machine: Machine, stray: Stray, fate: str) -> str:
    sent = stray.packet
    outcome = machine.forward(sent) if stray.answer else machine.send(sent)
    packet = outcome.packet
    if outcome.fate != fate:
        return outcome.fate
    if fate == "dropped":
        return ""
    if (packet.dst, packet.dport) != (sent.dst, sent.dport):
        return f"translated to {packet.dst} port {packet.dport}"
    return f"from {packet.src}" if stray.src is not None and packet.src != stray.src else ""
