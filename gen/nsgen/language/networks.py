"""Networks, a namespace's place on them, and published ports, as their author wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from nsgen import values
from nsgen.language import described
from nsgen.language.kinds.impair import Impair
from nsgen.language.neighbours import LINK_LOCAL, NEIGHBOURS, PROXY_NEIGHBOURS
from nsgen.language.routing import Protocol
from nsgen.language.scalars import (
    ADDRESS,
    BOOLEAN,
    DEVICE,
    INTERFACE_ADDRESS,
    MAC,
    MTU,
    PORTS,
    SOURCE,
    SUBNET,
)
from nsgen.language.schema import Choice, Kind, ListOf, Record, Scalar, key
from nsgen.language.shapes import ByShape, Late, Mapped
from nsgen.values import IPAddress, IPInterface, IPNetwork, Ports

if TYPE_CHECKING:
    from nsgen.language.kinds.bridge import BridgePort

Audience = Literal["outside", "host", "loopback", "network", "self"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
BridgeNetfilter = Literal["host", "bridge", "off"]
PublishedPorts = Literal["all", "own"]
Via = Literal["dnat", "proxy"]


def _gateway(text: str) -> IPAddress | Literal[False]:
    return False if text == "false" else values.address(text)


GATEWAY: Scalar[IPAddress | Literal[False]] = Scalar(
    _gateway, {"title": "gateway", "anyOf": [{"const": False}, ADDRESS.json()]}
)


def _ports() -> Kind[Mapping[str, BridgePort]]:
    from nsgen.language.kinds.bridge import PORTS  # few networks have any

    return PORTS


@dataclass(frozen=True)
class Masquerade:
    """What leaves a network gets the host's address as its source, but for some destinations."""

    except_: tuple[IPNetwork, ...] = key(
        ListOf(SOURCE, lone=True),
        "Where members are seen by their own addresses: a subnet or an address, or a list.",
        name="except",
    )


@dataclass(frozen=True)
class Network:
    """A network: a Linux bridge on the host, named by its key."""

    subnet: tuple[IPNetwork, ...] = key(
        ListOf(SUBNET, lone=True),
        "The subnet in CIDR notation, or a list of them; none: a switch without addressing.",
        default=(),
    )
    gateway: tuple[IPAddress | Literal[False], ...] | None = key(
        ListOf(GATEWAY, lone=True),
        "The host's own address, one for each subnet; false: the host has none here."
        " Default: the first address of each subnet.",
        default=None,
    )
    internet: bool = key(
        BOOLEAN,
        "Members get a default route through the gateway, masquerading, and forwarding.",
        default=False,
    )
    masquerade: bool | Masquerade | None = key(
        ByShape[bool | Masquerade](text=BOOLEAN, record=Record(Masquerade)),
        "Rewrite the source address of what leaves, but for where 'except' says; false with"
        " internet: true is a routed network. Default: the value of internet.",
        default=None,
    )
    isolate: bool = key(
        BOOLEAN, "Members cannot reach each other, on IPv4 and IPv6.", default=False
    )
    published_ports: PublishedPorts = key(
        Choice[PublishedPorts](get_args(PublishedPorts)),
        "Which published ports answer members: all, or own, those published on this network.",
        default="all",
    )
    bridge_netfilter: BridgeNetfilter = key(
        Choice[BridgeNetfilter](get_args(BridgeNetfilter)),
        "How members reach a port published by a sibling: host loads br_netfilter and sets its"
        " sysctls; bridge switches it on for this bridge only; off masquerades instead.",
        default="host",
    )
    mtu: int | None = key(MTU, "The MTU in bytes. Default: the kernel's.", default=None)
    mac: str | None = key(
        MAC, "The bridge's MAC address. Default: derived from names.", default=None
    )
    stp: bool = key(BOOLEAN, "Speak the spanning tree protocol.", default=False)
    ports: Mapping[str, BridgePort] = key(
        Late(_ports),
        "Devices of the host that are ports of the bridge, besides those of the members: a list, or a map"
        " from device to settings.",
        default_factory=dict,
    )
    routing: Literal["off"] | None = key(
        Choice[Literal["off"]](("off",)),
        "off: the routes that 'routing: auto' works out neither lead here nor go this way.",
        default=None,
    )


