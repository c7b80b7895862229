"""Bring Compose applications up, and ask who reaches whom in them: by our scripts, or by Docker.

    reach.py ours|docker FOLDER ANSWERS [CASE...]

FOLDER is what prepare.py has left. Of each case ANSWERS/WORLD/CASE.json maps what was asked to who answered.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from asking import Loop, Question, inside, version_of
from packets import ELSEWHERE, RECORDS
from running import WORLDS, Application, Node, make_image

UPLINK = ("172.16.1.4", "fd00:a::4")
LOOPBACK = ("127.0.0.1", "::1")
OUTSIDE = {"outside": ("172.16.1.5", "fd00:a::5"), "internet": ("203.0.113.10",)}
INSIDE = (("ping", 0), ("tcp", 80), ("tcp", 81), ("udp", 80))  # what every node answers
OF_HOST = (("ping", 0), ("tcp", 7000), ("udp", 7000))
# Every port that one of the files publishes: of a case most of them are to stay closed.
PUBLISHED = (*(("tcp", port) for port in range(8080, 8088)), ("udp", 8080), ("udp", 8085))
HOSTS = "hosts"  # a name that is in the file
GETS_ADDRESS, GETS_MTU, GETS_MAC = 0x8915, 0x8921, 0x8927  # of netdevice(7)


def main(world: str, folder: Path, answers: Path, cases: list[str]) -> None:
    """Ask in every case."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    up, down = WORLDS[world]
    if world == "docker":
        make_image()
    (answers / world).mkdir(parents=True, exist_ok=True)
    for case in sorted(path.parent for path in folder.glob("*/case.json")):
        if not cases or case.name in cases:
            began = time.monotonic()
            application = up(case)
            up_at = time.monotonic()
            found = ask(application, words_of(case))
            asked_at = time.monotonic()
            down(case)
            text = json.dumps(found, indent=1, sort_keys=True)
            (answers / world / f"{case.name}.json").write_text(text, encoding="utf-8")
            times = (up_at - began, asked_at - up_at, time.monotonic() - asked_at)
            seconds = " ".join(f"{span:.1f}" for span in times)
            text = f"# {world} {case.name}: {len(found)} answers; up, asking, down: {seconds} s"
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


def words_of(case: Path) -> set[str]:
    """Collect the words of the source, of which some are addresses."""
    texts = [path.read_text(encoding="utf-8") for path in case.glob("compose*.yaml")]
    return set(re.findall(r"[\w.:-]+", " ".join(texts)))


def ask(application: Application, written: set[str]) -> dict[str, str]:
    """Ask everybody for everybody, and how each is set up."""
    nodes = {
        **application.nodes,
        "host": Node("/proc/self/ns/net"),
        "outside": Node("/run/netns/outside"),
    }
    descriptors = {label: os.open(node.namespace, os.O_RDONLY) for label, node in nodes.items()}
    loop = Loop(descriptors)
    for label in application.nodes:
        loop.serve(label, INSIDE[1:])
    loop.serve("host", OF_HOST[1:])
    loop.serve("outside", [*INSIDE[1:], ("dns", 53)])
    labels = labels_of(application)
    questions = list(questions_of(application))
    unheard = loop.ask(question for question in questions if question.protocol != HOSTS)
    # On a busy machine, Docker's name server gives up on a question before it has passed it on, and a relay may
    # not listen yet.
    again = [question for question in unheard if question.protocol in RECORDS]
    refused = [
        asked for asked in questions if asked.target.startswith("loopback") and not asked.answer
    ]
    loop.ask([*again, *refused])
    found: dict[str, str] = {}
    for question in questions:
        if question.protocol in (*RECORDS, HOSTS):
            key = f"{question.asker} name {question.target}"
            known = {labels.get(address, address) for address in question.answer}
            found[key] = " ".join(sorted({*found.get(key, "").split(), *known}))
        else:
            port = f":{question.port}" if question.port else ""
            key = f"{question.asker} {question.protocol} {question.target}{port}"
            found[key] = shown(question, application, labels)
    for label, node in application.nodes.items():
        with inside(descriptors[label]):
            found.update({f"{label} {key}": text for key, text in settings(node, labels, written)})
    found |= {
        f"address {label}": address for address, label in labels.items() if address in written
    }
    loop.close()
    for descriptor in descriptors.values():
        os.close(descriptor)
    return {key: text for key, text in found.items() if text}


def labels_of(application: Application) -> dict[str, str]:
    """Call addresses by what they are: other numbers may be dealt."""
    found = dict.fromkeys(UPLINK, "host")
    found |= {address: where for where, addresses in OUTSIDE.items() for address in addresses}
    for network, addresses in application.gateways.items():
        found |= {address: f"gateway@{network}{_more(address)}" for address in addresses}
    for label, node in application.nodes.items():
        for network, addresses in node.networks.items():
            found |= {address: f"{label}@{network}{_more(address)}" for address in addresses}
    return found


