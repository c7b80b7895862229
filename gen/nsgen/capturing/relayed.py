"""Published ports that a process of nsgen's relays on the host: `via: proxy`. Rules of INPUT say who may ask it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from nsgen.capturing.askers import LOOPBACKS, PublishedRule, gateways_of
from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_process
from nsgen.capturing.firewall import Firewall, owned
from nsgen.capturing.rules import Sent
from nsgen.values import HOST

# As nsgen.plan.processes has socat(1) listen, and connect.
LISTENS = re.compile(
    r"(TCP|UDP)([46])-LISTEN:(\d+),fork,reuseaddr(?:,ipv6only=1)?(?:,bind=\[?([\da-f:.]+?)\]?)?"
)
CONNECTS = re.compile(r"(?:TCP|UDP)[46]:\[?([\da-f:.]+?)\]?:(\d+)")


def relayed(
    draft: Draft,
    firewall: Firewall,
    members: dict[str, tuple[str, str]],
    translated: Iterable[PublishedRule],
) -> dict[PublishedRule, set[str]]:
    """The ports that are relayed, with whom of those whose packets are not translated; `translated`: ports of rules."""
    found: dict[PublishedRule, set[str]] = {}
    known = list(translated)
    for process in draft.state.processes:
        words = process.argv[1:]
        listens = LISTENS.fullmatch(words[0]) if process.node == HOST and len(words) == 2 else None
        connects = CONNECTS.fullmatch(words[1]) if listens else None
        if listens is None or connects is None or connects[1] not in members:
            continue
        protocol, version, listen = listens[1].lower(), int(listens[2]), int(listens[3])
        first, last = _range(firewall, known, protocol, version, listen)
        begin = int(connects[2]) - (listen - first)
        target = str(begin) if first == last else f"{begin}-{begin + last - first}"
        port = PublishedRule(
            *members[connects[1]], connects[1], str(first), str(last), target, protocol,
            listens[4] or "", version,
        )  # fmt: skip
        found.setdefault(port, _who_asks(draft, firewall, port))
        draft.account.say(of_process(process), f"namespaces.{port.node}.publish")
    return found


def _range(
    firewall: Firewall, known: list[PublishedRule], protocol: str, version: int, listen: int
) -> tuple[int, int]:
    """The ports that one entry is for: each has a process of its own, and all of them one rule."""
    texts = [
        f"{one.first}:{one.last}"
        for one in known
        if (one.protocol, one.version) == (protocol, version)
    ]
    texts += [
        rule.matches["--dport"]
        for rule in firewall.rules("filter", "INPUT")
        if owned(rule) and rule.version == version and rule.matches.get("-p") == protocol
    ]
    for text in texts:
        first, _, last = text.partition(":")
        if int(first) <= listen <= int(last or first):
            return int(first), int(last or first)
    return listen, listen


def _who_asks(draft: Draft, firewall: Firewall, port: PublishedRule) -> set[str]:
    """Who is not refused, of the host by its loopback and of namespaces."""
    version, loopback = port.version, LOOPBACKS[port.version]
    gateway = next(
        one for one in gateways_of(draft, port.network) if (":" in one) == (version == 6)
    )
    host = port.host_ip or gateway
    own = {member.local for member in draft.state.nodes[port.node].addresses}
    sibling = next(
        str(ip_address(gateway) + step)
        for step in range(1, 9)
        if str(ip_address(gateway) + step) not in own
    )
    asking = {
        "loopback": Sent(loopback, port.host_ip or loopback, "lo"),
        "network": Sent(sibling, host, port.network),
        "self": Sent(port.address, host, port.network),
    }
    if port.host_ip:
        alone = ip_address(port.host_ip).is_loopback
        asking = {who: one for who, one in asking.items() if (who == "loopback") == alone}
    return {who for who, one in asking.items() if not _refused(firewall, port, one)}


def _refused(firewall: Firewall, port: PublishedRule, sent: Sent) -> bool:
    asked = Sent(
        sent.src, sent.dst, sent.came, proto=port.protocol, dport=int(port.first), local=True
    )
    rule = firewall.sets[port.version].deciding("filter", "INPUT", asked)
    return rule is not None and rule.target == "REJECT"
