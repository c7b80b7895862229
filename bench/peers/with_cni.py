"""Namespaces by the CNI plugins bridge, host-local and portmap, called as a container runtime calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PLUGINS = "/usr/lib/cni"


def call(plugin: str, command: str, one: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Run a plugin, as the specification of CNI says; what it prints is the result."""
    about = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": one["name"],
        "CNI_NETNS": f"/run/netns/{one['name']}",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": PLUGINS,
    }
    done = subprocess.run(
        [f"{PLUGINS}/{plugin}"],
        input=json.dumps(config),
        env=os.environ | about,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{plugin} {command}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else {}


def main(step: str, given: dict[str, Any]) -> None:
    """Add every namespace, or delete it."""
    bridges = {bridge["name"]: bridge for bridge in given["bridges"]}
    for one in given["namespaces"]:
        bridge = bridges[one["bridge"]]
        network = {
            "cniVersion": "0.4.0",
            "name": bridge["name"],
            "type": "bridge",
            "bridge": bridge["name"],
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni",
                "ranges": [[{"subnet": bridge["subnet"], "gateway": bridge["gateway"]}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        mapping = {"hostPort": one["port"], "containerPort": 80, "protocol": "tcp"}
        ports = {
            "cniVersion": "0.4.0",
            "name": bridge["name"],
            "type": "portmap",
            "runtimeConfig": {"portMappings": [mapping]},
        }
        result = Path("/run", f"cni-{one['name']}")
        if step == "up":
            subprocess.run(["ip", "netns", "add", one["name"]], check=True)
            before = call("bridge", "ADD", one, network)
            call("portmap", "ADD", one, ports | {"prevResult": before})
            result.write_text(json.dumps(before))
        else:
            call("portmap", "DEL", one, ports | {"prevResult": json.loads(result.read_text())})
            call("bridge", "DEL", one, network)
            subprocess.run(["ip", "netns", "del", one["name"]], check=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
