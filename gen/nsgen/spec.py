"""The topology as its author wrote it: the schema of the language, and nothing of networking.

What only several records together can get wrong is the business of :mod:`nsgen.check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from nsgen import values
from nsgen.endpoint import Endpoint, endpoint
from nsgen.links import InterfaceKind
from nsgen.links.impair import Impair
from nsgen.links.kind import Interface
from nsgen.links.veth import Link, Links
from nsgen.report import Path, Report
from nsgen.routing import Nat, Policy, Route
from nsgen.scalars import (
    ADDRESS,
    BOOLEAN,
    DEVICE,
    FREE_TEXT,
    INTERFACE_ADDRESS,
    LINE,
    MAC,
    MTU,
    NAMESPACE_KEY,
    NODE,
    PORTS,
    ROUTE_DEVICE,
    SERVICE,
    STRING,
    SUBNET,
    SYSCTL,
    SYSCTL_VALUE,
    TOPOLOGY_NAME,
    WORD,
)
from nsgen.schema import (
    INVALID,
    ByShape,
    Choice,
    Json,
    ListOf,
    MapOf,
    Mapped,
    Record,
    Scalar,
    key,
)
from nsgen.values import IPAddress, IPInterface, IPNetwork, Ports

Audience = Literal["outside", "host", "loopback", "network", "self"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
Protocol = Literal["tcp", "udp", "sctp"]
BridgeNetfilter = Literal["host", "bridge", "off"]
Via = Literal["dnat", "proxy"]
Routing = Literal["auto"]


INCLUDE = ListOf(Scalar(str, STRING), lone=True)


def _gateway(text: str) -> IPAddress | Literal[False]:
    return False if text == "false" else values.address(text)


@dataclass(frozen=True)
class Network:
    """A network: a Linux bridge on the host, named by its key."""

    subnet: tuple[IPNetwork, ...] = key(
        ListOf(SUBNET, lone=True),
        "The subnet in CIDR notation, or a list of them; none: a switch without addressing.",
        default=(),
    )
    gateway: tuple[IPAddress | Literal[False], ...] | None = key(
        ListOf(Scalar(_gateway, {"type": ["string", "boolean"]}), lone=True),
        "The host's own address, one for each subnet; false: the host has none here."
        " Default: the first address of each subnet.",
        default=None,
    )
    internet: bool = key(
        BOOLEAN,
        "Members get a default route through the gateway, masquerading, and forwarding.",
        default=False,
    )
    masquerade: bool | None = key(
        BOOLEAN,
        "Rewrite the source address of what leaves; false with internet: true is a routed"
        " network. Default: the value of internet.",
        default=None,
    )
    isolate: bool = key(
        BOOLEAN, "Members cannot reach each other, on IPv4 and IPv6.", default=False
    )
    bridge_netfilter: BridgeNetfilter = key(
        Choice(get_args(BridgeNetfilter)),
        "How members reach a port published by a sibling: host loads br_netfilter and sets its"
        " sysctls; bridge switches it on for this bridge only; off masquerades instead.",
        default="host",
    )
    mtu: int | None = key(MTU, "The MTU in bytes. Default: the kernel's.", default=None)
    mac: str | None = key(
        MAC, "The bridge's MAC address. Default: derived from names.", default=None
    )
    stp: bool = key(BOOLEAN, "Speak the spanning tree protocol.", default=False)


@dataclass(frozen=True)
class Attachment:
    """A namespace's place on a network: a veth pair from the namespace to the bridge."""

    address: tuple[IPAddress | IPInterface, ...] = key(
        ListOf(INTERFACE_ADDRESS, lone=True),
        "Its address, or a list of them; the prefix comes from the network's subnet."
        " Default: the next free one.",
        default=(),
    )
    interface: str | None = key(
        DEVICE, "The device inside the namespace. Default: veth-NAMESPACE.", default=None
    )
    peer: str | None = key(
        DEVICE, "The device on the host. Default: veth-NAMESPACE-br.", default=None
    )
    mac: str | None = key(
        MAC, "The MAC address inside. Default: the kernel's choice.", default=None
    )
    mtu: int | None = key(MTU, "The MTU of both ends. Default: the network's.", default=None)
    impair: Impair | None = key(
        Record(Impair), "What happens to packets on its cable, both ways.", default=None
    )
    default_route: bool | None = key(
        BOOLEAN,
        "Whether the default route goes this way. Default: on the first network with internet.",
        default=None,
    )


@dataclass(frozen=True)
class Publish:
    """A port of a namespace that the host answers on."""

    published: Ports = key(PORTS, "The host's port, or a range such as 8000-8010.")
    target: Ports = key(PORTS, "The namespace's port, or a range of the same length.")
    host_ip: IPAddress | None = key(
        ADDRESS, "The host's address that answers. Default: all of them.", default=None
    )
    protocol: Protocol = key(Choice(get_args(Protocol)), "The protocol.", default="tcp")
    network: str | None = key(
        DEVICE,
        "The network whose address is published. Default: the first one that has a gateway.",
        default=None,
    )
    reach: tuple[Audience, ...] = key(
        ListOf(Choice(AUDIENCES), lone=True),
        "Who can use it: other machines (outside), the host by its addresses (host) or by"
        " 127.0.0.1 (loopback), other namespaces (network), this namespace (self).",
        default=AUDIENCES,
    )
    via: Via = key(
        Choice(get_args(Via)),
        "dnat: rules alone; proxy: a process on the host relays what does not come from outside.",
        default="dnat",
    )


