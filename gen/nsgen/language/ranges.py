"""A range in a text: ``[1-5]``, or a list such as ``[red,blue]`` and ``[2-5,1]``, and what it is at each step."""

from __future__ import annotations

import re
from functools import lru_cache

from nsgen.language.described import DEALT
from nsgen.values import MAX_NAMESPACES

ALIKE = (  # for those who know another way
    "write entries that are alike as one, such as 'web[1-3]' or '[red,blue]': ranges in it deal what differs"
)
# Brackets that hold anything else, an IPv6 address or [a-z] say, are text.
BRACKETS = re.compile(rf"\[\[(?P<text>{DEALT})\]\]|\[(?P<dealt>{DEALT})\]")
NUMBERS = re.compile(r"(?P<first>[0-9]{1,6})-(?P<last>[0-9]{1,6})")


@lru_cache(maxsize=1000)
def steps(dealt: str) -> tuple[str, ...]:
    """What is in the brackets of a range, one by one; ``08-10`` keeps the leading zeros."""
    found: list[str] = []
    for item in dealt.split(","):
        numbers = NUMBERS.fullmatch(item)
        if numbers is None:
            found.append(item)
            continue
        first, last = numbers["first"], numbers["last"]
        if int(first) > int(last):
            raise ValueError(
                f"the range '[{dealt}]' counts down: write [{last}-{first}], or a list"
            )
        if len(found) + int(last) - int(first) >= MAX_NAMESPACES:
            raise ValueError(f"'[{dealt}]' is more than {MAX_NAMESPACES} entries")
        width = len(first) if first.startswith("0") else 0
        found += [f"{number:0{width}}" for number in range(int(first), int(last) + 1)]
    return tuple(found)


def at_step(text: str, step: int) -> str:
    """A text with one step of each of its ranges."""
    if "[" not in text:
        return text
    return BRACKETS.sub(
        lambda found: steps(found["dealt"])[step] if found["dealt"] else f"[{found['text']}]", text
    )


def unquoted(value: object) -> str:
    """What to do about a list that may be a range: YAML takes ``[1-5]`` for a list."""
    texts = value if isinstance(value, list) else []
    text = f"[{','.join(texts)}]" if all(isinstance(item, str) for item in texts) else ""
    return f": a range needs quotes, '{text}'" if BRACKETS.fullmatch(text) else ""
