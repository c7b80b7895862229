"""Every key of the Compose Specification: how a topology says it, or why it does not.

A path has ``*`` for a name and ``[]`` for an item of a list; a path that ends in ``.*`` is all that is below. This is
the table of docs/import.md, and what tells an unknown key from one that is not said.
"""

from __future__ import annotations

from typing import NamedTuple

from nsgen.importing.notes import Notes
from nsgen.importing.tree import SourceNode
from nsgen.report import Path, nearest


class ComposeKey(NamedTuple):
    """One key: whether it is said, and how, or why it is not."""

    said: bool
    how: str


def _said(how: str) -> ComposeKey:
    return ComposeKey(said=True, how=how)


def _not(why: str) -> ComposeKey:
    return ComposeKey(said=False, how=why)


CONTAINER = "it is about the container, not about its network"
PROCESS = "it is about processes and their rights, not about the network"
FILES = "it is about files: a namespace shares those of the machine"
RUNNING = "it is about how a process is run: with --services the command is written, and no more"
COMMAND = "a service's 'command' where --services asks for it; else not said"
TOOLS = "it is for other programs"
SWARM = "it is about several machines, and a topology is of one"

SERVICE = "services.*"
KEYS: dict[str, ComposeKey] = {
    "version": _not("it is obsolete, and says nothing"),
    "name": _said("`name`, in 15 letters"),
    "include": _said("the files are read, and what is in them is written here"),
    "include[].path": _said("the files that are read"),
    "include[].env_file": _said("read for variables"),
    "include[].project_directory": _said("what paths are relative to"),
    "services": _said("`namespaces`"),
    "networks": _said("`networks`"),
    **dict.fromkeys(("volumes", "configs", "secrets"), _not(FILES)),
    "models": _not(CONTAINER),
    "networks.*.name": _said("the bridge's name, if it can be one"),
    "networks.*.driver": _said("`bridge`; `overlay`, `macvlan`, `ipvlan` are refused"),
    "networks.*.driver_opts": _said("see the options of the bridge below; others are not said"),
    "networks.*.ipam": _said("`subnet` and `gateway`"),
    "networks.*.ipam.driver": _not("addresses are dealt by nsgen"),
    "networks.*.ipam.options": _not("addresses are dealt by nsgen"),
    "networks.*.ipam.config": _said("`subnet` and `gateway`"),
    "networks.*.ipam.config[].subnet": _said("`subnet`"),
    "networks.*.ipam.config[].ip_range": _said("addresses of namespaces, dealt from it"),
    "networks.*.ipam.config[].gateway": _said("`gateway`, unless it is the first address"),
    "networks.*.ipam.config[].aux_addresses": _said("no namespace is dealt one of them"),
    "networks.*.external": _said("a network of the script's own, with a note"),
    "networks.*.external.name": _said("the bridge's name"),
    "networks.*.internal": _said(
        "no `internet`, and `published_ports: own` where ports are published"
    ),
    "networks.*.enable_ipv4": _said("no IPv4 `subnet` where it is false"),
    "networks.*.enable_ipv6": _said("an IPv6 `subnet`"),
    "networks.*.attachable": _not("everything on the machine can be plugged into a bridge"),
    "networks.*.labels": _not(TOOLS),
    f"{SERVICE}.networks": _said("`networks`; `default` where there are none"),
    f"{SERVICE}.networks.*.aliases": _said("names in `hosts` of who shares the network"),
    f"{SERVICE}.networks.*.ipv4_address": _said("`address`"),
    f"{SERVICE}.networks.*.ipv6_address": _said("`address`"),
    f"{SERVICE}.networks.*.interface_name": _said("`interface`"),
    f"{SERVICE}.networks.*.mac_address": _said("`mac`"),
    f"{SERVICE}.networks.*.priority": _said("the order of `networks`"),
    f"{SERVICE}.networks.*.gw_priority": _said("`default_route`"),
    f"{SERVICE}.networks.*.driver_opts": _not("use 'sysctls' or 'mtu' of the topology"),
    f"{SERVICE}.networks.*.link_local_ips": _not(
        "give the interface a further address in the topology"
    ),
    f"{SERVICE}.ports": _said("`publish`"),
    f"{SERVICE}.ports[].target": _said("`publish`"),
    f"{SERVICE}.ports[].published": _said("`publish`"),
    f"{SERVICE}.ports[].host_ip": _said("`publish`"),
    f"{SERVICE}.ports[].protocol": _said("`publish`"),
    f"{SERVICE}.ports[].mode": _not(SWARM),
    f"{SERVICE}.ports[].name": _not(TOOLS),
    f"{SERVICE}.ports[].app_protocol": _not(TOOLS),
    f"{SERVICE}.expose": _not("members of a network reach every port of each other"),
    f"{SERVICE}.network_mode": _said(
        "`none`: no network; `service:` and `container:`: a part of that namespace; `bridge`: a network of that name;"
        " `host`: no namespace"
    ),
    f"{SERVICE}.mac_address": _said("`mac` on the first network"),
    f"{SERVICE}.dns": _said("`dns.nameservers`"),
    f"{SERVICE}.dns_search": _said("`dns.search`"),
    f"{SERVICE}.dns_opt": _said("`dns.options`"),
    f"{SERVICE}.extra_hosts": _said("`hosts`; `host-gateway` is the gateway"),
    f"{SERVICE}.hostname": _said("a name in `hosts`"),
    f"{SERVICE}.domainname": _said("behind the hostname in `hosts`"),
    f"{SERVICE}.container_name": _said("a name in `hosts`"),
    f"{SERVICE}.links": _said("names in `hosts`"),
    f"{SERVICE}.external_links": _not("who is linked is not in these files"),
    f"{SERVICE}.sysctls": _said("`sysctls`, those under net."),
    f"{SERVICE}.scale": _said("namespaces NAME-1, NAME-2 and so on"),
    f"{SERVICE}.deploy": _said("namespaces NAME-1, NAME-2 and so on, for `replicas`"),
    f"{SERVICE}.deploy.replicas": _said("namespaces NAME-1, NAME-2 and so on"),
    f"{SERVICE}.deploy.mode": _not(SWARM),
    f"{SERVICE}.deploy.endpoint_mode": _not(SWARM),
    **dict.fromkeys(
        (f"{SERVICE}.deploy.placement.*", f"{SERVICE}.deploy.rollback_config.*"), _not(SWARM)
    ),
    f"{SERVICE}.deploy.update_config.*": _not(SWARM),
    f"{SERVICE}.deploy.labels": _not(TOOLS),
    f"{SERVICE}.deploy.resources.*": _not(PROCESS),
    f"{SERVICE}.deploy.restart_policy.*": _not(RUNNING),
    f"{SERVICE}.profiles": _said("without --profile, these services are left out"),
    f"{SERVICE}.extends": _said("what is extended is written here"),
    f"{SERVICE}.extends.service": _said("what is extended is written here"),
    f"{SERVICE}.extends.file": _said("the file that is read"),
    f"{SERVICE}.depends_on": ComposeKey(said=True, how="`after`, with --services; else not said"),
    f"{SERVICE}.depends_on.*.condition": _said(
        "`service_healthy`: that service has `ready`; `service_completed_successfully` is not said"
    ),
    f"{SERVICE}.depends_on.*.restart": _not(RUNNING),
    f"{SERVICE}.depends_on.*.required": _said("nothing is missing without it"),
    **dict.fromkeys(
        (f"{SERVICE}.{key}" for key in ("command", "entrypoint", "environment", "working_dir")),
        _said(COMMAND),
    ),
    **dict.fromkeys((f"{SERVICE}.user", f"{SERVICE}.restart"), _said(COMMAND)),
    **dict.fromkeys((f"{SERVICE}.{key}.*" for key in ("post_start", "pre_stop")), _not(RUNNING)),
    f"{SERVICE}.healthcheck": _said("`ready`, with --services, where a service waits for it"),
    f"{SERVICE}.healthcheck.test": _said("the command of `ready`"),
    **dict.fromkeys(
        (f"{SERVICE}.healthcheck.{key}" for key in ("interval", "retries", "start_period")),
        _said("`within` of `ready`: `start_period`, and `retries` times `interval`"),
    ),
    f"{SERVICE}.healthcheck.disable": _said("no `ready`"),
    **dict.fromkeys(
        (f"{SERVICE}.healthcheck.{key}" for key in ("timeout", "start_interval")), _not(RUNNING)
    ),
    **dict.fromkeys(
        (
            f"{SERVICE}.{key}"
            for key in ("env_file", "init", "stdin_open", "stop_grace_period", "stop_signal", "tty")
        ),
        _not(RUNNING),
    ),
    **dict.fromkeys(
        (
            f"{SERVICE}.{key}"
            for key in (
                *("attach", "image", "platform", "pull_policy", "pull_refresh_after", "runtime"),
                *("isolation", "storage_opt", "uts", "use_api_socket"),
            )
        ),
        _not(CONTAINER),
    ),
    **dict.fromkeys(
        (
            f"{SERVICE}.{key}.*"
            for key in ("build", "develop", "models", "provider", "gpus", "credential_spec")
        ),
        _not(CONTAINER),
    ),
    **dict.fromkeys(
        (f"{SERVICE}.{key}" for key in ("annotations", "labels", "label_file")), _not(TOOLS)
    ),
    f"{SERVICE}.logging.*": _not(RUNNING),
    **dict.fromkeys(
        (f"{SERVICE}.{key}.*" for key in ("configs", "secrets", "volumes", "devices")), _not(FILES)
    ),
    **dict.fromkeys(
        (f"{SERVICE}.{key}" for key in ("volumes_from", "tmpfs", "read_only", "shm_size")),
        _not(FILES),
    ),
    **dict.fromkeys((f"{SERVICE}.blkio_config.*", f"{SERVICE}.ulimits.*"), _not(PROCESS)),
    **dict.fromkeys(
        (
            f"{SERVICE}.{key}"
            for key in (
                *("cap_add", "cap_drop", "cgroup", "cgroup_parent", "cpu_count", "cpu_percent"),
                *("cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime"),
                *("cpus", "cpuset", "device_cgroup_rules", "group_add", "ipc", "mem_limit"),
                *("mem_reservation", "mem_swappiness", "memswap_limit", "oom_kill_disable"),
                *("oom_score_adj", "pid", "pids_limit", "privileged", "security_opt"),
                "userns_mode",
            )
        ),
        _not(PROCESS),
    ),
}
# Maps with names of the author's own, and keys with a value of any shape.
NAMES = ("services", "networks", f"{SERVICE}.networks", f"{SERVICE}.depends_on")
OPEN = (
    *("networks.*.driver_opts", "networks.*.ipam.config[].aux_addresses"),
    *(f"{SERVICE}.{key}" for key in ("extra_hosts", "sysctls", "environment")),
)