@dataclass(frozen=True)
class Dns:
    """/etc/netns/NAME/resolv.conf, which `ip netns exec` shows as /etc/resolv.conf."""

    nameservers: tuple[IPAddress, ...] = key(
        ListOf(ADDRESS, lone=True), "Addresses of name servers, resolv.conf(5).", default=()
    )
    search: tuple[str, ...] = key(
        ListOf(WORD, lone=True), "Domains to try a short name in.", default=()
    )
    options: tuple[str, ...] = key(
        ListOf(LINE, lone=True), "Options such as ndots:1, resolv.conf(5).", default=()
    )


@dataclass(frozen=True)
class Service:
    """A process that `up` starts in the node and `down` stops."""

    command: tuple[str, ...] = key(ListOf(FREE_TEXT), "The program and its arguments; no shell.")
    directory: str | None = key(FREE_TEXT, "Where it runs. Default: /.", default=None)
    environment: Mapping[str, str] = key(
        MapOf(Scalar(values.variable, {"pattern": f"^{values.VARIABLE.pattern}$"}), FREE_TEXT),
        "Environment variables.",
        default_factory=dict,
    )
    user: str | None = key(
        WORD, "Who runs it; in a namespace it may listen on any port. Default: root.", default=None
    )


@dataclass(frozen=True)
class Exec:
    """Commands of the author's own, run in the node after everything else is there."""

    up: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that up runs; no shell.", default=())
    down: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that undoes it.", default=())


_ROUTES: Any = {
    "kind": ListOf(Record(Route), each=True),
    "doc": "Static routes of this node.",
    "default": (),
}
_INTERFACES: Any = {
    "kind": MapOf(ROUTE_DEVICE, InterfaceKind()),
    "doc": "Network interfaces of this node besides those of networks and links.",
    "default_factory": dict,
}
_RULES: Any = {
    "kind": ListOf(Record(Policy), each=True),
    "doc": "Policy routing: which packets are routed by which table.",
    "default": (),
}
_NAT: Any = {
    "kind": ListOf(Record(Nat), each=True),
    "doc": "Addresses that this node rewrites on what it passes on.",
    "default": (),
}
_SYSCTLS: Any = {
    "kind": MapOf(SYSCTL, SYSCTL_VALUE),
    "doc": "Kernel parameters, set in this node.",
    "default_factory": dict,
}
_SERVICES: Any = {
    "kind": MapOf(SERVICE, Record(Service)),
    "doc": "Processes that up starts in this node and down stops.",
    "default_factory": dict,
}
_EXEC: Any = {
    "kind": ListOf(Record(Exec), each=True),
    "doc": "The escape hatch: commands run in this node after everything else.",
    "default": (),
}
_FORWARDING: Any = {
    "kind": BOOLEAN,
    "doc": "This node routes between its interfaces, IPv4 and IPv6.",
    "default": False,
}


def short_publish(text: str) -> Publish:
    """Read Compose's short form, ``[HOST_IP:]PORT[-PORT]:PORT[-PORT][/tcp|udp|sctp]``."""
    ports, slash, protocol = text.partition("/")
    if slash and protocol not in get_args(Protocol):
        raise ValueError(f"expected tcp, udp or sctp after '/', got {protocol!r}")
    parts = ports.rsplit(":", 2)
    if len(parts) < 2:
        raise ValueError(f"expected HOST_PORT:PORT such as '8080:80', got {text!r}")
    host_ip = parts[0] if len(parts) == 3 else None
    if host_ip is not None and ":" in host_ip:
        if not (host_ip.startswith("[") and host_ip.endswith("]")):
            raise ValueError(
                f"an IPv6 address needs brackets here, such as '[::1]:8080:80', got {text!r}"
            )
        host_ip = host_ip[1:-1]
    return Publish(
        published=values.ports(parts[-2]),
        target=values.ports(parts[-1]),
        host_ip=None if host_ip is None else values.address(host_ip),
        protocol=cast("Protocol", protocol or "tcp"),
    )


_ADDRESSES = Mapped(
    ListOf(INTERFACE_ADDRESS, lone=True), lambda addresses: Attachment(address=addresses)
)
_ATTACHMENT = ByShape(text=_ADDRESSES, items=_ADDRESSES, record=Record(Attachment, nothing=True))


@dataclass(frozen=True)
class Host:
    """The machine itself: the node that exists already."""

    interfaces: Mapping[str, Interface] = key(**_INTERFACES)
    routes: tuple[Route, ...] = key(**_ROUTES)
    rules: tuple[Policy, ...] = key(**_RULES)
    nat: tuple[Nat, ...] = key(**_NAT)
    sysctls: Mapping[str, str] = key(**_SYSCTLS)
    services: Mapping[str, Service] = key(**_SERVICES)
    exec: tuple[Exec, ...] = key(**_EXEC)
    forwarding: bool = key(**_FORWARDING)
    modules: tuple[str, ...] = key(
        ListOf(WORD), "Kernel modules to load, and to load again at boot.", default=()
    )


