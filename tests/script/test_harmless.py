"""What is rendered from hostile values: bash reads it, ShellCheck passes it, and nothing but words is in its blocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import Phase, given, settings

import hostile
from compiling import compile_data, planned
from nsgen.ops import HOST, Chain, IpOp, Jump, LoadModule, SetSysctl
from nsgen.plan.steps import Plan
from nsgen.script import targets
from sandboxed import write_scripts

# ShellCheck takes seconds for an example.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that each example writes anew."""
    return tmp_path_factory.mktemp("hostile") / "work"


SAFE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/,-]*|!|-[A-Za-z-]+|\[[0-9a-f:]+\]:[0-9/-]+")


def blocks(script: str, function: str) -> list[str]:
    """Give the lines of all blocks that a function of a script reads."""
    command = rf"^  (?:where_off \S+ )?{function}(?: ['\w]\S*)* <<'(\w+)'\n(.*?)^\1$"
    found = re.findall(command, script, re.DOTALL | re.MULTILINE)
    return [
        line for _, text in found for line in text.split("\n") if line and not line.startswith("#")
    ]


def check_blocks(plan: Plan) -> None:
    """What ip and iptables-restore split at blanks has no blanks, quotes or comments but those of the language."""
    script = targets.script(plan)
    ops = list(plan.ops)
    ip = [op.argv()[1:] for op in ops if isinstance(op, get_args(IpOp))]
    assert [tuple(line.split(" ")) for line in blocks(script, "ip_in")] == ip
    rules = [rule.words() for op in ops if isinstance(op, Chain) for rule in op.rules]
    jumps = [op.words() for op in ops if isinstance(op, Jump)]
    restored = [line for line in blocks(script, "rules") if line.startswith("-")]
    assert sorted(tuple(line.split(" ")[2:]) for line in restored) == sorted([*rules, *jumps])
    for argv in (*ip, *rules, *jumps):
        assert [word for word in argv if not SAFE_WORD.fullmatch(word)] == []


def check_lines(plan: Plan) -> None:
    """The kernel parameters and modules of a script are the plan's, each on a line, and no others."""
    script = targets.script(plan)
    sysctls = [op.line() for op in plan.ops if isinstance(op, SetSysctl)]
    modules = [op.name for op in plan.ops if isinstance(op, LoadModule)]
    assert blocks(script, "parameters") == sysctls
    assert blocks(script, "modules") == modules


def check_syntax(folder: Path) -> None:
    """Bash can read the scripts to their end."""
    for script in folder.glob("*.sh"):
        result = subprocess.run(["bash", "-n", script], capture_output=True, check=False)
        assert (result.returncode, result.stderr) == (0, b""), script.read_text()


def check_boot_files(plan: Plan) -> None:
    """What is read at boot holds the plan's parameters and modules, each on a line, and nothing else."""
    files = targets.tree(plan)
    name = plan.topology.name
    sysctls = [op.line() for op in plan.ops if isinstance(op, SetSysctl) and op.node == HOST]
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
        if not path.endswith((".sh", ".svg")):  # the unit and the Vagrantfile know the name alone
            assert files[path] == file


@settings(max_examples=150)
@given(data=hostile.names)
def test_names_are_refused_or_harmless(data: dict[str, Any], work: Path) -> None:
    """A hostile name is refused, or it is one that nothing has to be quoted for."""
    plan = planned(data)
    if plan is not None:
        check_blocks(plan)
        check_lines(plan)
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
    check_lines(plan)
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
    parameters = filter(hostile.is_parameter, texts)
    sysctls = {f"net.core.p{n}": text for n, text in enumerate(parameters)}
    programs = [
        name
        for name in (*hostile.PROGRAM_NAMES, *hostile.MEANINGS)
        if "=" not in name and not name.startswith("-")
    ]
    # One word with a blank in it, and nothing else, is refused: who writes it means several.
    alone = [[name, "x"] if name.split() != [name] else [name] for name in programs]
    names = [{"up": words, "down": words} for words in alone]
    found: dict[str, dict[str, Any]] = {
        "words": {"host": {"exec": commands}, "namespaces": {"red": {"exec": commands}}},
        "services": {"namespaces": {"red": {"services": services}}},
        "lines": {"host": {"sysctls": sysctls}, "namespaces": {"red": {"dns": {"options": lines}}}},
        "programs": {"host": {"exec": names}, "namespaces": {"red": {"exec": names}}},
    }
    for kind, data in found.items():
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
