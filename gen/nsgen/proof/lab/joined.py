"""Namespaces that somebody else made, for a rehearsal: empty ones that stand in for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nsgen.proof.lab.machine import Machine
from nsgen.proof.lab.programs import run

NAMED = Path("/run/netns")


def joining(machine: Machine, joined: Mapping[str, str], script: str) -> str:
    """A script that joins stand-ins, which are made here; `joined` has what it would join, by name."""
    for name, path in joined.items():
        instead = _stand_in(machine, name, path)
        script = script.replace(
            f"join_namespace {name} {path} ", f"join_namespace {name} {instead} "
        )
    return script


def _stand_in(machine: Machine, name: str, path: str) -> str:
    """Make a namespace that the script is to find, with nothing but `lo`; give its file, the real one where it can."""
    node = f"{name}~"  # as no namespace can be called
    place = machine.nodes / node
    place.touch()
    run("unshare", f"--net={place}", "true")
    machine.set_defaults(node)
    machine.ip(node, "link set lo up")
    asked = Path(path)
    if asked.parent != NAMED:
        return str(place)
    machine.inside(node, "sh", "-c", f"exec ip netns attach {asked.name} $$")
    return path
