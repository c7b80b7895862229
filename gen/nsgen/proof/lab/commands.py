"""What a command does to the network, told by its words: it builds, it removes, it only asks, or it is another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


Effect = Literal["builds", "removes", "asks", "other"]
IP_WITH_VALUE = ("-n", "-netns", "-f", "-family", "-b", "-batch", "-rcvbuf", "-l", "-loops")
REMOVING = ("del", "delete", "flush", "detach")
ASKING = ("show", "list", "ls", "lst", "get", "monitor", "identify", "pids", "help", "save", "test")
TABLES = _names(
    "iptables ip6tables iptables-legacy iptables-nft ip6tables-legacy arptables ebtables"
)
BUILDING = _names(
    "-A -I -N -P -R -E --append --insert --new-chain --policy --replace --rename-chain"
)
TAKING = _names("-D -F -X --delete --flush --delete-chain")
CHANGING_RULES: Mapping[str, Effect] = {
    **dict.fromkeys(BUILDING, "builds"),
    **dict.fromkeys(TAKING, "removes"),
    **dict.fromkeys(("-Z", "--zero"), "other"),
}
RESTORING = ("iptables-restore", "ip6tables-restore")
OTHER_TOOLS = _names("wg ovs-vsctl vconfig ifenslave tunctl wg-quick ethtool dhclient ipset arp")
FLUSHING = ("-F", "--flush", "-X", "--delete-chain", "-Z", "--zero")
POLICY = ("-P", "--policy")


def ip_words(words: Sequence[str]) -> tuple[str, list[str]]:
    """The namespace that `ip -n` names, or nothing, and the words of ip(8) behind its options."""
    rest, namespace = list(words[1:]), ""
    while rest and rest[0].startswith("-") and rest[0] not in ("-all", "-a"):
        option = rest.pop(0)
        if option.startswith("--"):
            option = option[1:]
        if option in IP_WITH_VALUE and rest:
            value = rest.pop(0)
            namespace = value if option in ("-n", "-netns") else namespace
            if option in ("-b", "-batch"):
                rest = ["batch", value, *rest]
                break
    return namespace, [word for word in rest if word not in ("-all", "-a")]


def abbreviates(word: str, *whole: str) -> bool:
    """Whether ip(8) takes a word for one of these."""
    return bool(word) and any(one.startswith(word) for one in whole)


def is_exec(words: Sequence[str]) -> bool:
    """Whether it is `ip netns exec`, or `ip vrf exec`."""
    rest = ip_words(words)[1]
    return (
        len(rest) > 1
        and rest[0] in ("netns", "net", "netn", "vrf")
        and abbreviates(rest[1], "exec")
    )


def effect(words: Sequence[str]) -> Effect:
    """What a command does, by its name and arguments."""
    name = words[0].rpartition("/")[2]
    told = BY_PROGRAM.get(name)
    return told(words) if told else "other"


def _tables(words: Sequence[str]) -> Effect:
    return next((CHANGING_RULES[word] for word in words[1:] if word in CHANGING_RULES), "asks")


def _object_and_verb(words: Sequence[str]) -> Effect:
    rest = [word for word in words[1:] if not word.startswith("-")]
    return _verb(rest[1] if len(rest) > 1 else "show")


def _brctl(words: Sequence[str]) -> Effect:
    verb = words[1] if len(words) > 1 else "show"
    return "removes" if verb.startswith("del") else "asks" if verb.startswith("show") else "builds"


def _sysctl(words: Sequence[str]) -> Effect:
    sets = any("=" in word or word in ("-w", "-p", "--system", "-f") for word in words[1:])
    return "builds" if sets else "asks"


def _nft(words: Sequence[str]) -> Effect:
    verb = next((word for word in words[1:] if not word.startswith("-")), "list")
    return "asks" if verb == "list" else "removes" if verb in ("delete", "flush") else "builds"


def _other_tool(words: Sequence[str]) -> Effect:
    asks = len(words) < 2 or words[1] in ("show", "genkey", "pubkey", "genpsk", "-n", "-a", "-i")
    return "asks" if asks else "builds"


def _verb(verb: str) -> Effect:
    if verb in REMOVING or abbreviates(verb, "delete", "flush"):
        return "removes"
    return "asks" if not verb or verb in ASKING or abbreviates(verb, "show", "list") else "builds"


def _ip(words: Sequence[str]) -> Effect:
    rest = ip_words(words)[1]
    if not rest or rest[0] == "help":
        return "asks"
    if rest[0] == "batch":
        return "builds"
    if is_exec(words):
        return "other"
    verb = rest[1] if len(rest) > 1 else "show"
    if verb == "exec":
        return "other"
    found = _verb(verb)
    if found == "builds" and abbreviates(verb, "set") and rest[-1] == "down":
        return "removes"
    return found


def _old(words: Sequence[str]) -> Effect:
    rest = [word for word in words[1:] if not word.startswith("-")]
    if words[0].endswith("route"):
        return "removes" if "del" in rest else "builds" if "add" in rest else "asks"
    return "asks" if len(rest) < 2 else "removes" if rest[-1] == "down" else "builds"


BY_PROGRAM: Mapping[str, Callable[[Sequence[str]], Effect]] = {
    "ip": _ip,
    **dict.fromkeys(TABLES, _tables),
    **dict.fromkeys(RESTORING, lambda _: "builds"),
    **dict.fromkeys(("tc", "bridge"), _object_and_verb),
    "brctl": _brctl,
    **dict.fromkeys(("ifconfig", "route"), _old),
    "sysctl": _sysctl,
    "nft": _nft,
    **dict.fromkeys(OTHER_TOOLS, _other_tool),
    **dict.fromkeys(("kill", "pkill", "killall"), lambda _: "removes"),
}
