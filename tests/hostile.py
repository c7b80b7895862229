"""Hostile values, and topologies that hold them wherever an author can write one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from sandboxed import PROGRAMS

CANARY = ">/mnt/canary"  # what the sandbox would show, if a shell ran it
TEXTS = (
    "",
    " ",
    "a b",
    "  two  blanks  ",
    "'",
    '"',
    "''",
    "\\",
    "\\'",
    "it's",
    '"quoted"',
    ";",
    f"; : {CANARY}",
    f"$(: {CANARY})",
    f"`: {CANARY}`",
    f"' ; : {CANARY}; '",
    f'" ; : {CANARY}; "',
    f"x\n: {CANARY}\n",
    f"x\r: {CANARY}\r",
    f"\nIP\n: {CANARY}",
    f"\nRULES\n: {CANARY}",
    f"\nPARAMETERS\n: {CANARY}",
    f"\nMODULES\n: {CANARY}",
    f"\nFILE\n: {CANARY}",
    f"}}\n: {CANARY}\n{{",
    f"# comment\n: {CANARY}",
    *("IP", "RULES", "PARAMETERS", "MODULES", "FILE", "EOF", "COMMIT", "host", "main", "topology"),
    *("#", "# not a comment", "!", "!!", "! true", "&", f"& : {CANARY}", "|", f"|| : {CANARY}"),
    *("$HOME", "${PATH}", "$((1))", "$'\\n'", "~", "*", "?", "[a-z]*", "{a,b}", "<(true)", ">&2"),
    *("-", "--", "-n", "-rf", "--help", "-e", "=", "A=B", "a=", "=b", "%1", "+x", "@", "a\tb"),
    *("\x01", "\x07", "\x1b[31m", "\x7f", "\x80", "\u00a0", "\u2028", "\u202e", "é", "日本", "🦀"),
    *("\u2018", "\u201c", "\ufeff", "a\x00b", "\n", "\r\n", "\t", "x" * 300, "é" * 40),
    *("{{ name }}", "{% raw %}", "<#", "#>", "%s%n", "\\0", "\\x00", "null", "true", "1_000"),
)
# Names that look like something else to a shell, to ip(8), to iptables(8) or to the script itself.
NAMES = (
    *("IP", "FILE", "RULES", "PARAMETERS", "MODULES", "COMMIT"),
    *("no", "up", "down", "dev", "lo0", "if", "done"),
    *("main", "check", "a.b", "a-b", "_", "0", "0x0", "1e3", "all0", "host0", "default.0", "x" * 9),
    *(
        "veth-red",
        "veth",
        "type",
        "name",
        "none",
        "EOF",
        "eval",
        "time",
        "function",
        "netns",
        "raw",
    ),
)
# Names of programs that a shell has to be kept from reading.
PROGRAM_NAMES = (
    *("prog", "a b", "π", "it's", "$(evil)", "`evil`", "evil;evil", "#evil", "!evil", "~evil", "~"),
    *(
        "IP",
        "a\nb",
        "\n",
        '"',
        "\\",
        "*",
        "&",
        "|",
        "(",
        "\x01",
        "x" * 200,
        "$PATH",
        "<evil",
        ">evil",
    ),
)
# Names that mean something else where a command begins: to the shell's grammar, as a builtin, as a function of the
# script; or to the programs that lead to this one, as an option or a variable.
MEANINGS = (
    *("if", "while", "time", "function", "case", "[[", "{", "}", "!"),
    *("eval", "exec", "exit", "cd", "source", "set", "trap", "unset", "export", "[", ":"),
    *(
        "service",
        "install",
        "check",
        "rules",
        "take",
        "lock",
        "up",
        "main",
        "die",
        "parameters",
        "say",
    ),
    *("-x", "--", "-Sevil", "A=B"),
)


def is_file_name(text: str) -> bool:
    """Whether a file can have this name."""
    return 0 < len(text.encode()) < 256 and "/" not in text and text not in (".", "..")


def is_parameter(text: str) -> bool:
    """Whether a kernel parameter can have this value, and sysctl.d(5) can read it."""
    return text.isprintable() and bool(text) and text.strip(" =") == text


hostile_text = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=20),
    st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3).map("".join),
    st.builds("{}{}".format, st.sampled_from(NAMES), st.sampled_from(TEXTS)),
)
argument = hostile_text.filter(lambda text: "\0" not in text)
program = st.one_of(
    st.sampled_from(PROGRAM_NAMES),
    argument.filter(is_file_name).filter(
        lambda t: t not in (*PROGRAMS, *MEANINGS) and not t.startswith("-") and "=" not in t
    ),
)
# One word with blanks is refused, because it is meant for several.
command = st.builds(
    lambda first, rest: [first, *rest], program, st.lists(argument, max_size=3)
).filter(lambda words: len(words) > 1 or len(words[0].split()) <= 1)
variable = st.from_regex(r"V[A-Za-z0-9_]{0,5}", fullmatch=True)
# A component of a path below the one folder that the sandbox makes them in.
folder = argument.filter(is_file_name).map("/run/elsewhere/{}".format)
line = st.one_of(
    st.sampled_from([text for text in TEXTS if text.isprintable() and text]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.isprintable),
)

services = st.dictionaries(
    st.sampled_from(["web", "IP", "main", "x-1", "proxy"]),
    st.fixed_dictionaries(
        {"command": command},
        optional={
            "directory": folder,
            "environment": st.dictionaries(variable, argument, max_size=3),
            "user": st.sampled_from(["nobody", "www-data"]),
        },
    ),
    max_size=2,
)
commands = st.lists(st.fixed_dictionaries({"up": command}, optional={"down": command}), max_size=2)
parameter = line.filter(is_parameter)
host_sysctls = st.dictionaries(
    st.sampled_from(["kernel.core_pattern", "net.sctp.cookie_hmac_alg", "vm/dirty_ratio"]),
    parameter,
    max_size=2,
)
namespace_sysctls = st.dictionaries(
    st.sampled_from(["net.sctp.cookie_hmac_alg", "net/ipv4/vs/some_text"]), parameter, max_size=2
)
dns = st.fixed_dictionaries({"options": st.lists(line, min_size=1, max_size=3)})


def _node(sysctls: st.SearchStrategy[dict[str, str]], **more: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {}, optional={"services": services, "exec": commands, "sysctls": sysctls, **more}
    )


# Topologies with hostile text wherever text is free.
topologies = st.fixed_dictionaries(
    {
        "name": st.just("demo"),
        "namespaces": st.fixed_dictionaries({"red": _node(namespace_sysctls, dns=dns)}),
        "host": _node(host_sysctls),
    }
)

BASE: dict[str, Any] = {
    "name": "demo",
    "networks": {
        "bridge0": {"subnet": ["192.168.15.0/24"], "internet": "true", "mac": "02:00:00:00:00:01"}
    },
    "namespaces": {
        "red": {
            "networks": {
                "bridge0": {"address": "192.168.15.2", "interface": "eth0", "peer": "red"}
            },
            "publish": ["8080:80", {"published": "53", "target": "53", "protocol": "udp"}],
            "routes": [{"to": "10.1.0.0/16", "via": "192.168.15.9", "dev": "eth0"}],
            "sysctls": {"net.ipv4.ip_default_ttl": "70"},
            "dns": {"nameservers": ["9.9.9.9"], "search": ["lan"], "options": ["ndots:1"]},
            "hosts": {"db": "10.0.0.1"},
            "services": {"web": {"command": ["prog"], "environment": {"V": "1"}, "user": "nobody"}},
        },
        "blue[1-2]": {"networks": ["bridge0"], "hosts": "true"},
    },
    "host": {"modules": ["overlay"], "sysctls": {"net.core.rmem_max": "1"}},
}

Put = Callable[[dict[str, Any], str], None]


def _value(*path: str | int) -> Put:
    """Put a value in place of the one at a path."""

    def put(data: dict[str, Any], text: str) -> None:
        at: Any = data
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = text

    return put


def _key(*path: str | int) -> Put:
    """Put a key in place of the one at a path."""

    def put(data: dict[str, Any], text: str) -> None:
        at: Any = data
        for step in path[:-1]:
            at = at[step]
        at[text] = at.pop(path[-1])

    return put


def _network(data: dict[str, Any], text: str) -> None:
    """Rename the network, and what refers to it."""
    _key("networks", "bridge0")(data, text)
    _key("namespaces", "red", "networks", "bridge0")(data, text)
    data["namespaces"]["blue[1-2]"]["networks"] = [text]


def _interface(data: dict[str, Any], text: str) -> None:
    """Rename the interface, and what refers to it."""
    data["namespaces"]["red"]["networks"]["bridge0"]["interface"] = text
    data["namespaces"]["red"]["routes"][0]["dev"] = text


RED = ("namespaces", "red")
# Where a name is written, or a value that has a form.
PLACES: dict[str, Put] = {
    "the topology's name": _value("name"),
    "a network": _network,
    "a network that is not there": _key("namespaces", "red", "networks", "bridge0"),
    "a namespace": _key(*RED),
    "a range of namespaces": _key("namespaces", "blue[1-2]"),
    "an interface": _interface,
    "a peer": _value(*RED, "networks", "bridge0", "peer"),
    "an address": _value(*RED, "networks", "bridge0", "address"),
    "a subnet": _value("networks", "bridge0", "subnet"),
    "a gateway": _value("networks", "bridge0", "gateway"),
    "a MAC address": _value("networks", "bridge0", "mac"),
    "an MTU": _value("networks", "bridge0", "mtu"),
    "a switch": _value("networks", "bridge0", "internet"),
    "a word of a few": _value("networks", "bridge0", "bridge_netfilter"),
    "a published port": _value(*RED, "publish", 0),
    "a host's address": _value(*RED, "publish", 1, "host_ip"),
    "a port": _value(*RED, "publish", 1, "target"),
    "a protocol": _value(*RED, "publish", 1, "protocol"),
    "a destination": _value(*RED, "routes", 0, "to"),
    "a router": _value(*RED, "routes", 0, "via"),
    "a routing table": _value(*RED, "routes", 0, "table"),
    "a sysctl": _key(*RED, "sysctls", "net.ipv4.ip_default_ttl"),
    "a sysctl of the host": _key("host", "sysctls", "net.core.rmem_max"),
    "a module": _value("host", "modules", 0),
    "a name server": _value(*RED, "dns", "nameservers", 0),
    "a search domain": _value(*RED, "dns", "search", 0),
    "a name in hosts": _key(*RED, "hosts", "db"),
    "an address in hosts": _value(*RED, "hosts", "db"),
    "a service": _key(*RED, "services", "web"),
    "a variable": _key(*RED, "services", "web", "environment", "V"),
    "a user": _value(*RED, "services", "web", "user"),
    "a folder": _value(*RED, "services", "web", "directory"),
    "a key": _key(*RED, "routes"),
}


def with_names(chosen: dict[str, str]) -> dict[str, Any]:
    """Give a topology that has these texts in these places; of two that contradict each other, the first."""
    data = deepcopy(BASE)
    for place, text in chosen.items():
        with suppress(KeyError):
            PLACES[place](data, text)
    return data


names = st.dictionaries(
    st.sampled_from(sorted(PLACES)),
    st.one_of(hostile_text, st.sampled_from(NAMES)),
    min_size=1,
    max_size=2,
).map(with_names)
odd_names = st.dictionaries(
    st.sampled_from(
        [
            *("a network", "a namespace", "an interface", "a peer", "a service", "a module"),
            *("a search domain", "a name in hosts", "a user", "the topology's name"),
        ]
    ),
    st.sampled_from(NAMES),
    min_size=1,
    max_size=3,
).map(with_names)
