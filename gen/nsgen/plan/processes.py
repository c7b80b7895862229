"""What runs once all is built: proxies, services, and the topology's own commands."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.ops import RunCommand, StartService
from nsgen.plan import why
from nsgen.plan.steps import Step
from nsgen.topology import needs
from nsgen.topology.model import Publication, Topology
from nsgen.values import HOST
from nsgen.words import bracketed


def services(topology: Topology) -> Iterator[Step]:
    """The proxies of published ports, and the services of every node."""
    proxies = tuple(
        _proxy(p, offset)
        for p in topology.publications
        if needs.proxied(p)
        for offset in range(len(p.published))
    )
    yield Step(why.PROXY, proxies)
    for node in topology.nodes:
        ops = tuple(
            StartService(
                node=node.name,
                name=name,
                command=service.command,
                directory=service.directory or "/",
                environment=tuple(f"{key}={value}" for key, value in service.environment.items()),
                user=service.user or "",
            )
            for name, service in node.services.items()
        )
        yield Step(why.SERVICE.format(node=node.name, topology=topology.name), ops)


def _proxy(published: Publication, offset: int) -> StartService:
    """socat(1): listens on the published port, and for each client connects to the namespace's."""
    listen, target = published.published.first + offset, published.target.first + offset
    kind = f"{published.protocol.upper()}{published.version}"
    bind = "" if published.host_ip is None else f",bind={bracketed(published.host_ip)}"
    only = ",ipv6only=1" if published.version == 6 else ""
    return StartService(
        node=HOST,
        name=f"proxy-{published.protocol}{published.version}-{listen}",
        command=(
            "socat",
            f"{kind}-LISTEN:{listen},fork,reuseaddr{only}{bind}",
            f"{kind}:{bracketed(published.address)}:{target}",
        ),
    )


def commands(topology: Topology) -> Iterator[Step]:
    """The commands of the topology's author, node by node."""
    for node in topology.nodes:
        yield Step("", tuple(RunCommand(node.name, e.up, e.down) for e in node.execs))
