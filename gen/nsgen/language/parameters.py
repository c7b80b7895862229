"""Kernel parameters as their author wrote them: those under `net` are read as the kernel would, and show again so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from nsgen.language.scalars import sysctl_path
from nsgen.report import Path, Report, nearest
from nsgen.values import integer, ports
from nsgen.words import either

PER_DEVICE = ("conf", "neigh")  # folders with one for each device
NUMBER = re.compile(r"-?(0x[0-9a-fA-F]+|0|[1-9][0-9]*)")
SPAN = re.compile(r"(-?[0-9]+)\.\.([0-9]+)")
MACHINE = "machine: "  # before what is taken by one that no namespace has
KEY = "[0-9a-f]{8}(-[0-9a-f]{8}){3}"
MOST = 2**31 - 1
SECONDS = MOST // 1000  # the kernel counts ticks, of which a second has 1000 at most
# Of ticks, a second has 100, 250, 300 or 1000: every one of them shows multiples of this unchanged.
STEPS = {"ms": 20, "ticks": 2}


class Parameter(NamedTuple):
    """A parameter under `net`: its folder less the device, the device, its name."""

    folder: str
    device: str
    name: str

    @property
    def kind(self) -> str:
        """The values that are taken, in the words of the table; nothing where it is not known."""
        if self.folder.endswith(PER_DEVICE) and not self.device:
            return ""
        return self._entry.removeprefix(MACHINE)

    @property
    def of_machine(self) -> bool:
        """Whether only the machine has it, and no namespace."""
        return self._entry.startswith(MACHINE)

    @property
    def _entry(self) -> str:
        return _known().get(self.folder, {}).get(self.name, "")


def parameter(sysctl: str) -> Parameter | None:
    """What a key names, if it is a parameter under `net`."""
    parts = sysctl_path(sysctl).split("/")
    if parts[0] != "net" or len(parts) < 2:
        return None
    if len(parts) == 5 and parts[2] in PER_DEVICE:
        return Parameter("/".join(parts[1:3]), parts[3], parts[4])
    return Parameter("/".join(parts[1:-1]), "", parts[-1])


@cache
def _known() -> dict[str, dict[str, str]]:
    """By folder, what each name takes."""
    from nsgen.language.parameter_table import TABLE  # few topologies need it

    return {
        folder: {name: kind for kind, names in kinds.items() for name in names.split()}
        for folder, kinds in TABLE.items()
    }


def unknown(found: Parameter) -> str:
    """That a parameter is not known, and which may be meant; nothing where it is, or its folder is not."""
    known, first = _known(), found.folder.split("/")[0]
    elsewhere = next((folder for folder, names in known.items() if found.name in names), "")
    if found.kind:
        return ""
    if elsewhere and (first not in known or found.folder in known):
        device = ("all",) if elsewhere.endswith(PER_DEVICE) else ()
        near = f"; did you mean {'.'.join(('net', *elsewhere.split('/'), *device, found.name))!r}?"
    elif found.folder in known:
        near = nearest(found.name, known[found.folder])
    else:
        near = nearest(first, {folder.split("/")[0] for folder in known} - {first})
        if first in known or not near:  # of a module that the table leaves out
            return ""
    return f"there is no such parameter in Linux 6.18{near}"


# -- values -------------------------------------------------------------------------------------


def _number(text: str) -> int:
    if not NUMBER.fullmatch(text):
        octal = re.fullmatch(r"0[0-7]+", text)
        why = f": the kernel takes it for octal, {int(text, 8)}" if octal else ""
        raise ValueError(f"expected a whole number, got {text!r}{why}")
    return int(text, 16 if "x" in text else 10)


def _within(text: str, least: int, most: int, step: int = 1) -> str:
    allowed = f"a whole number from {least} to {most}"
    if most <= 1 and least >= 0:
        allowed = "0 or 1" if least < most else str(most)
    try:
        number = _number(text)
    except ValueError as error:
        why = str(error).partition(": the kernel")
        raise ValueError(f"expected {allowed}, got {text!r}{''.join(why[1:])}") from None
    if not least <= number <= most:
        raise ValueError(f"expected {allowed}, got {text!r}")
    if number % step:
        raise ValueError(
            f"the kernel counts in ticks, and would show {number} as another number on some"
            f" machines: give a multiple of {step}"
        )
    return str(number)


def _one_of(words: list[str], text: str) -> str:
    if text not in words:
        raise ValueError(f"expected {either(words)}, got {text!r}")
    return text


def _several(count: int, least: int, most: int, text: str) -> str:
    words = text.split()
    if len(words) != count:
        raise ValueError(f"expected {count} numbers with a blank between them, got {text!r}")
    found = [_within(word, least, most) for word in words]
    if count == 2 and int(found[0]) > int(found[1]) and found != ["1", "0"]:
        raise ValueError(f"the range {text!r} counts down: write {found[1]} {found[0]}")
    return " ".join(found)


def _ranges(text: str) -> str:
    """A list of numbers, such as ``1-3,8``, as the kernel prints it: in order, each run of them as one range."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(map(_range, text.split(","))):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def _range(text: str) -> tuple[int, int]:
    if text == "0" or text.startswith("0-"):
        return 0, integer(text[2:] or "0", 0, 65535)
    one = ports(text)
    return one.first, one.last


def _words(text: str) -> str:
    return " ".join(text.split())


def _key(text: str) -> str:
    if not re.fullmatch(f"{KEY}(,{KEY})?", text.lower()):
        raise ValueError(f"expected a key such as {'-'.join(['01234567'] * 4)}, got {text!r}")
    return text.lower()


def _free(text: str) -> str:
    """Numbers with single blanks between them, as the kernel prints them; else what was written."""
    words = text.split()
    return " ".join(words) if all(re.fullmatch(r"-?[0-9]+", word) for word in words) else text


def _refuse(text: str) -> Callable[[str], str]:
    def refuse(_: str) -> str:
        raise ValueError(text)

    return refuse


def reader(found: Parameter) -> Callable[[str], str]:
    """What reads a value of a parameter, and gives it as the kernel prints it."""
    kind = found.kind
    if found.name == "tcp_fastopen_key":
        return _key
    if kind in STEPS:
        return lambda text: _within(text, 0, SECONDS * 1000, STEPS[kind])
    count, several, span = kind.rpartition(" of ")
    limits = SPAN.fullmatch(span)
    if limits is not None:
        least, most = int(limits[1]), int(limits[2])
        if several:
            return lambda text: _several(int(count), least, most, text)
        return lambda text: _within(text, least, most)
    if "," in kind:
        return lambda text: _one_of(kind.split(","), text)
    readers: dict[str, Callable[[str], str]] = {
        "seconds": lambda text: _within(text, 0, SECONDS),
        "ranges": _ranges,
        "text": _words,
        "read-only": _refuse("this parameter tells something, and cannot be set: remove it"),
        "unreadable": _refuse(
            "this parameter cannot be read until it is set: set it with a command under 'exec'"
        ),
    }
    return readers.get(kind, _free)


def as_printed(found: Mapping[str, str], path: Path, report: Report) -> Iterator[tuple[str, str]]:
    """Each parameter with its value as the kernel prints it; errors and warnings are filed for the rest."""
    for key, text in found.items():
        one = parameter(key)
        why = unknown(one) if one is not None else ""
        if why:
            report.warning((*path, key), why, on_key=True)
        try:
            yield key, (reader(one) if one is not None else _free)(text)
        except ValueError as error:
            report.error((*path, key), str(error))
