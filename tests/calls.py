"""What a script did, and what its plan says: both as the same records, to be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import get_args

from nsgen.ops import (
    HOST,
    Argv,
    Chain,
    ForgetUdp,
    IpOp,
    Jump,
    LoadModule,
    Op,
    RunCommand,
    SetSysctl,
    StartService,
    WriteFile,
)
from nsgen.script import runtime
from sandboxed import PROGRAMS, Call, Play

Words = Sequence[str]
RUNTIME = runtime.whole()
FD = re.compile(r"/dev/fd/[0-9]+")
# Folders that a script may make, and files that it may remove: its own.
OWN = re.compile(
    r"/run/nsgen(/.*)?|/etc/netns(/.*)?|/run/systemd/network(/00-nsgen-[a-z0-9-]+\.network)?"
    r"|/run/NetworkManager(/conf\.d(/nsgen-[a-z0-9-]+\.conf)?)?|/proc/sys/.*|[0-9]+",
    re.DOTALL,
)
TOOLS = ("mkdir", "mv", "rm", "rmdir", "cat", "chmod", "ln", "tail", "cp", "mktemp", "sh")
LOOKING = ("grep", "diff", "cmp", "tr", "ss", "flock", "stat", "iptables-save", "ip6tables-save")
# Options of `sort` and `sed`; what else `sed` might write it is kept from, where it runs.
WRITING = re.compile(r"-[a-z]*[oi].*|--(output|in-place).*")


@dataclass
class Calls:
    """What is done to the machine, by kind; in order, but for rules, parameters and services, and from node to node."""

    ip: list[tuple[str, Argv]] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    rules: list[Argv] = field(default_factory=list)
    sysctls: list[tuple[str, str, str]] = field(default_factory=list)
    forgotten: list[Argv] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    commands: list[tuple[str, Argv]] = field(default_factory=list)
    services: list[tuple[str, ...]] = field(default_factory=list)
    others: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put in order what is done at the same time."""
        self.ip.sort(key=lambda call: call[0])  # in each node it stays in order
        self.rules.sort()
        self.sysctls.sort()
        self.services.sort()

    def differences(self, other: Calls) -> dict[str, tuple[list[object], list[object]]]:
        """Give what one has and the other lacks, by kind; all of a kind that is in another order."""
        found = {}
        for kind in fields(self):
            mine, theirs = getattr(self, kind.name), getattr(other, kind.name)
            if mine != theirs:
                missing = [call for call in mine if call not in theirs]
                added = [call for call in theirs if call not in mine]
                found[kind.name] = (missing, added) if missing or added else (mine, theirs)
        return found


# -- what a plan says ---------------------------------------------------------------------------


def wanted(ops: Iterable[Op]) -> Calls:
    """Give what a script has to do for these operations."""
    found = list(ops)
    return Calls(
        ip=[(op.node, op.argv()) for op in found if isinstance(op, get_args(IpOp))],
        modules=[op.name for op in found if isinstance(op, LoadModule)],
        rules=list(_rules(found)),
        sysctls=[(op.node, op.key, op.value.strip()) for op in found if isinstance(op, SetSysctl)],
        forgotten=[argv for op in found if isinstance(op, ForgetUdp) for argv in op.each()],
        files=[(op.path, op.text) for op in found if isinstance(op, WriteFile)],
        commands=[(op.node, op.up) for op in found if isinstance(op, RunCommand) and op.up],
        services=[_service(op) for op in found if isinstance(op, StartService)],
    )


def _rules(ops: Iterable[Op]) -> Iterator[Argv]:
    for op in ops:
        if isinstance(op, Chain):
            yield op.argv()
            yield from (rule.argv() for rule in op.rules)
        elif isinstance(op, Jump):
            yield _jump(op.argv())


def _service(op: StartService) -> tuple[str, ...]:
    return (op.node, op.user or "root", op.directory or "/", *sorted(op.environment), *op.command)


