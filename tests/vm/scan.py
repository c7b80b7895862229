"""Print every TCP port of an address that takes a connection."""

from __future__ import annotations

import asyncio
import sys

AT_ONCE = 100
PATIENCE = 10  # seconds


async def is_open(address: str, port: int, slots: asyncio.Semaphore) -> bool:
    """Try to connect."""
    async with slots:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True


async def main(address: str) -> None:
    """Try every well-known port, those around the published one, and some of the others."""
    slots = asyncio.Semaphore(AT_ONCE)
    ports = [*range(1, 1024), *range(1024, 7900, 50), *range(7900, 10240), *range(10240, 65536, 50)]
    answers = await asyncio.gather(*(is_open(address, port, slots) for port in ports))
    sys.stdout.writelines(f"{port}\n" for port, there in zip(ports, answers, strict=True) if there)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
