"""What the inner half of a rehearsal is told of a topology and its surroundings, as JSON has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from nsgen.proof.claims.all import Listener
from nsgen.proof.claims.claim import Claim
from nsgen.proof.claims.scene import Scene
from nsgen.topology.model import Topology


def programs(topology: Topology) -> list[str]:
    """The programs of services: what is to run on the real machine need not be installed on this one."""
    names = [name for _, _, *needed in waits(topology) for name in needed]
    return list(dict.fromkeys(name for name in names if "/" not in name))


def waits(topology: Topology) -> list[list[str]]:
    """Every service, by its node and its name, with the programs that it takes to run and to be ready."""
    return [
        [node.name, name, one.command[0], *(one.ready.command[:1] if one.ready else ())]
        for node in topology.nodes
        for name, one in node.services.items()
    ]


def awaited(topology: Topology) -> list[tuple[str, int, str]]:
    """The targets of published ports in namespaces that run services: it is these that are to answer."""
    serving = {namespace.name for namespace in topology.namespaces if namespace.services}
    return [
        (p.member.namespace, p.target.first, p.protocol)
        for p in topology.publications
        if p.member.namespace in serving
    ]


def joined(topology: Topology) -> dict[str, str]:
    """The namespaces that somebody else made, with what they are joined by."""
    return {n.name: n.join for n in topology.namespaces if n.join}


def scene_of(scene: Scene, topology: Topology) -> dict[str, Any]:
    """The surroundings as JSON has them, for :class:`nsgen.proof.lab.machine.Machine`."""
    subnets = [(s, b) for b in topology.bridges for s in b.subnets]
    return {
        "host": scene.host,
        "uplink": scene.uplink,
        "cards": scene.cards,
        "host_addresses": [str(a) for a in scene.host_addresses],
        "routers": [str(a) for a in scene.routers],
        "remote": [str(a) for a in scene.remote],
        "beyond": [
            {name: str(value) for name, value in one._asdict().items()}
            | {"subnet": str(one.subnet), "length": str(one.subnet.prefixlen)}
            for one in scene.beyond
        ],
        "sides": {
            str(version): {
                "lan": side.lan.prefixlen,
                "beyond": side.beyond.prefixlen,
                "router": str(side.router),
                "host": str(side.host),
                "outside": str(side.outside),
                "gate": str(side.beyond[1]),
                "internet": str(side.internet),
                "second": str(side.beyond[11]),
                "guests": [str(guest) for guest in side.guests],
            }
            for version, side in scene.sides.items()
        },
        "subnets": {
            str(v): [str(s.network) for s, _ in subnets if s.version == v] for v in scene.sides
        },
        "known": {
            str(v): [
                str(s.network)
                for s, b in subnets
                if s.version == v and b.internet and (not b.masquerade or topology.kept_from(b, v))
            ]
            for v in scene.sides
        },
    }


def questions(claims: Sequence[Claim]) -> dict[str, Any]:
    """What a job says of the claims that are tried."""
    return {
        "questions": [[c.asker, c.to, c.port, c.protocol, c.answered] for c in claims],
        "alone": [i for i, c in enumerate(claims) if c.alone],
        "targets": sorted({c.stray.target for c in claims if c.stray and c.stray.target}),
        "strays": {str(i): asdict(c.stray) for i, c in enumerate(claims) if c.stray},
    }


def answering(topology: Topology, listeners: Iterable[Listener]) -> dict[str, Any]:
    """What a job says of who answers: us, and what is the topology's own."""
    return {
        "programs": programs(topology),
        "waits": waits(topology),
        "listeners": [[x.node, x.address, x.port, x.protocol] for x in listeners],
        "awaited": awaited(topology),
    }
