"""Presentation MathML from the tree: MathML Core, well-formed XML, good in Chromium, Firefox and Safari without a script."""

from __future__ import annotations

from html import escape
from itertools import zip_longest
from typing import Literal

from symbackprop.glyphs import ACCENTS, BIG, FENCES, GLYPH_OF_CHAR, GLYPHS, MATRIX_FENCES, SIGNS, SPACES, styled

from .tree import (
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
    is_letter,
    is_word,
    merge_scripts,
    row,
)  # fmt: skip

CSS = """\
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Noto Sans Math", math; }
math[display="block"] { margin: 1em 0; overflow-x: auto; overflow-y: hidden; }
math .sb-aligned mtd, math .sb-cases mtd { text-align: left; }
math .sb-aligned mtd { padding: 0.45em 0; }
math .sb-aligned mtd.sb-left { text-align: right; }
math .sb-aligned mtd.sb-note { padding-left: 2em; }
math .sb-cases mtd { padding: 0.2em 0; }
math .sb-cases mtd + mtd { padding-left: 1em; }
math .sb-overline { border-top: 0.06em solid; padding-top: 0.12em; }
math .sb-vec { font-size: 0.6em; }
math .sb-matrix mtd { padding: 0.25em 0.45em; }
math .sb-marked { background: #fbdcd8; color: #8e1b10; border-bottom: 0.1em solid; }
"""
"""The style sheet an HTML page needs once: what MathML Core leaves to CSS (alignment and distance in tables)."""

_LEVEL = Literal["display", "text", "script"]
_APPLY = "<mo>\N{FUNCTION APPLICATION}</mo>"
_SPACING = {
    "bin": (0.222, 0.222),
    "rel": (0.278, 0.278),
    "punct": (0.0, 0.167),
    "prefix": (0.0, 0.0),
    "ord": (0.0, 0.0),
}
# where the operator dictionary of MathML Core has another spacing than TeX, or none
_SPACED_BY_HAND = {
    "colon",
    "slash",
    "star",
    "oslash",
    "ldots",
    "cdots",
    "forall",
    "period",
    "semicolon",
    "mid",
    "prime",
}


def mathml(node: Node, display: Literal["block", "inline"] = "block") -> str:
    """The node as a `math` element, on a line of its own (`block`) or in running text (`inline`).

    >>> mathml(Scripts(Symbol("a"), Symbol("j"), Symbol("l")), "inline")
    '<math display="inline"><msubsup><mi>a</mi><mi>j</mi><mi>l</mi></msubsup></math>'
    """
    if display not in ("block", "inline"):
        raise ValueError(f"display is 'block' or 'inline', not {display!r}")
    return f'<math display="{display}">{_write(node, "display" if display == "block" else "text")}</math>'


def _write(node: Node, level: _LEVEL) -> str:
    """The node as exactly one element."""
    match node:
        case Symbol():
            return _symbol(node)
        case Number(text):
            return f"<mn>{escape(_printable(text))}</mn>"
        case Operator(name):
            return _operator(name, level)
        case Row():
            return _row(row(node), level)
        case Fraction(num, den):
            inner: _LEVEL = "text" if level == "display" else "script"
            return f"<mfrac>{_write(num, inner)}{_write(den, inner)}</mfrac>"
        case Scripts() | Prime():
            return _scripts(merge_scripts(node), level)
        case BigOperator():
            return _big(node, level)
        case Fence(body, left, right, grow):
            return _fence(_write(body, level), left, right, grow)
        case Root(body):
            return f"<msqrt>{_write(body, level)}</msqrt>"
        case Accent(base, kind):
            return _accent(_write(base, level), kind, narrow=is_letter(base))
        case Matrix(rows, fence):
            _, left, right = MATRIX_FENCES[fence]
            return _fence(
                _table("sb-matrix", [[_write(cell, "text") for cell in line] for line in rows]), left, right, True
            )
        case Cases(rows):
            table = _table(
                "sb-cases", [[_write(value, "text"), _write(condition, "text")] for value, condition in rows]
            )
            return _fence(table, "{", "none", True)
        case Text(text):
            return _text(text)
        case Space(kind):
            return f'<mspace width="{SPACES[kind][1]}em"></mspace>'
        case Brace(body, below):
            braced = f'<munder>{_write(body, level)}<mo stretchy="true">\N{BOTTOM CURLY BRACKET}</mo></munder>'
            return f"<munder>{braced}{_write(below, 'script')}</munder>"
        case Marked(body):
            return f'<mrow class="sb-marked">{_write(body, level)}</mrow>'
        case Aligned(lines):
            return _aligned(lines)
        case _:
            raise TypeError(f"MathML cannot print a node of type {type(node).__name__}")


def _text(text: str) -> str:
    # white space at the ends of an element is dropped, a no-break space is not
    body = _printable(f"_{text}_")[1:-1]
    ends = (body[:1].replace(" ", "\N{NO-BREAK SPACE}"), body[-1:].replace(" ", "\N{NO-BREAK SPACE}"))
    return f"<mtext>{escape(ends[0] if len(body) < 2 else ends[0] + body[1:-1] + ends[1])}</mtext>"


def _printable(text: str) -> str:
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _symbol(symbol: Symbol) -> str:
    glyph = GLYPHS.get(symbol.name) or GLYPH_OF_CHAR.get(symbol.name)
    name = glyph.char if glyph else _printable(symbol.name)
    if symbol.style not in ("italic", "upright", "word"):
        return f"<mi>{escape(''.join(styled(char, symbol.style) for char in name))}</mi>"
    upright = symbol.style in ("upright", "word") or (glyph is not None and glyph.upright)
    if len(name) == 1:
        variant = ' mathvariant="normal"' if upright else ""
        return f"<mi{variant}>{escape(name)}</mi>"
    # an <mi> of several letters is upright; the slanted letters are characters of their own
    return f"<mi>{escape(name if upright else ''.join(styled(char, 'italic') for char in name))}</mi>"


