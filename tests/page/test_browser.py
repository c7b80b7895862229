"""A page in Chromium: it says nothing, asks for nothing, works by keyboard and without its script, and is quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from browser import Browser
from nsgen.cli.commands import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LOUD = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
SECONDS = 0.3  # of script, for 200 namespaces
MANY = "name: big\nnetworks: {lan: {subnet: 10.1.0.0/16, internet: true}}\nnamespaces:\n" + "".join(
    f'  ns{n}: {{networks: [lan], publish: ["{8000 + n}:80"]}}\n' for n in range(200)
)
# What has the focus: which of all that can have it, and whether that is to be seen.
FOCUSED = """(() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [all.indexOf(one), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
})()"""
LIT = '[...document.querySelectorAll("#picture .lit")].map((one) => one.id).sort()'

pytestmark = pytest.mark.xdist_group("browser")  # which is started once


@pytest.fixture(scope="module")
def browser(program: Callable[[str], str]) -> Iterator[Browser]:
    """A browser, if there is one."""
    with Browser(program("chromium")) as found:
        found.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        yield found


@pytest.fixture
def article(browser: Browser, tmp_path: Path) -> Browser:
    """The page of the article, with what changes, in a window of a usual size."""
    old = tmp_path / "old.yaml"
    old.write_text((EXAMPLES / "article.yaml").read_text().replace("8080:80", "8081:80"))
    show(browser, tmp_path, EXAMPLES / "article.yaml", "--against", old)
    return browser


def show(browser: Browser, folder: Path, *words: object, said: str | None = None) -> None:
    """Have the page of a topology shown."""
    done = CliRunner().invoke(main, ["page", *map(str, words)], input=said)
    assert done.exit_code == 0, done.output
    (folder / "page.html").write_text(done.stdout)
    browser.events.clear()
    resize(browser, 1280)
    browser.open(folder / "page.html")


def resize(browser: Browser, width: int) -> None:
    """Make the window as wide."""
    browser.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )


def centre(browser: Browser, selector: str) -> dict[str, Any]:
    """The middle of an element, brought into the window."""
    found: dict[str, Any] = browser.run(
        f"""(() => {{
          const one = document.querySelector({selector!r});
          one.scrollIntoView({{block: "center"}});
          const box = one.getBoundingClientRect();
          return {{x: box.x + box.width / 2, y: box.y + box.height / 2}};
        }})()"""
    )
    return found


def test_it_says_nothing_and_asks_for_nothing(article: Browser) -> None:
    """Nothing is on the console, and nothing but the file is asked for, whatever is pointed at."""
    for _ in range(3):
        article.press("Tab", 9)
    article.ask("Input.dispatchMouseEvent", type="mouseMoved", **centre(article, "td a"))
    article.run("new Promise((done) => setTimeout(done, 100))")
    asked = [
        e["params"]["request"]["url"]
        for e in article.events
        if e["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.endswith("/page.html")] == []
    assert [event for event in article.events if event["method"] in LOUD] == []


def test_every_control_is_reached_by_tab(article: Browser) -> None:
    """Tab comes to everything that can be used, in order, and back to the first; the focus is always seen."""
    number = article.run(
        """globalThis.all = [...document.querySelectorAll("a[href], button, [tabindex]")]
             .filter((one) => one.tabIndex >= 0), all.length"""
    )
    assert number > 60
    found = []
    for _ in range(number):
        article.press("Tab", 9)
        found.append(article.run(FOCUSED))
    # Where a way is told, its links are controls, too: they come and go.
    kept = [index for index, _ in found if index >= 0]
    assert kept == sorted(kept)
    assert all(seen for _, seen in found)
    skipped = set(range(number)) - set(kept)
    while skipped:
        article.press("Tab", 9)
        index, seen = article.run(FOCUSED)
        assert index in skipped or index < 0, index
        assert seen
        skipped.discard(index)


def test_a_cell_lights_its_way(article: Browser) -> None:
    """By keyboard and by pointer: the way lights up, what is told is that of the cell, and Esc puts it out."""
    cell = 'td a[aria-label^="blue asks internet:"]'
    way = article.run(
        f"document.getElementById(document.querySelector('{cell}').hash.slice(1)).dataset.lights.split(' ').sort()"
    )
    assert {"node-blue", "network-bridge0", "node-internet"} <= set(way)
    article.run(f"document.querySelector('{cell}').focus()")
    assert article.run(LIT) == way
    said = article.run('document.getElementById("told").innerText')
    assert "blue asks internet" in said
    assert "MASQUERADE" in said
    assert "line 9" in said
    article.press("ArrowLeft", 37)
    assert article.run("document.activeElement.ariaLabel").startswith("blue asks gateway:")
    article.press("ArrowUp", 38)
    assert article.run("document.activeElement.ariaLabel").startswith("red asks gateway:")
    assert "node-blue" not in article.run(LIT)
    article.ask("Input.dispatchMouseEvent", type="mouseMoved", **centre(article, cell))
    assert article.run(LIT) == way
    article.press("Escape", 27)
    assert article.run(LIT) == []
    assert "Point at a cell" in article.run('document.getElementById("told").innerText')


def test_it_reads_without_its_script(article: Browser, tmp_path: Path) -> None:
    """Where scripts do not run there is the same text, and a cell leads to what is told of it."""
    text = article.run(
        "document.body.innerText.replace(document.getElementById('told').innerText, '')"
    )
    article.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        article.open(tmp_path / "page.html")
        assert article.run("document.documentElement.className") == ""
        without = article.run("document.body.innerText")
        assert without.split() == text.split()
        place = centre(article, 'td a[aria-label^="blue asks internet:"]')
        for kind in ("mousePressed", "mouseReleased"):
            article.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
        assert article.run("document.querySelector(':target h3').innerText").startswith(
            "blue asks internet"
        )
        assert article.run("document.querySelector(':target').getBoundingClientRect().top") < 900
    finally:
        article.ask("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [320, 768, 1280, 1920])
def test_it_fits(article: Browser, width: int) -> None:
    """The page is not scrolled sideways, however wide the window; what is wider scrolls by itself."""
    resize(article, width)
    assert article.run("document.documentElement.scrollWidth") <= width


def test_it_is_printed(article: Browser) -> None:
    """On paper there is no control, all is shown, and nothing is cut off."""
    article.ask("Emulation.setEmulatedMedia", media="print")
    resize(article, 720)  # A4, less its margins
    try:
        assert article.run("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert article.run("getComputedStyle(document.getElementById('told')).display") == "none"
        assert article.run("document.documentElement.scrollWidth") <= 720
        cut = """[...document.querySelectorAll("figure, .scroll, pre, li")]
          .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
          .map((one) => one.outerHTML.slice(0, 90))"""
        assert article.run(cut) == []
    finally:
        article.ask("Emulation.setEmulatedMedia", media="")
    assert len(article.ask("Page.printToPDF")["data"]) > 10_000


def test_many_are_quick(browser: Browser, tmp_path: Path) -> None:
    """Of 200 namespaces, the script takes no time to speak of, from its start until every cell was pointed at."""
    browser.ask("Performance.enable")
    before = seconds(browser)
    show(browser, tmp_path, "-", said=MANY)
    number = browser.run(
        """(() => {
          let lit = 0;
          for (const one of document.querySelectorAll("td a")) {
            one.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
            lit += document.querySelectorAll("#picture .lit").length > 0;
          }
          return lit;
        })()"""
    )
    assert number > 20
    assert seconds(browser) - before < SECONDS


def seconds(browser: Browser) -> float:
    """How long scripts have run."""
    metrics = browser.ask("Performance.getMetrics")["metrics"]
    found: float = next(one["value"] for one in metrics if one["name"] == "ScriptDuration")
    return found
