"""Run every test: mypy, ruff, import-linter and ShellCheck (`--lint`: only these), then pytest and the bats files.

`--campaign NAME` runs only what takes minutes, and nothing else runs: what is in
`tests/campaign/NAME`; for `matrix`, also the bats files about who reaches what on every machine of
`tests/lab/matrix`; for `vm`, the machines of `tests/vm/machines`; for `vagrant`, the
Vagrantfiles. The output of each is shown whole. At the end stand the names of what was skipped, and
the sum of it all, which is also left in `build/counts/test-NAME` for `.ci/run`.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from xml.etree import ElementTree as ET

CHECKOUT = Path(__file__).resolve().parent.parent
BUILD = CHECKOUT / "build"
BATS = CHECKOUT / "node_modules/bats/bin/bats"
TESTS = Path("tests")
CAMPAIGNS = TESTS / "campaign"
ABOUT_REACH = ("publish", "families", "networks")
# At a time, on two cores. Most tests wait, too: for the kernel, and for answers.
PROCESSES = 4
WAITING = {"mutation": 5, "claims": 5}  # campaigns that do little else
MACHINES = 4
# Begun first, so that none is left alone.
LONG = ("drift", "lifecycle", "whole", "wires", "neighbours")
SECONDS = 30 * 60  # what one of them may take, before it is taken to hang
Run = tuple[Path, dict[str, str]]  # a bats file, and the environment that it is run with
RUNNING: set[subprocess.Popen[str]] = set()


@dataclass
class Tally:
    """How many tests passed and failed, and the names of the skipped ones with their reasons."""

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count the tests of another tally, too."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped"


def main(arguments: Sequence[str]) -> int:
    """Run them all; the exit status is 1 if anything failed."""
    # First the virtual environment; last what Debian keeps from the PATH of ordinary users.
    places = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"]
    os.environ["PATH"] = os.pathsep.join(places)
    os.chdir(CHECKOUT)
    # Compiled once: where bytecode is not to be written, every start of nsgen compiles all of it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run([sys.executable, "-m", "compileall", "-q", "gen", "tests"])
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if "--campaign" in arguments:
        name = arguments[-1]
        total = run_campaign(name)
        leave_counts(total, f"test-{name}")
    else:
        total = lint()
    if not arguments:
        total.add(run_pytest())
        files = sorted(TESTS.glob("*.bats"), key=lambda file: (file.stem not in LONG, file.stem))
        total.add(run_bats([(file, {}) for file in files]))
        leave_counts(total, "test")
    if total.skipped:
        say("skipped", "\n".join(total.skipped))
    say("all", str(total))
    return 1 if total.failed else 0


def lint() -> Tally:
    """Read the code: types, style, and the shell scripts that are not generated."""
    shell = ["tests/**/*.sh", "tests/**/*.bash", "tests/**/*.bats", "bench/*.sh", ".ci/run"]
    scripts = sorted(str(path) for pattern in shell for path in Path().glob(pattern))
    total = Tally()
    for command in (
        ["mypy"],
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["lint-imports", "--no-cache"],
        ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *scripts],
    ):
        status, output = run(command)
        say(" ".join(command[:2]), output)
        total.add(Tally(passed=int(status == 0), failed=int(status != 0)))
    return total


def run_campaign(name: str) -> Tally:
    """Run what is too long for every time."""
    if name == "vm":
        return run_virtual_machines()
    if name == "claims":
        choose_seed()
    if name == "vagrant":
        return run_vagrant()
    folder = CAMPAIGNS / name
    total = Tally()
    if any(folder.glob("test_*.py")):
        total.add(run_pytest(str(folder), processes=WAITING.get(name, PROCESSES)))
    runs: list[Run] = [(f, {}) for f in sorted(folder.glob("*.bats")) if not is_other_half(f.stem)]
    if name == "matrix":
        files = [TESTS / f"{file}.bats" for file in ABOUT_REACH]
        runs += [(file, {"MACHINE": machine}) for machine in machines() for file in files]
    total.add(run_bats(runs))
    return total


def choose_seed() -> None:
    """Choose another seed each time, for all processes that run the tests, unless one is given."""
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(10**6))
    os.environ["SEED"] = seed
    say(f"the same topologies again: make test-claims SEED={seed}")


def machines() -> list[str]:
    """Name the machines that differ in what a packet that is passed on meets.

    The first one is everybody's default. What differs on a router, and on one that lets nothing in to its own
    processes, is in `tests/campaign/matrix`.
    """
    lines = (TESTS / "lab/matrix").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return [
        name
        for name, *options in words[1:]
        if not any(option.startswith(("input=", "ip_forward=")) for option in options)
    ]


def run_pytest(*paths: str, processes: int = PROCESSES) -> Tally:
    """Run the Python tests in some processes, and read pytest's own report."""
    say("pytest")
    report = BUILD / "pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-n", str(processes), "--dist", "loadgroup"]
    command += ["--durations=10", f"--junitxml={report}", *paths]
    status, _ = run(command, capture=False)
    tally = read_junit(report) if report.exists() else Tally()
    if status != 0 and not tally.failed:
        tally.failed = 1
    return tally


