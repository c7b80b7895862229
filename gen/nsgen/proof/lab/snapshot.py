"""Print the state of the machine under test, one fact a line, so that `diff` tells what changed.

Links with all their attributes (bridges and their ports too), addresses, routes and rules of all
tables, iptables-save, and every sysctl under net, in the host and in each namespace of /run/netns; what was
written under /etc, and under /run/nsgen unless ``--stateless`` is given; and the processes.
What differs between two equal machines is left out: indexes, timers, counters, and addresses that
are made of a random MAC.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from nsgen.proof.lab.mounts import own_sys
from nsgen.proof.lab.nodes import go_into

NETNS = Path("/run/netns")
OWN = "nsgen.proof.lab"  # what the processes of a rehearsal have in their command line

# Of `ip -j -d link`, by the last key: indexes, timers and what follows from other links' MACs.
VOLATILE_LINK = {
    "ifindex", "link_index", "link_netnsid", "stats64", "stats", "operstate", "id", "no",
    "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "hold_timer",
    "message_age_timer", "forward_delay_timer", "bridge_id", "root_id", "root_port",
    "root_path_cost", "topology_change", "topology_change_detected", "topology_change_ack",
    "config_pending", "designated_bridge", "designated_root", "designated_port",
    "designated_cost", "fdb_n_learned", "allmulti", "promiscuity", "mcast_querier_ipv4_addr",
    "flags", "num_tx_queues", "num_rx_queues", "gso_max_size", "gso_max_segs", "tso_max_size",
    "tso_max_segs", "gro_max_size", "gso_ipv4_max_size", "gro_ipv4_max_size", "txqlen",
}  # fmt: skip
VOLATILE_ADDRESS = {"preferred_life_time", "valid_life_time"}
VOLATILE_ROUTE = {"expires", "pref", "error", "flags"}
VOLATILE_SYSCTL = re.compile(r"count$|fastopen_key$|stable_secret$|\.ns_last_pid$")
RANDOM = 1  # NET_ADDR_RANDOM, /sys/class/net/*/addr_assign_type

Line = str


def flat(value: Any, volatile: set[str], prefix: str = "") -> Iterator[Line]:
    """The leaves of a JSON value, as KEY=VALUE."""
    if isinstance(value, dict):
        for name in sorted(value):
            if name not in volatile:
                yield from flat(value[name], volatile, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from flat(item, volatile, f"{prefix}[{index}]")
    else:
        yield f"{prefix}={value}"


def output(*command: str) -> str:
    """What a command prints; nothing where it is not there or has nothing to say."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def records(family: str, *commands: str) -> Iterator[list[dict[str, Any]]]:
    """The JSON that commands of ip(8) print, in one process, without the empty objects that it leaves."""
    words = ["ip", "-json", "-details", *family.split(), "-force", "-batch", "-"]
    lines = "\n".join(commands)
    text = subprocess.run(words, input=lines, capture_output=True, text=True, check=False).stdout
    decoder, at = json.JSONDecoder(), 0
    for _ in commands:
        at = len(text) - len(text[at:].lstrip())
        found, at = decoder.raw_decode(text, at) if at < len(text) else ([], at)
        yield [record for record in found if record]


def links() -> Iterator[Line]:
    """Every link, whether it is up, and its addresses."""
    found, addressed = records("", "link show", "address show")
    for link in found:
        name = link["ifname"]
        flags = [flag for flag in link["flags"] if flag in ("UP", "NOARP", "PROMISC", "ALLMULTI")]
        yield f"link {name} flags={' '.join(sorted(flags))}"
        for line in flat(link, VOLATILE_LINK | {"ifname"}):
            yield f"link {name} {line}"
    for link in addressed:
        for address in link["addr_info"]:
            forever = address.get("valid_life_time") == 2**32 - 1
            words = " ".join(flat(address, VOLATILE_ADDRESS))
            yield f"address {link['ifname']} {words}{'' if forever else ' expires'}"


def routes() -> Iterator[Line]:
    """Every route of every table, and the rules that choose among them."""
    for family in ("-4", "-6"):
        found, rules = records(family, "route show table all", "rule show")
        for route in found:
            flags = [flag for flag in route["flags"] if flag not in ("linkdown", "dead")]
            yield f"route {family} {' '.join([*flat(route, VOLATILE_ROUTE), *flags])}"
        for rule in rules:
            yield f"rule {family} {' '.join(flat(rule, set()))}"


def firewall() -> Iterator[Line]:
    """iptables-save and ip6tables-save, without counters, dates and empty tables."""
    for command in ("iptables-save", "ip6tables-save"):
        table: list[Line] = []
        for line in output(command).splitlines():
            if line.startswith("#"):
                continue
            if line == "COMMIT":
                if any(not re.fullmatch(r":\S+ ACCEPT", entry) for entry in table[1:]):
                    yield from (f"{command} {table[0]} {entry}" for entry in table[1:])
                table = []
            else:
                table.append(re.sub(r" \[\d+:\d+\]$", "", line))


