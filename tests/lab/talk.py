"""Keep one TCP connection talking: whether it survives what is done to the machine meanwhile.

The client sends a number, the server sends it back, every 50 ms; FILE holds the last one that came back, or a line
that begins with ``broken``. The process goes into the background once they talk, and its number is printed.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path

from nsgen.proof.lab.nodes import destination, family_of, inside

PATIENCE = 20  # seconds; the kernel doubles its time to send again, which is 0.2 s at first
PAUSE = 0.05  # seconds


def connect(arguments: argparse.Namespace) -> tuple[socket.socket, socket.socket]:
    """Open both ends: the client's and the server's."""
    family = family_of(arguments.to)
    with inside(arguments.server):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(
            destination("::" if family == socket.AF_INET6 else "0.0.0.0", arguments.listen)
        )
        listener.listen(1)
    with inside(arguments.client):
        client = socket.socket(family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(destination(arguments.to, arguments.port))
    server, _ = listener.accept()
    listener.close()
    server.settimeout(PATIENCE)
    return client, server


def talk(client: socket.socket, server: socket.socket, file: Path) -> None:
    """Say and repeat, until one of them is not heard."""
    new = file.with_name(f"{file.name}.new")
    try:
        for number in range(1, sys.maxsize):
            said = f"{number}\n".encode()
            for speaker, listener in ((client, server), (server, client)):
                speaker.sendall(said)
                heard = listener.recv(64)
                if heard != said:
                    raise ConnectionError(f"{heard!r} instead of {said!r}")
            new.write_bytes(said)
            new.replace(file)
            time.sleep(PAUSE)
    except OSError as error:
        file.write_text(f"broken: {error}\n")


def main() -> None:
    """Connect, go into the background, talk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", help="the node that connects")
    parser.add_argument("to", help="the address that it connects to")
    parser.add_argument("port", type=int, help="the port that it connects to")
    parser.add_argument("server", help="the node that listens")
    parser.add_argument("listen", type=int, help="the port that it listens on")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    client, server = connect(arguments)
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    talk(client, server, arguments.file)


if __name__ == "__main__":
    main()
