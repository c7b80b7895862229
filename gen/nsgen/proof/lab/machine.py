"""The rehearsed host and its surroundings, made of network namespaces; see :mod:`nsgen.proof.claims.scene`.

This runs as process 1 of new user, mount, network and PID namespaces: it can touch nothing that is outside, and all of
it is gone when it ends.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nsgen.proof.claims.scene import GUESTS
from nsgen.proof.lab.mounts import MS_RDONLY, MS_REMOUNT, bind, mount
from nsgen.proof.lab.programs import run

LAN, ROUTER = "lan~", "router~"  # as no namespace can be called
NODES = (LAN, ROUTER, "outside", "internet", *GUESTS)  # besides the host, which is where this runs
# Of the kernel as a whole, not of a network namespace: what a script sets there is set in a copy.
OTHERS = "others~"  # a bridge of the host that has nothing to do with the topology
GLOBAL_SYSCTLS = ("kernel", "vm", "fs")
FILTERED = ("iptables", "ip6tables", "arptables")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """The host, where the script runs, and the nodes around it."""

    def __init__(self, folder: Path, scene: Mapping[str, Any]) -> None:
        """Take over where to keep things, and the scene, as JSON has it."""
        self.folder = folder
        self.scene = scene
        self.nodes = folder / "nodes"
        self.programs = folder / "bin"  # first on PATH
        os.environ["NSGEN_NODES"] = str(self.nodes)
        os.environ["PATH"] = f"{self.programs}:{os.environ.get('PATH', '')}:{PATH}"

    def make(self) -> None:
        """Make all of it."""
        self._protect()
        self.make_host()
        self.surround()

    def make_host(self) -> None:
        """Make the host: what a script writes to, and nobody around it."""
        self._mount()
        self.programs.mkdir()
        self.set_defaults("host")
        self.ip("host", "link set lo up")

    def surround(self) -> None:
        """Put another machine, a router and the internet around the host, and other machines on a bridge of it."""
        for node in NODES:
            (self.nodes / node).touch()
            run("unshare", f"--net={self.nodes / node}", "true")
            self.set_defaults(node)
        self._connect()
        for version in (4, 6):
            self._address(str(version))
        self._apply(self.scene["host"])

    def _apply(self, options: Iterable[str]) -> None:
        """What the host is besides a new machine's default: see docs/verify.md."""
        settings = {
            "router": {
                "net.ipv4.ip_forward": 1,
                "net.ipv6.conf.all.forwarding": 1,
                "net.ipv6.conf.default.accept_ra": 2,
            },
            "netfilter": {f"net.bridge.bridge-nf-call-{name}": 1 for name in FILTERED},
            "strict": {f"net.ipv4.conf.{scope}.rp_filter": 1 for scope in ("all", "default")},
        }
        for option in options:
            for key, value in settings.get(option, {}).items():
                if Path("/proc/sys", key.replace(".", "/")).exists():
                    run("sysctl", "-qw", f"{key}={value}")
            if option == "drop":
                for tool in ("iptables", "ip6tables"):
                    run(tool, "-w", "-P", "FORWARD", "DROP")
            if option == "between":
                for tool in ("iptables", "ip6tables"):
                    for protocol in ("tcp", "udp"):
                        run(tool, "-w", "-A", "FORWARD", "-p", protocol, "-j", "DROP")

    def add_foreign_rules(self) -> None:
        """Another program puts a rule of its own before all others, once the script has put in its own."""
        chains = {"open": ("filter", "FORWARD"), "raw": ("raw", "PREROUTING")}
        for table, chain in (chains[option] for option in self.scene["host"] if option in chains):
            for tool in ("iptables", "ip6tables"):
                run(tool, "-w", "-t", table, "-I", chain, "-j", "ACCEPT")

    def _protect(self) -> None:
        """Nothing outside can be written, by whatever the script or a command of the topology does."""
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            place = line.split()[4].encode().decode("unicode_escape")
            if not place.startswith(("/proc", "/sys", "/dev")):
                command = ["mount", "-o", "remount,bind,ro", place]
                subprocess.run(command, capture_output=True, check=False)
        os.environ["TMPDIR"] = str(self.folder / "tmp")

    def _mount(self) -> None:
        """Folders of our own over those that a script writes to."""
        mount("tmpfs", "/run", "mode=755")
        self.folder.mkdir(exist_ok=True)
        mount("tmpfs", self.folder)
        upper = self.folder / "etc/upper"
        for name in (
            "netns",
            "sysctl.d",
            "modules-load.d",
            "systemd/system/multi-user.target.wants",
        ):
            (upper / name).mkdir(parents=True)
        (self.folder / "etc/work").mkdir()
        (self.folder / "tmp").mkdir()
        self.nodes.mkdir()
        mount("proc", "/proc")
        mount("sysfs", "/sys", flags=MS_RDONLY)
        if Path("/proc/sysrq-trigger").exists():
            bind("/dev/null", "/proc/sysrq-trigger")
        Path("/run/lock").mkdir()
        layers = f"lowerdir=/etc,upperdir={upper},workdir={self.folder / 'etc/work'}"
        mount("overlay", "/etc", layers)
        resolver = Path("/etc/resolv.conf")
        resolver.unlink(missing_ok=True)  # it may be a link to what /run no longer has
        resolver.write_text("nameserver 0.0.0.0\n")  # it refuses at once, in namespaces, too
        for folder in Path("/proc/sys").iterdir():
            if folder.name in GLOBAL_SYSCTLS:
                self._copy_sysctls(folder)
            elif folder.name != "net":
                bind(folder, folder)
                bind(folder, folder, MS_REMOUNT | MS_RDONLY)
        (self.nodes / "host").touch()
        bind("/proc/self/ns/net", self.nodes / "host")

    def _copy_sysctls(self, folder: Path) -> None:
        copy = self.folder / "sys" / folder.name
        for root, _, names in os.walk(folder):
            there = copy / Path(root).relative_to(folder)
            there.mkdir(parents=True, exist_ok=True)
            for name in names:
                try:
                    value = Path(root, name).read_bytes()
                except OSError:
                    value = b""
                (there / name).write_bytes(value)
        bind(copy, folder)

    def set_defaults(self, node: str) -> None:
        """A new namespace takes some parameters from the machine that it is made on, whatever they are there."""
        settings = {
            "net.ipv4.ip_forward": 0,
            "net.ipv6.conf.all.forwarding": 0,
            "net.ipv4.icmp_ratelimit": 0,
        }
        for scope in ("all", "default"):
            for key in (
                "forwarding",
                "rp_filter",
                "send_redirects",
                "accept_redirects",
                "route_localnet",
            ):
                settings[f"net.ipv4.conf.{scope}.{key}"] = 0
            settings[f"net.ipv6.conf.{scope}.forwarding"] = 0
        settings["net.ipv6.conf.default.accept_dad"] = 0 if node != "host" else 1
        settings |= {f"net.bridge.bridge-nf-call-{name}": 0 for name in FILTERED}
        there = {
            k: v for k, v in settings.items() if Path("/proc/sys", k.replace(".", "/")).exists()
        }
        self.inside(node, "sysctl", "-qw", *(f"{key}={value}" for key, value in there.items()))

    def _connect(self) -> None:
        uplink, nodes = self.scene["uplink"], self.nodes
        devices = {"host": uplink, ROUTER: "eth0", "outside": "eth0"}
        self.ip(LAN, "link add lan type bridge stp_state 0 mcast_snooping 0")
        for node, device in devices.items():
            self.ip(LAN, f"link add {node} type veth peer name {device} netns {nodes / node}")
            self.ip(LAN, f"link set {node} master lan up")
            # Nobody waits for duplicate address detection.
            self.inside(node, "sysctl", "-qw", f"net/ipv6/conf/{device}/accept_dad=0")
        self._cards(self.scene["cards"])
        self.ip(LAN, "link set lan up")
        self.ip("host", f"link add {OTHERS} type bridge stp_state 0 mcast_snooping 0")
        self.ip("host", f"link set {OTHERS} addrgenmode none", f"link set {OTHERS} up")
        for guest in GUESTS:
            self.ip("host", f"link add {guest} type veth peer name eth0 netns {nodes / guest}")
            self.ip("host", f"link set {guest} addrgenmode none master {OTHERS}")
            self.ip("host", f"link set {guest} up")
            self.inside(guest, "sysctl", "-qw", "net/ipv6/conf/eth0/accept_dad=0")
            self.ip(guest, "link set eth0 up")
        self.ip(ROUTER, f"link add eth1 type veth peer name eth0 netns {nodes / 'internet'}")
        ups = {
            "host": [uplink],
            ROUTER: ["eth0", "eth1"],
            "outside": ["eth0"],
            "internet": ["eth0"],
        }
        for node, names in ups.items():
            self.ip(node, "link set lo up", *(f"link set {name} up" for name in names))
        self.inside(
            ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"
        )

    def _cards(self, cards: Mapping[str, bool | None]) -> None:
        """Further devices of the host, on cables that lead to nobody; one that is not on any more keeps its queue."""
        for index, (name, on) in enumerate(cards.items()):
            peer = f"type veth peer name {name} netns {self.nodes / 'host'}"
            self.ip(LAN, f"link add card{index} {peer}", f"link set card{index} up")
            if on is not False:
                self.inside("host", "sysctl", "-qw", f"net/ipv6/conf/{name}/accept_dad=0")
                self.ip("host", f"link set {name} up", *([] if on else [f"link set {name} down"]))

    def _address(self, version: str) -> None:
        side, uplink = self.scene["sides"][version], self.scene["uplink"]
        lan, beyond, length = side["lan"], side["beyond"], {"4": 32, "6": 128}[version]
        of_version = {
            key: [a for a in self.scene[key] if (":" in a) == (version == "6")]
            for key in ("host_addresses", "routers", "remote")
        }
        host, routed = side["host"], self.scene["subnets"][version]
        self.ip(
            ROUTER,
            f"address add {side['router']}/{lan} dev eth0",
            f"address add {side['gate']}/{beyond} dev eth1",
        )
        self.ip(
            "host",
            f"address add {host}/{lan} dev {uplink}",
            f"route add default via {side['router']}",
        )
        self.ip(
            "outside",
            f"address add {side['outside']}/{lan} dev eth0",
            f"route add default via {side['router']}",
        )
        self.ip("internet", f"address add {side['internet']}/{beyond} dev eth0")
        self.ip(
            "internet",
            f"address add {side['second']}/{beyond} dev eth0",
            f"route add default via {side['gate']}",
        )
        for guest, address in zip(GUESTS, side["guests"], strict=True):
            self.ip(guest, f"address add {address}/{lan} dev eth0")
        # A machine with a route to the namespaces, and one that would use this host as its router.
        ways = [
            *routed,
            f"{side['second']}/{length}",
            *(f"{a}/{length}" for a in of_version["host_addresses"]),
        ]
        self.ip("outside", *(f"route replace {way} via {host}" for way in ways))
        # The router knows the way back to routed networks alone, and to the host's own addresses.
        back = [
            *self.scene["known"][version],
            *(f"{a}/{length}" for a in of_version["host_addresses"]),
        ]
        self.ip(ROUTER, *(f"route replace {way} via {host}" for way in back))
        self.ip(
            "host",
            *(f"address add {a}/{length} dev {uplink}" for a in of_version["host_addresses"]),
        )
        for address in of_version["routers"]:
            self.ip(ROUTER, f"address add {address}/{length} dev eth0")
            self.ip("host", f"route replace {address}/{length} dev {uplink}")
        for address in of_version["remote"]:
            self.ip("internet", f"address add {address}/{length} dev lo")
            self.ip(ROUTER, f"route replace {address}/{length} via {side['internet']}")

    def stand_in(self, program: str, text: str) -> None:
        """Put a program in the place of one that is missing here, or cannot work here."""
        path = self.programs / program
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    # -- commands -------------------------------------------------------------------------------

    def inside(self, node: str, *command: str) -> None:
        """Run a command in one of the nodes."""
        run("nsenter", f"--net={self.nodes / node}", *command)

    def ip(self, node: str, *lines: str) -> None:
        """Give ip(8) some lines in one of the nodes."""
        if lines:
            text = "".join(f"{line}\n" for line in lines)
            run("nsenter", f"--net={self.nodes / node}", "ip", "-batch", "-", text=text)
