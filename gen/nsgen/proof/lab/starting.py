"""Servers that a script has started and left: they have a while to listen."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsgen.proof.lab import kernel, state
from nsgen.proof.lab.nodes import SCRIPT_NAMESPACES, inside, node_of
from nsgen.values import HOST

STARTING = 5.0  # seconds for a process to listen
ASLEEP = 10.0  # seconds of a sleep(1) that nobody waits for


def await_listening() -> None:
    """Wait until every process in a namespace listens, or has had a while to do so."""
    deadline = time.monotonic() + STARTING
    while any(map(_starts, _processes())) and time.monotonic() < deadline:
        time.sleep(0.1)


def _processes() -> list[dict[str, Any]]:
    """The processes in namespaces that have started no others."""
    listening = {}
    for path in SCRIPT_NAMESPACES.glob("*"):
        with contextlib.suppress(OSError), inside(f"../netns/{path.name}"):
            listening[node_of(path.name)] = dict(kernel.sockets())
    found = state.processes(listening, everybody=False)
    parents = {_stat(process)[1] for process in found}
    return [
        process for process in found if process["node"] != HOST and process["pid"] not in parents
    ]


def _starts(process: Mapping[str, Any]) -> bool:
    """Whether a process may yet listen."""
    words = process["argv"]
    with contextlib.suppress(ValueError, IndexError):
        if words[0].rpartition("/")[2] == "sleep" and float(words[1]) > ASLEEP:
            return False
    return not process["listens"] and _stat(process)[0] < STARTING


def _stat(process: Mapping[str, Any]) -> tuple[float, int]:
    """How long ago a process was started, in seconds, and by which one; see proc_pid_stat(5)."""
    try:
        text = Path(f"/proc/{process['pid']}/stat").read_text()
    except OSError:
        return STARTING, 0
    words = text.rpartition(")")[2].split()
    began = int(words[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began, int(words[1])
