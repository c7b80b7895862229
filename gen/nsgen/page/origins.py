"""Which key of the topology asks for an operation, where that is known; what nsgen does by itself has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nsgen.language.spec import Spec, WrittenNode
from nsgen.ops import (
    AddAddress,
    AddBridge,
    AddLink,
    AddNamespace,
    AddPolicy,
    AddRoute,
    AddVeth,
    AwaitService,
    Chain,
    ForgetUdp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetLink,
    SetSysctl,
    StartService,
    WriteFile,
)
from nsgen.plan.routes import policy_words, route_words
from nsgen.proof.asked import Asked
from nsgen.report import Path
from nsgen.topology import needs
from nsgen.topology.model import Node, Publication, Topology
from nsgen.topology.needs import BRIDGE_NF, FORWARD, LOW_PORTS, sysctl_path
from nsgen.topology.wires import cables
from nsgen.values import HOST, expand

# Files of a namespace, each with the key that says what is in it.
FILES = {"resolv.conf": "dns", "hosts": "hosts"}


class Origins:
    """What each operation of a topology's plan comes from."""

    def __init__(self, topology: Topology, spec: Spec, asked: Asked) -> None:
        """Note where each device is written; `asked` knows of published ports."""
        self.topology = topology
        self._spec = spec
        self._asked = asked
        self._nodes = {node.name: node for node in topology.nodes}
        self._keys = {name: key for key in spec.namespaces for name in expand(key)}
        self._devices = dict(self._written_devices())
        self._peers = {m.peer: m for ns in topology.namespaces for m in ns.members}

    def device(self, node: str, name: str) -> Path:
        """The key that a device is written under."""
        return self._devices.get((node, name), ())

    def node(self, name: str) -> Path:
        """The key of a node."""
        if name == HOST:
            return ("host",)
        return ("namespaces", self._keys[name]) if name in self._keys else ()

    def of(self, op: Op) -> Path:  # noqa: C901, PLR0912 (an arm for each kind of operation)
        """The key that asks for an operation; of rules, each of which has its own, nothing."""
        if isinstance(op, Chain | Jump | KeepAdvertisements):
            return ()
        if isinstance(op, AddNamespace | JoinNamespace):
            return self.node(op.name)
        if isinstance(op, SetLink):
            return self._setting(op)
        if isinstance(op, AddAddress):
            return self._address(op)
        if isinstance(op, AddRoute):
            return self._route(op)
        if isinstance(op, AddPolicy):
            return self._policy(op)
        if isinstance(op, SetSysctl):
            return self._parameter(op)
        if isinstance(op, LoadModule):
            return self._module(op)
        if isinstance(op, StartService | AwaitService):
            return self._service(op)
        if isinstance(op, RunCommand):
            execs = self._nodes[op.node].execs
            index = next((i for i, e in enumerate(execs) if (e.up, e.down) == (op.up, op.down)), -1)
            return (*self.node(op.node), "exec", index) if index >= 0 else ()
        if isinstance(op, WriteFile):
            return self._file(op)
        if isinstance(op, ForgetUdp):
            return self._flows(op)
        if isinstance(op, AddLink):
            return self.device(op.into or op.node, op.name)
        if isinstance(op, AddVeth | AddBridge):
            return self.device(op.node, op.name)
        name = getattr(op, "device", "") or getattr(op, "port", "") or getattr(op, "name", "")
        return self.device(op.node, name)

    # -- devices --------------------------------------------------------------------------------

    def _written_devices(self) -> Iterator[tuple[tuple[str, str], Path]]:
        for bridge in self.topology.bridges:
            yield (HOST, bridge.name), ("networks", bridge.name)
        for card in self.topology.host.cards:
            yield (HOST, card.name), self._card(card.name, card.master)
        for node in self.topology.nodes:
            at = self.node(node.name)
            for interface in node.interfaces:
                yield (node.name, interface.name), (*at, "interfaces", interface.long_name)
        for index, link in self._spec.links:
            for cable in cables(link):
                for end in (cable.first, cable.second):
                    yield (end.node, end.name), ("links", index)
        for namespace in self.topology.namespaces:
            key = self._keys[namespace.name]
            steps = {name: step for step, name, _ in self._spec.namespaces[key].attachments()}
            for m in namespace.members:
                at = ("namespaces", key, "networks", steps[m.bridge.name])
                yield (namespace.name, m.device), at
                yield (HOST, m.peer), at

    def _card(self, name: str, master: str) -> Path:
        if master in self._spec.networks:
            return ("networks", master, "ports", name)
        return ("host", "interfaces", master)

    def _setting(self, op: SetLink) -> Path:
        member = self._peers.get(op.device) if op.node == HOST else None
        if member is not None and "hairpin" in op.settings:
            found = (p for p in self.topology.publications if p.member.peer == member.peer)
            return self._first(found)
        if member is not None and "isolated" in op.settings:
            return ("networks", member.bridge.name, "isolate")
        return self.node(op.node) if op.device == "lo" else self.device(op.node, op.device)

    def _address(self, op: AddAddress) -> Path:
        network = self._spec.networks.get(op.device) if op.node == HOST else None
        if network is None:
            return self.device(op.node, op.device)
        return ("networks", op.device, "subnet" if network.gateway is None else "gateway")

    # -- routes ---------------------------------------------------------------------------------

    def _route(self, op: AddRoute) -> Path:
        node, at = self._nodes[op.node], self.node(op.node)
        for index, route in enumerate(self._written(op.node).routes):
            if route_words(route) == op.route:
                return (*at, "routes", index)
        for uplink in node.uplinks:
            main = replace(uplink.route, table=None)  # of the first one
            if op.route in (route_words(uplink.route), route_words(main)):
                return (*at, "uplinks", uplink.device)
        member = next((m for m in node.members if m.device in op.route), None)
        if op.route[0] == "default" and member is not None and member.bridge.internet:
            return ("networks", member.bridge.name, "internet")
        return ("routing",) if node.auto else ()

    def _written(self, node: str) -> WrittenNode:
        return self._spec.host if node == HOST else self._spec.namespaces[self._keys[node]]

    def _policy(self, op: AddPolicy) -> Path:
        node, at = self._nodes[op.node], self.node(op.node)
        for index, policy in enumerate(node.policies):
            if policy_words(policy) == op.words:
                return (*at, "rules", index)
        for uplink in node.uplinks:
            if op.words in map(policy_words, uplink.policies):
                return (*at, "uplinks", uplink.device)
        return ()

    # -- the kernel -----------------------------------------------------------------------------

    def _parameter(self, op: SetSysctl) -> Path:
        node, at = self._nodes[op.node], self.node(op.node)
        if op.key in node.sysctls:
            return (*at, "sysctls", op.key)
        if op.key in FORWARD.values():
            if node.forwarding:
                return (*at, "forwarding")
            return self._asked.forwarded_at() if op.node == HOST else ()
        if op.key in BRIDGE_NF.values():
            return self._first(filter(needs.crosses, self.topology.publications))
        if op.key == LOW_PORTS:
            return (*at, "services")
        return self._of_device(node, op.key)

    def _of_device(self, node: Node, key: str) -> Path:
        """The parameter of one device of a node."""
        _, _, *steps = sysctl_path(key).split("/")
        if len(steps) != 3 or steps[0] not in ("conf", "neigh"):
            return ()
        device = steps[1]
        if node.name == HOST and steps[2] == "route_localnet":
            ports = (p for p in self.topology.publications if p.bridge.name == device)
            return self._first(filter(needs.uses_route_localnet, ports))
        return self.device(node.name, device)

    def _module(self, op: LoadModule) -> Path:
        if op.name in self._spec.host.modules:
            return ("host", "modules", self._spec.host.modules.index(op.name))
        return self._first(filter(needs.crosses, self.topology.publications))

    # -- processes and files --------------------------------------------------------------------

    def _service(self, op: StartService | AwaitService) -> Path:
        if op.name in self._nodes[op.node].services:
            return (*self.node(op.node), "services", op.name)
        kind, _, number = op.name.rpartition("-")
        for published in filter(needs.proxied, self.topology.publications):
            ports = published.published
            if kind == f"proxy-{published.protocol}{published.version}" and (
                ports.first <= int(number) <= ports.last
            ):
                return self._asked.published_at(published)
        return ()

    def _file(self, op: WriteFile) -> Path:
        *folder, name, file = op.path.split("/")
        if folder == ["", "etc", "netns"] and file in FILES:
            return (*self.node(name), FILES[file])
        unit = name.removesuffix(".d")
        for key, namespace in self._spec.namespaces.items():
            if op.boot and unit in namespace.units:
                return ("namespaces", key, "units")
        return ()

    def _flows(self, op: ForgetUdp) -> Path:
        found = (p for p in self.topology.publications if p.published == op.ports)
        return self._first(found) if op.node == HOST else ()

    def _first(self, published: Iterator[Publication]) -> Path:
        """Where the first of some published ports is written."""
        found = next(published, None)
        return () if found is None else self._asked.published_at(found)
