"""The sorts of single values that a topology is made of, and what editors are told of them."""

from __future__ import annotations

from nsgen import values
from nsgen.language import described
from nsgen.language.described import text
from nsgen.language.endpoint import node
from nsgen.language.schema import Scalar
from nsgen.values import IPAddress, IPInterface, IPNetwork

# YAML's own types, for editors: `8080` is a number to them, and text to nsgen.
TEXT_OR_NUMBER = {"type": ["string", "number", "boolean"]}
STRING = {"type": "string"}


def number(least: int, most: int, title: str = "") -> Scalar[int]:
    """A whole number between two others."""
    return Scalar(
        lambda text: values.integer(text, least, most),
        {
            **({"title": title} if title else {}),
            "type": "integer",
            "minimum": least,
            "maximum": most,
        },
    )


def sysctl_path(written: str) -> str:
    """Where a parameter is below /proc/sys: the separator that comes first separates, sysctl(8)."""
    if "/" in written and ("." not in written or written.index("/") < written.index(".")):
        return written
    return written.translate(str.maketrans("./", "/."))


FREE_TEXT = Scalar(values.free_text, TEXT_OR_NUMBER)
LINE = Scalar(values.line, TEXT_OR_NUMBER)
BOOLEAN = Scalar(values.boolean, {"title": "switch", "type": "boolean"})
TOPOLOGY_NAME = Scalar(
    values.topology_name,
    text(
        "name",
        described.plain(values.TOPOLOGY_NAME),
        "a lower-case letter, then at most 14 of a-z, 0-9 and -",
    ),
)
NAMESPACE_KEY = Scalar(
    values.namespace_key,
    text(
        "namespaces",
        described.NODE,
        "a namespace's name, or NAME[1-100]: letters, digits, _, . and -",
    ),
)
DEVICE = Scalar(
    values.device,
    described.name(
        "device", described.DEVICE, "a device's name: at most 15 letters, digits, _, . and -"
    ),
)
ROUTE_DEVICE = Scalar(values.existing_device, DEVICE.schema)
NODE = Scalar(
    node, described.name("node", described.NODE, "a namespace, host, outside or internet")
)
WORD = Scalar(
    values.word,
    described.name("word", described.NODE, "letters, digits, _, . and -"),
)
SERVICE = Scalar(
    values.service,
    text("service", "[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "letters, digits, _ and -"),
)
SYSCTL = Scalar(
    values.sysctl,
    text(
        "sysctl",
        described.plain(values.SYSCTL),
        "the name of a sysctl, such as net.ipv4.ip_forward",
    ),
)
SYSCTL_VALUE = Scalar(values.sysctl_value, TEXT_OR_NUMBER)
MAC = Scalar(
    values.mac,
    text(
        "MAC",
        "[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}",
        "a unicast MAC address such as 02:00:00:00:00:01",
    ),
)
SUBNET: Scalar[IPNetwork] = Scalar(
    values.network, text("subnet", described.CIDR, "a subnet such as 192.168.15.0/24")
)
ADDRESS: Scalar[IPAddress] = Scalar(
    values.address, text("address", described.IP, "an address such as 192.168.15.1")
)
INTERFACE_ADDRESS: Scalar[IPAddress | IPInterface] = Scalar(
    values.interface_address,
    text(
        "interface-address",
        f"({described.IP}|{described.CIDR})",
        "an address such as 192.168.15.2, or with its prefix, 192.168.15.2/24",
    ),
)
DESTINATION: Scalar[IPNetwork | None] = Scalar(
    values.destination,
    text(
        "destination",
        f"(default|{described.IP}|{described.CIDR})",
        "default, a subnet such as 10.0.0.0/8, or an address",
    ),
)
SOURCE: Scalar[IPNetwork] = Scalar(
    values.source,
    text(
        "source",
        f"({described.IP}|{described.CIDR})",
        "a subnet such as 10.0.0.0/8, or an address",
    ),
)
PORTS = Scalar(
    values.ports,
    {
        **text("ports", described.PORTS, "a port from 1 to 65535, or a range such as 8000-8010"),
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": 65535,
    },
)
ONE_PORT = number(1, 65535, "one-port")
MTU = number(68, 65535, "MTU")
UINT32 = number(1, 2**32 - 1, "number")
