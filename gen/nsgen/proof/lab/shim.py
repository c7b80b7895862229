"""Stand in for a program that a captured script calls: tell the recorder, and run it, or what is in its place.

    python -IS shim.py FOLDER NAME ARGUMENTS...

FOLDER has `recorder`, the socket, and `real/`, the programs by their names. It starts with every command of the script,
so it imports what it needs and no more.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from nsgen.proof.lab import catalogue, standins
from nsgen.proof.lab.commands import effect, is_exec

OWN = "NSGEN_OWN"  # in the environment of what the script did not ask for
CUT = "cut "  # what the recorder answers where a sleep is to be a short one
MESSAGE = 300  # characters of what a command said that are told


class RecorderClient:
    """The connection to whoever records."""

    def __init__(self, folder: str, words: list[str], kind: str = "command") -> None:
        """Tell of a command; it goes on when the recorder says so."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(f"{folder}/recorder")
        self.say(
            kind=kind, argv=words, net=Path("/proc/self/ns/net").stat().st_ino, pid=os.getpid(),
            at=os.environ.get("NSGEN_AT", ""), user=os.environ.get("NSGEN_AS", ""),
        )  # fmt: skip
        self.answer = self.socket.makefile().readline()

    def say(self, **values: Any) -> None:
        """Send a line."""
        self.socket.sendall((json.dumps(values) + "\n").encode())

    def ended(self, status: int, said: str = "") -> None:
        """Tell how it ended, and wait until that is taken down."""
        self.say(status=status, said=said)
        self.socket.makefile().readline()
        self.socket.close()


def real(folder: str, name: str) -> str:
    """The file of a real program, or nothing."""
    path = f"{folder}/real/{name}"
    return path if os.access(path, os.X_OK) else ""


def become(path: str, words: list[str]) -> NoReturn:
    """Be another program from here on."""
    try:
        os.execvp(path, words)  # noqa: S606 - what the script asked for
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def watched(path: str, words: list[str], recorder: RecorderClient) -> int:
    """Run a program, pass on what it complains of, and tell how it ended."""
    process = subprocess.Popen(words, executable=path, stderr=subprocess.PIPE)
    _, said = process.communicate()
    sys.stderr.buffer.write(said)
    sys.stderr.flush()
    lines = said.decode(errors="replace").strip().splitlines()
    status = process.returncode
    recorder.ended(status, lines[-1][:MESSAGE] if lines and status else "")
    return status if status >= 0 else 128 - status


def in_place(folder: str, name: str, words: list[str]) -> int:
    """Do with ip(8) what a missing program was asked for."""
    from nsgen.proof.lab.oldtools import LISTS, TOOLS, UnknownFormError

    try:
        commands = TOOLS[name](words[1:])
    except (UnknownFormError, IndexError, ValueError) as error:
        recorder = RecorderClient(folder, words)
        said = f"{name} is not installed, and this form of it is not known: {error}"
        sys.stderr.write(f"{said}\n")
        recorder.ended(1, said)
        return 1
    if not commands:
        return subprocess.run(
            [real(folder, "ip"), *LISTS.get(name, ["link"])], check=False
        ).returncode
    for command in commands:
        line = ["ip", *command]
        status = watched(real(folder, "ip"), line, RecorderClient(folder, line))
        if status:
            return status
    return 0


def main() -> int:
    """Do what one call asks for."""
    folder, name, *rest = sys.argv[1:]
    words = [name, *rest]
    path = real(folder, name)
    if name in ("nsgen-note", "nsgen-mark"):
        RecorderClient(folder, words, name.removeprefix("nsgen-"))
        return 0
    if not path and name in catalogue.TRANSLATED:
        return in_place(folder, name, words)
    doing = standins.instead(name, rest, there=bool(path))
    if doing is not None:
        return stood_in(folder, path, words, doing)
    if effect(words) == "asks" or not path:
        become(path or name, words)
    recorder = RecorderClient(folder, words)
    if (name == "ip" and is_exec(words)) or name in catalogue.LASTING:
        become(path, words)
    return watched(path, words, recorder)


def stood_in(folder: str, path: str, words: list[str], doing: standins.Doing) -> int:
    """Do something else than was asked for, and tell."""
    os.environ.update(doing.environment)
    answer = RecorderClient(folder, words, doing.told).answer.strip() if doing.told else ""
    if answer.startswith(CUT):
        become(path, ["sleep", answer.removeprefix(CUT)])
    if doing.container:
        return container(folder)
    if doing.background:
        if os.fork():
            return 0
        os.setsid()
        with open(os.devnull, "r+b") as null:  # noqa: PTH123 - one name
            for stream in (0, 1, 2):
                os.dup2(null.fileno(), stream)
    if doing.killed:
        recorder = RecorderClient(folder, words, "kill")
        return int(recorder.answer or 1)
    if doing.forever:
        signal.pause()
    if not doing.run:
        return doing.status
    run = [path if word == standins.REAL else word for word in doing.run]
    become(path if run[0] == words[0] and path else run[0], run)


def container(folder: str) -> int:
    """Print the number of a process that is in a namespace of its own: what a container would be."""
    unshared = subprocess.Popen(
        ["unshare", "--net", real(folder, "sleep"), "1000000"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=os.environ | {OWN: "1"},
    )  # fmt: skip
    own = Path("/proc/self/ns/net").stat().st_ino
    there = Path(f"/proc/{unshared.pid}/ns/net")
    for _ in range(500):
        if there.stat().st_ino != own:
            break
        signal.sigtimedwait([], 0.01)
    sys.stdout.write(f"{unshared.pid}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
