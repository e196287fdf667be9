"""LaTeX from the tree: valid in pdflatex with amsmath and amssymb, in KaTeX and in MathJax."""

from __future__ import annotations

import re

from symbackprop.glyphs import ACCENTS, BIG, FENCES, FUNCTIONS, GLYPH_OF_CHAR, GLYPHS, MATRIX_FENCES, SIGNS, SPACES

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
    merge_scripts,
    row,
)  # fmt: skip

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "\u00a0": "~",
}  # fmt: skip
_OPENING = {"|": r"\lvert", "norm": r"\lVert"}
_CLOSING = {"|": r"\rvert", "norm": r"\rVert"}
_MAX_MATRIX_COLUMNS = 10


def latex(node: Node) -> str:
    r"""The node as LaTeX, to stand inside mathematics.

    >>> print(latex(Scripts(Symbol("w"), row(Symbol("j"), Symbol("k")), row(Symbol("l"), Operator("-"), Number("1")))))
    w^{l-1}_{jk}
    """
    return _write(node, tight=False)


def inline(node: Node) -> str:
    r"""The node as a formula in running text.

    >>> print(inline(Symbol("sigma")))
    \(\sigma\)
    """
    return rf"\({latex(node)}\)"


def display(node: Node, tag: str | None = None) -> str:
    r"""The node as a formula on lines of its own, with a tag if one is given.

    >>> print(display(Symbol("delta"), tag="BP1"))
    \[
    \delta \tag{BP1}
    \]
    """
    label = "" if tag is None else rf" \tag{{{escape(tag)}}}"
    return f"\\[\n{latex(node)}{label}\n\\]"


def escape(text: str) -> str:
    r"""Plain text as LaTeX text: nothing in it is a command, and white space is one space.

    >>> print(escape("50% of {x}"))
    50\% of \{x\}
    """
    return "".join(_ESCAPES.get(char, char) for char in re.sub(r"[^\S\u00a0]+", " ", text) if char in _ESCAPES or char.isprintable())


def _write(node: Node, tight: bool) -> str:
    """`tight` is set inside scripts, where a space is written only if LaTeX needs it."""
    match node:
        case Symbol():
            return _symbol(node)
        case Number(text):
            return re.sub(r",(?=\d)", "{,}", escape(text))
        case Operator(name):
            return SIGNS[name].latex
        case Row():
            return _row(row(node), tight)
        case Fraction(num, den):
            return rf"\frac{{{_write(num, tight)}}}{{{_write(den, tight)}}}"
        case Scripts() | Prime():
            return _scripts(merge_scripts(node))
        case BigOperator(name, below, above, body):
            return _glue(BIG[name].latex + _script("_", below) + _script("^", above), _write(body, tight), tight)
        case Fence(body, left, right, grow):
            return _fence(_write(body, tight), left, right, grow)
        case Root(body):
            return rf"\sqrt{{{_write(body, tight)}}}"
        case Accent(base, kind):
            narrow, wide, _, _ = ACCENTS[kind]
            return f"{narrow if is_letter(base) else wide}{{{_write(base, tight)}}}"
        case Matrix():
            return _matrix(node)
        case Cases(rows):
            return _environment("cases", [[latex(value), latex(condition)] for value, condition in rows])
        case Text(text):
            return rf"\text{{{escape(text)}}}"
        case Space(kind):
            return SPACES[kind][0]
        case Brace(body, below):
            return rf"\underbrace{{{_write(body, tight)}}}_{{{_write(below, tight=True)}}}"
        case Marked(body):
            return rf"\boxed{{{_write(body, tight)}}}"
        case Aligned(lines):
            return _aligned(lines)
        case _:
            raise TypeError(f"LaTeX cannot print a node of type {type(node).__name__}")


