"""Where the lab's network namespaces are, and how to make a socket in one of them."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nsgen.values import RESERVED_NODES

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x20000  # linux/sched.h
SCRIPT_NAMESPACES = Path("/run/netns")  # what the script under test makes
LIBC = ctypes.CDLL(None, use_errno=True)
AHEAD = "ns-"  # of a name that means something else in a topology


def node_of(namespace: str) -> str:
    """What a namespace is called as a node, and in a topology."""
    return AHEAD + namespace if namespace in RESERVED_NODES else namespace


def namespace_of(node: str) -> str:
    """What a node is called under /run/netns."""
    own = node.removeprefix(AHEAD)
    return own if node_of(own) == node and not (SCRIPT_NAMESPACES / node).exists() else node


def file_of(node: str) -> Path:
    """The file to enter a node by: one of the lab's own, or a namespace that a script made."""
    own = Path(os.environ["NSGEN_NODES"], node)
    return own if own.exists() else SCRIPT_NAMESPACES / node


def go_into(handle: int) -> None:
    """Put this process into a network namespace, by an open descriptor; raises OSError."""
    if LIBC.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def inside(node: str) -> Iterator[None]:
    """Be in a node: a socket made here belongs to it for good."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        there = os.open(file_of(node), os.O_RDONLY)
        try:
            go_into(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            go_into(home)
    finally:
        os.close(home)


def family_of(address: str) -> socket.AddressFamily:
    """AF_INET or AF_INET6, by the look of a numeric address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def destination(address: str, port: int) -> tuple[object, ...]:
    """What connect(2) takes for a numeric address, ``fe80::1%eth0`` too, in this very node."""
    bare, _, device = address.partition("%")
    if family_of(bare) == socket.AF_INET:
        return (bare, port)
    return (bare, port, 0, socket.if_nametoindex(device) if device else 0)
