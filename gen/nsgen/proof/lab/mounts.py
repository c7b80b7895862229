"""Mounts, by the kernel's own call: mount(8) takes a process each, and a rehearsal makes twenty."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from nsgen.proof.lab.nodes import CLONE_NEWNS, LIBC
from nsgen.proof.lab.programs import RehearsalError

# linux/mount.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000


def mount(kind: str, target: str | Path, options: str = "", flags: int = 0) -> None:
    """Mount a filesystem that has no device; raises RehearsalError."""
    _mount(kind, target, kind, flags, options)


def bind(source: str | Path, target: str | Path, flags: int = 0) -> None:
    """Put a file or folder over another one, or change the flags of what was put there; raises RehearsalError."""
    _mount(source, target, "", MS_BIND | flags, "")


def own_sys() -> None:
    """Have the /sys of the network namespace that this process is in, by itself; raises RehearsalError.

    It tells a MAC address that was given from one that was drawn.
    """
    if LIBC.unshare(CLONE_NEWNS):
        raise RehearsalError(f"no mounts of one's own: {os.strerror(ctypes.get_errno())}")
    _mount("none", "/", "", MS_REC | MS_PRIVATE, "")
    mount("sysfs", "/sys")


def _mount(source: str | Path, target: str | Path, kind: str, flags: int, options: str) -> None:
    words = [os.fsencode(word) or None for word in (source, target, kind, options)]
    if LIBC.mount(*words[:3], ctypes.c_ulong(flags), words[3]):
        reason = os.strerror(ctypes.get_errno())
        raise RehearsalError(f"{source} cannot be mounted on {target}: {reason}")
