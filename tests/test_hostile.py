"""Whatever a topology says, it is refused, or its scripts do what it says and nothing else."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import Phase, given, settings

import hostile
from compiling import compile_data
from deeds import Deeds, done, wanted
from nsgen import targets, values
from nsgen.ops import (
    AddBridge,
    AddNamespace,
    AddVeth,
    Chain,
    IpOp,
    Jump,
    LoadModule,
    RunCommand,
    SetSysctl,
    StartService,
)
from nsgen.plan import Plan
from sandboxed import Play, play, write_scripts

# Each example takes a second, and shrinking one many of them: what differs is in the message.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that each example writes anew."""
    return tmp_path_factory.mktemp("hostile") / "work"


def planned(data: dict[str, Any]) -> Plan | None:
    """Compile a topology; whatever is refused is refused with an error that says what and where."""
    report, plan = compile_data(data)
    if plan is None:
        errors = [finding for finding in report.findings if finding.severity == "error"]
        assert errors
        assert all(finding.text for finding in errors)
    return plan


def programs(plan: Plan) -> Iterator[str]:
    """Name the programs of the topology's own."""
    for op in plan.ops:
        if isinstance(op, StartService):
            yield op.command[0]
        elif isinstance(op, RunCommand):
            yield from (argv[0] for argv in (op.up, op.down) if argv)


def folders(plan: Plan) -> list[str]:
    """Name the folders in which services run."""
    return [op.directory for op in plan.ops if isinstance(op, StartService) and op.directory]


def check_plays(plan: Plan, work: Path) -> None:
    """Run the scripts, and compare what they did with what the plan says."""
    plays = play(plan, work, programs(plan), folders(plan))
    ops = list(plan.ops)
    built = wanted(ops)
    assert built.differences(done(plays["up"], ops, writes_sysctls=True)) == {}
    assert built.differences(done(plays["plain"], ops)) == {}
    assert Deeds().differences(done(plays["check"], [])) == {}
    check_undone(plan, plays["down"])
    check_undone(plan, plays["teardown"])
    for name in ("up", "plain"):
        assert len(list(plays[name].left.glob("run/nsgen/*/*.pid"))) == len(built.services)
    for name in ("up", "plain", "down", "teardown"):
        assert plays[name].status == 0, f"{name}: {plays[name].output}"


def check_undone(plan: Plan, undone: Play) -> None:
    """Nothing is removed but what is the topology's own, and what its author says undoes a command is run."""
    found = done(undone, [])
    ops = list(plan.ops)
    own = {word for op in ops if isinstance(op, get_args(IpOp)) for word in op.argv()}
    for _, argv in found.ip:
        assert {"del", "off"} & set(argv), argv
        assert set(argv) <= own | {"del", "off"}
    removed = {argv for _, argv in found.ip if argv[1] in ("netns", "link") and argv[2] == "del"}
    assert removed == {
        argv
        for op in ops
        if isinstance(op, AddNamespace | AddBridge | AddVeth)
        for argv in op.undo()
    }
    for rule in found.rules:
        assert rule[4] in ("-D", "-F", "-X"), rule
        assert f"NSGEN-{plan.topology.name}-" in " ".join(rule)
    down = [(op.node, op.down) for op in reversed(ops) if isinstance(op, RunCommand) and op.down]
    assert found.commands == down
    rest = replace(found, ip=[], rules=[], commands=[])
    assert Deeds().differences(rest) == {}


# -- what the scripts do ------------------------------------------------------------------------


