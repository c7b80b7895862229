"""How large things are: in pixels, by the widths of real fonts, or in characters of a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# Advance widths of U+0020 to U+007E in thousandths of the size, rounded up: of each character the wider one of DejaVu
# Sans 2.37 and Liberation Sans 1.07.4 (whose widths are those of Arial and Helvetica), table `hmtx`.
PLAIN = (
    *(318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337),
    *(637, 637, 637, 637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 557),
    *(1016, 685, 687, 723, 771, 667, 611, 778, 752, 295, 500, 667, 558, 863, 749, 788),
    *(667, 788, 723, 667, 611, 732, 685, 989, 686, 667, 686, 391, 337, 391, 838, 557),
    *(500, 613, 635, 550, 635, 616, 353, 635, 634, 278, 278, 580, 278, 975, 634, 612),
    *(635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838),
)
# The same of their bold faces.
BOLD = (
    *(349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366),
    *(696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 611),
    *(1000, 774, 763, 734, 831, 684, 684, 821, 837, 373, 557, 775, 638, 996, 837, 851),
    *(733, 851, 771, 721, 683, 813, 774, 1104, 771, 725, 726, 458, 366, 458, 838, 557),
    *(500, 675, 716, 593, 716, 679, 436, 716, 712, 343, 343, 666, 343, 1042, 712, 688),
    *(716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838),
)
OTHER = 1000  # arrows, dashes and dots: none of those that a picture has is wider in either font


def _pixels(text: str, size: int, *, bold: bool) -> int:
    table = BOLD if bold else PLAIN
    advances = (table[ord(c) - 32] if 32 <= ord(c) < 127 else OTHER for c in text)
    return -(-sum(advances) * size // 1000)


@lru_cache(10_000)  # a device is measured again wherever it may stand
def text_width(text: str, look: str) -> int:
    """The width of a text in pixels, rounded up."""
    size = {"title": 15, "strong": 13}.get(look, 12)
    return _pixels(text, size, bold=look in ("title", "strong", "badge"))


def _characters(text: str, _look: str) -> int:
    return max(
        0, len(text) - 1
    )  # from the first character to the last one, as from a border to the other


@dataclass(frozen=True)
class Measures:
    """The sizes of a picture, in one unit."""

    width: Callable[[str, str], int]
    most: int  # how wide a picture may be before what is in it is put into rows
    slack: int  # how many times as wide a wired group may be, for the sake of its form
    clip: int  # characters of a text inside a box
    aside: int  # the same of the texts beside rails
    crowd: int  # the widest row of sockets; beyond that, they are listed
    row: int  # the height of a row of text
    base: int  # from the top of a row to its base line
    title: int  # the height of a title
    edge: int  # the thickness of a border, where it takes room
    pad: int  # from the border of a box to what is in it, sideways
    head: int  # from the upper border of a box to its first row
    foot: int  # from the last row to the lower border
    socket_pad: int  # from the border of a socket to its text, sideways
    socket_head: int
    socket_foot: int
    socket_gap: int  # between sockets
    gap: int  # between boxes side by side
    link: int  # between boxes side by side that a cable joins
    track: int  # between lines side by side
    fan: int  # between rows of boxes, for the lines from one to the other
    rule: int  # of a line between sockets and what is in the box, where they have no border
    apart: int  # between rows of boxes without lines
    arrow: int  # between what is outside and the host
    pin: int  # from the left border of a socket to its line
    label: int  # from a line to what is said beside it
    beside: int  # from what is said there to the box below
    rail: int  # between rails, at least
    margin: int
    slanted: bool  # whether lines between rows are straight


PIXELS = Measures(
    text_width,
    most=1240,
    slack=2,
    clip=50,
    aside=44,
    crowd=560,
    row=17,
    base=13,
    title=21,
    edge=0,
    pad=10,
    head=7,
    foot=8,
    socket_pad=7,
    socket_head=2,
    socket_foot=4,
    socket_gap=6,
    gap=26,
    link=54,
    track=12,
    fan=50,
    rule=0,
    apart=26,
    arrow=34,
    pin=13,
    label=7,
    beside=4,
    rail=14,
    margin=20,
    slanted=True,
)


def characters(columns: int) -> Measures:
    """The sizes in a terminal with so many columns."""
    return Measures(
        _characters,
        most=columns - 1,
        slack=1,
        clip=max(16, columns // 2 - 6),
        aside=max(16, columns // 4),
        crowd=max(20, columns - 36),
        row=1,
        base=0,
        title=1,
        edge=1,
        pad=2,
        head=1,
        foot=0,
        socket_pad=0,
        socket_head=0,
        socket_foot=0,
        socket_gap=3,
        gap=3,
        link=6,
        track=1,
        fan=2,
        rule=1,
        apart=2,
        arrow=2,
        pin=0,
        label=2,
        beside=0,
        rail=1,
        margin=0,
        slanted=False,
    )