def _jump(words: Words) -> Argv:
    """Leave out in which place it goes: that depends on the rules of others."""
    command, chain, rest = tuple(words[:4]), words[5], tuple(words[6:])
    return (*command, "jump", chain, *(rest[1:] if rest[0].isdecimal() else rest))


# -- what a script did --------------------------------------------------------------------------


def done(play: Play, ops: Iterable[Op], *, writes_sysctls: bool = False) -> Calls:
    """Sort what a script called.

    `ops` say which files and which variables to look at, and, where a script writes the host's parameters itself, which
    of these.
    """
    found, expected = Calls(), list(ops)
    variables = {
        e.partition("=")[0]
        for op in expected
        if isinstance(op, StartService)
        for e in op.environment
    }
    for call in play.calls:
        _sort(call, found, variables)
    for op in expected:
        if isinstance(op, WriteFile):
            found.files.append((op.path, play.text(op.path) or ""))
        elif isinstance(op, SetSysctl) and op.node == HOST and writes_sysctls:
            path = op.key if "/" in op.key else op.key.replace(".", "/")
            text = play.text(f"/proc/sys/{path}")
            found.sysctls.append((HOST, op.key, (text or "missing").strip()))
    found.__post_init__()
    return found


def _sort(call: Call, found: Calls, variables: set[str]) -> None:
    program, *words = call.words
    if program not in PROGRAMS:
        _sort_own(call, found, variables)
    elif _is_harmless(program, words, call.stdin):
        pass
    elif program == "ip":
        found.ip += [(call.node, argv) for argv in _ip(words, call.stdin)]
    elif program == "modprobe" and len(words) == 1:
        found.modules.append(words[0])
    elif program.endswith("-restore") and words == ["-w", "--noflush"]:
        found.rules += _restored(program.removesuffix("-restore"), call.stdin)
    elif program in ("iptables", "ip6tables") and len(words) > 5:
        is_jump = words[3] in ("-I", "-A") and not words[4].startswith("NSGEN-")
        found.rules.append(_jump(call.words) if is_jump else call.words)
    elif program in ("iptables", "ip6tables"):
        found.rules.append(call.words)
    elif program == "sysctl" and words[:1] == ["-q"]:
        found.sysctls += [(call.node, *pair) for pair in _sysctls(words, call.stdin)]
    elif program == "conntrack":
        found.forgotten += (
            [call.words] if words[0] == "-D" else []
        )  # with -L it looks which there are
    else:
        found.others.append(call)


def _sort_own(call: Call, found: Calls, variables: set[str]) -> None:
    if not call.stays:
        # Of a command only the words are the topology's; it runs wherever the script does.
        found.commands.append((call.node, call.words))
        return
    environment = sorted(e for e in call.environment if e.partition("=")[0] in variables)
    found.services.append((call.node, call.user, call.folder, *environment, *call.words))


def _is_harmless(program: str, words: Words, stdin: str) -> bool:
    """Whether it only looks, or only touches what is the script's own."""
    if program in LOOKING:
        return True
    if program in TOOLS and all(word.startswith("-") or OWN.fullmatch(word) for word in words):
        return True
    told = HARMLESS.get(program)
    return told is not None and told(words, stdin)


def _awk(words: Words, _: str) -> bool:
    """Whether what it is to do is in the runtime as it is, and no topology's."""
    return all(
        word == "-" or OWN.fullmatch(word) or FD.fullmatch(word) or word in RUNTIME
        for option, word in zip(("", *words), words, strict=False)
        if option != "-v"
    )


# What the kernel may lack is tried: each line of `TRIAL` is a module and a command.
TRIAL = "while read -r m c; do s=$($c 2>&1) || echo $m $c: $s; done"


def _apart(words: Words, _: str) -> bool:
    """Whether it makes a namespace that goes with the script, or a view of the file system of its own."""
    return words == ["--net", "sh", "-c", "echo && exec cat"] or words[:2] == ["--mount", "bash"]


