"""Typst from the tree: every construct by its function, so that nothing is left to Typst's own reading of letters and brackets."""

from __future__ import annotations

import re

from symbackprop.glyphs import BIG, FENCES, GLYPH_OF_CHAR, GLYPHS, MATRIX_FENCES, SIGNS

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

__all__ = ["display", "escape", "inline", "typst"]

_STYLES = {
    "bold": "bold(%s)", "bold_upright": "bold(upright(%s))", "upright": "upright(%s)", "word": "upright(%s)", "calligraphic": "cal(%s)",
    "blackboard": "bb(%s)",
}  # fmt: skip
# these characters mean something to Typst; their names are plain characters
_NAMED = {
    "comma": "comma", "semicolon": "semi", "colon": "colon", "slash": "slash", "lt": "lt", "gt": "gt", "prime": "prime", "*": "ast.op",
    "period": '"."', "minus_unary": 'class("unary", \N{MINUS SIGN})', "define": "colon.eq",
}  # fmt: skip
_ACCENTS = {"hat": "hat(%s)", "tilde": "tilde(%s)", "bar": "macron(%s)", "vec": "arrow(%s)"}
_BARS = ("|", "norm")
_SPECIAL = re.compile(r'[\\*_`$#\[\]<>@~/="{}]|-(?=[-?])|(?<=-)-|^[-+]|^\d+(?=\.)')


def typst(node: Node) -> str:
    """The node as Typst, to stand between dollar signs.

    >>> print(typst(Scripts(Symbol("w"), row(Symbol("j"), Symbol("k")), row(Symbol("l"), Operator("-"), Number("1")))))
    attach(w, t: l − 1, b: j k)
    """
    match node:
        case Symbol():
            return _symbol(node)
        case Number(text):
            return text if re.fullmatch(r"\d+(\.\d+)?", text) else _quoted(text)
        case Operator(name):
            return _NAMED.get(name, SIGNS[name].char)
        case Row():
            return _row(row(node))
        case Fraction(num, den):
            return f"frac({typst(num)}, {typst(den)})"
        case Scripts() | Prime():
            return _scripts(merge_scripts(node))
        case BigOperator(name, below, above, body):
            return f"{_attached(_big(name), above, below)} {typst(body)}"
        case Fence(body, left, right, grow):
            return _fence(typst(body), left, right, grow)
        case Root(body):
            return f"sqrt({typst(body)})"
        case Accent(base, kind):
            return (_ACCENTS[kind] if is_letter(base) or kind != "bar" else "overline(%s)") % typst(base)
        case Matrix(rows, fence):
            left, right = (FENCES[side].char for side in MATRIX_FENCES[fence][1:])
            delimiters = f"#({_quoted(left)}, {_quoted(right)})" if left else "#none"
            cells = "; ".join(", ".join(_cell(cell) for cell in line) for line in rows)
            return f"mat(delim: {delimiters}, {cells})"
        case Cases(rows):
            return f"cases({', '.join(f'{typst(value)} & quad {typst(condition)}' for value, condition in rows)})"
        case Text(text):
            return _quoted(re.sub(r"\s+", " ", text))
        case Space(kind):
            return kind
        case Brace(body, below):
            return f"underbrace({typst(body)}, {typst(below)})"
        case Marked(body):
            return f"#text(fill: rgb(\"#8e1b10\"), $display({typst(body)})$)"
        case Aligned(lines):
            return " \\\n".join(f"{typst(left)} & {typst(right)}" + ("" if note is None else f" & quad {_note(note)}") for left, right, note in lines)
        case _:
            raise TypeError(f"Typst cannot print a node of type {type(node).__name__}")


def inline(node: Node) -> str:
    """The node as a formula in running text.

    >>> print(inline(Symbol("sigma")))
    $σ$
    """
    return f"${typst(node)}$"


def display(node: Node) -> str:
    """The node as a formula of the size of a display, to be put on its line by a template.

    >>> print(display(Symbol("sigma")))
    $display(σ)$
    """
    return f"$display({typst(node)})$"


def escape(text: str) -> str:
    r"""Plain text as Typst markup: nothing in it is a command, and white space is one space.

    >>> print(escape("50% of #x_j, cross-entropy"))
    50% of \#x\_j, cross-entropy
    """
    plain = "".join(char for char in re.sub(r"\s+", " ", text) if char.isprintable())
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", plain)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _symbol(symbol: Symbol) -> str:
    name, style = symbol.name, symbol.style
    glyph = GLYPHS.get(name) or GLYPH_OF_CHAR.get(name)
    if glyph:
        char = f"upright({glyph.char})" if glyph.upright and style != "bold" else glyph.char
        return _STYLES[style] % char if style in ("bold", "bold_upright") else char
    if len(name) == 1 and name.isalpha():
        return name if style == "italic" else _STYLES[style] % name
    if style == "upright":
        return f"op({_quoted(name)})" if len(name) > 1 else _quoted(name)
    return f"italic({_quoted(name)})" if style == "italic" else _STYLES[style] % (f"italic({_quoted(name)})" if style == "bold" else _quoted(name))


def _row(line: Row) -> str:
    """Items with a space between; a text keeps the spaces at its ends, so that it is given none."""
    out = ""
    before: Node | None = None
    for item in line.items:
        called = before is not None and is_word(before) and isinstance(item, Fence)
        close = before is None or called or isinstance(item, Text) or isinstance(before, Text)
        out += ("" if close else " ") + typst(item)
        before = item
    return out


def _cell(node: Node) -> str:
    return typst(node) or '""'


def _scripts(node: Scripts) -> str:
    primes = row(node.sup).items if node.sup else ()
    if primes and all(item == Operator("prime") for item in primes):
        script = f"primes(#{len(primes)})"
        return f"attach({typst(node.base)}, tr: {script}" + (")" if node.sub is None else f", b: {typst(node.sub)})")
    return _attached(typst(node.base), node.sup, node.sub)


def _attached(base: str, above: Node | None, below: Node | None) -> str:
    scripts = [f"{side}: {typst(node)}" for side, node in (("t", above), ("b", below)) if node is not None]
    return f"attach({', '.join([base, *scripts])})" if scripts else base


def _big(name: str) -> str:
    char = BIG[name].char
    return char if len(char) == 1 else f"op({_quoted(char)}, limits: #true)"


def _fence(body: str, left: str, right: str, grow: bool) -> str:
    opening, closing = (_delimiter(left, "opening"), _delimiter(right, "closing"))
    inner = " ".join(part for part in (opening, body, closing) if part)
    return f"lr({inner})" if grow else inner


def _delimiter(name: str, side: str) -> str:
    """A delimiter that grows only where it is told to, since its backslash hides it from Typst's own pairing."""
    char = FENCES[name].char
    if not char:
        return ""
    return f'class("{side}", \\{char})' if name in _BARS else f"\\{char}"


def _note(note: Node) -> str:
    return _quoted(f"({note.text})") if isinstance(note, Text) else f"\\( {typst(note)} \\)"
