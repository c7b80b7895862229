"""Exceptions of masquerading: those that say nothing, or that nobody can be meant by."""

from __future__ import annotations

from collections.abc import Iterator

from nsgen.check.networks import special
from nsgen.check.view import View
from nsgen.language.networks import Masquerade, Network
from nsgen.language.routing import Nat
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.values import HOST, IPNetwork
from nsgen.words import listed


def check_networks(view: View, report: Report) -> None:
    """What a network makes an exception of is elsewhere, and of an IP version that it has."""
    for name, network in view.networks.items():
        if not isinstance(network.masquerade, Masquerade):
            continue
        path: Path = ("networks", name, "masquerade")
        if not network.internet:
            text = "nothing that this network sends leaves the host, and nothing is masqueraded"
            report.error(path, f"{text}: add 'internet: true', or remove it")
            continue
        if not network.masquerade.except_:
            text = "there is nothing in it: list subnets, or write 'masquerade: true'"
            report.error((*path, "except"), text)
        for at, one in _sound(network.masquerade.except_, path, "", report):
            _check_beside(network, one, at, report)
            _check_earlier(view, network, one, at, report)


def _check_beside(network: Network, one: IPNetwork, path: Path, report: Report) -> None:
    alike = [subnet for subnet in network.subnet if subnet.version == one.version]
    if not alike:
        text = f"{one} is IPv{one.version}, and this network has {listed(network.subnet)} alone"
        report.error(path, f"{text}: remove it, or add a subnet")
    for subnet in alike:
        if inside(one, subnet):
            text = f"{one} is on this network, and what stays there is never masqueraded"
            report.error(path, f"{text}: remove it")
        elif one.prefixlen and inside(subnet, one):
            text = f"{one} has this network itself in it, {subnet}"
            report.warning(path, f"{text}: name where its members are to be known, and no more")


def _check_earlier(
    view: View, network: Network, one: IPNetwork, path: Path, report: Report
) -> None:
    """The host's own `nat` comes first, and has exceptions of its own."""
    for at, nat in view.items(("host", "nat"), view.spec.host.nat):
        if nat.dnat is not None or nat.l4 or one.version not in _versions(view, HOST, nat):
            continue
        takes = nat.from_ is None or any(inside(s, nat.from_) for s in network.subnet)
        if takes and not any(inside(one, kept) for kept in nat.except_):
            out = nat.masquerade or nat.out
            leaves = f"leaves by {out!r}" if out else "leaves"
            text = f"{path_text(at)} comes first, and rewrites what {leaves}"
            mend = (
                f"add 'except: {one}' there, too"
                if one.prefixlen
                else "give it a 'from' of others, or remove it"
            )
            report.warning(path, f"{text}: {mend}")
            return


def _sound(
    excepted: tuple[IPNetwork, ...], path: Path, everywhere: str, report: Report
) -> Iterator[tuple[Path, IPNetwork]]:
    """Those that say something that no other one says; `everywhere`: what to do if all is an exception, or nothing."""
    for index, one in enumerate(excepted):
        at: Path = (*path, "except", index)
        wider = (w for i, w in enumerate(excepted) if i != index and inside(one, w))
        found = next((w for w in wider if w != one or excepted.index(w) < index), None)
        if one.prefixlen == 0 and everywhere:
            report.error(at, f"{one} is everywhere, and nothing is rewritten: {everywhere}")
        elif one.prefixlen and special(one):
            report.error(at, f"nothing is masqueraded on its way there: {special(one)}; remove it")
        elif found is not None:
            report.error(at, f"{one} is in {found} already: remove it")
        else:
            yield at, one


def check_nat(view: View, report: Report) -> None:
    """What an entry of `nat` makes an exception of is of its IP version, and the entry rewrites sources."""
    for key, at, node in view.spec.nodes():
        for path, nat in view.items((*at, "nat"), node.nat):
            if nat.except_ and not nat.into:
                versions = _versions(view, view.first(key), nat)
                for place, one in _sound(nat.except_, path, "remove this entry", report):
                    if one.version not in versions:
                        spoken = " and ".join(f"IPv{version}" for version in versions)
                        text = f"{one} is IPv{one.version}, and this entry is for {spoken}"
                        report.error(place, f"{text}: remove it")


def _versions(view: View, node: str, nat: Nat) -> list[int]:
    """The IP versions that an entry is for, as :mod:`nsgen.plan.node_nat` has it."""
    if nat.snat is not None:
        return [nat.snat.address.version]
    if nat.from_ is not None:
        return [nat.from_.version]
    devices = [d for d in view.devices.get(node, ()) if d.name == nat.masquerade]
    given = {a.version for d in devices for _, a in d.addresses}
    return sorted(given | {s.version for d in devices for s in d.subnets_given}) or [4]


def inside(part: IPNetwork, whole: IPNetwork) -> bool:
    """Whether all of a subnet is in another one."""
    same = part.version == whole.version and whole.prefixlen <= part.prefixlen
    return same and part.network_address in whole
