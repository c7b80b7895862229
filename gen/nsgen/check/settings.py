"""Sysctls, commands and files: what contradicts the topology, or itself."""

from __future__ import annotations

from collections.abc import Mapping

from nsgen.check.view import View, hint
from nsgen.language.processes import Exec, Service
from nsgen.language.spec import Spec
from nsgen.report import Path, Report
from nsgen.topology import needs
from nsgen.topology.model import Topology
from nsgen.topology.needs import sysctl_key, sysctl_path
from nsgen.values import HOST, expand

MAXNS = 3  # resolv.conf(5)


def check_sysctls(view: View, report: Report) -> None:
    """A sysctl is set once, and in a namespace only if namespaces have it."""
    for _, path, node in view.spec.nodes():
        seen: dict[str, str] = {}
        for sysctl in node.sysctls:
            at, key = (*path, "sysctls", sysctl), sysctl_path(sysctl_key(sysctl))
            if key in seen:
                report.error(
                    at, f"{sysctl!r} is {seen[key]!r} in another spelling: remove one", on_key=True
                )
            elif path[0] == "namespaces":
                _check_scope(view, str(path[1]), sysctl, report)
            seen.setdefault(key, sysctl)


def _check_scope(view: View, key: str, sysctl: str, report: Report) -> None:
    """A namespace has the parameters of networking, but for some, and those of its own devices."""
    from nsgen.language.parameters import parameter  # few topologies need it

    at: Path = ("namespaces", key, "sysctls", sysctl)
    one = parameter(sysctl)
    if one is None:
        text = "only net.* belongs to a namespace"
        text = f"{sysctl!r} is one for the whole machine, {text}: set it under 'host'"
        report.error(at, text, on_key=True)
    elif one.of_machine:
        text = f"{sysctl!r} is one for the whole machine, no namespace has it: set it under 'host'"
        report.error(at, text, on_key=True)
    elif one.device not in ("", "all", "default", "lo"):
        node = view.first(key)
        if not view.has_device(node, one.device):
            near = hint(one.device, view.device_names(node), report)
            report.error(at, f"{key!r} has no interface {one.device!r}{near}", on_key=True)


def check_contradictions(spec: Spec, topology: Topology, report: Report) -> None:
    """No sysctl takes back what the topology asks for."""
    of_host = tuple(needs.parameters(topology)) if spec.host.sysctls else ()
    by_name = {node.name: node for node in topology.nodes} if _any_sysctls(spec) else {}
    for key, path, node in spec.nodes():
        if not node.sysctls:
            continue
        own = needs.own_parameters(by_name[key if key == HOST else expand(key)[0]])
        found = (
            *(needs.ROUTER if node.forwarding else ()),
            *(of_host if key == HOST else ()),
            *own,
        )
        needed = {parameter.key: parameter for parameter in reversed(found)}
        for sysctl, value in node.sysctls.items():
            wanted = needed.get(sysctl_key(sysctl))
            number = value.strip()
            if wanted and number.isdecimal() and bool(int(number[:9])) != wanted.value:
                text = f"{value} contradicts {wanted.reason}, which needs {wanted.value}"
                report.error((*path, "sysctls", sysctl), text)


def _any_sysctls(spec: Spec) -> bool:
    return any(node.sysctls for _, _, node in spec.nodes())


def check_commands(view: View, report: Report) -> None:
    """A service and a command of the author's own have something to run."""
    for _, path, node in view.spec.nodes():
        for name, service in node.services.items():
            _check_service((*path, "services", name), service, report)
        for at, commands in view.items((*path, "exec"), node.exec):
            _check_exec(at, commands, report)


def _check_service(path: Path, service: Service, report: Report) -> None:
    check_command((*path, "command"), service.command, report)
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
            check_command((*path, key), command, report)


def check_command(path: Path, command: tuple[str, ...], report: Report) -> None:
    """A command is a program and its arguments, each by itself."""
    if not command or not command[0]:
        report.error(path, "the command is empty: list a program and its arguments")
    elif len(command) == 1 and len(words := command[0].split()) > 1:
        text = f"no shell reads it, and {command[0]!r} would be the program's name"
        report.error(path, f"{text}: write each word by itself, [{', '.join(words)}]")
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