@settings(max_examples=25, phases=PHASES)
@given(data=hostile.topologies)
def test_nothing_is_executed_that_the_topology_did_not_ask_for(
    data: dict[str, Any], work: Path
) -> None:
    """With hostile text wherever text is free, the scripts run what the topology says, word for word."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)


@settings(max_examples=12, phases=PHASES)
@given(data=hostile.odd_names)
def test_odd_names_are_names(data: dict[str, Any], work: Path) -> None:
    """A name that is a word of the shell's, of ip's, of iptables' or of the script's own is a name all the same."""
    plan = planned(data)
    if plan is not None:
        check_plays(plan, work)


def node_with(command: list[str]) -> dict[str, Any]:
    """Give a node that runs a command in every way in which it can."""
    alone = {"command": command}
    return {
        "services": {
            "a": alone,
            "b": alone | {"directory": "/run/elsewhere"},
            "c": alone | {"environment": {"V": "1"}},
        },
        "exec": [{"up": command, "down": command}],
    }


@pytest.mark.parametrize("node", ["host", "namespace"])
@pytest.mark.parametrize(
    "program",
    [
        *("it's $(evil) `evil`", "\n"),  # quoting
        *("eval", "exit", "set", "["),  # builtins
        *("if", "time", "{", "!"),  # words of the grammar
        *("service", "install", "main"),  # functions of the script
        *("A=B", "-Sevil", "--"),  # variables and options
    ],
)
def test_a_program_is_run_whatever_its_name_means(program: str, node: str, work: Path) -> None:
    """A command's first word is the name of a program, which is run, and never anything else; or it is refused."""
    runs = node_with([program, "evil", "]]"])
    data = {"host": runs} if node == "host" else {"namespaces": {"red": runs}}
    plan = planned({"name": "demo", **data})
    if plan is not None:
        check_plays(plan, work)


@pytest.mark.parametrize(
    "data",
    [
        {
            "namespaces": {
                "a": {"services": {"b.c": {"command": ["one"]}}},
                "a.b": {"services": {"c": {"command": ["two"]}}},
            }
        },
        {
            "networks": {"bridge0": {"subnet": "192.168.15.0/24", "internet": "true"}},
            "namespaces": {
                "red": {
                    "networks": ["bridge0"],
                    "publish": [{"published": "80", "target": "80", "via": "proxy"}],
                }
            },
            "host": {"services": {"proxy-tcp4-80": {"command": ["mine"]}}},
        },
        {
            "namespaces": {
                "a": {"exec": [{"up": ["one"]}]},
                "once": {"services": {"a.1": {"command": ["two"]}}},
            }
        },
    ],
    ids=["dots", "a proxy's", "a command's"],
)
def test_services_do_not_take_each_others_place(data: dict[str, Any], work: Path) -> None:
    """Services with names that read alike, once their node stands in front, are services of their own; or it is refused."""
    plan = planned({"name": "demo", **data})
    if plan is not None:
        check_plays(plan, work)


def test_parameters_arrive_whole(work: Path) -> None:
    """A kernel parameter gets the value that is written, whatever it begins or ends with; or it is refused."""
    for value in ("70 =", "a=", "=b", "=", "#1", ";1", "1 # 2", "|/bin/x %e", "1  2", "-1", "a: b"):
        sysctls = {"net.ipv4.ip_default_ttl": value}
        data = {"host": {"sysctls": sysctls}, "namespaces": {"red": {"sysctls": sysctls}}}
        plan = planned({"name": "demo", **data})
        if plan is not None:
            check_plays(plan, work)


def test_commands_are_undone_in_reverse(work: Path) -> None:
    """What undoes the commands is run in the reverse order of the commands, however many and wherever they are."""
    commands = [{"up": ["act", str(n)], "down": ["undo", str(n)]} for n in range(12)]
    plan = planned(
        {
            "name": "demo",
            "namespaces": {"red": {"exec": commands}, "blue": {"exec": commands[:1]}},
            "host": {"exec": commands[:1]},
        }
    )
    assert plan is not None
    check_plays(plan, work)


# -- what the scripts are -----------------------------------------------------------------------

SAFE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/,-]*|!|-[A-Za-z-]+|\[[0-9a-f:]+\]:[0-9/-]+")


def blocks(script: str, function: str) -> list[str]:
    """Give the lines of all blocks that a function of a script reads."""
    found = re.findall(rf"^  {function} \S+ <<'(\w+)'\n(.*?)^\1$", script, re.DOTALL | re.MULTILINE)
    return [line for _, text in found for line in text.splitlines() if not line.startswith("#")]


