"""Keys of Compose, containerlab, netplan and systemd-networkd: what says the same here, by the record they stand in."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nsgen.language.ranges import ALIKE
from nsgen.report import nearest

_NO_CONTAINER = "a namespace has no image and shares the machine's files: remove it"
_A_SERVICE = "a process is one of 'services': {NAME: {command: [PROGRAM, …]}}"
CONVERTS = "`nsgen import compose` converts a Compose file"
_AN_INTERFACE = "write it under 'interfaces' of a namespace or of 'host', with its 'type'"
_NAMES_ITSELF = "the key above is the name: remove it"
_NO_DHCP = (
    "addresses are written, as 'address': run a DHCP client under 'services' if there has to be one"
)

_ADDRESSES = {
    **dict.fromkeys(
        ("addresses", "ip", "ip_address", "ipv4", "ipv6", "ipv4_address"), "write 'address'"
    ),
    **dict.fromkeys(("ipv6_address", "link_local_ips"), "write 'address', which may be a list"),
    **dict.fromkeys(("mac_address", "macaddress", "hwaddr", "MACAddress"), "write 'mac'"),
    **dict.fromkeys(("dhcp", "dhcp4", "dhcp6", "DHCP"), _NO_DHCP),
}
_ON_A_NODE = {
    **dict.fromkeys(
        ("addresses", "address", "ip"), "an address is of a network, a link or an interface"
    ),
    **dict.fromkeys(
        ("gateway", "gateway4", "gateway6"), "write a route: {to: default, via: ADDRESS}"
    ),
    **dict.fromkeys(("routing-policy", "policies"), "write 'rules'"),
    **dict.fromkeys(("dhcp4", "dhcp6"), _NO_DHCP),
    **dict.fromkeys(("command", "cmd", "entrypoint"), _A_SERVICE),
    "ethernets": "write 'interfaces', a card of the machine with 'type: physical'",
    **dict.fromkeys(
        ("bridges", "bonds", "vlans", "tunnels", "vrfs", "dummy-devices"), _AN_INTERFACE
    ),
}

# By record, then by key.
WORDS: dict[str, dict[str, str]] = {
    "Spec": {
        "version": "a topology has none: remove it",
        "services": "a service of Compose is one of 'namespaces' here, and its process one of 'services' there;"
        f" {CONVERTS}",
        **dict.fromkeys(("defaults", "groups"), ALIKE),
        "topology": "'namespaces' and 'links' stand at the top: remove this level",
        **dict.fromkeys(("nodes", "containers", "hosts"), "write 'namespaces'"),
        **dict.fromkeys(("bridges", "switches"), "a bridge on the host is one of 'networks'"),
        **dict.fromkeys(("volumes", "configs", "secrets", "kinds", "mgmt"), _NO_CONTAINER),
        **dict.fromkeys(("ethernets", "bonds", "vlans", "tunnels", "vrfs"), _AN_INTERFACE),
        **dict.fromkeys(
            ("routes", "rules", "nat", "sysctls", "interfaces"),
            "it is a key of a namespace, or of 'host'",
        ),
        "renderer": "the script sets everything by itself: remove it",
    },
    "Network": {
        "internal": "a network is internal unless it says 'internet: true'",
        "ipam": "write 'subnet' and 'gateway'",
        "external": "a network is made by the script: to plug into a bridge that is there, use 'links'",
        "enable_ipv6": "add an IPv6 subnet to 'subnet'",
        "enable_ipv4": "leave the IPv4 subnet out of 'subnet'",
        "ip_range": "write 'address' of each namespace under its 'networks'",
        "name": _NAMES_ITSELF,
        "members": "write the network under 'networks' of each namespace",
        "forward": "write 'internet: true'",
        **dict.fromkeys(
            ("driver", "driver_opts", "attachable", "labels"), "a network is a bridge: remove it"
        ),
        **dict.fromkeys(
            ("addresses", "address", "ip", "cidr"),
            "write 'subnet', and 'gateway' for the host's address",
        ),
        **dict.fromkeys(
            ("dhcp", "dhcp4", "dhcp6"), "members get their addresses from 'subnet': remove it"
        ),
        **dict.fromkeys(("macaddress", "mac_address"), "write 'mac'"),
    },
    "WrittenNamespace": {
        **_ON_A_NODE,
        "ports": "write 'publish'",
        "expose": "members of a network reach every port: remove it, or write 'publish' for the host's",
        "container_name": _NAMES_ITSELF,
        "hostname": "a namespace has the machine's name: remove it",
        "kind": "every node is a namespace: remove it, and run what it needs under 'services'",
        "endpoints": "a cable is one of 'links', at the top",
        "links": "'links' stand at the top, and names come from 'hosts: true'",
        "extra_hosts": "write 'hosts'",
        **dict.fromkeys(("domainname", "external_links"), "write the names in 'hosts'"),
        **dict.fromkeys(("scale", "replicas"), "write NAME[1-3] as the key, for three of them"),
        "profiles": "write a file of its own, which has this one under 'include'",
        "internal": "it is of a network, which is internal unless that says 'internet: true'",
        **dict.fromkeys(
            ("dns_search", "nameservers"), "write it in 'dns': {nameservers, search, options}"
        ),
        "dns_opt": "write 'options' in 'dns'",
        **dict.fromkeys(
            ("environment", "env", "env_file"), "write 'environment' of one of its 'services'"
        ),
        "working_dir": "write 'directory' of one of its 'services'",
        "user": "write 'user' of one of its 'services'",
        "restart": "write 'restart' of one of its 'services'",
        "healthcheck": "write 'ready' of one of its 'services'",
        "network_mode": "write 'networks'",
        "extends": ALIKE,
        "depends_on": "everything comes up in the order of the file; write 'after' of one of its 'services'",
        "mac_address": "write 'mac' of the network, under 'networks'",
        "ip_forward": "write 'forwarding'",
        **dict.fromkeys(
            ("deploy", "labels", "logging", "init", "privileged"),
            "a namespace is no container: remove it",
        ),
        **dict.fromkeys(
            ("image", "build", "volumes", "binds", "devices", "tmpfs", "cap_add"), _NO_CONTAINER
        ),
    },
    "Host": {
        **_ON_A_NODE,
        "publish": "a namespace publishes: write it there",
        "networks": "the host has the gateway of each of 'networks', at the top",
    },
    "Attachment": {
        **_ADDRESSES,
        **dict.fromkeys(
            ("dhcp", "dhcp4", "dhcp6", "DHCP"),
            "write 'address: false', and run a DHCP client under 'services'",
        ),
        "aliases": "names come from 'hosts: true' of the namespace that asks",
        "interface_name": "write 'interface'",
        **dict.fromkeys(("gateway", "gw_priority", "priority"), "write 'default_route'"),
    },
    "WrittenLink": {
        **dict.fromkeys(
            ("ends", "nodes", "interfaces"), "write 'endpoints', a list of two NODE:DEVICE"
        ),
        **dict.fromkeys(
            ("addresses", "address"),
            "write each end's address in 'endpoints': {NODE:DEVICE: ADDRESS, …}, or a 'subnet'",
        ),
        **dict.fromkeys(("type", "vars", "labels"), "a link is a veth pair: remove it"),
        **dict.fromkeys(("delay", "loss", "rate", "jitter"), "write it in 'impair'"),
    },
    "End": _ADDRESSES,
    "WrittenInterface": {
        **_ADDRESSES,
        "kind": "write 'type'",
        **dict.fromkeys(("interfaces", "slaves", "members"), "write 'ports'"),
        **dict.fromkeys(("master", "bridge"), "write the device in 'ports' of its master"),
        **dict.fromkeys(("gateway4", "gateway6", "routes"), "write 'routes' of the node"),
        **dict.fromkeys(("nameservers", "dns"), "write 'dns' of the namespace"),
        **dict.fromkeys(
            ("accept-ra", "accept_ra"),
            "write it in 'sysctls' of the node, net.ipv6.conf.DEVICE.accept_ra",
        ),
        **dict.fromkeys(
            ("set-name", "match", "optional", "renderer"),
            "the key above is the device's name: remove it",
        ),
        **dict.fromkeys(("parent", "device"), "write 'link'"),
        **dict.fromkeys(("delay", "loss", "rate", "jitter"), "write it in 'impair'"),
        **dict.fromkeys(("enabled", "state"), "write 'up'"),
    },
    "Route": {
        "on-link": "write 'onlink'",
        "gateway": "write 'via'",
        **dict.fromkeys(("destination", "dst", "subnet"), "write 'to'"),
        **dict.fromkeys(("from", "source"), "write 'src'"),
        **dict.fromkeys(("interface", "device"), "write 'dev'"),
    },
    "Policy": {
        **dict.fromkeys(("fwmark", "firewall-mark"), "write 'mark'"),
        "pref": "write 'priority'",
        "lookup": "write 'table'",
    },
    "Publish": {
        "host_port": "write 'published'",
        **dict.fromkeys(("container_port", "port"), "write 'target'"),
        "mode": "write 'reach' for whom it is",
        "host": "write 'host_ip'",
    },
    "Service": {
        **dict.fromkeys(("working_dir", "workdir", "cwd"), "write 'directory'"),
        **dict.fromkeys(("env", "env_file"), "write 'environment'"),
        **dict.fromkeys(("cmd", "entrypoint", "exec", "ExecStart"), "write 'command', a list"),
        **dict.fromkeys(("image", "build", "volumes"), _NO_CONTAINER),
        **dict.fromkeys(("ports", "networks"), "it is a key of the namespace"),
        **dict.fromkeys(("depends_on", "requires", "wants", "After"), "write 'after'"),
        **dict.fromkeys(("healthcheck", "health", "readiness"), "write 'ready'"),
        "Restart": "write 'restart'",
    },
}
# What turns the sense of a word around, ahead of it.
NEGATIONS = (
    "no_",
    "no-",
    "not_",
    "non_",
    "without_",
    "disable_",
    "disable-",
    "no",
    "un",
    "dis",
    "non",
)


def hint(record: type, key: str, known: Iterable[str], switches: Collection[str]) -> str:
    """What an unknown key of a record means in this language, behind its name in a message."""
    if key.startswith("x-"):
        return f": {ALIKE}"
    names = list(known)
    meant = next(filter(None, (WORDS.get(c.__name__, {}).get(key) for c in record.__mro__)), "")
    turned = next((name for name in names if any(key == f"{no}{name}" for no in NEGATIONS)), "")
    if meant:
        return f": {meant}"
    if turned:
        return f": write '{turned}: false'" if turned in switches else f": leave out {turned!r}"
    return nearest(key, names) or f"; known here: {', '.join(names)}"
