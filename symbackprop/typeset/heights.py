"""How high a formula stands, roughly: enough to know how much of a derivation a slide holds.

The numbers are those by which TeX sets Computer Modern (The TeXbook, appendix G), in ems of the text around.
"""

from __future__ import annotations

from collections.abc import Iterable

from symbackprop.typeset.tree import (
    Accent,
    Aligned,
    BigOperator,
    Brace,
    Cases,
    Fence,
    Fraction,
    Marked,
    Matrix,
    Node,
    Operator,
    Prime,
    Root,
    Row,
    Scripts,
    Symbol,
    merge_scripts,
)  # fmt: skip
from symbackprop.typeset.widths import SCALE, scripted, smaller, style_of

__all__ = ["height"]

_AXIS = 0.25  # fractions, sums and fences are centred this far above the line
_LINE = 1.24  # from one line of text to the next
_LETTER = (0.72, 0.22)
_DISPLAY = style_of(inline=False)

Extent = tuple[float, float]  # above the line on which letters stand, and below it


def height(node: Node, inline: bool = False) -> float:
    """The height of a node in ems, roughly, set on a line of its own or in running text.

    >>> from symbackprop.typeset.tree import Symbol
    >>> height(Symbol("x")), height(Fraction(Symbol("x"), Symbol("y")))
    (0.94, 2.31)
    """
    return round(sum(_extent(node, style_of(inline))), 2)


def _extent(node: Node, style: int) -> Extent:
    match node:
        case Row(items):
            return _highest(_extent(item, style) for item in items)
        case Fraction(num, den):
            return _fraction(_extent(num, smaller(style)), _extent(den, smaller(style)), style == _DISPLAY)
        case Scripts() | Prime():
            merged = merge_scripts(node)
            return _scripts(_extent(merged.base, style), merged.sub, merged.sup, style, not _ends_in_a_character(merged.base))
        case BigOperator(_, below, above, body):
            return _highest((_big(below, above, style), _extent(body, style)))
        case Matrix(rows):
            return _centred(sum(_table_line(line, _LINE, style) for line in rows))
        case Cases(rows):
            return _centred(sum(_table_line(line, 1.2 * _LINE, style) for line in rows))
        case Aligned(lines):
            return _centred(sum(max(_LINE, sum(_highest((_extent(left, style), _extent(right, style))))) + 0.3 for left, right, _ in lines))
        case Fence(body, _, _, True):
            up, down = _extent(body, style)
            half = max(up - _AXIS, down + _AXIS)
            return _AXIS + half + 0.1, half - _AXIS + 0.1
        case Brace(body, below):
            up, down = _extent(body, style)
            return up, down + 0.6 + sum(_extent(below, scripted(style)))
        case Marked(body):
            up, down = _extent(body, style)
            return up + 0.32, down + 0.32
        case Fence(body) | Accent(body) | Root(body):
            up, down = _extent(body, style)
            return up + 0.2 * SCALE[style], down + 0.1 * SCALE[style]
        case _:
            return _LETTER[0] * SCALE[style], _LETTER[1] * SCALE[style]


def _highest(parts: Iterable[Extent]) -> Extent:
    ups, downs = zip(*parts, strict=True) if (parts := tuple(parts)) else ((0.0,), (0.0,))
    return max(ups), max(downs)


def _centred(total: float) -> Extent:
    return total / 2 + _AXIS, total / 2 - _AXIS


def _fraction(num: Extent, den: Extent, display: bool) -> Extent:
    """Numerator and denominator on their own lines, or as far apart as the bar between them needs."""
    up, down, gap = (0.68, 0.69, 0.14) if display else (0.4, 0.35, 0.06)
    return max(up, _AXIS + gap + num[1]) + num[0], max(down, den[0] + gap - _AXIS) + den[1]


def _table_line(cells: Iterable[Node], line: float, style: int) -> float:
    """A line of a matrix, with the space that the writer of LaTeX adds to those with fractions in them."""
    needed = sum(_highest(_extent(c, min(style, _DISPLAY - 1)) for c in cells))
    return line if needed <= line else needed + 0.37


def _ends_in_a_character(base: Node) -> bool:
    """Whether scripts stand where they stand on a letter, and not at the edges of a box."""
    return isinstance(base, (Symbol, Operator)) or (isinstance(base, Fence) and not base.grow)


def _scripts(base: Extent, sub: Node | None, sup: Node | None, style: int, boxed: bool) -> Extent:
    up, down = base
    inner, em = scripted(style), SCALE[style]
    if sup is not None:
        high, low = _extent(sup, inner)
        up = max(up, max(0.41 * em, base[0] - 0.39 if boxed else 0.0, low + 0.12 * em) + high)
    if sub is not None:
        high, low = _extent(sub, inner)
        shift = max((0.25 if sup is not None else 0.15) * em, base[1] + 0.05 if boxed else 0.0, high - 0.35 * em)
        down = max(down, shift + low)
    return up, down


def _big(below: Node | None, above: Node | None, style: int) -> Extent:
    """A sum in display has its limits above and below, elsewhere as scripts."""
    if style != _DISPLAY:
        return _scripts((0.75 * SCALE[style], 0.25 * SCALE[style]), below, above, style, boxed=True)
    up, down = 0.95, 0.45
    if above is not None:
        high, low = _extent(above, scripted(style))
        up += max(0.11, 0.2 - low) + high + low + 0.1
    if below is not None:
        high, low = _extent(below, scripted(style))
        down += max(0.17, 0.6 - high) + high + low + 0.1
    return up, down
