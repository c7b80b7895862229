"""Several Compose files to one, and a service with the one that it extends: by the rules of the specification."""

from __future__ import annotations

from nsgen.importing.tree import SourceNode
from nsgen.report import Path

RESET, OVERRIDE = "!reset", "!override"
# Keys of a service of which the later one is taken whole.
REPLACED = ("command", "entrypoint", "test")
# A list of names is a map without values; a list of KEY=VALUE one with them.
NAMED = ("networks", "depends_on")
PAIRED = ("environment", "sysctls", "labels", "annotations", "extra_hosts", "args")
LONE = ("dns", "dns_search", "env_file", "tmpfs", "label_file")  # a text, or a list of them


def merge(base: SourceNode, over: SourceNode, path: Path = ()) -> SourceNode:
    """Put what a later file has over what an earlier one has."""
    if over.tag == OVERRIDE:
        return over
    if path and path[-1] in REPLACED:
        return over
    base, over = _as_map(base, path), _as_map(over, path)
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        found = dict(base.value)
        for key, item in over.value.items():
            if item.tag == RESET:
                found.pop(key, None)
            else:
                found[key] = merge(found[key], item, (*path, key)) if key in found else item
        return over.with_value(found)
    lists = isinstance(base.value, list) and isinstance(over.value, list)
    if lists or (path and path[-1] in LONE and base.value is not None):
        return over.with_value(_united(base.list, over.list))
    if path == ("services",) or over.value is None:
        return base
    return over


def without_resets(node: SourceNode) -> SourceNode:
    """A tree without what is reset where nothing was before."""
    if isinstance(node.value, dict):
        entries = node.value.items()
        return node.with_value(
            {key: without_resets(item) for key, item in entries if item.tag != RESET}
        )
    return node


def _united(first: list[SourceNode], second: list[SourceNode]) -> list[SourceNode]:
    """A list after another one, without what is in that already."""
    before = [plain(item) for item in first]
    return [*first, *(item for item in second if plain(item) not in before)]


def plain(node: SourceNode) -> object:
    """A value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def _as_map(node: SourceNode, path: Path) -> SourceNode:
    """A list that stands for a map, as that."""
    last = path[-1] if len(path) == 3 and path[0] == "services" else ""
    if not isinstance(node.value, list):
        return node
    if last in NAMED:
        return node.with_value({item.text: item.with_value(None) for item in node.value})
    if last == "extra_hosts":
        entries = [(item, item.text.replace("=", ":", 1).partition(":")) for item in node.value]
        hosts: dict[str, SourceNode] = {}
        for item, (name, _, address) in entries:
            known = hosts[name].list if name in hosts else []
            one = item.with_value(address)
            hosts[name] = one.with_value([*known, one]) if known else one
        return node.with_value(hosts)
    if last in PAIRED:
        return node.with_value(dict(node.pairs()))
    return node