@dataclass(frozen=True)
class Namespace:
    """A network namespace: like a machine of its own, with its own interfaces and routes."""

    networks: tuple[str, ...] | Mapping[str, Attachment] = key(
        ByShape(items=ListOf(DEVICE), record=MapOf(DEVICE, _ATTACHMENT)),
        "The networks it is on: a list, or a map from network to address or attachment.",
        default=(),
    )
    publish: tuple[Publish, ...] = key(
        ListOf(ByShape(text=Scalar(short_publish, STRING), record=Record(Publish)), each=True),
        "Ports of this namespace that the host answers on: [HOST_IP:]PORT:PORT[/PROTOCOL].",
        default=(),
    )
    interfaces: Mapping[str, Interface] = key(**_INTERFACES)
    routes: tuple[Route, ...] = key(**_ROUTES)
    rules: tuple[Policy, ...] = key(**_RULES)
    nat: tuple[Nat, ...] = key(**_NAT)
    sysctls: Mapping[str, str] = key(**_SYSCTLS)
    dns: Dns | None = key(
        Record(Dns),
        "What /etc/resolv.conf says inside: nameservers, search, options.",
        default=None,
    )
    hosts: bool | Mapping[str, tuple[IPAddress, ...]] = key(
        ByShape(text=BOOLEAN, record=MapOf(WORD, ListOf(ADDRESS, lone=True))),
        "What /etc/hosts says inside: true for every namespace, or a map from name to address.",
        default=False,
    )
    services: Mapping[str, Service] = key(**_SERVICES)
    exec: tuple[Exec, ...] = key(**_EXEC)
    forwarding: bool = key(**_FORWARDING)

    def attachments(self) -> Iterator[tuple[str | int, str, Attachment]]:
        """Each network it is on: the path's last step, the network's name, the attachment."""
        if isinstance(self.networks, Mapping):
            yield from ((name, name, attachment) for name, attachment in self.networks.items())
        else:
            yield from ((index, name, Attachment()) for index, name in enumerate(self.networks))


@dataclass(frozen=True)
class Expect:
    """What the author claims beyond what follows from the topology: who reaches whom, or does not."""

    from_: str = key(
        NODE,
        "Who asks: a namespace, host, outside (another machine) or internet (one behind it).",
        name="from",
    )
    to: Endpoint = key(
        Scalar(endpoint, STRING),
        "Who is asked: one of these or an address, which is a ping, or one with :PORT[/tcp|udp].",
    )
    by: str | None = key(
        NODE,
        "Who answers on the port. Default: the node in to, or anybody if it is host or an address.",
        default=None,
    )
    reach: bool = key(BOOLEAN, "Whether there is an answer.", default=True)


@dataclass(frozen=True)
class Spec:
    """A topology of network namespaces, as nsgen reads it."""

    name: str = key(TOPOLOGY_NAME, "The topology's name: of its files, chains and state.")
    include: tuple[str, ...] = key(
        INCLUDE, "Other topologies that are part of this one: a file, or a list.", default=()
    )
    networks: Mapping[str, Network] = key(
        MapOf(DEVICE, Record(Network, nothing=True)),
        "Networks: each a Linux bridge on the host, under its interface's name.",
        default_factory=dict,
    )
    namespaces: Mapping[str, Namespace] = key(
        MapOf(NAMESPACE_KEY, Record(Namespace, nothing=True, stand_ins={})),
        "Network namespaces by name; NAME[1-100] stands for that many.",
        default_factory=dict,
    )
    host: Host = key(
        Record(Host, nothing=True, stand_ins={}),
        "The machine itself.",
        default=Host(),
    )
    links: tuple[tuple[int, Link], ...] = key(
        Links(),
        "Cables between any two nodes; NAME[1-9] in one counts up.",
        default=(),
    )
    routing: Routing | None = key(
        Choice(get_args(Routing)),
        "auto: routes by which every node reaches every subnet by the fewest hops, through nodes"
        " with forwarding: true, besides those that are written.",
        default=None,
    )
    expect: tuple[Expect, ...] = key(
        ListOf(Record(Expect), each=True),
        "Who reaches whom beyond what follows from the rest; `nsgen verify` tries it.",
        default=(),
    )


TOPOLOGY = Record(Spec, stand_ins={"name": ""})


def read(data: object, report: Report) -> Spec | None:
    """Type plain data; None where not even the outline of a topology could be read."""
    path: Path = ()
    found = TOPOLOGY.read(data, path, report)
    return None if found is INVALID else cast("Spec", found)


def json_schema() -> Json:
    """The language as JSON Schema (draft 7, which every editor knows), for editors."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "nsgen topology",
        "definitions": {"variable": {"type": "string", "pattern": r"\$\{"}},
        **TOPOLOGY.json(),
    }