def audit(tree: SourceNode, notes: Notes) -> None:
    """Put each element of the source on its list; an unknown key is an error."""
    _map(tree, "", (), notes)


def known(pattern: str) -> list[str]:
    """The keys that a map has by the table."""
    start = f"{pattern}." if pattern else ""
    below = [path.removeprefix(start) for path in KEYS if path.startswith(start)]
    return list(dict.fromkeys(path.partition(".")[0].partition("[")[0] for path in below if path))


def _map(node: SourceNode, pattern: str, path: Path, notes: Notes) -> None:
    names = known(pattern)
    for key, item in node.map.items():
        here, where = f"{pattern}.{key}" if pattern else key, (*path, key)
        entry = KEYS.get(here) or KEYS.get(f"{here}.*")
        if key.startswith("x-"):
            notes.not_said(item, where, "an extension is for other programs")
        elif entry is None:
            text = f"unknown key {key!r}{nearest(key, names)}"
            notes.error(item, where, f"{text}; an extension begins with 'x-'", on_key=True)
        elif not entry.said:
            notes.not_said(item, where, entry.how)
        else:
            notes.said[where] = None
            _below(item, here, where, notes)


def _below(item: SourceNode, pattern: str, path: Path, notes: Notes) -> None:
    if pattern in OPEN:
        return
    if pattern in NAMES and isinstance(item.value, dict):
        for name, below in item.map.items():
            where = (*path, name)
            notes.said[where] = None
            if below.value is not None and not below.map and below.value != {}:
                notes.error(below, (*path, name), f"expected a map, got {below.text or 'a list'!r}")
            _map(below, f"{pattern}.*", (*path, name), notes)
    elif pattern in NAMES and pattern in ("services", "networks"):
        if item.value is not None:
            notes.error(item, path, "expected a map from name to settings")
    elif isinstance(item.value, list):
        for step, below in enumerate(item.value):
            _map(below, f"{pattern}[]", (*path, step), notes)
    else:
        _map(item, pattern, path, notes)
