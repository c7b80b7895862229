"""`nsgen diff`: what it prints in each format, its exit status, and what the pages show of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from nsgen.cli.commands import main

CHECKOUT = Path(__file__).resolve().parents[2]
ARTICLE = CHECKOUT / "examples/article.yaml"
# What docs/diff.md shows the change of.
CHANGED = {
    '["8080:80"]': '["443:80"]',
    "{bridge0: 192.168.15.3}": '{bridge0: {address: 192.168.15.33, mac: "02:00:00:00:15:33"}}',
    "        user: nobody\n": "        user: nobody\n    sysctls: {net.ipv4.ip_unprivileged_port_start: 81}\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two topologies, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    text = ARTICLE.read_text()
    (tmp_path / "old.yaml").write_text(text)
    for before, after in CHANGED.items():
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "new.yaml").write_text(text)
    return tmp_path


def diff(*arguments: str, **more: Any) -> Result:
    """Run it."""
    return CliRunner().invoke(main, ["diff", *arguments], **more)


def test_the_page_shows_what_is_printed(folder: Path) -> None:
    """The example of docs/diff.md, with one of the two on standard input, whichever."""
    page = (CHECKOUT / "docs/diff.md").read_text()
    shown = re.search(r"```console\n\$ [^\n]*\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert diff("old.yaml", "new.yaml").stdout == shown[1]
    assert diff("-", "new.yaml", input=(folder / "old.yaml").read_text()).stdout == shown[1]
    assert diff("old.yaml", "-", input=(folder / "new.yaml").read_text()).stdout == shown[1]


def test_markdown_has_what_the_text_has() -> None:
    """Every word, whatever is a list or a block there."""
    text, comment = (
        diff("old.yaml", "new.yaml", "--format", f).stdout for f in ("text", "markdown")
    )

    def bare(said: str) -> list[str]:
        lines = re.sub(r"^ *```.*$|[`*#]", "", said, flags=re.MULTILINE).splitlines()
        return [
            " ".join(line.removeprefix("- ").strip().removesuffix(":").split())
            for line in lines
            if line.strip()
        ]

    marked = ([line.removeprefix("- ") for line in bare(said)] for said in (comment, text))
    assert next(marked) == next(marked)
    assert "  ```diff\n  - -A NSGEN-article-PRE" in comment


def test_a_block_of_markdown_is_not_ended_by_what_is_in_it(folder: Path) -> None:
    """Whatever a command has in it."""
    for name, word in (("old", "a"), ("new", "```")):
        text = f"name: x\nnamespaces: {{red: {{exec: [{{up: [echo, '{word}']}}]}}}}\n"
        (folder / f"{name}.yaml").write_text(text)
    assert "````diff\n" in diff("old.yaml", "new.yaml", "--format", "markdown").stdout


def test_json_has_every_line() -> None:
    """The counts are those of the first line, and the lines those of the script."""
    found = json.loads(diff("old.yaml", "new.yaml", "--format", "json").stdout)
    assert found["counts"] == {
        "added": 0,
        "changed_in_place": 2,
        "rebuilt": 2,
        "removed": 0,
        "interrupted": 1,
    }
    assert [one["node"] for one in found["interrupted"]] == ["blue"]
    device = next(one for one in found["differences"] if one["name"] == "veth-blue")
    assert device["action"] == "rebuild"
    assert "blue ip address replace 192.168.15.3/24 dev veth-blue" in device["undone"]
    assert "blue ip address replace 192.168.15.33/24 dev veth-blue" in device["done"]
    assert {"from": "outside", "to": "red:443 by eth0"} in found["reaches"]["from_now_on"]
    assert {"from": "outside", "to": "red:8080 by eth0"} in found["reaches"]["no_longer"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("old.yaml", "new.yaml"), 0),
        (("old.yaml", "old.yaml"), 0),
        (("old.yaml", "old.yaml", "--exit-code"), 0),
        (("old.yaml", "new.yaml", "--exit-code"), 2),
        (("old.yaml", "none.yaml"), 1),
        (("old.yaml", "none.yaml", "--exit-code"), 1),
        (("old.yaml",), 2),
        (("old.yaml", "--exit-code"), 1),
        (("-", "-"), 2),
        (("-", "-", "--exit-code"), 1),
        (("old.yaml", "new.yaml", "--set", "X=1"), 2),
        (("old.yaml", "new.yaml", "--set", "X=1", "--exit-code"), 1),
        (("old.yaml", "new.yaml", "--exit-code", "--format", "xml"), 1),
    ],
)
def test_exit_status(arguments: tuple[str, ...], status: int) -> None:
    """2 is a wrong command line, unless it says that something changes."""
    done = diff(*arguments)
    assert done.exit_code == status, done.output
    assert (status == 0) <= (done.stderr == "")


def test_nothing_changes() -> None:
    """What is written otherwise and means the same is no change, in any format."""
    text = ARTICLE.read_text().replace(
        '[python3, -m, http.server, "80"]', "[python3, '-m', http.server, '80']"
    )
    assert diff("old.yaml", "-", "--exit-code", input=text).exit_code == 0
    assert diff("old.yaml", "-", input=text).stdout == "article: nothing changes\n"
    assert (
        diff("old.yaml", "-", "--format", "markdown", input=text).stdout
        == "### article: nothing changes\n"
    )
    assert (
        json.loads(diff("old.yaml", "-", "--format", "json", input=text).stdout)["changes"] is False
    )


def test_two_topologies() -> None:
    """Another name is another topology, which `up` would not touch."""
    done = diff("old.yaml", "-", input="name: another\n")
    assert done.exit_code == 1
    assert "these are two topologies, article and another" in done.stderr


def test_what_is_wrong_is_shown_of_both() -> None:
    """Both are read before anything is said."""
    (Path.cwd() / "old.yaml").write_text("name: A\n")
    done = diff("old.yaml", "-", input="name: B\n")
    assert done.exit_code == 1
    assert "old.yaml:1:7: error" in done.stderr
    assert "<stdin>:1:7: error" in done.stderr


def test_the_comment_of_ci(folder: Path) -> None:
    """The command by which docs/ci.md makes a comment, for either, in a repository."""
    page = (CHECKOUT / "docs/ci.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    steps = [step.get("run", "") for step in blocks[1]["jobs"]["topologies"]["steps"]]
    lines = [
        line for step in (*steps, *blocks[2]["change"]["script"]) for line in step.splitlines()
    ]
    commands = [line for line in lines if "nsgen diff" in line]
    assert len(commands) == 2
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (folder / "lab.yaml").write_text((folder / "old.yaml").read_text())
    for command in (
        ["init", "-q"],
        ["add", "lab.yaml"],
        ["commit", "-qm", "x"],
        ["fetch", "-q", ".", "HEAD"],
    ):
        subprocess.run([*git, *command], check=True)
    (folder / "lab.yaml").write_text((folder / "new.yaml").read_text())
    for command in commands:
        nsgen = f'nsgen() {{ "{sys.executable}" -m nsgen "$@"; }}; set -o pipefail; {command}'
        subprocess.run(["bash", "-c", nsgen], check=True)
        assert (
            (folder / "diff.md")
            .read_text()
            .startswith("### article: 0 added, 2 changed in place, 2 rebuilt")
        )


def test_what_was_not_asked_is_not_told() -> None:
    """Of so many namespaces that not every pair is asked: who is new is told of, and nobody is lost to the sample."""
    network = "networks: {br0: {subnet: 10.1.0.0/16, internet: true}}"
    text = f'name: many\n{network}\nnamespaces: {{"n[1-101]": {{networks: [br0]}}}}\n'
    (Path.cwd() / "old.yaml").write_text(text)
    more = diff("old.yaml", "-", input=text.replace("101", "102")).stdout.splitlines()
    assert more[more.index("From now on:") :] == [
        "From now on:",
        "  n101 -> n102",
        "  n102 -> n1, host, internet",
        "  host -> n102",
        "",
        "Of so many namespaces, only some pairs were looked at.",
    ]
    alone = diff("old.yaml", "-", input=text.replace("internet: true", "isolate: true")).stdout
    assert "n7 -> n8, internet" in alone.partition("No longer:")[2]


def test_what_is_not_undone(folder: Path) -> None:
    """A module that is no longer asked for stays; a parameter goes back to what it was."""
    text = "name: x\nhost: {modules: [br_netfilter], sysctls: {net.ipv4.ip_default_ttl: 63}}\n"
    (folder / "old.yaml").write_text(text)
    assert diff("old.yaml", "-", input="name: x\n").stdout.splitlines() == [
        "x: 0 added, 1 changed in place, 0 rebuilt, 1 removed, 0 interrupted",
        "",
        "host",
        "  ~   module br_netfilter",
        "          it stays loaded: others may use it by now",
        "  -   parameter net.ipv4.ip_default_ttl",
        "          goes back to what it was",
    ]
