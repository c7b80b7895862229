"""Every name of a device that a topology has stands in its script, or the topology is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from nsgen.compiler import compile_topology
from nsgen.language.kinds import kinds
from nsgen.plan.make import make_plan
from nsgen.script import targets

# The keys by which a kind names other devices, each with how it is written.
NAMING = {
    "link": "link: seven7",
    "ports": "ports: [seven7]",
}
# What else each kind needs.
NEEDED = {
    "vlan": "id: 7",
    "vxlan": "id: 7, remote: 10.0.0.7",
    "vrf": "table: 7",
}
KINDS = [
    (kind, key)
    for kind, made in kinds().items()
    for key in NAMING
    if key in made.__dataclass_fields__
]


def interfaces() -> Iterator[str]:
    """Each key of each kind that names a device, on the host and in a namespace, of the host and of its own."""
    for kind, key in KINDS:
        one = f"{{type: {kind}, {NAMING[key]}, {NEEDED.get(kind, '')}}}"
        yield f"host: {{interfaces: {{new0: {one}}}}}"
        yield f"namespaces: {{red: {{interfaces: {{new0: {one}}}}}}}"
        yield (
            f"links: [{{endpoints: ['red:seven7', 'blue:a']}}]\n"
            f"namespaces: {{red: {{interfaces: {{new0: {one}}}}}, blue: {{}}}}"
        )
        if key == "link":
            far = one.replace("seven7", "'host:seven7'")
            yield f"namespaces: {{red: {{interfaces: {{new0: {far}}}}}}}"


OTHERS = (
    "host: {interfaces: {br0: {type: bridge, ports: {seven7: {hairpin: true, isolated: true}}}}}",
    "host: {interfaces: {br0: {type: bridge, vlan_filtering: true, ports: {seven7: {untagged: 7}}}}}",
    "networks: {front: {ports: [seven7]}}",
    "networks: {front: {isolate: true, ports: {seven7: {hairpin: true, isolated: true}}}}",
    "networks: {front: {ports: [seven7]}}\nhost: {interfaces: {seven7: {type: dummy}}}",
    "host: {interfaces: {bond7: {type: vrf, table: 7, ports: [seven7]}}}\nnetworks: {seven7: {}}",
    "namespaces: {red: {interfaces: {seven7: {type: physical}}}}",
    "namespaces: {red: {interfaces: {seven7: {type: physical}}}}\nhost: {interfaces: {seven7: {type: dummy}}}",
    "host: {routes: [{to: 10.7.0.0/24, dev: seven7}]}",
    "host: {routes: [{to: 10.7.0.0/24, nexthops: [{dev: seven7}, {dev: eth0}]}]}",
    "host: {rules: [{iif: seven7, table: 7}]}",
    "host: {rules: [{oif: seven7, table: 7}]}",
    "host: {nat: [{masquerade: seven7}]}",
    "host: {nat: [{snat: 192.0.2.7, out: seven7}]}",
    "host: {nat: [{dnat: 192.0.2.7, in: seven7}]}",
    "host: {nat: [{redirect: 80, in: seven7}]}",
    "host: {nat: [{tproxy: 80, in: seven7}]}",
    "networks: {seven7: {}}",
    "networks: {a: {}}\nnamespaces: {red: {networks: {a: {peer: seven7}}}}",
    "networks: {a: {}}\nnamespaces: {red: {networks: {a: {interface: seven7}}}}",
    "links: [{endpoints: ['host:seven7', 'red:a']}]\nnamespaces: {red: {}}",
)


@pytest.mark.parametrize("text", [*interfaces(), *OTHERS])
def test_no_device_is_left_out(text: str) -> None:
    """What is accepted has the device in it."""
    found = compile_topology("t.yaml", f"name: t\n{text}\n".encode())
    if found.topology is None:
        assert found.findings()
        return
    own = (
        targets.script(make_plan(found.topology))
        .partition("\ntopology() {")[2]
        .partition("\n}\n")[0]
    )
    lines = [line for line in own.splitlines() if not re.match(r" *#|Name=|match-device=", line)]
    assert any(re.search(r"\bseven7\b", line) for line in lines), own


def test_every_kind_that_names_devices_is_tried() -> None:
    """A kind that has a master's or a lower device's key is among them."""
    assert {kind for kind, key in KINDS if key == "ports"} == {"bridge", "bond", "vrf"}
    assert {kind for kind, key in KINDS if key == "link"} == {"vlan", "vxlan", "macvlan", "ipvlan"}
