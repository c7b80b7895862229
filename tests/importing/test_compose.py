"""`nsgen import compose`: what a Compose file becomes, what is not said of it, and that the result is a topology."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nsgen.cli.commands import main
from nsgen.compiler import compile_topology
from nsgen.importing.interpolation import VariableError, expand, read_environment
from nsgen.importing.keys import KEYS
from nsgen.importing.networks import OPTIONS
from nsgen.proof.claims.all import INTERNET, OUTSIDE, Claim, Claims
from nsgen.proof.claims.scene import choose
from nsgen.topology.model import Topology

CASES = Path(__file__).parent.parent / "compose"
WORDS = {
    "commands": ["--services"],
    "health": ["--services"],
    "merged": ["merged.override.yaml"],
    "profiles": ["--profile", "debug"],
}
GOOD = sorted(path.stem for path in CASES.glob("*.yaml") if "." not in path.stem)
BAD = sorted(path.stem for path in (CASES / "bad").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    for name in (
        "COMPOSE_PROFILES",
        "COMPOSE_PROJECT_NAME",
        "PORT",
        "IMAGE",
        "HOST_NAME",
        "A",
        "B",
    ):
        monkeypatch.delenv(name, raising=False)


def imported(*words: str) -> Result:
    """Import files."""
    return CliRunner().invoke(main, ["import", "compose", *words])


def topology_of(case: str) -> Topology:
    """What a case becomes, compiled."""
    printed = imported(f"{case}.yaml", *WORDS.get(case, [])).stdout
    found = compile_topology(case, printed.encode()).topology
    assert found is not None, printed
    return found


@pytest.mark.parametrize("case", GOOD)
def test_result(case: str) -> None:
    """The topology and the notes are those that stand beside the file, and the topology compiles."""
    done = imported(f"{case}.yaml", *WORDS.get(case, []))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == (CASES / f"wanted/{case}.topology").read_text(encoding="utf-8")
    assert done.stderr == (CASES / f"wanted/{case}.notes").read_text(encoding="utf-8")
    assert compile_topology(case, done.stdout.encode()).topology is not None


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    """What is wrong is told with its line, and nothing is written."""
    done = imported(f"bad/{case}.yaml", *(WORDS["health"] if case == "health" else []))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (CASES / f"wanted/bad-{case}.notes").read_text(encoding="utf-8")
    assert re.search(r"^bad/\w+\.yaml:\d+:\d+: error: ", done.stderr, re.MULTILINE)


def test_forced() -> None:
    """With --force what could be converted is written all the same, with status 1."""
    done = imported("bad/unknown.yaml", "--force")
    assert done.exit_code == 1
    assert "networks:\n  front: {subnet: 172.18.0.0/24, internet: true}\n" in done.stdout
    assert "namespaces:\n  web: {networks: [front]}\n" in done.stdout
    overlapping = imported("bad/overlapping.yaml", "--force")
    assert overlapping.exit_code == 1
    assert "too: {networks: [b]" in overlapping.stdout


def test_usage() -> None:
    """Without a file the command line is wrong; a file that is not there is one message."""
    assert imported().exit_code == 2
    done = imported("none.yaml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("none.yaml: error: no such file or directory")


def test_nothing_is_silent() -> None:
    """Each key of every service and network of the cases is in the topology's count or on a line."""
    for case in GOOD:
        done = imported(f"{case}.yaml", *WORDS.get(case, []))
        number = re.search(r"(\d+) elements? said .*, (\d+) not said", done.stderr)
        assert number is not None
        lines = [line for line in done.stderr.splitlines() if ": not said: " in line]
        assert len(lines) == int(number[2])
        assert int(number[1]) > 0


def claims_of(topology: Topology) -> list[Claim]:
    """The claims of a topology."""
    return Claims(topology, choose(topology)).all()


def test_internal() -> None:
    """An internal network has no way out, for IPv4 and IPv6; who is on another one as well has that one's."""
    found = topology_of("two-tier")
    assert {bridge.name: bridge.internet for bridge in found.bridges} == {
        "front": True,
        "back": False,
    }
    out = {claim.asker: claim.answered for claim in claims_of(found) if claim.by == INTERNET}
    assert out == {"proxy": True}
    never = {claim.asker for claim in claims_of(found) if not claim.answered}
    assert {"app", "db"} <= never


def test_published() -> None:
    """Each published port of the source is one of the topology, and who is outside is answered by its service."""
    assert topology_of("ports").published_ports == 10
    assert topology_of("replicas").published_ports == 4
    asked = {
        claim.port: claim.by
        for claim in claims_of(topology_of("replicas"))
        if claim.asker == OUTSIDE and claim.answered and claim.protocol == "tcp"
    }
    assert asked == {8080: "worker-1", 8081: "worker-2", 8082: "worker-3", 9000: "api-1"}


# -- the table ------------------------------------------------------------------------------------


def test_every_key_of_the_schema() -> None:
    """Every property of the Compose JSON schema is in the table, itself or with what it is below."""
    lines = (CASES / "schema-keys.txt").read_text(encoding="utf-8").splitlines()
    paths = [line for line in lines if line and not line.startswith("#")]
    assert [path for path in paths if not _covered(path)] == []
    assert [key for key in KEYS if key.removesuffix(".*") not in paths] == []


