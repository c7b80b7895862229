"""The JSON Schema of `nsgen inspect --format json`: every key is always there."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _texts(about: str) -> Schema:
    return {"type": "array", "items": TEXT, "description": about}


def _map(about: str) -> Schema:
    return {"type": "object", "additionalProperties": TEXT, "description": about}


def _text(about: str) -> Schema:
    return {"type": "string", "description": about}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DEVICE = _object(
    name=TEXT,
    kind=_text("As `ip link` has it (veth, bridge, vlan, …), or physical or loopback."),
    mac=_text("Empty where the kernel chooses."),
    mtu={"type": "integer", "description": "In bytes; 0 where the kernel chooses."},
    network=_text("The network that it leads to, or empty."),
    peer={
        "description": "The other end of a cable.",
        "anyOf": [{"type": "null"}, _object(node=TEXT, device=TEXT)],
    },
    on=_text("The device that it is made on, or empty."),
    master=_text("The bridge, bond or VRF that it is a port of, or empty."),
    addresses=_texts("With prefixes; `peer …` behind one that has a peer."),
    neighbours=_texts("Permanent ones, with MAC addresses, or proxied ones."),
    impair=_text("Words of tc-netem(8), or empty."),
)
SERVICE = _object(
    name=TEXT,
    command=_texts("The program and its arguments."),
    directory=TEXT,
    environment=_map("Its environment variables."),
    user=_text("Empty for root."),
    after=_texts("What it is started after: NODE.SERVICE."),
    restart=_text("always or on-failure, or empty."),
    ready=_texts("PORT/PROTOCOL, or a command; empty: it is not waited for."),
)
NODE = _object(
    name=_text("`host`, or a namespace's name."),
    devices=_list(DEVICE),
    routes=_texts("As ip-route(8) reads them."),
    rules=_texts("As ip-rule(8) reads them."),
    parameters=_map("Kernel parameters, sysctl(8)."),
    services=_list(SERVICE),
    commands={"type": "array", "items": _list(TEXT), "description": "What `exec` runs in it."},
    files=_texts("Files that are written for it."),
)
NETWORK = _object(
    name=TEXT,
    subnets=_list(TEXT),
    gateways=_texts("The host's addresses in it."),
    internet=FLAG,
    masquerade=FLAG,
    isolate=FLAG,
    published_ports=_text("Which published ports answer its members: all, or own."),
    members=_texts("The namespaces on it, in the order of the topology."),
)
PUBLISHED = _object(
    node=_text("Who answers."),
    address=_text("Its address, of one IP version."),
    published=_text("The port of the host, or a range."),
    target=_text("The port of the node, or a range."),
    protocol=TEXT,
    host_ip=_text("The address of the host that it is published on; empty: all of them."),
    reach=_texts("Who can use it: outside, host, loopback, network, self."),
    via=_text("dnat or proxy."),
)

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "what a topology comes to, as nsgen inspect tells it",
    **_object(
        topology=_text("Its name."),
        nodes={"type": "array", "items": NODE, "description": "The host first."},
        networks=_list(NETWORK),
        published=_list(PUBLISHED),
        modules=_texts("Kernel modules that the host loads."),
    ),
}
