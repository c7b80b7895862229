"""Wait on an address and port until somebody connects and says ``asked``; a scan of ports says nothing."""

from __future__ import annotations

import socket
import sys


def main(address: str, port: int) -> None:
    """Take one connection after the other."""
    with socket.create_server((address, port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                try:
                    if connection.recv(100).strip() == b"asked":
                        return
                except OSError:
                    pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
