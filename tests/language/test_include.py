"""A topology in several files: what is put together, in which order, within bounds."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nsgen.cli.commands import main
from nsgen.cli.files import identity, read_file
from nsgen.compiler import Compiled, compile_topology
from nsgen.language.yaml import include
from nsgen.language.yaml.excerpt import unpainted
from nsgen.language.yaml.include import Inputs
from nsgen.report import FileError


def compiled(**files: str) -> Compiled:
    """Compile the file `main`, which includes others by their names; no file is on a disk."""

    def read(name: str) -> bytes:
        if name not in files:
            raise FileError("no such file or directory")
        return files[name].encode()

    return compile_topology("main", files["main"].encode(), Inputs("main", read=read))


def errors(found: Compiled) -> list[str]:
    """What is wrong, without the lines of the files."""
    return [text.split("\n")[0] for text in found.show(1000, unpainted)]


def data(**files: str) -> object:
    """The plain data of files in which nothing is wrong."""
    found = compiled(**files)
    assert errors(found) == []
    assert found.source is not None
    return found.source.data


def nsgen(*arguments: str, **more: Any) -> Result:
    """Run nsgen in this process."""
    return CliRunner().invoke(main, arguments, **more)


def test_order() -> None:
    """Included files come before the file that includes them, in their order, however deep."""
    found = data(
        main="name: a\ninclude: [b, d]\nexpect: [{from: host, to: 1.1.1.1}]\nnamespaces: {a: }",
        b="include: [c, c]\nexpect: [{from: host, to: 2.2.2.2}]\nnamespaces: {b: }",
        c="name: c\nexpect: [{from: host, to: 3.3.3.3}]\nnamespaces: {c: }",
        d="expect: [{from: host, to: 4.4.4.4}]\nnamespaces: {d: }\ninclude: c",
    )
    assert found == {
        "expect": [{"from": "host", "to": f"{n}.{n}.{n}.{n}"} for n in (3, 2, 4, 1)],
        "namespaces": dict.fromkeys("cbda"),
        "name": "a",
    }
    assert isinstance(found, dict)
    assert list(found["namespaces"]) == list("cbda")


def test_an_empty_map_adds_nothing() -> None:
    """A key without a value is an empty map, whichever file has it."""
    full, empty = (
        "namespaces: {a: }\nhost: {sysctls: {net.a.b: 1}}",
        "namespaces:\nhost: {sysctls: }",
    )
    for first, second in ((full, empty), (empty, full)):
        found = data(main=f"name: a\ninclude: b\n{first}", b=second)
        assert isinstance(found, dict)
        assert found["namespaces"] == {"a": None}
        assert found["host"] == {"sysctls": {"net.a.b": "1"}}


def test_an_alias_is_not_put_together() -> None:
    """What an alias stands for does not change where several files add to one of its places."""
    found = data(
        main="name: a\ninclude: [b, c]",
        b="host: {sysctls: &s {net.a.b: 1}, services: }\nnamespaces: {x: {sysctls: *s}}",
        c="host: {sysctls: {net.a.c: 1}}",
    )
    assert isinstance(found, dict)
    assert found["host"]["sysctls"] == {"net.a.b": "1", "net.a.c": "1"}
    assert found["namespaces"]["x"]["sysctls"] == {"net.a.b": "1"}


def test_marks_of_values_that_were_refused() -> None:
    """The identity of what was refused in one file may be that of something in the next one."""
    refused = "namespaces:\n  a: {networks: [x]}\n" + "".join(
        f"  a: {{networks: [{n}], routes: []}}\n" for n in range(50)
    )
    included = "namespaces:\n" + "".join(f"  b{n}: {{networks: [y{n}]}}\n" for n in range(50))
    found = compiled(main=f"name: a\ninclude: b\n{refused}", b=included)
    places = {
        line.split(":")[0] + line.split(":")[1] for line in errors(found) if "no network" in line
    }
    assert places == {"main4", *(f"b{n + 2}" for n in range(50))}


def test_a_cycle_is_said_once() -> None:
    """A cycle is refused where it closes, with the way round."""
    found = compiled(main="name: a\ninclude: b", b="include: c", c="include: [main, b, c]")
    assert errors(found) == [
        "c:1:11: error: include[0]: 'main' includes itself: main -> b -> c -> main",
        "c:1:17: error: include[1]: 'b' includes itself: b -> c -> b",
        "c:1:20: error: include[2]: 'c' includes itself: c -> c",
    ]


def test_depth() -> None:
    """A chain of files may be long, but not absurdly so."""
    files = {f"f{n}": f"include: f{n + 1}" for n in range(40)}
    last = include.MAX_DEPTH - 1
    assert errors(compiled(main="name: a\ninclude: f0", **files)) == [
        f"f{last}:1:10: error: include: files include each other more than 20 deep"
    ]
    files[f"f{last}"] = "namespaces: {a: }"
    assert errors(compiled(main="name: a\ninclude: f0", **files)) == []


def test_too_many_includes() -> None:
    """However many files are included, and however often, it ends soon, and with one message."""
    listed = f"include: [{'b, ' * 100_000}]"
    started = time.monotonic()
    assert errors(compiled(main=f"name: a\n{listed}", b="namespaces: {a: }")) == [
        "main:2:3011: error: include[1000]: more than 1000 files are included"
    ]
    assert errors(
        compiled(main="name: a\ninclude: [b, c]", b=listed.replace("b", "c"), c="{}")
    ) == ["b:1:3008: error: include[999]: more than 1000 files are included"]
    assert time.monotonic() - started < 10


def test_too_much_in_all_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of one file are those of all included ones together."""
    files = {"b": "expect: [" + "x," * 60 + "]", "c": "networks: [" + "x," * 60 + "]", "d": "{}"}
    main = "name: a\ninclude: [b, c, d]"
    monkeypatch.setattr(include, "MAX_NODES", 100)
    assert errors(compiled(main=main, **files)) == [
        "main:2:14: error: include[1]: with 'c' there are more than 100 keys and values"
    ]
    monkeypatch.setattr(include, "MAX_BYTES", 200)
    assert errors(compiled(main=main, **files)) == [
        "main:2:14: error: include[1]: the included files have more than 0 MiB"
    ]