def check_blocks(plan: Plan) -> None:
    """What ip and iptables-restore split at blanks has no blanks, quotes or comments but those of the language."""
    script = targets.script(plan)
    ops = list(plan.ops)
    ip = [op.argv()[1:] for op in ops if isinstance(op, get_args(IpOp))]
    assert [tuple(line.split(" ")) for line in blocks(script, "ip_in")] == ip
    rules = [rule for op in ops if isinstance(op, Chain) for rule in op.rules]
    restored = [line for line in blocks(script, "rules") if line.startswith("-")]
    assert sorted(tuple(line.split(" ")[2:]) for line in restored) == sorted(
        rule.words for rule in rules
    )
    jumps = [op.words() for op in ops if isinstance(op, Jump)]
    for argv in (*ip, *(rule.words for rule in rules), *jumps):
        assert [word for word in argv if not SAFE_WORD.fullmatch(word)] == []


def check_syntax(folder: Path) -> None:
    """Bash can read the scripts to their end."""
    for script in folder.glob("*.sh"):
        result = subprocess.run(["bash", "-n", script], capture_output=True, check=False)
        assert (result.returncode, result.stderr) == (0, b""), script.read_text()


def check_boot_files(plan: Plan) -> None:
    """What is read at boot holds the plan's parameters and modules, each on a line, and nothing else."""
    files = targets.tree(plan)
    name = plan.topology.name
    sysctls = [op.line() for op in plan.ops if isinstance(op, SetSysctl) and op.persist]
    modules = [op.name for op in plan.ops if isinstance(op, LoadModule)]
    for path, expected in (
        (f"etc/sysctl.d/99-nsgen-{name}.conf", sysctls),
        (f"etc/modules-load.d/nsgen-{name}.conf", modules),
    ):
        text = files[path].text if path in files else ""
        assert [x for x in text.split("\n") if x and not x.startswith("#")] == expected
    _, plain = compile_data({"name": name})
    assert plain is not None
    for path, file in targets.tree(plain).items():
        if not path.endswith(".sh"):  # the unit and the Vagrantfile know nothing but the name
            assert files[path] == file


@settings(max_examples=150)
@given(data=hostile.names)
def test_names_are_refused_or_harmless(data: dict[str, Any], work: Path) -> None:
    """A hostile name is refused, or it is one that nothing has to be quoted for."""
    plan = planned(data)
    if plan is not None:
        check_blocks(plan)
        check_boot_files(plan)
        work.mkdir(exist_ok=True)
        write_scripts(plan, work)
        check_syntax(work)


@settings(max_examples=60)
@given(data=hostile.topologies)
def test_texts_are_harmless(data: dict[str, Any], work: Path) -> None:
    """Hostile text leaves every script one that bash can read, and changes no other file."""
    plan = planned(data)
    assert plan is not None
    check_boot_files(plan)
    work.mkdir(exist_ok=True)
    write_scripts(plan, work)
    check_syntax(work)


def check_style(plan: Plan, work: Path, shellcheck: str) -> None:
    """ShellCheck has nothing to say about the scripts, with nothing switched off."""
    work.mkdir(exist_ok=True)
    write_scripts(plan, work)
    command = [shellcheck, "--norc", "--severity=style", "--format=gcc"]
    result = subprocess.run(
        [*command, *sorted(work.glob("*.sh"))], capture_output=True, text=True, check=False
    )
    assert result.stdout == ""
    assert "shellcheck disable" not in "".join(file.read_text() for file in work.glob("*.sh"))


def every_text() -> Iterator[Any]:
    """Give topologies that have all hostile texts in one place each."""
    texts = [text for text in hostile.TEXTS if "\0" not in text]
    lines = [text for text in texts if text and text.isprintable()]
    commands = [{"up": ["prog", text]} for text in texts]
    services = {
        f"s{n}": {"command": ["prog", text], "directory": f"/{text}", "environment": {"V": text}}
        for n, text in enumerate(texts)
    }
    sysctls = {f"net.core.p{n}": text for n, text in enumerate(lines)}
    programs = [name for name in (*hostile.PROGRAM_NAMES, *hostile.MEANINGS) if "=" not in name]
    names = [{"up": [name], "down": [name]} for name in programs]
    for kind, data in {
        "words": {"host": {"exec": commands}, "namespaces": {"red": {"exec": commands}}},
        "services": {"namespaces": {"red": {"services": services}}},
        "lines": {"host": {"sysctls": sysctls}, "namespaces": {"red": {"dns": {"options": lines}}}},
        "programs": {"host": {"exec": names}, "namespaces": {"red": {"exec": names}}},
    }.items():
        yield pytest.param({"name": "demo", **data}, id=kind)


