"""How much room notes take on slides, and which pieces of them stand together on one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from symbackprop.documents.rendering import Medium
from symbackprop.typeset.heights import height
from symbackprop.typeset.tree import Node
from symbackprop.typeset.widths import text_width, width

__all__ = ["ROOM", "WIDTH", "Piece", "heights", "lines_of_words", "measure_heights", "measure_widths", "packed", "widths"]

# A slide of 16 by 9 cm in 11 pt below its title, in ems.
WIDTH = 36.0
ROOM = 18.5
_APART = 0.15  # a break between two steps costs as much as this part of an empty slide

_SANS, _SPACE = 0.9, 0.33  # a sans serif is narrower than the roman of articles
_ZERO = 0xF0000  # characters for private use, of which each stands for a length in tenths of an em


def _length(ems: float) -> str:
    return chr(_ZERO + round(10 * ems))


def widths(marks: str) -> list[float]:
    """The widths of the words and the formulas of a text, measured by `measure_widths`."""
    return [(ord(mark) - _ZERO) / 10 for mark in marks]


heights = widths


def _words(text: str) -> list[str]:
    """What a line is not broken in: words, and single characters of Chinese."""
    return [part for word in text.split() for part in ([word] if word.isascii() else re.split(r"(?<=[\u2e80-\uffef])", word)) if part]


def measure_widths(medium: Medium) -> Medium:
    """A medium that writes the width of each word and each formula instead of it."""
    return replace(
        medium, text=lambda text: "".join(_length(_SANS * text_width(word) + _SPACE) for word in _words(text)), inline=_measured(width, inline=True),
        display=_measured(width, inline=False), reference=lambda label, number: _length(1.0 + text_width(number)),
        section=lambda key, title: _length(text_width(title)),
    )  # fmt: skip


def measure_heights(medium: Medium) -> Medium:
    """A medium that writes the height of each formula, and nothing for words."""
    return replace(
        medium, text=lambda text: "", inline=_measured(height, inline=True), display=_measured(height, inline=False),
        reference=lambda label, number: "", section=lambda key, title: "",
    )  # fmt: skip


def _measured(size: Callable[[Node, bool], float], inline: bool) -> Callable[[Node], str]:
    return lambda node: _length(size(node, inline))


def lines_of_words(marks: str, room: float = WIDTH) -> int:
    """How many lines a paragraph needs, each filled with as many words as it holds."""
    lines, full = 0, inf
    for word in widths(marks):
        if full + word > room:
            lines, full = lines + 1, 0.0
        full += word
    return lines


@dataclass(frozen=True)
class Piece:
    """What stays together on a slide: a paragraph, a line of a formula, a row of a table, a picture.

    `opening` is what the first piece of a formula or a table needs besides. Pieces of one `group` are a derivation or a table;
    a `step` is an overlay; what is `joined` goes on from the piece before, and stands on its slide.
    """

    kind: str
    high: float
    data: Mapping[str, Any]
    opening: float = 0.0
    group: str = ""
    step: bool = False
    joined: bool = False

    def follows(self, before: Piece) -> bool:
        """Whether both are lines of one formula, or rows of one table."""
        return self.opening > 0 and self.kind == before.kind and self.group == before.group


def packed(pieces: Sequence[Piece]) -> list[Sequence[Piece]]:
    """The pieces on as few slides as hold them, evenly filled, and broken between derivations rather than between steps.

    Words stay with the formula or the table that they lead to.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(pieces) + 1):
        best.append(min((best[start][0] + _cost(pieces, start, end), start) for start in range(end)))
    slides: list[Sequence[Piece]] = []
    end = len(pieces)
    while end:
        start = best[end][1]
        slides.insert(0, pieces[start:end])
        end = start
    return slides


def _cost(pieces: Sequence[Piece], start: int, end: int) -> float:
    """What a slide of these pieces costs: ten for being there, less than one for its emptiness, and something for an ugly break after it."""
    full = sum(p.high + (0.0 if n and p.follows(pieces[start + n - 1]) else p.opening) for n, p in enumerate(pieces[start:end]))
    following = pieces[end] if end < len(pieces) else None
    if end - start > 1 and full > ROOM:
        return inf
    cost = 10 + max(1 - full / ROOM, 0.0) ** 2
    if following is None:
        return cost
    last = pieces[end - 1]
    if following.joined or (last.kind == "prose" and following.opening):
        return cost + 10
    return cost + (_APART if last.group and last.group == following.group else 0.0)
