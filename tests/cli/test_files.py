"""The files that are written: all of them or none, and nobody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nsgen.cli import files
from nsgen.cli.commands import main
from nsgen.cli.files import Standing, write_tree
from nsgen.report import FileError
from nsgen.script import targets
from nsgen.script.runtime import digest
from nsgen.script.targets import File

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOPOLOGY = (
    "name: demo\nnetworks: {br0: {subnet: 10.0.0.0/24}}\nnamespaces: {red: {networks: [br0]}}\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def render(output: str = "out", topology: str = TOPOLOGY) -> Result:
    """Render a topology to a folder."""
    return CliRunner().invoke(main, ["render", "-", "-o", output], input=topology)


def tree(folder: Path) -> dict[str, str]:
    """Read every file below a folder."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: path.read_text(encoding="utf-8") for name, path in found.items() if path.is_file()
    }


def test_output_writes_the_tree() -> None:
    """Every file is in DIR/NAME, programs can be run, and nothing goes to standard output."""
    result = render("a/b")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.startswith("a/b/demo: wrote ")
    written = tree(Path("a/b"))
    assert (
        written["demo/setup.sh"] == CliRunner().invoke(main, ["render", "-"], input=TOPOLOGY).stdout
    )
    assert stat.S_IMODE(Path("a/b/demo/setup.sh").stat().st_mode) & 0o111
    assert not stat.S_IMODE(Path("a/b/demo/Vagrantfile").stat().st_mode) & 0o111
    assert [path.name for path in Path("a/b").iterdir()] == ["demo"]


