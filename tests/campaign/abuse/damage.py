"""What becomes of a topology in careless hands: its data broken, or its text mangled."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

# Values that hardly any key takes; each is the text, too, that is put in place of a key.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 2**63, 10**40, -(2**31), 65536, float("inf"), "x" * 5000),
    *(
        "",
        " ",
        "null",
        "~",
        "é",
        "a\nb",
        "a b",
        "\t",
        "0x10",
        "1e3",
        "07",
        "1_0",
        "+1",
        "日本",
        "²",
    ),
    *(
        "::",
        "1.2.3.4/33",
        "0.0.0.0/0",
        "::/0",
        "fe80::1%eth0",
        "1.2.3.4/255.0.0.0",
        "::ffff:1.2.3.4",
    ),
    *(
        "10.0.0.0/8",
        "255.255.255.255",
        "ff02::1",
        "127.0.0.1/8",
        "10.0.0.1/32",
        "fd00::/127",
        "::1",
    ),
    *("[1-2]", "a[1-2]", "a[5-1]", "a[1-99999999999]", "a[1-2000]", "a[1-2][3-4]", "a[", "[]", "]"),
    *("host", "lo", "all", "default", "outside", "..", "-", "-x", "a" * 16, "true", "false", "on"),
    *("8080:80", "80", "8000-9000:1-2", "9-1:9-1", "[::1]:1:1", "1:1/icmp", "::1:1:1", "1-65535"),
    *(
        "net.ipv4.ip_forward",
        "net..x",
        "kernel.panic",
        "=",
        "a=b",
        "<<",
        "*a",
        "&a",
        "!a",
        "\ufeff",
    ),
    *([], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": {"c": [{}]}}}, [[[[[]]]]], ["x"] * 1000),
    *(
        {"address": "10.0.0.2"},
        {"to": "default"},
        {"published": 1, "target": 1},
        {"command": ["x"]},
    ),
)
SNIPPETS = (
    *(
        ": ",
        "- ",
        "\t",
        "'",
        '"',
        "&a ",
        "*a",
        "*b ",
        "<<: *a",
        "<<: {a: b}\n",
        "!!str ",
        "!!binary ",
    ),
    *(
        "!!python/object/apply:os.system [id]",
        "! ",
        "{",
        "}",
        "[",
        "]",
        "|",
        ">-",
        "#",
        "%YAML 1.1\n",
    ),
    *(
        "@",
        "`",
        "---\n",
        "...\n",
        "? ",
        ",",
        "\\",
        '"\\x00"',
        '"\\ud800"',
        '"\\U00110000"',
        "\\u12",
    ),
    *(
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "\r",
        "\n",
        "\x1b[31m",
        "\x7f",
        "\u202e",
        "é",
        "🦀",
        "\ufffe",
    ),
    *(
        "a: &a [*a]\n",
        "a: &a [x, x]\nb: &b [*a, *a]\n",
        "name: again\n",
        "null",
        "~",
        " ",
        "      ",
    ),
)
BYTES = (b"\xff", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\0", b"\xc0\x80")

Place = tuple[Any, Any]  # a map or a list, and a key or an index in it


def broken(rng: random.Random, data: Any) -> Any:
    """Break the data in a few places."""
    data = deepcopy(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        places = list(_places(data))
        if places:
            breaking = rng.choice((_replace, _replace, _refer, _delete, _misspell, _repeat, _move))
            breaking(rng, places)
    return data if rng.random() < 0.98 else rng.choice(ODD)


def _places(data: Any) -> Iterator[Place]:
    """Everything below some data."""
    steps: Any = list(data) if isinstance(data, dict) else []
    if isinstance(data, list):
        steps = range(len(data))
    for step in steps:
        yield data, step
        yield from _places(data[step])


def _replace(rng: random.Random, places: list[Place]) -> None:
    """Put an odd value in place of another."""
    node, step = rng.choice(places)
    node[step] = deepcopy(rng.choice(ODD))


def _refer(rng: random.Random, places: list[Place]) -> None:
    """Put in place of a value a name or a value that stands elsewhere, or nearly."""
    node, step = rng.choice(places)
    other, key = rng.choice(places)
    found = key if isinstance(other, dict) and rng.random() < 0.5 else deepcopy(other[key])
    node[step] = f"{found}x" if isinstance(found, str) and rng.random() < 0.3 else found


def _delete(rng: random.Random, places: list[Place]) -> None:
    node, step = rng.choice(places)
    del node[step]


def _misspell(rng: random.Random, places: list[Place]) -> None:
    """Put another key in place of a key; the value stays."""
    keyed = [(node, step) for node, step in places if isinstance(node, dict)]
    if not keyed:
        return
    node, step = rng.choice(keyed)
    word, at = str(step), rng.randrange(len(str(step)) + 1)
    odd = rng.choice(ODD)
    spelt = rng.choice(
        (
            *(word[:at] + word[at + 1 :], word[:at] + word[at : at + 1] * 2 + word[at + 1 :]),
            *(word.upper(), f"{word}s", f" {word}", word.replace("_", "-")),
            odd if isinstance(odd, str | int | float | None) else str(odd),
        )
    )
    value = node.pop(step)
    node[spelt] = value


def _repeat(rng: random.Random, places: list[Place]) -> None:
    """Have something twice: in a list, or under another name."""
    node, step = rng.choice(places)
    if isinstance(node, list):
        node.extend(deepcopy(node[step]) for _ in range(rng.choice((1, 1, 300))))
    else:
        node[f"{step}{rng.choice(('x', '2', '[1-2]'))}"] = deepcopy(node[step])


def _move(rng: random.Random, places: list[Place]) -> None:
    """Put a part elsewhere, and perhaps leave it where it was, too."""
    node, step = rng.choice(places)
    found = deepcopy(node[step])
    if rng.random() < 0.7:
        del node[step]
    targets = [other for other, key in places if other is not node]
    if targets:
        target = rng.choice(targets)
        if isinstance(target, list):
            target.insert(rng.randrange(len(target) + 1), found)
        else:
            target[step] = found


def mangled(rng: random.Random, text: str) -> bytes:
    """Mangle the text in a few places, and perhaps the bytes that it becomes."""
    for _ in range(rng.choice((1, 1, 1, 2, 15))):
        text = rng.choice(MANGLINGS)(rng, text)
    data = rng.choice(ENCODINGS)(text) if rng.random() < 0.2 else text.encode()
    if rng.random() < 0.15:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(BYTES) + data[at + rng.choice((0, 0, 1)) :]
    return data


def _slice(rng: random.Random, text: str) -> tuple[int, int]:
    begin = rng.randrange(len(text) + 1)
    return begin, min(len(text), begin + rng.choice((1, 1, 2, 5, 30, 300)))


def _cut(rng: random.Random, text: str) -> str:
    begin, end = _slice(rng, text)
    return text[:begin] + text[end:]


def _insert(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(SNIPPETS) + text[at:]


def _double(rng: random.Random, text: str) -> str:
    begin, end = _slice(rng, text)
    return text[:end] + text[begin:end] * rng.choice((1, 1, 100)) + text[end:]


def _swap(rng: random.Random, text: str) -> str:
    """Exchange two characters."""
    begin, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    return (
        text[:begin]
        + text[end : end + 1]
        + text[begin + 1 : end]
        + text[begin : begin + 1]
        + (text[end + 1 :])
    )


def _truncate(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _lines(rng: random.Random, text: str) -> str:
    """Move, repeat or indent a line."""
    lines = text.splitlines(keepends=True) or [""]
    line = rng.choice(lines)
    at = rng.randrange(len(lines))
    changed = rng.choice((line, f" {line}", f"\t{line.lstrip()}", line.lstrip(), line.rstrip("\n")))
    lines[at : at + rng.choice((0, 1))] = [changed]
    return "".join(lines)


def _retype(rng: random.Random, text: str) -> str:
    """Put an anchor, an alias, a tag or a quote before one value."""
    ends = [at + 1 for at, char in enumerate(text) if char in ":-" and text[at + 1 : at + 2] == " "]
    at = rng.choice(ends) if ends else 0
    return (
        text[:at] + " " + rng.choice(("&a", "*a", "!!int", "!x", "'", '"', "|", "<<:")) + text[at:]
    )


def _nest(rng: random.Random, text: str) -> str:
    """Put something deep or wide before a line."""
    lines = text.splitlines(keepends=True)
    deep = rng.choice(
        ("[" * 5000, "{a: " * 60, "- " * 3000, "? " * 500, "#" * 9999, "[" * 40 + "]" * 40)
    )
    lines.insert(rng.randrange(len(lines) + 1), f"{rng.choice(('', 'x: '))}{deep}\n")
    return "".join(lines)


MANGLINGS: tuple[Callable[[random.Random, str], str], ...] = (
    *(_cut, _cut, _insert, _insert, _insert, _double, _swap, _truncate, _lines, _lines, _retype),
    *(_retype, _nest),
)
ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    lambda text: text.encode("utf-16"),
    lambda text: text.encode("utf-16-le"),
    lambda text: text.encode("utf-16-be"),
    lambda text: text.encode("utf-32"),
    lambda text: text.encode("latin-1", "replace"),
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: text.replace("\n", "\r").encode(),
    lambda text: text.replace("  ", "\t").encode(),
)
