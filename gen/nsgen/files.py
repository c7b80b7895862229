"""The files that :mod:`nsgen.cli` reads and writes: all of a file or tree, or nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

MAX_BYTES = 32 * 1024 * 1024  # a topology of 100,000 namespaces has 12 MiB
STDIN = "-"
# What the shell passes to a command, as in `nsgen check <(generate)`, may be a pipe; a FIFO with a
# name of its own is refused, because reading one waits for somebody who may never come.
PASSED = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


class FileError(Exception):
    """A file cannot be read or written; the message says which and why."""


class File(Protocol):
    """What is to be written: :class:`nsgen.targets.File`."""

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


def write_tree(folder: Path, files: Mapping[str, File], ours: Callable[[str], bool]) -> list[str]:
    """Put files in a folder, take out those that are `ours` and not among them, and return these.

    All of them are written to a folder beside it first, and then renamed into place; if anything
    goes wrong on the way, what was done is undone. Files that are not ours stay. No symbolic link
    is followed below `folder`'s parent.
    """
    with ExitStack() as cleanup, ExitStack() as undo:
        _make_folders(folder.parent, folder.parent, undo)
        stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        cleanup.callback(shutil.rmtree, stage, ignore_errors=True)
        for number, file in enumerate(files.values()):
            _write(stage / f"new-{number}", file)
        stale = [path for path in _existing(folder) if ours(path) and path not in files]
        for number, path in enumerate(files):
            _make_folders((folder / path).parent, folder.parent, undo)
            _move_away(folder / path, stage / f"old-{number}", undo)
            new = stage / f"new-{number}"
            new.rename(folder / path)
            undo.callback((folder / path).rename, new)
        for number, path in enumerate(stale):
            _move_away(folder / path, stage / f"stale-{number}", undo)
        undo.pop_all()
    _remove_empty_folders(folder, stale)
    return stale


def _write(path: Path, file: File) -> None:
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
