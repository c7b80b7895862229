"""What is given to a transparent proxy of a node: `redirect` and `tproxy` of its `nat`.

A redirect puts the node's own address in place of the destination, which the proxy asks the kernel for
(SO_ORIGINAL_DST). TPROXY leaves the packet as it is, and takes three things: a target that gives it to the proxy's
socket, a match by which what belongs to the proxy's connections is known, and a routing table by which all that is
marked is the node's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from nsgen.language.kinds.bridge import BridgeInterface
from nsgen.language.policy import Mark, Policy, Uids
from nsgen.language.routing import MAIN, Nat, Route
from nsgen.ops import RETURN, AddPolicy, AddRoute, Argv, Match, Op, RuleTarget
from nsgen.plan import why_proxied as why
from nsgen.plan.dispatch import Line
from nsgen.plan.nat import MULTICAST
from nsgen.plan.routes import policy_words, route_words
from nsgen.plan.steps import Step
from nsgen.topology.model import Node, Topology
from nsgen.topology.proxied import BACK, MARK, PRIORITY, TABLE, families
from nsgen.values import HOST, IPNetwork

SET_MARK = f"{MARK:#x}/{MARK:#x}"
EVERYWHERE = {4: str(IPv4Address(0)), 6: str(IPv6Address(0))}
# What is for a machine elsewhere. Of TCP nothing else gets so far; UDP is also for everybody, or for a group.
ELSEWHERE = ("-m", "addrtype", "!", "--dst-type", "LOCAL")
ELSEWHERE_UDP = (*ELSEWHERE[:-1], "LOCAL,BROADCAST,MULTICAST")


def lines(topology: Topology, node: Node, version: int, nat: Nat, name: str) -> list[list[Line]]:
    """The line that takes packets to the proxy; with exceptions it leads to a chain, `name`, whose lines follow."""
    udp = nat.l4 == "udp" and nat.to is None
    elsewhere = () if nat.to is not None else ELSEWHERE_UDP if udp and version == 4 else ELSEWHERE
    match = Match(
        src=nat.from_,
        dst=nat.to,
        not_dst=MULTICAST[6] if udp and version == 6 else None,
        into="" if nat.of_own else nat.in_ or "",
        proto=nat.l4,
        dport=nat.port,
        more=(*elsewhere, *_of_others(nat.proxy_uid)),
    )
    reason = why.TPROXY if nat.tproxy else why.REDIRECT_OWN if nat.of_own else why.REDIRECT
    spared = [
        *((why.PROXY_EXCEPT, one) for one in nat.except_ if one.version == version),
        *((why.PROXY_SIBLINGS, one) for one in _bridged(topology, node, version, nat)),
    ]
    if not spared:
        return [[(reason, match, _target(nat, version))]]
    inner = [(text, Match(dst=one), RETURN) for text, one in spared]
    return [
        [(why.PROXY_CHOSEN, match, RuleTarget(name))],
        [*inner, (reason, Match(proto=nat.l4), _target(nat, version))],
    ]


def _of_others(proxy: Uids | None) -> Argv:
    """The packets of anybody but the proxy: its own would come back to it for ever."""
    if proxy is None:
        return ()
    return ("-m", "owner", "!", "--uid-owner", proxy.short)


def _target(nat: Nat, version: int) -> RuleTarget:
    if nat.tproxy is None:
        return RuleTarget("REDIRECT", ("--to-ports", str(nat.redirect)))
    address = str(nat.tproxy.address or EVERYWHERE[version])
    where = ("--on-port", str(nat.tproxy.port), "--on-ip", address)
    return RuleTarget("TPROXY", (*where, "--tproxy-mark", SET_MARK))


def _bridged(topology: Topology, node: Node, version: int, nat: Nat) -> Iterator[IPNetwork]:
    """Where neighbours on a bridge reach each other without the node: iptables may see that as coming in by it."""
    if nat.to is not None:
        return
    if node.name == HOST:
        for bridge in topology.bridges:
            if bridge.name == nat.in_:
                yield from (s.network for s in bridge.subnets if s.version == version)
    for interface in node.interfaces:
        if interface.name == nat.in_ and isinstance(interface.written, BridgeInterface):
            networks = (a.network for a in interface.addresses if a.version == version)
            yield from dict.fromkeys(networks)


# -- TPROXY -------------------------------------------------------------------------------------


def known(protocols: list[str], divert: str) -> list[Line]:
    """What belongs to the proxy's connections already, by whatever device it comes: an answer to it from elsewhere."""
    socket = ("-m", "socket", "--transparent")
    return [
        (why.TPROXY_KNOWN, Match(proto=protocol, more=socket), RuleTarget(divert))
        for protocol in protocols
    ]


DIVERT: list[Line] = [
    (why.TPROXY_DIVERT, Match(), RuleTarget("MARK", ("--set-xmark", SET_MARK))),
    ("", Match(), RuleTarget("ACCEPT")),
]


def steps(topology: Topology) -> Iterator[Step]:
    """By which routes what is marked is a node's own, whatever its destination."""
    said: set[str] = set()
    for node in topology.nodes:
        transparent = [nat for nat in node.nats if nat.tproxy is not None]
        versions = {v for nat in transparent for v in families(topology, node, nat)}
        for version in sorted(versions):
            mark = Mark(MARK, MARK)
            if version == 4:  # IPv6 has no rp_filter
                back = Policy(table=MAIN, mark=mark, iif="lo", priority=BACK)
                yield _once(why.TPROXY_BACK, said, AddPolicy(node.name, 4, policy_words(back)))
            rule = Policy(table=TABLE, mark=mark, priority=PRIORITY)
            route = Route(to=ip_network(f"{EVERYWHERE[version]}/0"), type="local", table=TABLE)
            yield _once(
                *(why.TPROXY_ROUTE, said),
                AddRoute(node.name, route_words(route)),
                AddPolicy(node.name, version, policy_words(rule)),
            )


def _once(reason: str, said: set[str], *ops: Op) -> Step:
    """A step whose reason is said the first time."""
    known = reason in said
    said.add(reason)
    return Step("" if known else reason, ops)
