"""Who is to ask whom where nobody has claimed anything: everybody, everywhere, by the states of machines alone."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nsgen.proof.named import NamedPort, named_ports
from nsgen.proof.observed import AROUND, Observed, Question
from nsgen.proof.state import KernelNode, State
from nsgen.values import HOST

FREE = range(
    45001, 45100
)  # a port of everybody's, at which nobody else listens and which no rule names
MANY = 8  # namespaces, beyond which not every pair is asked
MOST_NAMED = 16  # ports that rules name and do not translate
LOOPBACK = ("127.0.0.1", "::1")
SAMPLED = (
    "Of so many namespaces each asks the next one on its network, and one of each network asks everybody;"
    " --all has every one ask every other."
)
Service = tuple[str, str, int]  # the node, the protocol and the port


@dataclass(frozen=True)
class AskedMachine:
    """As much of a machine as questions are made of: :class:`Observed` before anybody was asked."""

    state: State
    around: Mapping[str, Sequence[str]]
    transit: Sequence[str]

    @classmethod
    def of(cls, seen: Observed) -> AskedMachine:
        """Take one over."""
        return cls(seen.state, seen.around, seen.transit)


@dataclass(frozen=True)
class Survey:
    """What is asked, and who has to listen for it where nobody does: the node, the port and the protocol."""

    questions: tuple[Question, ...]
    listeners: tuple[tuple[str, int, str], ...]
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The survey as JSON has it."""
        return {"questions": self.questions, "listeners": self.listeners, "notes": self.notes}


def survey(views: Sequence[AskedMachine], *, every: bool = False) -> Survey:
    """What is to be asked on some machines, so that all of them are asked the same; `every`: of every pair."""
    return _Asking(views, every=every).survey()


