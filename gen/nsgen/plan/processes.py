"""What runs once all is built: proxies, services, the topology's own commands, and units of systemd."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from nsgen.language.processes import Service
from nsgen.ops import MARK, AwaitService, RunCommand, StartService, WriteFile
from nsgen.plan import why
from nsgen.plan.steps import Step
from nsgen.topology import needs, started
from nsgen.topology.model import Namespace, Publication, Topology
from nsgen.values import HOST
from nsgen.words import bracketed


def services(topology: Topology) -> Iterator[Step]:
    """The proxies of published ports, and the services of every node, each behind those that it is after."""
    proxies = tuple(
        _proxy(p, offset)
        for p in topology.publications
        if needs.proxied(p)
        for offset in range(len(p.published))
    )
    yield Step(why.PROXY, proxies)
    written = {(n.name, key): one for n in topology.nodes for key, one in n.services.items()}
    after = {(node, key): started.before(node, one) for (node, key), one in written.items()}
    for names in started.rounds(after):
        for node, own in groupby(names, lambda name: name[0]):
            ops = tuple(_started(node, key, written[node, key]) for _, key in own)
            yield Step(why.SERVICE.format(node=node, topology=topology.name), ops)
        waits = [_awaited(node, key, written[node, key]) for node, key in names]
        yield Step(why.READY, tuple(op for op in waits if op))


def _started(node: str, name: str, service: Service) -> StartService:
    return StartService(
        node=node,
        name=name,
        command=service.command,
        directory=service.directory or "/",
        environment=tuple(f"{key}={value}" for key, value in service.environment.items()),
        user=service.user or "",
        restart=service.restart or "",
        after=tuple(".".join(one) for one in started.before(node, service)),
    )


def _awaited(node: str, name: str, service: Service) -> AwaitService | None:
    ready = service.ready
    if ready is None:
        return None
    port, protocol = ready.port or (0, "")
    prefix = _started(node, name, service).prefix if ready.command else ()
    return AwaitService(node, name, ready.within, port, protocol, ready.command, prefix)


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


def units(topology: Topology) -> Iterator[Step]:
    """What `install` tells systemd of units that run in a namespace: a drop-in for each, systemd.unit(5)."""
    for namespace in topology.namespaces:
        if namespace.units:
            text = _confined(topology.name, namespace)
            names = (_drop_in(unit, topology.name) for unit in namespace.units)
            yield Step("", tuple(WriteFile(HOST, name, text, boot=True) for name in names))


def _drop_in(unit: str, name: str) -> str:
    return f"/etc/systemd/system/{unit}.d/nsgen-{name}.conf"


def _confined(name: str, namespace: Namespace) -> str:
    """systemd.exec(5): NetworkNamespacePath, and its files in the place of the host's."""
    files = [("resolv.conf", namespace.resolv_conf), ("hosts", namespace.hosts)]
    bound = "".join(
        f"BindReadOnlyPaths=/etc/netns/{namespace.name}/{file}:/etc/{file}\n"
        for file, text in files
        if text
    )
    return f"""\
# {MARK.format(name)}
[Unit]
Requires=nsgen-{name}.service
After=nsgen-{name}.service

[Service]
NetworkNamespacePath=/run/netns/{namespace.name}
{bound}"""
