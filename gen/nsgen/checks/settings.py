"""Sysctls, commands and files: what contradicts the topology, or itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nsgen.checks.published import place_of
from nsgen.checks.view import VERSIONS, Place, View
from nsgen.report import Path, Report
from nsgen.spec import Exec, Host, Namespace, Publish, Service

MAXNS = 3  # resolv.conf(5)
FORWARDING = {
    4: ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"),
    6: ("net/ipv6/conf/all/forwarding",),
}
BRIDGE_NF = {4: "net/bridge/bridge-nf-call-iptables", 6: "net/bridge/bridge-nf-call-ip6tables"}


def canonical(sysctl: str) -> str:
    """A sysctl's path below /proc/sys: the separator that comes first separates, sysctl(8)."""
    if "/" in sysctl and ("." not in sysctl or sysctl.index("/") < sysctl.index(".")):
        return sysctl
    return sysctl.translate(str.maketrans("./", "/."))


def _nodes(view: View) -> Iterator[tuple[Path, Host | Namespace]]:
    yield ("host",), view.spec.host
    yield from ((("namespaces", key), node) for key, node in view.spec.namespaces.items())


def check_sysctls(view: View, report: Report) -> None:
    """A sysctl is set once, and in a namespace only if namespaces have it."""
    for path, node in _nodes(view):
        seen: dict[str, str] = {}
        for sysctl in node.sysctls:
            at, key = (*path, "sysctls", sysctl), canonical(sysctl)
            if key in seen:
                report.error(
                    at, f"{sysctl!r} is {seen[key]!r} in another spelling: remove one", on_key=True
                )
            elif path[0] == "namespaces" and not key.startswith("net/"):
                text = (
                    f"{sysctl!r} is one for the whole machine, only net.* belongs to a namespace:"
                    " set it under 'host'"
                )
                report.error(at, text, on_key=True)
            seen.setdefault(key, sysctl)


def check_contradictions(view: View, report: Report) -> None:
    """No sysctl takes back what the topology asks for."""
    for path, node in _nodes(view):
        if not node.sysctls:
            continue
        needed = dict(_needed_forwarding(node))
        if isinstance(node, Host):
            needed = {**dict(_needed_on_host(view)), **needed}
        for sysctl, value in node.sysctls.items():
            key = canonical(sysctl)
            if (
                key in needed
                and value.strip().isdecimal()
                and bool(int(value.strip()[:9])) != needed[key][0]
            ):
                wanted, why = needed[key]
                report.error(
                    (*path, "sysctls", sysctl),
                    f"{value} contradicts {why}, which needs {int(wanted)}",
                )


def _needed_forwarding(node: Host | Namespace) -> Iterator[tuple[str, tuple[bool, str]]]:
    if node.forwarding:
        for version in VERSIONS:
            yield from ((key, (True, "'forwarding: true'")) for key in FORWARDING[version])


def _needed_on_host(view: View) -> Iterator[tuple[str, tuple[bool, str]]]:
    """By sysctl, whether it has to be on or off, and why."""
    for name, network in view.networks.items():
        versions = {ip.version for ip in view.gateways[name]}
        if network.internet:
            for version in versions:
                yield from (
                    (key, (True, f"'internet: true' of {name!r}")) for key in FORWARDING[version]
                )
        for device in ("all", name) if 6 in versions else ():
            yield f"net/ipv6/conf/{device}/disable_ipv6", (False, f"the IPv6 subnet of {name!r}")
    for key, namespace in view.spec.namespaces.items():
        for publish in namespace.publish:
            place = place_of(view, key, publish)
            if place is not None and publish.via == "dnat":
                yield from _needed_to_publish(
                    place, publish, f"port {publish.published} that {key!r} publishes"
                )


def _needed_to_publish(
    place: Place, publish: Publish, why: str
) -> Iterator[tuple[str, tuple[bool, str]]]:
    if "network" in publish.reach and place.network.bridge_netfilter == "host":
        yield from ((BRIDGE_NF[version], (True, why)) for version in VERSIONS if place.has(version))
    local = publish.host_ip is None or publish.host_ip.is_loopback or publish.host_ip.is_unspecified
    if "loopback" in publish.reach and local and place.has(4):
        yield f"net/ipv4/conf/{place.name}/route_localnet", (True, why)


def check_commands(view: View, report: Report) -> None:
    """A service and a command of the author's own have something to run."""
    for path, node in _nodes(view):
        for name, service in node.services.items():
            _check_service((*path, "services", name), service, report)
        for at, commands in view.items((*path, "exec"), node.exec):
            _check_exec(at, commands, report)


def _check_service(path: Path, service: Service, report: Report) -> None:
    _check_command((*path, "command"), service.command, report)
    if service.directory is not None and not service.directory.startswith("/"):
        report.error(
            (*path, "directory"),
            f"expected an absolute path such as /srv, got {service.directory!r}",
        )


def _check_exec(path: Path, commands: Exec, report: Report) -> None:
    if not commands.up and not commands.down:
        report.error(
            path, "there is nothing to run: give 'up', 'down' or both a program and its arguments"
        )
    for key, command in (("up", commands.up), ("down", commands.down)):
        if command:
            _check_command((*path, key), command, report)


def _check_command(path: Path, command: tuple[str, ...], report: Report) -> None:
    if not command or not command[0]:
        report.error(path, "the command is empty: list a program and its arguments")
    elif "=" in command[0]:  # env(1) and a shell would take it for a variable
        report.error(path, f"{command[0]!r} cannot be a program here: its name has a '='")
    elif command[0].startswith("-"):  # whatever runs it would take it for an option
        report.error(path, f"{command[0]!r} cannot be a program here: it begins with '-'")


def check_files(view: View, report: Report) -> None:
    """resolv.conf and hosts say something, and no more than is read."""
    for key, namespace in view.spec.namespaces.items():
        path: Path = ("namespaces", key)
        dns = namespace.dns
        if dns is not None and not (dns.nameservers or dns.search or dns.options):
            report.error(
                (*path, "dns"), "there is nothing in it: list 'nameservers', 'search' or 'options'"
            )
        if dns is not None and len(dns.nameservers) > MAXNS:
            text = (
                f"{len(dns.nameservers)} name servers, and the resolver asks the first {MAXNS} only"
            )
            report.warning((*path, "dns", "nameservers"), text)
        if isinstance(namespace.hosts, Mapping):
            for name, addresses in namespace.hosts.items():
                if not addresses:
                    report.error(
                        (*path, "hosts", name), f"{name!r} has no address: list one, or remove it"
                    )


def check_modules(view: View, report: Report) -> None:
    """A module is listed once; the kernel takes ``-`` for ``_`` in its name."""
    seen: dict[str, str] = {}
    for index, module in enumerate(view.spec.host.modules):
        key = module.replace("-", "_")
        if key in seen:
            report.error(
                ("host", "modules", index),
                f"the module {seen[key]!r} is listed already: remove one",
            )
        seen.setdefault(key, module)
