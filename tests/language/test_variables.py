"""Variables in the values of a topology: what they stand for, and what they cannot do."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from nsgen.cli.commands import main
from nsgen.language.schema import Unknown
from nsgen.language.yaml import variables
from nsgen.language.yaml.variables import Variables
from nsgen.report import Report

VALUES = {"SET": "value", "EMPTY": "", "COLON": "a: [b]", "DOLLAR": "${SET}"}


def expanded(text: str) -> str:
    """A text with its variables' values, which are all right."""
    data: dict[str, Any] = {"key": text}
    report = Report()
    assert Variables(VALUES).substitute(data, report)
    assert report.findings == []
    return str(data["key"])


def errors(text: str, **values: str) -> list[str]:
    """What is wrong with the variables of a text."""
    data: dict[str, Any] = {"key": text}
    report = Report()
    complete = Variables(VALUES | values).substitute(data, report)
    assert isinstance(data["key"], Unknown) == (report.failed and complete)
    return [finding.text for finding in report.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${SET}", "value"),
        ("a${SET}b${SET}c", "avaluebvaluec"),
        ("${EMPTY}", ""),
        ("${SET:-x}${SET-x}", "valuevalue"),
        ("${EMPTY:-x}|${EMPTY-x}", "x|"),
        ("${UNSET:-x}|${UNSET-x}|${UNSET:-}", "x|x|"),
        ("${SET:+x}|${EMPTY:+x}|${EMPTY+x}|${UNSET+x}", "x||x|"),
        ("${SET:?x}${EMPTY?x}", "value"),
        ("${UNSET:-${EMPTY:-${SET}}}", "value"),
        ("${SET:+<${SET}>}", "<value>"),
        ("${UNSET:-a}b}", "ab}"),
        ("${UNSET:-$${SET}}", "${SET}"),
        ("${UNSET:-a:-b?c\n}", "a:-b?c\n"),
        ("${UNSET:-$}${SET}", "$value"),
        ("$${SET}", "${SET}"),
        ("$$${SET}", "$${SET}"),
        ("$SET $$SET $$ $ $(id) $((1)) {} }", "$SET $$SET $$ $ $(id) $((1)) {} }"),
        ("${DOLLAR} ${COLON}", "${SET} a: [b]"),
    ],
)
def test_forms(text: str, value: str) -> None:
    """Each form stands for what it stands for in Compose, and what is no form stays as it is."""
    assert expanded(text) == value


def test_all_that_is_wrong_with_a_text_is_said() -> None:
    """Each variable of a text has its own message; there is an end to them."""
    assert errors("${A}${B:?tell me}${EMPTY:?}${C?}") == [
        "the variable 'A' is not set: set it with --set A=value or in the environment",
        "the variable 'B' is not set: tell me",
        "the variable 'EMPTY' is empty: set it with --set EMPTY=value or in the environment",
        "the variable 'C' is not set: set it with --set C=value or in the environment",
    ]
    assert len(errors("".join(f"${{A{n}}}" for n in range(1000)))) == variables.MAX_ERRORS
    assert errors("${X}", X="\udce9") == ["the value of the variable 'X' is not UTF-8"]


def test_a_default_that_is_not_needed_is_not_read() -> None:
    """What an unused default lacks does not matter, but its variables are known."""
    values = Variables({"SET": "1", "OTHER": "2", "TYPO": "3"})
    report = Report()
    values.substitute({"key": "${SET:-${UNSET}${OTHER}}", "x": "${TYPE-}"}, report)
    assert report.findings == []
    assert values.unused() == {
        "TYPO": "there is no variable 'TYPO' in the topology; did you mean 'TYPE'?"
    }


@pytest.mark.parametrize(
    "text",
    [
        "${" * 1_000_000,
        "${A:-" * 300_000 + "}" * 300_000,
        "${A:-" * 300_000,
        "${}" * 500_000,
        "}" * 1_000_000,
        "$" * 1_000_000,
        "${BIG}" * 100_000,
        "${A:-${BIG}}" * 100_000,
    ],
    ids=["open", "nested", "unclosed", "wrong", "closed", "dollars", "big", "bigger"],
)
def test_hostile_texts_end_soon(text: str) -> None:
    """Neither depth, number nor size of variables takes long or much memory."""
    started = time.monotonic()
    assert len(errors(text, BIG="x" * 100_000)) <= variables.MAX_ERRORS
    assert time.monotonic() - started < 5


