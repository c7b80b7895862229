"""Print what the kernel says of a machine as one JSON document: links, addresses, routes, rules, parameters, processes.

The host, which is where this runs, and every namespace under /run/netns. Nothing is changed, and nothing is left out
but what cannot be read: what does not matter (indexes, timers, counters) is decided by who compares. Its counterpart
with types is :mod:`nsgen.proof.state`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from nsgen.proof.lab.kernel import Record, node
from nsgen.proof.lab.mounts import own_sys
from nsgen.proof.lab.nodes import (
    CLONE_NEWNET,
    LIBC,
    SCRIPT_NAMESPACES,
    go_into,
    namespace_of,
    node_of,
)
from nsgen.proof.lab.programs import RehearsalError

HOST = "host"
FILES = Path("/etc/netns")
LONGEST = 1 << 20  # bytes of a file that is still read
EMPTY: Literal["empty~"] = "empty~"  # as no namespace can be called
AT_ONCE = 8  # namespaces that are read at the same time

Place = Path | Literal["empty~"] | None  # a namespace's file, a new one, or where this runs


def begun(place: Place, others: Mapping[str, Path]) -> tuple[int, int]:
    """Begin to read a node in a process of its own: its id, and where it writes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    status = 1
    try:
        os.close(reader)
        try:
            enter(place)
            text = json.dumps(node(others))
        except OSError as error:
            text = json.dumps({"error": os.strerror(error.errno or 0)})
        with os.fdopen(writer, "w") as stream:
            stream.write(text)
        status = 0
    finally:
        os._exit(status)


def enter(place: Place) -> None:
    """Go into a namespace, and have its own /sys where that can be."""
    if place == EMPTY and LIBC.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    if isinstance(place, Path):
        go_into(os.open(place, os.O_RDONLY))
    with contextlib.suppress(RehearsalError):
        own_sys()


def collected(child: int, reader: int) -> Record:
    """What such a process has written."""
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    found: Record = json.loads(text or '{"error": "it cannot be read"}')
    return found


def nodes(*, empty: bool) -> tuple[dict[str, Record], dict[str, str]]:
    """Every node by its name, the host first; and those that cannot be read, with the reason."""
    folder = SCRIPT_NAMESPACES
    own = {path.name: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    twice = {
        name: f"there is {node_of(name)}, too"
        for name in own
        if node_of(name) in own.keys() - {name}
    }
    paths = {node_of(name): path for name, path in own.items() if name not in twice}
    places: list[tuple[str, Place]] = [(HOST, None), *([(EMPTY, EMPTY)] if empty else [])]
    known: dict[int, str] = {}
    for name, path in paths.items():
        first = known.setdefault(path.stat().st_ino, name)
        if first != name:
            twice[name] = f"it is the namespace {first} by another name"
        else:
            places.append((name, path))
    others = {HOST: Path(f"/proc/{os.getpid()}/ns/net"), **paths}
    found: dict[str, Record] = {}
    for at in range(0, len(places), AT_ONCE):
        started = [(name, begun(path, others)) for name, path in places[at : at + AT_ONCE]]
        found |= {name: collected(*process) for name, process in started}
    unreadable = {name: record["error"] for name, record in found.items() if "error" in record}
    unreadable |= twice
    whole = {name: record for name, record in found.items() if "error" not in record}
    add_peers(whole)
    return whole, unreadable


def renamed(nodes: Iterable[str]) -> dict[str, str]:
    """The nodes that are called otherwise than their namespaces, and what those are called."""
    return {node: namespace_of(node) for node in nodes if namespace_of(node) != node}


def add_peers(found: Mapping[str, Record]) -> None:
    """Say of each link what it is tied to, where that can be told: `peer`, a node and a device."""
    indexes = {
        (name, link["ifindex"]): link["ifname"]
        for name, record in found.items()
        for link in record["links"]
    }
    for name, record in found.items():
        names = {link["ifname"] for link in record["links"]}
        for link in record["links"]:
            there = link.get("link_netns", "" if "link_netnsid" in link else name)
            if link.get("link") in names:
                link["peer"] = [name, link["link"]]
            elif (there, link.get("link_index")) in indexes:
                link["peer"] = [there, indexes[there, link["link_index"]]]


def files() -> dict[str, str]:
    """The text files under /etc/netns, in folders that are called as the nodes."""
    found = {}
    for path in sorted(FILES.rglob("*")) if FILES.is_dir() else ():
        try:
            if path.is_file() and path.stat().st_size <= LONGEST:
                found[str(_of_node(path))] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # noqa: PERF203 - of each by itself
            continue
    return found


def _of_node(path: Path) -> Path:
    folder, *rest = path.relative_to(FILES).parts
    return Path(FILES, node_of(folder), *rest) if rest else path


def processes(listening: Mapping[str, Mapping[str, str]], *, everybody: bool) -> list[Record]:
    """Who runs in which node: those elsewhere than here, and who relays; or everybody but us and our ancestors."""
    inodes = {Path("/proc/self/ns/net").stat().st_ino: HOST}
    for path in SCRIPT_NAMESPACES.iterdir() if SCRIPT_NAMESPACES.is_dir() else ():
        inodes.setdefault(path.stat().st_ino, node_of(path.name))
    ours = ancestors()
    found = []
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            place = inodes.get((entry / "ns/net").stat().st_ino, "?")
            if int(entry.name) in ours:
                continue
            words = (entry / "cmdline").read_text(errors="replace").split("\0")[:-1]
            if words and (everybody or place != HOST or relays(words)):
                found.append(process(entry, place, words, listening.get(place, {})))
        except OSError:
            continue
    return found


def relays(words: Sequence[str]) -> bool:
    """Whether it is socat(1) that listens, as a published port's proxy does."""
    return words[0].rpartition("/")[2] == "socat" and "-LISTEN:" in " ".join(words)


def ancestors() -> set[int]:
    """The ids of this process, and of those that have started it."""
    found, pid = {1}, os.getpid()
    while pid > 1:
        found.add(pid)
        pid = parent(pid)
    return found


def parent(pid: int) -> int:
    """Who has started a process: proc(5), /proc/PID/stat."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def process(entry: Path, place: str, words: list[str], sockets: Mapping[str, str]) -> Record:
    """One process: who runs what, where, and which of the node's sockets it has."""
    uid = entry.stat().st_uid
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    listens = []
    for handle in sorted((entry / "fd").iterdir(), key=lambda path: int(path.name)):
        try:
            inode = re.fullmatch(r"socket:\[(\d+)\]", str(handle.readlink()))
        except OSError:
            continue
        if inode and inode[1] in sockets:
            listens.append(sockets[inode[1]])
    return {
        "node": place, "user": user, "uid": uid, "argv": words, "cwd": str((entry / "cwd").readlink()),
        "pid": int(entry.name), "ppid": parent(int(entry.name)), "listens": listens,
    }  # fmt: skip


def read(*, everybody: bool = False, empty: bool = False) -> Record:
    """The whole document."""
    found, unreadable = nodes(empty=empty)
    listening = {name: record.pop("sockets") for name, record in found.items()}
    return {
        "nodes": found,
        "unreadable": unreadable,
        "renamed": renamed(found),
        "files": files(),
        "processes": processes(listening, everybody=everybody),
    }


def main() -> None:
    """Print the document; `--all`: with the processes of the host; `--empty`: with an empty namespace."""
    words = sys.argv[1:]
    json.dump(read(everybody="--all" in words, empty="--empty" in words), sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