def questions_of(application: Application) -> Iterator[Question]:
    """Ask every address for what is there, and for what is published."""
    for asker in (*application.nodes, "host", "outside"):
        for label, node in application.nodes.items():
            for network, own in node.networks.items() if label != asker else ():
                yield from _at(asker, f"{label}@{network}", own, INSIDE)
        for network, addresses in application.gateways.items():
            yield from _at(asker, f"gateway@{network}", addresses, (*OF_HOST, *PUBLISHED))
        yield from _at(asker, "host", UPLINK, (*OF_HOST, *PUBLISHED))
        if asker == "host":
            yield from _at(asker, "loopback", LOOPBACK, PUBLISHED)
        for where, its in OUTSIDE.items() if asker != "outside" else ():
            yield from _at(asker, where, its, INSIDE)
    for asker, node in application.nodes.items():
        yield from _names(asker, node, application.names)


def _at(
    asker: str,
    target: str,
    addresses: list[str] | tuple[str, ...],
    ports: tuple[tuple[str, int], ...],
) -> Iterator[Question]:
    for address in addresses:
        for protocol, port in ports:
            yield Question(asker, protocol, target + _more(address), address, port)


def _more(address: str) -> str:
    return "/6" if version_of(address) == 6 else ""


def _names(asker: str, node: Node, names: list[str]) -> Iterator[Question]:
    """Look names up as a resolver does: in the hosts file, and else by the first name server."""
    lines = [line.split() for line in Path(node.hosts).read_text(encoding="utf-8").splitlines()]
    servers = _resolv_conf(node, "nameserver")
    for name in (*names, ELSEWHERE):
        known = tuple(words[0] for words in lines if name in words[1:])
        if known:
            yield Question(asker, HOSTS, name, "", 0, known)
        elif servers:
            for record in RECORDS:
                yield Question(asker, record, name, servers[0], 53)


def _resolv_conf(node: Node, key: str) -> list[str]:
    lines = [
        line.split() for line in Path(node.resolv_conf).read_text(encoding="utf-8").splitlines()
    ]
    return [word for words in lines if words[:1] == [key] for word in words[1:]]


def shown(question: Question, application: Application, labels: dict[str, str]) -> str:
    """Say who answered, and as whom he saw the asker where that is another than himself."""
    if question.protocol in ("tcp", "udp") and question.answer:
        label, seen = question.answer
        if "@" not in question.target or question.target.startswith("gateway@"):
            # Of a range of host ports, Docker gives each replica one in the order in which they start.
            label = application.nodes[label].service if label in application.nodes else label
        node = application.nodes.get(question.asker, Node(""))
        own = [*(address for all_ in node.networks.values() for address in all_), *LOOPBACK]
        if question.asker in OUTSIDE:
            own += OUTSIDE["outside"]
        return label if seen in own else f"{label}, which sees {labels.get(seen, seen)}"
    return " ".join(question.answer)


def settings(node: Node, labels: dict[str, str], written: set[str]) -> Iterator[tuple[str, str]]:
    """Say how a namespace is set up; the caller is in it. Of MAC addresses, those that the source has."""
    yield "search", " ".join(_resolv_conf(node, "search"))
    yield "options", " ".join(word for word in _resolv_conf(node, "options") if word != "ndots:0")
    yield "ttl", Path("/proc/sys/net/ipv4/ip_default_ttl").read_text(encoding="utf-8").strip()
    for words in (
        line.split() for line in Path("/proc/self/net/route").read_text().splitlines()[1:]
    ):
        if words[1] == words[7] == "00000000":
            gateway = socket.inet_ntoa(struct.pack("=I", int(words[2], 16)))
            yield "default route", labels.get(gateway, gateway)
    routes6 = Path("/proc/self/net/ipv6_route")
    for words in (
        line.split() for line in (routes6.read_text().splitlines() if routes6.exists() else ())
    ):
        if words[1] == "00" and words[0].strip("0") == "" and words[4].strip("0"):
            gateway = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[4]))
            yield "default route/6", labels.get(gateway, gateway)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        for _, device in socket.if_nameindex():
            request = struct.pack("256s", device.encode())
            try:
                address = socket.inet_ntoa(fcntl.ioctl(own, GETS_ADDRESS, request)[20:24])
            except OSError:
                continue
            place = labels.get(address, "").partition("@")[2]
            if place:
                mtu = struct.unpack_from("=i", fcntl.ioctl(own, GETS_MTU, request), 16)[0]
                mac = fcntl.ioctl(own, GETS_MAC, request)[18:24].hex(":")
                yield f"mtu {place}", str(mtu)
                yield f"mac {place}", mac if mac in written else ""


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
