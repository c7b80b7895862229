"""Where a question goes: a node or an address, and a port; text in, value out, as in :mod:`nsgen.values`."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast, get_args

from nsgen.values import NAMESPACE, NAMESPACE_LENGTH, IPAddress, address

Transport = Literal["tcp", "udp"]
Question = Literal["ping", "tcp", "udp"]


class Endpoint(NamedTuple):
    """A node by its name, or an address, and empty what it is not; `port` is 0 for a ping."""

    node: str
    address: IPAddress | None
    port: int
    protocol: Question


def node(text: str) -> str:
    """The name of a namespace, or of a node that every topology has."""
    return _node(text, "a namespace, host, outside or internet")


def _node(text: str, expected: str) -> str:
    if not NAMESPACE.fullmatch(text) or len(text) > NAMESPACE_LENGTH:
        raise ValueError(f"expected {expected}, got {text!r}")
    return text


def endpoint(text: str) -> Endpoint:
    """Read a node or an address, which is a ping, or one with ``:PORT[/tcp|udp]``."""
    rest, slash, protocol = text.partition("/")
    if slash and protocol not in get_args(Transport):
        raise ValueError(f"expected tcp or udp after '/', got {protocol!r}")
    where, colon, port = _parts(rest)
    if slash and not colon and ":" in where:
        raise ValueError(
            f"an IPv6 address with a port needs brackets, such as '[2001:db8::10]:53/{protocol}',"
            f" got {text!r}"
        )
    if slash and not colon:
        raise ValueError(f"'/{protocol}' needs a port before it, such as ':53/{protocol}'")
    found = _address(where)
    if found and not rest.startswith("["):
        _refuse_ambiguous(where)
    return Endpoint(
        node="" if found else _node(where, "a node or an address, with or without ':PORT'"),
        address=found,
        port=_port(port) if colon else 0,
        protocol=cast("Question", protocol or "tcp") if colon else "ping",
    )


def _parts(text: str) -> tuple[str, str, str]:
    """What is before the port, the colon, and the port; less the brackets of IPv6."""
    if not text.startswith("["):
        return (text, "", "") if text.count(":") > 1 else text.partition(":")
    where, closed, port = text[1:].partition("]")
    if not closed or ":" not in where or port[:1] not in ("", ":"):
        raise ValueError(
            f"brackets are for an IPv6 address, such as '[2001:db8::10]:80', got {text!r}"
        )
    return where, port[:1], port[1:]


def _refuse_ambiguous(text: str) -> None:
    """Refuse an IPv6 address without brackets that may be meant as a shorter one and a port."""
    shorter, _, port = text.rpartition(":")
    if ":" in shorter and port.isdecimal() and _is_ipv6(shorter):
        raise ValueError(
            f"{text!r} may be port {port} of {shorter}, or an address: write"
            f" '[{shorter}]:{port}' for the port, or '[{text}]' for the address"
        )


def _is_ipv6(text: str) -> bool:
    try:
        return address(text).version == 6
    except ValueError:
        return False


def _address(text: str) -> IPAddress | None:
    """An address that can be asked; None where the text is not meant for one."""
    try:
        found = address(text)
    except ValueError as error:
        if ":" not in text:
            return None
        if "%" in text or "mapped" in str(error):
            raise
        raise ValueError(
            f"expected an IPv6 address, in brackets if a port follows, such as"
            f" '[2001:db8::10]:80', got {text!r}"
        ) from None
    if found.is_multicast or found.is_unspecified or str(found) == "255.255.255.255":
        raise ValueError(f"{text} is no machine's address: give one that somebody can answer on")
    if found.version == 6 and found.is_link_local:
        raise ValueError(f"{text} is on every link: give an address that is there only once")
    return found


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"expected one port behind ':', such as ':80', got {text!r}")
    if len(text) > 5 or not 1 <= int(text) <= 65535:
        raise ValueError(f"ports go from 1 to 65535, got {text!r}")
    return int(text)