def _symbol(symbol: Symbol) -> str:
    name, style = symbol.name, symbol.style
    glyph = GLYPHS.get(name) or GLYPH_OF_CHAR.get(name)
    if glyph:
        return rf"\boldsymbol{{{glyph.latex}}}" if style.startswith("bold") else glyph.latex
    plain = escape(name)
    one = len(name) == 1
    match style:
        case "italic":
            # \mathit sets a hyphen as a minus sign, \textit does not
            return plain if one else rf"\mathit{{{plain}}}" if name.isalnum() else rf"\textit{{{plain}}}"
        case "upright":
            return rf"\mathrm{{{plain}}}" if one else f"\\{name}" if name in FUNCTIONS else rf"\operatorname{{{plain}}}"
        case "bold":
            return rf"\boldsymbol{{{plain}}}" if one else rf"\boldsymbol{{\mathit{{{plain}}}}}"
        case _:
            alphabet = {"bold_upright": "mathbf", "word": "mathrm", "calligraphic": "mathcal", "blackboard": "mathbb"}[style]
            return rf"\{alphabet}{{{plain}}}"


def _glue(left: str, right: str, tight: bool) -> str:
    needed = not tight or (right[:1].isalpha() and re.search(r"\\[A-Za-z]+$", left))
    return f"{left} {right}" if left and right and needed else left + right


def _row(line: Row, tight: bool) -> str:
    out = ""
    before: Node | None = None
    for item in line.items:
        piece = _write(item, tight)
        after_operand = before is not None and not isinstance(before, (Operator, Space))
        close = isinstance(item, Operator) and SIGNS[item.name].kind == "punct"
        if item == Operator("minus_unary") and after_operand:
            piece = "{-}"  # after an operand TeX would take it for a subtraction
        elif isinstance(item, Fence) and after_operand and item.left != "none":
            close = True
            if item.grow:
                piece = rf"\!{piece}"  # TeX puts a thin space before \left
        elif before == Operator("minus_unary"):
            close = True
        out = _glue(out, piece, tight or close)
        before = item
    return out


def _script(mark: str, node: Node | None) -> str:
    if node is None:
        return ""
    text = _write(node, tight=True)
    return mark + (text if len(text) == 1 else f"{{{text}}}")


def _scripts(node: Scripts) -> str:
    base = _write(node.base, tight=False)
    if isinstance(node.base, (Row, Fraction, BigOperator, Aligned, Operator, Brace)):
        base = f"{{{base}}}"
    primes = row(node.sup).items if node.sup else ()
    if primes and all(item == Operator("prime") for item in primes):
        return base + "'" * len(primes) + _script("_", node.sub)
    return base + _script("^", node.sup) + _script("_", node.sub)


def _fence(body: str, left: str, right: str, grow: bool) -> str:
    if grow:
        opened = _glue(r"\left" + _OPENING.get(left, FENCES[left].growing), body, tight=False)
        return rf"{opened} \right{_CLOSING.get(right, FENCES[right].growing)}"
    opened = _glue(_OPENING.get(left, FENCES[left].latex), body, tight=True)
    return opened + _CLOSING.get(right, FENCES[right].latex)


def _environment(name: str, rows: list[list[str]], options: str = "") -> str:
    lines = [" & ".join(cells).strip() for cells in rows]
    # a row that begins with [ or * would be read as an argument of the \\ before it
    guarded = ["{}" + line if line.startswith(("[", "*")) else line for line in lines]
    # fractions in neighbouring rows would touch
    end_of_row = r" \\[4pt] " if any(r"\frac" in line for line in lines) else r" \\ "
    return rf"\begin{{{name}}}{options} " + end_of_row.join(guarded) + rf" \end{{{name}}}"


def _matrix(matrix: Matrix) -> str:
    environment, left, right = MATRIX_FENCES[matrix.fence]
    cells = [[latex(cell) for cell in line] for line in matrix.rows]
    columns = len(matrix.rows[0])
    if columns <= _MAX_MATRIX_COLUMNS:
        return _environment(environment, cells)
    return _fence(_environment("array", cells, f"{{{'c' * columns}}}"), left, right, grow=True)


def _aligned(lines: tuple[tuple[Node, Node, Node | None], ...]) -> str:
    rows = []
    for left, right, note in lines:
        cell = latex(right)
        if row(right).items[:1] == (Operator("minus_unary"),):
            cell = "{-}" + cell[1:]  # at the start of a cell TeX would take it for a subtraction
        line = f"{latex(left)} &{cell}".lstrip()
        rows.append(line if note is None else f"{line} &&{_note(note)}")
    body = " \\\\\n".join("{}" + line if line.startswith(("[", "*")) else line for line in rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _note(note: Node) -> str:
    return rf"\text{{({escape(note.text)})}}" if isinstance(note, Text) else f"({latex(note)})"
