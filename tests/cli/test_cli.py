"""The command line: what is printed where, the exit status, and files whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from nsgen import __version__
from nsgen.cli import commands
from nsgen.cli.commands import main
from nsgen.report import MAX_BYTES
from nsgen.script import runtime, templates

TOPOLOGY = (
    "name: demo\nnetworks: {br0: {subnet: 10.0.0.0/24}}\nnamespaces: {red: {networks: [br0]}}\n"
)
WRONG = "name: demo\nnamespaces: {red: {networks: [br0]}}\n"
WARNED = (
    "name: demo\nnamespaces: {red: {dns: {nameservers: [9.9.9.1, 9.9.9.2, 9.9.9.3, 9.9.9.4]}}}\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder, without what the environment may say about colour."""
    for name in ("NO_COLOR", "FORCE_COLOR", "NSGEN_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def nsgen(*arguments: str, **more: Any) -> Result:
    """Run nsgen in this process."""
    return CliRunner().invoke(main, arguments, **more)


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[Any]:
    """Run nsgen in a process of its own."""
    command = [sys.executable, "-m", "nsgen", *arguments]
    environment = (
        os.environ | {"PYTHONPATH": str(Path(commands.__file__).parents[2])} | more.pop("env", {})
    )
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.run(command, env=environment, timeout=30, check=False, **streams)


def test_render_prints_the_script() -> None:
    """The script of a named topology, of the default one, and of standard input are the same."""
    Path("topology.yaml").write_text(TOPOLOGY)
    shutil.copy("topology.yaml", "lab.yaml")
    named, default, piped = (
        nsgen("render", "lab.yaml"),
        nsgen("render"),
        nsgen("render", "-", input=TOPOLOGY),
    )
    assert named.stdout.startswith("#!/")
    assert named.stderr == ""
    assert named.stdout == default.stdout == piped.stdout
    assert [result.exit_code for result in (named, default, piped)] == [0, 0, 0]


def test_render_without_a_topology() -> None:
    """In an empty folder the built-in topology is rendered, and a line says so."""
    result = nsgen("render")
    assert result.exit_code == 0
    assert "red" in result.stdout
    assert result.stderr.startswith("nsgen: no topology.yaml here: taking the built-in one")
    assert result.stderr.count("\n") == 1


def test_built_in_topology_is_the_example(checkout: Path) -> None:
    """The built-in topology renders as examples/article.yaml does."""
    example = checkout / "examples" / "article.yaml"
    assert nsgen("render").stdout == nsgen("render", str(example)).stdout


def test_styles() -> None:
    """Each style and the teardown are scripts of their own."""
    scripts = {
        nsgen("render", "-", *options, input=TOPOLOGY).stdout
        for options in ([], ["--style", "plain"], ["--style", "plain", "--teardown"])
    }
    assert len(scripts) == 3
    assert nsgen("render", "-", "--style", "batch", input=TOPOLOGY).stdout in scripts


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "--teardown"),
        ("render", "--style", "batch", "--teardown"),
        ("render", "--style", "bach"),
        ("render", "-o", "out", "--style", "plain"),
        ("render", "-o", "out", "--teardown"),
        ("render", "a.yaml", "b.yaml"),
        ("render", "--verbose"),
        ("check", "--format", "xml"),
        ("build",),
        ("schema", "x"),
        ("runtime", "x"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], folder: Path) -> None:
    """A wrong command line is exit status 2, and nothing is done."""
    result = nsgen(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""
    assert list(folder.iterdir()) == []


def test_errors_go_to_standard_error() -> None:
    """A wrong topology is exit status 1, and not one line of a script is printed."""
    Path("lab.yaml").write_text(WRONG)
    for command in ("render", "check"):
        result = nsgen(command, "lab.yaml")
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith(
            "lab.yaml:2:31: error: namespaces.red.networks[0]: there is no network"
        )


def test_warnings_do_not_stop() -> None:
    """A warning is printed; only --strict makes it an error."""
    for command, status in ((["render"], 0), (["check"], 0), (["check", "--strict"], 1)):
        result = nsgen(*command, "-", input=WARNED)
        assert result.exit_code == status
        assert "<stdin>:2:39: warning: " in result.stderr
        assert bool(result.stdout) == (status == 0)


def test_check_says_what_is_there() -> None:
    """A good topology is one line."""
    assert nsgen("check", "-", input=TOPOLOGY).stdout == "demo: ok, 1 namespace, 1 network\n"
    assert (
        nsgen("check").stdout
        == "article: ok, 2 namespaces, 1 network, 1 published port, 1 service\n"
    )
    assert (
        nsgen("check", "-", input=WARNED).stdout == "demo: ok, 1 namespace, 0 networks, 1 warning\n"
    )


def test_check_json() -> None:
    """For programs, the findings are one JSON value on standard output."""
    result = nsgen("check", "-", "--format", "json", input=WRONG)
    assert result.exit_code == 1
    assert result.stderr == ""
    assert json.loads(result.stdout) == {
        "file": "<stdin>",
        "ok": False,
        "findings": [
            {
                "severity": "error",
                "file": "<stdin>",
                "line": 2,
                "column": 31,
                "path": ["namespaces", "red", "networks", 0],
                "message": "there is no network 'br0': 'networks' has none",
            }
        ],
    }
    good = nsgen("check", "-", "--format", "json", input=TOPOLOGY)
    assert json.loads(good.stdout) == {"file": "<stdin>", "ok": True, "findings": []}
    strict = nsgen("check", "-", "--strict", "--format", "json", input=WARNED)
    assert (strict.exit_code, json.loads(strict.stdout)["ok"]) == (1, False)


def test_check_of_several(tmp_path: Path) -> None:
    """Each is told of; one that is wrong is enough to fail; as JSON they are a list."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(TOPOLOGY)
    bad.write_text(WRONG)
    result = nsgen("check", str(good), str(bad))
    assert result.exit_code == 1
    assert ": ok, " in result.stdout
    assert "bad.yaml:" in result.stderr
    found = json.loads(nsgen("check", str(good), str(bad), "--format", "json").stdout)
    assert [one["ok"] for one in found] == [True, False]
    assert nsgen("check", str(good), str(good)).exit_code == 0


def test_check_json_of_a_missing_file() -> None:
    """A file that cannot be read is a finding without a line."""
    found = json.loads(nsgen("check", "no.yaml", "--format", "json").stdout)["findings"]
    assert [(finding["line"], finding["path"]) for finding in found] == [(None, [])]


def make_directory(path: Path) -> None:
    """Make a folder where a topology is expected."""
    path.mkdir()


def make_fifo(path: Path) -> None:
    """Make a FIFO that nobody will ever write to."""
    os.mkfifo(path)


def make_large(path: Path) -> None:
    """Make a file that is too large by one byte, without a block on the disk."""
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "no such file or directory"),
    "folder": (make_directory, "this is a folder: name the topology's file in it"),
    "fifo": (
        make_fifo,
        "this is no ordinary file; a topology can also come from standard input: -",
    ),
    "device": (
        lambda path: path.symlink_to("/dev/zero"),
        "this is no ordinary file; a topology can also come from standard input: -",
    ),
    "link": (lambda path: path.symlink_to("nowhere"), "no such file or directory"),
    "loop": (lambda path: path.symlink_to(path.name), "too many levels of symbolic links"),
    "large": (make_large, "this is larger than 32 MiB, which no topology is"),
    "utf16": (
        lambda path: path.write_text(TOPOLOGY, "utf-16"),
        "this is UTF-16 text: save it as UTF-8",
    ),
    "binary": (
        lambda path: path.write_bytes(b"\x7fELF\0"),
        "this is not text, byte 5 is NUL: a topology is YAML in UTF-8",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name: str) -> None:
    """What cannot be read is one message and exit status 1; nothing hangs."""
    make, message = UNREADABLE[name]
    make(Path("lab.yaml"))
    result = run("check", "lab.yaml")
    assert result.returncode == 1
    assert result.stderr.decode() == f"lab.yaml: error: {message}\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission() -> None:
    """A file that may not be read is said to be so."""
    Path("lab.yaml").touch(mode=0)
    assert nsgen("check", "lab.yaml").stderr == "lab.yaml: error: permission denied\n"


def test_default_topology_that_cannot_be_read() -> None:
    """A topology.yaml that is there is taken, and never the built-in one instead."""
    Path("topology.yaml").symlink_to("nowhere")
    assert nsgen("render").stderr == "topology.yaml: error: no such file or directory\n"


def test_file_with_a_name_of_control_characters() -> None:
    """A file's name cannot write to the terminal either."""
    Path("a\x1b[31m\nb.yaml").write_text(WRONG)
    result = nsgen("check", "a\x1b[31m\nb.yaml")
    assert "\x1b" not in result.stderr
    assert result.stderr.startswith("a\ufffd[31m\ufffdb.yaml:2:31: error: ")


def test_byte_that_is_not_utf8() -> None:
    """Its line is shown all the same."""
    Path("lab.yaml").write_bytes(b"name: demo # \xe9\n")
    assert nsgen("check", "lab.yaml").stderr == (
        "lab.yaml:1:14: error: the byte 0xe9 is not UTF-8: a topology is YAML in UTF-8\n"
        "name: demo # \ufffd\n"
        "             ^\n"
    )


def test_pipes() -> None:
    """What a shell passes as a file may be a pipe."""
    Path("lab.yaml").write_text(TOPOLOGY)
    with Path("lab.yaml").open() as file:
        assert run("check", "-", stdin=file).stdout == b"demo: ok, 1 namespace, 1 network\n"
    command = (
        f"cat lab.yaml | {sys.executable} -m nsgen check /dev/stdin; {sys.executable} -m nsgen"
        " check"
        " <(cat lab.yaml)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(commands.__file__).parents[2])}
    bash = subprocess.run(
        ["bash", "-c", command], capture_output=True, timeout=30, check=True, env=environment
    )
    assert bash.stdout == b"demo: ok, 1 namespace, 1 network\n" * 2


def test_endless_pipe() -> None:
    """A pipe without an end is read up to the bound."""
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as yes:
        result = run("check", "-", stdin=yes.stdout)
        yes.kill()
    assert result.stderr == b"<stdin>: error: this is larger than 32 MiB, which no topology is\n"


def test_closed_streams() -> None:
    """Without standard input or output there is a message, not a traceback."""
    environment = os.environ | {"PYTHONPATH": str(Path(commands.__file__).parents[2])}
    for redirection, message in (
        ("<&-", "standard input is closed"),
        (">&-", "standard output is closed"),
    ):
        Path("lab.yaml").write_text(TOPOLOGY)
        source = "-" if redirection == "<&-" else "lab.yaml"
        command = f"{sys.executable} -m nsgen check {source} {redirection}"
        result = subprocess.run(
            ["bash", "-c", command], capture_output=True, timeout=30, check=False, env=environment
        )
        assert result.returncode == 1
        assert message in result.stderr.decode()
        assert b"Traceback" not in result.stderr


def test_broken_pipe_is_quiet() -> None:
    """`nsgen render | head -1` ends as other tools do: by SIGPIPE, without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        for command in ("render", "language", "schema", "runtime", "--help"):
            result = run(command, stdout=closed)
            assert result.returncode == -signal.SIGPIPE
            assert result.stderr in (
                b"",
                nsgen("render").stderr.encode() if command == "render" else b"",
            )


def test_full_disk() -> None:
    """What cannot be printed is an error, and one message."""
    with Path("/dev/full").open("wb") as full:
        for command in ("render", "language", "schema", "runtime", "--help", "check"):
            result = run(command, stdout=full)
            assert result.returncode == 1
            last = result.stderr.decode().splitlines()[-1]
            assert last == "nsgen: error: cannot write to standard output: no space left on device"
            assert len(result.stderr.splitlines()) <= 2


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is exit status 130, and no traceback."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "load_all", interrupt)
    result = nsgen("check")
    assert result.exit_code == 130
    assert result.output == ""


def test_mistake_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is a message that says so; a traceback only for whoever asks for it."""

    def stumble(*_: object) -> None:
        raise LookupError("here")

    monkeypatch.setattr(commands, "load_all", stumble)
    result = nsgen("check")
    assert result.exit_code == 1
    assert result.stderr.startswith("nsgen: error: LookupError: here; this is a bug in nsgen")
    monkeypatch.setenv("NSGEN_TRACEBACK", "1")
    assert isinstance(nsgen("check").exception, LookupError)


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run nsgen with standard error on a terminal, and give what appears there."""
    master, terminal = pty.openpty()
    result = run(*arguments, stderr=terminal, env={"TERM": "xterm"} | environment)
    os.close(terminal)
    assert result.returncode == 1
    shown = os.read(master, 100_000).decode()
    os.close(master)
    return shown


def test_colour() -> None:
    """The word and the caret are coloured on a terminal, unless NO_COLOR is set, and everywhere with FORCE_COLOR."""
    Path("lab.yaml").write_text(WRONG)
    coloured = on_a_terminal("check", "lab.yaml")
    assert ": \x1b[31m\x1b[1merror\x1b[0m: " in coloured
    assert "\x1b[31m\x1b[1m^\x1b[0m" in coloured
    assert "\x1b" not in on_a_terminal("check", "lab.yaml", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal("check", "lab.yaml", TERM="dumb")
    assert "\x1b[31m" in on_a_terminal("check", "lab.yaml", NO_COLOR="")
    assert "\x1b[31m" in on_a_terminal("check", "lab.yaml", TERM="dumb", FORCE_COLOR="1")
    assert b"\x1b" not in run("check", "lab.yaml").stderr
    assert b"\x1b[31m" in run("check", "lab.yaml", env={"FORCE_COLOR": "1"}).stderr
    assert b"\x1b" not in run("check", "lab.yaml", env={"FORCE_COLOR": ""}).stderr
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert b"\x1b" not in run("check", "lab.yaml", env=both).stderr


def test_output_is_utf8_everywhere() -> None:
    """The script is the same bytes, whatever the locale."""
    text = "name: demo\nnamespaces: {red: {exec: [{up: [echo, häß]}]}}\n"
    Path("lab.yaml").write_text(text, encoding="utf-8")
    scripts = {
        run(
            "render",
            "lab.yaml",
            env={"LC_ALL": "C", "PYTHONUTF8": utf8, "PYTHONIOENCODING": encoding},
        ).stdout
        for utf8, encoding in (("0", "ascii"), ("1", "utf-8"), ("0", "latin-1"))
    }
    assert len(scripts) == 1
    assert "häß" in scripts.pop().decode()


def test_many_findings_are_cut_short() -> None:
    """Fifty findings are shown, and how many more there are."""
    text = "name: demo\nnamespaces:\n" + "".join(f"  n{n}: {{networks: [x]}}\n" for n in range(70))
    lines = nsgen("check", "-", input=text).stderr.splitlines()
    assert len(lines) == 50 * 3 + 1
    assert lines[-1] == "<stdin>: and 20 more errors and warnings"


def test_version_and_help() -> None:
    """Every command has help with an example, and none of it needs the compiler."""
    assert nsgen("--version").stdout == f"nsgen {__version__}\n" or nsgen(
        "--version"
    ).stdout.endswith(f" {__version__}\n")
    assert "Examples:" in nsgen("--help").stdout
    for command in main.list_commands(click.Context(main)):
        shown = nsgen(command, "--help").stdout
        assert f"  nsgen {command}" in shown
        assert "Example" in shown
    script = (
        "import sys; from nsgen.cli.commands import main; main(['--help'], standalone_mode=False);"
        " print(*sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(commands.__file__).parents[2])}
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env=environment
    )
    assert not {"yaml", "jinja2", "nsgen.language.spec"} & set(loaded.stdout.decode().split())


def test_completion() -> None:
    """The shell completes commands and options the way click does it."""
    environment = {"_NSGEN_COMPLETE": "bash_complete", "COMP_WORDS": "nsgen ", "COMP_CWORD": "1"}
    script = "from nsgen.cli.commands import main; main(prog_name='nsgen')"
    paths = {"PYTHONPATH": str(Path(commands.__file__).parents[2])}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, check=False, env=os.environ | paths | environment
    )
    assert done.stdout.decode().split() == [
        "plain,capture",
        "plain,check",
        "plain,compare",
        "plain,diff",
        "plain,graph",
        "plain,import",
        "plain,init",
        "plain,inspect",
        "plain,language",
        "plain,page",
        "plain,render",
        "plain,run",
        "plain,runtime",
        "plain,schema",
        "plain,trace",
        "plain,verify",
    ]


def test_schema_is_json() -> None:
    """The JSON Schema is JSON, and describes every key."""
    found = json.loads(nsgen("schema").stdout)
    assert set(found["properties"]) == {
        "name",
        "include",
        "networks",
        "namespaces",
        "links",
        "routing",
        "host",
        "expect",
    }


def test_runtime_is_what_scripts_name(checkout: Path) -> None:
    """The whole runtime is printed, each part with its heading, and a script names it by its digest."""
    result = nsgen("runtime")
    assert (result.exit_code, result.stderr) == (0, "")
    printed = result.stdout
    parts = sorted((checkout / "templates/batch/runtime").glob("*.bash"))
    assert sorted(path.stem for path in parts) == sorted(["core", *runtime.PARTS])
    assert printed == "\n".join(runtime.text(part) for part in ("core", *runtime.PARTS))
    headings = [path.read_text().splitlines()[0] for path in parts if path.stem != "core"]
    assert [x for x in headings if not re.fullmatch("# ---- .+ -+", x) or x not in printed] == []
    digest = hashlib.sha256(printed.encode()).hexdigest()[:12]
    assert f"the runtime {digest}," in nsgen("render").stdout.replace("\n# ", " ")


# -- init ---------------------------------------------------------------------------------------


def test_init_writes_a_topology_to_start_from() -> None:
    """What `init` writes passes without a warning, renders, and names a schema that is there."""
    assert nsgen("init").exit_code == 0
    text = Path("topology.yaml").read_text(encoding="utf-8")
    schema = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert json.loads(Path(schema).read_text(encoding="utf-8")) == json.loads(
        nsgen("schema").stdout
    )
    assert nsgen("check", "--strict").exit_code == 0
    result = nsgen("render")
    assert result.exit_code == 0
    assert result.stderr == ""


def test_commented_parts_of_init_are_right() -> None:
    """Taking out the comment signs of the examples in it leaves a good topology."""
    nsgen("init")
    text = Path("topology.yaml").read_text(encoding="utf-8").partition("\nname:")[2]
    example = re.compile(r"^( *)# (?=[\w\[\]-]+:|- \{|  )", re.MULTILINE)
    assert len(example.findall(text)) == 12
    Path("all.yaml").write_text("name:" + example.sub(r"\1", text), encoding="utf-8")
    result = nsgen("check", "all.yaml")
    assert result.exit_code == 0
    assert result.stdout.startswith("demo: ok, 5 namespaces, 1 network, 2 published ports")


def test_init_overwrites_nothing() -> None:
    """A file that is there stays, be it the topology, the schema or a dangling link."""
    Path("topology.yaml").write_text("mine")
    Path("nsgen.schema.json").write_text("mine too")
    result = nsgen("init")
    assert result.exit_code == 1
    assert "topology.yaml is there already" in result.stderr
    assert nsgen("init", "lab.yaml").exit_code == 0
    assert Path("topology.yaml").read_text() == "mine"
    assert Path("nsgen.schema.json").read_text() == "mine too"
    Path("link.yaml").symlink_to("target.yaml")
    assert nsgen("init", "link.yaml").exit_code == 1
    assert not Path("target.yaml").exists()


def test_init_makes_the_folder() -> None:
    """A folder that is not there is made, and those above it."""
    result = nsgen("init", "labs/one/topology.yaml")
    assert result.exit_code == 0
    assert nsgen("check", "--strict", "labs/one/topology.yaml").exit_code == 0
    assert Path("labs/one/nsgen.schema.json").exists()


def test_init_prints() -> None:
    """With - the topology goes to standard output, and no file is written."""
    result = nsgen("init", "-")
    assert result.exit_code == 0
    assert result.stdout == templates.template_text("init/topology.yaml")
    assert "`nsgen schema > nsgen.schema.json`" in result.stderr
    assert list(Path().iterdir()) == []


def test_init_where_nothing_can_be_written() -> None:
    """A file where a folder would have to be is an error."""
    Path("no").write_text("")
    result = nsgen("init", "no/topology.yaml")
    assert result.exit_code == 1
    assert result.stderr == "nsgen: error: cannot write no/topology.yaml: not a directory\n"


def test_init_renews_the_schema() -> None:
    """The schema that another nsgen left in the folder becomes the one of this nsgen."""
    nsgen("init")
    schema = Path("nsgen.schema.json")
    current = schema.read_text()
    schema.write_text(current.replace("A topology", "Once a topology"))
    assert nsgen("init", "lab.yaml").exit_code == 0
    assert schema.read_text() == current


@pytest.mark.parametrize("where", [".", "labs/one"])
def test_a_schema_of_another_nsgen_is_told(where: str) -> None:
    """`check` says that the schema which a topology names is of another nsgen, and how to renew it."""
    name = f"{where}/topology.yaml".removeprefix("./")
    nsgen("init", name)
    schema = Path(where, "nsgen.schema.json")
    current = schema.read_text()
    assert nsgen("check", name).stderr == ""
    schema.write_text(current.replace("A topology", "Once a topology"))
    told = f"nsgen: {schema} is of another nsgen: `nsgen schema > {schema}` renews it\n"
    result = nsgen("check", "--strict", *([name] if where != "." else []))
    assert (result.exit_code, result.stderr) == (0, told)
    assert nsgen("check", "--format", "json", name).stderr == told
    schema.write_text("{}")  # somebody's own
    assert nsgen("check", name).stderr == ""
    schema.unlink()
    assert nsgen("check", name).stderr == ""


@pytest.mark.parametrize("named", ["https://example.org/nsgen.schema.json", "no.json", "."])
def test_a_schema_elsewhere_is_not_read(named: str) -> None:
    """A schema that is named by an address, or is not there, is the editor's business."""
    Path("lab.yaml").write_text(f"# yaml-language-server: $schema={named}\n{TOPOLOGY}")
    result = nsgen("check", "lab.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
