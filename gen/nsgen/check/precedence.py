"""NAT beside what comes before it: an earlier entry, a published port, and the rules of a network of the host's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsgen.check.view import View
from nsgen.language.networks import Network, Publish
from nsgen.language.routing import Nat
from nsgen.language.yaml.excerpt import path_text
from nsgen.report import Path, Report
from nsgen.values import IPAddress, IPNetwork, Ports


def check_order(entries: Iterable[tuple[Path, Nat]], report: Report) -> None:
    """The first entry that fits decides: one that an earlier one covers would never do anything."""
    before: list[tuple[Path, Nat]] = []
    for path, nat in entries:
        first = next((at for at, earlier in before if _covers(earlier, nat)), None)
        if first is not None:
            text = f"{path_text(first)} comes first, and takes all of it"
            report.error(path, f"{text}: remove one of them, or put this one before it")
        before.append((path, nat))


def _covers(first: Nat, nat: Nat) -> bool:
    """Whether all that an entry is for is for an earlier one, too."""
    if first.into != nat.into or _version(first) not in (None, _version(nat)):
        return False
    # Who is for the node's own addresses by default meets nobody who is for those of others.
    apart = first.proxied != nat.proxied and first.to is None
    if apart or (first.except_ and first.proxied) or first.proxy_uid not in (None, nat.proxy_uid):
        return False
    out, first_out = nat.out or nat.masquerade, first.out or first.masquerade
    return (
        first_out in (None, out)
        and first.in_ in (None, nat.in_)
        and first.l4 in ("", nat.l4)
        and _within(nat.port, first.port)
        and has(first.from_, nat.from_)
        and (first.to == nat.to or (first.to is not None and has(first.to, nat.to)))
    )


def _within(part: Ports | None, whole: Ports | None) -> bool:
    if part is None or whole is None:
        return whole is None
    return whole.first <= part.first and part.last <= whole.last


def _version(nat: Nat) -> int | None:
    for address in nat.targets:
        return address.version
    named = nat.from_ or (nat.to if nat.proxied else None)
    return named.version if named is not None else None


def has(whole: IPNetwork | None, part: IPNetwork | None) -> bool:
    """Whether a subnet is in another; None is everywhere."""
    if whole is None or part is None:
        return whole is None
    same = whole.version == part.version and whole.prefixlen <= part.prefixlen
    return same and part.network_address in whole


def check_nat_of_networks(view: View, report: Report) -> None:
    """What the host translates for members of its networks is let through by the rules of those."""
    for path, nat in view.items(("host", "nat"), view.spec.host.nat):
        if nat.to is not None and nat.to.is_loopback and not nat.proxied:
            text = (
                f"{nat.to.network_address} is this node's own, and the kernel has no way out for it"
            )
            report.error((*path, "to"), f"{text}: name another address")
        if nat.dnat is not None:
            name = _network_of(view, nat.dnat.address)
            if name and not view.networks[name].internet:
                text = f"{nat.dnat.address} is on {name!r}, which has no internet, and could answer nobody outside"
                report.error((*path, "dnat"), f"{text}: add 'internet: true' to it")
            came = view.networks.get(nat.in_ or "")
            if came is not None and came.published_ports == "own" and name != nat.in_:
                text = f"what {nat.in_!r} sends to the host goes to nobody else, by its 'published_ports: own'"
                report.error((*path, "in"), f"{text}: remove one of them")
            _check_published(view, nat, path, report)
        elif nat.from_ is not None and not nat.into:
            name = next((n for n, net in view.networks.items() if _inside(net, nat.from_)), "")
            out = nat.out or nat.masquerade
            if name and not view.networks[name].internet and out != name:
                text = f"what {name!r} sends beyond the host is dropped, and never translated"
                report.error((*path, "from"), f"{text}: add 'internet: true' to it")


def _network_of(view: View, address: IPAddress) -> str:
    for name, network in view.networks.items():
        if any(address in subnet for subnet in network.subnet):
            return name
    return ""


def _inside(network: Network, part: IPNetwork) -> bool:
    return any(has(subnet, part) for subnet in network.subnet)


def _check_published(view: View, nat: Nat, path: Path, report: Report) -> None:
    """One of a port that is published already: that comes first."""
    for at, publish in _publishes(view):
        if nat.port is not None and nat.port.overlaps(publish.published) and _meets(nat, publish):
            text = f"{path_text(at)} publishes {publish.published}/{nat.l4}, and comes first"
            report.error((*path, "port"), f"{text}: choose another port, or give it a 'host_ip'")
            return


def _publishes(view: View) -> Iterator[tuple[Path, Publish]]:
    for key, namespace in view.spec.namespaces.items():
        yield from view.items(("namespaces", key, "publish"), namespace.publish)


def _meets(nat: Nat, publish: Publish) -> bool:
    ip = publish.host_ip
    if publish.protocol != nat.l4 or (ip is not None and ip.version != _version(nat)):
        return False
    return ip is None or ip.is_unspecified or nat.to is None or ip in nat.to
