"""What a topology needs of the host: forwarding, br_netfilter, a proxy, `route_localnet`, hairpin mode."""

from __future__ import annotations

from nsgen.topology import Publication, Topology

FORWARD = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"  # of IPv6, too
BRIDGE_NF = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}


def uses_route_localnet(published: Publication) -> bool:
    """Whether packets from 127.0.0.1 are to leave by its bridge, which takes `route_localnet`."""
    return published.version == 4 and published.via == "dnat" and "loopback" in published.reach


def translates_to_itself(published: Publication) -> bool:
    """Whether a packet of the namespace is translated to the namespace itself."""
    return published.via == "dnat" and "self" in published.reach


def forwards(topology: Topology, version: int) -> bool:
    """Whether the host has to route for its namespaces."""
    internet = any(b.internet and b.gateway(version) is not None for b in topology.bridges)
    return internet or any(
        p.version == version and {"outside", "network", "self"} & set(p.reach)
        for p in topology.publications
        if p.via == "dnat" or "outside" in p.reach
    )


def proxied(published: Publication) -> bool:
    """Whether a proxy has anybody to serve: all but other machines, whose packets are translated."""
    return published.via == "proxy" and bool({"loopback", "network", "self"} & set(published.reach))


def crosses(published: Publication) -> bool:
    """Whether its use by a sibling depends on iptables seeing what crosses the bridge."""
    on = published.bridge.netfilter != "off"
    return on and published.via == "dnat" and "network" in published.reach


def bridged(topology: Topology) -> bool:
    """Whether br_netfilter is needed."""
    return any(crosses(published) for published in topology.publications)


def filters_all_bridges(topology: Topology, version: int) -> bool:
    """Whether iptables is to see what crosses any bridge of the host, `bridge_netfilter: host`."""
    return any(
        p.version == version and p.bridge.netfilter == "host" and crosses(p)
        for p in topology.publications
    )