class _Asking:
    """The questions on some machines."""

    def __init__(self, views: Sequence[AskedMachine], *, every: bool) -> None:
        self.views = views
        self.every = every
        every_node = dict.fromkeys(name for view in views for name in view.state.nodes)
        self.nodes = [name for name in every_node if not set(name) & set(" \t")]
        self.skipped = [name for name in every_node if name not in self.nodes]
        self.around = {
            node: list(dict.fromkeys(a for view in views for a in view.around.get(node, ())))
            for node in AROUND
        }
        self.transit = list(dict.fromkeys(a for view in views for a in view.transit))

    def survey(self) -> Survey:
        questions = list(dict.fromkeys(self._questions()))
        notes = [SAMPLED] if self.sampled else []
        notes += [f"not asked, because of its name: namespace {name!r}" for name in self.skipped]
        served = sorted({port for _, protocol, port in self.services if protocol == "udp"})
        if served:
            shown = ", ".join(map(str, served))
            notes.append(
                f"not asked, because a service that may not answer has it: UDP port {shown}"
            )
        if len(self._mentioned) > MOST_NAMED:
            text = f"of {len(self._mentioned)} ports that rules name, {MOST_NAMED} were asked"
            notes.append(text)
        return Survey(tuple(questions), tuple(dict.fromkeys(self._listeners())), tuple(notes))

    # -- what the machines have -----------------------------------------------------------------

    def _all(self, name: str) -> Iterator[KernelNode]:
        return (view.state.nodes[name] for view in self.views if name in view.state.nodes)

    @cached_property
    def addresses(self) -> dict[str, list[str]]:
        """The addresses of each node by which others can ask it."""
        found = {
            name: [a.local for node in self._all(name) for a in node.addresses]
            for name in self.nodes
        }
        return {name: list(dict.fromkeys(filter(_asked, every))) for name, every in found.items()}

    @cached_property
    def owners(self) -> dict[str, list[str]]:
        """Who has an address."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, every in (*self.addresses.items(), *self.around.items()):
            for address in every:
                found[address].append(name)
        return found

    @cached_property
    def named(self) -> list[NamedPort]:
        """What the rules of all name."""
        found = (n for name in self.nodes for node in self._all(name) for n in named_ports(node))
        return list(dict.fromkeys(found))

    @cached_property
    def translated(self) -> list[NamedPort]:
        """The rules that translate."""
        return [one for one in self.named if one.translated]

    @cached_property
    def _mentioned(self) -> list[tuple[str, int]]:
        """Protocols and ports of other rules."""
        others = [one for one in self.named if not one.translated]
        found = dict.fromkeys(
            (p, port) for one in others for p in one.protocols for port in one.ports
        )
        known = {
            (p, port) for one in self.translated for p in one.protocols for port in one.answering
        }
        return [one for one in found if one not in known]

    @cached_property
    def services(self) -> list[Service]:
        """What processes listen for."""
        found = dict.fromkeys(s for view in self.views for s in _services(view.state))
        return [service for service in found if service[0] in self.nodes]

    @cached_property
    def free(self) -> int:
        """A port of everybody's."""
        taken = {port for _, _, port in self.services}
        taken |= {port for one in self.named for port in (*one.ports, *one.to_ports)}
        return next(port for port in FREE if port not in taken)

    # -- who asks -------------------------------------------------------------------------------

    @property
    def sampled(self) -> bool:
        """Whether not every pair is asked."""
        return not self.every and len(self.nodes) - 1 > MANY

    @cached_property
    def groups(self) -> list[list[str]]:
        """Namespaces by the networks that they are on."""
        found: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in self.nodes:
            if name != HOST:
                found[tuple(sorted(self._networks(name)))].append(name)
        return list(found.values())

    def _networks(self, name: str) -> set[str]:
        return {
            str(ipaddress.ip_network(address.text, strict=False))
            for node in self._all(name)
            for address in node.addresses
            if _asked(address.local)
        }

    def _targets(self, asker: str) -> Iterator[tuple[str, str]]:
        """Whom a node asks, by which address."""
        if asker in AROUND:
            for name in self.nodes:
                yield from ((name, address) for address in self.addresses[name])
            yield from self._nobodys()
            if asker == "outside~":
                yield from (("internet~", address) for address in self.transit)
            return
        yield from ((asker, address) for address in LOOPBACK)
        for name in self._asked_by(asker):
            yield from ((name, address) for address in self.addresses[name])
        for name, every in self.around.items():
            yield from ((name, address) for address in every)
        if asker in self._whole:
            yield from self._nobodys()

    def _nobodys(self) -> Iterator[tuple[str, str]]:
        named = dict.fromkeys(one.address for one in self.named if one.address)
        yield from (("", address) for address in named if address not in self.owners)

    @cached_property
    def _whole(self) -> set[str]:
        """Who asks everybody."""
        if not self.sampled:
            return set(self.nodes)
        return {HOST, *(group[0] for group in self.groups)}

    def _asked_by(self, asker: str) -> list[str]:
        if asker in self._whole:
            return self.nodes
        group = next(group for group in self.groups if asker in group)
        return [asker, group[(group.index(asker) + 1) % len(group)]]

    # -- what is asked --------------------------------------------------------------------------

    def _questions(self) -> Iterator[Question]:
        for asker in (*self.nodes, *AROUND):
            for target, address in self._targets(asker):
                for protocol, port in self._ports(target, address):
                    yield Question(asker, address, port, protocol)

    def _ports(self, target: str, address: str) -> Iterator[tuple[str, int]]:
        yield from (("ping", 0), ("tcp", self.free), ("udp", self.free))
        asked = [*self._mentioned[:MOST_NAMED]]
        asked += [("tcp", port) for node, p, port in self.services if node == target and p == "tcp"]
        for one in self.translated:
            at = one.node == target or target in AROUND or one.address == address
            ports = [*(one.ports if at else ()), *(one.answering if one.to == address else ())]
            asked += [
                (p, port) for p in one.protocols for port in ports if not self._served(one, p, port)
            ]
        served = {(p, port) for node, p, port in self.services if node == target and p == "udp"}
        yield from (one for one in asked if one not in served)

    def _served(self, one: NamedPort, protocol: str, port: int) -> bool:
        """Whether what is translated arrives where a service of UDP may or may not answer."""
        owners = self.owners.get(one.to, []) if one.to else [one.node]
        there = (port, *one.answering)
        return protocol == "udp" and any(
            (o, "udp", p) in self.services for o in owners for p in there
        )

    # -- who listens ----------------------------------------------------------------------------

    def _listeners(self) -> Iterator[tuple[str, int, str]]:
        everybody = (*self.nodes, *AROUND)
        for node in everybody:
            yield from ((node, self.free, protocol) for protocol in ("tcp", "udp"))
        translated = {
            (o.node, port, p) for o in self.translated for port in o.ports for p in o.protocols
        }
        for one in self.translated:
            owners = self.owners.get(one.to, []) if one.to else [one.node]
            for protocol in one.protocols:
                yield from ((o, port, protocol) for o in owners for port in one.answering)
                yield from ((o, port, protocol) for o in AROUND for port in one.ports)
        yield from (
            (node, port, "tcp") for node, protocol, port in self.services if protocol == "tcp"
        )
        for protocol, port in self._mentioned[:MOST_NAMED]:
            every = ((node, port, protocol) for node in everybody)
            yield from (one for one in every if one not in translated)


def _asked(address: str) -> bool:
    """Whether an address is one that another node can ask."""
    found = ipaddress.ip_address(address)
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)


def _services(state: State) -> Iterator[Service]:
    for process in state.processes:
        for text in process.listens:
            protocol, _, place = text.partition(" ")
            yield process.node, protocol, int(place.rpartition(":")[2])


def as_questions(asked: Iterable[Sequence[Any]]) -> list[Question]:
    """Questions as JSON has them."""
    return [Question(*one) for one in asked]
