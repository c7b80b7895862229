"""The topology as its author wrote it: the schema of the language, and nothing of networking.

What only several records together can get wrong is the business of :mod:`nsgen.check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from nsgen.language import described
from nsgen.language.described import Json
from nsgen.language.endpoint import Endpoint, endpoint
from nsgen.language.join import JOIN
from nsgen.language.kinds import InterfaceKind
from nsgen.language.kinds.kind import WrittenInterface
from nsgen.language.kinds.link import Links, WrittenLink
from nsgen.language.marks import UPLINK, Marking, WrittenUplink
from nsgen.language.networks import ATTACHMENT, PUBLISH, Attachment, Network, Publish
from nsgen.language.policy import Policy
from nsgen.language.processes import SERVICE_UNIT, Dns, Exec, Service
from nsgen.language.routing import Nat, Route
from nsgen.language.scalars import (
    ADDRESS,
    BOOLEAN,
    DEVICE,
    NAMESPACE_KEY,
    NODE,
    ROUTE_DEVICE,
    SERVICE,
    STRING,
    SYSCTL,
    SYSCTL_VALUE,
    TOPOLOGY_NAME,
    WORD,
)
from nsgen.language.schema import (
    INVALID,
    Choice,
    ListOf,
    MapOf,
    Record,
    Scalar,
    key,
)
from nsgen.language.shapes import ByShape
from nsgen.report import Path, Report
from nsgen.values import HOST, IPAddress

Routing = Literal["auto"]


INCLUDE = ListOf(Scalar(str, STRING), lone=True)


def _as_printed(found: Mapping[str, str], path: Path, report: Report) -> Mapping[str, str]:
    """Kernel parameters with their values as the kernel prints them."""
    if not found:
        return found
    from nsgen.language.parameters import as_printed  # few topologies need it

    return dict(as_printed(found, path, report))


# The keys that the host and a namespace have in common. Not in a record that both are: the keys of a namespace would
# come in another order then, in the JSON Schema and in messages.
_INTERFACES: Mapping[str, WrittenInterface] = key(
    MapOf(ROUTE_DEVICE, InterfaceKind()),
    "Network interfaces of this node besides those of networks and links.",
    default_factory=dict,
)
_ROUTES: tuple[Route, ...] = key(
    ListOf(Record(Route), each=True), "Static routes of this node.", default=()
)
_RULES: tuple[Policy, ...] = key(
    ListOf(Record(Policy), each=True),
    "Policy routing: which packets are routed by which table.",
    default=(),
)
_NAT: tuple[Nat, ...] = key(
    ListOf(Record(Nat), each=True),
    "Addresses that this node rewrites on what it passes on.",
    default=(),
)
_MARKS: tuple[Marking, ...] = key(
    ListOf(Record(Marking), each=True),
    "Firewall marks that packets or connections get here, for 'rules' to tell them apart.",
    default=(),
)
_UPLINKS: Mapping[str, WrittenUplink] = key(
    MapOf(ROUTE_DEVICE, UPLINK),
    "Several ways out, each a device with its router: an answer leaves by the one that the"
    " question came by.",
    default_factory=dict,
)
_SYSCTLS: Mapping[str, str] = key(
    MapOf(SYSCTL, SYSCTL_VALUE, then=_as_printed),
    "Kernel parameters, set in this node.",
    default_factory=dict,
)
_SERVICES: Mapping[str, Service] = key(
    MapOf(SERVICE, Record(Service)),
    "Processes that up starts in this node and down stops.",
    default_factory=dict,
)
_EXEC: tuple[Exec, ...] = key(
    ListOf(Record(Exec), each=True),
    "The escape hatch: commands run in this node after everything else.",
    default=(),
)
_FORWARDING: bool = key(
    BOOLEAN, "This node routes between its interfaces, IPv4 and IPv6.", default=False
)


@dataclass(frozen=True)
class Host:
    """The machine itself: the node that exists already."""

    interfaces: Mapping[str, WrittenInterface] = _INTERFACES
    routes: tuple[Route, ...] = _ROUTES
    rules: tuple[Policy, ...] = _RULES
    nat: tuple[Nat, ...] = _NAT
    marks: tuple[Marking, ...] = _MARKS
    uplinks: Mapping[str, WrittenUplink] = _UPLINKS
    sysctls: Mapping[str, str] = _SYSCTLS
    services: Mapping[str, Service] = _SERVICES
    exec: tuple[Exec, ...] = _EXEC
    forwarding: bool = _FORWARDING
    modules: tuple[str, ...] = key(
        ListOf(WORD), "Kernel modules to load, and to load again at boot.", default=()
    )


@dataclass(frozen=True)
class WrittenNamespace:
    """A network namespace: like a machine of its own, with its own interfaces and routes."""

    networks: tuple[str, ...] | Mapping[str, Attachment] = key(
        ByShape[tuple[str, ...] | Mapping[str, Attachment]](
            items=ListOf(DEVICE), record=MapOf(DEVICE, ATTACHMENT)
        ),
        "The networks it is on: a list, or a map from network to address or attachment.",
        default=(),
    )
    publish: tuple[Publish, ...] = key(
        ListOf(PUBLISH, each=True),
        "Ports of this namespace that the host answers on: [HOST_IP:]PORT:PORT[/PROTOCOL].",
        default=(),
    )
    interfaces: Mapping[str, WrittenInterface] = _INTERFACES
    routes: tuple[Route, ...] = _ROUTES
    rules: tuple[Policy, ...] = _RULES
    nat: tuple[Nat, ...] = _NAT
    marks: tuple[Marking, ...] = _MARKS
    uplinks: Mapping[str, WrittenUplink] = _UPLINKS
    sysctls: Mapping[str, str] = _SYSCTLS
    dns: Dns | None = key(
        Record(Dns),
        "What /etc/resolv.conf says inside: nameservers, search, options.",
        default=None,
    )
    hosts: bool | Mapping[str, tuple[IPAddress, ...]] = key(
        ByShape[bool | Mapping[str, tuple[IPAddress, ...]]](
            text=BOOLEAN, record=MapOf(WORD, ListOf(ADDRESS, lone=True))
        ),
        "What /etc/hosts says inside: true for every namespace, or a map from name to address.",
        default=False,
    )
    services: Mapping[str, Service] = _SERVICES
    exec: tuple[Exec, ...] = _EXEC
    forwarding: bool = _FORWARDING
    units: tuple[str, ...] = key(
        ListOf(SERVICE_UNIT, lone=True),
        "Service units of systemd that run in this namespace: install writes a drop-in for each.",
        default=(),
    )
    join: str | None = key(
        JOIN,
        "A namespace that somebody else made, and that down leaves as it was: its file, such as"
        " /run/netns/web, or the number of a process in it. Default: the script makes one.",
        default=None,
    )

    def attachments(self) -> Iterator[tuple[str | int, str, Attachment]]:
        """Each network it is on: the path's last step, the network's name, the attachment."""
        if isinstance(self.networks, Mapping):
            yield from ((name, name, attachment) for name, attachment in self.networks.items())
        else:
            yield from ((index, name, Attachment()) for index, name in enumerate(self.networks))


WrittenNode = Host | WrittenNamespace

ENDPOINT: Scalar[Endpoint] = Scalar(
    endpoint,
    described.name(
        "endpoint",
        f"({described.IP}|({described.WITH_PORT}|{described.NODE})(:[0-9]{{1,5}}(/(tcp|udp))?)?)",
        "a node or an address, alone or with :PORT[/tcp|udp]",
    ),
)


@dataclass(frozen=True)
class Expect:
    """What the author claims beyond what follows from the topology: who reaches whom, or does not."""

    from_: str = key(
        NODE,
        "Who asks: a namespace, host, outside (another machine) or internet (one behind it).",
        name="from",
    )
    to: Endpoint = key(
        ENDPOINT,
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
    namespaces: Mapping[str, WrittenNamespace] = key(
        MapOf(NAMESPACE_KEY, Record(WrittenNamespace, nothing=True, stand_ins={})),
        "Network namespaces by name; NAME[1-100] stands for that many.",
        default_factory=dict,
    )
    host: Host = key(
        Record(Host, nothing=True, stand_ins={}),
        "The machine itself.",
        default=Host(),
    )
    links: tuple[tuple[int, WrittenLink], ...] = key(
        Links(),
        "Cables between any two nodes; NAME[1-9] in one counts up.",
        default=(),
    )
    routing: Routing | None = key(
        Choice[Routing](get_args(Routing)),
        "auto: routes by which every node reaches every subnet by the fewest hops, through nodes"
        " with forwarding: true, besides those that are written.",
        default=None,
    )
    expect: tuple[Expect, ...] = key(
        ListOf(Record(Expect), each=True),
        "Who reaches whom beyond what follows from the rest; `nsgen verify` tries it.",
        default=(),
    )

    def nodes(self) -> Iterator[tuple[str, Path, WrittenNode]]:
        """The host, and the namespaces of each key: the key, the path, what is written there."""
        yield HOST, ("host",), self.host
        for name, namespace in self.namespaces.items():
            yield name, ("namespaces", name), namespace


TITLE = "nsgen topology"
TOPOLOGY = Record(Spec, stand_ins={"name": ""})


def read(data: object, report: Report) -> Spec | None:
    """Type plain data; None where not even the outline of a topology could be read."""
    path: Path = ()
    found = TOPOLOGY.read(data, path, report)
    return None if found is INVALID else found


def json_schema() -> Json:
    """The language as JSON Schema (draft 7, which every editor knows), for editors."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return described.shared({**head, **TOPOLOGY.json(), "title": TITLE})
