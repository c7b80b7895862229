"""What a script does to the kernel: a frozen record for each action, with its command and what undoes it.

This is the only module that knows the syntax of ip(8), bridge(8), iptables(8), sysctl(8) and modprobe(8). A command
is a tuple of words. An ip command leaves out in which node it runs: `Op.node` says that, and a target decides how to
get there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from nsgen.values import Ports

Argv = tuple[str, ...]
Table = Literal["raw", "nat", "filter"]
Place = Literal["first", "last"]

HOST = "host"
MARK = "nsgen:{}"  # whose a device, a jump or a file is: its alias, comment or first line; {} is the topology's name


@dataclass(frozen=True)
class Op:
    """One action in one node."""

    node: str

    def argv(self) -> Argv:
        """The command that does it."""
        raise NotImplementedError

    def undo(self) -> tuple[Argv, ...]:
        """The commands that undo it; none where it goes away with something else."""
        return ()


@dataclass(frozen=True)
class AddNamespace(Op):
    """A network namespace, ip-netns(8)."""

    name: str

    def argv(self) -> Argv:
        """Create it, and the file that keeps it."""
        return ("ip", "netns", "add", self.name)

    def undo(self) -> tuple[Argv, ...]:
        """Delete the file; the kernel deletes the namespace when its last process is gone."""
        return (("ip", "netns", "del", self.name),)


@dataclass(frozen=True)
class AddBridge(Op):
    """A bridge, ip-link(8)."""

    name: str
    mac: str
    stp: bool | None  # None: as a new one is
    mtu: int

    def argv(self) -> Argv:
        """Create it, with its address if it has one: then no port's address ever becomes the bridge's."""
        options = _options(self.mac, self.mtu, "")
        stp = () if self.stp is None else ("stp_state", str(int(self.stp)))
        return ("ip", "link", "add", "name", self.name, *options, "type", "bridge", *stp)

    def undo(self) -> tuple[Argv, ...]:
        """Delete it; its ports stay, without a master."""
        return (("ip", "link", "del", "dev", self.name),)


@dataclass(frozen=True)
class AddVeth(Op):
    """A veth pair, veth(4): `name` here, and `peer` in the namespace `peer_into`, or here too."""

    name: str
    peer: str
    peer_into: str
    mtu: int
    peer_mac: str
    mac: str = ""

    def argv(self) -> Argv:
        """Create both ends where they belong, with one MTU: unequal ones swallow large packets."""
        first = _options(self.mac, self.mtu, "")
        second = _options(self.peer_mac, self.mtu, self.peer_into)
        return (
            *("ip", "link", "add", "name", self.name, *first, "type", "veth"),
            *("peer", "name", self.peer, *second),
        )

    def undo(self) -> tuple[Argv, ...]:
        """Delete one end, and the other goes with it."""
        return (("ip", "link", "del", "dev", self.name),)


def _options(mac: str, mtu: int, into: str) -> Argv:
    found: Argv = ("address", mac) if mac else ()
    found += ("mtu", str(mtu)) if mtu else ()
    return found + (("netns", into) if into else ())


@dataclass(frozen=True)
class AddLink(Op):
    """A device of some kind, ip-link(8), made in this node on the device `parent`, and put `into` another node."""

    name: str
    kind: str
    words: Argv = ()
    parent: str = ""
    into: str = ""
    mac: str = ""
    mtu: int = 0

    def argv(self) -> Argv:
        """Create it."""
        parent = ("link", self.parent) if self.parent else ()
        options = _options(self.mac, self.mtu, self.into)
        return (
            *("ip", "link", "add", "name", self.name, *parent, *options),
            *("type", self.kind, *self.words),
        )

    def undo(self) -> tuple[Argv, ...]:
        """Delete it; in a namespace it goes with that."""
        return () if self.into else (("ip", "link", "del", "dev", self.name),)


@dataclass(frozen=True)
class TakeDevice(Op):
    """A device of the host that moves into a namespace, ip-link(8)."""

    device: str

    def argv(self) -> Argv:
        """Move it."""
        return ("ip", "link", "set", "dev", self.device, "netns", self.node)


@dataclass(frozen=True)
class SetLink(Op):
    """Settings of a device, ip-link(8)."""

    device: str
    settings: Argv

    def argv(self) -> Argv:
        """Set them; `dev` keeps a name from being read as a keyword."""
        return ("ip", "link", "set", "dev", self.device, *self.settings)


@dataclass(frozen=True)
class AddAddress(Op):
    """An address with its prefix, ip-address(8)."""

    address: str
    device: str

    def argv(self) -> Argv:
        """Set it. `nodad`: nobody else is on the link who could have it, and DAD takes a second."""
        nodad = ("nodad",) if ":" in self.address else ()
        return ("ip", "address", "replace", self.address, "dev", self.device, *nodad)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it."""
        return (("ip", "address", "del", self.address, "dev", self.device),)


