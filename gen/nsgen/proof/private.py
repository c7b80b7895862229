"""A command in a private machine on which a script has run: see `nsgen run`.

This process makes the namespaces and waits; its child is process 1 of them, makes the machine, runs the script and the
command, and takes leave of the processes that both leave behind. When either of the two ends, however, everything ends.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from nsgen.proof import rights
from nsgen.proof.claims.scene import choose
from nsgen.proof.job import joined, scene_of
from nsgen.proof.lab import uplinks
from nsgen.proof.lab.joined import joining
from nsgen.proof.lab.machine import PATH, ROUTER, Machine
from nsgen.proof.lab.nodes import CLONE_NEWNET, LIBC
from nsgen.proof.lab.programs import RehearsalError
from nsgen.proof.lab.still import settle
from nsgen.proof.rehearse import VerifyError, require
from nsgen.topology.model import Topology
from nsgen.values import HOST

KNOWN = ipaddress.ip_address("8.8.8.8")  # that people ping; here somebody on the internet has it
SURROUNDINGS = ("outside", "router", "internet")
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID = 0x10000000, 0x00020000, 0x20000000  # linux/sched.h
MS_REC, MS_PRIVATE = 0x4000, 0x40000  # linux/mount.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h
FOLDER = Path("/run/nsgen-machine")  # on the private /run
SCRIPT = Path("/run/setup.sh")  # there, too: what is run is told to be there
# What is passed on to the command when somebody sends it to us. What a terminal sends, the command gets by itself.
PASSED_ON = {
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
}  # fmt: skip
WAITED_FOR = PASSED_ON | {signal.SIGCHLD}
NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128  # bash(1), EXIT STATUS


def run_in(
    topology: Topology, script: str, node: str, command: Sequence[str], *, internet: bool
) -> int:
    """Run a command, or a shell, where a script has built a topology; give its exit status.

    `internet`: with the surroundings of a rehearsal around the host. Raises VerifyError where there can be no
    namespaces, or the script fails.
    """
    require(topology)
    _unshare()
    alive, ours = os.pipe()
    said, saying = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
    child = os.fork()
    if not child:
        os.close(ours)
        _be_process_1(alive)
        try:
            status = _run(topology, script, node, command, internet=internet)
        except (VerifyError, RehearsalError, OSError, subprocess.SubprocessError) as error:
            os.write(saying, str(error).encode())
            status = 1
        os._exit(status)
    os.close(alive)
    os.close(saying)
    status = _wait(child)
    with os.fdopen(said) as reader:
        wrong = reader.read()
    if wrong:
        raise VerifyError(wrong)
    return status


# -- the namespaces -----------------------------------------------------------------------------


def _unshare() -> None:
    """Be in namespaces of our own: the next process that is forked is process 1 of them."""
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        _call(LIBC.unshare(CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call(LIBC.unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID))
    _call(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))


def _call(status: int) -> None:
    if status:
        raise VerifyError(rights.advice(f"unshare: {os.strerror(ctypes.get_errno())}"))


def _be_process_1(alive: int) -> None:
    """End when our parent ends, which may have happened before we could ask for it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        os._exit(1)
    for number in PASSED_ON:
        signal.signal(number, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)


def _leave(number: int, _frame: object) -> None:
    """The script is still running, and there is no command that could be told."""
    os._exit(SIGNALLED + number)


# -- what runs in them --------------------------------------------------------------------------


def _run(
    topology: Topology, script: str, node: str, command: Sequence[str], *, internet: bool
) -> int:
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:{PATH}"}
    # In a user namespace of ours there is nobody else: what runs as somebody else runs as ourselves.
    alone = Path("/proc/self/uid_map").read_text().split()[2] == "1"
    bounds = [] if alone else rights.within_bounds()
    machine = Machine(FOLDER, scene_of(choose(topology, KNOWN), topology))
    machine.make_host()
    machine.stand_in("modprobe", "exit 1")
    if alone:
        machine.stand_in("runuser", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    if internet:
        machine.surround()
        uplinks.connect(machine, machine.scene["beyond"])
    SCRIPT.write_text(joining(machine, joined(topology), script))
    done = subprocess.run(
        [*bounds, "bash", str(SCRIPT), "up"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise VerifyError(f"the script failed:\n{done.stdout.rstrip()}")
    settle()
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    words = [
        *bounds,
        *_entering(topology, node, machine),
        *(command or _shell(topology.name, node)),
    ]
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
        _become(words, environment)
    return _wait(child)


def _entering(topology: Topology, node: str, machine: Machine) -> list[str]:
    """What a command begins with in a node."""
    if node == HOST:
        return []
    if any(namespace.name == node for namespace in topology.namespaces):
        return ["ip", "netns", "exec", node]
    return ["nsenter", f"--net={machine.nodes / (ROUTER if node == 'router' else node)}", "--"]


def _shell(name: str, node: str) -> list[str]:
    """The shell that is run where there is no command: one's own settings, and a prompt that says where it is."""
    settings = FOLDER / "bashrc"
    settings.write_text(f"[ ! -r ~/.bashrc ] || . ~/.bashrc\nPS1='({name}:{node}) \\w\\$ '\n")
    return ["bash", "--rcfile", str(settings)]


def _become(words: list[str], environment: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - what the user asked for
    except OSError as error:
        # A folder of PATH may be closed to us, which says nothing of the program.
        there = "/" in words[0] or shutil.which(words[0], path=environment["PATH"])
        found = bool(there) and not isinstance(error, FileNotFoundError)
        sys.stderr.write(f"nsgen: {words[0]}: {'cannot be executed' if found else 'not found'}\n")
        sys.stderr.flush()
        os._exit(NOT_EXECUTABLE if found else NOT_FOUND)


def _wait(child: int) -> int:
    """Wait for a process, and for whatever else ends, and pass on what is sent to us; give its exit status."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return SIGNALLED - code if code < 0 else code
        if not ended:
            found = signal.sigwaitinfo(WAITED_FOR)
            if found.si_signo != signal.SIGCHLD and found.si_code <= 0:  # SI_USER, not SI_KERNEL
                os.kill(child, found.si_signo)
