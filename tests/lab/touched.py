"""Name what a run of a script has touched and what its topology() does not name.

    touched.py SCRIPT BEFORE AFTER

BEFORE and AFTER are folders with what was there: `snapshot` (of snapshot.py) and `files` (one path a line). In BEFORE
there was an empty namespace `blank`: what is in it is in every namespace that the kernel makes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

BLANK = "blank"
STATE = re.compile(r"/run/nsgen(/|$)|/run/netns$|/run/xtables\.lock$")
# What the kernel switches along with forwarding: linux/net/ipv4/devinet.c, inet_forward_change.
ALONG = re.compile(r"net/ipv[46]/conf/[^/]+/forwarding$|net/ipv4/conf/all/accept_redirects$")
# net/ipv4/conf/DEVICE/KEY, and what a device gets that comes.
OF_DEVICE = re.compile(r"(net/ipv[46]/(?:conf|neigh))/(?!all/|default/)([^/]+)/(.*)")
# Our chains hold these two forms of a line: how iptables-save prints it, and what topology() says.
JUMP = re.compile(r"^-[IA] ")


class Text:
    """What topology() says, without its comments."""

    def __init__(self, script: str) -> None:
        """Take it out of a script."""
        begin = script.index("\ntopology() {\n")
        body = script[begin : script.index("\n}\n", begin)]
        self.lines = [line.strip() for line in body.splitlines()]
        self.lines = [line for line in self.lines if line and not line.startswith("#")]
        self.body = "\n".join(self.lines)

    def names(self, word: str) -> bool:
        """Whether a word stands in it, as a whole."""
        return bool(re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)", self.body))

    def says(self, *words: str) -> bool:
        """Whether a line has all of these words."""
        return any(all(word in line.split() for word in words) for line in self.lines)

    def makes(self, node: str, device: str = "") -> bool:
        """Whether a namespace is made, or a device."""
        if node != "host" and f"netns add {node}" not in self.lines:
            return False
        made = [
            line.split(" netns ")[0] for line in self.lines if line.startswith("link add name ")
        ]
        return not device or any(
            re.search(rf" name {re.escape(device)}( |$)", line) for line in made
        )

    def has_rule(self, rule: str) -> bool:
        """Whether it has this rule, but for the place that it is put at."""
        rule = JUMP.sub("", rule.replace('"', ""))
        return any(JUMP.sub("", line) == rule for line in self.lines if JUMP.match(line))

    def sets(self, node: str, key: str, value: str) -> bool:
        """Whether a parameter is set to this value: by a line for it, or by a word of ip(8)."""
        if match := re.fullmatch(r"net/ipv6/conf/([^/]+)/addr_gen_mode", key):
            return any(
                f" dev {match[1]} " in line and " addrgenmode none" in line for line in self.lines
            )
        block = ""
        for line in self.lines:
            if match := re.match(r"parameters (\S+) <<", line):
                block = match[1]
            elif block == node and re.split(r" = ", line.replace(".", "/")) == [key, value]:
                return True
        return False


def load(folder: str) -> tuple[list[str], set[str]]:
    """The lines of a snapshot, and the files."""
    lines = Path(folder, "snapshot").read_text().splitlines()
    return lines, set(Path(folder, "files").read_text().splitlines())


def parameters(lines: list[str]) -> dict[tuple[str, str], str]:
    """The value of each parameter, by its node and key."""
    found = {}
    for line in lines:
        if match := re.match(r"(\S+) sysctl (\S+?)=(.*)$", line):
            found[match[1], match[2]] = match[3]
    return found


def of_a_new_device(now: dict[tuple[str, str], str], node: str, key: str) -> str | None:
    """The value that a device gets: that of `default`, which for neighbours only the first namespace has."""
    if match := OF_DEVICE.fullmatch(key):
        other = "default" if match[1].endswith("conf") else "lo"
        return now.get((node, f"{match[1]}/{other}/{match[3]}"))
    return None


def untold_parameters(text: Text, before: list[str], after: list[str]) -> Iterator[str]:
    """Name each parameter with another value, unless topology() sets it."""
    was, now = parameters(before), parameters(after)
    for (node, key), value in now.items():
        if node == BLANK or ALONG.fullmatch(key):
            continue
        old = was.get((node, key), was.get((BLANK, key) if node != "host" else ("", "")))
        if old is None:
            old = of_a_new_device(now, node, key)
        # An MTU and the like are those of the device.
        if value != old and not key.endswith("/mtu") and not text.sets(node, key, value):
            yield f"{node}: {key} was {old}, and is {value}"


def untold_lines(text: Text, before: list[str], after: list[str]) -> Iterator[str]:
    """Name each namespace, device, address, chain, rule and process that is new, and not in topology()."""
    blank = {line.partition(" ")[2] for line in before if line.startswith(f"{BLANK} ")}
    known = set(before)
    for line in after:
        node, _, what = line.partition(" ")
        if node == BLANK or line in known or what in blank:
            continue
        kind, _, words = what.partition(" ")
        if not (text.makes(node) and is_named(text, kind, words)):
            yield line


def is_named(text: Text, kind: str, words: str) -> bool:
    """Whether topology() names what a line of a snapshot says, of a sort that it has to name."""
    if kind == "link":
        return words.startswith("lo ") or text.makes("host", words.split(maxsplit=1)[0])
    if kind == "process":
        run = re.sub(r"^bash -c again \S+ ", "", words.split(" ", 2)[2])
        command = run.replace("'", "").split(" ")
        return " ".join([Path(command[0]).name, *command[1:]]) in text.body.replace("'", "")
    if kind in ("iptables-save", "ip6tables-save"):
        return is_named_rule(text, words)
    if kind in ("address", "route"):
        return is_named_address(text, kind, words)
    if kind == "file" and words.startswith(("/etc/", "/run/systemd/", "/run/NetworkManager/")):
        path, _, content = words.partition(": ")
        return text.names(path) and (not content or content in text.lines or content[0] == "#")
    return True


def is_named_address(text: Text, kind: str, words: str) -> bool:
    """Whether topology() has an address, or a route; what comes by itself needs no name."""
    if kind == "route":
        gateway = re.search(r" gateway=(\S+)", words)
        kernel = " protocol=kernel " in words
        return kernel or not gateway or text.says("route", "via", gateway[1])
    match = re.match(r"(\S+) .*\blocal=(\S+) .*prefixlen=(\d+)", words)
    if not match or match[1] == "lo" or match[2].startswith(("fe80:", "RANDOM-LINK-LOCAL")):
        return True
    return text.says(f"{match[2]}/{match[3]}", match[1])


def is_named_rule(text: Text, words: str) -> bool:
    """Whether topology() has a line of iptables-save: a chain that is not built in, or a rule."""
    words = words.partition(" ")[2]  # the table
    if words.startswith(":"):
        chain, policy = words[1:].split()[:2]
        return policy == "ACCEPT" or any(line.startswith(f":{chain} ") for line in text.lines)
    return not words.startswith("-") or text.has_rule(words)


def untold_files(text: Text, before: set[str], after: set[str]) -> Iterator[str]:
    """Name each file and folder that is new or gone, and neither in topology() nor where the script keeps its state."""
    for path in sorted({entry.partition("=")[0] for entry in before ^ after}):
        namespace = path.startswith("/run/netns/") and text.makes(Path(path).name)
        if not (STATE.match(path) or namespace or f"{path}/" in text.body or text.names(path)):
            yield path


def main(arguments: list[str]) -> int:
    """Name all of it; 1 if there is any."""
    text = Text(Path(arguments[0]).read_text())
    (before, files_before), (after, files_after) = load(arguments[1]), load(arguments[2])
    untold = [
        *untold_files(text, files_before, files_after),
        *untold_lines(text, before, after),
        *untold_parameters(text, before, after),
    ]
    sys.stdout.writelines(f"not in topology(): {line}\n" for line in untold)
    return 1 if untold else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
