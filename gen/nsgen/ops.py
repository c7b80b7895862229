"""What a script does to the kernel: a frozen record for each action, with its command and what undoes it.

This is the only module that knows the syntax of ip(8), bridge(8), tc(8), iptables(8), sysctl(8) and modprobe(8). A
command is a tuple of words. It leaves out in which node it runs: `Operation.node` says that, and `inside` and
`netns_exec` how to get there.

It is long because it is a list: records of ten lines that have nothing to do with each other. In one module they are
loaded at one go, by every run of nsgen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from nsgen.values import HOST as HOST  # noqa: PLC0414 - whoever makes an operation for it finds it here
from nsgen.values import IPAddress, IPNetwork, Ports

Argv = tuple[str, ...]
Table = Literal["raw", "mangle", "nat", "filter"]
RulePosition = Literal["first", "last"]
Where = IPAddress | IPNetwork | None  # whose packets, or to whom; None: anybody's

MARK = "nsgen:{}"  # whose a device, a jump or a file is: its alias, comment or first line; {} is the topology's name


def ip_family(version: int) -> Argv:
    """What ip(8) is told of the IP version, where it does not tell by itself."""
    return ("-6",) if version == 6 else ()


def word_after(word: str, words: Argv) -> str:
    """The word that follows a keyword of a command, or nothing."""
    return words[words.index(word) + 1] if word in words else ""


def netns_exec(node: str) -> Argv:
    """What takes a command into a node, ip-netns(8)."""
    return () if node == HOST else ("ip", "netns", "exec", node)


def inside(node: str, argv: Argv) -> Argv:
    """A command of ours in a node: iproute2's programs go there by themselves, others are taken there."""
    if node != HOST and argv[0] in ("ip", "bridge", "tc"):
        return (argv[0], "-n", node, *argv[1:])
    return (*netns_exec(node), *argv)


def batch_words(argv: Argv) -> Argv:
    """A command of iproute2's as its program reads it with -batch: that and the family are given once, for all."""
    return argv[2:] if argv[1] == "-6" else argv[1:]


