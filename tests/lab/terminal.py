"""Run a command at a terminal of its own, until it is on trial; then press a key there, or hang up.

    terminal.py key|hangup COMMAND...

What it says is printed. The exit status is that of the command, unless it was hung up.
"""

from __future__ import annotations

import os
import pty
import select
import sys
import time

ASKED = b"with: confirm"
PAUSE = 0.5  # seconds; what was typed before it asks, and a moment after, is thrown away


def main(how: str, command: list[str]) -> int:
    """Run it. One key is pressed too early, and is none."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)  # noqa: S606 (it is given as words)
    os.write(terminal, b"x")
    said, asked = b"", False
    while True:
        try:
            if not select.select([terminal], [], [], PAUSE)[0]:
                if asked:  # a busy machine may have thrown the first one away, too
                    os.write(terminal, b"k")
                continue
            said += os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not asked and ASKED in said:
            asked = True
            time.sleep(PAUSE)
            if how == "hangup":
                os.close(terminal)
                break
            os.write(terminal, b"k")
    sys.stdout.buffer.write(said)
    return 0 if how == "hangup" else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