Addresses = tuple[IPAddress | IPInterface, ...]
NOT_AN_ADDRESS = {
    "none": "write 'false' for no address",
    "dhcp": "write 'false' for no address, and run a DHCP client under 'services'",
}


def _address(text: str) -> Addresses | None:
    """One address, or false: none."""
    if text in NOT_AN_ADDRESS:
        raise ValueError(f"{text!r} is no address: {NOT_AN_ADDRESS[text]}")
    return () if text == "false" else (values.interface_address(text),)


def _listed(found: Addresses) -> Addresses | None:
    """A list of addresses; where none is listed, they are dealt."""
    return found or None


_ONE: Scalar[Addresses | None] = Scalar(
    _address, {"title": "address-or-none", "anyOf": [{"const": False}, INTERFACE_ADDRESS.json()]}
)
_SEVERAL = ListOf(INTERFACE_ADDRESS)


@dataclass(frozen=True)
class Attachment:
    """A namespace's place on a network: a veth pair from the namespace to the bridge."""

    address: Addresses | None = key(
        ByShape(text=_ONE, items=Mapped(_SEVERAL, _listed)),
        "Its address, or a list of them; the prefix comes from the network's subnet. false: it has none"
        " here. Default: the next free one.",
        default=None,
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
    peer_mtu: int | None = key(
        MTU, "The MTU of the end on the host, where it is another one.", default=None
    )
    impair: Impair | None = key(
        Record(Impair), "What happens to packets on its cable, both ways.", default=None
    )
    default_route: bool | None = key(
        BOOLEAN,
        "Whether the default route goes this way. Default: on the first network with internet.",
        default=None,
    )
    neighbours: Mapping[str, str] = NEIGHBOURS
    proxy_neighbours: tuple[IPAddress, ...] = PROXY_NEIGHBOURS
    link_local: bool = LINK_LOCAL


def _short(text: str) -> Attachment:
    """An attachment as its address; false might mean that it is not on the network."""
    if text == "false":
        instead = "write 'address: false' for a place without an address"
        raise ValueError(f"expected an address, got 'false': {instead}, or remove the network")
    return Attachment(address=(values.interface_address(text),))


ATTACHMENT = ByShape(
    text=Scalar(_short, INTERFACE_ADDRESS.schema),
    items=Mapped(_SEVERAL, lambda found: Attachment(address=_listed(found))),
    record=Record(Attachment, nothing=True),
)


@dataclass(frozen=True)
class Publish:
    """A port of a namespace that the host answers on."""

    published: Ports = key(PORTS, "The host's port, or a range such as 8000-8010.")
    target: Ports = key(PORTS, "The namespace's port, or a range of the same length.")
    host_ip: IPAddress | None = key(
        ADDRESS, "The host's address that answers. Default: all of them.", default=None
    )
    protocol: Protocol = key(Choice[Protocol](get_args(Protocol)), "The protocol.", default="tcp")
    network: str | None = key(
        DEVICE,
        "The network whose address is published. Default: that of the default route, or the first with a gateway.",
        default=None,
    )
    reach: tuple[Audience, ...] = key(
        ListOf(Choice(AUDIENCES), lone=True),
        "Who can use it: other machines (outside), the host by its addresses (host) or by"
        " 127.0.0.1 (loopback), other namespaces (network), this namespace (self).",
        default=AUDIENCES,
    )
    via: Via = key(
        Choice[Via](get_args(Via)),
        "dnat: rules alone; proxy: a process on the host relays what does not come from outside.",
        default="dnat",
    )


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


SHORT_PUBLISH = described.text(
    "published",
    f"({described.WITH_PORT}:)?{described.PORTS}:{described.PORTS}(/(tcp|udp|sctp))?",
    "[HOST_IP:]PORT[-PORT]:PORT[-PORT][/tcp|udp|sctp] such as 8080:80, the host's port first",
)
PUBLISH = ByShape(text=Scalar(short_publish, SHORT_PUBLISH), record=Record(Publish))