@pytest.mark.parametrize("data", list(every_text()))
def test_shellcheck_passes_with_every_hostile_text(
    data: dict[str, Any], work: Path, program: Callable[[str], str]
) -> None:
    """Scripts with hostile words, folders, variables, parameters and programs pass ShellCheck."""
    plan = planned(data)
    assert plan is not None
    check_style(plan, work, program("shellcheck"))


@settings(max_examples=2, phases=PHASES)
@given(data=hostile.odd_names)
def test_shellcheck_passes_with_odd_names(
    data: dict[str, Any], work: Path, program: Callable[[str], str]
) -> None:
    """Scripts with odd names pass ShellCheck."""
    plan = planned(data)
    if plan is not None:
        check_style(plan, work, program("shellcheck"))


# -- what the schema admits ---------------------------------------------------------------------

# Every kind of value that is printed unquoted somewhere: how it is read, a good one, and what else it may be made of.
KINDS: dict[str, tuple[Callable[[str], object], str, str]] = {
    "topology": (values.topology_name, "demo", "a-z0-9-"),
    "namespace": (values.namespace, "red", "A-Za-z0-9_.-"),
    "range": (values.namespace_key, "red", "A-Za-z0-9_.-"),
    "device": (values.device, "eth0", "A-Za-z0-9_.-"),
    "existing device": (values.existing_device, "eth0", "A-Za-z0-9_.-"),
    "word": (values.word, "web", "A-Za-z0-9_.-"),
    "variable": (values.variable, "PATH", "A-Za-z0-9_"),
    "sysctl": (values.sysctl, "net.ipv4.ip_forward", "A-Za-z0-9_./:@-"),
    "mac": (values.mac, "02:00:00:00:00:01", "0-9a-f:"),
    "address": (values.address, "192.168.15.1", "0-9a-f.:"),
    "address with prefix": (values.interface_address, "fd00::1/64", "0-9a-f.:/"),
    "subnet": (values.network, "fd00::/64", "0-9a-f.:/"),
    "destination": (values.destination, "10.0.0.0/8", "0-9a-f.:/"),
    "ports": (values.ports, "8000-8010", "0-9-"),
    "integer": (lambda text: values.integer(text, 0, 99_999), "1500", "0-9"),
}


def characters() -> list[str]:
    """Give all characters of one byte, and those of each kind beyond: letters, digits, blanks, marks, quotes."""
    kinds: dict[str, int] = {}
    found = [chr(code) for code in range(0x250)]
    for code in range(0x250, sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] <= 40 or unicodedata.numeric(chr(code), None) == 1:
            found.append(chr(code))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_admitted_needs_no_quotes(kind: str) -> None:
    """Whatever character is put before, into or behind a value: if it is admitted, no quotes are needed for it."""
    parse, good, allowed = KINDS[kind]
    fine = re.compile(f"[{allowed}]+")
    bad = []
    for character in characters():
        for text in (
            character,
            character + good,
            good + character,
            good[:2] + character + good[2:],
            good + "\n" + character,
        ):
            try:
                read = str(parse(text))
            except ValueError:
                continue
            if not fine.fullmatch(read) or read.startswith("-") or shlex.quote(read) != read:
                bad.append((text, read))
    assert bad == []
    assert str(parse(good)) == good


@pytest.mark.parametrize("kind", ["device", "existing device", "namespace", "word"])
def test_long_names_are_refused(kind: str) -> None:
    """A name that is longer than the kernel takes, or than a file's name with what is added to it, is refused."""
    parse, _, _ = KINDS[kind]
    longest = 15 if "device" in kind else 64
    assert parse("x" * longest) == "x" * longest
    with pytest.raises(ValueError, match="x"):
        parse("x" * (longest + 1))


def test_nul_is_refused() -> None:
    """No argument of a command can hold a NUL byte, so none is taken."""
    for read in (values.free_text, values.line):
        with pytest.raises(ValueError, match="NUL|printable"):
            read("a\0b")
