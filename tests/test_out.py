"""What is under `out/` is what the examples render to, and it is what other programs expect."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compiling import ALL_EXAMPLES, EXAMPLES, STEPS

CHECKOUT = Path(__file__).resolve().parent.parent
OUT = CHECKOUT / "out"
RUNTIME = "\n# " + "=" * 118 + "\n"  # what stands below

each_example = pytest.mark.parametrize("example", ALL_EXAMPLES, ids=lambda path: path.stem)
Program = Callable[[str], str]


def run(*command: str | Path) -> str:
    """Run a command that succeeds, and give what it prints."""
    env = os.environ | {"PYTHONPATH": str(CHECKOUT / "gen")}
    result = subprocess.run(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Read all files of a folder: what they hold, and whether they may be executed."""
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: (path.read_bytes(), os.access(path, os.X_OK))
        for name, path in paths.items()
        if path.is_file()
    }


def folder(example: Path) -> Path:
    """Give where an example is rendered to: as it lies under `examples/`."""
    return OUT / example.relative_to(EXAMPLES).with_suffix("")


def scripts(example: Path) -> list[Path]:
    """Give the shell scripts that an example renders to."""
    found = sorted(folder(example).rglob("*.sh"))
    assert found
    return found


def parts(example: Path) -> str:
    """Give the line of an example's script that names the parts of the runtime in it."""
    (line,) = re.findall(r"^PARTS=.*$", (folder(example) / "setup.sh").read_text(), re.MULTILINE)
    return str(line)


def test_out_holds_the_examples_alone() -> None:
    """Each example has its folder, and no folder is left from an example that is gone."""
    folders = [
        *(path for path in OUT.iterdir() if path.name != "steps"),
        *(OUT / "steps").iterdir(),
    ]
    assert sorted(folders) == sorted(map(folder, ALL_EXAMPLES))


def test_the_last_step_is_the_whole() -> None:
    """Whoever has climbed all steps has the article's topology, to the byte."""
    assert tree(folder(STEPS[-1])) == tree(OUT / "article")


@each_example
def test_out_is_up_to_date(example: Path, tmp_path: Path) -> None:
    """An example renders to the files under `out/`, to all of them, and to no others."""
    run(sys.executable, "-m", "nsgen", "render", "-o", tmp_path, example)
    (made,) = tmp_path.iterdir()
    assert made.name == ("article" if example in STEPS else example.stem)
    rendered, committed = tree(made), tree(folder(example))
    assert rendered.keys() == committed.keys(), "`make out` renders the examples again"
    differing = [name for name, file in rendered.items() if file != committed[name]]
    assert differing == [], "`make out` renders the examples again"


@each_example
def test_scripts_are_bash(example: Path) -> None:
    """Bash can read every rendered script to its end."""
    for script in scripts(example):
        output = run("bash", "-n", script)
        assert not output, output


@each_example
def test_scripts_pass_shellcheck(example: Path, program: Program, tmp_path: Path) -> None:
    """ShellCheck has no objection to a rendered script, with nothing switched off.

    The runtime is the same in all: of scripts with the same parts of it one is read whole, of the
    others what stands above the runtime, where nothing uses the names that it sets.
    """
    check = (program("shellcheck"), "--norc", "--severity=style")
    for script in scripts(example):
        assert "shellcheck disable" not in script.read_text()
    above, line, _ = (folder(example) / "setup.sh").read_text().partition(RUNTIME)
    assert line
    alike = [other for other in ALL_EXAMPLES if parts(other) == parts(example)]
    whole = [script for script in scripts(example) if script.name != "setup.sh"]
    if example == alike[0]:
        whole.append(folder(example) / "setup.sh")
    else:
        own = tmp_path / "setup.sh"
        own.write_text(above + 'topology "$@"\n}\n')
        run(*check, "--exclude=SC2034", own)
    run(*check, *whole, *folder(example).glob("verify.bats"))


def test_units_pass_systemd(program: Program, tmp_path: Path) -> None:
    """A rendered unit is one that systemd takes, once the script is where the unit says it is."""
    verify = program("systemd-analyze")
    units = sorted(OUT.rglob("*.service"))
    assert units
    for unit in units:
        script = f"/usr/local/sbin/{unit.stem}"
        text = unit.read_text()
        assert f"ExecStart={script} up" in text
        copy = tmp_path / unit.name
        copy.write_text(text.replace(script, program("true")))
        result = subprocess.run(
            [verify, "verify", "--man=no", copy], capture_output=True, text=True, check=False
        )
        # It may have something to say about the units of this machine, too.
        assert [line for line in result.stderr.splitlines() if unit.name in line] == []


def test_vagrantfiles_are_ruby(program: Program) -> None:
    """Ruby can read every Vagrantfile."""
    ruby = program("ruby")
    vagrantfiles = [CHECKOUT / "Vagrantfile", *sorted(OUT.rglob("Vagrantfile"))]
    assert len(vagrantfiles) > 1
    for vagrantfile in vagrantfiles:
        result = subprocess.run([ruby, "-c", vagrantfile], capture_output=True, check=False)
        assert (result.returncode, result.stdout) == (0, b"Syntax OK\n"), result.stderr
