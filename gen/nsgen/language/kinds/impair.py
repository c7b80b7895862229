"""Delay, loss and a limited rate: netem, tc-netem(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nsgen.language import described
from nsgen.language.schema import Scalar, key
from nsgen.ops import Argv

TIME = re.compile(r"(?P<number>[0-9]{1,6}(\.[0-9]{1,3})?)(?P<unit>us|ms|s)")
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?%")
RATE = re.compile(r"(?P<number>[0-9]{1,6}(\.[0-9]{1,3})?)(?P<unit>bit|kbit|mbit|gbit)")
MICROSECONDS = {"us": 1, "ms": 1000, "s": 1_000_000}
BITS = {"bit": 1, "kbit": 1000, "mbit": 1_000_000, "gbit": 1_000_000_000}
TIMES = described.text("time", described.plain(TIME), "a time such as 20ms, 500us or 1s")
RATES = described.text("rate", described.plain(RATE), "a rate in bits a second such as 10mbit")
PERCENTS = described.text("share", described.plain(PERCENT), "a share from 0% to 100% such as 0.1%")


def _duration(text: str) -> str:
    """A time as tc(8) prints it."""
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a time such as 20ms, got {text!r}")
    micro = round(float(match["number"]) * MICROSECONDS[match["unit"]])
    for unit, size in (("s", 1_000_000), ("ms", 1000)):
        if micro >= size:
            return f"{micro / size:.6g}{unit}"
    return f"{micro}us"


def _percent(text: str) -> str:
    if not PERCENT.fullmatch(text) or float(text[:-1]) > 100:
        raise ValueError(f"expected a share from 0% to 100% such as 0.1%, got {text!r}")
    return text


def _rate(text: str) -> str:
    """A rate as tc(8) prints it."""
    match = RATE.fullmatch(text)
    bits = round(float(match["number"]) * BITS[match["unit"]]) if match else 0
    if bits == 0:
        raise ValueError(f"expected a rate in bits a second such as 10mbit, got {text!r}")
    for unit in ("", "K", "M", "G"):
        if bits < 1000 or (bits % 1000 and bits < 1_000_000):
            break
        if unit != "G":
            bits //= 1000
    return f"{bits}{unit}bit"


@dataclass(frozen=True)
class Impair:
    """What happens to packets on a link, both ways: delay, loss, a limited rate."""

    delay: str | None = key(
        Scalar(_duration, TIMES), "How much later a packet arrives.", default=None
    )
    jitter: str | None = key(
        Scalar(_duration, TIMES), "By how much the delay varies, up or down.", default=None
    )
    loss: str | None = key(Scalar(_percent, PERCENTS), "The share of lost packets.", default=None)
    duplicate: str | None = key(
        Scalar(_percent, PERCENTS), "The share of packets that arrive twice.", default=None
    )
    corrupt: str | None = key(
        Scalar(_percent, PERCENTS), "The share of packets with a wrong bit.", default=None
    )
    reorder: str | None = key(
        Scalar(_percent, PERCENTS), "The share of packets that skip the delay.", default=None
    )
    rate: str | None = key(
        Scalar(_rate, RATES), "How much it carries, in bits a second.", default=None
    )

    def words(self) -> Argv:
        """What follows ``netem``."""
        found: list[str] = []
        if self.delay is not None:
            found += ["delay", self.delay, *([self.jitter] if self.jitter else [])]
        for name in ("loss", "duplicate", "reorder", "corrupt", "rate"):
            value = getattr(self, name)
            found += [name, value] if value is not None else []
        return tuple(found)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """What is wrong with it by itself: a key, and a text."""
        for name in ("jitter", "reorder"):
            if getattr(self, name) is not None and self.delay is None:
                yield name, f"{name!r} needs a delay to change: add 'delay', such as 20ms"
        if self == Impair():
            yield "", "there is nothing in it: give a 'delay', 'loss' or 'rate'"