def read_junit(report: Path) -> Tally:
    """Count the test cases of a JUnit report."""
    tally = Tally()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  pytest wrote it just now
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed += 1
        elif skipped is not None:
            name = f"{case.get('classname')}.{case.get('name')}"
            tally.skipped.append(f"{name}: {skipped.get('message')}")
        else:
            tally.passed += 1
    return tally


def run_bats(runs: Sequence[Run]) -> Tally:
    """Run bats files, some at a time."""
    # In CI it is a failure that they cannot run.
    if os.environ.get("CI") != "true" and (reason := why_no_bats()):
        return Tally(skipped=[f"{test}: {reason}" for test in named_tests(runs)])
    total = Tally()
    with ThreadPoolExecutor(PROCESSES) as pool:
        titles = {
            pool.submit(run_bats_file, file, variables): " ".join((str(file), *variables.values()))
            for file, variables in runs
        }
        for finished in as_completed(titles):
            tally, output = finished.result()
            say(f"bats {titles[finished]}", output)
            total.add(tally)
    return total


def virtual_machines() -> dict[str, str]:
    """List the machines: by name, the one whose disk it takes."""
    lines = (line.split() for line in (TESTS / "vm/machines").read_text().splitlines())
    listed = {words[0]: words[2] for words in lines if words and words[0] != "#"}
    return {name: below for name, below in listed.items() if not is_other_half(name)}


def is_other_half(name: str) -> bool:
    """Whether a run of one half, as in CI, leaves this half of a campaign out (see `halved` in tests/parts.py)."""
    other = {"0": "-odd", "1": "-even"}.get(os.environ.get("HALF", ""))
    return other is not None and name.endswith(other)


def run_virtual_machines() -> Tally:
    """Boot machines of `tests/vm/machines`, each after the one whose disk it takes."""
    machines = virtual_machines()
    if os.environ.get("CI") != "true" and (reason := lacks("vm/programs", "vm")):
        return Tally(skipped=[f"machine {name}: {reason}" for name in machines])
    releases = ("bookworm", "trixie")
    total = Tally()
    booted: dict[str, Future[tuple[Tally, str]]] = {}
    with ThreadPoolExecutor(MACHINES) as pool:
        made = list(pool.map(lambda release: run(["bash", "tests/vm/build.sh", release]), releases))
        for _, output in filter(lambda answer: answer[0] != 0, made):
            say("no virtual machines", output)
            untried = [f"machine {name}: its disk cannot be made" for name in machines]
            # In CI it is a failure.
            return (
                Tally(failed=len(untried))
                if os.environ.get("CI") == "true"
                else Tally(skipped=untried)
            )

        def boot(name: str, below: str) -> tuple[Tally, str]:
            if below != "-":  # it began earlier, so this wait has an end
                booted[below].result()
            return run_tap(["bash", "tests/vm/machine.sh", name], f"machine {name}")

        for name, below in machines.items():
            booted[name] = pool.submit(boot, name, below)
        for name, machine in booted.items():
            tally, output = machine.result()
            say(f"machine {name}", output)
            total.add(tally)
    return total