# -- what operations have in common ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """One action in one node.

    `argv()` is the command that does it, and `undo()` those that undo it, once what came later is undone. Neither has a
    default: one that has no command, or takes none to be undone, says why. `InNamespace` is what goes with its
    namespace, if it is in one.
    """

    node: str


class GoesWithDevice:
    """What is set on a device, and is gone when that is."""

    def undo(self) -> tuple[Argv, ...]:
        """Nothing: deleting the device does it."""
        return ()


class PutBack:
    """What is undone by what the script has written down: a value from before, the number of a process."""

    def undo(self) -> tuple[Argv, ...]:
        """Nothing that is known before it is done: a style writes it down, and puts it back."""
        return ()


class Stays:
    """What nobody undoes."""

    def undo(self) -> tuple[Argv, ...]:
        """Nothing."""
        return ()


# -- namespaces and devices --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AddNamespace(Operation):
    """A network namespace, ip-netns(8)."""

    name: str

    def argv(self) -> Argv:
        """Create it, and the file that keeps it."""
        return ("ip", "netns", "add", self.name)

    def undo(self) -> tuple[Argv, ...]:
        """Delete the file; the kernel deletes the namespace when its last process is gone."""
        return (("ip", "netns", "del", self.name),)


@dataclass(frozen=True)
class JoinNamespace(Operation):
    """A network namespace that somebody else made, ip-netns(8), as the namespace `name`; `path` is its file.

    `free`: what ip(8) is asked for there, and has to know nothing of before.
    """

    name: str
    path: str
    free: tuple[Argv, ...] = ()

    def argv(self) -> Argv:
        """Name it by a process in it: the one that `path` is of, or the very one that does it."""
        if self.path == f"/run/netns/{self.name}":
            return ()
        process = re.fullmatch(r"/proc/([0-9]+)/ns/net", self.path)
        attach = ("ip", "netns", "attach", self.name)
        if process is not None:
            return (*attach, process[1])
        return ("nsenter", f"--net={self.path}", "sh", "-c", f"exec {' '.join(attach)} $$")

    def undo(self) -> tuple[Argv, ...]:
        """Take the name away, if it is ours; the namespace stays."""
        return (("ip", "netns", "del", self.name),) if self.argv() else ()


@dataclass(frozen=True)
class AddBridge(Operation):
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
class AddVeth(Operation):
    """A veth pair, veth(4): `name` here, and `peer` in the namespace `peer_into`, or here too."""

    name: str
    peer: str
    peer_into: str
    mtu: int
    peer_mac: str
    mac: str = ""
    peer_mtu: int | None = None  # where it is another one

    def argv(self) -> Argv:
        """Create both ends where they belong, each with its MTU: unequal ones swallow large packets."""
        first = _options(self.mac, self.mtu, "")
        peer_mtu = self.mtu if self.peer_mtu is None else self.peer_mtu
        second = _options(self.peer_mac, peer_mtu, self.peer_into)
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
class AddLink(Operation):
    """A device of some kind, ip-link(8), made in this node on the device `parent`, and put `into` another node."""

    name: str
    kind: str
    words: Argv = ()
    parent: str = ""
    into: str = ""
    mac: str = ""
    mtu: int = 0

    # What one needs of each kind whose words name other devices or addresses.
    ALONE: ClassVar[dict[str, Argv]] = {"bridge": (), "vxlan": ("id", "1", "dstport", "4789")}
    ON_ANOTHER: ClassVar[tuple[str, ...]] = ("vlan", "macvlan", "ipvlan")

    def trial(self, name: str, parent: str) -> AddLink:
        """One of its kind to be tried: it needs nothing else to be there but `parent`."""
        words = self.ALONE.get(self.kind, self.words)
        if "vnifilter" in self.words:
            words = ("external", "vnifilter", "dstport", "4789")
        return AddLink(HOST, name, self.kind, words, parent if self.kind in self.ON_ANOTHER else "")

    def argv(self) -> Argv:
        """Create it."""
        parent = ("link", self.parent) if self.parent else ()
        options = _options(self.mac, self.mtu, self.into)
        return (
            *("ip", "link", "add", "name", self.name, *parent, *options),
            *("type", self.kind, *self.words),
        )

    @property
    def below(self) -> str:
        """The device that it is made on, of the same node as that, or nothing."""
        return self.parent or word_after("dev", self.words)

    def undo(self) -> tuple[Argv, ...]:
        """Delete it; put into a namespace, it goes with that."""
        return () if self.into else (("ip", "link", "del", "dev", self.name),)


@dataclass(frozen=True)
class AddTap(Operation):
    """A device that a program opens, ip-tuntap(8), and that is there without one, too."""

    name: str
    user: str  # who may open it besides root; without one, anybody

    def argv(self) -> Argv:
        """Create it; MAC address and MTU are set afterwards."""
        return ("ip", "tuntap", "add", "name", self.name, "mode", "tap", "user", self.user)

    def undo(self) -> tuple[Argv, ...]:
        """Delete it, whoever has it open."""
        return (("ip", "link", "del", "dev", self.name),)


@dataclass(frozen=True)
class TakeDevice(Operation):
    """A device of the host that moves into a namespace, or stays and becomes a port of another, ip-link(8)."""

    device: str

    def argv(self) -> Argv:
        """Move it, or make it ready for a master: a bond takes none that is on; this runs on the host."""
        if self.node == HOST:
            return ("ip", "link", "set", "dev", self.device, "down")
        return ("ip", "link", "set", "dev", self.device, "netns", self.node)

    def undo(self) -> tuple[Argv, ...]:
        """Move it back, to where the first process is, or out of its master; this runs in the namespace."""
        if self.node == HOST:
            return (("ip", "link", "set", "dev", self.device, "nomaster"),)
        return (("ip", "link", "set", "dev", self.device, "netns", "1"),)


@dataclass(frozen=True)
class SetLink(GoesWithDevice, Operation):
    """Settings of a device, ip-link(8)."""

    device: str
    settings: Argv

    def argv(self) -> Argv:
        """Set them; `dev` keeps a name from being read as a keyword."""
        return ("ip", "link", "set", "dev", self.device, *self.settings)

    @property
    def master(self) -> str:
        """The device that it becomes a port of, or nothing."""
        return word_after("master", self.settings)

    @property
    def mac(self) -> str:
        """The MAC address that it gets, or nothing."""
        return word_after("address", self.settings)

    @property
    def mtu(self) -> int:
        """The MTU that it gets, in bytes, or 0."""
        return int(word_after("mtu", self.settings) or 0)


@dataclass(frozen=True)
class AddAddress(GoesWithDevice, Operation):
    """An address with its prefix, ip-address(8)."""

    address: str
    device: str
    peer: str = ""

    def argv(self) -> Argv:
        """Set it. `nodad`: nobody else is on the link who could have it, and DAD takes a second."""
        nodad = ("nodad",) if ":" in self.address else ()
        peer = ("peer", self.peer) if self.peer else ()
        return ("ip", "address", "replace", self.address, *peer, "dev", self.device, *nodad)


@dataclass(frozen=True)
class AddNeighbour(GoesWithDevice, Operation):
    """A neighbour that is not asked for its MAC address, or, without one, an address that the device answers for."""

    address: str
    mac: str
    device: str

    def argv(self) -> Argv:
        """Set it, ip-neighbour(8)."""
        known = (self.address, "lladdr", self.mac) if self.mac else ("proxy", self.address)
        permanent = ("nud", "permanent") if self.mac else ()
        return ("ip", "neighbour", "replace", *known, "dev", self.device, *permanent)


@dataclass(frozen=True)
class AddRoute(Operation):
    """A route, ip-route(8): its destination, and the rest of its words."""

    route: Argv

    def argv(self) -> Argv:
        """Set it."""
        return ("ip", "route", "replace", *self.route)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it."""
        return (("ip", "route", "del", *self.route),)


