"""Long expressions in lines: parted at the loosest operators, then at the commas of the brackets, as one would by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

__all__ = ["operands", "wrapped"]

_STEP = "    "
_OPERATORS = (re.compile(r" (?=[+-] )"), re.compile(r" (?=[*/@] )"))
_COMMA = re.compile(r"(?<=,) ")


def wrapped(text: str, width: int) -> list[str]:
    """An expression in lines of at most `width` where it can be parted, each operand and each closed bracket on lines of its own.

    >>> print(*wrapped("first(a, b) * x + second(c)[0, :, :]", 22), sep="\\n")
    first(a, b) * x
    + second(c)[0, :, :]
    >>> print(*wrapped('sums("ab,bc->ac", first, second)', 24), sep="\\n")
    sums(
        "ab,bc->ac", first,
        second,
    )
    """
    if len(text) <= width:
        return [text]
    parts = operands(text)
    if len(parts) > 1:
        return [line for part in parts for line in wrapped(part, width)]
    opened = _last_bracket(text)
    if opened is None:
        return [text]
    start, end = opened
    inside = text[start + 1 : end]
    lines = _filled(inside, width - len(_STEP))
    if len(operands(inside)) == 1 and len(_parted(inside, _COMMA)) > 1 and text[start] != "[":
        lines[-1] += ","
    return [text[: start + 1], *(f"{_STEP}{line}" for line in lines), text[end:]]


def operands(text: str) -> list[str]:
    """The operands of the loosest operator outside of all brackets, each but the first with its sign in front.

    >>> operands("-a * b + (c - d) - e")
    ['-a * b', '+ (c - d)', '- e']
    """
    for operator in _OPERATORS:
        parts = _parted(text, operator)
        if len(parts) > 1:
            return parts
    return [text]


def _filled(text: str, width: int) -> list[str]:
    """What stands between brackets: as many arguments on a line as fit."""
    lines: list[str] = []
    for argument in _parted(text, _COMMA):
        if lines and len(lines[-1]) + 1 + len(argument) <= width and not lines[-1].startswith((")", "]")):
            lines[-1] += f" {argument}"
        else:
            lines += wrapped(argument, width)
    return lines


def _parted(text: str, at: re.Pattern[str]) -> list[str]:
    """The text parted at the blanks that match and stand in no bracket and no quotes."""
    places = {m.start() for m in at.finditer(text)} & {n for n, depth in _depths(text) if depth == 0}
    ends = [-1, *sorted(places), len(text)]
    return [text[a + 1 : b] for a, b in pairwise(ends)]


def _last_bracket(text: str) -> tuple[int, int] | None:
    """Where the longest of the outermost brackets is opened and closed."""
    found, start = list[tuple[int, int]](), None
    for n, depth in _depths(text):
        if depth == 1 and start is None and text[n] in "([{":
            start = n
        elif depth == 1 and start is not None and text[n] in ")]}":
            found.append((start, n))
            start = None
    return max(found, key=lambda pair: pair[1] - pair[0], default=None)


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """How many brackets each character stands in, its own counted; what is quoted is left out."""
    depth, quoted = 0, False
    for n, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += char in "([{"
            yield n, depth
            depth -= char in ")]}"
