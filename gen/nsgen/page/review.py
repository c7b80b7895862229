"""The page as data: everything that its template prints."""

from __future__ import annotations

from typing import Any

from nsgen.change.show import COUNTED, GONE, NOW, SAMPLED, grouped
from nsgen.change.show import MARKS as SIGNS
from nsgen.change.show import Told as ToldChange
from nsgen.compiler import Compiled
from nsgen.page.lit import Lit
from nsgen.page.matrix import Mark, Matrix
from nsgen.page.origins import Origins
from nsgen.page.places import Places
from nsgen.page.rows import Script
from nsgen.page.told import Known, Teller
from nsgen.page.ways import Ways
from nsgen.plan.steps import Plan
from nsgen.proof.asked import Asked
from nsgen.proof.claims.all import Claims
from nsgen.proof.claims.scene import choose
from nsgen.proof.rehearse import Result, untried
from nsgen.proof.result import PHASES, Verified
from nsgen.reach.ways import Reach
from nsgen.script import describe, targets
from nsgen.words import count

READABLE = 55  # per cent of its size, to which a picture is made smaller at most
SIGN: dict[Mark, str] = {"yes": "✓", "no": "\N{EN DASH}", "failed": "✗", "untried": "?"}
CLAIMED: dict[Mark, str] = {"yes": "to be answered", "no": "not to be answered"}
TRIED: dict[Mark, str] = {
    "yes": "answered, as it should be",
    "no": "not answered, as it should be",
    "failed": "not as it should be",
    "untried": "not tried",
}


def claimed(plan: Plan) -> Result:
    """What a topology claims, and nobody has tried."""
    return untried(Claims(plan.topology, choose(plan.topology)))


def review(
    loaded: Compiled,
    plan: Plan,
    svg: str,
    tried: Result | None = None,
    change: ToldChange | None = None,
) -> dict[str, Any]:
    """What the page of a topology prints; `svg` is its picture, `tried` what came of a rehearsal."""
    if loaded.source is None or loaded.written is None:
        raise ValueError("a topology that could not be read has no page")
    topology, places = plan.topology, Places(loaded.source)
    asked = Asked(topology, loaded.written, places.anchor)
    origins = Origins(topology, loaded.written, asked)
    script = Script(plan, origins, asked, places)
    result = claimed(plan) if tried is None else tried
    verified = Verified(topology, result, loaded.place)
    matrix = Matrix(result, tried=tried is not None)
    ways = Ways(plan, choose(topology), Reach(topology))
    lit = Lit(svg, [namespace.name for namespace in topology.namespaces])
    teller = Teller(verified, Known(ways, lit, script, origins, asked, places))
    used = {cell.mark for cell in matrix.cells}
    means = {m: text for m, text in (TRIED if tried else CLAIMED).items() if m in used}
    return {
        "name": topology.name,
        "summary": describe.summary(topology),
        "findings": [loaded.texts.show(finding) for finding in loaded.findings()],
        "least": lit.width * READABLE // 100,
        "tried": tried is not None,
        "verdict": verified.summary() if tried is not None else count(len(result.claims), "claim"),
        "phases": [(PHASES[name], text) for name, ok, text in result.phases if not ok],
        "notes": result.notes,
        "key": [(mark, SIGN[mark], text) for mark, text in means.items()],
        "signs": SIGN,
        "means": means,
        "blocks": list(matrix.blocks()),
        "told": [teller.of(cell, tried=tried is not None) for cell in matrix.cells],
        "parts": script.parts,
        "files": [(path, file.text) for path, file in targets.tree(plan, "etc/").items()],
        "sources": places.files,
        "change": _changed(change) if change is not None else None,
    }


def _changed(change: ToldChange) -> dict[str, Any]:
    nodes: dict[str, list[dict[str, Any]]] = {}
    for one in change.counted:
        told = {
            "sign": SIGNS[one.action],
            "action": COUNTED[one.action],
            "title": change.title(one),
            "details": change.details(one),
        }
        nodes.setdefault(one.key.node, []).append(told)
    reaches = ((NOW, change.reaches.now), (GONE, change.reaches.gone))
    return {
        "summary": change.summary(),
        "interrupted": change.interrupted,
        "nodes": nodes,
        "reaches": [(title, list(grouped(ways))) for title, ways in reaches if ways],
        "sampled": SAMPLED if change.reaches.sampled else "",
    }
