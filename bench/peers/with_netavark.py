"""Namespaces by netavark, called as Podman calls it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

NETAVARK = "/usr/lib/podman/netavark"


def main(step: str, given: dict[str, Any]) -> None:
    """Set every namespace up, or tear it down."""
    bridges = {bridge["name"]: bridge for bridge in given["bridges"]}
    command = {"up": "setup", "down": "teardown"}[step]
    for one in given["namespaces"]:
        bridge = bridges[one["bridge"]]
        identity = hashlib.sha256(one["name"].encode()).hexdigest()
        mapping = {
            "host_ip": "",
            "container_port": 80,
            "host_port": one["port"],
            "range": 1,
            "protocol": "tcp",
        }
        config = {
            "container_id": identity,
            "container_name": one["name"],
            "port_mappings": [mapping],
            "networks": {"bench": {"static_ips": [one["address"]], "interface_name": "eth0"}},
            "network_info": {
                "bench": {
                    "name": "bench",
                    "id": hashlib.sha256(bridge["name"].encode()).hexdigest(),
                    "driver": "bridge",
                    "network_interface": bridge["name"],
                    "subnets": [{"subnet": bridge["subnet"], "gateway": bridge["gateway"]}],
                    "ipv6_enabled": False,
                    "internal": False,
                    "dns_enabled": False,
                    "ipam_options": {"driver": "host-local"},
                }
            },
        }
        place = f"/run/netns/{one['name']}"
        if step == "up":
            subprocess.run(["ip", "netns", "add", one["name"]], check=True)
        call = [NETAVARK, "--config", "/run/netavark", command, place]
        subprocess.run(call, input=json.dumps(config), text=True, check=True)
        if step == "down":
            subprocess.run(["ip", "netns", "del", one["name"]], check=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
