"""A topology on its way: what is written so far, of which state, and the account of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any, NamedTuple

from nsgen.capturing.account import Account
from nsgen.capturing.elements import EMPTY, Element, new_addresses, new_links, of_address, of_link
from nsgen.check.view import reserved
from nsgen.proof.state import KernelAddress, KernelLink, KernelNode, State
from nsgen.values import HOST

OWN = re.compile(r"nsgen:([a-z][a-z0-9-]{0,14})(?::.*)?")


class Tip(NamedTuple):
    """One end of a cable: a device of a node."""

    node: str
    link: KernelLink

    def __str__(self) -> str:
        """As an end of a link is written."""
        return f"{self.node}:{self.link.name}"


@dataclass
class Draft:
    """What the stages of a capture add to: parts of the topology, in the order and by the names of the source."""

    name: str
    state: State
    baseline: State
    account: Account
    uplink: str = ""  # of the host, by its default route
    networks: dict[str, Any] = field(default_factory=dict)
    namespaces: dict[str, Any] = field(default_factory=dict)
    links: list[Any] = field(default_factory=list)
    host: dict[str, Any] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)  # bridges of the host that are no networks
    apart: set[str] = field(
        default_factory=set
    )  # networks that isolate their members, as rules say
    ours: bool = False  # a script of nsgen's made it

    @property
    def nodes(self) -> list[KernelNode]:
        """The host and the namespaces."""
        return [node for node in self.state.nodes.values() if node.name != EMPTY]

    def before(self, node: str) -> KernelNode | None:
        """What a node is compared with."""
        return self.baseline.nodes.get(HOST if node == HOST else EMPTY)

    def new_links(self, node: str) -> list[KernelLink]:
        """The devices of a node that were not there."""
        return new_links(self.state.nodes[node], self.before(node))

    def addresses(self, node: str, device: str) -> list[KernelAddress]:
        """The addresses of a device that were not there and that the language can say."""
        found = new_addresses(self.state.nodes[node], self.before(node))
        return [one for one in found if one.device == device and written(one) and not refused(one)]

    def at(self, node: str) -> dict[str, Any]:
        """Where what a node has is written."""
        return self.host if node == HOST else self.namespaces[node]

    def own(self, link: KernelLink) -> str:
        """The topology of nsgen's that a device is of, or nothing."""
        found = OWN.fullmatch(link.alias)
        return found[1] if found else ""

    def execute(self, node: str, element: Element, up: list[str], down: list[str]) -> None:
        """Have a command make an element, and another one undo it."""
        entry: dict[str, Any] = {"up": up, **({"down": down} if down else {})}
        entries = self.at(node).setdefault("exec", [])
        if entry not in entries:
            entries.append(entry)
        self.account.run(element, up)

    def say_link(self, node: str, link: KernelLink, *attributes: str, where: str = "") -> None:
        """Note that the topology has a device, and these of its attributes."""
        self.account.say(of_link(node, link), where)
        for attribute in attributes:
            self.account.say(of_link(node, link, attribute), where)

    def say_address(self, node: str, address: KernelAddress, where: str = "") -> None:
        """Note that the topology has an address."""
        self.account.say(of_address(node, address), where)


def written(address: KernelAddress) -> bool:
    """Whether somebody gave a device this address, and for good."""
    return not address.expires and not link_local(address)


def refused(address: KernelAddress) -> bool:
    """Whether it is none for a device, such as the network's own; the kernel does not mind."""
    found = ip_interface(address.text)
    return not address.peer and bool(reserved(found.ip, found.network))


def link_local(address: KernelAddress) -> bool:
    """Whether the kernel may have made it, of the MAC address."""
    return address.version == 6 and address.scope == "link"


def subnet_of(address: KernelAddress) -> str:
    """The subnet that an address is in."""
    return str(ip_interface(address.text).network)


def one_or_list(values: list[str]) -> Any:
    """A lone value as itself."""
    return values[0] if len(values) == 1 else values
