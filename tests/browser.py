"""Chromium without a screen, spoken to by the DevTools protocol, <https://chromedevtools.github.io/devtools-protocol/>.

By a pipe (`--remote-debugging-pipe`): a message is JSON that ends with NUL, so that it takes no library.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

SECONDS = 60
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-sandbox"),
    *("--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--disable-extensions", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb"),
)


class Browser:
    """A browser with one page."""

    def __init__(self, program: str) -> None:
        """Start it."""
        self._folder = tempfile.TemporaryDirectory(
            prefix="nsgen-chromium-", ignore_cleanup_errors=True
        )
        down, up = os.pipe(), os.pipe()
        command = [program, *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        # It reads by 3, and writes by 4.
        shell = ["bash", "-c", f'exec "$@" 3<&{down[0]} 4>&{up[1]}', "browser", *command]
        self._process = subprocess.Popen(
            shell, pass_fds=[down[0], up[1]], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(down[0])
        os.close(up[1])
        self._to = os.fdopen(down[1], "wb")
        self._from = os.fdopen(up[0], "rb")
        self._read = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        pages = self.ask("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        found = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]

    def __enter__(self) -> Browser:  # noqa: PYI034 (typing has no Self before 3.11)
        """Give it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End it."""
        self._to.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._from.close()
        self._folder.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done, and give what comes of it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                found: dict[str, Any] = told["result"]
                return found
            self.events.append(told)

    def wait(self, method: str) -> dict[str, Any]:
        """An event of this kind, from the ones that came already or the next ones."""
        while True:
            for event in self.events:
                if event.get("method") == method:
                    self.events.remove(event)
                    return event
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            more = os.read(self._from.fileno(), 1 << 16)
            assert more, "the browser has ended"
            self._read += more
        text, self._read = self._read.split(b"\0", 1)
        found: dict[str, Any] = json.loads(text)
        return found

    # -- a page ---------------------------------------------------------------------------------

    def open(self, file: Path) -> None:
        """Load a file, and wait until that is done."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Page.navigate", url=file.as_uri())
        self.wait("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression."""
        found = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """Press a key; `modifiers`: 8 is the shift key."""
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                modifiers=modifiers,
                **({"text": text} if text and kind == "keyDown" else {}),
            )
