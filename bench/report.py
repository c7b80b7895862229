"""Turn results of bench/compare.py into tables and a plot: `python bench/report.py RESULT...`.

So are those of bench/first_packet.py and bench/rendering.py. The text between the marks of docs/performance.md is
replaced; what stands around it is written by hand.
"""

from __future__ import annotations

import json
import sys
from math import log, log10
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
COLOURS = ("#000000", "#0072b2", "#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#999999")
STEPS = ("up", "up again", "check", "down")
Runs = list[dict[str, Any]]


def medians(runs: Runs, step: str) -> dict[str, dict[int, float]]:
    """By way and number of namespaces, the median of a step's seconds."""
    found: dict[str, dict[int, list[float]]] = {}
    for run in runs:
        if step in run.get("seconds", {}):
            sizes = found.setdefault(run["way"], {})
            sizes.setdefault(run["namespaces"], []).append(run["seconds"][step])
    return {way: {n: median(times) for n, times in sizes.items()} for way, sizes in found.items()}


def ratios(runs: Runs, step: str, base: str = "limit") -> dict[str, dict[int, float]]:
    """By way and number of namespaces, the median of a step's ratio to `up` of the base in the same round."""
    bases = {
        (run["session"], run["namespaces"], run["round"]): run["seconds"]["up"]
        for run in runs
        if run["way"] == base and "seconds" in run
    }
    found: dict[str, dict[int, list[float]]] = {}
    for run in runs:
        key = run["session"], run["namespaces"], run["round"]
        if step in run.get("seconds", {}) and key in bases:
            sizes = found.setdefault(run["way"], {})
            sizes.setdefault(run["namespaces"], []).append(run["seconds"][step] / bases[key])
    return {way: {n: median(values) for n, values in by.items()} for way, by in found.items()}


def tables(result: dict[str, Any], runs: Runs) -> str:
    """Describe the machine, and every step as a table of ratios."""
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    sizes = sorted({run["namespaces"] for run in runs})
    loads = [run["load"] for run in runs]
    lines = [
        f"Measured on {result['date']}: {machine}; load average from {min(loads):.0f} to {max(loads):.0f}.",
        "",
    ]
    for way, what in result["not installed"].items():
        lines += [f"Not measured, because it is not installed: {way} ({what}).", ""]
    for step in STEPS:
        by_way = ratios(runs, step)
        lines += [f"`{step}`, as a multiple of the limit's `up`:", ""]
        lines.append("| | " + " | ".join(f"N = {n}" for n in sizes) + " | exponent |")
        lines.append("|---|" + "--:|" * (len(sizes) + 1))
        absolute = medians(runs, step)
        for way in dict.fromkeys(run["way"] for run in runs):
            if way not in by_way:
                continue
            cells = [_cell(by_way[way].get(n)) for n in sizes]
            lines.append(f"| {way} | " + " | ".join(cells) + f" | {exponent(absolute[way])} |")
        lines.append("")
    for failed in dict.fromkeys(
        (r["way"], r["namespaces"], r["failed"]) for r in runs if "failed" in r
    ):
        lines += [f"{failed[0]} with {failed[1]} namespaces: {failed[2]}.", ""]
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def exponent(times: dict[int, float]) -> str:
    """How the time grows from 100 to 1000: by this power of the number."""
    if 100 not in times or 1000 not in times:
        return ""
    return f"{log(times[1000] / times[100]) / log(10):.2f}"


def first_packet() -> str:
    """Compare connections per second with those where one port is published."""
    runs = json.loads((HERE / "first_packet.json").read_text())
    rates = {(run["round"], run["ports"]): run["rates"] for run in runs}
    lines = [
        "Connections per second to one published port, divided by those to the last of so many:",
        "",
        "| published ports | from outside | from a sibling |",
        "|--:|--:|--:|",
    ]
    for ports in dict.fromkeys(run["ports"] for run in runs):
        cells = [
            _cell(
                median(
                    rates[turn, 1][who] / found[who]
                    for (turn, n), found in rates.items()
                    if n == ports
                )
            )
            for who in ("outside", "sibling")
        ]
        lines.append(f"| {ports:,} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def rendering() -> str:
    """Compare what nsgen takes with what its imports take, in the same round."""
    runs = json.loads((HERE / "rendering.json").read_text())
    base = {run["round"]: run for run in runs if run["name"] == "imports"}
    seconds = median(run["seconds"] for run in base.values())
    lines = [
        f"nsgen itself, as multiples of `python -c 'import click, jinja2, yaml'` ({seconds:.3f} s):",
        "",
        "| | time | processor time | seconds here | memory, MiB | printed, MiB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in dict.fromkeys(run["name"] for run in runs):
        mine = [run for run in runs if run["name"] == name]
        cells = [
            _cell(median(run[what] / base[run["round"]][what] for run in mine))
            for what in ("seconds", "processor")
        ]
        cells.append(f"{median(run['seconds'] for run in mine):.2f}")
        cells += [
            f"{median(run[what] for run in mine) / 2**20:.1f}" for what in ("memory", "printed")
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def plot(runs: Runs) -> str:
    """Draw `up` over the number of namespaces, both logarithmic."""
    times = medians(runs, "up")
    values = [value for by in times.values() for value in by.values()]
    low, high = log10(min(values)), log10(max(values))
    sizes = sorted({n for by in times.values() for n in by})
    left, top, width, height = 60, 20, 440, 320

    def x(n: float) -> float:
        return left + width * (log10(n) - log10(sizes[0])) / (log10(sizes[-1]) - log10(sizes[0]))

    def y(value: float) -> float:
        return top + height * (high - log10(value)) / (high - low)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" font-size="12">',
        '<rect width="640" height="400" fill="#fff"/>',
        f'<path d="M{left} {top}V{top + height}H{left + width}" fill="none" stroke="#888"/>',
    ]
    parts += [
        f'<text x="{x(n):.0f}" y="{top + height + 18}" text-anchor="middle">{n}</text>'
        for n in sizes
    ]
    for power in range(-2, 4):
        if low <= power <= high:
            at = y(10**power)
            parts.append(
                f'<text x="{left - 6}" y="{at + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>'
            )
            parts.append(f'<path d="M{left} {at:.0f}h{width}" stroke="#ddd"/>')
    parts.append(f'<text x="{left + width / 2}" y="390" text-anchor="middle">namespaces</text>')
    for number, (way, by) in enumerate(times.items()):
        points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in sorted(by.items()))
        colour = COLOURS[number % len(COLOURS)]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        at = top + 16 + 18 * number
        parts.append(f'<path d="M520 {at - 4}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="546" y="{at}">{way}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main(paths: list[str]) -> None:
    """Write the tables into the page, and the plot beside it."""
    results = [json.loads(Path(path).read_text()) for path in paths]
    runs = [
        run | {"session": index} for index, result in enumerate(results) for run in result["runs"]
    ]
    page = DOCS / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    measured = "\n".join((tables(results[-1], runs), first_packet(), rendering()))
    page.write_text(f"{before}{BEGIN}{measured}{END}{after}")
    (DOCS / "performance.svg").write_text(plot(runs))


if __name__ == "__main__":
    main(sys.argv[1:])
