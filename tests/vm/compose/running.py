"""What there is when an application is up, by the names of its source: of our script, and of Docker."""

from __future__ import annotations

import http.client
import io
import json
import socket
import subprocess
import tarfile
import urllib.parse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

LABEL = "com.docker.compose"
IMAGE = "probe"


@dataclass
class Node:
    """A namespace, with its addresses on each network and the files that it knows names by."""

    namespace: str
    service: str = ""
    networks: dict[str, list[str]] = field(default_factory=dict)
    hosts: str = "/etc/hosts"
    resolv_conf: str = "/etc/resolv.conf"


@dataclass
class Application:
    """An application that is up."""

    nodes: dict[str, Node]
    gateways: dict[str, list[str]]
    names: list[str]


# -- our script -----------------------------------------------------------------------------------


def our_up(case: Path) -> Application:
    """Run the script of a case."""
    _run("bash", str(case / "setup.sh"))
    written = json.loads((case / "case.json").read_text(encoding="utf-8"))
    nodes = {}
    for label, node in written["nodes"].items():
        name = node["namespace"]
        files = [
            own if Path(own := f"/etc/netns/{name}/{file}").exists() else f"/etc/{file}"
            for file in ("hosts", "resolv.conf")
        ]
        nodes[label] = Node(f"/run/netns/{name}", node["service"], node["networks"], *files)
    return Application(nodes, written["gateways"], written["names"])


def our_down(case: Path) -> None:
    """Take it down."""
    _run("bash", str(case / "setup.sh"), "down")


def _run(*words: str, folder: Path | None = None) -> None:
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stdout}{done.stderr}")


# -- Docker ---------------------------------------------------------------------------------------


class DockerConnection(http.client.HTTPConnection):
    """The daemon's API, on its socket: a program less to start for each question."""

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/docker.sock")


def docker(path: str, *, method: str = "GET", body: bytes | None = None, **query: str) -> Any:
    """Ask the daemon."""
    connection = DockerConnection("localhost", timeout=120)
    url = f"{path}?{urllib.parse.urlencode(query)}" if query else path
    connection.request(method, url, body)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= http.client.BAD_REQUEST:
        raise SystemExit(f"Docker, of {path}: {text.decode()}")
    return json.loads(text) if method == "GET" else text


def make_image() -> None:
    """Import an image of busybox, whose containers sleep: who answers in them is our process, as in our namespaces."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add("/usr/bin/busybox", "busybox")
    changes = 'CMD ["/busybox", "sleep", "100000"]'
    docker(
        "/images/create",
        method="POST",
        body=archive.getvalue(),
        fromSrc="-",
        repo=IMAGE,
        changes=changes,
    )


def docker_up(case: Path) -> Application:
    """Let Compose start an application."""
    quiet = ("--progress", "quiet", "--project-name", case.name)
    _run("docker-compose", *quiet, "up", "--detach", "--pull", "never", "--no-build", folder=case)
    containers = [docker(f"/containers/{item['Id']}/json") for item in _of(case, "containers")]
    networks = {item["Name"]: item for item in _of(case, "networks")}
    networks["bridge"] = docker("/networks/bridge")
    keys = {
        name: (item["Labels"] or {}).get(f"{LABEL}.network", name)
        for name, item in networks.items()
    }
    services = [item["Config"]["Labels"][f"{LABEL}.service"] for item in containers]
    nodes: dict[str, Node] = {}
    used: dict[str, list[str]] = {}
    for container, service in zip(containers, services, strict=True):
        if container["HostConfig"]["NetworkMode"].startswith(("host", "container:")):
            continue
        own = f"/proc/{container['State']['Pid']}/ns/net"
        found = Node(own, service, {}, container["HostsPath"], container["ResolvConfPath"])
        for name, place in container["NetworkSettings"]["Networks"].items():
            if name in networks:
                addresses = (place["IPAddress"], place["GlobalIPv6Address"])
                found.networks[keys[name]] = list(filter(None, addresses))
                used[keys[name]] = gateways_of(networks[name])
        number = container["Config"]["Labels"][f"{LABEL}.container-number"]
        nodes[f"{service}-{number}" if services.count(service) > 1 else service] = found
    written = json.loads((case / "case.json").read_text(encoding="utf-8"))
    return Application(dict(sorted(nodes.items())), used, written["names"])


def _of(case: Path, kind: str) -> Any:
    """List the containers or networks of an application."""
    label = json.dumps({"label": [f"{LABEL}.project={case.name}"]})
    if kind == "networks":
        return docker("/networks", filters=label)
    return docker("/containers/json", filters=label, all="1")


def gateways_of(network: dict[str, Any]) -> list[str]:
    """Give the host's addresses on a network; one that nobody wrote is the first, and may not be told."""
    configs = network["IPAM"]["Config"]
    first = [str(ip_network(config["Subnet"])[1]) for config in configs]
    return [
        config.get("Gateway", "").partition("/")[0] or address
        for config, address in zip(configs, first, strict=True)
    ]


def docker_down(case: Path) -> None:
    """Remove it, as Compose does: containers, then networks."""
    with ThreadPoolExecutor() as pool:
        paths = [f"/containers/{item['Id']}?force=1" for item in _of(case, "containers")]
        list(pool.map(lambda path: docker(path, method="DELETE"), paths))
    for item in _of(case, "networks"):
        docker(f"/networks/{item['Id']}", method="DELETE")


WORLDS: Mapping[str, Any] = {"ours": (our_up, our_down), "docker": (docker_up, docker_down)}
