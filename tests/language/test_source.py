"""YAML becomes plain data with positions, whatever is in the file."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nsgen.language.ranges import ALIKE
from nsgen.language.yaml import compose
from nsgen.language.yaml.excerpt import WIDTH, Text, path_text, width
from nsgen.language.yaml.source import Source, decode, parse
from nsgen.report import Finding, Report

PURE_OR_C = [yaml.SafeLoader, *([yaml.CLoader] if yaml.__with_libyaml__ else [])]


def read(text: str) -> Source:
    """Parse a text in which nothing is wrong."""
    report = Report()
    source = parse(text, "topology.yaml", report)
    assert report.findings == []
    assert source is not None
    return source


def errors(text: str) -> list[str]:
    """Parse a text, and give what is wrong with it as ``line:column text``."""
    report = Report()
    parse(text, "topology.yaml", report)
    return [f"{f.at[0]}:{f.at[1]} {f.text}" if f.at else f.text for f in report.findings]


@pytest.mark.parametrize("loader", PURE_OR_C)
def test_scalars_stay_text(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """No YAML 1.1 type is guessed; only an empty plain scalar is no text."""
    monkeypatch.setattr(compose, "LOADER", loader)
    text = (
        "no: 22:22\nyes: 1_500\n~: 0x10\nempty:\nquoted: ''\ndate: 2021-09-03\nlist: [null, , ~]\n"
    )
    with_empty_item = text.replace(", ,", ",")
    assert read(with_empty_item).data == {
        "no": "22:22",
        "yes": "1_500",
        "~": "0x10",
        "empty": None,
        "quoted": "",
        "date": "2021-09-03",
        "list": ["null", "~"],
    }


@pytest.mark.parametrize("loader", PURE_OR_C)
def test_marks(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and values have their line and column, counted in characters from 1."""
    monkeypatch.setattr(compose, "LOADER", loader)
    source = read(
        "name: demo\nnamespaces:\n  röd: {networks: [br0, br1]}\n  blå:\n    publish:\n    -\n    -"
        " x\n"
    )
    assert source.mark(("name",)) == (1, 7)
    assert source.mark(("name",), on_key=True) == (1, 1)
    assert source.mark(("namespaces", "röd")) == (3, 8)
    assert source.mark(("namespaces", "röd", "networks", 1)) == (3, 25)
    assert source.mark(("namespaces", "blå", "publish", 0)) == (6, 5)
    assert source.mark(("namespaces", "blå", "publish", 1)) == (7, 7)


def test_mark_of_what_was_not_written() -> None:
    """What was not written is at its deepest parent: a map's key, a short form's value."""
    source = read(
        "namespaces:\n  red:\n    networks: {br0: 10.0.0.2, br1: [10.1.0.2, 10.1.0.3]}\n   "
        " publish:"
        " ['80:80']\n"
    )
    red = ("namespaces", "red")
    assert source.mark(()) == (1, 1)
    assert source.mark((*red, "routes", 0)) == (2, 3)
    assert source.mark((*red, "networks", "br0", "address", 0)) == (3, 21)
    assert source.mark((*red, "networks", "br1", "address", 1)) == (3, 47)
    assert source.mark((*red, "publish", 0, "reach")) == (4, 15)
    assert source.written((*red, "networks", "br1", "address", 1)) == (*red, "networks", "br1", 1)
    assert source.written((*red, "publish", 0, "reach")) == (*red, "publish", 0)


def test_empty_value_is_at_its_key() -> None:
    """An empty value has no place of its own."""
    assert read("a: 1\nb:\n  c:\n").mark(("b", "c")) == (3, 3)


