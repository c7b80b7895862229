"""What runs in a node, as its author wrote it: services with the names that they look up, and commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nsgen import values
from nsgen.language import described
from nsgen.language.scalars import (
    ADDRESS,
    FREE_TEXT,
    LINE,
    WORD,
)
from nsgen.language.schema import (
    ListOf,
    MapOf,
    Scalar,
    key,
)
from nsgen.values import IPAddress


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


@dataclass(frozen=True)
class Exec:
    """Commands of the author's own, run in the node after everything else is there."""

    up: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that up runs; no shell.", default=())
    down: tuple[str, ...] = key(ListOf(FREE_TEXT), "The command that undoes it.", default=())
