"""The state of the machine that this runs on, read by a process of its own; nothing is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nsgen
from nsgen.proof.state import State, StateError

READER = (sys.executable, "-B", "-m", "nsgen.proof.lab.state", "--empty")
SECONDS = 300


class PresentError(Exception):
    """The machine's state cannot be read; the message says why, and what to do."""


def present_state() -> State:
    """Read the host and its named namespaces, with an empty one to compare with. Raises PresentError."""
    # Python looks first where it is started: root runs nothing out of somebody's folder.
    source, known = Path(nsgen.__file__).resolve().parents[1], os.environ.get("PYTHONPATH", "")
    environment = os.environ | {"PYTHONPATH": f"{source}:{known}".rstrip(":")}
    try:
        done = subprocess.run(
            READER, capture_output=True, text=True, check=False, timeout=SECONDS, cwd="/", env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise PresentError(f"the state was not read within {SECONDS} s") from error
    try:
        state = State.load(done.stdout)
    except StateError as error:
        last = done.stderr.strip().splitlines()[-1:] or [str(error)]
        raise PresentError(f"the state cannot be read: {last[0]}") from error
    if not state.nodes:
        raise PresentError("the state cannot be read: namespaces cannot be entered here")
    return state
