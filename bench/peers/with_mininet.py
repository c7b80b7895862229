"""Hosts by mininet, on Linux bridges; `up` leaves a process behind, which holds them until `down`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

PID, UP = Path("/run/mininet.pid"), Path("/run/mininet.up")


def hold(given: dict[str, Any]) -> None:
    """Build it, and stop it when told to."""
    net = Mininet(controller=None, autoSetMacs=False)
    gateways = {bridge["name"]: bridge["gateway"] for bridge in given["bridges"]}
    switches = {name: net.addSwitch(name, cls=LinuxBridge) for name in gateways}
    for one in given["namespaces"]:
        address = f"{one['address']}/{given['bits']}"
        host = net.addHost(one["name"], ip=address, defaultRoute=f"via {gateways[one['bridge']]}")
        net.addLink(host, switches[one["bridge"]])
    net.start()
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    UP.write_text("")
    while not told:
        time.sleep(0.01)
    net.stop()
    PID.unlink()


def main(step: str, given: dict[str, Any]) -> None:
    """Wait until it is up, or down."""
    if step == "up":
        child = os.fork()
        if child == 0:
            os.setsid()
            hold(given)
            return
        PID.write_text(str(child))
        while not UP.exists():
            if os.waitpid(child, os.WNOHANG)[0]:
                sys.exit("mininet ended")
            time.sleep(0.005)
    else:
        os.kill(int(PID.read_text()), signal.SIGTERM)
        while PID.exists():
            time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
