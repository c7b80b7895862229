"""What is derived from names and subnets: device names, MAC addresses, gateways."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from string import digits

from nsgen.values import DEVICE_BYTES, IPAddress, IPInterface, IPNetwork


def derived_mac(text: str) -> str:
    """A locally administered unicast MAC address that depends on nothing but the text."""
    digest = hashlib.sha256(text.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


KEPT = ("veth", "br")  # words that say what kind of device it is


def device_name(wanted: str) -> str:
    """The name itself if a device can have it; else its words, the longest of them shortened, but for their numbers."""
    words = wanted.split("-")
    while len("-".join(words).encode()) > DEVICE_BYTES:
        heads = [0 if word in KEPT else len(word.rstrip(digits)) for word in words]
        longest = max(range(len(words)), key=lambda index: (heads[index], index))
        if heads[longest] < 2:
            return hashed_name(wanted)
        head, word = heads[longest], words[longest]
        words[longest] = word[: head - 1] + word[head:]
    return "-".join(words)


def hashed_name(wanted: str) -> str:
    """The beginning of a name and a hash of all of it: for one whose shorter form another device has.

    40 bits of the hash make a collision among 10,000 names a matter of one in 20,000; `_Devices` finds it.
    """
    digest = base64.b32encode(hashlib.sha256(wanted.encode()).digest()[:5]).decode().lower()
    return f"{wanted[: DEVICE_BYTES - len(digest) - 1].rstrip('-.')}-{digest}"


def first_host(subnet: IPNetwork) -> IPAddress:
    """Its first address, less the network address, which a prefix of 31 or 127 bits and more has not (RFC 3021)."""
    alone = subnet.prefixlen >= subnet.max_prefixlen - 1
    return subnet.network_address if alone else subnet.network_address + 1


def with_prefix(address: IPAddress, length: int) -> IPInterface:
    """An address with its prefix; of numbers, because `ipaddress` would print and read what is no number, twice."""
    if address.version == 4:
        return ipaddress.IPv4Interface((int(address), length))
    return ipaddress.IPv6Interface((int(address), length))