@dataclass(frozen=True)
class AddRoute(Op):
    """A route, ip-route(8): its destination, and the rest of its words."""

    route: Argv

    def argv(self) -> Argv:
        """Set it."""
        return ("ip", "route", "replace", *self.route)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it."""
        return (("ip", "route", "del", *self.route),)


@dataclass(frozen=True)
class AddPolicy(Op):
    """A rule of policy routing, ip-rule(8): which table is asked for which packets."""

    version: int
    words: Argv

    def argv(self) -> Argv:
        """Add it."""
        return ("ip", *self._family, "rule", "add", *self.words)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it."""
        return (("ip", *self._family, "rule", "del", *self.words),)

    @property
    def _family(self) -> Argv:
        return ("-6",) if self.version == 6 else ()


@dataclass(frozen=True)
class SetVlan(Op):
    """A VLAN of a bridge's port, bridge(8)."""

    port: str
    vlan: int
    untagged: bool

    def argv(self) -> Argv:
        """Put the port into it."""
        flags = ("pvid", "untagged") if self.untagged else ()
        return ("bridge", "vlan", "add", "dev", self.port, "vid", str(self.vlan), *flags)


@dataclass(frozen=True)
class AddPeer(Op):
    """Another machine of a VXLAN, bridge(8): who gets what is for everybody, or for nobody known."""

    device: str
    address: str

    def argv(self) -> Argv:
        """Add it to the list of those."""
        anybody = "00:00:00:00:00:00"
        return ("bridge", "fdb", "append", anybody, "dev", self.device, "dst", self.address)


@dataclass(frozen=True)
class Impede(Op):
    """Delay, loss and rate of what leaves by a device: netem, tc-netem(8)."""

    device: str
    words: Argv

    def argv(self) -> Argv:
        """Set them."""
        return ("tc", "qdisc", "replace", "dev", self.device, "root", "netem", *self.words)


@dataclass(frozen=True)
class SetWireguard(Op):
    """The key and the port of a WireGuard device, wg(8)."""

    device: str
    key_file: str
    port: int

    def argv(self) -> Argv:
        """Set them; the key comes from its file, and is on no command line."""
        port = ("listen-port", str(self.port)) if self.port else ()
        return ("wg", "set", self.device, "private-key", self.key_file, *port)


@dataclass(frozen=True)
class SetPeer(Op):
    """A peer of a WireGuard device, wg(8), known by its public key or by the file of its private one."""

    device: str
    public_key: str
    key_file: str
    allowed: str
    endpoint: str
    keepalive: int

    def words(self) -> Argv:
        """What is set, behind the key."""
        endpoint = ("endpoint", self.endpoint) if self.endpoint else ()
        keepalive = ("persistent-keepalive", str(self.keepalive)) if self.keepalive else ()
        return ("allowed-ips", self.allowed, *endpoint, *keepalive)


@dataclass(frozen=True)
class LoadModule(Op):
    """A kernel module, modprobe(8)."""

    name: str

    def argv(self) -> Argv:
        """Load it."""
        return ("modprobe", self.name)


@dataclass(frozen=True)
class SetSysctl(Op):
    """A kernel parameter, sysctl(8); the host's are also set at boot, by a file in /etc/sysctl.d."""

    key: str
    value: str

    def argv(self) -> Argv:
        """Write it."""
        return ("sysctl", "-q", "-w", f"{self.key}={self.value}")

    def line(self) -> str:
        """It as a line of sysctl.conf(5)."""
        return f"{self.key} = {self.value}"


