"""How high a formula stands, roughly: enough to know how much of a derivation a slide holds."""

from __future__ import annotations

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
    Prime,
    Root,
    Row,
    Scripts,
    merge_scripts,
)  # fmt: skip

__all__ = ["height"]

_LINE = 1.0
_SCRIPT = 0.7


def height(node: Node) -> float:
    """The height of a node in ems, roughly, set in display style.

    >>> from symbackprop.typeset.tree import Symbol
    >>> height(Symbol("x")), height(Fraction(Symbol("x"), Symbol("y")))
    (1.0, 2.2)
    """
    match node:
        case Row(items):
            return max(map(height, items), default=_LINE)
        case Fraction(num, den):
            return height(num) + height(den) + 0.2
        case Scripts() | Prime():
            merged = merge_scripts(node)
            scripts = [_SCRIPT * height(script) - 0.4 for script in (merged.sub, merged.sup) if script is not None]
            return height(merged.base) + sum(scripts)
        case BigOperator(_, below, above, body):
            limits = sum(_SCRIPT * height(limit) + 0.15 for limit in (below, above) if limit is not None)
            return max(1.4 + limits, height(body))
        case Matrix(rows):
            return sum(max(map(height, line)) + 0.3 for line in rows)
        case Cases(rows):
            return sum(max(height(value), height(condition)) + 0.3 for value, condition in rows)
        case Aligned(lines):
            return sum(max(height(left), height(right)) + 0.3 for left, right, _ in lines)
        case Brace(body, below):
            return height(body) + 0.4 + _SCRIPT * height(below)
        case Fence(body) | Accent(body) | Root(body) | Marked(body):
            return height(body) + 0.1
        case _:
            return _LINE