def _covered(path: str) -> bool:
    if path in KEYS or f"{path}.*" in KEYS:
        return True
    steps = path.split(".")
    above = [".".join(steps[:length]).removesuffix("[]") for length in range(1, len(steps))]
    return any(f"{up}.*" in KEYS or (up in KEYS and not KEYS[up].said) for up in above)


def test_page(checkout: Path) -> None:
    """docs/import.md has the whole table, and nothing else."""
    text = (checkout / "docs/import.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    wanted = [
        f"| `{key}` | {'yes' if is_.said else 'no'} | {is_.how} |" for key, is_ in KEYS.items()
    ]
    assert rows == [*wanted, *(f"| `{key}` | {how} |" for key, how in OPTIONS.items())]


def test_differences_from_docker(checkout: Path) -> None:
    """The page has every difference that the comparison with Docker lists, and the comparison each of the page."""
    listed = json.loads(
        (checkout / "tests/vm/compose/differences.json").read_text(encoding="utf-8")
    )
    text = (checkout / "docs/import.md").read_text(encoding="utf-8")
    rows = text.partition("| what | Docker | here |\n|---|---|---|\n")[2].partition("\n\n")[0]
    wanted = [f"| {entry['what']} | {entry['docker']} | {entry['here']} |" for entry in listed]
    assert rows.splitlines() == wanted
    cases = {path.parent.name for path in (checkout / "tests/vm/compose").glob("*/compose.yaml")}
    assert len(cases) == 12
    assert all(entry["cases"] and set(entry["cases"]) <= cases for entry in listed)


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ({"a tcp host:80": "a"}, ""),
        ({"a tcp host:80": "a, which sees gateway@x"}, "one: 0, and not 1: relayed\n"),
        (
            {"a tcp host:80": "-"},
            "one: fits 0 entries: a tcp host:80 | a, which sees gateway@x | -",
        ),
        ({"a tcp host:80": "a", "b ping a": "yes"}, "one: fits 0 entries: b ping a | - | yes\n"),
    ],
)
def test_comparison(tmp_path: Path, checkout: Path, ours: dict[str, str], said: str) -> None:
    """A difference that is not listed fails, and so does a listed one that is not there."""
    answers = {"docker": {"a tcp host:80": "a, which sees gateway@x"}, "ours": ours}
    for world, found in answers.items():
        (tmp_path / world).mkdir()
        (tmp_path / world / "one.json").write_text(json.dumps(found), encoding="utf-8")
    pattern = r"\S+ tcp \S+ \| (\S+), which sees \S+ \| \1"
    listed = [{"what": "relayed", "pattern": pattern, "cases": {"one": 1}}]
    (tmp_path / "listed.json").write_text(json.dumps(listed), encoding="utf-8")
    program = checkout / "tests/vm/compose/equality.py"
    command = [sys.executable, str(program), str(tmp_path), str(tmp_path / "listed.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(said)
    assert (done.returncode == 0) == (said == "")


# -- variables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$A-${A}", "a-a"),
        ("${NONE-x}${EMPTY-x}${EMPTY:-x}", "xx"),
        ("${A:+y}${EMPTY:+y}${EMPTY+y}${NONE+y}", "yy"),
        ("${NONE:-${ALSO:-$A}}", "a"),
        ("$$A $${A} $1 $", "$A ${A} $1 $"),
        ("${NONE}", ""),
    ],
)
def test_variables(text: str, wanted: str) -> None:
    """Each form stands for what Compose takes it for."""
    assert expand(text, {"A": "a", "EMPTY": ""}, lambda _name: None) == wanted


@pytest.mark.parametrize("text", ["${A:?gone}", "${A?gone}", "${E:?gone}"])
def test_required(text: str) -> None:
    """A variable that has to be there is an error with the author's message."""
    with pytest.raises(VariableError, match="gone"):
        expand(text, {"E": ""}, lambda _name: None)


def test_environment_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` beside the file is read, and the environment goes over it."""
    text = "# x\nexport A=1 # one\nB='$A'\nC=\"${A}2\"\nPORT=81\nD\n"
    assert read_environment(text, {}) == {"A": "1", "B": "$A", "C": "12", "PORT": "81"}
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    (tmp_path / "compose.yaml").write_text(
        'services: {web: {ports: ["$PORT:80"]}}\n', encoding="utf-8"
    )
    file = str(tmp_path / "compose.yaml")
    assert 'publish: ["81:80"]' in imported(file).stdout
    monkeypatch.setenv("PORT", "82")
    assert 'publish: ["82:80"]' in imported(file).stdout


def test_rehearsed(tmp_path: Path, program: Callable[[str], str]) -> None:
    """The two-tier application stands the rehearsal: all that its topology claims is so on a kernel."""
    unshare = [program("unshare"), "--user", "--map-root-user", "--net", "--mount", "true"]
    if subprocess.run(unshare, check=False, capture_output=True).returncode:
        pytest.skip("this user cannot make namespaces here")
    file = tmp_path / "topology.yaml"
    file.write_text(imported("two-tier.yaml").stdout, encoding="utf-8")
    command = [sys.executable, "-m", "nsgen", "verify", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
