"""What is wrong with a topology is said, all of it and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from compiling import ALL_EXAMPLES, planned
from nsgen.check.table import CHECKS, run_checks
from nsgen.check.view import View
from nsgen.cli.commands import main
from nsgen.cli.files import identity, read_file
from nsgen.compiler import compile_topology, resolve_topology
from nsgen.language import scalars, schema, shapes, spec
from nsgen.language.kinds import InterfaceKind, kinds
from nsgen.language.kinds.link import LINK, Endpoints, Links
from nsgen.language.yaml import compose, source
from nsgen.language.yaml.excerpt import unpainted
from nsgen.language.yaml.include import Inputs
from nsgen.ops import AddLink
from nsgen.plan.make import make_plan
from nsgen.report import Report
from nsgen.script import targets
from nsgen.topology.needs import sysctl_path

TESTS = Path(__file__).resolve().parents[1]
BAD = TESTS / "bad"
CASES = sorted(path.stem for path in BAD.glob("*.yaml"))


def test_every_case_has_its_messages() -> None:
    """No bad topology is without expected messages, and no messages are without their topology."""
    assert sorted(path.stem for path in BAD.glob("*.txt")) == CASES
    assert {path.suffix for path in BAD.iterdir() if path.is_file()} == {".yaml", ".txt"}


@pytest.mark.parametrize("case", CASES)
def test_bad(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad topology gets exactly its messages; a warning alone fails with --strict."""
    if case.startswith("yaml-") and not yaml.__with_libyaml__:
        pytest.skip("PyYAML's own parser words some positions differently")
    monkeypatch.chdir(BAD)
    expected = (BAD / f"{case}.txt").read_text(encoding="utf-8")
    result = CliRunner().invoke(main, ["check", f"{case}.yaml"])
    assert result.stderr == expected
    assert result.exit_code == (1 if ": error: " in expected else 0)
    assert CliRunner().invoke(main, ["check", "--strict", f"{case}.yaml"]).exit_code == 1


@cache
def loaded(case: str) -> tuple[source.Source | None, spec.Spec | None, Report]:
    """Read a bad topology, without the checks."""
    report = Report()
    text = (BAD / f"{case}.yaml").read_text(encoding="utf-8")
    found = source.parse(text, f"{case}.yaml", report)
    return found, None if found is None else spec.read(found.data, report), report


@pytest.mark.parametrize("run", CHECKS, ids=lambda run: f"{run.__module__}.{run.__name__}")
def test_every_check_has_a_case(run: Callable[[View, Report], None]) -> None:
    """Each check finds something in one of the bad topologies."""
    for case in CASES:
        _, read, before = loaded(case)
        report = Report()
        if read is not None:
            run(View(read, before), report)
        if report.findings:
            return
    pytest.fail("no bad topology for it")


@pytest.mark.parametrize("case", CASES)
def test_every_path_exists(case: str) -> None:
    """A finding is about something in the file; what a short form leaves out ends its path."""
    found, read, before = loaded(case)
    if found is None or read is None:
        return
    report = Report(list(before.findings))
    run_checks(read, report)
    for finding in report.findings:
        if finding.at is None:
            written = found.written(finding.path)
            missing = [step for step in finding.path if step not in written]
            assert len(missing) <= 1 or missing == ["address", 0], finding
            assert found.mark(finding.path, on_key=finding.on_key) >= (1, 1)


GOOD = sorted([*TESTS.glob("good/*.yaml"), *ALL_EXAMPLES])


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_good(path: Path) -> None:
    """What is unusual but right passes without a word, as the examples do, and can be compiled."""
    inputs = Inputs(str(path), str(path.parent), read_file, identity)
    found = compile_topology(path.name, path.read_bytes(), inputs)
    assert found.show(10, unpainted) == []
    assert found.source is not None
    report = Report()
    compile_all(found.source.data, report)
    assert report.findings == []


def compile_all(data: Any, report: Report) -> None:
    """Go as far as the topology allows."""
    read = spec.read(data, report)
    if read is None:
        return
    run_checks(read, report)
    resolved = None if report.failed else resolve_topology(read, report)
    if resolved is not None:
        assert not report.failed
        made = make_plan(resolved)
        targets.script(made, "plain")
        targets.script(made, "plain", teardown=True)
        targets.tree(made)


