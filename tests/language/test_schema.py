"""The JSON Schema, by which an editor completes and checks a topology: what it takes, and what it marks as wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nsgen.language import scalars, spec
from nsgen.language.networks import PUBLISH
from nsgen.language.routing import TARGET
from nsgen.language.schema import Scalar
from nsgen.language.spec import ENDPOINT

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = spec.json_schema()
FOLDERS = ("examples", "tests/good", "tests/topologies", "tests/vm/kinds")
TOPOLOGIES = [
    path
    for folder in FOLDERS
    for path in sorted((CHECKOUT / folder).rglob("*.yaml"))
    if path.parent.name != "parts"  # those are included, and have no name
    and path.stem != "spelled"  # what nsgen takes, and an editor may well mark
]
WHOLE = """
name: demo
networks: {br0: {subnet: 10.0.0.0/24, internet: true}}
namespaces:
  red: {networks: {br0: 10.0.0.2}, publish: ["8080:80"]}
"""


class Yaml(yaml.SafeLoader):
    """YAML 1.2, as editors read it: `no` is a text, and so is `22:22`."""


Yaml.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", "true|false", "tf"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", "~|null|", ["~", "n", ""]),
):
    Yaml.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first)
    )

Yaml.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))  # 010 is ten


def marked(text: str) -> list[str]:
    """What an editor marks in a topology."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    data = yaml.load(text, Yaml)  # noqa: S506 - a safe loader
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(data)]


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.stem)
def test_what_is_right_is_not_marked(path: Path) -> None:
    """An editor marks nothing in the topologies of this project."""
    assert marked(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("10.0.0.0/24", "10.0.0.0"),
        ("10.0.0.0/24", "10.0.0.256/24"),
        ("10.0.0.0/24", "10.0.0.0/33"),
        ("10.0.0.0/24", "fd00::/129"),
        ("10.0.0.0/24", "10.0.0.0/255.255.255.0"),
        ("10.0.0.2", "10.0.0"),
        ("10.0.0.2", "010.0.0.2"),
        ("10.0.0.2", "red"),
        ("8080:80", "8080"),
        ("8080:80", "8080:http"),
        ("8080:80", "fd00::1:8080:80"),
        ("8080:80", "8080:80/icmp"),
        ('"8080:80"', "{published: 70000, target: 80}"),
        ('"8080:80"', '{published: "1-x", target: 80}'),
        ("internet: true", "internet: yes"),
        ("internet: true", "inernet: true"),
        ("internet: true", 'mac: "01:00:00:00:00:01"'),
        ("internet: true", "gateway: true"),
        ("internet: true", "mtu: 60"),
        ("br0: {", "a-bridge-with-a-long-name: {"),
        ("name: demo", "name: Demo"),
        ("name: demo", "host: {}"),
        ("demo", "demo\nlinks: [{endpoints: [red, blue]}]"),
        ("demo", "demo\nhost: {routes: [{to: somewhere, via: 10.0.0.1}]}"),
        ("demo", "demo\nhost: {nat: [{dnat: 'red:80', port: 80}]}"),
        ("demo", "demo\nhost: {interfaces: {d0: {type: dumy}}}"),
        ("demo", "demo\nexpect: [{from: red, to: '10.0.0.1:80/icmp'}]"),
    ],
)
def test_what_is_wrong_is_marked(right: str, wrong: str) -> None:
    """What nsgen refuses by its syntax, an editor marks."""
    assert marked(WHOLE) == []
    assert WHOLE.count(right) > 0
    assert marked(WHOLE.replace(right, wrong, 1)) != []


@pytest.mark.parametrize("value", ["${SUBNET:-10.0.0.0/24}", "10.${SITE}.0.0/24"])
def test_variables_are_not_marked(value: str) -> None:
    """A value with a variable may be anything."""
    assert marked(WHOLE.replace("10.0.0.0/24", f'"{value}"')) == []
    assert marked(WHOLE.replace("internet: true", 'internet: "${ON}", mtu: "${MTU}"')) == []


NUMBERS = st.integers(0, 70000).map(str)
IPS = st.ip_addresses().map(str)
TEXTS = st.one_of(
    IPS,
    NUMBERS,
    st.sampled_from(
        ["::", "::1", "1::", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "FE80::1", "default"]
    ),
    st.tuples(IPS, st.sampled_from("/:"), NUMBERS).map("".join),
    st.tuples(st.just("["), IPS, st.just("]:"), NUMBERS, st.just(":80/udp")).map("".join),
    st.tuples(IPS, st.just(":"), NUMBERS, st.just(":1-2")).map("".join),
    st.from_regex(r"\A[a-z0-9.:/\[\]_-]{1,20}\Z"),
)
KINDS = {name: kind for name, kind in vars(scalars).items() if isinstance(kind, Scalar)} | {
    "PUBLISH": PUBLISH.text,
    "TARGET": TARGET,
    "ENDPOINT": ENDPOINT,
}


@pytest.mark.parametrize("name", KINDS)
@given(text=TEXTS)
def test_what_nsgen_takes_is_not_marked(name: str, text: str) -> None:
    """Of each sort of text, what nsgen reads fits the pattern that an editor has."""
    kind: Any = KINDS[name]
    pattern = kind.schema.get("pattern")
    try:
        kind.parse(text)
    except ValueError:
        return
    assert pattern is None or re.search(pattern, text)


def below(schema: Any) -> Iterator[dict[str, Any]]:
    """Every map in a schema."""
    if isinstance(schema, dict):
        yield schema
    for item in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(item, dict | list):
            yield from below(item)


def test_everything_is_described_once() -> None:
    """Every reference leads somewhere, every definition is used, and none is there twice."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    named = {
        found["$ref"].removeprefix("#/definitions/") for found in below(SCHEMA) if "$ref" in found
    }
    assert named == SCHEMA["definitions"].keys()
    definitions = [json.dumps(found, sort_keys=True) for found in SCHEMA["definitions"].values()]
    assert len(set(definitions)) == len(definitions)
    # Every kind of interface has the keys of all of them; marks and uplinks are records of their own.
    assert len(json.dumps(SCHEMA, indent=1)) < 97_000


def test_every_key_is_described() -> None:
    """An editor has a sentence for every key, and one for what it marks."""
    for found in below(SCHEMA):
        for name, described in found.get("properties", {}).items():
            assert name == "type" or described.get("description"), name
        if "pattern" in found and found.get("title") != "open":
            assert found["patternErrorMessage"].startswith("expected ")
