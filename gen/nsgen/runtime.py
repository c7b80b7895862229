"""The runtime of a script: a core, and parts that are in it where its topology needs them, the same bytes in each."""

from __future__ import annotations

import hashlib
from functools import cache

from nsgen.ops import (
    BRIDGE_OPS,
    IP_OPS,
    AddPolicy,
    Chain,
    Impede,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetSysctl,
    SetWireguard,
    StartService,
    TakeDevice,
    WriteFile,
)
from nsgen.plan import Plan
from nsgen.templates import template_text

DEVICES: tuple[type[Op], ...] = (*IP_OPS, *BRIDGE_OPS, AddPolicy, Impede)

# In the order in which they come in a script, with the operations that need them; a script always has the last. What is
# undone all together is undone in this order, too: rules before devices.
PARTS: dict[str, tuple[type[Op], ...]] = {
    "rules": (Chain,),
    "devices": DEVICES,
    "modules": (LoadModule,),
    "parameters": (SetSysctl,),
    "advertisements": (KeepAdvertisements,),
    "files": (WriteFile,),
    "hardware": (TakeDevice,),
    "wireguard": (SetWireguard,),
    "services": (StartService,),
    "commands": (RunCommand,),
    "install": (),
}


def parts_of(plan: Plan) -> list[str]:
    """The parts that a plan needs besides the core."""
    return [
        name for name, kinds in PARTS.items() if not kinds or any(plan.of(kind) for kind in kinds)
    ]


@cache
def text(part: str) -> str:
    """A part as it stands in every script that has it."""
    return template_text(f"batch/runtime/{part}.bash")


@cache
def whole() -> str:
    """The core and every part."""
    return "\n".join(text(part) for part in ("core", *PARTS))


@cache
def digest() -> str:
    """What names the runtime: the beginning of the SHA-256 of all of it."""
    return hashlib.sha256(whole().encode()).hexdigest()[:12]
