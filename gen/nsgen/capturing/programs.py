"""Processes that run in namespaces, and the files that their resolver reads."""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address
from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import of_file, of_process
from nsgen.proof.state import KernelProcess
from nsgen.values import HOST, WORD

AGAIN = re.compile(r"again /run/nsgen/\S+ (always|on-failure) (.*)", re.DOTALL)
TAKEN = ("proxy-",)


def take_processes(draft: Draft) -> None:
    """Say programs as services, each under the name of the program; what they have started goes with them."""
    processes = [one for one in draft.state.processes if one.node in draft.state.nodes]
    by_id = {one.pid: one for one in processes}
    for process in processes:
        if not draft.account.open(of_process(process)):
            continue
        above = by_id.get(process.ppid)
        if above is not None and above.node == process.node:
            draft.account.say(of_process(process), f"{_command(above)[0][0]} starts it")
            continue
        below = next((one for one in processes if one.ppid == process.pid), None)
        words, found = _command(process, below)
        if not words or words[0].startswith("-") or process.node == HOST:
            draft.account.leave(of_process(process), "it is no service of a namespace")
            continue
        services = draft.at(process.node).setdefault("services", {})
        name = _name(words[0], services)
        services[name] = {"command": words, **found}
        draft.account.say(of_process(process), f"services.{name}")


def _command(
    process: KernelProcess, below: KernelProcess | None = None
) -> tuple[list[str], dict[str, Any]]:
    """What is run, without what runs it as somebody else or again, and what that comes to."""
    words, found = list(process.argv), dict[str, Any]()
    directory = process.cwd
    again = AGAIN.fullmatch(words[2]) if words[:2] == ["bash", "-c"] and len(words) > 2 else None
    if again:
        words, found["restart"] = shlex.split(again[2]), again[1]
        directory = "/"
        if words[0] == "env":
            words = words[1:]
            while words and (words[0] == "-C" or "=" in words[0]):
                if words[0] == "-C":
                    directory, words = words[1], words[2:]
                else:
                    key, _, value = words[0].partition("=")
                    found.setdefault("environment", {})[key] = value
                    words = words[1:]
    if words[:2] == ["runuser", "-u"] and "--" in words:
        # runuser(1) stays where it is to wait, in /; what it has started is where it was.
        directory = below.cwd if below is not None and directory == "/" else directory
        found["user"] = words[2]
        words = words[words.index("--") + 1 :]
    elif process.uid:
        found["user"] = process.user
    if directory != "/":
        found["directory"] = directory
    return words, found


def _name(program: str, taken: dict[str, Any]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]", "-", program.rsplit("/", 1)[-1]).strip("-") or "program"
    name, number = base if not base.startswith(TAKEN) else f"own-{base}", 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def take_files(draft: Draft) -> None:
    """Say what `resolv.conf` and `hosts` of a namespace say."""
    for path, text in draft.state.files.items():
        if path in draft.baseline.files:
            continue
        element = of_file(path)
        parts = path.split("/")
        node, name = (parts[3], "/".join(parts[4:])) if len(parts) > 4 else ("", "")
        if node not in draft.state.nodes or name not in ("resolv.conf", "hosts"):
            draft.account.leave(element, "the language has 'dns' and 'hosts', and no other file")
            continue
        found = _dns(text) if name == "resolv.conf" else _hosts(text)
        if not found:
            draft.account.leave(element, "it says nothing that 'dns' or 'hosts' could say")
            continue
        draft.at(node)["dns" if name == "resolv.conf" else "hosts"] = found
        draft.account.say(element, "dns" if name == "resolv.conf" else "hosts")


def _dns(text: str) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    keys = {
        "nameserver": "nameservers",
        "search": "search",
        "domain": "search",
        "options": "options",
    }
    for line in text.splitlines():
        words = re.split(r"[#;]", line)[0].split()
        if words and words[0] in keys:
            found.setdefault(keys[words[0]], []).extend(words[1:])
    return {key: values for key, values in found.items() if values}


def _hosts(text: str) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.split("#")[0].split() or [""]
        try:
            ip_address(address)
        except ValueError:
            continue
        for name in names:
            usual = name in ("localhost", "ip6-localhost", "ip6-loopback")
            if WORD.fullmatch(name) and not usual and address not in found.setdefault(name, []):
                found[name].append(address)
    return {name: one[0] if len(one) == 1 else one for name, one in found.items() if one}