TOKENS = (
    *(
        "true",
        "false",
        "default",
        "demo",
        "br0",
        "br1",
        "br2",
        "eth0",
        "red",
        "blue",
        "n[1-2]",
        "n1",
        "lo",
    ),
    *(
        "10.0.0.0/24",
        "10.0.0.0/16",
        "10.0.1.0/31",
        "fd00::/64",
        "fd00:1::/127",
        "127.0.0.0/8",
        "10.2.0.0/32",
    ),
    *(
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.255",
        "10.0.1.1",
        "fd00::1",
        "fd00::2",
        "fe80::1",
        "127.0.0.1",
        "::1",
    ),
    *("10.0.0.2/24", "10.0.0.3/16", "fd00::2/64", "0.0.0.0", "::", "224.0.0.1"),
    *(
        "80",
        "8080",
        "80-81",
        "8080-8082",
        "68",
        "1280",
        "100",
        "8080:80",
        "80-81:90-91",
        "127.0.0.1:80:80/udp",
    ),
    *(
        "[::1]:80:80",
        "0.0.0.0:80:80/sctp",
        "02:00:00:00:00:01",
        "net.ipv4.ip_forward",
        "net/ipv4/ip_forward",
    ),
    *(
        "net.ipv6.conf.all.forwarding",
        "kernel.hostname",
        "0",
        "1",
        "",
        "br_netfilter",
        "br-netfilter",
        "a b",
        "$(id)",
    ),
    *("host", "outside", "host:8080", "red:53/udp", "[fd00::2]:80"),
)


def shaped(kind: schema.Kind[Any]) -> st.SearchStrategy[Any]:
    """Plain data in the shape that a kind reads, mostly of values that it takes."""
    if isinstance(kind, schema.Scalar):
        taken = [token for token in TOKENS if parses(kind, token)]
        return st.sampled_from([*taken * 100, *TOKENS])
    if isinstance(kind, schema.Choice):
        return st.sampled_from(kind.words)
    if isinstance(kind, schema.ListOf):
        item = shaped(kind.item)
        several = st.lists(item, max_size=3)
        return st.one_of(item, several) if kind.lone else several
    if isinstance(kind, schema.MapOf):
        return st.dictionaries(shaped(kind.key), shaped(kind.item), max_size=4) | st.none()
    if isinstance(kind, shapes.ByShape):
        ways = (kind.text, kind.items, kind.record)
        return st.one_of(*(shaped(known) for known in ways if known is not None))
    if isinstance(kind, shapes.Mapped | shapes.Late):
        return shaped(kind.kind)
    if isinstance(kind, InterfaceKind):
        typed = (shaped(schema.Record(cls)).map(with_type(name)) for name, cls in kinds().items())
        return st.one_of(*typed)
    if isinstance(kind, Links):
        return st.lists(shaped(LINK), max_size=3)
    if isinstance(kind, Endpoints):
        place, address = st.sampled_from(PLACES), shaped(scalars.INTERFACE_ADDRESS)
        return st.dictionaries(place, address, max_size=3) | st.lists(place, max_size=3)
    assert isinstance(kind, schema.Record)
    fields = kind._kinds.items()  # noqa: SLF001 - the only one who knows
    built = [(key, shaped(known), needed) for key, (name, known, needed) in fields if name]
    return st.fixed_dictionaries(
        {key: value for key, value, needed in built if needed},
        optional={key: value for key, value, needed in built if not needed},
    )


PLACES = (
    "red:eth0",
    "blue:eth1",
    "host:veth9",
    "n[1-3]:a",
    "n[2-4]:b",
    "red",
    "nobody:eth0",
    "red:lo",
)


