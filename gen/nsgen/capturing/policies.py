"""Rules of policy routing."""

from __future__ import annotations

from typing import Any

from nsgen.capturing.draft import Draft
from nsgen.capturing.elements import new_rules, of_rule
from nsgen.capturing.routing import table_number
from nsgen.proof.state import KernelRule

# Of a rule: what is told otherwise, what has the same form in the language, and what is a range there.
UNTOLD = {"priority", "table", "protocol", "iif_detached", "oif_detached"}
SAME = {
    "iif": "iif", "oif": "oif", "ipproto": "ipproto", "suppress_prefixlen": "suppress_prefixlength",
    "sport": "sport", "dport": "dport",
}  # fmt: skip
RANGES = (
    ("uidrange", "uid_start", "uid_end"),
    ("sport", "sport_start", "sport_end"),
    ("dport", "dport_start", "dport_end"),
)


def take_rules(draft: Draft) -> None:
    """Say the rules of policy routing; one of both IP versions is written once."""
    for node in draft.nodes:
        rules = [
            rule
            for rule in new_rules(node, draft.before(node.name))
            if draft.account.open(of_rule(node.name, rule))
        ]
        bodies = [(rule, _rule(rule)) for rule in rules]
        both = [body for rule, body in bodies if body is not None and rule.version == 6]
        for rule, body in bodies:
            element = of_rule(node.name, rule)
            if body is None:
                draft.account.leave(element, "it does something else than to ask a table")
                continue
            entries = draft.at(node.name).setdefault("rules", [])
            entry = dict(body)
            alone = not {"from", "to"} & set(body)
            twice = any(other == body for one, other in bodies if one.version != rule.version)
            if alone and not twice:
                entry = {"from": "0.0.0.0/0" if rule.version == 4 else "::/0", **body}
            if not (rule.version == 6 and alone and twice and body in both):
                entries.append(entry)
            draft.account.say(element, "rules")


def _rule(rule: KernelRule) -> dict[str, Any] | None:
    raw = {key: value for key, value in rule.raw.items() if key not in UNTOLD}
    found: dict[str, Any] = {}
    table = table_number(rule.table)
    if raw.pop("not", "absent") != "absent":
        found["not"] = True
    for key, name in (("src", "from"), ("dst", "to")):
        value, length = raw.pop(key, "all"), raw.pop(f"{key}len", None)
        if value != "all":
            found[name] = value if length is None else f"{value}/{length}"
    if "fwmark" in raw:
        mark, mask = raw.pop("fwmark"), raw.pop("fwmask", "0xffffffff")
        found["mark"] = mark if mask == "0xffffffff" else f"{mark}/{mask}"
    for key, name in SAME.items():
        if key in raw:
            found[name] = raw.pop(key)
    for name, first, last in RANGES:
        if first in raw:
            begin, end = raw.pop(first), raw.pop(last)
            found[name] = str(begin) if begin == end else f"{begin}-{end}"
    if raw or table is None:
        return None
    return {**found, "table": table, "priority": rule.priority}
