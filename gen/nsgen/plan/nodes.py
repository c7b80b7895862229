"""What is done on the host and in each namespace, in order: their interfaces and routes, files and parameters."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.ops import MARK, AddRoute, Op, SetLink, SetNetem, SetSysctl, WriteFile
from nsgen.plan import why
from nsgen.plan.node import NodeSteps, devices, netem, parents_first
from nsgen.plan.node_nat import ways_out
from nsgen.plan.routes import route_words
from nsgen.plan.steps import Step, asked, device_sysctl, unless_asked
from nsgen.topology.model import Namespace, Topology
from nsgen.topology.needs import FORWARD, LOW_PORTS
from nsgen.values import HOST, IPV6_MTU


def host(topology: Topology) -> Iterator[Step]:
    """The ends of links and other interfaces that the host has."""
    node, steps = topology.host, NodeSteps(topology)
    own = node.ends or node.interfaces or node.cards or node.policies
    if own or steps.given.get(HOST):
        yield from steps.host(node)
    own_mtu = [bridge for bridge in topology.bridges if bridge.ports and bridge.mtu]
    yield Step(why.MTU, tuple(SetLink(HOST, b.name, ("mtu", str(b.mtu))) for b in own_mtu))
    yield Step(why.IMPAIR, tuple(_netem_of_cables(topology)))


def _netem_of_cables(topology: Topology) -> Iterator[SetNetem]:
    for namespace in topology.namespaces:
        for member in namespace.members:
            yield from netem(member.peer, member.impair)


def host_routes(topology: Topology) -> Iterator[Step]:
    """Routes of the host; last, because the kernel forgets those of a device that goes down."""
    host = topology.host
    ops = tuple(AddRoute(HOST, route_words(route)) for route in host.written_routes)
    yield Step(why.ROUTES, ops)
    yield NodeSteps(topology).auto_routes(host)
    yield from ways_out(host)


def reason(topology: Topology) -> str:
    """What the prefixes and default routes inside namespaces are for, where there are any."""
    members = [member for namespace in topology.namespaces for member in namespace.members]
    bare = [m for m in members if not m.addresses and m.bridge.subnets]
    reasons = [why.BARE] if bare else []
    if any(member.addresses for member in members):
        routed = any(member.default_routes for member in members)
        reasons.insert(0, why.INSIDE_ROUTED if routed else why.INSIDE)
    return "\n".join(reasons)


def namespaces(topology: Topology) -> Iterator[Step]:
    """Each namespace; behind those that it has devices from."""
    steps = NodeSteps(topology)
    behind = any(bridge.ports for bridge in topology.bridges)
    for namespace in parents_first(topology.namespaces):
        name = namespace.name
        # lo tells whose the namespace is, should /run/nsgen be lost.
        lo: list[Op] = [SetLink(name, "lo", ("alias", steps.mark, "up"))]
        if behind:
            closed = unless_asked(namespace, _no_routers(namespace))
            yield Step(steps.why(why.BEHIND_PORTS) if closed else "", closed)
        yield from steps.devices(namespace, name, [] if namespace.join else lo)
        yield _files(topology, namespace)
        yield _forwarding(namespace)
        yield _low_ports(namespace)
        yield Step(why.SYSCTL["asked"], tuple(asked(namespace)))


def _no_routers(namespace: Namespace) -> Iterator[SetSysctl]:
    """Nobody behind a port of a network is a router of its members', unless they ask for one."""
    for member in namespace.members:
        if not member.bridge.ports or 0 < member.mtu < IPV6_MTU:
            continue
        if member.plain_ipv4:
            yield device_sysctl(6, member.device, "disable_ipv6", "1", namespace.name)
        elif member.address(6) is not None:
            yield device_sysctl(6, member.device, "accept_ra", "0", namespace.name)


def _files(topology: Topology, namespace: Namespace) -> Step:
    node = namespace.name
    files = (("resolv.conf", namespace.resolv_conf), ("hosts", namespace.hosts))
    return Step(
        why.FILES.format(name=node),
        tuple(
            WriteFile(HOST, f"/etc/netns/{node}/{name}", f"# {MARK.format(topology.name)}\n{text}")
            for name, text in files
            if text
        ),
    )


def _forwarding(namespace: Namespace) -> Step:
    """Said wherever it matters: a new namespace takes the host's value (linux/net/ipv4/devinet.c, devinet_init_net)."""
    value = "1" if namespace.forwarding else "0"
    versions = (4, 6) if namespace.forwarding else (4,)
    ops = (SetSysctl(namespace.name, FORWARD[v], value) for v in versions)
    if namespace.forwarding:
        return Step(why.SYSCTL["forwarding"], tuple(ops))
    several = len(list(devices(namespace))) > 1 and not namespace.join  # who made it knows
    return Step(why.NO_FORWARDING, unless_asked(namespace, ops) if several else ())


def _low_ports(namespace: Namespace) -> Step:
    """For a service of somebody who is not root, unless the author says which ports are root's."""
    others = any(service.user not in (None, "root") for service in namespace.services.values())
    op = SetSysctl(namespace.name, LOW_PORTS, "0")
    return Step(why.LOW_PORTS, unless_asked(namespace, [op]) if others else ())
