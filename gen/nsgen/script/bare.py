"""What the plain style leaves out of a plan: it is read from top to bottom, and runs once.

The other style finds its own things again by their marks, says what is so anyway in order to repair it, and has to
hold whatever is done to the topology by hand. Here that would be in the way of what the topology needs.
"""

from __future__ import annotations

from dataclasses import replace

from nsgen.ops import (
    HOST,
    MARK,
    AddAddress,
    AddBridge,
    AddLink,
    AddNamespace,
    AddNeighbour,
    AddPolicy,
    AddRoute,
    AddTap,
    AddVeth,
    AwaitService,
    BridgeOp,
    Chain,
    ForgetUdp,
    JoinNamespace,
    Jump,
    KeepAdvertisements,
    LoadModule,
    Op,
    RunCommand,
    SetLink,
    SetNetem,
    SetSysctl,
    StartService,
    TakeDevice,
    WireguardOp,
    WriteFile,
)
from nsgen.plan import why
from nsgen.plan.steps import Plan, Section, Step
from nsgen.values import assert_never

# What gives somebody an address, or could.
SPEAKING = (AddAddress, AddLink, AddTap, TakeDevice, StartService, RunCommand)


# What it takes over as it is.
KEPT = (
    (AddNamespace | JoinNamespace | AddVeth | AddLink | AddTap | AddAddress | AddNeighbour)
    | (AddRoute | BridgeOp | AddPolicy | SetNetem)
    | (WireguardOp | TakeDevice | LoadModule | SetSysctl | Chain | Jump | ForgetUdp | WriteFile)
    | (StartService | AwaitService | RunCommand)
)


def bare(plan: Plan) -> Plan:
    """The plan without marks and defaults; without guards, too, as long as nobody has an address."""
    silent = not any(plan.of(kind) for kind in SPEAKING)
    spoken = {op.device for op in plan.of(AddAddress) if op.node == HOST}
    mark = MARK.format(plan.topology.name)
    sections = []
    for section in plan.sections:
        steps = [_step(step, mark, spoken) for step in section.steps if not (silent and step.guard)]
        kept = tuple(step for step in steps if step.ops)
        sections += [Section(section.title, section.why, kept)] if kept else []
    return Plan(plan.topology, tuple(sections))


def _step(step: Step, mark: str, spoken: set[str]) -> Step:
    reason = step.why
    ops: list[Op] = []
    for op in step.ops:
        if isinstance(op, AddBridge):
            # Nobody looks for a host without an address by its MAC address.
            mac = op.mac if op.name in spoken else ""
            reason = reason if mac else reason.removesuffix(why.BRIDGE_MAC)
            ops.append(replace(op, mac=mac, stp=op.stp or None))
        elif isinstance(op, SetLink):
            ops += _settings(op, mark)
        elif isinstance(op, KeepAdvertisements) or (
            isinstance(op, WriteFile) and (op.reader or op.boot)
        ):
            continue  # it meets other programs half-way, or is for a boot
        elif isinstance(op, KEPT):
            ops.append(op)
        else:
            assert_never(op)
    return Step(reason, tuple(ops), step.guard)


def _settings(op: SetLink, mark: str) -> list[Op]:
    """Those of a device, without whose it is; what it would be called, if names could be longer, stays."""
    settings = op.settings
    if settings[:2] == ("alias", mark):
        settings = settings[2:]
    return [replace(op, settings=settings)] if settings else []
