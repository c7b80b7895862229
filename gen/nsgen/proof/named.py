"""Which ports and addresses the rules of a machine name: what is worth asking for, where nobody has said so."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nsgen.proof.state import KernelNode

PROTOCOLS = ("tcp", "udp")
TRANSLATING = ("DNAT", "REDIRECT", "TPROXY")
# Of `nft list ruleset`.
NFT_PORTS = re.compile(r"\b(tcp|udp|th) dport (\{[^}]*\}|[\d-]+)")
NFT_TO = re.compile(
    r"\b(?:dnat (?:ip6? )?to (\[[\da-f:.]+\]|[\d.]+|[\da-f:]+)|redirect to)(?: ?:(\d+))?"
)
NFT_DESTINATION = re.compile(r"\bip6? daddr ([\da-f:.]+)(?![\da-f:./])")


@dataclass(frozen=True)
class NamedPort:
    """A rule's match: packets of these protocols to these ports, at an address or at any (empty).

    Of a rule that translates: to which address (empty: the node's own) and which ports (none: the same ones).
    """

    node: str
    protocols: tuple[str, ...]
    ports: tuple[int, ...]
    address: str = ""
    translated: bool = False
    to: str = ""
    to_ports: tuple[int, ...] = ()

    @property
    def answering(self) -> tuple[int, ...]:
        """The ports at which what is translated arrives."""
        return self.to_ports or self.ports


def named_ports(node: KernelNode) -> Iterator[NamedPort]:
    """What the rules of a node name, in their order: iptables by either backend, and nftables."""
    for text in (node.iptables, node.ip6tables, node.legacy):
        for line in text.splitlines():
            if line.startswith("-A "):
                yield from _of_iptables(node.name, shlex.split(line))
    for line in node.nft.splitlines():
        yield from _of_nft(node.name, line)


def _of_iptables(node: str, words: Sequence[str]) -> Iterator[NamedPort]:
    protocol, ports, address = _value(words, "-p"), _value(words, "--dport", "--dports"), ""
    if (destination := _value(words, "-d")) is not None:
        address = _single(destination)
    target = _value(words, "-j") or ""
    translated = target in TRANSLATING
    if not translated and ports is None and not address:
        return
    to, to_ports = "", _value(words, "--to-ports", "--on-port") or ""
    if target == "DNAT":
        to, to_ports = _destination(_value(words, "--to-destination") or "")
    protocols = PROTOCOLS if protocol is None else (protocol,)
    if set(protocols) <= set(PROTOCOLS):
        yield NamedPort(
            node, protocols, _ports(ports or ""), address, translated, to, _ports(to_ports)
        )


def _of_nft(node: str, line: str) -> Iterator[NamedPort]:
    ports, to, destination = (
        NFT_PORTS.search(line),
        NFT_TO.search(line),
        NFT_DESTINATION.search(line),
    )
    address = _single(destination[1]) if destination else ""
    if ports is None and to is None and not address:
        return
    protocols = PROTOCOLS if ports is None or ports[1] == "th" else (ports[1],)
    numbers = _ports(ports[2].strip("{} ")) if ports else ()
    where = (to[1] or "").strip("[]") if to else ""
    yield NamedPort(
        node,
        protocols,
        numbers,
        address,
        to is not None,
        where,
        _ports((to[2] or "") if to else ""),
    )


def _value(words: Sequence[str], *options: str) -> str | None:
    """What stands behind an option that is not negated."""
    for index, word in enumerate(words[:-1]):
        if word in options and words[index - 1] != "!":
            return words[index + 1]
    return None


def _single(text: str) -> str:
    """An address with the prefix of one machine, without that; nothing for a network."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    alone = network.num_addresses == 1
    usual = not (network.is_loopback or network.is_multicast or network.is_link_local)
    return str(network.network_address) if alone and usual else ""


def _destination(text: str) -> tuple[str, str]:
    """`10.0.0.2:80`, `[fd00::2]:80-90` or an address alone: the address, the first of a range, and the ports."""
    if text.startswith("["):
        address, _, ports = text[1:].partition("]")
        return address.partition("-")[0], ports.lstrip(":")
    if text.count(":") > 1:
        return text.partition("-")[0], ""
    address, _, ports = text.partition(":")
    return address.partition("-")[0], ports


def _ports(text: str) -> tuple[int, ...]:
    """The first and the last of each range in `80`, `80:90`, `80-90` or a list of them."""
    found = re.findall(r"\d+", text.partition("/")[0])
    return tuple(dict.fromkeys(int(number) for number in found if 0 < int(number) < 2**16))
