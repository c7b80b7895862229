"""Namespaces by pyroute2; the rules by one iptables-restore."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, NetNS, netns


def up(given: dict[str, Any]) -> None:
    """Build it."""
    rules = ["*nat"]
    with IPRoute() as host:
        indexes = {}
        for bridge in given["bridges"]:
            host.link("add", ifname=bridge["name"], kind="bridge")
            index = indexes[bridge["name"]] = host.link_lookup(ifname=bridge["name"])[0]
            host.addr("add", index=index, address=bridge["gateway"], prefixlen=given["bits"])
            host.link("set", index=index, state="up")
            rules.append(
                f"-A POSTROUTING -s {bridge['subnet']} ! -o {bridge['name']} -j MASQUERADE"
            )
        gateways = {bridge["name"]: bridge["gateway"] for bridge in given["bridges"]}
        for one in given["namespaces"]:
            name = one["name"]
            outside, inside = f"veth-{name}-br", f"veth-{name}"
            netns.create(name)
            peer = {"ifname": inside, "net_ns_fd": name}
            host.link("add", ifname=outside, kind="veth", peer=peer)
            index = host.link_lookup(ifname=outside)[0]
            host.link("set", index=index, master=indexes[one["bridge"]], state="up")
            host.brport("set", index=index, mode=1)
            with NetNS(name) as there:
                there.link("set", index=1, state="up")
                device = there.link_lookup(ifname=inside)[0]
                there.addr("add", index=device, address=one["address"], prefixlen=given["bits"])
                there.link("set", index=device, state="up")
                there.route("add", dst="default", gateway=gateways[one["bridge"]])
            rule = f"-p tcp --dport {one['port']} -m addrtype --dst-type LOCAL -j DNAT"
            rules += [
                f"-A {chain} {rule} --to-destination {one['address']}:80"
                for chain in ("PREROUTING", "OUTPUT")
            ]
            rules.append(
                f"-A POSTROUTING -s {one['address']} -d {one['address']} -p tcp --dport 80 -j MASQUERADE"
            )
    text = "\n".join([*rules, "COMMIT", ""])
    subprocess.run(["iptables-restore", "-w", "--noflush"], input=text, text=True, check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def down(given: dict[str, Any]) -> None:
    """Remove it."""
    with IPRoute() as host:
        for one in given["namespaces"]:
            host.link("del", ifname=f"veth-{one['name']}-br")
            netns.remove(one["name"])
        for bridge in given["bridges"]:
            host.link("del", ifname=bridge["name"])
    subprocess.run(["iptables", "-t", "nat", "-F"], check=True)


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text()))
