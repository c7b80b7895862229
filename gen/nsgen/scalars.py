"""The sorts of single values that a topology is made of, and what editors are told of them."""

from __future__ import annotations

from nsgen import values
from nsgen.endpoint import node
from nsgen.schema import Scalar

# YAML's own types, for editors: `8080` is a number to them, and text to nsgen.
TEXT_OR_NUMBER = {"type": ["string", "number", "boolean"]}
STRING = {"type": "string"}


def number(least: int, most: int) -> Scalar:
    """A whole number between two others."""
    return Scalar(
        lambda text: values.integer(text, least, most),
        {"type": "integer", "minimum": least, "maximum": most},
    )


FREE_TEXT = Scalar(values.free_text, TEXT_OR_NUMBER)
LINE = Scalar(values.line, TEXT_OR_NUMBER)
BOOLEAN = Scalar(values.boolean, {"type": "boolean"})
TOPOLOGY_NAME = Scalar(
    values.topology_name, {"type": "string", "pattern": f"^{values.TOPOLOGY_NAME.pattern}$"}
)
NAMESPACE_KEY = Scalar(values.namespace_key, STRING)
DEVICE = Scalar(
    values.device,
    {"type": "string", "pattern": f"^{values.DEVICE.pattern}$", "maxLength": values.DEVICE_BYTES},
)
ROUTE_DEVICE = Scalar(values.existing_device, STRING)
NODE = Scalar(node, STRING)
WORD = Scalar(values.word, STRING)
SERVICE = Scalar(values.service, STRING)
SYSCTL = Scalar(values.sysctl, STRING)
SYSCTL_VALUE = Scalar(values.sysctl_value, TEXT_OR_NUMBER)
MAC = Scalar(values.mac, {"type": "string", "pattern": "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"})
SUBNET = Scalar(values.network, STRING)
ADDRESS = Scalar(values.address, STRING)
INTERFACE_ADDRESS = Scalar(values.interface_address, STRING)
DESTINATION = Scalar(values.destination, STRING)
PORTS = Scalar(values.ports, {"type": ["integer", "string"]})
MTU = number(68, 65535)
UINT32 = number(1, 2**32 - 1)