@dataclass(frozen=True)
class AddPolicy(Operation):
    """A rule of policy routing, ip-rule(8): which table is asked for which packets."""

    version: int
    words: Argv

    def argv(self) -> Argv:
        """Add it."""
        return ("ip", *ip_family(self.version), "rule", "add", *self.words)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it."""
        return (("ip", *ip_family(self.version), "rule", "del", *self.words),)


@dataclass(frozen=True)
class SetVlan(GoesWithDevice, Operation):
    """A VLAN of a bridge's port, bridge(8)."""

    port: str
    vlan: int
    untagged: bool

    def argv(self) -> Argv:
        """Put the port into it."""
        flags = ("pvid", "untagged") if self.untagged else ()
        return ("bridge", "vlan", "add", "dev", self.port, "vid", str(self.vlan), *flags)


@dataclass(frozen=True)
class MapVlan(GoesWithDevice, Operation):
    """The number that a VLAN of a bridge has on a VXLAN that is its port, bridge(8)."""

    port: str
    vlan: int
    vni: int

    def argv(self) -> Argv:
        """Map one to the other, both ways."""
        vlan, vni = str(self.vlan), str(self.vni)
        return ("bridge", "vlan", "add", "dev", self.port, "vid", vlan, "tunnel_info", "id", vni)


@dataclass(frozen=True)
class AddVni(GoesWithDevice, Operation):
    """A number of a VXLAN that has several, bridge(8)."""

    device: str
    vni: int

    def argv(self) -> Argv:
        """Let it in."""
        return ("bridge", "vni", "add", "dev", self.device, "vni", str(self.vni))


@dataclass(frozen=True)
class AddPeer(GoesWithDevice, Operation):
    """Another machine of a VXLAN, bridge(8): who gets what is for everybody, or for nobody known."""

    device: str
    address: str
    vni: int | None = None  # of a VXLAN with several

    def argv(self) -> Argv:
        """Add it to the list of those."""
        anybody = "00:00:00:00:00:00"
        vni = ("src_vni", str(self.vni)) if self.vni is not None else ()
        return ("bridge", "fdb", "append", anybody, "dev", self.device, "dst", self.address, *vni)


@dataclass(frozen=True)
class SetNetem(GoesWithDevice, Operation):
    """Delay, loss and rate of what leaves by a device: netem, tc-netem(8)."""

    device: str
    words: Argv

    def argv(self) -> Argv:
        """Set them."""
        return ("tc", "qdisc", "replace", "dev", self.device, "root", "netem", *self.words)


@dataclass(frozen=True)
class SetWireguard(GoesWithDevice, Operation):
    """The key and the port of a WireGuard device, wg(8)."""

    device: str
    key_file: str
    port: int

    def argv(self) -> Argv:
        """Set them; the key comes from its file, and is on no command line."""
        port = ("listen-port", str(self.port)) if self.port else ()
        return ("wg", "set", self.device, "private-key", self.key_file, *port)