def _tried_apart(words: Words, _: str) -> bool:
    """Whether something is tried in a namespace that goes with the script."""
    return re.fullmatch(r"--net=/proc/\d+/ns/net", words[0]) is not None and (
        words[1] in ("iptables-restore", "ip6tables-restore") or words[1:] == ["sh", "-fc", TRIAL]
    )


def _mounted_apart(words: Words, _: str) -> bool:
    """Whether it is in a view of the file system of its own."""
    return " ".join(words) == "-n -t tmpfs tmpfs /run/netns" or (
        words[:3] == ["-n", "--rbind", "/run/netns"] and _own(words[3])
    )


def _asking(words: Words, stdin: str) -> bool:
    asked = stdin.splitlines() if "-batch" in words else [" ".join(words)]
    shown = r"(-\S+ )*(link|address|route|rule|neighbour) show.*"
    return all(re.fullmatch(shown, line) for line in asked)


def _printed(words: Words, _: str) -> bool:
    """Whether sysctl prints: without -w, and without a file; or switches bridge netfilter off again."""
    if words[:2] == ["-q", "-w"] and len(words) == 5:
        return all(re.fullmatch(r"net\.bridge\.bridge-nf-call-\w+=0", word) for word in words[2:])
    return words[0] == "-n" or not words[0].startswith("-")


def _told(words: Words, _: str) -> bool:
    """Whether a service is asked for, or told to read its files."""
    return "is-active" in words or words in (["reload"], ["general", "reload", "conf"])


def _listed(words: Words, _: str) -> bool:
    return words == ["-V"] or "-S" in words or "-C" in words


def _unwritten(words: Words, _: str) -> bool:
    return not any(WRITING.fullmatch(word) for word in words)


HARMLESS: dict[str, Callable[[Words, str], bool]] = {
    "awk": _awk,
    "ip": _asking,
    "ip6tables": _listed,
    "iptables": _listed,
    "modprobe": lambda words, _: words == ["-c"] or words[:2] == ["-n", "-q"],
    "mount": _mounted_apart,
    "networkctl": _told,
    "nft": lambda words, _: "list" in words,
    "nmcli": _told,
    "nsenter": _tried_apart,
    "sed": _unwritten,
    "sh": lambda words, _: (
        words[0] == "-c"
        and re.fullmatch(
            r"cd /proc/sys && { grep -s '' [a-z0-9/* _]+ \|\| \[ \$\? = 2 \]; }", words[1]
        )
        is not None
    ),
    "sort": _unwritten,
    "sysctl": _printed,
    "systemctl": _told,
    "unshare": _apart,
}


def _own(path: str) -> bool:
    return path != "-" and OWN.fullmatch(path) is not None


def _ip(words: Words, stdin: str) -> Iterator[Argv]:
    if "-batch" not in words:
        yield ("ip", *words)
    else:
        yield from (("ip", *line.split(" ")) for line in stdin.splitlines() if line)


def _restored(tool: str, text: str) -> Iterator[Argv]:
    table = ""
    for line in text.splitlines():
        command = (tool, "-w", "-t", table)
        words = line.split(" ")
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain, *counters = line[1:].split(" ")
            yield (*command, "-N", chain) if counters == ["-", "[0:0]"] else (line,)
        elif words[0] in ("-I", "-A") and not words[1].startswith("NSGEN-"):
            yield _jump((*command, *words))
        elif line not in ("", "COMMIT") and not line.startswith("# "):
            yield (*command, *words)


def _sysctls(words: Words, stdin: str) -> Iterator[tuple[str, str]]:
    if list(words[:2]) == ["-q", "-p"]:
        for line in stdin.splitlines():
            key, _, value = line.partition(" = ")
            yield key, value.strip()
    elif words[1] == "-w" and len(words) == 3:
        key, _, value = words[2].partition("=")
        yield key, value.strip()
    else:
        yield "?", " ".join(words)
