"""A machine on which a script may write what it likes, and calls stand-ins by whatever path: nothing of it is real.

Folders are covered by overlays (overlayfs, Documentation/filesystems/overlayfs.rst) whose upper layers are in memory;
folders of programs get the stand-ins of :mod:`nsgen.proof.lab.shim` on top.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from nsgen.proof.lab import catalogue, shim
from nsgen.proof.lab.machine import PATH

NEVER = (
    "proc",
    "sys",
    "dev",
    "run",
    "etc",
    "usr",
    "boot",
    "lost+found",
)  # theirs is another way, or none
DEPTH, CHILDREN = 4, 200  # how far to look below a folder that has mounts in it


def cover(folder: Path) -> None:
    """Make everything writable that is not a part of the system; what cannot be covered stays as it is."""
    mounts = [
        line.split()[4].encode().decode("unicode_escape")
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    number = 0

    def over(place: str, depth: int) -> None:
        nonlocal number
        if any(mount.startswith(f"{place}/") for mount in mounts):
            children = [
                entry.path for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False)
            ]
            for child in sorted(children)[:CHILDREN] if depth else ():
                over(child, depth - 1)
            return
        number += 1
        layers = folder / "files" / str(number)
        for name in ("upper", "work"):
            (layers / name).mkdir(parents=True)
        options = f"lowerdir={place},upperdir={layers / 'upper'},workdir={layers / 'work'}"
        if ":" not in place and "," not in place:
            mount = ["mount", "-t", "overlay", "overlay", "-o", options, place]
            subprocess.run(mount, capture_output=True, check=False)

    for entry in sorted(os.scandir("/"), key=lambda one: one.name):
        if entry.name not in NEVER and entry.is_dir(follow_symlinks=False):
            over(entry.path, DEPTH)


class Programs:
    """The stand-ins, and the real programs."""

    def __init__(self, folder: Path) -> None:
        """Find the real ones, and write a stand-in for each name."""
        self.folder = folder
        self.real, self.shims = folder / "real", folder / "shims"
        self.search = f"{os.environ.get('PATH', '')}:{PATH}"
        self.missing: list[str] = []
        for place in (self.real, self.shims):
            place.mkdir()
        self.places = self._bound()
        for name in dict.fromkeys(catalogue.ALL):
            self._place(name)

    def _bound(self) -> dict[Path, Path]:
        """Every folder of programs, and where else it is: it is about to be covered."""
        found: dict[Path, Path] = {}
        for text in dict.fromkeys(self.search.split(":")):
            place = Path(text or ".").resolve()
            if place.is_dir() and place not in found and self.folder not in place.parents:
                found[place] = self.folder / "places" / str(len(found))
                found[place].mkdir(parents=True)
                subprocess.run(["mount", "--bind", str(place), str(found[place])], check=False)
        return found

    def _place(self, name: str) -> None:
        path = shutil.which(name, path=self.search)
        if path is not None:
            file = Path(path).resolve()
            (self.real / name).symlink_to(self.places.get(file.parent, file.parent) / file.name)
        elif not name.startswith("nsgen-"):
            self.missing.append(name)
            if name not in catalogue.STOOD_IN:
                return  # the script is told that it is not found
        words = [sys.executable, "-IS", shim.__file__, str(self.folder), name]
        file = self.shims / name
        file.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        file.chmod(0o755)

    def put(self) -> None:
        """Put the stand-ins in every folder of programs."""
        for place in self.places:
            if place.parts[1:2] != ("run",):
                layers = f"lowerdir={self.shims}:{place}"
                command = ["mount", "-t", "overlay", "overlay", "-o", layers, str(place)]
                subprocess.run(command, capture_output=True, check=False)

    def paths(self) -> tuple[str, str]:
        """PATH of the lab, which calls no stand-in, and of the script."""
        return f"{self.real}:{self.search}", f"{self.shims}:{self.search}"


def words_of(path: Path, arguments: Iterable[str]) -> list[str]:
    """The command that runs a script as a user would: by its first line, and by bash where it has none."""
    with path.open("rb") as file:
        first = file.readline(4096)
    if first.startswith(b"\x7fELF"):
        return [str(path), *arguments]
    if not first.startswith(b"#!"):
        return ["bash", str(path), *arguments]
    interpreter = first[2:].decode(errors="replace").strip().split(maxsplit=1)
    return [*interpreter, str(path), *arguments]