def _operator(name: str, level: _LEVEL) -> str:
    sign = SIGNS[name]
    before, after = _SPACING[sign.kind]
    spacing = ""
    if level == "script" and sign.kind in ("bin", "rel", "punct"):
        spacing = ' lspace="0em" rspace="0em"'  # TeX sets operators in scripts without space
    elif name in _SPACED_BY_HAND:
        spacing = f' lspace="{before:g}em" rspace="{after:g}em"'
    # at the start of a row a browser would take these for signs, without space
    form = ' form="prefix"' if sign.kind == "prefix" else ' form="infix"' if name in ("+", "-", "pm") else ""
    stretch = ' stretchy="false"' if name in ("to", "gets", "mapsto", "implies", "iff", "mid", "slash") else ""
    return f"<mo{form}{stretch}{spacing}>{escape(sign.char)}</mo>"


def _row(line: Row, level: _LEVEL) -> str:
    out: list[str] = []
    thin = _write(Space("thin"), level)
    before: Node | None = None
    for item, after in zip_longest(line.items, line.items[1:]):
        word = is_word(item) or (isinstance(item, BigOperator) and len(BIG[item.name].char) > 1)
        if word and before is not None and not isinstance(before, (Operator, Space, Text)):
            out.append(thin)
        out.append(_write(item, level))
        if is_word(item) and after is not None and not isinstance(after, (Operator, Space, Text)):
            out.append(_APPLY + ("" if isinstance(after, Fence) else thin))
        before = item
    return out[0] if len(out) == 1 else f"<mrow>{''.join(out)}</mrow>"


def _scripts(node: Scripts, level: _LEVEL) -> str:
    sups = list(row(node.sup).items) if node.sup else []
    before, after = _pop_primes(sups, 0), _pop_primes(sups, -1)
    base = _write(node.base, level)
    base = f"<mrow>{base}{before}</mrow>" if before else base
    sub = _write(node.sub, "script") if node.sub else ""
    sup = _write(Row(tuple(sups)), "script") if sups else ""
    if sub or sup:
        tag = "msubsup" if sub and sup else "msub" if sub else "msup"
        base = f"<{tag}>{base}{sub}{sup}</{tag}>"
    return f"<mrow>{base}{after}</mrow>" if after else base


def _pop_primes(items: list[Node], end: Literal[0, -1]) -> str:
    """Take the primes off one end; fonts draw them raised, and as superscripts browsers would raise and shrink them again."""
    count = 0
    while items and items[end] in (Operator("prime"), Space("thin")):
        count += items.pop(end) == Operator("prime")
    return f'<mo lspace="0em" rspace="0em">{"′″‴"[count - 1] if count < 4 else "′" * count}</mo>' if count else ""


def _accent(base: str, kind: str, narrow: bool) -> str:
    char = ACCENTS[kind][2 if narrow else 3]
    if not char:
        return f'<mrow class="sb-overline">{base}</mrow>'
    small = ' stretchy="false"' + (' class="sb-vec"' if kind == "vec" else "") if narrow else ""
    return f'<mover accent="true">{base}<mo{small}>{char}</mo></mover>'


def _big(node: BigOperator, level: _LEVEL) -> str:
    big = BIG[node.name]
    word = len(big.char) > 1
    movable = ' movablelimits="false"' if level == "display" or word else ""
    spacing = ' lspace="0em" rspace="0em"' if word else ""
    sign = f"<mo{spacing}{movable}>{big.char}</mo>"
    below, above = (None if limit is None else _write(limit, "script") for limit in (node.below, node.above))
    if below and above:
        sign = f"<munderover>{sign}{below}{above}</munderover>"
    elif below or above:
        sign = f"<munder>{sign}{below}</munder>" if below else f"<mover>{sign}{above}</mover>"
    fenced = isinstance(next(iter(row(node.body).items), None), Fence)
    gap = _APPLY + ("" if fenced else _write(Space("thin"), level)) if word else ""
    return f"<mrow>{sign}{gap}{_write(node.body, level)}</mrow>"


def _fence(body: str, left: str, right: str, grow: bool) -> str:
    def delimiter(name: str, form: str) -> str:
        char = FENCES[name].char
        return f'<mo form="{form}" fence="true" stretchy="{str(grow).lower()}">{char}</mo>' if char else ""

    return f"<mrow>{delimiter(left, 'prefix')}{body}{delimiter(right, 'postfix')}</mrow>"


def _table(kind: str, rows: list[list[str]]) -> str:
    lines = "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>" for cells in rows)
    return f'<mtable class="{kind}">{lines}</mtable>'


def _aligned(lines: tuple[tuple[Node, Node, Node | None], ...]) -> str:
    rows = []
    for left, right, note in lines:
        cells = f'<mtd class="sb-left">{_write(left, "display")}</mtd><mtd>{_write(right, "display")}</mtd>'
        if note is not None:
            cells += f'<mtd class="sb-note">{_fence(_write(note, "text"), "(", ")", False)}</mtd>'
        rows.append(f"<mtr>{cells}</mtr>")
    # a table goes back to text style unless it is told not to
    return f'<mtable class="sb-aligned" displaystyle="true">{"".join(rows)}</mtable>'
