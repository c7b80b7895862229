"""What the schema admits where a name or a number is wanted: nothing that would have to be quoted."""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata
from collections.abc import Callable

import pytest

from nsgen import values
from nsgen.language import endpoint

# Every kind of value that is printed unquoted somewhere: how it is read, a good one, and what else it may be made of.
KINDS: dict[str, tuple[Callable[[str], object], str, str]] = {
    "topology": (values.topology_name, "demo", "a-z0-9-"),
    "namespace": (values.namespace, "red", "A-Za-z0-9_.-"),
    "range": (values.namespace_key, "red", "A-Za-z0-9_.-"),
    "node": (endpoint.node, "red", "A-Za-z0-9_.-"),
    "device": (values.device, "eth0", "A-Za-z0-9_.-"),
    "existing device": (values.existing_device, "eth0", "A-Za-z0-9_.-"),
    "word": (values.word, "web", "A-Za-z0-9_.-"),
    "variable": (values.variable, "PATH", "A-Za-z0-9_"),
    "sysctl": (values.sysctl, "net.ipv4.ip_forward", "A-Za-z0-9_./:@-"),
    "mac": (values.mac, "02:00:00:00:00:01", "0-9a-f:"),
    "address": (values.address, "192.168.15.1", "0-9a-f.:"),
    "address with prefix": (values.interface_address, "fd00::1/64", "0-9a-f.:/"),
    "subnet": (values.network, "fd00::/64", "0-9a-f.:/"),
    "destination": (values.destination, "10.0.0.0/8", "0-9a-f.:/"),
    "ports": (values.ports, "8000-8010", "0-9-"),
    "integer": (lambda text: values.integer(text, 0, 99_999), "1500", "0-9"),
}


def characters() -> list[str]:
    """Give all characters of one byte, and those of each kind beyond: letters, digits, blanks, marks, quotes."""
    kinds: dict[str, int] = {}
    found = [chr(code) for code in range(0x250)]
    for code in range(0x250, sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] <= 40 or unicodedata.numeric(chr(code), None) == 1:
            found.append(chr(code))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_admitted_needs_no_quotes(kind: str) -> None:
    """Whatever character is put before, into or behind a value: if it is admitted, no quotes are needed for it."""
    parse, good, allowed = KINDS[kind]
    fine = re.compile(f"[{allowed}]+")
    bad = []
    for character in characters():
        for text in (
            character,
            character + good,
            good + character,
            good[:2] + character + good[2:],
            good + "\n" + character,
        ):
            try:
                read = str(parse(text))
            except ValueError:
                continue
            if not fine.fullmatch(read) or read.startswith("-") or shlex.quote(read) != read:
                bad.append((text, read))
    assert bad == []
    assert str(parse(good)) == good


@pytest.mark.parametrize("kind", ["device", "existing device", "namespace", "node", "word"])
def test_long_names_are_refused(kind: str) -> None:
    """A name that is longer than the kernel takes, or than a file's name with what is added to it, is refused."""
    parse, _, _ = KINDS[kind]
    longest = 15 if "device" in kind else 64
    assert parse("x" * longest) == "x" * longest
    with pytest.raises(ValueError, match="x"):
        parse("x" * (longest + 1))


def test_nul_is_refused() -> None:
    """No argument of a command can hold a NUL byte, so none is taken."""
    for read in (values.free_text, values.line):
        with pytest.raises(ValueError, match=r"NUL|printable"):
            read("a\0b")
