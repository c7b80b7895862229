"""What runs in a node, as its author wrote it: services with the names that they look up, and commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from nsgen import values
from nsgen.language import described
from nsgen.language.scalars import (
    ADDRESS,
    FREE_TEXT,
    LINE,
    WORD,
)
from nsgen.language.schema import (
    Choice,
    ListOf,
    MapOf,
    Record,
    Scalar,
    key,
)
from nsgen.language.shapes import ByShape, Mapped
from nsgen.values import IPAddress

Restart = Literal["always", "on-failure"]
WITHIN = 30  # seconds
LONGEST = 300
UNIT = re.compile(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.service")
UNIT_NAME = 255  # letters, systemd.unit(5)
OTHER_UNITS = ("socket", "timer", "target", "mount", "path", "slice", "scope", "device", "swap")


@dataclass(frozen=True)
class Dns:
    """/etc/netns/NAME/resolv.conf, which `ip netns exec` shows as /etc/resolv.conf."""

    nameservers: tuple[IPAddress, ...] = key(
        ListOf(ADDRESS, lone=True), "Addresses of name servers, resolv.conf(5).", default=()
    )
    search: tuple[str, ...] = key(
        ListOf(WORD, lone=True), "Domains to try a short name in.", default=()
    )
    options: tuple[str, ...] = key(
        ListOf(LINE, lone=True), "Options such as ndots:1, resolv.conf(5).", default=()
    )


def _port(text: str) -> tuple[int, str]:
    """A port that somebody listens on, with its protocol."""
    number, slash, protocol = text.partition("/")
    if protocol == "sctp":
        raise ValueError("who listens for SCTP is not told: give a 'command' that asks")
    if not number.isdecimal() or (slash and protocol not in ("tcp", "udp")):
        raise ValueError(f"expected a port such as 80, 80/tcp or 53/udp, got {text!r}")
    return values.integer(number, 1, 65535), protocol or "tcp"


def _seconds(text: str) -> int:
    """A time in seconds."""
    number = text.removesuffix("s")
    if number == text or not number.isdecimal() or not 1 <= int(number[:9]) <= LONGEST:
        raise ValueError(f"expected a time from 1s to {LONGEST}s such as 10s, got {text!r}")
    return int(number)


def _unit(text: str) -> str:
    """The name of a service unit, systemd.unit(5)."""
    kind = text.rpartition(".")[2]
    if kind in OTHER_UNITS:
        raise ValueError(f"{text!r} is a {kind} unit, which runs nothing: name the service")
    if not UNIT.fullmatch(text) or len(text) > UNIT_NAME:
        meant = f": do you mean '{text}.service'?" if UNIT.fullmatch(f"{text}.service") else ""
        raise ValueError(
            f"expected the name of a service unit, such as nginx.service, got {text!r}{meant}"
        )
    return text


READY_PORT = Scalar(
    _port,
    {
        **described.text("ready-port", "[0-9]{1,5}(/(tcp|udp))?", "a port such as 80 or 53/udp"),
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": 65535,
    },
)
SERVICE_UNIT = Scalar(
    _unit,
    described.text(
        "unit", described.plain(UNIT), "the name of a service unit, such as nginx.service"
    ),
)
STARTED_BEFORE = described.text(
    "service-of",
    r"([A-Za-z0-9_][A-Za-z0-9_.-]*(\[[0-9]+-[0-9]+\])?\.)?[A-Za-z0-9_][A-Za-z0-9_-]{0,63}",
    "a service, or NODE.SERVICE",
)
SECONDS = Scalar(
    _seconds, described.text("seconds", "[0-9]{1,3}s", f"a time from 1s to {LONGEST}s such as 10s")
)


@dataclass(frozen=True)
class Ready:
    """By what a service is known to be ready: a port, or a command."""

    port: tuple[int, str] | None = key(
        READY_PORT,
        "Ready when somebody listens on it in the node: 80, 80/tcp or 53/udp.",
        default=None,
    )
    command: tuple[str, ...] = key(
        ListOf(FREE_TEXT),
        "Ready when this program ends with 0, run as the service is; no shell.",
        default=(),
    )
    within: int = key(
        SECONDS,
        f"How long up waits for it, at most {LONGEST}s. Default: {WITHIN}s.",
        default=WITHIN,
    )


@dataclass(frozen=True)
class Service:
    """A process that `up` starts in the node and `down` stops."""

    command: tuple[str, ...] = key(ListOf(FREE_TEXT), "The program and its arguments; no shell.")
    directory: str | None = key(FREE_TEXT, "Where it runs. Default: /.", default=None)
    environment: Mapping[str, str] = key(
        MapOf(
            Scalar(
                values.variable,
                described.text(
                    "variable",
                    described.plain(values.VARIABLE),
                    "the name of an environment variable",
                ),
            ),
            FREE_TEXT,
        ),
        "Environment variables.",
        default_factory=dict,
    )
    user: str | None = key(
        WORD, "Who runs it; in a namespace it may listen on any port. Default: root.", default=None
    )
    restart: Restart | None = key(
        Choice[Restart](get_args(Restart)),
        "Start it again when it ends: always, or on-failure, with another status than 0. Default: it stays ended.",
        default=None,
    )
    after: tuple[str, ...] = key(
        ListOf(Scalar(values.service_of, STARTED_BEFORE), lone=True),
        "Started once these are, and are ready: SERVICE of the same node, or NODE.SERVICE.",
        default=(),
    )
    ready: Ready | None = key(
        ByShape[Ready](
            text=Mapped(READY_PORT, lambda port: Ready(port=port)),
            items=Mapped(ListOf(FREE_TEXT), lambda command: Ready(command=command)),
            record=Record(Ready),
        ),
        "What up waits for: a port, a command as a list, or a map with within.",
        default=None,
    )


@dataclass(frozen=True)
class Exec:
    """Commands of the author's own, run in the node after everything else is there."""

    up: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that up runs; no shell.", default=())
    down: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that undoes it.", default=())
