"""Which rules of a script decide about a packet, told without a kernel, netfilter(7): nsgen's own chains alone.

Other programs' rules are not known here, and the host is taken for one that did not forward before. A rule whose match
cannot be told makes the table that it is in unknown, and of that no rule is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

from nsgen.ops import Chain, Jump, Match, Op, Rule, RulePosition
from nsgen.plan.firewall import BRIDGED, INVALID, NOT_LOCAL, REPLY
from nsgen.plan.nat import DNATED, LOCAL
from nsgen.plan.proxied import ELSEWHERE_UDP
from nsgen.plan.steps import TABLES
from nsgen.values import IPAddress, Ports

TAKES = frozenset({"REDIRECT", "TPROXY"})  # for a process of the node itself
ENDS = frozenset({"ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE", *TAKES})
STOPS = frozenset({"DROP", "REJECT"})
SOCKET = ("-m", "socket")
GOES_ON = frozenset({"MARK", "CONNMARK"})  # a packet with another mark meets the next rule
# The tables that a packet meets at each hook, in order; nat only with the first packet of a connection.
MET = {
    "PREROUTING": TABLES[:3],
    "OUTPUT": TABLES,
    "INPUT": ("mangle", "filter"),
    "FORWARD": ("mangle", "filter"),
    "POSTROUTING": ("mangle", "nat"),
}


class NotToldError(Exception):
    """A match that only the kernel can tell."""


@dataclass(frozen=True)
class FirstPacket:
    """The first packet of a connection, at one node: by which device it came, and by which it leaves, as far as known.

    `own`: it is for an address of the node's own. `fits`: connection tracking can place it. `translated`: its
    destination was another one. `bridged`: it crosses a bridge, and is not routed.
    """

    src: IPAddress | None
    dst: IPAddress
    proto: str
    dport: int = 0
    into: str = ""
    out: str = ""
    own: bool = False
    fits: bool = True
    translated: bool = False
    bridged: bool = False


@dataclass(frozen=True)
class Hook:
    """What the rules at one hook make of a packet: those that decide, in order, and the packet as it goes on.

    `told`: whether every table can be told.
    """

    packet: FirstPacket
    rules: tuple[Rule, ...] = ()
    told: bool = True

    @property
    def stopped(self) -> bool:
        """Whether it goes no further."""
        return any(rule.verdict.target in STOPS for rule in self.rules)


class Rules:
    """The chains of a script."""

    def __init__(self, ops: Iterable[Op]) -> None:
        """Note the rules by their chain, and the jumps by where they are."""
        self._rules: dict[tuple[str, int, str, str], tuple[Rule, ...]] = {}
        self._jumps: dict[tuple[str, int, str, str], dict[RulePosition, list[Jump]]] = {}
        for op in ops:
            if isinstance(op, Chain):
                self._rules[op.node, op.version, op.table, op.name] = op.rules
            elif isinstance(op, Jump):
                key = (op.node, op.version, op.table, op.builtin)
                self._jumps.setdefault(key, {}).setdefault(op.place, []).append(op)

    def at(self, node: str, hook: str, packet: FirstPacket) -> Hook:
        """What the rules at a hook of a node make of a packet."""
        met: list[Rule] = []
        told = True
        for table in MET[hook]:
            key = (node, packet.dst.version, table, hook)
            if key not in self._jumps or (table == "nat" and not packet.fits):
                continue
            try:
                rule = self._first(key, packet)
            except NotToldError:
                told = False
                continue
            if rule is None:
                continue
            met.append(rule)
            packet = _rewritten(rule, packet)
            if rule.verdict.target in STOPS:
                break
        return Hook(packet, tuple(met), told)

    def _first(self, key: tuple[str, int, str, str], packet: FirstPacket) -> Rule | None:
        """The rule that decides in one table: the first that ends the way through it, or else one that leaves it."""
        left = None
        jumps = self._jumps[key]
        for jump in (*jumps.get("first", ()), *jumps.get("last", ())):
            found = self._through(jump, jump.chain, packet) if matches(jump.match, packet) else None
            if found is not None and found.verdict.target in ENDS:
                return found
            left = left or found
        return left

    def _through(self, jump: Jump, chain: str, packet: FirstPacket) -> Rule | None:
        for rule in self._rules[jump.node, jump.version, jump.table, chain]:
            target = rule.verdict.target
            if target in GOES_ON or not matches(rule.match, packet):
                continue
            if target in ENDS or target == "RETURN":
                return rule
            if (jump.node, jump.version, jump.table, target) in self._rules:
                found = self._through(jump, target, packet)
                if found is not None:
                    return found
            else:
                raise NotToldError
        return None


def _rewritten(rule: Rule, packet: FirstPacket) -> FirstPacket:
    """A packet behind a rule that gives it another destination."""
    target, options = rule.verdict
    if target in TAKES:
        return replace(packet, own=True, translated=True)
    if target in ("SNAT", "MASQUERADE"):
        return replace(packet, src=_destination(options[-1])[0] if options else None)
    if target != "DNAT":
        return packet
    address, port = _destination(options[-1])
    if port is not None and "/" in options[-1]:  # the ports of a range, each shifted by as many
        port += packet.dport - int(options[-1].rpartition("/")[2])
    return replace(packet, dst=address, dport=port or packet.dport, own=False, translated=True)


def _destination(text: str) -> tuple[IPAddress, int | None]:
    """Read ``ADDRESS``, ``ADDRESS:PORT[-LAST][/FIRST]`` or ``[ADDRESS]:PORT…``."""
    if text.startswith("["):
        address, _, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
    elif text.count(":") == 1:
        address, _, ports = text.partition(":")
    else:
        address, ports = text, ""
    first = ports.partition("/")[0].partition("-")[0]
    return ip_address(address), int(first) if first else None


# -- one rule -----------------------------------------------------------------------------------


def matches(match: Match, packet: FirstPacket) -> bool:
    """Whether a rule is for a packet; raises NotToldError where only the kernel can tell."""
    return (
        all(_plain(match, packet))
        and match.sport is None  # a client's port is any
        and _more(match, packet)
    )


def _plain(match: Match, packet: FirstPacket) -> Iterator[bool]:
    yield match.src is None or _within(packet.src, match.src)
    yield match.not_src is None or not _within(packet.src, match.not_src)
    yield match.dst is None or _within(packet.dst, match.dst)
    yield match.not_dst is None or not _within(packet.dst, match.not_dst)
    yield not match.into or match.into == packet.into
    yield not match.not_into or match.not_into != packet.into
    yield not match.out or match.out == packet.out
    yield not match.not_out or match.not_out != packet.out
    yield not match.proto or match.proto == packet.proto
    yield match.dport is None or _among(packet.dport, match.dport)


def _within(address: IPAddress | None, where: object) -> bool:
    if isinstance(where, IPAddress):
        return address == where
    return address is not None and address in where  # type: ignore[operator]


def _among(port: int, ports: Ports) -> bool:
    return ports.first <= port <= ports.last


def _more(match: Match, packet: FirstPacket) -> bool:
    known = {
        (): True,
        LOCAL: packet.own,
        NOT_LOCAL: not packet.own,
        REPLY: False,
        INVALID: not packet.fits,
        DNATED: packet.translated,
        BRIDGED: packet.bridged,
        ELSEWHERE_UDP: not packet.own,
    }
    if match.more[:2] == SOCKET:
        return False  # a first packet belongs to no connection of a proxy's
    if match.more not in known:
        raise NotToldError
    return known[match.more]