def test_too_long_together() -> None:
    """The values of a topology are bounded together, and nothing is read of it beyond that."""
    data = [["${BIG}"]] * 2 + [["${BIG}" * 200] for _ in range(100)]
    report = Report()
    assert not Variables({"BIG": "x" * 10_000}).substitute(data, report)  # type: ignore[arg-type]
    assert [finding.text for finding in report.findings] == [
        "with the values of variables this is more than 33554432 characters"
    ]


@given(text=st.text("${}:-?+AB_1 \n", max_size=30), value=st.text(max_size=5))
def test_any_text(text: str, value: str) -> None:
    """Whatever is written, there is a value or a message; without '${' it stays as it is."""
    data: dict[str, Any] = {"key": text}
    report = Report()
    Variables({"A": value}).substitute(data, report)
    assert isinstance(data["key"], Unknown) == report.failed
    assert "${" in text or data["key"] == text


# -- on the command line ----------------------------------------------------------------------------

TOPOLOGY = 'name: ${NSGEN_NAME}\nnamespaces: {red: {exec: [{up: [echo, "${NSGEN_WORD:-word}"]}]}}\n'


def nsgen(*arguments: str, **more: Any) -> Result:
    """Run nsgen in this process, on a topology with variables."""
    return CliRunner().invoke(main, arguments, input=TOPOLOGY, **more)


def test_given_before_the_environment() -> None:
    """What --set says goes before what the environment says; the last one counts."""
    environment = {"NSGEN_NAME": "from-outside"}
    assert nsgen("check", "-", env=environment).stdout.startswith("from-outside: ok")
    for texts in (["NSGEN_NAME=given"], ["NSGEN_NAME=x", "NSGEN_NAME=given"]):
        options = [part for text in texts for part in ("--set", text)]
        assert nsgen("check", "-", *options, env=environment).stdout.startswith("given: ok")


def test_a_value_is_text() -> None:
    """A value is quoted for the shell as any other text is, and is no YAML."""
    word = "=; $(touch x) \"'\n- {a: b} # ü"
    result = nsgen("render", "-", "--set", "NSGEN_NAME=a", "--set", f"NSGEN_WORD={word}")
    assert result.exit_code == 0
    by_hand = TOPOLOGY.replace("${NSGEN_NAME}", "a").replace(
        '"${NSGEN_WORD:-word}"', json.dumps(word, ensure_ascii=False)
    )
    assert result.stdout == CliRunner().invoke(main, ["render", "-"], input=by_hand).stdout


@pytest.mark.parametrize("command", ["render", "check", "verify", "trace"])
def test_wrong_set(command: str) -> None:
    """A name that is not in the topology, or no name, is a wrong command line."""
    words = ["-", "host", "internet"] if command == "trace" else ["-"]
    for option, said in (
        (
            "NSGEN_NAMES=a",
            "there is no variable 'NSGEN_NAMES' in the topology; did you mean 'NSGEN_NAME'?",
        ),
        ("NSGEN_NAME", "expected NAME=value such as HTTP_PORT=8080, got 'NSGEN_NAME'"),
        ("1=2", "expected NAME=value such as HTTP_PORT=8080, got '1=2'"),
    ):
        result = nsgen(command, *words, "--set", option)
        assert result.exit_code == 2
        assert result.stderr.endswith(f"Error: Invalid value for '--set': {said}\n")
        assert result.stdout == ""


def test_the_built_in_topology_has_no_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What --set says there is refused, too."""
    monkeypatch.chdir(tmp_path)
    result = nsgen("render", "--set", "A=b")
    assert result.exit_code == 2
    assert "there is no variable 'A'" in result.stderr


def test_schema_takes_variables() -> None:
    """For an editor, a value that is no text may be a text with a variable in it."""
    schema = json.loads(nsgen("schema").stdout)
    network = schema["definitions"]["Network"]["properties"]
    variable = {"$ref": "#/definitions/open"}
    assert network["internet"]["allOf"] == [{"$ref": "#/definitions/switch"}]
    assert schema["definitions"]["switch"]["anyOf"] == [{"type": "boolean"}, variable]
    assert network["mtu"]["allOf"] == [{"$ref": "#/definitions/MTU"}]
    assert variable in schema["definitions"]["MTU"]["anyOf"]
    assert variable in network["bridge_netfilter"]["anyOf"]
    assert re.search(schema["definitions"]["open"]["pattern"], "a ${NAME}")
    assert re.search(schema["definitions"]["subnet"]["pattern"], "10.${SITE}.0.0/24")
    assert not re.search(schema["properties"]["networks"]["propertyNames"]["pattern"], "${NAME}")
