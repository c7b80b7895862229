"""docs/steps.md, the article step by step: it is what the examples, their scripts and `nsgen verify` say."""

from __future__ import annotations

import importlib.util
import re
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from compiling import STEPS

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs/steps.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def steps() -> ModuleType:
    """Give what writes the page."""
    spec = importlib.util.spec_from_file_location("steps", CHECKOUT / "docs/steps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(steps: ModuleType) -> None:
    """Every topology, every difference and every matrix on the page is what there is."""
    shown = PAGE[PAGE.index(steps.BEGIN) :]
    assert steps.made() == shown, "`make steps` writes the page again"


def test_what_takes_no_kernel_is_up_to_date(steps: ModuleType) -> None:
    """The topologies and the plain scripts, where nothing can be rehearsed too."""
    for step, before in zip(STEPS, [None, *STEPS], strict=False):
        for part in steps.changes(step, before):
            assert part in PAGE, "`make steps` writes the page again"


def test_a_step_adds_what_the_section_is_about(steps: ModuleType) -> None:
    """Beside its neighbour, a topology differs in this, and in nothing else."""
    found = []
    for before, step in pairwise(STEPS):
        changed = steps.difference(steps.topology(before), steps.topology(step))
        found.append(
            [re.sub(r"^([+-]) +", r"\1 ", line) for line in changed if line[:1] in ("+", "-")]
        )
    reach = "- {published: 8080, target: 80, reach: [outside, host, loopback%s]}"
    addresses = {"2": "- networks: [bridge0]", "3": "- networks: [bridge0]"}
    assert found == [
        [
            "+ subnet: 192.168.15.0/24",
            "+ gateway: false",
            *(
                line
                for last, gone in addresses.items()
                for line in (gone, f"+ networks: {{bridge0: 192.168.15.{last}}}")
            ),
        ],
        ["- gateway: false", "+ gateway: 192.168.15.1"],
        ["+ internet: true"],
        [
            "+ publish:",
            f"+ {reach % ''}",
            "+ services:",
            '+ web: {command: [python3, -m, http.server, "80"], directory: /usr/share/doc, user: nobody}',
        ],
        [f"- {reach % ''}", f"+ {reach % ', network'}"],
        [f"- {reach % ', network'}", f"+ {reach % ', network, self'}"],
    ]


def test_every_step_makes_something_work() -> None:
    """From the second step on, something is answered that was not, for a reason that is told."""
    sections = PAGE.split("\n## ")[2:]
    assert len(sections) == len(STEPS) - 1
    for section in sections:
        news = re.findall(r"^- \w+ reaches .*\. Before: (.+)\.$", section, re.MULTILINE)
        assert news
        before, now = re.findall(r"^article: (\d+) of \d+ claims hold", section, re.MULTILINE)
        assert int(before) < int(now)
