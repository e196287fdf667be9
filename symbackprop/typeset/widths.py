"""How wide a formula is, roughly: enough to know where a line is broken."""

from __future__ import annotations

from collections.abc import Callable

from symbackprop.glyphs import BIG, GLYPHS, SIGNS, SPACES
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
    Number,
    Operator,
    Prime,
    Root,
    Row,
    Scripts,
    Space,
    Symbol,
    Text,
    is_word,
    merge_scripts,
    row,
)

__all__ = ["break_line", "width"]

_SIGN_WIDTH = {"bin": 1.22, "rel": 1.33, "punct": 0.45, "prefix": 0.78, "ord": 0.5}
_SCRIPT = 0.72
_WIDE_SIGNS = {
    "ldots": 1.17, "cdots": 1.17, "to": 1.56, "gets": 1.56, "mapsto": 1.56, "implies": 2.4, "iff": 2.4, "prime": 0.3,
}  # fmt: skip


def width(node: Node) -> float:
    """The width of a node in ems, roughly, set in display style.

    >>> width(row(Symbol("x"), Operator("="), Number("10")))
    2.9
    """
    return round(_width(node), 2)


def _width(node: Node) -> float:
    match node:
        case Symbol(name):
            return 0.57 if name in GLYPHS or len(name) == 1 else 0.5 * len(name) + (0.17 if is_word(node) else 0)
        case Number(text):
            return 0.5 * len(text)
        case Operator(name):
            return _WIDE_SIGNS.get(name, _SIGN_WIDTH[SIGNS[name].kind])
        case Row(items):
            return sum(map(_width, items))
        case Fraction(num, den):
            return max(_width(num), _width(den)) + 0.24
        case Scripts() | Prime():
            merged = merge_scripts(node)
            scripts = [_width(script) for script in (merged.sub, merged.sup) if script is not None]
            return _width(merged.base) + _SCRIPT * max(scripts, default=0) + 0.05
        case BigOperator(name, below, above, body):
            limits = [_SCRIPT * _width(limit) for limit in (below, above) if limit is not None]
            return max(BIG[name].width, *limits, 0) + 0.17 + _width(body)
        case Fence(body, _, _, grow):
            return _width(body) + (1.2 if grow else 0.78)
        case Root(body):
            return _width(body) + 0.9
        case Accent(base):
            return _width(base)
        case Matrix(rows):
            return sum(max(map(_width, column)) + 1 for column in zip(*rows, strict=True)) + 0.2
        case Cases(rows):
            return max(_width(value) for value, _ in rows) + max(_width(condition) for _, condition in rows) + 1.9
        case Text(text):
            return 0.48 * len(text)
        case Space(kind):
            return SPACES[kind][1]
        case Brace(body, below):
            return max(_width(body), _SCRIPT * _width(below))
        case Marked(body):
            return _width(body) + 0.3
        case Aligned(lines):
            notes = [_width(note) + 1.8 for _, _, note in lines if note is not None]
            return (
                max(_width(left) for left, _, _ in lines)
                + max(_width(right) for _, right, _ in lines)
                + max(notes, default=0)
            )
        case _:
            raise TypeError(f"not a typographic node: {type(node).__name__}")


def break_line(line: Row, limit: float, measure: Callable[[Node], float] = width) -> tuple[Row, ...]:
    """Split a row at its own `+` and `-` into pieces at most `limit` ems wide, as far as its terms allow.

    >>> total = row(Symbol("a"), Operator("+"), Symbol("b"), Operator("-"), Symbol("c"))
    >>> [len(piece.items) for piece in break_line(total, 2.5)]
    [3, 2]
    """
    terms: list[Row] = []
    for item in row(line).items:
        if not terms or (item in (Operator("+"), Operator("-")) and terms[-1].items):
            terms.append(Row())
        terms[-1] = Row((*terms[-1].items, item))
    pieces: list[Row] = []
    for term in terms:
        longer = row(pieces[-1], term) if pieces else term
        if pieces and measure(longer) <= limit:
            pieces[-1] = longer
        else:
            pieces.append(term)
    return tuple(pieces)