@dataclass(frozen=True)
class SetPeer(GoesWithDevice, Operation):
    """A peer of a WireGuard device, wg(8), known by its public key or by the file of its private one."""

    device: str
    public_key: str
    key_file: str
    allowed: str
    endpoint: str
    keepalive: int

    def argv(self) -> Argv:
        """Set it; `peer-of FILE` stands for `peer KEY`, where wg(8) has to tell the public key of a private one."""
        known = ("peer", self.public_key) if self.public_key else ("peer-of", self.key_file)
        return ("wg", "set", self.device, *known, *self.words())

    def words(self) -> Argv:
        """What is set, behind the key."""
        endpoint = ("endpoint", self.endpoint) if self.endpoint else ()
        keepalive = ("persistent-keepalive", str(self.keepalive)) if self.keepalive else ()
        return ("allowed-ips", self.allowed, *endpoint, *keepalive)


# -- the kernel --------------------------------------------------------------------------------------------------------


_SYSCTL = ("sysctl", "-q", "-w")


def show_sysctls(keys: Iterable[str]) -> Argv:
    """Print kernel parameters, as lines of sysctl.conf(5)."""
    return ("sysctl", *keys)


def load_sysctls(path: str) -> Argv:
    """Set kernel parameters to what the lines of a file say."""
    return ("sysctl", "-q", "-p", path)


@dataclass(frozen=True)
class LoadModule(Stays, Operation):
    """A kernel module, modprobe(8); it stays, as others may use it by now."""

    name: str

    def argv(self) -> Argv:
        """Load it."""
        return ("modprobe", self.name)

    def quieten(self) -> Argv:
        """Switch off what it switches on by itself: br_netfilter does, for every bridge of the host."""
        if self.name != "br_netfilter":
            return ()
        tables = ("arptables", "ip6tables", "iptables")
        return (*_SYSCTL, *(f"net.bridge.bridge-nf-call-{name}=0" for name in tables))


@dataclass(frozen=True)
class SetSysctl(PutBack, Operation):
    """A kernel parameter, sysctl(8); the host's are also set at boot, by a file in /etc/sysctl.d."""

    key: str
    value: str

    def argv(self) -> Argv:
        """Write it."""
        return (*_SYSCTL, f"{self.key}={self.value}")

    def line(self) -> str:
        """The parameter as a line of sysctl.conf(5)."""
        return f"{self.key} = {self.value}"


@dataclass(frozen=True)
class KeepAdvertisements(PutBack, Operation):
    """The default routes that the host has from router advertisements, which it is to keep when it forwards IPv6.

    No command is known before: which parameters that takes is seen from the routes.
    """


IPTABLES = {4: "iptables", 6: "ip6tables"}


class Match(NamedTuple):
    """The packets that a rule is for: everything that is there says what they have, or have not.

    The fields are in the order in which iptables-save prints them; `more` are matches of other extensions.
    """

    src: Where = None
    not_src: Where = None
    dst: Where = None
    not_dst: Where = None
    into: str = ""
    not_into: str = ""
    out: str = ""
    not_out: str = ""
    proto: str = ""
    dport: Ports | None = None
    more: Argv = ()
    sport: Ports | None = None

    def words(self) -> Argv:
        """The packets that it matches, as iptables-save prints them: not that an address may be any."""
        found: list[str] = []
        for flag, value in zip(_FLAGS, self, strict=False):
            if value and not (flag in _ADDRESSES and getattr(value, "prefixlen", None) == 0):
                alone = f"/{value.max_prefixlen}" if isinstance(value, IPAddress) else ""
                found += (*flag, f"{value!s}{alone}")
        if self.sport is not None or self.dport is not None:
            found += ("-m", self.proto)
        for option, ports in (("--sport", self.sport), ("--dport", self.dport)):
            if ports is not None:
                found += (option, str(ports).replace("-", ":"))
        return (*found, *self.more)


_ADDRESSES = (("-s",), ("-d",))
_FLAGS = (
    *(("-s",), ("!", "-s"), ("-d",), ("!", "-d")),
    *(("-i",), ("!", "-i"), ("-o",), ("!", "-o"), ("-p",)),
)


class RuleTarget(NamedTuple):
    """What becomes of the packets that a rule is for: its target, a chain among them, and the options of that."""

    target: str
    options: Argv = ()


ACCEPT = RuleTarget("ACCEPT")
DROP = RuleTarget("DROP")
RETURN = RuleTarget("RETURN")
MASQUERADE = RuleTarget("MASQUERADE")