def test_without_files() -> None:
    """Where there are no files, as for the built-in topology, nothing can be included."""
    found = compile_topology("main", b"name: a\ninclude: b")
    assert errors(found) == [
        "main:2:10: error: include: cannot read 'b': nothing can be included here"
    ]


def test_what_is_not_utf8_is_shown_in_its_file() -> None:
    """Bytes that are no text are refused where they are."""
    texts = {"latin": b"networks:\n  \xe9: \n", "wide": "networks:\n".encode("utf-16")}
    found = compile_topology(
        "main", b"name: a\ninclude: [latin, wide]", Inputs("main", read=texts.__getitem__)
    )
    assert errors(found) == [
        "latin:2:3: error: the byte 0xe9 is not UTF-8: a topology is YAML in UTF-8",
        "wide: error: this is UTF-16 text: save it as UTF-8",
    ]


# -- on a disk --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> None:
    """Write a file, and the folders above it."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("folder")
def test_names_are_relative_to_the_file_that_has_them() -> None:
    """It does not matter from where nsgen is run; for standard input, it is the current folder."""
    write("lab/main.yaml", "name: a\ninclude: parts/b.yaml\n")
    write("lab/parts/b.yaml", "include: ../c.yaml\nnamespaces: {b: }\n")
    write("lab/c.yaml", "namespaces: {c: }\n")
    write("d.yaml", f"name: a\ninclude: {Path('lab/parts/b.yaml').resolve()}\n")
    scripts = [
        nsgen("render", name) for name in ("lab/main.yaml", "./lab/../lab/main.yaml", "d.yaml")
    ]
    scripts.append(nsgen("render", "-", input="name: a\ninclude: lab/parts/b.yaml\n"))
    os.chdir("lab")
    scripts.append(nsgen("render", "main.yaml"))
    assert [script.stderr for script in scripts] == [""] * 5
    assert len({script.stdout for script in scripts}) == 1


@pytest.mark.usefixtures("folder")
def test_links_are_the_file_that_they_lead_to() -> None:
    """A file that has two names is read once, and a cycle by a symbolic link is one."""
    write("b.yaml", "namespaces: {b: }\n")
    Path("link.yaml").symlink_to("b.yaml")
    write("a.yaml", "name: a\ninclude: [b.yaml, link.yaml, ./b.yaml]\n")
    assert nsgen("check", "a.yaml").stdout == "a: ok, 1 namespace, 0 networks\n"
    Path("b.yaml").unlink()
    Path("b.yaml").symlink_to("a.yaml")
    assert "'b.yaml' includes itself: a.yaml -> a.yaml" in nsgen("check", "a.yaml").stderr
    Path("b.yaml").unlink()
    Path("b.yaml").symlink_to("b.yaml")
    assert "cannot read 'b.yaml': too many levels" in nsgen("check", "a.yaml").stderr


@pytest.mark.usefixtures("folder")
def test_what_is_no_ordinary_file() -> None:
    """Neither a FIFO, a device nor standard input can be included; nothing waits for them."""
    os.mkfifo("fifo")
    write("a.yaml", 'name: a\ninclude: [fifo, /dev/zero, "-", ""]\n')
    result = nsgen("check", "a.yaml", input="namespaces: {b: }\n")
    said = [
        line.partition(": error: ")[2] for line in result.stderr.splitlines() if "error" in line
    ]
    assert said == [
        "include[0]: cannot read 'fifo': this is no ordinary file",
        "include[1]: cannot read '/dev/zero': this is no ordinary file",
        "include[2]: cannot read '-': no such file or directory",
        "include[3]: cannot read '': this is a folder: name the topology's file in it",
    ]


@pytest.mark.usefixtures("folder")
def test_json_names_the_file() -> None:
    """For programs, each finding has its file, and its path is that in the file."""
    write("a.yaml", "name: a\ninclude: parts/b.yaml\nexpect: [{from: x, to: host}]\n")
    write("parts/b.yaml", "expect:\n- {from: host, to: internet}\n- {from: y, to: host}\n")
    found = json.loads(nsgen("check", "a.yaml", "--format", "json").stdout)
    assert found["file"] == "a.yaml"
    assert [(f["file"], f["line"], f["path"]) for f in found["findings"]] == [
        ("a.yaml", 3, ["expect", 0, "from"]),
        ("parts/b.yaml", 3, ["expect", 1, "from"]),
    ]


@pytest.mark.usefixtures("folder")
def test_place() -> None:
    """What an author expects is at a line of the file that says so."""
    write("b.yaml", "\n\nexpect: [{from: host, to: internet}]\n")
    text = b"name: a\ninclude: b.yaml\nexpect:\n- {from: internet, to: host}\n"
    found = compile_topology("a.yaml", text, Inputs("a.yaml", "", read_file, identity))
    assert [found.place(("expect", index)) for index in (0, 1)] == ["b.yaml:3", "a.yaml:4"]
