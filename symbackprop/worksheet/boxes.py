"""A box to write in, empty or filled, in each medium."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symbackprop.typeset.heights import height
from symbackprop.typeset.tree import Node
from symbackprop.typeset.widths import width

__all__ = ["BOXES", "LETTER", "Boxes", "Size", "room_for"]


@dataclass(frozen=True)
class Size:
    """How wide and how high a box is, in ems."""

    wide: float
    high: float


@dataclass(frozen=True)
class Boxes:
    """How a medium writes a box with a label and what it is worth, and one with the answer in it; `joined` puts the relation before it."""

    empty: Callable[[str, int, Size], str]
    filled: Callable[[str, str], str]
    joined: str = " "


LETTER = Size(5.5, 2.2)
_HAND = 1.7  # so much wider than print is a formula written by hand
_LEAST, _LINE, _FREE = 10.0, 2.8, 1.1


def room_for(answer: Node, line: float) -> Size:
    """A box in which the answer can be written by hand, on several lines where one of `line` ems is too short."""
    wide = width(answer) * _HAND + 3.0
    lines = 1 + int(wide / line)
    return Size(round(min(max(wide, _LEAST), line), 1), round(max(_LINE, height(answer) * 1.1 + _FREE) * lines, 1))


def _html(label: str, points: int, size: Size) -> str:
    style = f"width: {size.wide}em; height: {size.high}em"
    return f'<span class="blank" style="{style}"><small>({label})</small><small>/ {points}</small></span>'


def _katex(label: str, points: int, size: Size) -> str:
    strut = rf"\rule[{0.4 - size.high / 2:.2f}em]{{0em}}{{{size.high}em}}"
    return rf"\boxed{{\text{{({label})}}{strut}\hspace{{{size.wide - 3:.1f}em}}\text{{/ {points}}}}}"


BOXES: Mapping[str, Boxes] = {
    "latex": Boxes(
        lambda label, points, size: rf"\emptybox{{{label}}}{{{points}}}{{{size.wide}em}}{{{size.high}em}}",
        lambda label, answer: rf"\filledbox{{{label}}}{{{answer}}}",
    ),
    "html": Boxes(_html, lambda label, answer: f'<span class="answer"><small>{f"({label})" if label else ""}</small>{answer}</span>'),
    "markdown": Boxes(_katex, lambda label, answer: rf"\boxed{{\text{{({label})}}\;\; {answer}}}" if label else rf"\boxed{{{answer}}}"),
    "typst": Boxes(
        lambda label, points, size: f'#emptybox("{label}", {points}, {size.wide}em, {size.high}em)',
        lambda label, answer: f'#filledbox("{label}", [{answer}])',
    ),
}  # fmt: skip