def test_aliases_stand_for_their_anchor() -> None:
    """An alias is where it is written, and what is in it is where the anchor is."""
    source = read("a: &x {b: 1}\nc: *x\nd: &y text\n*y : e\n")
    assert source.data == {"a": {"b": "1"}, "c": {"b": "1"}, "d": "text", "text": "e"}
    assert source.mark(("c",)) == (2, 4)
    assert source.mark(("c", "b")) == (1, 11)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfen\0a\0", "this is UTF-16 text: save it as UTF-8"),
        (b"\xfe\xff\0n\0a", "this is UTF-16 text: save it as UTF-8"),
        (b"\xff\xfe\0\0n\0\0\0", "this is UTF-32 text: save it as UTF-8"),
        (
            "name: demo\n".encode("utf-16-le"),
            "this looks like UTF-16 text: a topology is YAML in UTF-8",
        ),
        (
            "name: demo\n".encode("utf-16-be"),
            "this looks like UTF-16 text: a topology is YAML in UTF-8",
        ),
        (b"name: de\0mo", "this is not text, byte 9 is NUL: a topology is YAML in UTF-8"),
        (
            b"\x7fELF\2\1\1\0\0\0\0\0",
            "this is not text, byte 8 is NUL: a topology is YAML in UTF-8",
        ),
        (
            b"name: demo\n# \xe9t\xe9\n",
            "2:3 the byte 0xe9 is not UTF-8: a topology is YAML in UTF-8",
        ),
        (b"\xef\xbb\xbfa\xff", "1:2 the byte 0xff is not UTF-8: a topology is YAML in UTF-8"),
        (b"\x1f\x8b\x08", "1:2 the byte 0x8b is not UTF-8: a topology is YAML in UTF-8"),
    ],
)
def test_what_is_not_utf8(data: bytes, message: str) -> None:
    """Bytes that are no UTF-8 text are refused, with what they are where that can be told."""
    report = Report()
    assert decode(data, report) is None
    (finding,) = report.findings
    assert message == (
        f"{finding.at[0]}:{finding.at[1]} {finding.text}" if finding.at else finding.text
    )


def test_byte_order_mark_is_not_a_character() -> None:
    """A UTF-8 byte order mark is taken off, and the columns do not count it."""
    text = decode(b"\xef\xbb\xbfname: demo", Report())
    assert text == "name: demo"


def test_line_breaks() -> None:
    """Lines end as YAML 1.1 says, on whatever system they were written."""
    source = read("a: 1\r\nb: 2\rc: 3\x85d: 4\n")
    assert [source.mark((key,)) for key in "abcd"] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [source.texts[0].line(number) for number in range(1, 5)] == [
        "a: 1",
        "b: 2",
        "c: 3",
        "d: 4",
    ]


@pytest.mark.parametrize("loader", PURE_OR_C)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 5_000,
        "a: &a [*a]",
        "&a [&b [*a]]",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n"
            for a, b in zip("abcdefghi", "bcdefghij", strict=True)
        ),
        "a: &a {k: v}\n" + "".join(f"k{n}: *a\n" for n in range(3)) + "b: *c",
        "[" + "x," * 1_000_001 + "]",
    ],
    ids=["lists", "maps", "dashes", "keys", "self", "outer", "bomb", "unknown", "nodes"],
)
def test_hostile_yaml_ends_soon(text: str, loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nesting, aliases and sheer size are bounded: one message, soon, and no crash."""
    if len(text) > 1_000_000 and loader is yaml.SafeLoader:
        pytest.skip("PyYAML's own parser is slow, but it gets there")
    monkeypatch.setattr(compose, "LOADER", loader)
    started = time.monotonic()
    assert len(errors(text)) == 1
    assert time.monotonic() - started < 10


def test_ten_thousand_namespaces_are_read_quickly() -> None:
    """Positions cost little."""
    item = (
        "  n{}:\n    networks: {{br0: 10.0.0.1}}\n    publish: ['80:80',"
        " {{published: 1, target: 2}}]\n"
    )
    text = "namespaces:\n" + "".join(item.format(number) for number in range(10_000))
    started = time.process_time()
    source = read(text)
    assert time.process_time() - started < (5 if yaml.__with_libyaml__ else 30)
    assert source.mark(("namespaces", "n9999", "publish", 1, "target")) == (30_001, 47)


def test_merged_keys_are_not_missed() -> None:
    """A merge key is refused, and no other error comes of what it would have brought."""
    report = Report()
    source = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {<<: [*a, {z: 1}]}\n", "", report)
    assert [finding.at for finding in report.findings] == [(2, 5), (3, 5)]
    assert source is not None
    assert source.data == {
        "a": {"x": "1", "y": "2"},
        "b": {"x": "3", "y": "2"},
        "c": {"x": "1", "y": "2", "z": "1"},
    }
    assert source.mark(("b", "y")) == (1, 17)


def test_all_that_is_wrong_is_said() -> None:
    """What leaves the rest readable does not hide it."""
    assert errors("a: !!int 1\na: 2\n? [x]\n: 1\n<<: {b: 1}\n") == [
        "1:4 the tag '!!int' is not supported: remove it, a key says how its value is read",
        "2:1 the key 'a' is given twice, first on line 1: remove one",
        "3:3 a list or a map cannot be a key: a range needs quotes",
        f"5:1 merge keys ('<<') are not supported: {ALIKE}",
    ]


@pytest.mark.parametrize("loader", PURE_OR_C)
@given(text=st.text() | st.text("ab:-[]{}&*!|>'\"%@`#,?<~ \n\t\\", max_size=40))
def test_any_text(text: str, loader: type) -> None:
    """Whatever the text, there is data, or an error that can be shown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "LOADER", loader)
        report = Report()
        source = parse(text, "topology.yaml", report)
    assert source is not None or report.failed
    for finding in report.findings:
        shown = Text("topology.yaml", text).show(finding)
        assert shown.startswith("topology.yaml:")
        assert shown.isprintable() or "\n" in shown


