"""How wide a formula is, roughly: enough to know where a line is broken."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import east_asian_width

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

__all__ = ["SCALE", "break_line", "scripted", "smaller", "style_of", "text_width", "width"]

# TeX sets a formula in one of four styles: scripts of scripts, scripts, running text, and display.
_TINY, _SCRIPT, _TEXT, _DISPLAY = range(4)
SCALE = (0.55, 0.72, 1.0, 1.0)

_SIGN_WIDTH = {"bin": 1.22, "rel": 1.33, "punct": 0.45, "prefix": 0.78, "ord": 0.5}
_TIGHT = {"bin": 0.78, "rel": 0.78, "punct": 0.28, "prefix": 0.78, "ord": 0.5}  # no space in scripts
_WIDE_SIGNS = {
    "ldots": 1.17, "cdots": 1.17, "to": 1.56, "gets": 1.56, "mapsto": 1.56, "implies": 2.4, "iff": 2.4, "prime": 0.3,
}  # fmt: skip
_LETTERS = {**dict.fromkeys("ijlI", 0.36), **dict.fromkeys("ftr", 0.48), "m": 0.88, "w": 0.72, "M": 1.05, "W": 1.05, "nabla": 0.83}
_BOLD = 1.16


def width(node: Node, inline: bool = False) -> float:
    """The width of a node in ems, roughly, set on a line of its own or in running text.

    >>> width(row(Symbol("x"), Operator("="), Number("10")))
    2.9
    """
    return round(_width(node, style_of(inline)), 2)


def text_width(text: str) -> float:
    """The width of words in ems, roughly; a Chinese character is as wide as it is high.

    >>> text_width("ab"), text_width("反向")
    (0.96, 2.0)
    """
    return sum(1.0 if east_asian_width(char) in "WF" else 0.48 for char in text)


def style_of(inline: bool) -> int:
    """The style of a formula in running text, or on a line of its own."""
    return _TEXT if inline else _DISPLAY


def smaller(style: int) -> int:
    """The style of the parts of a fraction."""
    return max(style - 1, _TINY)


def scripted(style: int) -> int:
    """The style of what stands above or below."""
    return _TINY if style <= _SCRIPT else _SCRIPT


def _letter(name: str, style: str) -> float:
    found = _LETTERS.get(name, 0.78 if name[0].isupper() else 0.57)
    return found * _BOLD if style.startswith("bold") else found


def _sign(name: str, style: int) -> float:
    return _WIDE_SIGNS.get(name, (_TIGHT if style <= _SCRIPT else _SIGN_WIDTH)[SIGNS[name].kind]) * SCALE[style]


def _width(node: Node, style: int) -> float:
    match node:
        case Symbol(name, shape):
            if name in GLYPHS or len(name) == 1:
                return _letter(name, shape) * SCALE[style]
            return (sum(0.72 if char.isupper() else 0.5 for char in name) + (0.17 if is_word(node) else 0)) * SCALE[style]
        case Number(text):
            return 0.5 * len(text) * SCALE[style]
        case Operator(name):
            return _sign(name, style)
        case Row(items):
            return sum(_width(item, style) for item in items)
        case Fraction(num, den):
            return max(_width(num, smaller(style)), _width(den, smaller(style))) + 0.24
        case Scripts() | Prime():
            merged = merge_scripts(node)
            scripts = [_width(script, scripted(style)) for script in (merged.sub, merged.sup) if script is not None]
            return _width(merged.base, style) + max(scripts, default=0) + 0.05
        case BigOperator(name, below, above, body):
            limits = max((_width(limit, scripted(style)) for limit in (below, above) if limit is not None), default=0)
            sign = max(BIG[name].width, limits) if style == _DISPLAY else 0.73 * BIG[name].width * SCALE[style] + limits
            return sign + 0.17 + _width(body, style)
        case Fence(body, _, _, grow):
            return _width(body, style) + (1.2 if grow else 0.78) * SCALE[style]
        case Root(body):
            return _width(body, style) + 0.9 * SCALE[style]
        case Accent(base):
            return _width(base, style)
        case Matrix(rows):
            return sum(max(_width(cell, min(style, _TEXT)) for cell in column) + 1 for column in zip(*rows, strict=True)) + 0.2
        case Cases(rows):
            values, conditions = zip(*rows, strict=True)
            return max(_width(v, min(style, _TEXT)) for v in values) + max(_width(c, min(style, _TEXT)) for c in conditions) + 1.9
        case Text(text):
            return text_width(text) * SCALE[style]
        case Space(kind):
            return SPACES[kind][1]
        case Brace(body, below):
            return max(_width(body, style), _width(below, scripted(style)))
        case Marked(body):
            return _width(body, style) + 0.6
        case Aligned(lines):
            notes = [_width(note, _TEXT) + 1.8 for _, _, note in lines if note is not None]
            return (
                max(_width(left, style) for left, _, _ in lines)
                + max(_width(right, style) for _, right, _ in lines)
                + max(notes, default=0)
            )
        case _:
            raise TypeError(f"not a typographic node: {type(node).__name__}")


_BREAKS = tuple(map(Operator, ("+", "-", "=", "approx")))


def break_line(line: Row, limit: float, measure: Callable[[Node], float] = width) -> tuple[Row, ...]:
    """Split a row before its own `+`, `-`, `=` and `≈` into pieces at most `limit` ems wide, as far as its terms allow.

    >>> total = row(Symbol("a"), Operator("+"), Symbol("b"), Operator("-"), Symbol("c"))
    >>> [len(piece.items) for piece in break_line(total, 2.5)]
    [3, 2]
    """
    terms: list[Row] = []
    for item in row(line).items:
        if not terms or (item in _BREAKS and terms[-1].items):
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
