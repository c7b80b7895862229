"""What is otherwise than usual about a device, and has no key: a command sets it."""

from __future__ import annotations

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_link
from nsgen.capturing.usual import BRIDGE_DEFAULTS, changed
from nsgen.proof.state import KernelLink, KernelNode


def take_attributes(draft: Draft) -> None:
    """Have a command set what the language does not say of a device that it has."""
    for node in draft.nodes:
        for link in node.links:
            if not draft.account.open(of_link(node.name, link)):
                texts = [one.text for one in draft.account.elements if one.node == node.name]
                begin = f"{link.name} "
                for text in [t[len(begin) :] for t in texts if t.startswith(begin)]:
                    if draft.account.open(of_link(node.name, link, text)):
                        _attribute(draft, node, link, text)


def _attribute(draft: Draft, node: KernelNode, link: KernelLink, text: str) -> None:
    element = of_link(node.name, link, text)
    if draft.own(link) and text.startswith("alias "):
        draft.account.say(element, "nsgen marks what it makes")
        return
    if of_link(node.name, link) in draft.account.unsaid:
        draft.account.leave(element, draft.account.unsaid[of_link(node.name, link)])
        return
    up, down = _command(link, text)
    if up:
        draft.execute(node.name, element, up, down)


def _command(link: KernelLink, text: str) -> tuple[list[str], list[str]]:
    """What sets an attribute, and what takes it back."""
    name, _, value = text.partition(" ")
    device = ["ip", "link", "set", "dev", link.name]
    words = {
        "PROMISC": ("promisc", "on", "off"), "ALLMULTI": ("allmulticast", "on", "off"),
        "NOARP": ("arp", "off", "on"),
    }  # fmt: skip
    if name == "flag":
        key, on, off = words[value]
        return [*device, key, on], [*device, key, off]
    if name == "altname":
        change = ["ip", "link", "property"]
        rest = ["dev", link.name, "altname", value]
        return [*change, "add", *rest], [*change, "del", *rest]
    if name in ("group", "txqueuelen", "mtu", "address", "alias", "master"):
        back = {"group": ["group", "default"], "alias": ["alias", ""], "master": ["nomaster"]}
        return [*device, name, value], ([*device, *back[name]] if name in back else [])
    if name == "down":
        return [*device, "down"], [*device, "up"]
    if name in link.port:
        key = {"multicast_router": "mcast_router"}.get(name, name)
        shown = {"True": "on", "False": "off"}.get(value, value)
        return [*device, "type", "bridge_slave", key, shown], []
    if name in changed(link.data, BRIDGE_DEFAULTS):
        return [*device, "type", "bridge", name, value], []
    return [], []
