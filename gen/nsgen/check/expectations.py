"""What the author expects: that the nodes are there, and that it can be tried."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.view import View, hint
from nsgen.language.spec import Expect
from nsgen.report import Path, Report
from nsgen.topology.names import VERSIONS
from nsgen.values import NODES

COMPARED = 1000  # names among which the nearest is looked for


def _expects(view: View) -> Iterator[tuple[Path, Expect]]:
    """Everything that is expected, with its path."""
    yield from view.items(("expect",), view.spec.expect)


def check_nodes(view: View, report: Report) -> None:
    """Who asks, who is asked and who answers is there."""
    for path, expect in _expects(view):
        for key, name in (("from", expect.from_), ("to", expect.to.node), ("by", expect.by)):
            if name and view.no_node(name):
                what = "is neither an address nor a node" if key == "to" else "is no node"
                known = [*view.names, *NODES] if len(view.names) <= COMPARED else []
                report.error((*path, key), f"{name!r} {what}{hint(name, known, report)}")


def check_answers(view: View, report: Report) -> None:
    """Who answers is claimed only where there is an answer that tells."""
    for path, expect in _expects(view):
        if expect.by is None:
            continue
        at: Path = (*path, "by")
        if not expect.reach:
            text = "nobody answers with 'reach: false': remove one of the two"
            report.error(at, text, on_key=True)
        elif not expect.to.port:
            text = "a ping does not tell who answers: add a port to 'to', or remove 'by'"
            report.error(at, text, on_key=True)


def check_addresses(view: View, report: Report) -> None:
    """A namespace that is to answer has an address, and is not called like one."""
    for path, expect in _expects(view):
        name, at = expect.to.node, (*path, "to")
        if str(expect.to.address) in view.names:
            text = f"{expect.to.address} is an address here, and a namespace: rename that"
            report.error(at, text)
        elif expect.reach and name in view.names and _unaddressed(view, view.names[name]):
            text = (
                f"{name!r} has no address to ask: put it on a network with a subnet, or write the"
                " address"
            )
            report.error(at, text)


def _unaddressed(view: View, key: str) -> bool:
    """Whether a namespace surely has no address, neither written nor dealt."""
    places = view.places[key] if view.complete(key) else None
    if any(device.addresses for device in view.devices.get(view.first(key), ())):
        return False
    return places is not None and not any(p.has(v) for p in places for v in VERSIONS)
