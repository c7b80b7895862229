"""Names of devices: each is that of one device in its node, and one of the host's own is taken once."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.view import View, hint
from nsgen.language.kinds.physical import Physical
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.values import HOST


def check_device_names(view: View, report: Report) -> None:
    """No two devices of a node have the same name, whichever key makes them."""
    for node, devices in view.devices.items():
        seen = view.plugged(node)
        for device in devices:
            if device.name in seen:
                text = f"{device.name!r} of {node!r} is a device already: {path_text(seen[device.name])}"
                report.error(device.path, f"{text}; choose another name", on_key=True)
            seen.setdefault(device.name, device.path)


def check_taken(view: View, report: Report) -> None:
    """A device of the host's own moves into one namespace, or is a port of one network, bridge, bond or VRF."""
    made = {device.name: device.path for device in view.devices.get(HOST, ())}
    made = view.plugged(HOST) | made
    ports = {
        port: (*path, "ports")
        for key, path, _, interface in view.interfaces()
        for port in interface.members
        if key == HOST
    } | {port: path for port, (_, path) in view.ports.items()}
    for name, path in _moved(view):
        if name in made:
            text = f"{name!r} is no device of the host's own: {path_text(made[name])} makes it"
            report.error(path, f"{text}; make it here instead", on_key=True)
        elif name in ports:
            text = f"{name!r} of the host is taken already: {path_text(ports[name])}"
            report.error(path, f"{text}; a device is in one place", on_key=True)
        ports.setdefault(name, path)


def _moved(view: View) -> Iterator[tuple[str, Path]]:
    for key, path, name, interface in view.interfaces():
        if isinstance(interface, Physical) and key != HOST:
            yield name, path


def named_devices(
    view: View, key: str, named: dict[str, str | None], path: Path, report: Report
) -> None:
    """Devices that a namespace has; those of the host may be anything."""
    node = view.first(key)
    for field, device in named.items():
        if (
            device is not None
            and node != HOST
            and device != "lo"
            and not view.has_device(node, device)
        ):
            near = hint(device, view.device_names(node), report)
            report.error((*path, field), f"{node!r} has no interface {device!r}{near}")