def with_type(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What gives an interface its kind."""
    return lambda written: {**written, "type": name}


def parses(kind: schema.Scalar[Any], token: str) -> bool:
    """Whether a kind takes a token."""
    return kind.read(token, (), Report()) is not schema.INVALID


@settings(max_examples=150)
@given(data=shaped(spec.TOPOLOGY))
def test_any_topology(data: Any) -> None:
    """Whatever is combined, there are messages or files, and never an exception."""
    report = Report()
    compile_all(data, report)
    for finding in report.findings:
        assert finding.text.isprintable()
        assert finding.text
        assert finding.text[0].islower() or not finding.text[0].isalpha()


PLAIN = st.recursive(
    st.none() | st.text(max_size=8) | st.sampled_from(TOKENS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "networks",
                    "namespaces",
                    "host",
                    "red",
                    "br0",
                    "publish",
                    "routes",
                    "subnet",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(data=PLAIN)
def test_any_data(data: Any) -> None:
    """Whatever the shape of the data, there are messages and no exception."""
    report = Report()
    compile_all(data, report)
    assert report.failed or (isinstance(data, dict) and "name" in data)


@given(data=PLAIN | shaped(spec.TOPOLOGY))
@settings(max_examples=50)
def test_any_file(data: Any) -> None:
    """Whatever is wrong is printed with the line it is on."""
    report = Report()
    text = yaml.safe_dump(data, allow_unicode=True)
    found = source.parse(text, "f.yaml", report)
    if found is None:
        assert report.failed
        return
    read = spec.read(found.data, report)
    if read is not None:
        run_checks(read, report)
    lines = text.count("\n") + 1
    for finding in report.findings:
        line, column = found.placed(finding).at or (0, 0)
        assert 1 <= line <= lines
        assert column >= 1
        assert found.show(finding).startswith(f"f.yaml:{line}:{column}: {finding.severity}: ")


def test_no_error_follows_from_another() -> None:
    """What could not be read is not used against the rest."""
    text = (
        "name: demo\n"
        "networks:\n  br0: {subnet: 10.0.0.0}\n  br1: {subnet: 10.1.0.0/24, gateway: x}\n  br/2:"
        " {}\n"
        "namespaces:\n"
        "  red:\n    networks: {br0: 10.9.9.9, br1: 10.9.9.9, br/2: 10.9.9.9}\n    publish:"
        " ['80:80']\n"
        "    routes: [{to: default, via: 10.0.0.1},"
        " {to: 10.7.0.0/16, dev: veth-red-br1, src: 10.0.0.3}]\n"
        "  blue:\n    netwroks: [br0]\n    publish: ['80:80']\n    routes:"
        " [{to: default, via: 10.0.0.1}]\n"
    )
    report = Report()
    found = source.parse(text, "f.yaml", report)
    assert found is not None
    compile_all(found.data, report)
    assert sorted(
        found.mark(finding.path, on_key=finding.on_key)[0] for finding in report.findings
    ) == [
        3,
        4,
        5,
        8,
        12,
    ]


def test_misspelled_networks() -> None:
    """Where `networks` itself is misspelled, no network is called unknown."""
    report = Report()
    compile_all(
        {"name": "demo", "network": {}, "namespaces": {"red": {"networks": ["br0"]}}}, report
    )
    assert [finding.text for finding in report.findings] == [
        "unknown key 'network'; did you mean 'networks'?"
    ]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.br0/10.rp_filter", "net/ipv4/conf/br0.10/rp_filter"),
        ("net/ipv4/conf/br0.10/rp_filter", "net/ipv4/conf/br0.10/rp_filter"),
    ],
)
def test_canonical_sysctl(written: str, path: str) -> None:
    """The separator that comes first separates, as in sysctl(8)."""
    assert sysctl_path(written) == path


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in a node", "across nodes"])
def test_interfaces_on_interfaces(elsewhere: bool) -> None:
    """However many interfaces are made on each other, and written the last one first, they are put in order."""
    made = {f"m{n}": {"type": "macvlan", "link": f"m{n - 1}"} for n in range(2000, 0, -1)}
    made["m0"] = {"type": "dummy"}
    namespaces: Any = {"red": {"interfaces": made}}
    if elsewhere:
        namespaces = {
            f"n{name}": {
                "interfaces": {
                    name: {**one, "link": f"n{one['link']}:{one['link']}"} if "link" in one else one
                }
            }
            for name, one in made.items()
        }
    plan = planned({"name": "demo", "namespaces": namespaces})
    assert plan is not None
    links = plan.of(AddLink)
    assert [op.name for op in links] == [f"m{n}" for n in range(2001)]


def test_ten_thousand_namespaces_are_checked_quickly() -> None:
    """No check compares everything with everything."""
    networks = {f"br{n}": {"subnet": f"10.{n}.0.0/16", "internet": "true"} for n in range(10)}
    namespaces = {
        f"n{n}": {
            "networks": {f"br{n % 10}": f"10.{n % 10}.{n // 250}.{n % 250 + 2}"},
            "publish": [f"{n + 1}:80"],
            "routes": [{"to": "10.99.0.0/16", "via": f"10.{n % 10}.0.1"}],
        }
        for n in range(10_000)
    }
    report = Report()
    read = spec.read({"name": "demo", "networks": networks, "namespaces": namespaces}, report)
    assert read is not None
    started = time.process_time()
    run_checks(read, report)
    assert time.process_time() - started < 10
    assert report.findings == []


def test_ten_thousand_errors_are_found_quickly() -> None:
    """Neither finding nor sorting nor printing errors is quadratic."""
    text = "name: demo\nnamespaces:\n" + "".join(
        f"  n{n}: {{networks: [br{n}]}}\n" for n in range(10_000)
    )
    started = time.process_time()
    result = CliRunner().invoke(main, ["check", "-"], input=text)
    assert time.process_time() - started < 10
    assert result.stderr.endswith("<stdin>: and 9950 more errors and warnings\n")


def test_pure_parser_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml, everything but syntax errors is found in the same place."""
    monkeypatch.setattr(compose, "LOADER", yaml.SafeLoader)
    monkeypatch.chdir(BAD)
    for case in CASES:
        if not case.startswith("yaml-"):
            result = CliRunner().invoke(main, ["check", f"{case}.yaml"])
            assert result.stderr == (BAD / f"{case}.txt").read_text(encoding="utf-8")
