"""YAML that does not parse: the parser's error as advice in words of ours.

libyaml and PyYAML's own parser, which is used where libyaml is missing, word the same error
differently; a user of either gets the same line, or nearly.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from nsgen.language.yaml.excerpt import BREAK

# What both parsers' messages have in common, whether the caret goes to where the unfinished thing
# began, and what to do about it. `{found}` is what stands where the parser gave up, `{since}` the
# line on which the thing began.
ADVICE: Final = (
    ("document start", False, "expected the end of the topology here: is a line indented wrongly?"),
    ("cannot start any token", False, "a value cannot start with {found}: put it in quotes"),
    ("mapping values are not", False, "a ':' is not expected here: check quotes and indentation"),
    ("quoted scalar.*end of stream", True, "this quote is not closed"),
    ("unknown escape", False, "this is no escape sequence: write '\\\\', or use single quotes"),
    ("escape", False, "this escape sequence is no character: write '\\\\', or use single quotes"),
    ("flow sequence", False, "expected ',' or ']' in the list of line {since}, found {found}"),
    ("flow mapping", False, "expected ',' or '}}' in the map of line {since}, found {found}"),
    ("simple key", True, "expected 'KEY: value', there is no ':' on this line"),
    ("block mapping", False, "expected a key, indented like that on line {since}, found {found}"),
    ("block (col|seq)", False, "expected '- ', indented like that on line {since}, found {found}"),
    ("an (anchor|alias)", True, "the name is missing; a text with '&' or '*' first needs quotes"),
    ("tag|directive|YAML document", False, "tags and directives are not supported: remove it"),
    ("block scalar", False, "expected the end of the line after '|' or '>'"),
    ("node content", False, "expected a value, found {found}"),
)


def advise(text: str, error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Where the parser gave up, and what to do about it."""
    at = min(error.problem_mark.index, len(text)) if error.problem_mark else 0
    since = error.context_mark.index if error.context_mark else at
    if text[at : at + 1] == "\t":
        return at, "a tab cannot indent in YAML: use spaces"
    if text[max(at - 1, 0) : at + 1] == "${":
        return at - 1, "inside of [ ] and { } a '${...}' needs quotes"
    problem = f"{error.context}: {error.problem}"
    fitting = ((start, words) for known, start, words in ADVICE if re.search(known, problem))
    from_start, words = next(fitting, (False, "this is not valid YAML"))
    advice = words.format(found=_found(text, at), since=len(BREAK.findall(text[:since])) + 1)
    if text[at : at + 1] == "[" and "flow" in problem:
        advice += ": a text with brackets needs quotes"
    return since if from_start else min(at, len(text.rstrip())), advice


def _found(text: str, at: int) -> str:
    rest = text[at : at + 1]
    if not rest.strip():
        return "the end of the line" if text[at:].strip() else "the end of the file"
    word = re.match(r"[\w.-]{1,20}", text[at:])
    return repr(word[0] if word else rest)
