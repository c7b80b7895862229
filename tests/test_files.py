"""The files that are written: all of them or none, and nobody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nsgen import files, targets
from nsgen.cli import main
from nsgen.files import FileError, write_tree
from nsgen.targets import File

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
            lambda path: path == "etc/stale",
        )
    assert tree(folder) == before
    assert sorted(path.name for path in (folder / "demo").iterdir()) == ["etc", "setup.sh"]
    monkeypatch.undo()
    removed = write_tree(
        folder / "demo", {"setup.sh": File("new")}, lambda path: path == "etc/stale"
    )
    assert removed == ["etc/stale"]
    assert tree(folder) == {"demo/setup.sh": "new"}


def test_tree_on_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written does not touch what is there."""
    write_tree(folder / "demo", {"setup.sh": File("old")}, lambda _: False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    monkeypatch.setattr(targets, "is_ours", lambda *_: True)
    result = render(str(folder))
    assert (
        result.stderr
        == f"nsgen: error: nothing was written to {folder}/demo: no space left on device\n"
    )
    assert tree(folder) == {"demo/setup.sh": "old"}


def test_tree_follows_no_link(folder: Path) -> None:
    """A link where a file belongs is replaced, and what it points to stays as it is."""
    (folder / "precious").write_text("mine")
    (folder / "demo").mkdir()
    (folder / "demo" / "setup.sh").symlink_to("../precious")
    write_tree(folder / "demo", {"setup.sh": File("new", executable=True)}, lambda _: False)
    assert (folder / "precious").read_text() == "mine"
    assert (folder / "demo" / "setup.sh").read_text() == "new"
    (folder / "demo" / "etc").symlink_to("..")
    with pytest.raises(FileError, match="etc is a symbolic link"):
        write_tree(folder / "demo", {"etc/precious": File("new")}, lambda _: False)
    assert (folder / "precious").read_text() == "mine"


def test_modes_follow_the_umask(folder: Path) -> None:
    """A program is what everybody may run who may read it."""
    for mask, mode in ((0o022, 0o755), (0o077, 0o700), (0o027, 0o750)):
        before = os.umask(mask)
        try:
            write_tree(folder / "demo", {"setup.sh": File("", executable=True)}, lambda _: False)
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / "demo" / "setup.sh").stat().st_mode) == mode
