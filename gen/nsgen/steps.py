"""What a plan consists of: steps under headings; and the parts that several of its modules need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nsgen import needs
from nsgen.ops import HOST, Argv, Op, SetSysctl
from nsgen.values import IPV6_MTU


@dataclass(frozen=True)
class Step:
    """A few operations that one comment explains; a `guard` is about packets that come by, of whomever."""

    why: str
    ops: tuple[Op, ...]
    guard: bool = False


@dataclass(frozen=True)
class Section:
    """Steps under one heading."""

    title: str
    why: str
    steps: tuple[Step, ...]


def section(title: str, steps: Iterable[Step], preface: str = "") -> Section:
    """A section of the steps that have anything to do."""
    return Section(title, preface, tuple(step for step in steps if step.ops))


def no_link_local(mtu: int) -> Argv:
    """What keeps a device from making itself an IPv6 address; too small for IPv6, it knows no such setting."""
    return () if 0 < mtu < IPV6_MTU else ("addrgenmode", "none")


def alias(mark: str, device: str, name: str) -> str:
    """Whose a device is; and what it is called, where that is too long for a device's name."""
    return mark if device == name else f"{mark}:{name}"


def device_sysctl(version: int, device: str, key: str, value: str) -> SetSysctl:
    """A parameter of one device; its name may hold a dot, and then the others are written as slashes."""
    parts = ("net", f"ipv{version}", "conf", device, key)
    return SetSysctl(HOST, ("/" if "." in device else ".").join(parts), value)


def sysctl_key(written: str) -> str:
    """A key as sysctl(8) reads it, with dots unless a name in it holds one."""
    slashes = written.replace(".", "/") if "/" not in written else written
    if "/" in written and written.find(".") != -1 and written.find(".") < written.find("/"):
        # sysctl(8): where a dot comes first, dots separate, and a slash stands for a dot in a name.
        slashes = written.translate(str.maketrans("./", "/."))
    if slashes == "net/ipv4/conf/all/forwarding":  # the same switch
        return needs.FORWARD[4]
    return slashes if "." in slashes else slashes.replace("/", ".")