@dataclass(frozen=True)
class KeepAdvertisements(Op):
    """The default routes that the host has from router advertisements, which it is to keep when it forwards IPv6."""


def _iptables(version: int) -> str:
    return "iptables" if version == 4 else "ip6tables"


@dataclass(frozen=True)
class Rule(Op):
    """A rule in a chain of ours, in the words and the order in which iptables-save prints it."""

    version: int
    table: Table
    chain: str
    words: Argv
    why: str = ""

    def argv(self) -> Argv:
        """Append it."""
        return (_iptables(self.version), "-w", "-t", self.table, "-A", self.chain, *self.words)


@dataclass(frozen=True)
class Chain(Op):
    """A chain of ours, and the rules in it."""

    version: int
    table: Table
    name: str
    rules: tuple[Rule, ...]

    def argv(self) -> Argv:
        """Create it, empty."""
        return (_iptables(self.version), "-w", "-t", self.table, "-N", self.name)

    def undo(self) -> tuple[Argv, ...]:
        """Empty it, delete it."""
        command = (_iptables(self.version), "-w", "-t", self.table)
        return ((*command, "-F", self.name), (*command, "-X", self.name))


@dataclass(frozen=True)
class Jump(Op):
    """The one rule of ours in a built-in chain: it leads to a chain of ours, and says whose it is.

    One with `unless` is there only where that kernel parameter was 0 before.
    """

    version: int
    table: Table
    builtin: str
    place: Place
    match: Argv
    topology: str
    chain: str
    unless: str = ""

    FLAG: ClassVar[dict[str, str]] = {"first": "-I", "last": "-A"}

    def words(self) -> Argv:
        """The rule, in the words and the order in which iptables-save prints it."""
        comment = ("-m", "comment", "--comment", MARK.format(self.topology))
        return (*self.match, *comment, "-j", self.chain)

    def argv(self) -> Argv:
        """Put it first, so that no rule after it can undo what ours decide; or last, after all others."""
        command = (_iptables(self.version), "-w", "-t", self.table)
        return (*command, self.FLAG[self.place], self.builtin, *self.words())

    def undo(self) -> tuple[Argv, ...]:
        """Take it out."""
        command = (_iptables(self.version), "-w", "-t", self.table)
        return ((*command, "-D", self.builtin, *self.words()),)


@dataclass(frozen=True)
class ForgetUdp(Op):
    """Connection tracking entries of a published UDP port, conntrack(8): they outlive the rule they came from."""

    version: int
    ports: Ports

    def each(self) -> tuple[Argv, ...]:
        """Delete them, one port at a time; exit status 1 says that there was none."""
        command = ("conntrack", "-D", "-f", f"ipv{self.version}", "-p", "udp", "--orig-port-dst")
        return tuple((*command, str(port)) for port in range(self.ports.first, self.ports.last + 1))


@dataclass(frozen=True)
class WriteFile(Op):
    """A file of ours, there only where the service `reader` could read it.

    Those under /etc/netns/NAMESPACE are what `ip netns exec` shows as /etc/FILE, ip-netns(8).
    """

    path: str
    text: str
    reader: str = ""


@dataclass(frozen=True)
class StartService(Op):
    """A process that goes on running."""

    name: str
    command: Argv
    directory: str = ""
    environment: Argv = ()
    user: str = ""

    def argv(self) -> Argv:
        """The program, behind what sets its directory, environment and user."""
        directory = ("-C", self.directory) if self.directory else ()
        env = ("env", *directory, *self.environment) if directory or self.environment else ()
        user = ("runuser", "-u", self.user, "--") if self.user else ()
        return (*env, *user, *self.command)


@dataclass(frozen=True)
class RunCommand(Op):
    """The author's own command, the escape hatch."""

    up: Argv
    down: Argv

    def argv(self) -> Argv:
        """Run it."""
        return self.up

    def undo(self) -> tuple[Argv, ...]:
        """Run what the author says undoes it."""
        return (self.down,) if self.down else ()


IpOp = AddNamespace | AddBridge | AddVeth | AddLink | SetLink | AddAddress | AddRoute
BridgeOp = SetVlan | AddPeer
IP_OPS = get_args(IpOp)
BRIDGE_OPS = get_args(BridgeOp)