@dataclass(frozen=True)
class Rule(Operation):
    """A rule in a chain of ours."""

    version: int
    table: Table
    chain: str
    match: Match
    verdict: RuleTarget
    why: str = ""

    def words(self) -> Argv:
        """The rule as iptables-save prints it."""
        return (*self.match.words(), "-j", self.verdict.target, *self.verdict.options)

    def argv(self) -> Argv:
        """Append it."""
        return (IPTABLES[self.version], "-w", "-t", self.table, "-A", self.chain, *self.words())


@dataclass(frozen=True)
class Chain(Operation):
    """A chain of ours, and the rules in it; `role`: where it stands, if a built-in chain leads there."""

    version: int
    table: Table
    name: str
    rules: tuple[Rule, ...]
    role: str = ""

    def argv(self) -> Argv:
        """Create it, empty."""
        return (IPTABLES[self.version], "-w", "-t", self.table, "-N", self.name)

    def undo(self) -> tuple[Argv, ...]:
        """Empty it, delete it."""
        command = (IPTABLES[self.version], "-w", "-t", self.table)
        return ((*command, "-F", self.name), (*command, "-X", self.name))


@dataclass(frozen=True)
class Jump(Operation):
    """The one rule of ours in a built-in chain: it leads to a chain of ours, and says whose it is.

    One with `unless` is there only where that kernel parameter was 0 before.
    """

    version: int
    table: Table
    builtin: str
    place: RulePosition
    match: Match
    topology: str
    chain: str
    unless: str = ""

    FLAG: ClassVar[dict[str, str]] = {"first": "-I", "last": "-A"}

    def words(self) -> Argv:
        """The rule as iptables-save prints it."""
        comment = ("-m", "comment", "--comment", MARK.format(self.topology))
        return (*self.match.words(), *comment, "-j", self.chain)

    def argv(self) -> Argv:
        """Put it first, so that no rule after it can undo what ours decide; or last, after all others."""
        command = (IPTABLES[self.version], "-w", "-t", self.table)
        return (*command, self.FLAG[self.place], self.builtin, *self.words())

    def undo(self) -> tuple[Argv, ...]:
        """Take it out."""
        command = (IPTABLES[self.version], "-w", "-t", self.table)
        return ((*command, "-D", self.builtin, *self.words()),)


@dataclass(frozen=True)
class ForgetUdp(Stays, Operation):
    """Connection tracking entries of UDP that is translated, conntrack(8): they outlive the rule they came from.

    The kernel makes new ones.
    """

    version: int
    ports: Ports | None  # that are asked; None: any
    src: Where = None
    dst: Where = None

    def filter(self) -> Argv:
        """Whose they are, ports aside."""
        src = ("-s", str(self.src)) if self.src is not None else ()
        dst = ("-d", str(self.dst)) if self.dst is not None else ()
        return ("-f", f"ipv{self.version}", "-p", "udp", *src, *dst)

    def each(self) -> tuple[Argv, ...]:
        """Delete them, one port at a time; exit status 1 says that there was none."""
        command = ("conntrack", "-D", *self.filter())
        if self.ports is None:
            return (command,)
        ports = range(self.ports.first, self.ports.last + 1)
        return tuple((*command, "--orig-port-dst", str(port)) for port in ports)


@dataclass(frozen=True)
class WriteFile(Operation):
    """A file of ours, there only where the service `reader` could read it.

    Those under /etc/netns/NAMESPACE are what `ip netns exec` shows as /etc/FILE, ip-netns(8). What is for a `boot` is
    written by `install`, and by nothing else.
    """

    path: str
    text: str
    reader: str = ""
    boot: bool = False

    @property
    def folder(self) -> str:
        """Where it is."""
        return self.path.rpartition("/")[0]

    def prepare(self) -> Argv:
        """Make its folder; it is then written by the shell itself."""
        return ("mkdir", "-p", self.folder)

    def undo(self) -> tuple[Argv, ...]:
        """Remove it, and its folder if nothing else is in there."""
        return (("rm", self.path), ("rmdir", "--ignore-fail-on-non-empty", self.folder))


