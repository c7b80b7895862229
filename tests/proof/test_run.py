"""`nsgen run`: a command inside a topology, as an ordinary user, and nothing left of it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_rights import as_somebody_else

TOPOLOGY = """\
name: small
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red:
    networks: {bridge0: 10.1.0.2}
    publish: ["8080:80"]
    services: {web: {command: [python3, -m, http.server, "80"], user: nobody, directory: /usr/share/doc}}
  blue: {networks: {bridge0: 10.1.0.3}}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder to which an ordinary user gets: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def words(place: Path, program: Callable[[str], str]) -> list[str]:
    """What an ordinary user's `nsgen run` of the small topology begins with."""
    if subprocess.run(
        [program("unshare"), "--user", "--map-root-user", "--mount", "true"],
        check=False, capture_output=True,
    ).returncode:  # fmt: skip
        pytest.skip("this user cannot make namespaces here")
    topology = place / "small.yaml"
    topology.write_text(TOPOLOGY)
    somebody = as_somebody_else() if os.geteuid() == 0 else []
    return [*somebody, sys.executable, "-B", "-m", "nsgen", "run", str(topology)]


def run(words: list[str], *more: str, said: str = "") -> tuple[int, str, str]:
    """Run it: the exit status, what it printed, and what it said."""
    done = subprocess.run([*words, *more], input=said, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def sleeping(mark: str) -> list[Path]:
    """The folders under /proc of the processes that sleep for so many seconds."""
    found = subprocess.run(
        ["pgrep", "-fx", f"sleep {mark}"], capture_output=True, text=True, check=False
    )
    return [Path("/proc", pid) for pid in found.stdout.split()]


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is so, for at most 30 seconds."""
    for _ in range(300):
        if what():
            return
        time.sleep(0.1)
    pytest.fail("it is not so within 30 s")


@contextmanager
def sleeper(words: list[str], mark: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that sleeps for so many seconds, up to there."""
    process = subprocess.Popen([*words, "--", *command], stdout=subprocess.PIPE)
    try:
        wait_for(lambda: sleeping(mark))
        yield process
    finally:
        process.kill()
        process.communicate()
    wait_for(lambda: not sleeping(mark))


def parent(process: Path) -> Path:
    """The folder under /proc of a process's parent."""
    return Path("/proc", (process / "stat").read_text().rpartition(")")[2].split()[1])


def test_input_output_and_status_are_those_of_the_command(words: list[str]) -> None:
    """Nothing else is on standard output, and nothing at all on standard error."""
    assert run(words, "--", "sh", "-c", "cat; exit 7", said="hello") == (7, "hello", "")
    assert run(words, "--", "sh", "-c", "kill -TERM $$")[0] == 128 + signal.SIGTERM
    status, printed, said = run(words, "--", "no-such-program")
    assert (status, printed, said) == (127, "", "nsgen: no-such-program: not found\n")
    assert run(words, "--", "/")[0] == 126
    # Without a command, a shell reads standard input.
    assert run(words, said="ip netns list | wc -l; exit 3") == (3, "2\n", "")


def test_the_topology_is_there(words: list[str]) -> None:
    """On the host and in a node; a service of the topology runs; its script is there, and sees what is changed."""
    asked = "ping -c 1 10.1.0.2 >/dev/null && hostname -I"
    assert run(words, "--in", "blue", "--", "sh", "-c", asked)[:2] == (0, "10.1.0.3 \n")
    wait = "until bash -c '</dev/tcp/127.0.0.1/8080' 2>/dev/null; do sleep 0.1; done"
    check = f"{wait}; bash /run/setup.sh check"
    assert run(words, "--", "timeout", "20", "sh", "-c", check) == (0, "", "")
    gone = "ip -n blue address del 10.1.0.3/24 dev veth-blue; bash /run/setup.sh check"
    status, said, _ = run(words, "--", "sh", "-c", gone)
    assert status == 1
    assert "blue: missing: inet 10.1.0.3/24" in said
    put_back = f"{gone}; bash /run/setup.sh up >/dev/null 2>&1 && bash /run/setup.sh check"
    assert run(words, "--", "sh", "-c", put_back)[0] == 0


def test_surroundings(words: list[str]) -> None:
    """There is an internet on demand, and other machines, from which one can ask."""
    ping = ["--", "ping", "-c", "1", "-W", "5", "8.8.8.8"]
    assert run(words, "--in", "red", *ping)[0] != 0
    assert run(words, "--internet", "--in", "red", *ping)[0] == 0
    assert run(words, "--internet", "--in", "outside", *ping)[0] == 0


def test_a_node_that_is_not_there(words: list[str]) -> None:
    """It is an error of the command line, and those that there are, are named."""
    status, printed, said = run(words, "--in", "outside", "--", "true")
    assert (status, printed) == (2, "")
    assert "no node 'outside': there are host, red, blue\n" in said


def test_a_script_that_fails(words: list[str], place: Path) -> None:
    """Its message is shown, and the command does not run."""
    (place / "small.yaml").write_text(
        "name: small\nnamespaces: {a: {exec: [{up: [no-such-command]}]}}\n"
    )
    status, printed, said = run(words, "--", "echo", "here")
    assert (status, printed) == (1, "")
    assert said.startswith("nsgen: error: the script failed:\n")
    assert "no-such-command" in said


def test_a_signal_is_passed_on(words: list[str]) -> None:
    """The command decides what becomes of it."""
    trap = "trap 'echo told; exit 9' TERM; sleep 86399 & wait"
    with sleeper(words, "86399", "bash", "-c", trap) as process:
        process.terminate()
        assert process.communicate(timeout=20)[0] == b"told\n"
        assert process.returncode == 9


@pytest.mark.parametrize("victim", ["nsgen", "process 1", "the command"])
def test_nothing_is_left_after_a_kill(words: list[str], victim: str) -> None:
    """Whichever of its processes is killed, all of it ends: the command, and the services of the topology."""
    mark = str(86400 + len(victim))
    with sleeper(words, mark, "sleep", mark) as process:
        (command,) = sleeping(mark)
        first = parent(command)
        assert parent(first).name == str(process.pid)
        victims = {"nsgen": parent(first), "process 1": first, "the command": command}
        os.kill(int(victims[victim].name), signal.SIGKILL)
        process.wait(timeout=20)
        wait_for(lambda: not first.exists())


def test_ten_at_once(words: list[str]) -> None:
    """Labs of the same topology do not know of each other."""
    with ThreadPoolExecutor(10) as pool:
        asked = [
            pool.submit(run, words, "--in", "red", "--", "ping", "-c1", "10.1.0.3")
            for _ in range(10)
        ]
    assert [future.result()[0] for future in asked] == [0] * 10, asked[0].result()


def test_a_terminal(words: list[str], program: Callable[[str], str]) -> None:
    """A shell has a prompt, job control and the terminal itself; its exit status is ours."""
    lines = "sleep 86423 & jobs\nkill %1\nip -br address show to 10.1.0.2\nexit 5\n"
    command = [program("script"), "-qec", shlex.join([*words, "--in", "red"]), "/dev/null"]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 5
    assert "nsgen: in small, here red: host, red, blue;" in done.stdout
    assert "(small:red) " in done.stdout
    assert "[1]+  Running" in done.stdout
    assert "no job control" not in done.stdout
    assert "10.1.0.2/24" in done.stdout
