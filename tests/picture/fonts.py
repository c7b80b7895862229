"""The advance widths of a TrueType font, from its tables `head`, `hhea`, `hmtx` and `cmap` (format 4)."""

from __future__ import annotations

import struct
from pathlib import Path


def advances(file: Path) -> dict[int, float]:
    """The width of each character in thousandths of the size."""
    data = file.read_bytes()
    tables = {}
    for index in range(struct.unpack_from(">H", data, 4)[0]):
        tag, _, start, _ = struct.unpack_from(">4sLLL", data, 12 + 16 * index)
        tables[tag] = start
    (units,) = struct.unpack_from(">H", data, tables[b"head"] + 18)
    (number,) = struct.unpack_from(">H", data, tables[b"hhea"] + 34)
    widths = [struct.unpack_from(">H", data, tables[b"hmtx"] + 4 * i)[0] for i in range(number)]
    glyphs = _glyphs(data, tables[b"cmap"])
    return {c: widths[min(g, number - 1)] * 1000 / units for c, g in glyphs.items()}


def _glyphs(data: bytes, start: int) -> dict[int, int]:
    """The glyph of each character, by the first table of format 4."""
    (number,) = struct.unpack_from(">H", data, start + 2)
    offsets = [struct.unpack_from(">L", data, start + 8 + 8 * i)[0] for i in range(number)]
    at = next(start + o for o in offsets if struct.unpack_from(">H", data, start + o)[0] == 4)
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    lasts = struct.unpack_from(f">{count}H", data, at + 14)
    firsts = struct.unpack_from(f">{count}H", data, at + 16 + 2 * count)
    deltas = struct.unpack_from(f">{count}h", data, at + 16 + 4 * count)
    found = {}
    for index in range(count):
        place = at + 16 + 6 * count + 2 * index
        (offset,) = struct.unpack_from(">H", data, place)
        for character in range(firsts[index], min(lasts[index], 0xFFFE) + 1):
            if offset == 0:
                found[character] = (character + deltas[index]) & 0xFFFF
                continue
            (glyph,) = struct.unpack_from(
                ">H", data, place + offset + 2 * (character - firsts[index])
            )
            found[character] = (glyph + deltas[index]) & 0xFFFF if glyph else 0
    return found