@dataclass(frozen=True)
class StartService(PutBack, Operation):
    """A process that goes on running, and is stopped by its number."""

    name: str
    command: Argv
    directory: str = ""
    environment: Argv = ()
    user: str = ""
    restart: Literal["", "always", "on-failure"] = ""
    after: Argv = ()  # each NODE.SERVICE; it stands behind them

    def argv(self) -> Argv:
        """The program, behind what sets its directory, environment and user."""
        return (*self.prefix, *self.command)

    @property
    def prefix(self) -> Argv:
        """What sets its directory, environment and user."""
        directory = ("-C", self.directory) if self.directory else ()
        env = ("env", *directory, *self.environment) if directory or self.environment else ()
        user = ("runuser", "-u", self.user, "--") if self.user else ()
        return (*env, *user)


@dataclass(frozen=True)
class AwaitService(Stays, Operation):
    """Wait until a service is ready: somebody listens on a port of its node, or a command ends with 0."""

    name: str
    within: int  # seconds
    port: int = 0
    protocol: str = ""
    command: Argv = ()  # in place of a port
    prefix: Argv = ()  # of the service

    def argv(self) -> Argv:
        """The command, or what lists who listens on the port: that there is a line tells."""
        listening = ("ss", "-Hln", f"--{self.protocol}", f"sport = :{self.port}")
        return (*self.prefix, *self.command) if self.command else listening


@dataclass(frozen=True)
class RunCommand(Operation):
    """The author's own command, the escape hatch."""

    up: Argv
    down: Argv

    def argv(self) -> Argv:
        """Run it."""
        return self.up

    def undo(self) -> tuple[Argv, ...]:
        """Run what the author says undoes it."""
        return (self.down,) if self.down else ()


# -- all of them -------------------------------------------------------------------------------------------------------

# What iproute2's programs do, what WireGuard is told, and what goes with its namespace, if it is in one.
NewDevice = AddBridge | AddVeth | AddLink | AddTap
IpOp = AddNamespace | NewDevice | SetLink | AddAddress | AddNeighbour | AddRoute
BridgeOp = SetVlan | MapVlan | AddVni | AddPeer
Iproute = IpOp | BridgeOp | AddPolicy | SetNetem
WireguardOp = SetWireguard | SetPeer
InNamespace = Iproute | WireguardOp | SetSysctl | Chain | Jump

# An operation is one of these. Who distinguishes them ends in `assert_never`: so mypy asks there for a new one.
Op = (
    InNamespace
    | JoinNamespace
    | TakeDevice
    | LoadModule
    | KeepAdvertisements
    | ForgetUdp
    | WriteFile
    | StartService
    | AwaitService
    | RunCommand
)


# -- what ip(8) is asked for, of which there is one ---------------------------------------------

METRIC = {4: "0", 6: "1024"}  # of a route that says nothing of it, linux/net/ipv6/route.c


def asked_for(node: str, ops: Iterable[Op]) -> Iterator[Argv]:
    """What ip(8) is asked for things of which there is one: devices, addresses, routes, priorities of rules."""
    for op in ops:
        if isinstance(op, AddVeth):
            ends = ((op.node, op.name), (op.peer_into or op.node, op.peer))
            yield from (("link", "show", "dev", name) for where, name in ends if where == node)
        elif isinstance(op, AddLink) and (op.into or op.node) == node:
            yield ("link", "show", "dev", op.name)
        elif op.node != node:
            continue
        elif isinstance(op, AddTap):
            yield ("link", "show", "dev", op.name)
        elif isinstance(op, TakeDevice):
            yield ("link", "show", "dev", op.device)
        elif isinstance(op, AddAddress):
            address = op.address.partition("/")[0]
            yield (*ip_family(_version(op.address)), "address", "show", "to", address)
        elif isinstance(op, AddPolicy):
            yield (*ip_family(op.version), "rule", "show", "priority", op.words[1])
        elif isinstance(op, AddRoute):
            yield _route(" ".join(op.route))


def _version(words: str) -> int:
    return 6 if ":" in words else 4


def _route(words: str) -> Argv:
    """Routes with the same destination, table and metric are one, to the kernel."""
    to = re.sub(r"^(local|blackhole|unreachable|prohibit|throw) ", "", words).split()[0]
    version = _version(
        words.replace("via inet6", "").split(" via ")[0] if to != "default" else words
    )
    said = dict(re.findall(r" (table|metric) (\S+)", words))
    metric = said.get("metric", METRIC[version])
    table = said.get("table", "main")
    return (*ip_family(version), "route", "show", "exact", to, "table", table, "metric", metric)
