"""What the text of a script speaks of and does not make: the cards of the machine, names and addresses elsewhere."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.values import IPAddress

# Names that udev and the kernel give to cards, systemd.net-naming-scheme(7).
CARD = re.compile(
    r"(?<![\w-])(?:eth\d+|ens\d+\w*|eno\d+|enp\d+s\d+\w*|enX\d+|enx[0-9a-f]{12}|wlan\d+|wlp\d+s\w+|wlo\d+|wwan\d+)(?![\w-])"
)
MADE = r"(?:\badd +(?:dev +|name +|link +\S+ +(?:name +)?)?|\bname +|\baddbr +){}(?![\w-])"
INSIDE = re.compile(r"netns +exec +\S+|\bip +-n\S* +\S+")
ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d./])")
DOMAIN = re.compile(
    r"(?:(?<=//)|(?<![\w@./-]))((?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|de|ru|cn|me|co|uk|edu))(?![\w-]|\.\w)"
)
COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
MOST = 8  # addresses on the internet


@dataclass(frozen=True)
class Spoken:
    """`cards`: the first one is the uplink. `public`: addresses that somebody on the internet is to have."""

    cards: tuple[str, ...]
    names: tuple[str, ...]
    public: tuple[IPAddress, ...]


def spoken(text: str) -> Spoken:
    """Read a script's text."""
    code = COMMENT.sub("", text)
    names = dict.fromkeys(DOMAIN.findall(code))
    public = tuple(dict.fromkeys(_public(code)))
    return Spoken(tuple(_cards(code)), tuple(names), public[:MOST])


def _cards(code: str) -> Iterator[str]:
    for name in dict.fromkeys(CARD.findall(code)):
        if not re.search(MADE.format(re.escape(name)), code) and not _inside(name, code):
            yield name


def _inside(name: str, code: str) -> bool:
    """Whether it is spoken of in namespaces alone."""
    pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    lines = [line for line in code.splitlines() if re.search(pattern, line)]
    return all(INSIDE.search(line) for line in lines)


def _public(code: str) -> Iterator[IPAddress]:
    for text in ADDRESS.findall(code):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if address.is_global and not address.is_multicast:
            yield address