def test_output_again() -> None:
    """What an earlier render left is removed if it is not needed; other people's files stay."""
    with_dns = TOPOLOGY.replace(
        "{networks: [br0]}", "{networks: [br0], dns: {nameservers: 9.9.9.9}}"
    )
    render(topology=with_dns)
    assert Path("out/demo/etc/netns/red/resolv.conf").is_file()
    mine = [Path("out/demo/notes.txt"), Path("out/demo/.vagrant/id"), Path("out/other/setup.sh")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    before = tree(Path("out"))
    result = render()
    assert result.stderr.endswith("and removed etc/netns/red/resolv.conf\n")
    after = tree(Path("out"))
    assert set(before) - set(after) == {"demo/etc/netns/red/resolv.conf"}
    assert not Path("out/demo/etc/netns").exists()
    assert all(path.read_text() == "mine" for path in mine)
    assert tree(Path("out")) == after


def test_output_of_a_wrong_topology() -> None:
    """Nothing is written from a topology with an error."""
    assert render(topology="name: Demo").exit_code == 1
    assert not Path("out").exists()


def put(path: str, target: str = "") -> None:
    """Put something where a file of the tree would go: a link, a folder or a file."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if target:
        place.symlink_to(target)
    elif path.endswith("/"):
        place.mkdir()
    else:
        place.write_text("mine")


OBSTACLES = {
    "a file is DIR": ("out",),
    "a file is NAME": ("out/demo",),
    "a folder is a file": ("out/demo/setup.sh/",),
    "a file is a folder": ("out/demo/etc",),
    "NAME is a link": ("out/demo", ".."),
    "etc is a link": ("out/demo/etc", "../.."),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_output_with_an_obstacle(obstacle: str, folder: Path) -> None:
    """Where something is in the way, everything stays as it was."""
    put(*OBSTACLES[obstacle])
    before = sorted(folder.rglob("*"))
    result = render()
    assert result.exit_code == 1
    assert result.stderr.startswith("nsgen: error: nothing was written")
    assert sorted(folder.rglob("*")) == before


def failing(number: int, monkeypatch: pytest.MonkeyPatch, what: BaseException) -> None:
    """Make the `number`-th rename fail, and let those that undo the others work."""
    rename, calls = Path.rename, iter(range(1000))

    def renamed(source: Path, target: Path) -> Path:
        if next(calls) == number:
            raise what
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", renamed)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    "what", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"]
)
def test_tree_is_written_whole_or_not_at_all(
    number: int, what: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step fails, what was there is there, and nothing else is."""
    kept = folder / "demo" / "etc"
    kept.mkdir(parents=True)
    (folder / "demo" / "setup.sh").write_text("old")
    (kept / "stale").write_text("stale")
    before = tree(folder)
    failing(number, monkeypatch, what)
    with pytest.raises(type(what)):
        write_tree(
            folder / "demo",
            {"setup.sh": File("new"), "a/b": File("new")},
            lambda path, _: path in ("setup.sh", "etc/stale"),
        )
    assert tree(folder) == before
    assert sorted(path.name for path in (folder / "demo").iterdir()) == ["etc", "setup.sh"]
    monkeypatch.undo()
    standing = write_tree(
        folder / "demo",
        {"setup.sh": File("new")},
        lambda path, _: path in ("setup.sh", "etc/stale"),
    )
    assert standing == Standing([], ["setup.sh"], [], ["etc/stale"])
    assert tree(folder) == {"demo/setup.sh": "new"}


def test_tree_on_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written does not touch what is there."""
    write_tree(folder / "demo", {"setup.sh": File("old")}, lambda *_: True)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    monkeypatch.setattr(targets, "owner", lambda _: lambda *_: True)
    result = render(str(folder))
    assert (
        result.stderr
        == f"nsgen: error: nothing was written to {folder}/demo: no space left on device\n"
    )
    assert tree(folder) == {"demo/setup.sh": "old"}


def test_tree_follows_no_link(folder: Path) -> None:
    """A link where a file or a folder belongs is nobody's that nsgen wrote: nothing is written."""
    (folder / "precious").write_text("mine")
    (folder / "demo").mkdir()
    (folder / "demo" / "setup.sh").symlink_to("../precious")
    with pytest.raises(FileError, match="not written by nsgen: "):
        write_tree(folder / "demo", {"setup.sh": File("new", executable=True)}, lambda *_: True)
    assert (folder / "precious").read_text() == "mine"
    assert (folder / "demo" / "setup.sh").is_symlink()
    (folder / "demo" / "etc").symlink_to("..")
    with pytest.raises(FileError, match="etc is a symbolic link"):
        write_tree(folder / "demo", {"etc/new": File("new")}, lambda *_: True)
    with pytest.raises(FileError, match="not written by nsgen"):
        write_tree(folder / "demo", {"etc/precious": File("new")}, lambda *_: False)
    assert (folder / "precious").read_text() == "mine"


def test_output_stays_off_the_files_of_others() -> None:
    """A file of one's own in the place of one of nsgen's is never replaced: nothing is written, all are named."""
    for name in ("Vagrantfile", "setup.sh"):
        put(f"out/demo/{name}")
    before = tree(Path("out"))
    result = render()
    assert result.exit_code == 1
    assert "out/demo/setup.sh, out/demo/Vagrantfile; rename it, or name another" in result.stderr
    assert tree(Path("out")) == before


def test_every_file_says_who_made_it() -> None:
    """Each file of every example would be known again as one that nsgen wrote."""
    for example in (*EXAMPLES.glob("*.yaml"), *EXAMPLES.glob("steps/*.yaml")):
        assert CliRunner().invoke(main, ["render", str(example), "-o", "out"]).exit_code == 0
        result = CliRunner().invoke(main, ["render", str(example), "-o", "out"])
        assert result.exit_code == 0, result.stderr
        assert "wrote 0 files" in result.stderr


def test_what_is_as_it_should_be_is_not_written_again() -> None:
    """Neither its time nor its inode changes; what was changed by hand is written, and told."""
    render()
    script, plain = Path("out/demo/setup.sh"), Path("out/demo/plain.sh")
    before = script.stat()
    plain.write_text(plain.read_text() + "# more\n")
    result = render()
    assert "wrote 1 files, " in result.stderr
    after = script.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def check(*arguments: str) -> Result:
    """Ask what is stale."""
    return CliRunner().invoke(main, ["render", "--check", *arguments], input=TOPOLOGY)


def test_check_names_what_is_stale() -> None:
    """Stale, missing, in the way and not needed any more: each is named, nothing is written."""
    render()
    assert check("-o", "out", "-").exit_code == 0
    Path("out/demo/setup.sh").write_text("# made by nsgen, once\n")
    Path("out/demo/plain.sh").unlink()
    Path("out/demo/Vagrantfile").write_text("mine")
    put("out/demo/etc/netns/red/hosts")
    Path("out/demo/etc/netns/red/hosts").write_text("# nsgen:demo\n")
    before = tree(Path("out"))
    result = check("-o", "out", "-", "--diff")
    assert result.exit_code == 1
    told = [line for line in result.stdout.splitlines() if line.startswith("out/")]
    assert told == [
        "out/demo/plain.sh: missing",
        "out/demo/setup.sh: stale",
        "out/demo/Vagrantfile: not written by nsgen, and in the way",
        "out/demo/etc/netns/red/hosts: not needed any more",
    ]
    assert "\n-# made by nsgen, once\n+#!/usr/bin/env bash\n" in result.stdout
    assert tree(Path("out")) == before


def test_check_of_a_script_alone() -> None:
    """A script tells that it is stale, and of another runtime."""
    script = Path("setup.sh")
    script.write_text(CliRunner().invoke(main, ["render", "-"], input=TOPOLOGY).stdout)
    assert check("setup.sh", "-").exit_code == 0
    assert check("setup.sh", "-").stdout == ""
    text = script.read_text()
    script.write_text(text.replace("10.0.0.1", "10.0.0.9"))
    result = check("setup.sh", "-", "--diff")
    assert result.exit_code == 1
    assert result.stdout.startswith("setup.sh: stale\n--- setup.sh\n")
    assert "it is not what the topology becomes" in result.stderr
    script.write_text(text.replace(digest(), "0123456789ab"))
    assert "its runtime is 0123456789ab, that of this nsgen is" in check("setup.sh", "-").stderr
    assert check("nowhere.sh", "-").exit_code == 1


def test_several_topologies() -> None:
    """All of them are written, or none where one is wrong, two have one name, or a file is in the way."""
    for name in ("one", "two", "again"):
        text = TOPOLOGY.replace("demo", "one" if name == "again" else name)
        Path(f"{name}.yaml").write_text(text)
    Path("wrong.yaml").write_text("name: Wrong\n")
    run = CliRunner().invoke
    assert run(main, ["render", "-o", "out", "one.yaml", "wrong.yaml"]).exit_code == 1
    twice = run(main, ["render", "-o", "out", "one.yaml", "again.yaml"])
    assert "one.yaml and again.yaml are both named 'one'" in twice.stderr
    put("out/two/setup.sh")
    assert run(main, ["render", "-o", "out", "one.yaml", "two.yaml"]).exit_code == 1
    assert not Path("out/one").exists()
    Path("out/two/setup.sh").unlink()
    assert run(main, ["render", "-o", "out", "one.yaml", "two.yaml"]).exit_code == 0
    assert {path.name for path in Path("out").iterdir()} == {"one", "two"}
    assert run(main, ["render", "--check", "-o", "out", "one.yaml", "two.yaml"]).exit_code == 0


def test_modes_follow_the_umask(folder: Path) -> None:
    """A program is what everybody may run who may read it."""
    for mask, mode in ((0o022, 0o755), (0o077, 0o700), (0o027, 0o750)):
        before = os.umask(mask)
        try:
            write_tree(
                folder / "demo", {"setup.sh": File(f"{mask}", executable=True)}, lambda *_: True
            )
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / "demo" / "setup.sh").stat().st_mode) == mode