def run_vagrant() -> Tally:
    """Start the Vagrantfiles."""
    if reason := lacks("vagrant/programs", "vagrant"):
        return Tally(skipped=[f"vagrant: {reason}"])
    tally, output = run_tap(["bash", "tests/vagrant/vagrant.sh"], "vagrant")
    say("vagrant", output)
    return tally


def why_no_bats() -> str:
    """Say what this machine lacks for the bats files, if anything."""
    if reason := lacks("programs", "bats"):
        return reason
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    status, output = run(["unshare", *user, "--net", "--mount", "--pid", "--fork", "true"])
    return f"no namespaces for this user here: {output}" if status else ""


def lacks(file: str, purpose: str) -> str:
    """Say which of the programs in a list are not installed, if any."""
    lines = (line.split() for line in (TESTS / file).read_text().splitlines())
    needed = [program for program, *_, who in lines if who == purpose]
    missing = [program for program in (str(BATS), *needed) if not shutil.which(program)]
    return f"{', '.join(missing)}: not installed" if missing else ""


def named_tests(runs: Iterable[Run]) -> list[str]:
    """Name every test of some bats files."""
    at_test = re.compile(r"^@test [\"'](.*)[\"'] \{$", re.MULTILINE)
    return [f"{file}: {name}" for file, _ in runs for name in at_test.findall(file.read_text())]


def run_bats_file(file: Path, variables: Mapping[str, str]) -> tuple[Tally, str]:
    """Run one bats file: what it came to, and what it printed."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    # A signal that is ignored here, as by nohup, would be so in the scripts, too: bash does not trap it then.
    return run_tap(
        ["env", "--default-signal", *assignments, str(BATS), "--tap", str(file)], str(file)
    )


def run_tap(command: Sequence[str], name: str) -> tuple[Tally, str]:
    """Run what prints TAP: what it came to, and what it printed."""
    began = time.monotonic()
    status, output = run(command)
    tally = read_tap(output, name)
    if status != 0 and not tally.failed:
        tally.failed = 1
    return tally, f"{output}\n{tally} in {time.monotonic() - began:.0f} s"


def read_tap(output: str, name: str) -> Tally:
    """Count the lines of the Test Anything Protocol; a test that is not reported has failed."""
    tally, planned = Tally(), 0
    for line in output.splitlines():
        if plan := re.match(r"1\.\.(\d+)$", line):
            planned = int(plan[1])
        elif skipped := re.match(r"ok \d+ (.*?) # skip ?(.*)$", line):
            tally.skipped.append(f"{name}: {skipped[1]}: {skipped[2] or 'no reason given'}")
        elif re.match(r"ok \d+ ", line):
            tally.passed += 1
        elif re.match(r"not ok \d+ ", line):
            tally.failed += 1
    reported = tally.passed + tally.failed + len(tally.skipped)
    tally.failed += max(0, planned - reported)
    return tally


def run(command: Sequence[str], *, capture: bool = True) -> tuple[int, str]:
    """Run a command without input: its exit status and output; one that hangs is killed whole."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    RUNNING.add(process)
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 1, f"{output or ''}\nkilled after {SECONDS} s"
    finally:
        RUNNING.discard(process)
    return process.returncode, (output or "").rstrip()


def stop(signum: int, _frame: FrameType | None) -> None:
    """Take along what runs: it is in sessions of its own, where no Ctrl-C reaches it."""
    for process in RUNNING:
        os.killpg(process.pid, signal.SIGKILL)
    os._exit(128 + signum)


def leave_counts(total: Tally, target: str) -> None:
    """Leave the sum for `.ci/run`."""
    counts = BUILD / "counts"
    counts.mkdir(parents=True, exist_ok=True)
    (counts / target).write_text(f"{total.passed} {total.failed} {len(total.skipped)}\n")


def say(title: str, text: str = "") -> None:
    """Print a heading, and what belongs under it."""
    print(f"\n== {title}", *([text] if text else []), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