def sysctls() -> Iterator[Line]:
    """Every readable sysctl under net: some thousand files, so they are read by the shortest way."""
    for folder, _, names in os.walk("/proc/sys/net"):
        for name in names:
            path = f"{folder}/{name}"
            # With '/' between the parts, as sysctl(8) takes it too: a device's name may have a dot.
            key = path[len("/proc/sys/") :]
            if VOLATILE_SYSCTL.search(key):
                continue
            try:
                file = os.open(path, os.O_RDONLY)
            except OSError:
                continue
            try:
                value = " ".join(os.read(file, 65536).decode().split())
            except OSError:
                continue
            finally:
                os.close(file)
            yield f"sysctl {key}={value}"


def random_addresses() -> dict[str, str]:
    """Each random MAC, and the IPv6 link-local address made of it, with what to print instead."""
    found = {}
    for device in Path("/sys/class/net").iterdir():
        if not (device / "addr_assign_type").is_file():
            continue
        if int((device / "addr_assign_type").read_text()) != RANDOM:
            continue
        mac = (device / "address").read_text().strip()
        found[mac] = "RANDOM-MAC"
        octets = bytearray.fromhex(mac.replace(":", ""))
        octets[0] ^= 2  # RFC 4291, appendix A
        identifier = (octets[:3] + b"\xff\xfe" + octets[3:]).hex()
        groups = [f"{int(identifier[at : at + 4], 16):x}" for at in range(0, 16, 4)]
        found["fe80::" + ":".join(groups)] = "RANDOM-LINK-LOCAL"
    return found


def show_node() -> None:
    """Print the facts of the node that this process is in."""
    lines = [*links(), *routes()]
    # Made of a secret that each namespace draws for itself, RFC 7217. Sorted with it, the lines would be in any order.
    secret = re.findall(r" local=(fe80::\S+) .*stable-privacy=True", "\n".join(lines))
    for address in secret:
        lines = [line.replace(address, "RANDOM-LINK-LOCAL") for line in lines]
    text = "\n".join([*sorted(lines), *firewall(), *sorted(sysctls())])
    for drawn, instead in random_addresses().items():
        text = text.replace(drawn, instead)
    sys.stdout.write(text + "\n")


def described(path: Path | None) -> tuple[int, IO[str]]:
    """Start to describe a node, the host or another one, in a process of its own: its id, and what it writes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, os.fdopen(reader)
    status = 1
    try:
        os.dup2(writer, sys.stdout.fileno())
        if path is not None:
            go_into(os.open(path, os.O_RDONLY))
            own_sys()
        show_node()
        sys.stdout.flush()
        status = 0
    finally:
        os._exit(status)


def files(*, stateless: bool) -> Iterator[Line]:
    """What was written under /etc, and what a script remembers."""
    written = Path(os.environ["NSGEN_NODES"]).parent / "etc/upper"
    own = {written / "resolv.conf"}
    roots = [(written, "/etc"), (Path("/run/nsgen"), "/run/nsgen")]
    for root, shown in roots[: 1 if stateless else 2]:
        for path in sorted(root.rglob("*")):
            name = f"{shown}/{path.relative_to(root)}"
            if path.is_symlink():
                yield f"file {name} -> {path.readlink()}"
            elif path.is_dir():
                yield f"folder {name}"
            elif path.is_file() and path not in own:
                yield f"file {name}"
                # A log says what happened, not what is; a namespace that is mounted cannot be read.
                if path.suffix != ".log" and not path.is_mount():
                    lines = path.read_text(errors="replace").splitlines()
                    yield from (f"file {name}: {line}" for line in lines)


def is_lab(words: list[str]) -> bool:
    """Whether a process is the rehearsal's own, or the lab's of the tests."""
    own = any(OWN in word or "/lab/" in word for word in words[:4])
    return own or words[:2] == ["sleep", "1"]


def processes(nodes: dict[int, str]) -> Iterator[Line]:
    """Who runs in which node, but for the lab, and us and our ancestors."""
    ours, pid = {1}, os.getpid()
    while pid > 1:
        ours.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        try:
            words = (entry / "cmdline").read_text().split("\0")[:-1]
            node = nodes.get((entry / "ns/net").stat().st_ino, "?")
            owner = entry.stat().st_uid
        except OSError:
            continue
        if words and not is_lab(words):
            yield f"process {node} uid={owner} {' '.join(words)}"


def show_host(*, stateless: bool) -> None:
    """Print the facts of the host and of every namespace that the script under test made."""
    namespaces = sorted(NETNS.iterdir()) if NETNS.is_dir() else []
    places = {"host": None} | {path.name: path for path in namespaces}
    for name, (child, written) in {n: described(p) for n, p in places.items()}.items():
        with written:
            print_prefixed(name, written.read().splitlines())
        if os.waitpid(child, 0)[1]:
            print_prefixed(name, ["cannot be entered"])
    nodes = {path.stat().st_ino: path.name for path in namespaces if path.exists()}
    nodes[Path("/proc/self/ns/net").stat().st_ino] = "host"
    print_prefixed("host", files(stateless=stateless))
    print_prefixed("host", sorted(processes(nodes)))


def print_prefixed(name: str, lines: Iterable[Line]) -> None:
    """Print the lines, each with the node's name before it."""
    sys.stdout.writelines(f"{name} {line}\n" for line in lines)
    sys.stdout.flush()


def main() -> None:
    """Take a snapshot of the machine."""
    show_host(stateless="--stateless" in sys.argv[1:])


if __name__ == "__main__":
    main()
