"""The files that :mod:`nsgen.cli` reads and writes: all of a file or tree, or nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from nsgen.report import MAX_BYTES, FileError

STDIN = "-"
# What the shell passes to a command, as in `nsgen check <(generate)`, may be a pipe; a FIFO with a
# name of its own is refused, because reading one waits for somebody who may never come.
PASSED = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


# Whether nsgen wrote a file: its path below the topology's folder, and its beginning.
Ours = Callable[[str, str], bool]


class Writable(Protocol):
    """What is to be written: :class:`nsgen.script.targets.File`."""

    @property
    def text(self) -> str:
        """What is in it."""

    @property
    def executable(self) -> bool:
        """Whether it is a program."""


def reason(error: OSError) -> str:
    """Say what the system says is wrong, in the style of our messages."""
    return (error.strerror or str(error)).lower()


def read(name: str) -> bytes:
    """Read a topology, ``-`` being standard input; ``FileError`` says why it cannot be."""
    if name == STDIN:
        if sys.stdin is None:
            raise FileError("standard input is closed")
        try:
            return _bounded(sys.stdin.buffer)
        except OSError as error:
            raise FileError(reason(error)) from None
    return read_file(name, PASSED)


def folder(name: str) -> str:
    """What the names in a topology are relative to: its folder, or this one if it has none."""
    return "" if name == STDIN or name.startswith(PASSED) else os.path.dirname(name)


def identity(name: str) -> str:
    """What is the same for two names of one file."""
    try:
        return os.path.realpath(name)
    except (OSError, ValueError):
        return name  # reading it says what is wrong


def read_file(name: str, passed: tuple[str, ...] = ()) -> bytes:
    """Read a file; ``FileError`` says why it cannot be. Of those in `passed`, any kind will do."""
    try:
        mode = Path(name).stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileError("this is a folder: name the topology's file in it")
        if not stat.S_ISREG(mode) and not name.startswith(passed):
            instead = "; a topology can also come from standard input: -" if passed else ""
            raise FileError(f"this is no ordinary file{instead}")
        with Path(name).open("rb") as file:
            return _bounded(file)
    except OSError as error:
        raise FileError(reason(error)) from None
    except ValueError:
        raise FileError("this cannot be the name of a file") from None


def _bounded(file: BinaryIO) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FileError(
            f"this is larger than {MAX_BYTES // 1024 // 1024} MiB, which no topology is"
        )
    return data


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; ``FileExistsError`` if it is."""
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except BaseException:
            path.unlink()
            raise


class Standing(NamedTuple):
    """How what is in a folder stands to what belongs there: the paths of those that differ."""

    missing: list[str]
    stale: list[str]
    foreign: list[str]  # what stands in the place of one, and is somebody else's
    extra: list[str]  # ours, and not needed any more


def compare_tree(folder: Path, files: Mapping[str, Writable], ours: Ours) -> Standing:
    """Say which files of a folder are not what they should be; ``OSError`` if it cannot be read."""
    standing = Standing([], [], [], [])
    for path, file in files.items():
        place = folder / path
        if not os.path.lexists(place):
            standing.missing.append(path)
        elif place.is_symlink() or not place.is_file() or not ours(path, _head(place)):
            standing.foreign.append(path)
        elif place.read_bytes() != file.text.encode() or (
            file.executable and not place.stat().st_mode & stat.S_IXUSR
        ):
            standing.stale.append(path)
    for path in _existing(folder):
        if path not in files and (folder / path).is_file() and ours(path, _head(folder / path)):
            standing.extra.append(path)
    return standing


def write_tree(folder: Path, files: Mapping[str, Writable], ours: Ours) -> Standing:
    """Put files in a folder, take out those that are `ours` and not among them; say how it stood before.

    All of them are written to a folder beside it first, and then renamed into place; if anything
    goes wrong on the way, what was done is undone. What is as it should be is not touched. Files that
    are not ours stay; where one is in the way, ``FileError`` names them all. No symbolic link is
    followed below `folder`'s parent.
    """
    standing = compare_tree(folder, files, ours)
    refuse_foreign(folder / path for path in standing.foreign)
    with ExitStack() as cleanup, ExitStack() as undo:
        _make_folders(folder.parent, folder.parent, undo)
        stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        cleanup.callback(shutil.rmtree, stage, ignore_errors=True)
        wanted = [path for path in files if path in {*standing.missing, *standing.stale}]
        for number, path in enumerate(wanted):
            _write(stage / f"new-{number}", files[path])
        for number, path in enumerate(wanted):
            _make_folders((folder / path).parent, folder.parent, undo)
            _move_away(folder / path, stage / f"old-{number}", undo)
            new = stage / f"new-{number}"
            new.rename(folder / path)
            undo.callback((folder / path).rename, new)
        for number, path in enumerate(standing.extra):
            _move_away(folder / path, stage / f"extra-{number}", undo)
        undo.pop_all()
    _remove_empty_folders(folder, standing.extra)
    return standing


def refuse_foreign(paths: Iterable[Path]) -> None:
    """Raise ``FileError`` if there are any files of others in the way."""
    if names := ", ".join(map(str, paths)):
        raise FileError(f"not written by nsgen: {names}; rename it, or name another folder")


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(4096).decode("utf-8", "replace")


def _write(path: Path, file: Writable) -> None:
    with path.open("x", encoding="utf-8") as out:
        out.write(file.text)
    if file.executable:
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)  # whoever may read it may run it


def _existing(folder: Path) -> Iterator[str]:
    """Every file below a folder, by its path there."""

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for where, _, names in os.walk(folder, onerror=fail):
        yield from sorted((Path(where) / name).relative_to(folder).as_posix() for name in names)


def _make_folders(folder: Path, given: Path, undo: ExitStack) -> None:
    """Make a folder and those above it; below `given`, none of them may be a symbolic link."""
    for part in (*reversed(folder.parents), folder):
        if part.is_symlink() and given in part.parents:
            raise FileError(f"{part} is a symbolic link: nsgen writes into folders only")
        if not part.is_dir():
            part.mkdir()
            undo.callback(part.rmdir)


def _move_away(path: Path, place: Path, undo: ExitStack) -> None:
    if path.is_dir() and not path.is_symlink():
        raise FileError(f"{path} is a folder, where nsgen would write a file")
    if path.is_symlink() or path.exists():
        path.rename(place)
        undo.callback(place.rename, path)


def _remove_empty_folders(folder: Path, paths: list[str]) -> None:
    for path in paths:
        for parent in (folder / path).parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