WORDS = st.text("ab\u00e9\u65e5\U0001f600'\"\\:#-{}[],&*!|>%@` \n", max_size=6)
PLAIN = st.recursive(
    st.none() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)


@given(data=PLAIN, flow=st.sampled_from([None, True, False]), unicode=st.booleans())
def test_both_parsers_agree(data: Any, flow: bool | None, unicode: bool) -> None:
    """What a YAML library writes is read as it was meant, by both parsers in the same place."""
    text = yaml.safe_dump({"top": data}, default_flow_style=flow, allow_unicode=unicode)
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for loader in PURE_OR_C:
            patch.setattr(compose, "LOADER", loader)
            report = Report()
            source = parse(text, "", report)
            assert source is not None, (text, report.findings)
            found.append((source.data, sorted(_offsets(source))))
    assert found[0] == found[-1]
    expected = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes text of everything
    assert found[0][0] == expected


def _offsets(source: Source) -> list[int]:
    maps = [
        offset for marks in source.marks.maps.values() for pair in marks.values() for offset in pair
    ]
    return maps + [offset for marks in source.marks.lists.values() for offset in marks]


@given(data=st.dictionaries(st.text("abc", min_size=1), PLAIN, min_size=1, max_size=3))
def test_positions_point_at_what_they_are_of(data: Any) -> None:
    """In JSON, which is YAML, every mark is where its key or value begins."""
    text = json.dumps(data, ensure_ascii=False)
    source = read(text)
    for path, value in _values((), data):
        line, column = source.mark(path)
        begins = json.dumps(value, ensure_ascii=False)[:1]
        assert line == 1
        assert text[column - 1] == begins


def _values(path: tuple[str | int, ...], value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = [(path, value)] if path else []
    for key, item in items:
        found += _values((*path, key), item)
    return found


def show(line: str, column: int, **more: Any) -> list[str]:
    """Show an error in a one-line file."""
    finding = Finding("error", (), "wrong", at=(1, column), **more)
    return Text("f.yaml", line).show(finding).split("\n")


def test_caret_under_tabs_and_wide_characters() -> None:
    """The caret is in the column of the terminal in which the character is seen."""
    assert show("a:\tb", 4) == ["f.yaml:1:4: error: wrong", "a: b", "   ^"]
    assert show("日本: x", 5) == ["f.yaml:1:5: error: wrong", "日本: x", "      ^"]
    assert show("e\u0301: x", 5) == ["f.yaml:1:5: error: wrong", "e\u0301: x", "   ^"]


def test_what_would_reorder_a_terminal_is_not_printed() -> None:
    """No control or formatting character of the file reaches the terminal."""
    assert show("a: \u202eb\u200b", 1)[1] == "a: \ufffdb\ufffd"


@pytest.mark.parametrize("column", [1, 40, 500, 990, 1000])
def test_long_lines_are_clipped_around_the_caret(column: int) -> None:
    """A long line is printed in part, and the caret is under the same character."""
    line = "".join(chr(ord("a") + number % 26) for number in range(1000))
    _, printed, caret = show(line, column)
    assert len(printed) <= WIDTH + 6
    assert printed[len(caret) - 1] == line[column - 1]


def test_a_megabyte_is_not_a_message() -> None:
    """A value of any size leaves the message readable."""
    report = Report()
    report.error((), f"got {'x' * 1_000_000!r}")
    assert len(report.findings[0].text) <= 400


def test_path_text() -> None:
    """A path reads as the keys that lead there, quoted where they are not plain words."""
    assert path_text(("namespaces", "red", "publish", 0)) == "namespaces.red.publish[0]"
    assert path_text(("networks", "br0.1", "x\ny")) == "networks['br0.1']['x\\ny']"


def test_width() -> None:
    """East Asian characters are two columns wide, combining ones none."""
    assert [width(text) for text in ("ab", "日本", "e\u0301", "")] == [2, 4, 1, 0]
