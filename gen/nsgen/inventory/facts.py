"""What was resolved and dealt, node by node, taken from the operations that build it: so nothing is left out.

The records are those of the JSON of `nsgen inspect`; :mod:`nsgen.inventory.schema` describes it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from nsgen.ops import (
    AddAddress,
    AddBridge,
    AddLink,
    AddNamespace,
    AddNeighbour,
    AddPolicy,
    AddRoute,
    AddTap,
    AddVeth,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetLink,
    SetNetem,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
    ip_family,
)
from nsgen.plan.steps import Plan
from nsgen.topology.model import Node, Publication, Topology
from nsgen.topology.networks import Bridge
from nsgen.values import HOST, IPAddress, assert_never

# Nodes and modules are told by themselves; who reaches whom by rules, `nsgen check --reach` and `verify` tell.
NOT_TOLD = (
    AddNamespace
    | JoinNamespace
    | LoadModule
    | Chain
    | Jump
    | ForgetUdp
    | KeepAdvertisements
    | BridgeOp
    | WireguardOp
)
NETNS_FILES = "/etc/netns/"  # ip-netns(8): what each namespace has for itself


@dataclass(frozen=True)
class CableEnd:
    """The other end of a cable."""

    node: str
    device: str


@dataclass
class DeviceFacts:
    """A network device: what kind it is, and what it has.

    `on` is the device that it is made on, `master` the one that it is a port of, `network` the network that it leads
    to; `mtu` is 0 where the kernel chooses.
    """

    name: str
    kind: str
    mac: str = ""
    mtu: int = 0
    network: str = ""
    peer: CableEnd | None = None
    on: str = ""
    master: str = ""
    addresses: list[str] = field(default_factory=list)
    neighbours: list[str] = field(default_factory=list)
    impair: str = ""


@dataclass
class ServiceFacts:
    """A process that `up` starts."""

    name: str
    command: list[str]
    directory: str
    environment: dict[str, str]
    user: str
    after: list[str] = field(default_factory=list)
    restart: str = ""
    ready: list[str] = field(default_factory=list)


@dataclass
class NodeFacts:
    """A node, and all that is in it."""

    name: str
    devices: dict[str, DeviceFacts] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    services: list[ServiceFacts] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PortFacts:
    """A published port, of one IP version: who of `reach` asks the host is answered by `node`."""

    node: str
    address: str
    published: str
    target: str
    protocol: str
    host_ip: str
    reach: list[str]
    via: str


@dataclass(frozen=True)
class NetworkFacts:
    """A network: a bridge of the host."""

    name: str
    subnets: list[str]
    gateways: list[str]
    internet: bool
    masquerade: bool
    isolate: bool
    published_ports: str
    members: list[str]


@dataclass
class Facts:
    """All of a topology."""

    topology: str
    nodes: dict[str, NodeFacts]
    networks: list[NetworkFacts]
    published: list[PortFacts]
    modules: list[str]

    @property
    def namespaces(self) -> list[NodeFacts]:
        """The nodes but the host."""
        return [place for place in self.nodes.values() if place.name != HOST]


def facts(plan: Plan) -> Facts:
    """Everything that a plan builds, by node, in the order in which it is built."""
    topology = plan.topology
    found = Facts(
        topology.name,
        {node.name: NodeFacts(node.name) for node in topology.nodes},
        [_network(topology, bridge) for bridge in topology.bridges],
        [_port(publication) for publication in topology.publications],
        [op.name for op in plan.of(LoadModule)],
    )
    for op in plan.ops:
        _take(found.nodes, op)
    for node in topology.nodes:
        _name_networks(found.nodes, node)
    return found


def _network(topology: Topology, bridge: Bridge) -> NetworkFacts:
    return NetworkFacts(
        bridge.name,
        [str(subnet.network) for subnet in bridge.subnets],
        [str(subnet.gateway) for subnet in bridge.subnets if subnet.gateway is not None],
        bridge.internet,
        not all(map(bridge.keeps_sources, bridge.versions())),
        bridge.isolate,
        "own" if bridge.own_ports else "all",
        [member.namespace for member in topology.members(bridge)],
    )


def _port(publication: Publication) -> PortFacts:
    host_ip = publication.host_ip
    return PortFacts(
        publication.member.namespace,
        str(publication.address),
        str(publication.published),
        str(publication.target),
        publication.protocol,
        "" if host_ip is None else str(host_ip),
        list(publication.reach),
        publication.via,
    )


def _take(nodes: Mapping[str, NodeFacts], op: Op) -> None:  # noqa: C901, PLR0912 (an arm for each kind)
    place = nodes[op.node]
    if isinstance(op, AddBridge):
        place.devices[op.name] = DeviceFacts(op.name, "bridge", op.mac, op.mtu)
    elif isinstance(op, AddVeth):
        there = nodes[op.peer_into or op.node]
        mtu = op.mtu if op.peer_mtu is None else op.peer_mtu
        first, second = CableEnd(there.name, op.peer), CableEnd(op.node, op.name)
        place.devices[op.name] = DeviceFacts(op.name, "veth", op.mac, op.mtu, peer=first)
        there.devices[op.peer] = DeviceFacts(op.peer, "veth", op.peer_mac, mtu, peer=second)
    elif isinstance(op, AddLink):
        there = nodes[op.into or op.node]
        there.devices[op.name] = DeviceFacts(op.name, op.kind, op.mac, op.mtu, on=op.below)
    elif isinstance(op, AddTap):
        place.devices[op.name] = DeviceFacts(op.name, "tap")
    elif isinstance(op, TakeDevice):
        place.devices[op.device] = DeviceFacts(op.device, "physical")
    elif isinstance(op, SetLink):
        _set(place, op)
    elif isinstance(op, AddAddress):
        text = f"{op.address} peer {op.peer}" if op.peer else op.address
        _device(place, op.device).addresses.append(text)
    elif isinstance(op, AddNeighbour):
        _device(place, op.device).neighbours.append(f"{op.address} {op.mac}".strip())
    elif isinstance(op, SetNetem):
        _device(place, op.device).impair = " ".join(op.words)
    elif isinstance(op, AddRoute):
        place.routes.append(" ".join(op.route))
    elif isinstance(op, AddPolicy):
        place.rules.append(" ".join((*ip_family(op.version), *op.words)))
    elif isinstance(op, SetSysctl):
        place.parameters[op.key] = op.value
    elif isinstance(op, StartService):
        environment = dict(text.split("=", 1) for text in op.environment)
        service = ServiceFacts(op.name, list(op.command), op.directory, environment, op.user)
        service.after, service.restart = list(op.after), op.restart
        place.services.append(service)
    elif isinstance(op, AwaitService):
        service = next(service for service in place.services if service.name == op.name)
        service.ready = list(op.command) if op.command else [f"{op.port}/{op.protocol}"]
    elif isinstance(op, RunCommand):
        place.commands += [list(op.up)] if op.up else []
    elif isinstance(op, WriteFile):
        owner = op.path.removeprefix(NETNS_FILES).partition("/")[0]
        where = nodes.get(owner) if op.path.startswith(NETNS_FILES) else None
        (where or place).files.append(op.path)
    elif not isinstance(op, NOT_TOLD):
        assert_never(op)


def _device(place: NodeFacts, name: str) -> DeviceFacts:
    """A device; one that is there by itself, as `lo` is, when it is first named."""
    return place.devices.setdefault(
        name, DeviceFacts(name, "loopback" if name == "lo" else "physical")
    )


def _set(place: NodeFacts, op: SetLink) -> None:
    device = _device(place, op.device)
    device.master = op.master or device.master
    device.mac = op.mac or device.mac
    device.mtu = op.mtu or device.mtu


def _name_networks(nodes: Mapping[str, NodeFacts], node: Node) -> None:
    for member in node.members:
        nodes[node.name].devices[member.device].network = member.bridge.name


def addresses(place: NodeFacts) -> list[tuple[str, IPAddress]]:
    """The addresses of a node by which others can mean it, each with its device: not those of this node alone."""
    found = [
        (device.name, ipaddress.ip_interface(text.partition(" ")[0]).ip)
        for device in place.devices.values()
        for text in device.addresses
    ]
    return [(name, ip) for name, ip in found if not (ip.is_loopback or ip.is_link_local)]


def chosen(found: Facts, node: str) -> Facts:
    """The same, of one node alone."""
    return Facts(
        found.topology,
        {node: found.nodes[node]},
        [net for net in found.networks if node in (HOST, *net.members)],
        [port for port in found.published if node in (HOST, port.node)],
        found.modules if node == HOST else [],
    )
