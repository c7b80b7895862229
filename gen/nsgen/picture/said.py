"""What a picture says of nodes, devices, networks and ports, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsgen.language.kinds.kind import Port, WrittenInterface
from nsgen.language.kinds.vxlan import Vxlan
from nsgen.language.kinds.wiring import (
    Above,
    Bundle,
    Domain,
    Outside,
    Overlay,
    Peered,
    Plain,
    PointToPoint,
    Switch,
    Tagged,
    Unsure,
    VirtualEthernet,
    Wiring,
)
from nsgen.language.networks import AUDIENCES
from nsgen.language.routing import Nat
from nsgen.picture.sketch import PublishedPort, Rail, WayOut
from nsgen.topology.model import Interface, Node, Publication
from nsgen.topology.networks import Address, Bridge, Member
from nsgen.values import IPNetwork, assert_never
from nsgen.words import bracketed, listed

MOST = 3  # addresses of a device; the others are counted
SHORT = 34  # characters of a row that has a device and its address
ROWS = 8  # of a node, of one sort; the others are counted


def few(rows: Iterable[str], most: int = ROWS) -> tuple[str, ...]:
    """The first rows, and how many more there are."""
    found = tuple(dict.fromkeys(rows))
    more = len(found) - most
    return found if more <= 1 else (*found[:most], f"and {more} more")


def addresses(found: Iterable[Address]) -> tuple[str, ...]:
    """Addresses with their prefixes."""
    return few(map(str, found), MOST)


def device_rows(device: Interface | Member, name: str) -> tuple[str, ...]:
    """A device as it stands at the edge of its node."""
    port = (f"in {device.master}", *port_words(device.port)) if device.master else ()
    words = (" ".join(device.impair.words()),) if device.impair is not None else ()
    return (name, *addresses(device.addresses), *port, *words)


def port_words(port: Port) -> Iterator[str]:
    """What a port of a bridge is told."""
    if port.untagged:
        yield f"VLAN {port.untagged}"
    if port.tagged:
        yield f"VLAN {', '.join(map(str, port.tagged))} tagged"
    if port.isolated:
        yield "isolated"


def kind_words(interface: Interface) -> str:  # noqa: C901 (an arm for each wiring)
    """What kind an interface is of, and what it is made of."""
    written, name = interface.written, interface.name
    wiring: Wiring = written.wiring
    kind = written.KIND or name
    ports = ", ".join(written.members)
    if isinstance(wiring, Switch):
        found = f"bridge {name}: {ports}" if ports else f"bridge {name}"
    elif isinstance(wiring, Bundle):
        found = f"bond {name} = {' + '.join(written.members)}"
    elif isinstance(wiring, Domain):
        found = f"VRF {name}, table {wiring.table}: {ports}"
    elif isinstance(wiring, Tagged):
        found = f"{name}: VLAN {wiring.vlan} on {wiring.lower}"
    elif isinstance(wiring, Above):
        found = f"{kind} {name} on {wiring.lower}"
    elif isinstance(wiring, PointToPoint):
        found = f"{kind} {name} to {wiring.remote}"
    elif isinstance(wiring, VirtualEthernet):
        others = [*map(str, wiring.remotes), *([str(wiring.group)] if wiring.group else [])]
        found = f"vxlan {wiring.number} {name} to {', '.join(others) or 'nobody yet'}"
    elif isinstance(wiring, Peered):
        found = f"wireguard {name}"
    elif isinstance(wiring, Outside):
        found = f"tap {name}" if kind == "tap" else f"{name}: a device of the host's own"
    elif isinstance(wiring, Plain | Unsure):
        found = name if kind == name else f"{kind} {name}"
    else:
        assert_never(wiring)
    return found


def inner_rows(interface: Interface) -> tuple[str, ...]:
    """An interface that no line leads to, as it stands inside its node."""
    words = kind_words(interface) + (f", in {interface.master}" if interface.master else "")
    own = addresses(interface.addresses)
    if len(own) == 1 and len(words) + len(own[0]) < SHORT:
        return (f"{words}  {own[0]}",)
    return (words, *(f"  {address}" for address in own))


def overlay(written: WrittenInterface) -> Overlay | None:
    """How a tunnel is wired; a VXLAN with several numbers is told by the first."""
    wiring = written.wiring
    if isinstance(written, Vxlan) and written.vnis:
        remotes = written.peers
        number = int(next(iter(written.vnis)))
        return VirtualEthernet(number, written.port, written.local, remotes, None, written.link)
    return wiring if isinstance(wiring, Overlay) else None


def end_words(written: WrittenInterface) -> tuple[str, ...]:
    """What kind of line ends at a device, where it is no plain cable."""
    if isinstance(written, Vxlan):
        return (f"vxlan {', '.join(written.vnis) or written.id}",)
    plain = not isinstance(written.wiring, Overlay | Above)
    return () if plain else (written.KIND,)


def nat_words(nat: Nat) -> str:
    """What a node does to packets, in one row."""
    what = " of its own" if nat.of_own else ""
    what += f" from {_short(nat.from_)}" if nat.from_ else ""
    what += f" to {_short(nat.to)}" if nat.to else ""
    what += f" port {nat.port}" if nat.port else ""
    if nat.masquerade is not None:
        return f"masquerade by {nat.masquerade}{what}"
    if nat.snat is not None:
        return f"snat{what} → {nat.snat}"
    if nat.dnat is not None:
        return f"dnat{what} → {nat.dnat}"
    if nat.tproxy is not None:
        return f"tproxy{what} → {nat.tproxy}"
    return f"redirect{what} → {nat.redirect}"


def _short(network: IPNetwork) -> str:
    """A network; one of a single address as that."""
    return str(network.network_address if network.num_addresses == 1 else network)


def _to(network: IPNetwork) -> str:
    return f"to {_short(network)}" if network.prefixlen else f"by IPv{network.version}"


def node_rows(node: Node) -> Iterator[str]:
    """What a node does, besides its devices."""
    if node.forwarding:
        yield "router"
    yield from few(f"uplink {uplink.device} via {uplink.via}" for uplink in node.uplinks)
    yield from few(map(nat_words, node.nats), 4)
    if node.marks:
        yield f"sets {len(node.marks)} marks" if len(node.marks) > 1 else "sets a mark"
    yield from few(f"service {name}" for name in node.services)


def rail_of(bridge: Bridge, cards: Iterable[str]) -> Rail:
    """A network, as a rail of the host."""
    rows = [bridge.name]
    for subnet in bridge.subnets:
        rows.append(str(subnet.network))
        rows.append(f"host {subnet.gateway}" if subnet.gateway else "the host is not on it")
    rows += ["members apart"] if bridge.isolate else []
    rows += ["its own ports alone"] if bridge.own_ports else []
    rows += [f"port {card}, the host's own" for card in cards]
    if not bridge.subnets:
        rows.append("a switch")
    if bridge.masquerade and not bridge.internet:
        rows.append("masqueraded")
    way = _way(bridge)
    leads = " and leads to the internet" if way else ", without a way to the internet"
    apart = "; its members cannot reach each other" if bridge.isolate else ""
    subnets = listed(s.network for s in bridge.subnets) or "no subnet"
    own = "; of published ports, its own alone answer its members" if bridge.own_ports else ""
    title = f"network {bridge.name}, {subnets}{leads}{apart}{own}"
    return Rail(bridge.name, tuple(rows), title, cut=bridge.isolate, way=way)


def _way(bridge: Bridge) -> WayOut | None:
    if not bridge.internet:
        return None
    if not bridge.masquerade:
        text = f"{bridge.name} is routed: what it sends out keeps its source"
        return WayOut(("routed", "sources are kept"), text)
    if all(map(bridge.keeps_sources, bridge.versions())):
        text = f"what {bridge.name} sends out keeps its source, and answers alone come in"
        return WayOut(("sources are kept",), text)
    kept = few((f"not {_to(network)}" for network in bridge.excepted), MOST)
    but = f", but for {listed(bridge.excepted)}" if bridge.excepted else ""
    text = f"masquerading: what {bridge.name} sends out gets the host's address as its source{but}"
    return WayOut(("masquerade", "as the host", *kept), text)


def published_port(publication: Publication) -> PublishedPort:
    """A published port: who asks here is answered there."""
    host_ip = publication.host_ip
    at = f"{bracketed(host_ip)}:" if host_ip is not None else ""
    protocol = publication.protocol
    node = publication.member.namespace
    ending = "" if protocol == "tcp" else f"/{protocol}"
    text = f"{at}{publication.published}{ending} → {node}:{publication.target}"
    notes = [_audience(publication), "by a proxy" if publication.via == "proxy" else ""]
    local = host_ip is not None and host_ip.is_loopback
    note = ", ".join(note for note in notes if note)
    return PublishedPort(
        f"{at}{publication.published}/{protocol}",
        f"{text} ({note})" if note else text,
        f"published port: {at}{publication.published}/{protocol} of the host is {publication.target} of {node},"
        f" for {listed(publication.reach)}",
        "outside" in publication.reach and not local,
    )


def _audience(publication: Publication) -> str:
    """For whom a port is, if not for all."""
    reach = publication.reach
    missing = [one for one in AUDIENCES if one not in reach]
    if not missing:
        return ""
    return f"not {', '.join(missing)}" if len(missing) < 3 else f"{', '.join(reach)} only"
